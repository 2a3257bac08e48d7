// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {IRecords} from "./IRecords.sol";
import {ITwins} from "./ITwins.sol";

/// @title ICompliance
/// @notice What a rule book asks to be proved about a thing, and what of it is proved, open, or late.
///
/// A *programme* is a list of requirements under a name and a version. It belongs to the organisation that registered
/// it and never changes; whose programme to trust is for the reader to decide. A *case* is a programme that applies to a
/// twin or lot, for a period where it recurs. Evidence is a record about that subject (contract Records): somebody
/// submits it, somebody else accepts or rejects it, and a requirement may be waived if the programme lets it be.
///
/// Guarantees:
/// - A requirement is met while the record that was accepted for it, or the record that explains its waiver, is neither
///   superseded nor expired. Records is asked whenever somebody asks: a correction reopens what rested on the old record.
/// - Nobody accepts, or waives with, a record of its own.
/// - What is late is a function of the clock; anyone may say so, once until the requirement is accepted anew.
/// - No view goes through more than {PAGE} requirements.
///
/// Assumptions: records are of the persons that they name, and a schema means what its definition says.
interface ICompliance is IModule {
    /// @notice Where a requirement of a case stands.
    /// OPEN: nothing was submitted. SUBMITTED: a record waits for a decision. REJECTED: the last one was refused.
    /// ACCEPTED, WAIVED: met. SUPERSEDED: the record that it rested on was superseded. EXPIRED: it is too old.
    enum Status {
        OPEN,
        SUBMITTED,
        REJECTED,
        ACCEPTED,
        WAIVED,
        SUPERSEDED,
        EXPIRED
    }

    /// @notice What a requirement asks for, apart from the schemas of its records.
    /// @param code What it is called in its rule book, such as "211.188(b)(7)". In ASCII, left-aligned.
    /// @param jurisdiction ISO 3166 code of where it applies, such as "US"; "EU"; zero: everywhere.
    /// @param mandatory False for what may be left out.
    /// @param waivable True if it can be waived.
    /// @param severity Of the alert when it is late: 1 minor, 2 major, 3 critical.
    /// @param secondPersons How many other persons have countersigned its record before it is accepted.
    /// @param roles Who submits: an organisation with one of these; 0: any.
    /// @param duties And an account with all of these.
    /// @param due Last second at which it is in time; 0: see `dueAfter`.
    /// @param dueAfter Seconds from the opening of the case to that second; 0 with `due` 0: no such second.
    /// @param validity Seconds from the time of which its record tells for which it is good; 0: for good.
    struct Terms {
        bytes32 code;
        bytes6 jurisdiction;
        bool mandatory;
        bool waivable;
        uint8 severity;
        uint8 secondPersons;
        uint32 roles;
        uint32 duties;
        uint40 due;
        uint32 dueAfter;
        uint32 validity;
    }

    /// @notice A requirement.
    /// @param terms What it asks for.
    /// @param schemas Schemas of the records that it accepts.
    struct Requirement {
        Terms terms;
        bytes32[] schemas;
    }

    /// @notice The definition of a programme.
    /// @param document Hash of the text that explains it, as whoever registers it knows it.
    /// @param ordered True if nothing is submitted before all mandatory requirements above it are accepted or waived.
    /// @param reviewers Roles of an organisation that may review beside the case's own; 0: none.
    /// @param waivers Roles of an organisation that may waive; 0: nobody may.
    /// @param requirements In their order.
    struct Definition {
        bytes32 document;
        bool ordered;
        uint32 reviewers;
        uint32 waivers;
        Requirement[] requirements;
    }

    /// @notice What is kept of a programme.
    /// @param org Organisation that registered it; 0: nobody did.
    /// @param count Number of requirements.
    /// @param mandatory A bit for each that is mandatory, the first one in bit 0.
    struct Programme {
        uint32 org;
        uint8 count;
        bool ordered;
        uint32 reviewers;
        uint32 waivers;
        uint64 mandatory;
    }

