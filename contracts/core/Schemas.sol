// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IRecordRule} from "../interfaces/IRecordRule.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {Meaning} from "../libraries/Meaning.sol";
import {Duty} from "../libraries/Membership.sol";

/// @title Schemas
/// @notice See {IRecords}: the half that keeps what records look like and asks their rules.
abstract contract Schemas is IRecords, Module {
    /// @dev What every record needs to know of its schema, in one slot. `number` stands for the schema in the words of its
    /// records; `ruled`: it has a rule.
    struct Gist {
        uint32 number;
        uint32 org;
        uint32 roles;
        uint32 duties;
        uint32 signerRoles;
        uint32 maxLag;
        uint8 secondPersons;
        uint8 meanings;
        Authority authority;
        Authors authors;
        bool ruled;
        bool superseded;
        uint16 version;
    }

    /// @dev Three slots more, of which only the last is needed later, for the rule and for the retention.
    struct Form {
        Gist gist;
        bytes32 definition;
        bytes32 line;
        address rule;
        uint32 afterRecord;
        uint32 afterExpiry;
        uint32 withoutExpiry;
    }

    /// @inheritdoc IRecords
    uint256 public constant RULE_GAS = 100_000;

    /// @inheritdoc IRecords
    uint256 public constant RULE_ANSWER = 256;

    /// @inheritdoc IRecords
    uint256 public constant MAX_COUNTERSIGNERS = 15;

    mapping(bytes32 schema => Form) internal _forms;

    mapping(uint32 number => bytes32) internal _schemaIds;

    mapping(bytes32 line => uint16) private _newest;

    uint32 private _schemaCount;

    /// @inheritdoc IRecords
    function defineSchema(string calldata name, uint16 version, Terms calldata terms) external returns (bytes32 id) {
        uint32 org = _authorize(msg.sender, 0, Duty.QUALITY);
        uint256 length = bytes(name).length;
        if (length == 0 || length > 64) revert SchemaNameLength(length);
        bytes32 line = _lineOf(org, name);
        uint16 newest = _newest[line];
        if (version != newest + 1) revert NotNextSchema(org, name, newest + 1, version);
        _checkTerms(terms);
        if (newest != 0) _forms[schemaIdOf(org, name, newest)].gist.superseded = true;
        _newest[line] = version;
        id = schemaIdOf(org, name, version);
        uint32 number = ++_schemaCount;
        _schemaIds[number] = id;
        _forms[id] = Form({
            gist: Gist({
                number: number,
                org: org,
                roles: terms.roles,
                duties: terms.duties,
                signerRoles: terms.signerRoles,
                maxLag: terms.maxLag,
                secondPersons: terms.secondPersons,
                meanings: terms.meanings,
                authority: terms.authority,
                authors: terms.authors,
                ruled: terms.rule != address(0),
                superseded: false,
                version: version
            }),
            definition: terms.definition,
            line: line,
            rule: terms.rule,
            afterRecord: terms.retention.afterRecord,
            afterExpiry: terms.retention.afterExpiry,
            withoutExpiry: terms.retention.withoutExpiry
        });
        emit SchemaDefined(id, org, msg.sender, name, version, terms);
    }

    /// @inheritdoc IRecords
    function schema(bytes32 id) external view returns (Schema memory) {
        Form storage f = _forms[id];
        Gist storage g = f.gist;
        return Schema({
            org: g.org,
            version: g.version,
            superseded: g.superseded,
            line: f.line,
            terms: Terms({
                definition: f.definition,
                roles: g.roles,
                duties: g.duties,
                signerRoles: g.signerRoles,
                maxLag: g.maxLag,
                secondPersons: g.secondPersons,
                meanings: g.meanings,
                authority: g.authority,
                authors: g.authors,
                rule: f.rule,
                retention: Retention({
                    afterRecord: f.afterRecord, afterExpiry: f.afterExpiry, withoutExpiry: f.withoutExpiry
                })
            })
        });
    }

    /// @inheritdoc IRecords
    function newestSchema(uint32 org, string calldata name) external view returns (uint16) {
        return _newest[_lineOf(org, name)];
    }

    /// @inheritdoc IRecords
    function schemaIdOf(uint32 org, string calldata name, uint16 version) public pure returns (bytes32) {
        return keccak256(abi.encode(org, name, version));
    }

    /// @dev Here once, because the code of a call to another contract is long.
    function _authorize(address account, uint32 roles, uint32 duties) internal view returns (uint32 org) {
        return CONSORTIUM.authorize(account, roles, duties);
    }

    /// @dev Asks the rule of a schema. It cannot write; it gets no more gas, and no more of its answer is copied, than the
    /// constants say.
    function _ask(Statement calldata s, address rule, address author, uint32 org, bytes32 device, bytes32 supersedes)
        internal
        view
    {
        bytes memory question = abi.encodeCall(IRecordRule.judge, (s, author, org, device, supersedes));
        (uint256 gasLimit, uint256 most) = (RULE_GAS, RULE_ANSWER);
        bool success;
        bytes memory answer;
        assembly ("memory-safe") {
            success := staticcall(gasLimit, rule, add(question, 32), mload(question), 0, 0)
            let size := returndatasize()
            if gt(size, most) { size := most }
            answer := mload(0x40)
            mstore(answer, size)
            returndatacopy(add(answer, 32), 0, size)
            mstore(0x40, add(answer, add(32, most)))
        }
        if (!success || answer.length < 32 || bytes32(answer) != IRecordRule.judge.selector) {
            revert RuleRefused(s.schema, rule, s.data, answer);
        }
    }

    function _checkTerms(Terms calldata t) private view {
        uint64 least = uint64(t.retention.afterRecord) + t.retention.withoutExpiry;
        if (t.definition == 0 || t.meanings & ~Meaning.ALL != 0 || t.secondPersons > MAX_COUNTERSIGNERS || least == 0) {
            revert WrongTerms(t.definition, t.meanings, t.secondPersons, least);
        }
        if (t.rule != address(0) && t.rule.code.length == 0) revert NotAContract(t.rule);
    }

    function _lineOf(uint32 org, string calldata name) private pure returns (bytes32) {
        return keccak256(abi.encode(org, name));
    }
}
