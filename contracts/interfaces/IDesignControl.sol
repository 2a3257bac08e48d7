// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModule} from "./IModule.sol";
import {IRecords} from "./IRecords.sol";
import {ITwins} from "./ITwins.sol";

/// @title IDesignControl
/// @notice Design and development of a product as ISO 13485:2016, 7.3, asks for it, and through it 21 CFR 820.10: what
/// was needed, what was designed, how it was shown that the one meets the other, and who looked at it.
///
/// A *project* is the design file (7.3.10) of one twin of the kind DESIGN. It belongs to whoever has title to the twin.
/// It has *items*, each with revisions, and *links* between them, which are its trace matrix:
///
///     NEED <── INPUT ──> RISK      an input answers needs and controls risks
///              INPUT <── OUTPUT    an output fulfils inputs
///     INPUT, OUTPUT <── VERIFICATION     a verification covers inputs and outputs
///     NEED <── VALIDATION                a validation covers needs
///
/// A link is *current* while both its ends have the revision that they had when it was made, and else it says nothing.
/// The result of a test belongs to its link: to one item, at one revision, by one protocol at one revision.
///
/// *Gates* are passed in the order of 7.3.2 to 7.3.8. An item *holds* the gate:
/// - INPUTS: a need that no input answers; a risk that none controls; an input that answers and controls nothing.
/// - OUTPUTS: an input that no output fulfils; an output that fulfils none.
/// - VERIFICATION: an input that no verification covers, an input or output that one covers which has not passed; a
///   verification that covers nothing.
/// - VALIDATION: a need that no validation covers or one that has not passed; a validation that covers nothing.
///
/// Guarantees:
/// - A gate is passed only while no item holds it and all before it are passed. When an item comes to hold it, the project
///   is back before that gate.
/// - The transfer to production (7.3.8) is behind all gates: every input is verified and every need validated, at its
///   revision of now, and no change is open. Its price does not depend on the size of the project.
/// - Once a gate was passed, its items come, change and go by an approved change only (7.3.9). A change reopens what it
///   touches and nothing else: the links of the items that it names, all of them, with their results, and the gates from
///   that of its earliest item on.
/// - Who passes a gate has written none of what the gate is about (7.3.5), and who approves a change none of that change.
/// - Every step has a number, the *edition*, without a gap: who shows the design file can leave nothing out. Who passes a
///   gate or approves a change names the edition that it saw, and nothing else is passed or approved.
///
/// Evidence is a record about the design's twin ({IRecords}) that is complete: plans, reviews, reports, change requests.
/// The plan says which schemas count. Evidence for a gate was recorded since the project was last reopened, for a result
/// since the link was made or the last result came. When the record of a gate or result is superseded, anyone shows it,
/// and the gate or result counts no more.
///
/// Assumptions: documents say what their hashes stand for; an account is a person (see {IRecords}). A person who writes
/// through somebody else's account is not seen as author here; an item that is a record has the record's author.
interface IDesignControl is IModule {
    /// @notice What an item is. NONE stands for the plan where kinds are bits.
    enum Kind {
        NONE,
        NEED,
        RISK,
        INPUT,
        OUTPUT,
        VERIFICATION,
        VALIDATION
    }

    /// @notice The gates, by their clauses in ISO 13485:2016: 7.3.2 to 7.3.8.
    enum Gate {
        NONE,
        PLANNING,
        INPUTS,
        OUTPUTS,
        REVIEW,
        VERIFICATION,
        VALIDATION,
        TRANSFER
    }

    /// @notice What the content of an item is. WITHDRAWN: there is none any more. DOCUMENT: a hash. RECORD: a record about
    /// the design, whose author is the item's.
    enum Source {
        WITHDRAWN,
        DOCUMENT,
        RECORD
    }

    /// @notice What a test said of an item.
    enum Result {
        NONE,
        PASSED,
        FAILED
    }

    /// @notice What became of a change.
    enum ChangeState {
        NONE,
        OPEN,
        APPROVED,
        DISMISSED
    }

    /// @notice What speaks against the transfer, in the order in which it is looked at.
    /// NO_PROJECT: there is none. INPUTS, OUTPUTS, VERIFICATION, VALIDATION: items hold this gate. GATES: not all before
    /// are passed. CHANGES: some are open. TWIN: the design's twin is held or has ended. TRANSFERRED: it was done.
    enum Obstacle {
        NONE,
        NO_PROJECT,
        INPUTS,
        OUTPUTS,
        VERIFICATION,
        VALIDATION,
        GATES,
        CHANGES,
        TWIN,
        TRANSFERRED
    }

