// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Indemnity
/// @notice What a loss of cargo is worth: the share of the sum insured by a table, and the payment by the share.
///
/// A worse breach never pays less: both steps are monotone, whatever the order of the rows.
library Indemnity {
    /// @notice All of the sum insured, in parts per million.
    uint32 internal constant ONE = 1_000_000;

    /// @notice A row of a severity table: what a breach at least as bad is worth.
    /// @param rule Number of the rule in the conditions, or one of the numbers that stand for something else there.
    /// @param beyond Least distance of the extreme from the rule's limit, on its side, in the quantity's unit.
    /// @param time Least time that counts for the rule, as the breach has it: seconds, or excursions; 0 for what has none.
    /// @param share Of the sum insured, in parts per million.
    struct Severity {
        uint8 rule;
        uint32 beyond;
        uint32 time;
        uint32 share;
    }

    /// @notice The greatest share of all rows that a breach reaches; 0: none.
    function shareOf(Severity[] calldata table, uint8 rule, uint32 beyond, uint32 time)
        internal
        pure
        returns (uint32 share)
    {
        for (uint256 i; i < table.length; ++i) {
            Severity calldata row = table[i];
            if (row.rule == rule && row.beyond <= beyond && row.time <= time && row.share > share) share = row.share;
        }
    }

    /// @notice The greatest share in the table; 0: it is empty.
    function greatest(Severity[] calldata table) internal pure returns (uint32 share) {
        for (uint256 i; i < table.length; ++i) {
            if (table[i].share > share) share = table[i].share;
        }
    }

    /// @notice What is paid for a loss of this share: the share of the sum, rounded down, without the deductible;
    /// nothing if the share of the sum is below the franchise. At most the sum without the deductible.
    function payment(uint96 sum, uint32 share, uint96 franchise, uint96 deductible) internal pure returns (uint96) {
        uint256 loss = uint256(sum) * share / ONE;
        return loss < franchise ? 0 : uint96(Math.saturatingSub(loss, deductible));
    }
}
