// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IBatchRelease} from "../interfaces/IBatchRelease.sol";
import {ICompliance} from "../interfaces/ICompliance.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Signers} from "../libraries/Signers.sol";

/// @title BatchRelease
/// @notice See {IBatchRelease}.
contract BatchRelease is IBatchRelease, Module {
    uint256 private constant ONE = 1e6;

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable DECISION_TYPEHASH = keccak256(
        "Decision(bytes32 caseId,bool release,bytes32 record,uint32 seen,bytes32 signerName,uint40 deadline)"
    );

    /// @inheritdoc IBatchRelease
    ICompliance public immutable COMPLIANCE;

    /// @inheritdoc IBatchRelease
    IRecords public immutable RECORDS;

    /// @inheritdoc IBatchRelease
    ILots public immutable LOTS;

    /// @inheritdoc IBatchRelease
    ITwins public immutable TWINS;

    uint256 private immutable PAGE;

    /// @dev What the first page was found to be for somebody; one slot.
    struct Examination {
        uint32 seen;
        uint64 edition;
        uint40 until;
    }

    /// @dev One slot each.
    mapping(bytes32 programme => Master) private _masters;

    /// @dev Three slots each: subject, record of the yield, and the rest.
    mapping(bytes32 caseId => Batch) private _batches;

    /// @inheritdoc IBatchRelease
    mapping(bytes32 subject => bytes32) public caseOf;

    mapping(bytes32 caseId => mapping(uint32 number => Deviation)) private _deviations;

    /// @inheritdoc IBatchRelease
    mapping(bytes32 caseId => mapping(address signer => Examination)) public examination;

    constructor(IConsortium consortium, ICompliance compliance) Module("Goldthread BatchRelease", consortium) {
        COMPLIANCE = compliance;
        RECORDS = compliance.RECORDS();
        LOTS = compliance.LOTS();
        TWINS = compliance.TWINS();
        PAGE = compliance.PAGE();
    }

    // ----------------------------------------------------------------------------------------------- opening

    /// @inheritdoc IBatchRelease
    function setMaster(bytes32 programme, Master calldata master) external {
        uint32 org = _authorize(Duty.QUALITY);
        uint32 owner = COMPLIANCE.programmeOf(programme).org;
        if (org != owner) revert NotProgrammeOwner(programme, org, owner);
        if (_masters[programme].theoretical != 0) revert MasterAlreadySet(programme);
        if (master.theoretical == 0 || master.lowest > master.highest) {
            revert WrongMaster(master.theoretical, master.lowest, master.highest);
        }
        _masters[programme] = master;
        emit MasterSet(programme, org, msg.sender, master.theoretical, master.lowest, master.highest);
    }

    /// @inheritdoc IBatchRelease
    function openBatch(bytes32 caseId) external {
        uint32 org = _authorize(Duty.QUALITY);
        ICompliance.Case memory c = COMPLIANCE.caseOf(caseId);
        if (org != c.org) revert NotCaseOwner(caseId, org, c.org);
        if (_masters[c.programme].theoretical == 0) revert NoMaster(c.programme);
        bool isLot = LOTS.lotOf(c.subject).maker == org;
        if (!isLot) {
            ITwins.Twin memory t = TWINS.twin(c.subject);
            if (t.owner != org || t.kind != ITwins.Kind.CONTAINER) revert NotABatch(c.subject);
        }
        bytes32 other = caseOf[c.subject];
        if (other != 0) revert AlreadyABatch(c.subject, other);
        caseOf[c.subject] = caseId;
        Batch storage b = _batches[caseId];
        (b.subject, b.org, b.state, b.isLot) = (c.subject, org, State.OPEN, isLot);
        emit BatchOpened(caseId, org, c.subject, msg.sender, isLot);
        _hold(c.subject, caseId, isLot);
    }

    // --------------------------------------------------------------------------------- deviations and yield

    /// @inheritdoc IBatchRelease
    function openDeviation(bytes32 caseId, bytes32 record) external returns (uint32 number) {
        (Batch storage b, uint32 org) = _authorizeOpen(caseId, Duty.RECORD);
        _checkSubject(record, b.subject);
        number = _deviate(caseId, b, org, record);
    }

    /// @inheritdoc IBatchRelease
    function closeDeviation(bytes32 caseId, uint32 number, bytes32 investigation) external {
        (Batch storage b, uint32 org) = _authorizeOpen(caseId, Duty.QUALITY);
        Deviation storage d = _deviations[caseId][number];
        if (d.record == 0 || d.investigation != 0) revert NoSuchDeviation(caseId, number);
        _checkComplete(investigation, b.subject);
        if (_authorOf(investigation) == msg.sender) revert OwnRecord(investigation, msg.sender);
        d.investigation = investigation;
        --b.openDeviations;
        emit DeviationClosed(caseId, org, number, msg.sender, investigation);
    }

    /// @inheritdoc IBatchRelease
    function reopenDeviation(bytes32 caseId, uint32 number) external {
        Batch storage b = _opened(caseId);
        Deviation storage d = _deviations[caseId][number];
        bytes32 investigation = d.investigation;
        if (investigation == 0) revert NoSuchDeviation(caseId, number);
        if (RECORDS.complete(investigation)) revert InvestigationHolds(caseId, number, investigation);
        d.investigation = 0;
        ++b.openDeviations;
        emit DeviationReopened(caseId, b.org, number, msg.sender, investigation);
    }

    /// @inheritdoc IBatchRelease
    function reportYield(bytes32 caseId, uint96 actual, bytes32 record) external {
        (Batch storage b, uint32 org) = _authorizeOpen(caseId, Duty.RECORD);
        _checkComplete(record, b.subject);
        if (b.yieldRecord == record) revert YieldAlreadyReported(caseId, record);
        (b.actual, b.yieldRecord) = (actual, record);
        Master memory m = _masters[COMPLIANCE.caseOf(caseId).programme];
        uint256 scaled = actual * ONE;
        // Compared before the division, so that nothing is rounded into the limits.
        bool outside = scaled < uint256(m.lowest) * m.theoretical || scaled > uint256(m.highest) * m.theoretical;
        emit YieldReported(caseId, org, record, msg.sender, actual, m.theoretical, scaled / m.theoretical, outside);
        if (outside) _deviate(caseId, b, org, record);
    }

    function _deviate(bytes32 caseId, Batch storage b, uint32 org, bytes32 record) private returns (uint32 number) {
        number = ++b.deviations;
        ++b.openDeviations;
        _deviations[caseId][number].record = record;
        emit DeviationOpened(caseId, org, number, msg.sender, record);
    }

    // --------------------------------------------------------------------------------------------- decisions

    /// @inheritdoc IBatchRelease
    function examineFirst(bytes32 caseId, address signer) external {
        Batch storage b = _opened(caseId);
        if (_steps(caseId) <= PAGE) revert OnePage(caseId);
        ICompliance.Finding memory f = COMPLIANCE.examine(caseId, 0, signer);
        if (f.open) revert NotReleasable(caseId, _causeOf(f), f.index);
        uint32 seen = RECORDS.recordCount(b.subject);
        uint64 edition = COMPLIANCE.decisionsOf(caseId).edition;
        examination[caseId][signer] = Examination(seen, edition, f.until);
        emit StepsExamined(caseId, signer, msg.sender, seen, edition, f.until);
    }

    /// @inheritdoc IBatchRelease
    function decide(Decision calldata decision) external {
        _decide(decision, msg.sender, 0);
    }

    /// @inheritdoc IBatchRelease
    function decideSigned(Decision calldata decision, bytes calldata signer, bytes calldata signature) external {
        bytes32 digest = digestOf(decision);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidDecision(digest, signer);
        _decide(decision, Signers.accountOf(signer), digest);
    }

    /// @dev A batch is decided once, so no decision is used twice.
    function _decide(Decision calldata d, address signer, bytes32 digest) private {
        uint32 org = CONSORTIUM.authorize(signer, 0, Duty.QUALITY);
        bytes32 caseId = d.caseId;
        Batch storage b = _opened(caseId);
        if (org != b.org) revert NotCaseOwner(caseId, org, b.org);
        if (block.timestamp > d.deadline) revert DeadlinePassed(caseId, d.deadline, block.timestamp);
        bytes32 subject = b.subject;
        uint32 current = RECORDS.recordCount(subject);
        if (d.seen != current) revert RecordsMoved(caseId, d.seen, current);
        if (!d.release) {
            if (d.record == 0) revert NoReason(caseId);
            b.state = State.REJECTED;
            emit BatchRejected(caseId, org, subject, signer, msg.sender, d.record, current, d.signerName, digest);
            return;
        }
        (Cause cause, uint256 detail) = obstacle(caseId, signer);
        if (cause != Cause.NONE) revert NotReleasable(caseId, cause, detail);
        b.state = State.RELEASED;
        emit BatchReleased(caseId, org, subject, signer, msg.sender, d.record, current, d.signerName, digest);
        EventRef memory none;
        // slither-disable-next-line unused-return: its duties are not looked at
        (uint32 self,) = CONSORTIUM.accountOf(address(this));
        if (b.isLot) LOTS.releaseLot(subject, self, caseId, none);
        else TWINS.release(subject, self, caseId, none);
    }

    /// @inheritdoc IBatchRelease
    function withdraw(bytes32 caseId, bytes32 record) external {
        uint32 org = _authorize(Duty.QUALITY);
        Batch storage b = _batches[caseId];
        if (b.state != State.RELEASED) revert WrongState(caseId, b.state);
        if (org != b.org && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert MayNotWithdraw(caseId, org);
        if (record == 0) revert NoReason(caseId);
        b.state = State.WITHDRAWN;
        bytes32 subject = b.subject;
        emit ReleaseWithdrawn(caseId, org, subject, msg.sender, record);
        // What has ended cannot be held, and goes nowhere.
        if (b.isLot || TWINS.twin(subject).end == ITwins.EndOfLife.NONE) _hold(subject, caseId, b.isLot);
    }

    /// @inheritdoc IBatchRelease
    function obstacle(bytes32 caseId, address signer) public view returns (Cause cause, uint256 detail) {
        Batch storage b = _batches[caseId];
        if (b.state != State.OPEN) return (Cause.NOT_OPEN, uint8(b.state));
        (cause, detail) = _stepObstacle(caseId, b.subject, signer);
        if (cause != Cause.NONE) return (cause, detail);
        if (b.openDeviations != 0) return (Cause.DEVIATION, b.openDeviations);
        bytes32 record = b.yieldRecord;
        if (record == 0) return (Cause.NO_YIELD, 0);
        if (!RECORDS.complete(record)) return (Cause.YIELD_RECORD, 0);
        if (signer != address(0) && _authorOf(record) == signer) return (Cause.OWN_YIELD, 0);
        // One hold is this contract's own.
        return b.isLot ? _lotObstacle(b.subject, 1) : _twinObstacle(b.subject, 1);
    }

    /// @dev A case with more than one page needs the first one to be examined before, and as it is since.
    function _stepObstacle(bytes32 caseId, bytes32 subject, address signer) private view returns (Cause, uint256) {
        uint256 from;
        if (_steps(caseId) > PAGE) {
            Examination memory e = examination[caseId][signer];
            bool good = block.timestamp <= e.until && e.seen == RECORDS.recordCount(subject)
                && e.edition == COMPLIANCE.decisionsOf(caseId).edition;
            if (!good) return (Cause.NOT_EXAMINED, 0);
            from = PAGE;
        }
        ICompliance.Finding memory f = COMPLIANCE.examine(caseId, from, signer);
        return f.open ? (_causeOf(f), f.index) : (Cause.NONE, 0);
    }

    /// @param own How many of its holds do not count.
    function _lotObstacle(bytes32 lot, uint256 own) private view returns (Cause, uint256) {
        ILots.Lot memory l = LOTS.lotOf(lot);
        if (l.holds > own) return (Cause.HELD, l.holds - own);
        if (l.recalls != 0) return (Cause.RECALLED, l.recalls);
        if (l.expiry != 0 && block.timestamp > l.expiry) return (Cause.EXPIRED, l.expiry);
        return (Cause.NONE, 0);
    }

    /// @param own How many of its holds do not count.
    function _twinObstacle(bytes32 twin, uint256 own) private view returns (Cause, uint256) {
        ITwins.Twin memory t = TWINS.twin(twin);
        if (t.end != ITwins.EndOfLife.NONE) return (Cause.ENDED, uint8(t.end));
        uint256 holds = uint256(t.holds) + t.heldInside;
        if (holds > own) return (Cause.HELD, holds - own);
        return (Cause.NONE, 0);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IBatchRelease
    function isReleased(bytes32 subject) external view returns (bool) {
        Batch storage b = _batches[caseOf[subject]];
        if (b.state != State.RELEASED) return false;
        (Cause cause,) = b.isLot ? _lotObstacle(subject, 0) : _twinObstacle(subject, 0);
        return cause == Cause.NONE;
    }

    /// @inheritdoc IBatchRelease
    function batchOf(bytes32 caseId) external view returns (Batch memory) {
        return _batches[caseId];
    }

    /// @inheritdoc IBatchRelease
    function deviationOf(bytes32 caseId, uint32 number) external view returns (Deviation memory) {
        return _deviations[caseId][number];
    }

    /// @inheritdoc IBatchRelease
    function masterOf(bytes32 programme) external view returns (Master memory) {
        return _masters[programme];
    }

    /// @inheritdoc IBatchRelease
    function digestOf(Decision calldata decision) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(DECISION_TYPEHASH, decision)));
    }

    // ----------------------------------------------------------------------------------------------- private

    /// @dev The batch, if it is undecided and the caller acts for its organisation.
    function _authorizeOpen(bytes32 caseId, uint32 duties) private view returns (Batch storage b, uint32 org) {
        org = _authorize(duties);
        b = _opened(caseId);
        if (org != b.org) revert NotCaseOwner(caseId, org, b.org);
    }

    function _opened(bytes32 caseId) private view returns (Batch storage b) {
        b = _batches[caseId];
        if (b.state != State.OPEN) revert WrongState(caseId, b.state);
    }

    function _steps(bytes32 caseId) private view returns (uint256) {
        return COMPLIANCE.programmeOf(COMPLIANCE.caseOf(caseId).programme).count;
    }

    function _checkSubject(bytes32 record, bytes32 expected) private view {
        bytes32 subject = RECORDS.subjectOf(record);
        if (subject != expected) revert OtherSubject(record, expected, subject);
    }

    function _checkComplete(bytes32 record, bytes32 subject) private view {
        _checkSubject(record, subject);
        if (!RECORDS.complete(record)) revert RecordIncomplete(record);
    }

    function _authorOf(bytes32 record) private view returns (address author) {
        // slither-disable-next-line unused-return: whose account it is does not matter
        (author,) = RECORDS.authorOf(record);
    }

    function _hold(bytes32 subject, bytes32 caseId, bool isLot) private {
        EventRef memory none;
        if (isLot) LOTS.holdLot(subject, caseId, none);
        else TWINS.hold(subject, caseId, none);
    }

    /// @dev What a page shows against a signature: a step that is met is the signer's own.
    function _causeOf(ICompliance.Finding memory f) private pure returns (Cause) {
        return f.status == ICompliance.Status.ACCEPTED ? Cause.OWN_STEP : Cause.STEP;
    }
}
