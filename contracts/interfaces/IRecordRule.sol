// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRecords} from "./IRecords.sol";

/// @title IRecordRule
/// @notice What a schema may ask besides roles and duties: a contract that looks at a statement before it becomes a
/// record, for example whether its values are in range.
///
/// It is called by STATICCALL with at most {IRecords-RULE_GAS}: it can read, and neither write nor stop anybody from
/// reading. Whatever it does other than to return its own selector refuses the record, also running out of gas. One that
/// reverts explains itself with its revert data, of which the first {IRecords-RULE_ANSWER} bytes reach the caller.
///
/// Assumptions: whoever defines a schema chose a rule whose code does not change.
interface IRecordRule {
    /// @notice Looks at a statement that is about to become a record.
    /// @param statement What is stated; `data` holds the values in clear.
    /// @param author The account that states it, or that stands for the device's signer.
    /// @param org The organisation for which it is stated.
    /// @param device The device that states it; zero: a person.
    /// @param supersedes The record that it amends; zero: none.
    /// @return accepted The selector of this function: the statement may become a record.
    function judge(
        IRecords.Statement calldata statement,
        address author,
        uint32 org,
        bytes32 device,
        bytes32 supersedes
    ) external view returns (bytes4 accepted);
}