    /// @notice Which schemas evidence follows: the id of a schema, or its line, which all its versions have; zero: any.
    /// @param review Records with which gates are passed and changes approved.
    /// @param verification Reports of verifications.
    /// @param validation Reports of validations.
    /// @param change Requests for changes.
    struct Forms {
        bytes32 review;
        bytes32 verification;
        bytes32 validation;
        bytes32 change;
    }

    /// @notice Where a project is, in one slot.
    /// @param stage The last gate that is passed.
    /// @param baseline The last gate that was ever passed.
    /// @param version How often it was transferred.
    /// @param changes How many changes were proposed.
    /// @param openChanges How many of them are open.
    /// @param reopenedAt When it was opened, or last fell back before a gate.
    /// @param edition Number of the last step; 0: there is no project.
    /// @param needs How many needs it has.
    /// @param openInputs How many items hold the gate INPUTS, and so on.
    struct Project {
        Gate stage;
        Gate baseline;
        uint16 version;
        uint16 changes;
        uint16 openChanges;
        uint40 reopenedAt;
        uint32 edition;
        uint24 needs;
        uint24 openInputs;
        uint24 openOutputs;
        uint24 openVerification;
        uint24 openValidation;
    }

    /// @notice An item at its revision of now: its row of the matrix.
    /// @param author Who wrote this revision.
    /// @param kind What it is.
    /// @param source What its content is.
    /// @param revision Counted from 1; 0: there is no such item.
    /// @param up How many items it answers, controls, fulfils or covers.
    /// @param down How many inputs or outputs answer, control or fulfil it.
    /// @param tests How many tests cover it.
    /// @param passed How many of these have passed.
    /// @param content Hash of its document, or a record.
    struct Item {
        address author;
        Kind kind;
        Source source;
        uint16 revision;
        uint16 up;
        uint16 down;
        uint16 tests;
        uint16 passed;
        bytes32 content;
    }

    /// @notice A revision of an item, its first one included.
    /// @param item Its id in the project: the text by which people call it, or the hash of a longer one.
    /// @param kind What it is; it never changes.
    /// @param source What its content is; WITHDRAWN: the item goes.
    /// @param revision One more than the item has; 1 for a new one.
    /// @param content Hash of its document, or a record; zero if it goes.
    struct Revision {
        bytes32 item;
        Kind kind;
        Source source;
        uint16 revision;
        bytes32 content;
    }

    /// @notice The other ends of all current links of an item, each list in ascending order. What the revisions before this
    /// one have cut is not among them any more.
    /// @param up What it answers, controls, fulfils or covers.
    /// @param down What answers, controls, fulfils or covers it.
    struct Neighbours {
        bytes32[] up;
        bytes32[] down;
    }

    /// @notice Two items to link.
    /// @param from The one that answers, controls, fulfils or covers.
    /// @param to The one that it does that to.
    struct Pair {
        bytes32 from;
        bytes32 to;
    }

    /// @notice What is kept of a link.
    /// @param fromRevision Revision of `from` when it was made; 0: it never was.
    /// @param toRevision Revision of `to` when it was made.
    /// @param result What the test `from` said of `to`.
    /// @param since When it was made, or when its last result came.
    /// @param record The report with the result, or zero.
    struct Link {
        uint16 fromRevision;
        uint16 toRevision;
        Result result;
        uint40 since;
        bytes32 record;
    }

    /// @notice What a test says of one item that it covers.
    struct Finding {
        bytes32 item;
        bool passed;
    }

    /// @notice What is kept of a change.
    /// @param author Who proposed it.
    /// @param state What became of it.
    /// @param proposedAt When it was proposed.
    /// @param revisions Hash of its revisions, ABI-encoded.
    struct Change {
        address author;
        ChangeState state;
        uint40 proposedAt;
        bytes32 revisions;
    }

    /// @notice What a signer asks for that cannot send: to pass a gate, or to approve a change.
    /// @param gate The gate; NONE: a change.
    /// @param change Number of the change; 0: a gate.
    /// @param record The evidence.
    /// @param edition The edition that the signer saw.
    /// @param deadline Last second at which it can be brought.
    struct Approval {
        bytes32 design;
        Gate gate;
        uint32 change;
        bytes32 record;
        uint32 edition;
        uint40 deadline;
    }