    /// @notice A programme that applies to something.
    /// @param org Organisation that opened the case; 0: there is none.
    /// @param reviewer Another organisation that may review; 0: none.
    /// @param openedAt When it was opened.
    /// @param period Tells apart the cases of a programme that recurs, such as 2026; 0 where it does not.
    /// @param flagged A bit for each requirement that was flagged as overdue and not accepted or waived since.
    struct Case {
        bytes32 programme;
        bytes32 subject;
        uint32 org;
        uint32 reviewer;
        uint40 openedAt;
        uint40 period;
        uint64 flagged;
    }

    /// @notice What was decided about the requirements of a case; a bit for each, the first one in bit 0.
    /// @param submitted Those whose record waits for a decision.
    /// @param accepted Those whose record was accepted, whatever has become of it since.
    /// @param waived Those that were waived.
    /// @param edition Counts the changes of the three.
    struct Decisions {
        uint64 submitted;
        uint64 accepted;
        uint64 waived;
        uint64 edition;
    }

    /// @notice What a page of a case shows to somebody who wants to sign for all of it.
    /// @param open True if something speaks against that: `index` and `status` say what.
    /// @param index The first mandatory requirement that is not met, or one that rests on that person's own record.
    /// @param status Where that stands; ACCEPTED: it is the person's own record.
    /// @param until Last second at which the page stays as it is if nobody writes; the largest number if for good.
    struct Finding {
        bool open;
        uint8 index;
        Status status;
        uint40 until;
    }

    /// @notice An organisation registered the version `version` of its programme `name`.
    event ProgrammeRegistered(
        bytes32 indexed programme,
        uint32 indexed org,
        address caller,
        string name,
        uint32 version,
        bytes32 definitionHash,
        Definition definition
    );
    /// @notice The programme applies to the subject from `openedAt` on.
    event CaseOpened(
        bytes32 indexed caseId,
        uint32 indexed org,
        bytes32 indexed subject,
        address caller,
        bytes32 programme,
        uint32 reviewer,
        uint40 period,
        uint40 openedAt
    );
    /// @notice `org` submitted a record for the requirement.
    event EvidenceSubmitted(
        bytes32 indexed caseId, uint32 indexed org, uint8 indexed index, address caller, bytes32 record
    );
    /// @notice `org` accepted the record.
    event EvidenceAccepted(
        bytes32 indexed caseId, uint32 indexed org, uint8 indexed index, address caller, bytes32 record
    );
    /// @notice `org` refused the record, also after it was accepted, for the reason that `reason` explains.
    event EvidenceRejected(
        bytes32 indexed caseId, uint32 indexed org, uint8 indexed index, address caller, bytes32 record, bytes32 reason
    );
    /// @notice `org` waived the requirement for the reason that the record `record` explains.
    event RequirementWaived(
        bytes32 indexed caseId, uint32 indexed org, uint8 indexed index, address caller, bytes32 record
    );
    /// @notice The requirement was not met by the second `due`, and `caller` said so.
    event OverdueFlagged(bytes32 indexed caseId, uint32 indexed org, uint8 indexed index, address caller, uint40 due);

