// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rule} from "../libraries/Rule.sol";
import {IConditions} from "./IConditions.sol";
import {IModule} from "./IModule.sol";

/// @title ITemplates
/// @notice Rules under a name, so that a policy can be said to follow a standard: which rules those are is fixed here.
///
/// A template belongs to the organisation that registered it, and its versions count from 1. What is registered never
/// changes. Whose template to trust is for the reader to decide: a regulator's, or that of one's own company.
///
/// A policy follows a template when it has the same rules in the same order, whoever set it. Start, devices and the
/// longest interval between readings are the policy's own.
interface ITemplates is IModule {
    /// @notice An organisation registered the version `version` of its template `name`.
    event TemplateRegistered(
        bytes32 indexed templateId, uint32 indexed org, address caller, string name, uint32 version, Rule[] rules
    );

    /// @notice A name has 1 to 64 bytes.
    error TemplateNameLength(uint256 length);
    /// @notice A template has 1 to 8 rules, as a policy has.
    error TemplateSize(uint256 rules);
    /// @notice Versions of a template count from 1.
    error NotNextTemplate(uint32 org, string name, uint32 expected, uint32 given);

    /// @notice Registers a template of the caller's organisation. Duty QUALITY. Emits {TemplateRegistered}.
    /// @param version One more than {newest}.
    function register(string calldata name, uint32 version, Rule[] calldata rules) external returns (bytes32 templateId);

    /// @notice Does a policy have the rules of a template? False if there is no such template.
    /// Whether the policy is in force says {IConditions-policyHash}.
    function follows(IConditions.Policy calldata policy, bytes32 templateId) external view returns (bool);

    /// @notice Hash of the packed rules of a template; zero: there is none.
    function rulesHash(bytes32 templateId) external view returns (bytes32);

    /// @notice The newest version of a template; 0: there is none.
    function newest(uint32 org, string calldata name) external view returns (uint32 version);

    /// @notice The id of a template.
    function templateIdOf(uint32 org, string calldata name, uint32 version) external pure returns (bytes32);
}