    /// @notice The project was opened, or got a new plan, at `time`: the record `record`, whose author is `author`.
    event ProjectPlanned(
        bytes32 indexed design,
        uint32 indexed org,
        bytes32 indexed record,
        address caller,
        address author,
        Forms forms,
        uint32 edition,
        uint40 time
    );
    /// @notice An item has a new revision, and all links that it had are cut.
    /// @param change The change by which it came; 0: it was drafted.
    event ItemRevised(
        bytes32 indexed design,
        uint32 indexed org,
        bytes32 indexed item,
        address caller,
        address author,
        Kind kind,
        Source source,
        uint16 revision,
        bytes32 content,
        uint32 change,
        uint32 edition
    );
    /// @notice `from` answers, controls, fulfils or covers `to`, both at these revisions, as of `time`.
    event Linked(
        bytes32 indexed design,
        uint32 indexed org,
        bytes32 indexed from,
        address caller,
        bytes32 to,
        uint16 fromRevision,
        uint16 toRevision,
        uint32 edition,
        uint40 time
    );
    /// @notice The test said this of `item` in the report `record`, whose author is `author`.
    event Reported(
        bytes32 indexed design,
        uint32 indexed org,
        bytes32 indexed test,
        address caller,
        address author,
        bytes32 item,
        bool passed,
        bytes32 record,
        uint32 edition,
        uint40 time
    );
    /// @notice The result that the test had for `item` counts no more: its report `record` is superseded.
    event ResultLapsed(
        bytes32 indexed design,
        uint32 indexed org,
        bytes32 indexed test,
        address caller,
        bytes32 item,
        bytes32 record,
        uint32 edition
    );
    /// @notice `approver` passed the gate on the evidence `record`. `version` counts the transfers, this one included.
    event GatePassed(
        bytes32 indexed design,
        uint32 indexed org,
        Gate indexed gate,
        address approver,
        address caller,
        bytes32 record,
        uint16 version,
        uint32 edition
    );
    /// @notice The gate is passed no more: its evidence `record` is superseded. {Reopened} follows.
    event GateLapsed(
        bytes32 indexed design, uint32 indexed org, Gate indexed gate, address caller, bytes32 record, uint32 edition
    );
    /// @notice The project fell back to `stage` at `time`.
    event Reopened(
        bytes32 indexed design, uint32 indexed org, Gate indexed stage, address caller, uint32 edition, uint40 time
    );
    /// @notice The caller proposed a change, for the reason that `record` tells, at `time`.
    event ChangeProposed(
        bytes32 indexed design,
        uint32 indexed org,
        uint32 indexed change,
        address caller,
        bytes32 record,
        Revision[] revisions,
        uint32 edition,
        uint40 time
    );
    /// @notice `approver` approved the change on the evidence `record`. Its {ItemRevised} come before this.
    event ChangeApproved(
        bytes32 indexed design,
        uint32 indexed org,
        uint32 indexed change,
        address approver,
        address caller,
        bytes32 record,
        uint32 edition
    );
    /// @notice The change will not be made, for the reason that `record` tells.
    event ChangeDismissed(
        bytes32 indexed design,
        uint32 indexed org,
        uint32 indexed change,
        address caller,
        bytes32 record,
        uint32 edition
    );