    /// @notice A name has 1 to 64 bytes.
    error ProgrammeNameLength(uint256 length);
    /// @notice A programme has 1 to {MAX_REQUIREMENTS} requirements.
    error ProgrammeSize(uint256 requirements);
    /// @notice Versions of a programme count from 1.
    error NotNextProgramme(uint32 org, string name, uint32 expected, uint32 given);
    /// @notice A requirement has a code, a severity from 1 to 3, 1 to {MAX_SCHEMAS} schemas and at most one due date.
    error InvalidRequirement(uint256 index);
    /// @notice Records has no such schema.
    error UnknownSchema(uint256 index, bytes32 schema);
    /// @notice No programme has this id.
    error UnknownProgramme(bytes32 programme);
    /// @notice Only the owner of a twin, and the maker of a lot, opens cases about it (0: there is no such thing).
    error NotSubjectOwner(bytes32 subject, uint32 org, uint32 owner);
    /// @notice The organisation has no role that may review here, or is the case's own.
    error NotAReviewer(uint32 reviewer, uint32 wanted);
    /// @notice The case is open already.
    error CaseAlreadyOpen(bytes32 caseId);
    /// @notice No case has this id.
    error UnknownCase(bytes32 caseId);
    /// @notice The programme of the case has fewer requirements.
    error UnknownRequirement(bytes32 caseId, uint256 index);
    /// @notice The mandatory requirement `first` comes before, and is neither accepted nor waived.
    error OutOfOrder(bytes32 caseId, uint8 index, uint8 first);
    /// @notice The requirement is met, by what it rests on now.
    error AlreadyMet(bytes32 caseId, uint8 index, Status status);
    /// @notice Only the case's own organisation, and that of the record's author, submit a record.
    error MayNotSubmit(bytes32 caseId, uint32 org);
    /// @notice Another record waits for a decision; the case's own organisation may replace it.
    error DecisionPending(bytes32 caseId, uint8 index, bytes32 record);
    /// @notice The record is about another subject.
    error OtherSubject(bytes32 record, bytes32 expected, bytes32 given);
    /// @notice Records of this schema are no evidence here.
    error WrongSchema(bytes32 caseId, uint8 index, bytes32 schema);
    /// @notice The record was superseded, or a second person that its schema asks for has not signed.
    error RecordIncomplete(bytes32 record);
    /// @notice Fewer other persons have countersigned the record than the requirement asks for.
    error SecondPersonsMissing(bytes32 record, uint8 countersigners, uint8 wanted);
    /// @notice The record tells of a time that is too long ago.
    error RecordExpired(bytes32 record, uint256 validUntil, uint256 blockTime);
    /// @notice This record does not wait for a decision there; `current` is the last one submitted.
    error NotSubmitted(bytes32 caseId, uint8 index, bytes32 record, bytes32 current);
    /// @notice Nobody decides about, or with, a record of its own.
    error OwnRecord(bytes32 record, address account);
    /// @notice A rejection has a reason.
    error NoReason();
    /// @notice Quality of the case's own organisation, and of its reviewer, decide.
    error MayNotReview(bytes32 caseId, uint32 org);
    /// @notice The requirement cannot be waived, or not by this organisation.
    error MayNotWaive(bytes32 caseId, uint8 index, uint32 org);
    /// @notice The requirement is met, or not late (`due` 0: it never is).
    error NotOverdue(bytes32 caseId, uint8 index, uint40 due, uint256 blockTime);
    /// @notice This was flagged before.
    error AlreadyFlagged(bytes32 caseId, uint8 index);

    /// @notice Most requirements of a programme.
    function MAX_REQUIREMENTS() external view returns (uint256);

    /// @notice Most schemas that a requirement accepts.
    function MAX_SCHEMAS() external view returns (uint256);

    /// @notice Most requirements that a view goes through.
    function PAGE() external view returns (uint256);

    /// @notice The module that keeps the records.
    function RECORDS() external view returns (IRecords);

    /// @notice The module that says who made a lot.
    function LOTS() external view returns (ILots);

    /// @notice The module that says who owns a twin.
    function TWINS() external view returns (ITwins);

    /// @notice Registers a programme of the caller's organisation. Duty QUALITY. Emits {ProgrammeRegistered}.
    /// @param version One more than {newest}.
    /// @return programme Its id.
    function register(string calldata name, uint32 version, Definition calldata definition)
        external
        returns (bytes32 programme);

    /// @notice Says that a programme applies to a twin of the caller's organisation, or to a lot that it made. Duty
    /// QUALITY. Emits {CaseOpened}.
    /// @param period Tells apart the cases of a programme that recurs; 0 where it does not.
    /// @param reviewer Another organisation that may review, with one of the programme's reviewer roles; 0: none.
    /// @return caseId Its id.
    function open(bytes32 programme, bytes32 subject, uint40 period, uint32 reviewer) external returns (bytes32 caseId);

