// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICompliance} from "./ICompliance.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {IRecords} from "./IRecords.sol";
import {ITwins} from "./ITwins.sol";

/// @title IBatchRelease
/// @notice Nothing of a batch moves on before its record is complete and quality has signed for it (21 CFR 211.22,
/// 211.188, 211.192).
///
/// A batch is a lot, or a container, under a case of {ICompliance}. The programme of that case is the master production
/// record: its requirements are the steps. With the opening this contract holds the batch back, and with the release it
/// lifts that hold: in between a lot is neither packed, used, dispensed nor sold, and lot and container move only to be
/// returned, quarantined or destroyed.
///
/// Guarantees:
/// - A batch is released only while every mandatory step is met, no deviation is open, the yield is on record, and
///   nothing else speaks against the lot or container: no other hold, no recall, no expiry.
/// - Who signs the release is the author of no step and of no yield, and has seen the newest record about the batch.
/// - A yield outside the limits of the master record is a deviation, whoever would rather have none.
/// - A batch is opened once and decided once. A release ends by a withdrawal, once, and nothing brings it back.
///
/// Assumptions: the maker opens the batch before it packs or ships anything of it. What is in a container when a lot is
/// held moves with the container. This contract is an account of a regulator with the duty QUALITY.
///
/// Quantities are in millionths of the lot's unit of measure, yields in parts per million of the theoretical yield.
interface IBatchRelease is IModule {
    /// @notice What became of a batch.
    enum State {
        NONE,
        OPEN,
        RELEASED,
        REJECTED,
        WITHDRAWN
    }

    /// @notice What speaks against a release, in the order in which it is looked at. What follows each is `detail`.
    /// NOT_OPEN: it is decided, or was never opened (the state). STEP: a mandatory step is not met (its number).
    /// OWN_STEP: a step rests on a record of who signs (its number). NOT_EXAMINED: there are more steps than one page
    /// has, and the first page was not examined for who signs, or something has changed since (0). DEVIATION: some are
    /// open (how many). NO_YIELD: none was reported (0). YIELD_RECORD: its record was superseded (0). OWN_YIELD: its
    /// record is of who signs (0). HELD: by others (how many times). RECALLED: it is a member of recalls (how many).
    /// EXPIRED: since the second that it names. ENDED: the twin has ended (how).
    enum Cause {
        NONE,
        NOT_OPEN,
        STEP,
        OWN_STEP,
        NOT_EXAMINED,
        DEVIATION,
        NO_YIELD,
        YIELD_RECORD,
        OWN_YIELD,
        HELD,
        RECALLED,
        EXPIRED,
        ENDED
    }

    /// @notice The yield that a master record expects (21 CFR 211.186(b)(7)).
    /// @param theoretical What would come out without any loss.
    /// @param lowest Least share of it that needs no investigation.
    /// @param highest Greatest one.
    struct Master {
        uint96 theoretical;
        uint32 lowest;
        uint32 highest;
    }

    /// @notice A batch.
    /// @param subject The lot or container.
    /// @param org Organisation whose batch it is.
    /// @param state What became of it.
    /// @param isLot True for a lot, false for a container.
    /// @param deviations How many deviations there were.
    /// @param openDeviations How many of them are open.
    /// @param actual The newest yield reported.
    /// @param yieldRecord Its record; zero: none was reported.
    struct Batch {
        bytes32 subject;
        uint32 org;
        State state;
        bool isLot;
        uint32 deviations;
        uint32 openDeviations;
        uint96 actual;
        bytes32 yieldRecord;
    }

    /// @notice A deviation from the master record.
    /// @param record What tells of it.
    /// @param investigation What explains it; zero while it is open.
    struct Deviation {
        bytes32 record;
        bytes32 investigation;
    }

    /// @notice What quality signs: release or rejection of a batch.
    /// @param caseId The batch.
    /// @param release True to release, false to reject.
    /// @param record The certificate, or the reason; zero: none, which a rejection must have.
    /// @param seen Number of the newest record about the batch that the signer has seen.
    /// @param signerName Salted hash of the signer's printed name (21 CFR 11.50); its meaning is approval.
    /// @param deadline Last second at which it can be used.
    struct Decision {
        bytes32 caseId;
        bool release;
        bytes32 record;
        uint32 seen;
        bytes32 signerName;
        uint40 deadline;
    }