    /// @notice A project is about a twin of the kind DESIGN that has not ended.
    error NotADesign(bytes32 design, ITwins.Kind kind, ITwins.EndOfLife end);
    /// @notice Only the organisation with title to the design's twin acts.
    error NotDesignOwner(bytes32 design, uint32 org, uint32 owner);
    /// @notice There is no project about the design.
    error UnknownProject(bytes32 design);
    /// @notice Evidence is a complete record about the design that follows the form which the plan names.
    error NotEvidence(bytes32 design, bytes32 record, bytes32 subject, bytes32 schema, bytes32 form, bool complete);
    /// @notice The record is older than what it should be evidence of.
    error EvidenceTooOld(bytes32 record, uint40 recordedAt, uint40 since);
    /// @notice There is something to revise, and neighbours are named for each revision.
    error RevisionsDiffer(uint256 revisions, uint256 neighbours);
    /// @notice An item has an id, a kind, and content unless it is withdrawn.
    error IncompleteItem(bytes32 item, Kind kind, Source source, bytes32 content);
    /// @notice The item is of another kind.
    error OtherKind(bytes32 design, bytes32 item, Kind expected, Kind given);
    /// @notice Revisions count from 1.
    error NotNextRevision(bytes32 design, bytes32 item, uint16 expected, uint16 given);
    /// @notice There is no such item, or it is withdrawn.
    error UnknownItem(bytes32 design, bytes32 item);
    /// @notice This gate, which was passed once, is that of an item in the list: it changes by an approved change.
    error Baselined(bytes32 design, Gate gate, Gate baseline);
    /// @notice The gate is passed: its items get links before, or once a change has reopened it.
    error GateClosed(bytes32 design, bytes32 item, Gate gate);
    /// @notice The item has more current links than were named, or fewer.
    error WrongNeighbours(bytes32 design, bytes32 item, uint256 up, uint256 givenUp, uint256 down, uint256 givenDown);
    /// @notice Neighbours are named in ascending order.
    error NotAscending(bytes32 before, bytes32 given);
    /// @notice There is no current link.
    error NotLinked(bytes32 design, bytes32 from, bytes32 to);
    /// @notice The link is there, and current.
    error AlreadyLinked(bytes32 design, bytes32 from, bytes32 to);
    /// @notice Items of these kinds are not linked in this direction.
    error WrongLink(bytes32 from, Kind fromKind, bytes32 to, Kind toKind);
    /// @notice Only verifications and validations have results.
    error NotATest(bytes32 design, bytes32 item, Kind kind);
    /// @notice Results count once the design was reviewed.
    error NotReviewed(bytes32 design, Gate stage);
    /// @notice The last result of the test for this item came from this record already.
    error SameRecord(bytes32 design, bytes32 test, bytes32 item, bytes32 record);
    /// @notice The test has no result for this item.
    error NoResult(bytes32 design, bytes32 test, bytes32 item);
    /// @notice The record is still what it was.
    error StillComplete(bytes32 design, bytes32 record);
    /// @notice The gate is not passed.
    error GateNotPassed(bytes32 design, Gate gate, Gate stage);
    /// @notice There is no such change.
    error UnknownChange(bytes32 design, uint32 change);
    /// @notice The change was approved or dismissed.
    error ChangeClosed(bytes32 design, uint32 change, ChangeState state);
    /// @notice These are not the revisions that were proposed.
    error OtherRevisions(bytes32 design, uint32 change, bytes32 expected, bytes32 given);
    /// @notice The account wrote what it would approve.
    error SamePerson(bytes32 design, uint32 change, address account);
    /// @notice Gates are passed one after the other.
    error WrongGate(bytes32 design, Gate expected, Gate given);
    /// @notice Items hold the gate.
    error GateHeld(bytes32 design, Gate gate, uint24 items);
    /// @notice A design without a need has no inputs.
    error NoNeeds(bytes32 design);
    /// @notice Changes are open.
    error ChangesOpen(bytes32 design, uint16 changes);
    /// @notice The design's twin is held, or has ended.
    error NotClear(bytes32 design, ITwins.Cause cause);
    /// @notice The account wrote some of what the gate is about. `kinds`: of these, bits of {Kind}.
    error NotIndependent(bytes32 design, Gate gate, address account, uint8 kinds);
    /// @notice The design file is at another edition than was seen.
    error EditionMoved(bytes32 design, uint32 current, uint32 seen);
    /// @notice What was signed is for a gate or for a change, and not for this function.
    error WrongApproval(bytes32 design, Gate gate, uint32 change);
    /// @notice The approval ended at the second `deadline`.
    error DeadlinePassed(bytes32 design, uint40 deadline, uint256 blockTime);
    /// @notice The signature is not the signer's over this approval.
    error InvalidApproval(bytes32 digest, bytes signer);

    /// @notice Opens the project, or gives it a new plan (7.3.2), under which all gates are passed anew: items, links and
    /// results stay. Owner, duty RECORD. Emits {ProjectPlanned}, and {Reopened} if a gate was passed.
    /// @param record The plan.
    function plan(bytes32 design, bytes32 record, Forms calldata forms) external;

    /// @notice Adds, revises and withdraws items whose gate was never passed. Owner, duty RECORD.
    /// Emits {ItemRevised} for each.
    /// @param neighbours Of each item that is revised; empty lists for a new one.
    function draft(bytes32 design, Revision[] calldata revisions, Neighbours[] calldata neighbours) external;

    /// @notice Links items, as they are now, while the gate of `from` is not passed. Owner, duty RECORD.
    /// Emits {Linked} for each.
    function link(bytes32 design, Pair[] calldata pairs) external;

    /// @notice Says what a test has shown of items that it covers (7.3.6, 7.3.7), once the gate REVIEW is passed. Owner,
    /// duty RECORD. Emits {Reported} for each, and {Reopened} if a gate is held now that was passed.
    /// @param record The report.
    function report(bytes32 design, bytes32 test, bytes32 record, Finding[] calldata findings) external;

    /// @notice Shows that the report of a result is not complete any more. Anyone. Emits {ResultLapsed}, and {Reopened} if a
    /// gate is held now that was passed.
    function lapse(bytes32 design, bytes32 test, bytes32 item) external;

