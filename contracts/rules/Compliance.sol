// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {ICompliance} from "../interfaces/ICompliance.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty} from "../libraries/Membership.sol";

/// @title Compliance
/// @notice See {ICompliance}.
contract Compliance is ICompliance, Module {
    /// @inheritdoc ICompliance
    uint256 public constant MAX_REQUIREMENTS = 64;

    /// @inheritdoc ICompliance
    uint256 public constant MAX_SCHEMAS = 4;

    /// @inheritdoc ICompliance
    uint256 public constant PAGE = 32;

    uint256 private constant MAX_NAME = 64;
    uint8 private constant CRITICAL = 3;
    bytes4 private constant OVERDUE = bytes4(keccak256("OVERDUE"));

    /// @inheritdoc ICompliance
    IRecords public immutable RECORDS;

    /// @inheritdoc ICompliance
    ILots public immutable LOTS;

    /// @inheritdoc ICompliance
    ITwins public immutable TWINS;

    /// @dev One slot each.
    mapping(bytes32 programme => Programme) private _programmes;

    /// @dev Two slots each.
    mapping(bytes32 programme => mapping(uint256 index => Terms)) private _terms;

    /// @inheritdoc ICompliance
    mapping(bytes32 programme => mapping(uint8 index => mapping(bytes32 schema => bool))) public accepts;

    /// @inheritdoc ICompliance
    mapping(bytes32 programme => bytes32) public definitionHash;

    mapping(uint32 org => mapping(string name => uint32)) private _newest;

    mapping(bytes32 caseId => Case) private _cases;

    /// @dev One slot each.
    mapping(bytes32 caseId => Decisions) private _decisions;

    /// @inheritdoc ICompliance
    mapping(bytes32 caseId => mapping(uint8 index => bytes32)) public evidenceOf;

    constructor(IConsortium consortium, IRecords records) Module("Goldthread Compliance", consortium) {
        RECORDS = records;
        LOTS = records.LOTS();
        TWINS = records.TWINS();
    }

    // -------------------------------------------------------------------------------------------- programmes

    /// @inheritdoc ICompliance
    function register(string calldata name, uint32 version, Definition calldata definition)
        external
        returns (bytes32 programme)
    {
        uint32 org = _authorize(Duty.QUALITY);
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME) revert ProgrammeNameLength(length);
        uint256 count = definition.requirements.length;
        if (count == 0 || count > MAX_REQUIREMENTS) revert ProgrammeSize(count);
        uint32 expected = _newest[org][name] + 1;
        if (version != expected) revert NotNextProgramme(org, name, expected, version);
        programme = programmeIdOf(org, name, version);
        _newest[org][name] = version;
        bytes32 hash = keccak256(abi.encode(definition));
        definitionHash[programme] = hash;
        uint64 mandatory;
        for (uint8 i; i < count; ++i) {
            if (definition.requirements[i].terms.mandatory) mandatory |= _bit(i);
            _add(programme, i, definition.requirements[i]);
        }
        _programmes[programme] = Programme({
            org: org,
            count: uint8(count),
            ordered: definition.ordered,
            reviewers: definition.reviewers,
            waivers: definition.waivers,
            mandatory: mandatory
        });
        emit ProgrammeRegistered(programme, org, msg.sender, name, version, hash, definition);
    }

    function _add(bytes32 programme, uint8 index, Requirement calldata requirement) private {
        Terms calldata t = requirement.terms;
        bytes32[] calldata schemas = requirement.schemas;
        if (
            t.code == 0 || t.severity == 0 || t.severity > CRITICAL || (t.due != 0 && t.dueAfter != 0)
                || schemas.length == 0 || schemas.length > MAX_SCHEMAS
        ) revert InvalidRequirement(index);
        _terms[programme][index] = t;
        for (uint256 i; i < schemas.length; ++i) {
            bytes32 schema = schemas[i];
            if (RECORDS.schema(schema).org == 0) revert UnknownSchema(index, schema);
            accepts[programme][index][schema] = true;
        }
    }

    // ------------------------------------------------------------------------------------------------- cases

    /// @inheritdoc ICompliance
    function open(bytes32 programme, bytes32 subject, uint40 period, uint32 reviewer)
        external
        returns (bytes32 caseId)
    {
        uint32 org = _authorize(Duty.QUALITY);
        Programme storage p = _programmes[programme];
        if (p.org == 0) revert UnknownProgramme(programme);
        uint32 owner = LOTS.lotOf(subject).maker;
        if (owner == 0) owner = TWINS.ownerOf(subject);
        if (org != owner) revert NotSubjectOwner(subject, org, owner);
        if (reviewer != 0 && (reviewer == org || !_mayReview(reviewer, p.reviewers))) {
            revert NotAReviewer(reviewer, p.reviewers);
        }
        caseId = caseIdOf(programme, subject, org, period);
        if (_cases[caseId].org != 0) revert CaseAlreadyOpen(caseId);
        uint40 time = uint40(block.timestamp);
        _cases[caseId] = Case(programme, subject, org, reviewer, time, period, 0);
        emit CaseOpened(caseId, org, subject, msg.sender, programme, reviewer, period, time);
    }

    /// @inheritdoc ICompliance
    function submit(bytes32 caseId, uint8 index, bytes32 record) external {
        (Case storage c, Programme storage p) = _known(caseId, index);
        bytes32 programme = c.programme;
        Terms storage t = _terms[programme][index];
        uint32 org = CONSORTIUM.authorize(msg.sender, t.roles, t.duties);
        (, uint32 authorOrg) = RECORDS.authorOf(record);
        bool own = org == c.org;
        if (!own && org != authorOrg) revert MayNotSubmit(caseId, org);
        _checkSubject(record, c.subject);
        bytes32 schema = RECORDS.schemaOf(record);
        if (!accepts[programme][index][schema]) revert WrongSchema(caseId, index, schema);
        if (RECORDS.successorOf(record) != 0) revert RecordIncomplete(record);
        Status s = _statusOf(caseId, index);
        if (_isMet(s)) revert AlreadyMet(caseId, index, s);
        bytes32 current = evidenceOf[caseId][index];
        if (s == Status.SUBMITTED && !own && RECORDS.successorOf(current) == 0) {
            revert DecisionPending(caseId, index, current);
        }
        Decisions memory d = _decisions[caseId];
        uint64 bit = _bit(index);
        uint256 before = p.ordered ? p.mandatory & (bit - 1) & ~(d.accepted | d.waived) : 0;
        if (before != 0) revert OutOfOrder(caseId, index, _lowest(before));
        _decide(caseId, d, d.submitted | bit, d.accepted & ~bit, d.waived & ~bit);
        evidenceOf[caseId][index] = record;
        emit EvidenceSubmitted(caseId, org, index, msg.sender, record);
    }

    /// @inheritdoc ICompliance
    function accept(bytes32 caseId, uint8 index, bytes32 record) external {
        (Case storage c, Programme storage p) = _known(caseId, index);
        uint32 org = _authorizeReviewer(caseId, c, p);
        Decisions memory d = _decisions[caseId];
        uint64 bit = _bit(index);
        bytes32 current = evidenceOf[caseId][index];
        if (d.submitted & bit == 0 || record != current) revert NotSubmitted(caseId, index, record, current);
        IRecords.Entry memory e = RECORDS.recordOf(record);
        if (e.author == msg.sender) revert OwnRecord(record, msg.sender);
        if (!e.complete) revert RecordIncomplete(record);
        Terms storage t = _terms[c.programme][index];
        uint8 wanted = t.secondPersons;
        if (e.countersigners < wanted) revert SecondPersonsMissing(record, e.countersigners, wanted);
        uint256 until = _validUntil(e.effectiveAt, t.validity);
        if (block.timestamp > until) revert RecordExpired(record, until, block.timestamp);
        _decide(caseId, d, d.submitted & ~bit, d.accepted | bit, d.waived);
        _unflag(c, bit);
        emit EvidenceAccepted(caseId, org, index, msg.sender, record);
    }

    /// @inheritdoc ICompliance
    function reject(bytes32 caseId, uint8 index, bytes32 record, bytes32 reason) external {
        (Case storage c, Programme storage p) = _known(caseId, index);
        uint32 org = _authorizeReviewer(caseId, c, p);
        if (reason == 0) revert NoReason();
        Decisions memory d = _decisions[caseId];
        uint64 bit = _bit(index);
        bytes32 current = evidenceOf[caseId][index];
        if ((d.submitted | d.accepted) & bit == 0 || record != current) {
            revert NotSubmitted(caseId, index, record, current);
        }
        _checkOther(record);
        _decide(caseId, d, d.submitted & ~bit, d.accepted & ~bit, d.waived);
        emit EvidenceRejected(caseId, org, index, msg.sender, record, reason);
    }

    /// @inheritdoc ICompliance
    function waive(bytes32 caseId, uint8 index, bytes32 record) external {
        (Case storage c, Programme storage p) = _known(caseId, index);
        uint32 org = _authorize(Duty.QUALITY);
        bool may = _terms[c.programme][index].waivable && (org == c.org || org == c.reviewer);
        if (!may || !_mayReview(org, p.waivers)) revert MayNotWaive(caseId, index, org);
        Status s = _statusOf(caseId, index);
        if (_isMet(s)) revert AlreadyMet(caseId, index, s);
        _checkSubject(record, c.subject);
        _checkOther(record);
        if (!RECORDS.complete(record)) revert RecordIncomplete(record);
        Decisions memory d = _decisions[caseId];
        uint64 bit = _bit(index);
        _decide(caseId, d, d.submitted & ~bit, d.accepted & ~bit, d.waived | bit);
        _unflag(c, bit);
        evidenceOf[caseId][index] = record;
        emit RequirementWaived(caseId, org, index, msg.sender, record);
    }

    /// @inheritdoc ICompliance
    function flagOverdue(bytes32 caseId, uint8 index) external {
        (Case storage c,) = _known(caseId, index);
        uint40 due = dueOf(caseId, index);
        if (!_isLate(caseId, index, due)) revert NotOverdue(caseId, index, due, block.timestamp);
        uint64 bit = _bit(index);
        if (c.flagged & bit != 0) revert AlreadyFlagged(caseId, index);
        c.flagged |= bit;
        emit OverdueFlagged(caseId, c.org, index, msg.sender, due);
        emit Alert(c.subject, OVERDUE, c.org, _terms[c.programme][index].severity, caseId);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICompliance
    function statusOf(bytes32 caseId, uint8 index) external view returns (Status) {
        _known(caseId, index);
        return _statusOf(caseId, index);
    }

    /// @inheritdoc ICompliance
    function status(bytes32 caseId, uint256 from) external view returns (Status[] memory found) {
        uint256 end = _endOfPage(caseId, from);
        found = new Status[](from < end ? end - from : 0);
        for (uint256 i = from; i < end; ++i) {
            found[i - from] = _statusOf(caseId, uint8(i));
        }
    }

    /// @inheritdoc ICompliance
    function missing(bytes32 caseId, uint256 from) external view returns (uint64 bits) {
        uint64 mandatory = _programmes[_cases[caseId].programme].mandatory;
        uint256 end = _endOfPage(caseId, from);
        for (uint256 i = from; i < end; ++i) {
            uint64 bit = _bit(uint8(i));
            if (mandatory & bit != 0 && !_isMet(_statusOf(caseId, uint8(i)))) bits |= bit;
        }
    }

    /// @inheritdoc ICompliance
    function overdue(bytes32 caseId, uint256 from) external view returns (uint64 bits) {
        uint256 end = _endOfPage(caseId, from);
        for (uint256 i = from; i < end; ++i) {
            if (_isLate(caseId, uint8(i), dueOf(caseId, uint8(i)))) bits |= _bit(uint8(i));
        }
    }

    /// @inheritdoc ICompliance
    function examine(bytes32 caseId, uint256 from, address person) external view returns (Finding memory f) {
        uint64 mandatory = _programmes[_cases[caseId].programme].mandatory;
        uint256 end = _endOfPage(caseId, from);
        f.until = type(uint40).max;
        for (uint256 i = from; i < end && !f.open; ++i) {
            uint40 until;
            f.index = uint8(i);
            (f.status, until) = _look(caseId, f.index);
            if (until < f.until) f.until = until;
            if (!_isMet(f.status)) {
                f.open = mandatory & _bit(f.index) != 0;
            } else if (f.status == Status.ACCEPTED && person != address(0)) {
                (address author,) = RECORDS.authorOf(evidenceOf[caseId][f.index]);
                f.open = author == person;
            }
        }
        if (!f.open) (f.index, f.status) = (0, Status.OPEN);
    }

    /// @inheritdoc ICompliance
    function dueOf(bytes32 caseId, uint8 index) public view returns (uint40) {
        Case storage c = _cases[caseId];
        Terms storage t = _terms[c.programme][index];
        return t.dueAfter == 0 ? t.due : c.openedAt + t.dueAfter;
    }

    /// @inheritdoc ICompliance
    function decisionsOf(bytes32 caseId) external view returns (Decisions memory) {
        return _decisions[caseId];
    }

    /// @inheritdoc ICompliance
    function caseOf(bytes32 caseId) external view returns (Case memory) {
        return _cases[caseId];
    }

    /// @inheritdoc ICompliance
    function programmeOf(bytes32 programme) external view returns (Programme memory) {
        return _programmes[programme];
    }

    /// @inheritdoc ICompliance
    function termsOf(bytes32 programme, uint8 index) external view returns (Terms memory) {
        return _terms[programme][index];
    }

    /// @inheritdoc ICompliance
    function newest(uint32 org, string calldata name) external view returns (uint32 version) {
        return _newest[org][name];
    }

    /// @inheritdoc ICompliance
    function programmeIdOf(uint32 org, string calldata name, uint32 version) public pure returns (bytes32) {
        return keccak256(abi.encode(org, name, version));
    }

    /// @inheritdoc ICompliance
    function caseIdOf(bytes32 programme, bytes32 subject, uint32 org, uint40 period) public pure returns (bytes32) {
        return keccak256(abi.encode(programme, subject, org, period));
    }

    // ----------------------------------------------------------------------------------------------- private

    function _known(bytes32 caseId, uint8 index) private view returns (Case storage c, Programme storage p) {
        c = _cases[caseId];
        if (c.org == 0) revert UnknownCase(caseId);
        p = _programmes[c.programme];
        if (index >= p.count) revert UnknownRequirement(caseId, index);
    }

    /// @dev Quality of the case's own organisation, or of its reviewer while that has a role to review.
    function _authorizeReviewer(bytes32 caseId, Case storage c, Programme storage p) private view returns (uint32 org) {
        org = _authorize(Duty.QUALITY);
        if (org != c.org && (org != c.reviewer || !_mayReview(org, p.reviewers))) revert MayNotReview(caseId, org);
    }

    /// @dev To the consortium no wanted role means any, here it means none.
    function _mayReview(uint32 org, uint32 roles) private view returns (bool) {
        return roles != 0 && CONSORTIUM.hasRole(org, roles);
    }

    function _checkSubject(bytes32 record, bytes32 expected) private view {
        bytes32 subject = RECORDS.subjectOf(record);
        if (subject != expected) revert OtherSubject(record, expected, subject);
    }

    function _checkOther(bytes32 record) private view {
        // slither-disable-next-line unused-return: whose account it is does not matter
        (address author,) = RECORDS.authorOf(record);
        if (author == msg.sender) revert OwnRecord(record, author);
    }

    function _decide(bytes32 caseId, Decisions memory d, uint64 submitted, uint64 accepted, uint64 waived) private {
        _decisions[caseId] = Decisions(submitted, accepted, waived, d.edition + 1);
    }

    function _unflag(Case storage c, uint64 bit) private {
        if (c.flagged & bit != 0) c.flagged &= ~bit;
    }

    function _statusOf(bytes32 caseId, uint8 index) private view returns (Status s) {
        // slither-disable-next-line unused-return: only whether it stands now matters
        (s,) = _look(caseId, index);
    }

    /// @dev Where a requirement stands, and the last second for which that does not change by itself.
    function _look(bytes32 caseId, uint8 index) private view returns (Status s, uint40 until) {
        Decisions storage d = _decisions[caseId];
        bytes32 record = evidenceOf[caseId][index];
        uint64 bit = _bit(index);
        until = type(uint40).max;
        if (d.submitted & bit != 0) return (Status.SUBMITTED, until);
        bool waived = d.waived & bit != 0;
        if (!waived && d.accepted & bit == 0) return (record == 0 ? Status.OPEN : Status.REJECTED, until);
        if (!RECORDS.complete(record)) return (Status.SUPERSEDED, until);
        if (waived) return (Status.WAIVED, until);
        uint32 validity = _terms[_cases[caseId].programme][index].validity;
        if (validity == 0) return (Status.ACCEPTED, until);
        until = _validUntil(RECORDS.recordOf(record).effectiveAt, validity);
        if (block.timestamp > until) return (Status.EXPIRED, type(uint40).max);
        return (Status.ACCEPTED, until);
    }

    function _isLate(bytes32 caseId, uint8 index, uint40 due) private view returns (bool) {
        return due != 0 && block.timestamp > due && !_isMet(_statusOf(caseId, index));
    }

    function _endOfPage(bytes32 caseId, uint256 from) private view returns (uint256 end) {
        Case storage c = _cases[caseId];
        if (c.org == 0) revert UnknownCase(caseId);
        end = Math.min(_programmes[c.programme].count, Math.saturatingAdd(from, PAGE));
    }

    function _isMet(Status s) private pure returns (bool) {
        return s == Status.ACCEPTED || s == Status.WAIVED;
    }

    function _validUntil(uint40 effectiveAt, uint32 validity) private pure returns (uint40) {
        return validity == 0 ? type(uint40).max : effectiveAt + validity;
    }

    function _bit(uint8 index) private pure returns (uint64) {
        return uint64(1) << index;
    }

    /// @dev Number of the lowest bit that is set.
    function _lowest(uint256 bits) private pure returns (uint8) {
        return uint8(Math.log2(bits & (~bits + 1)));
    }
}