    /// @notice An organisation said what yield its programme expects, as a master production record.
    event MasterSet(
        bytes32 indexed programme, uint32 indexed org, address caller, uint96 theoretical, uint32 lowest, uint32 highest
    );
    /// @notice The batch was opened, and is held back for the reason `caseId`.
    event BatchOpened(bytes32 indexed caseId, uint32 indexed org, bytes32 indexed subject, address caller, bool isLot);
    /// @notice A deviation from the master record was opened.
    /// @param record What tells of it; of a yield outside the limits that of the yield.
    event DeviationOpened(
        bytes32 indexed caseId, uint32 indexed org, uint32 indexed number, address caller, bytes32 record
    );
    /// @notice The deviation was closed upon the record of its investigation (21 CFR 211.192).
    event DeviationClosed(
        bytes32 indexed caseId, uint32 indexed org, uint32 indexed number, address caller, bytes32 investigation
    );
    /// @notice The deviation is open again: `investigation` was superseded.
    event DeviationReopened(
        bytes32 indexed caseId, uint32 indexed org, uint32 indexed number, address caller, bytes32 investigation
    );
    /// @notice The yield of the batch was reported.
    /// @param actual In millionths of the unit of measure.
    /// @param theoretical What the master record expects.
    /// @param yield Its share of that in parts per million, rounded down.
    /// @param outside True if it is beyond the limits; a {DeviationOpened} follows.
    event YieldReported(
        bytes32 indexed caseId,
        uint32 indexed org,
        bytes32 indexed record,
        address caller,
        uint96 actual,
        uint96 theoretical,
        uint256 yield,
        bool outside
    );
    /// @notice Quality released the batch, and it is held back no more.
    /// @param signer Who signed; `caller` brought it.
    /// @param record The certificate; zero: none.
    /// @param seen Number of the newest record about the batch that the signer had seen.
    /// @param digest Of the decision that was signed; zero: the signer called itself.
    event BatchReleased(
        bytes32 indexed caseId,
        uint32 indexed org,
        bytes32 indexed subject,
        address signer,
        address caller,
        bytes32 record,
        uint32 seen,
        bytes32 signerName,
        bytes32 digest
    );
    /// @notice Quality rejected the batch, which stays held. Fields as in {BatchReleased}.
    event BatchRejected(
        bytes32 indexed caseId,
        uint32 indexed org,
        bytes32 indexed subject,
        address signer,
        address caller,
        bytes32 record,
        uint32 seen,
        bytes32 signerName,
        bytes32 digest
    );
    /// @notice The release ended for the reason that the record `record` explains, and the batch is held again.
    event ReleaseWithdrawn(
        bytes32 indexed caseId, uint32 indexed org, bytes32 indexed subject, address caller, bytes32 record
    );
    /// @notice `signer` looked through the first page of a case with more steps than one has.
    event StepsExamined(
        bytes32 indexed caseId, address indexed signer, address caller, uint32 seen, uint64 edition, uint40 until
    );

    /// @notice No programme of this organisation has this id.
    error NotProgrammeOwner(bytes32 programme, uint32 org, uint32 owner);
    /// @notice The yield of the programme is set.
    error MasterAlreadySet(bytes32 programme);
    /// @notice A theoretical yield is more than zero, and the lowest share of it no more than the highest.
    error WrongMaster(uint96 theoretical, uint32 lowest, uint32 highest);
    /// @notice The programme of the case is no master production record.
    error NoMaster(bytes32 programme);
    /// @notice The case is of another organisation (0: there is none).
    error NotCaseOwner(bytes32 caseId, uint32 org, uint32 owner);
    /// @notice A batch is a lot that the organisation made, or a container that it owns.
    error NotABatch(bytes32 subject);
    /// @notice The subject is a batch already, under the case `caseId`.
    error AlreadyABatch(bytes32 subject, bytes32 caseId);
    /// @notice The batch is in another state.
    error WrongState(bytes32 caseId, State state);
    /// @notice The record is about another subject.
    error OtherSubject(bytes32 record, bytes32 expected, bytes32 given);
    /// @notice The record was superseded, or a second person that its schema asks for has not signed.
    error RecordIncomplete(bytes32 record);
    /// @notice Nobody decides upon a record of its own.
    error OwnRecord(bytes32 record, address account);
    /// @notice The yield was reported by this record already.
    error YieldAlreadyReported(bytes32 caseId, bytes32 record);
    /// @notice The batch has no such deviation, or it is in the other state.
    error NoSuchDeviation(bytes32 caseId, uint32 number);
    /// @notice The record of the investigation still holds.
    error InvestigationHolds(bytes32 caseId, uint32 number, bytes32 investigation);
    /// @notice The batch cannot be released. `cause` is the first thing that speaks against it, `detail` says more of it.
    error NotReleasable(bytes32 caseId, Cause cause, uint256 detail);
    /// @notice There are newer records about the batch than the signer has seen.
    error RecordsMoved(bytes32 caseId, uint32 seen, uint32 current);
    /// @notice A rejection has a reason, a withdrawal a record.
    error NoReason(bytes32 caseId);
    /// @notice The decision's deadline is over.
    error DeadlinePassed(bytes32 caseId, uint40 deadline, uint256 blockTime);
    /// @notice The signature is not the signer's over this decision.
    error InvalidDecision(bytes32 digest, bytes signer);
    /// @notice All steps of the case fit on one page.
    error OnePage(bytes32 caseId);
    /// @notice A withdrawal is for quality of the batch's organisation, or of a regulator.
    error MayNotWithdraw(bytes32 caseId, uint32 org);

