// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Excursion} from "./Excursion.sol";

/// @dev One limit of a policy, in one word of calldata:
///
/// limit 32 (two's complement) | high 8 | kind 8 | quantity 16 | duration 32 | severity 8, from the lowest bit up.
///
/// limit: in the unit of the quantity; 0 for GAP. high: 1: at or above the limit is beyond it, 0: at or below; 0 for
/// GAP. kind: of {IConditions-RuleKind}. quantity: as in {ITelemetry}. duration: seconds that make a breach; 0 for
/// INSTANT, at least 1 otherwise. severity: of the alert, 1 minor, 2 major, 3 critical.
type Rule is uint256;

using RuleLib for Rule global;

/// @title RuleLib
/// @notice Reads the fields of a {Rule}.
library RuleLib {
    uint256 private constant LIMIT_AND_SIDE = type(uint40).max;

    function limit(Rule r) internal pure returns (int32) {
        return int32(uint32(Rule.unwrap(r)));
    }

    function high(Rule r) internal pure returns (bool) {
        return uint8(Rule.unwrap(r) >> 32) != 0;
    }

    function kind(Rule r) internal pure returns (uint8) {
        return uint8(Rule.unwrap(r) >> 40);
    }

    function quantity(Rule r) internal pure returns (uint16) {
        return uint16(Rule.unwrap(r) >> 48);
    }

    function duration(Rule r) internal pure returns (uint32) {
        return uint32(Rule.unwrap(r) >> 64);
    }

    function severity(Rule r) internal pure returns (uint8) {
        return uint8(Rule.unwrap(r) >> 96);
    }

    /// @dev True if the excursion is about this rule's limit, on this rule's side.
    function matches(Rule r, Excursion e) internal pure returns (bool) {
        return (Rule.unwrap(r) ^ Excursion.unwrap(e)) & LIMIT_AND_SIDE == 0;
    }

    /// @dev True if the value is beyond the limit; exactly at the limit is beyond it.
    function isBeyond(Rule r, int32 value) internal pure returns (bool) {
        return high(r) ? value >= limit(r) : value <= limit(r);
    }

    /// @dev True unless bits that mean nothing are set.
    function isWellFormed(Rule r) internal pure returns (bool) {
        return Rule.unwrap(r) >> 104 == 0 && uint8(Rule.unwrap(r) >> 32) < 2;
    }
}