    /// @notice Shows that the evidence of a gate is not complete any more. Anyone. Emits {GateLapsed}, {Reopened}.
    function lapseGate(bytes32 design, Gate gate) external;

    /// @notice Passes the next gate. Owner, duty QUALITY, and {independent}. Emits {GatePassed}.
    /// @param record The evidence: of a review, of the approval of inputs or outputs, of the transfer.
    /// @param edition The edition that the caller saw.
    function passGate(bytes32 design, Gate gate, bytes32 record, uint32 edition) external;

    /// @notice As {passGate}, by the account that the signer stands for. Anyone may bring it, once: it moves the edition.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function passGateSigned(Approval calldata approval, bytes calldata signer, bytes calldata signature) external;

    /// @notice Proposes a change (7.3.9). Owner, duty RECORD. Emits {ChangeProposed}.
    /// @param record The request: why, and what it means for parts, products in process and delivered, and risks.
    /// @return change Its number in the project, counted from 1.
    function proposeChange(bytes32 design, bytes32 record, Revision[] calldata revisions)
        external
        returns (uint32 change);

    /// @notice Approves a change, and makes it: each item has its new revision, all its links are cut, and the project falls
    /// back before the gate of the earliest kind among them. Owner, duty QUALITY, who wrote nothing of it.
    /// Emits {ItemRevised} for each, {ChangeApproved}, and {Reopened} if that gate was passed.
    /// @param record The evidence of review and approval, recorded since the change was proposed.
    /// @param edition The edition that the caller saw.
    /// @param revisions Those that were proposed.
    /// @param neighbours Of each of the items.
    function approveChange(
        bytes32 design,
        uint32 change,
        bytes32 record,
        uint32 edition,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours
    ) external;

    /// @notice As {approveChange}, by the account that the signer stands for. Anyone may bring it, once.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function approveChangeSigned(
        Approval calldata approval,
        Revision[] calldata revisions,
        Neighbours[] calldata neighbours,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Ends a change that will not be made. Its author (duty RECORD), or another account of the owner (duty
    /// QUALITY). Emits {ChangeDismissed}.
    /// @param record Why.
    function dismissChange(bytes32 design, uint32 change, bytes32 record) external;

    /// @notice The module that keeps the evidence.
    function RECORDS() external view returns (IRecords);

    /// @notice The module that says who has title to a design.
    function TWINS() external view returns (ITwins);

    /// @notice Where a project is; all zero if there is none.
    function projectOf(bytes32 design) external view returns (Project memory);

    /// @notice The forms that the plan of a project names.
    function formsOf(bytes32 design) external view returns (Forms memory);

    /// @notice An item at its revision of now; all zero if there is none.
    function itemOf(bytes32 design, bytes32 item) external view returns (Item memory);

    /// @notice True if the item holds the gate.
    function holds(bytes32 design, bytes32 item, Gate gate) external view returns (bool);

    /// @notice What is kept of a link; all zero if there never was one.
    function linkOf(bytes32 design, bytes32 from, bytes32 to) external view returns (Link memory);

    /// @notice True if there is a link whose ends have the revisions that they had when it was made.
    function isCurrent(bytes32 design, bytes32 from, bytes32 to) external view returns (bool);

    /// @notice What is kept of a change; all zero if there is none.
    function changeOf(bytes32 design, uint32 change) external view returns (Change memory);

    /// @notice The evidence with which a gate was passed last, or zero.
    function evidenceOf(bytes32 design, Gate gate) external view returns (bytes32 record);

    /// @notice The kinds of items of which the account ever wrote, linked or reported anything in the project, a bit each.
    function authored(bytes32 design, address account) external view returns (uint8 kinds);

    /// @notice True if the account has written none of what the gate is about: PLANNING: the plan; INPUTS: needs, risks and
    /// inputs; OUTPUTS and TRANSFER: outputs; REVIEW: all four; VERIFICATION, VALIDATION: those tests and their reports.
    function independent(bytes32 design, Gate gate, address account) external view returns (bool);

    /// @notice True if the design is transferred to production as it is now.
    function transferred(bytes32 design) external view returns (bool);

    /// @notice What speaks against the transfer to production, apart from evidence and who brings it.
    /// @return obstacle The first thing; NONE: nothing does.
    /// @return count How many items, missing gates or changes it is.
    function obstacleOf(bytes32 design) external view returns (Obstacle obstacle, uint32 count);

    /// @notice The digest of an approval, which its signer signs (EIP-712).
    function digestOf(Approval calldata approval) external view returns (bytes32);
}