    /// @notice The module that keeps programmes and cases.
    function COMPLIANCE() external view returns (ICompliance);

    /// @notice The module that keeps records.
    function RECORDS() external view returns (IRecords);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The module that keeps containers.
    function TWINS() external view returns (ITwins);

    /// @notice Makes a programme a master production record, once. Duty QUALITY of the organisation that registered it.
    /// Emits {MasterSet}.
    function setMaster(bytes32 programme, Master calldata master) external;

    /// @notice Opens the batch of a case and holds its lot or container back. Duty QUALITY of the case's organisation.
    /// Emits {BatchOpened}.
    function openBatch(bytes32 caseId) external;

    /// @notice Opens a deviation. Duty RECORD of the batch's organisation. Emits {DeviationOpened}.
    /// @param record Record about the batch that tells of it.
    /// @return number Its number in the batch, counted from 1.
    function openDeviation(bytes32 caseId, bytes32 record) external returns (uint32 number);

    /// @notice Closes a deviation. Duty QUALITY of the batch's organisation, not the author of the investigation.
    /// Emits {DeviationClosed}.
    /// @param investigation Complete record about the batch.
    function closeDeviation(bytes32 caseId, uint32 number, bytes32 investigation) external;

    /// @notice Opens a deviation again whose investigation was superseded. Anyone. Emits {DeviationReopened}.
    function reopenDeviation(bytes32 caseId, uint32 number) external;

    /// @notice Reports the yield, or a corrected one. Duty RECORD of the batch's organisation. Emits {YieldReported}, and
    /// {DeviationOpened} if it is outside the limits.
    /// @param record Complete record about the batch.
    function reportYield(bytes32 caseId, uint96 actual, bytes32 record) external;

    /// @notice Looks through the first page of a case with more than one for a signer, before {decide}. It is good until
    /// somebody writes about the batch, something is decided about its steps, or a step expires. Anyone.
    /// Emits {StepsExamined}.
    function examineFirst(bytes32 caseId, address signer) external;

    /// @notice Releases or rejects a batch. Duty QUALITY of the batch's organisation. Emits {BatchReleased} or
    /// {BatchRejected}.
    function decide(Decision calldata decision) external;

    /// @notice As {decide}, by the account that the signer stands for. Anyone may bring it.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function decideSigned(Decision calldata decision, bytes calldata signer, bytes calldata signature) external;

    /// @notice Ends a release for good, and holds the batch again. Duty QUALITY of the batch's organisation or of a
    /// regulator. Emits {ReleaseWithdrawn}.
    /// @param record Record or hash of the document that explains it.
    function withdraw(bytes32 caseId, bytes32 record) external;

    /// @notice What speaks against a release by somebody, first things first.
    /// @param signer The account; zero: whoever it is.
    function obstacle(bytes32 caseId, address signer) external view returns (Cause cause, uint256 detail);

    /// @notice True if the lot or container is a batch that was released, and nothing speaks against it by now.
    function isReleased(bytes32 subject) external view returns (bool);

    /// @notice The facts of a batch; all zero if there is none.
    function batchOf(bytes32 caseId) external view returns (Batch memory);

    /// @notice The case under which a lot or container is a batch, or zero.
    function caseOf(bytes32 subject) external view returns (bytes32);

    /// @notice A deviation of a batch.
    function deviationOf(bytes32 caseId, uint32 number) external view returns (Deviation memory);

    /// @notice The yield that a programme expects; all zero if it is no master production record.
    function masterOf(bytes32 programme) external view returns (Master memory);

    /// @notice What the first page was found to be for a signer.
    /// @return seen Number of the newest record about the batch at that time.
    /// @return edition Decisions about its steps at that time.
    /// @return until Last second at which it is good.
    function examination(bytes32 caseId, address signer)
        external
        view
        returns (uint32 seen, uint64 edition, uint40 until);

    /// @notice The digest of a decision, which its signer signs (EIP-712).
    function digestOf(Decision calldata decision) external view returns (bytes32);
}
