// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ITemplates} from "../interfaces/ITemplates.sol";
import {Duty} from "../libraries/Membership.sol";
import {Rule} from "../libraries/Rule.sol";

/// @title Templates
/// @notice See {ITemplates}.
contract Templates is ITemplates, Module {
    uint256 private constant MAX_RULES = 8;
    uint256 private constant MAX_NAME = 64;

    /// @inheritdoc ITemplates
    mapping(bytes32 templateId => bytes32) public rulesHash;

    mapping(uint32 org => mapping(string name => uint32)) private _newest;

    constructor(IConsortium consortium) Module("Goldthread Templates", consortium) {}

    /// @inheritdoc ITemplates
    function register(string calldata name, uint32 version, Rule[] calldata rules)
        external
        returns (bytes32 templateId)
    {
        uint32 org = _authorize(Duty.QUALITY);
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME) revert TemplateNameLength(length);
        if (rules.length == 0 || rules.length > MAX_RULES) revert TemplateSize(rules.length);
        uint32 expected = _newest[org][name] + 1;
        if (version != expected) revert NotNextTemplate(org, name, expected, version);
        templateId = templateIdOf(org, name, version);
        _newest[org][name] = version;
        rulesHash[templateId] = _hash(rules);
        emit TemplateRegistered(templateId, org, msg.sender, name, version, rules);
    }

    /// @inheritdoc ITemplates
    function follows(IConditions.Policy calldata policy, bytes32 templateId) external view returns (bool) {
        return rulesHash[templateId] == _hash(policy.rules);
    }

    /// @inheritdoc ITemplates
    function newest(uint32 org, string calldata name) external view returns (uint32 version) {
        return _newest[org][name];
    }

    /// @inheritdoc ITemplates
    function templateIdOf(uint32 org, string calldata name, uint32 version) public pure returns (bytes32) {
        return keccak256(abi.encode(org, name, version));
    }

    function _hash(Rule[] calldata rules) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(rules));
    }
}