    /// @notice Submits a record. Roles and duties of the requirement; the case's own organisation, or that of the
    /// record's author. Emits {EvidenceSubmitted}.
    function submit(bytes32 caseId, uint8 index, bytes32 record) external;

    /// @notice Accepts a record that waits. Duty QUALITY of the case's own organisation or its reviewer, and not the
    /// record's author. Emits {EvidenceAccepted}.
    /// @param record The one that the caller has looked at.
    function accept(bytes32 caseId, uint8 index, bytes32 record) external;

    /// @notice Refuses a record that waits, or that was accepted. As {accept}. Emits {EvidenceRejected}.
    /// @param reason Hash or id of the record that explains why.
    function reject(bytes32 caseId, uint8 index, bytes32 record, bytes32 reason) external;

    /// @notice Waives a requirement that can be. Duty QUALITY of the case's own organisation or its reviewer, which has
    /// one of the programme's waiver roles; not the author of the record. Emits {RequirementWaived}.
    /// @param record Record about the subject that explains why.
    function waive(bytes32 caseId, uint8 index, bytes32 record) external;

    /// @notice Says that a requirement is late. Anyone. Emits {OverdueFlagged} and {IModule-Alert}.
    function flagOverdue(bytes32 caseId, uint8 index) external;

    /// @notice Where a requirement stands.
    function statusOf(bytes32 caseId, uint8 index) external view returns (Status);

    /// @notice Where the requirements from number `from` on stand, at most {PAGE} of them; none behind the last one.
    function status(bytes32 caseId, uint256 from) external view returns (Status[] memory);

    /// @notice The mandatory requirements among them that are not met, a bit for each, the case's first one in bit 0.
    function missing(bytes32 caseId, uint256 from) external view returns (uint64);

    /// @notice The requirements among them, mandatory or not, that are not met and late, as {missing}.
    function overdue(bytes32 caseId, uint256 from) external view returns (uint64);

    /// @notice What speaks against a signature of `person` under the requirements from number `from` on, at most {PAGE}
    /// of them. Waivers count as met, whoever wrote what explains them.
    /// @param person The account; zero: whoever it is.
    function examine(bytes32 caseId, uint256 from, address person) external view returns (Finding memory);

    /// @notice The last second at which the requirement is in time; 0: there is none.
    function dueOf(bytes32 caseId, uint8 index) external view returns (uint40);

    /// @notice The last record submitted for a requirement, or that explains its waiver.
    function evidenceOf(bytes32 caseId, uint8 index) external view returns (bytes32);

    /// @notice What was decided.
    function decisionsOf(bytes32 caseId) external view returns (Decisions memory);

    /// @notice The facts of a case; all zero if there is none.
    function caseOf(bytes32 caseId) external view returns (Case memory);

    /// @notice The facts of a programme; all zero if there is none.
    function programmeOf(bytes32 programme) external view returns (Programme memory);

    /// @notice What a requirement asks for; all zero if there is none.
    function termsOf(bytes32 programme, uint8 index) external view returns (Terms memory);

    /// @notice Is a record of this schema evidence for the requirement?
    function accepts(bytes32 programme, uint8 index, bytes32 schema) external view returns (bool);

    /// @notice Hash of the ABI encoding of a programme's definition; zero: there is none.
    function definitionHash(bytes32 programme) external view returns (bytes32);

    /// @notice The newest version of a programme; 0: there is none.
    function newest(uint32 org, string calldata name) external view returns (uint32 version);

    /// @notice The id of a programme.
    function programmeIdOf(uint32 org, string calldata name, uint32 version) external pure returns (bytes32);

    /// @notice The id of a case.
    function caseIdOf(bytes32 programme, bytes32 subject, uint32 org, uint40 period) external pure returns (bytes32);
}
