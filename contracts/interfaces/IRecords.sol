// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDevices} from "./IDevices.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {ITwins} from "./ITwins.sol";

/// @title IRecords
/// @notice What was stated about a thing, by whom, when, under which form: steps of a batch, test results, inspections,
/// certificates, declarations. The chain keeps the digest of each document, who answers for it and who signed it; the
/// document is with those who may read it.
///
/// Guarantees:
/// - Nothing once written changes or goes. A correction is a new record that supersedes the old one and says why; a
///   record has one successor at most, so there is one valid version of it, found by following {successorOf}.
/// - The records of a subject are numbered from 1 without a gap, whoever writes them, and the id of a record is made of
///   its subject and number: who shows the records of a subject cannot leave one out.
/// - Only those whom the schema names write and sign; where it has a rule, only what the rule accepts becomes a record.
/// - Who signs in second place is another account than the author. Another account is taken for another person.
/// - A record that was written later after the fact than its schema allows is marked late, for good.
/// - Documents may be disposed of after their time, and not while a legal hold is on them. The digest, the signatures
///   and the fact of the disposal stay.
///
/// A *subject* is a twin of any kind ({ITwins}) or a lot ({ILots}), also one that is held or has ended.
///
/// A *schema* is the form of a record: a definition outside the chain, known by its digest, and the terms that are kept
/// here. It belongs to the organisation that defined it, and its versions count from 1. What is defined never changes; a
/// new version supersedes the old one for new records. An amendment follows the schema of what it amends, or the newest
/// version of it. Whose schema to ask for is for the reader to decide: a regulator's, or that of one's own company.
///
/// Who writes about a subject is said by the schema alone: roles, duties, persons or devices, and whether the author's
/// organisation must own or hold the subject, or have made it ({Authority}). Who amends: an account to which the schema
/// of the amendment is open, of the organisation of the amended record's author; another organisation that knows
/// better writes a record of its own.
///
/// Assumptions: an account stands for one person, whose name the organisation can prove: of the printed name (21 CFR
/// 11.50(a)(1)) the chain has a salted hash, in the signed message and in the log. What a record states is true because
/// of who stated it. Times of the fact are the author's word; times of recording are the chain's.
interface IRecords is IModule {
    /// @notice Which organisations' accounts may write about a subject.
    /// ANYONE_ALLOWED: any with the schema's roles. OWNER_OR_CUSTODIAN: the twin's owner or custodian; the lot's maker, or
    /// who has some of it outside of containers. MAKER: who registered the twin or commissioned the lot.
    enum Authority {
        ANYONE_ALLOWED,
        OWNER_OR_CUSTODIAN,
        MAKER
    }

    /// @notice Who may be the author: accounts, devices for machine data, or both.
    enum Authors {
        PERSONS,
        DEVICES,
        PERSONS_AND_DEVICES
    }

    /// @notice How long a document is kept: until the last of the times that apply. In seconds; a year of the calendar has
    /// up to 366 days.
    /// @param afterRecord From the time of recording, in any case.
    /// @param afterExpiry From the expiry of the lot that the subject is, or was a unit of; for 21 CFR 211.180 one year.
    /// @param withoutExpiry From the time of recording, where there is no such lot or it has no expiry.
    struct Retention {
        uint32 afterRecord;
        uint32 afterExpiry;
        uint32 withoutExpiry;
    }

    /// @notice What a schema asks of its records.
    /// @param definition Digest of the definition of the form.
    /// @param roles The author's organisation has at least one of these; 0: any organisation.
    /// @param duties An author who is a person has all of these.
    /// @param signerRoles Organisations with one of these countersign besides that of the author; 0: no other.
    /// @param maxLag Seconds from the fact to its record after which the record is late.
    /// @param secondPersons How many accounts other than the author countersign before a record is complete.
    /// @param meanings What they must have signed for, together, before it is: bits of the library `Meaning`.
    /// @param authority Which organisations may write about a subject.
    /// @param authors Whether persons or devices do.
    /// @param rule A contract that looks at each statement ({IRecordRule}), or zero.
    /// @param retention How long documents are kept.
    struct Terms {
        bytes32 definition;
        uint32 roles;
        uint32 duties;
        uint32 signerRoles;
        uint32 maxLag;
        uint8 secondPersons;
        uint8 meanings;
        Authority authority;
        Authors authors;
        address rule;
        Retention retention;
    }

    /// @notice A schema.
    /// @param org Organisation that defined it; 0: there is none.
    /// @param version Its version, counted from 1.
    /// @param superseded True once there is a newer version.
    /// @param line What its versions have in common: hash of organisation and name.
    /// @param terms What it asks.
    struct Schema {
        uint32 org;
        uint16 version;
        bool superseded;
        bytes32 line;
        Terms terms;
    }

    /// @notice What an author states.
    /// @param subject The twin or lot that it is about.
    /// @param schema The form that it has.
    /// @param content Digest of the document; of several documents the root of a tree (`MerkleLeaves.document`).
    /// @param documents How many documents there are: 1, or as many as the tree has leaves.
    /// @param effectiveAt When what it states took place, unix seconds.
    /// @param original Zero: this is the original. Else it is a true copy of the record with this id, or of the original
    /// outside the chain with this digest.
    /// @param signerName Salted hash of the author's printed name; zero for a device.
    /// @param data Values in clear for the schema's rule, encoded as the rule asks; they stand in the log.
    /// @param uri Where the document is to be had, or empty.
    struct Statement {
        bytes32 subject;
        bytes32 schema;
        bytes32 content;
        uint32 documents;
        uint40 effectiveAt;
        bytes32 original;
        bytes32 signerName;
        bytes data;
        string uri;
    }

    /// @notice Whose signature a statement carries that somebody else brings.
    /// @param sequence One more than {sequenceOf} the signer's account.
    /// @param deadline Last second at which it can be brought.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    /// @param signature Its signature.
    struct Authorship {
        uint32 sequence;
        uint40 deadline;
        bytes signer;
        bytes signature;
    }

    /// @notice A signature in second place.
    /// @param record The record.
    /// @param content Its digest, as the signer saw it.
    /// @param meaning What the signature means: one bit of the library `Meaning`.
    /// @param signerName Salted hash of the signer's printed name.
    struct Countersignature {
        bytes32 record;
        bytes32 content;
        uint8 meaning;
        bytes32 signerName;
    }

    /// @notice What is known of a record; all zero if there is none.
    /// @param subject The twin or lot that it is about.
    /// @param schema The form that it has.
    /// @param content Digest of its document, or root of the tree of its documents.
    /// @param author The account that wrote it, or that stands for the device's signer.
    /// @param org The author's organisation at that time; of a device, its owner.
    /// @param device The device that wrote it; zero: a person.
    /// @param sequence Its number among the records of the subject.
    /// @param effectiveAt When what it states took place.
    /// @param recordedAt When it was written.
    /// @param late True if that was later than the schema allows.
    /// @param trueCopy True if it is a copy of an original that the log names.
    /// @param bundle True if it has several documents.
    /// @param amendment True if it supersedes another record, which the log names.
    /// @param disposed True once its documents are disposed of.
    /// @param meanings What it was countersigned for: bits of the library `Meaning`.
    /// @param countersigners How many accounts did.
    /// @param complete True if nothing supersedes it and all second persons that its schema asks for have signed.
    /// @param successor The record that supersedes it, or zero.
    struct Entry {
        bytes32 subject;
        bytes32 schema;
        bytes32 content;
        address author;
        uint32 org;
        bytes32 device;
        uint32 sequence;
        uint40 effectiveAt;
        uint40 recordedAt;
        bool late;
        bool trueCopy;
        bool bundle;
        bool amendment;
        bool disposed;
        uint8 meanings;
        uint8 countersigners;
        bool complete;
        bytes32 successor;
    }

    /// @notice An organisation defined the version `version` of its schema `name`. It supersedes the one before.
    event SchemaDefined(
        bytes32 indexed schema, uint32 indexed org, address caller, string name, uint16 version, Terms terms
    );
    /// @notice A record was written at `time`.
    /// @param author The account that states it, or that stands for the device's signer; `caller` brought it.
    /// @param device The device that states it; zero: a person.
    /// @param sequence Its number among the records of the subject.
    /// @param late True if the fact is longer ago than the schema allows.
    /// @param signed The author's {Authorship-sequence}; 0: the author called itself.
    event RecordWritten(
        bytes32 indexed record,
        bytes32 indexed subject,
        uint32 indexed org,
        address author,
        address caller,
        bytes32 device,
        uint32 sequence,
        bool late,
        uint40 time,
        uint32 signed,
        Statement statement
    );
    /// @notice The record is superseded by `successor`, whose {RecordWritten} comes before this, for the reason that the
    /// document with the digest `reason` explains.
    event RecordSuperseded(
        bytes32 indexed record, uint32 indexed org, bytes32 indexed successor, address author, bytes32 reason
    );
    /// @notice The account `signer` signed the record in second place, for `meaning`, at `time`; `caller` brought it.
    event Countersigned(
        bytes32 indexed record,
        uint32 indexed org,
        address indexed signer,
        address caller,
        uint8 meaning,
        bytes32 signerName,
        uint40 time
    );
    /// @notice `org` forbids, for `reason`, to dispose of a record or, if `object` is a subject, of any record about it.
    event LegalHoldSet(bytes32 indexed object, uint32 indexed org, bytes32 indexed reason, address caller);
    /// @notice The legal hold that `holder` set for `reason` was lifted by `org`.
    event LegalHoldLifted(
        bytes32 indexed object, uint32 indexed org, bytes32 indexed reason, uint32 holder, address caller
    );
    /// @notice The documents of the record with the digest `content` were disposed of after their time, as `protocol`
    /// tells. What is here of it stays.
    event RecordDisposed(
        bytes32 indexed record, uint32 indexed org, bytes32 indexed protocol, address caller, bytes32 content
    );

    /// @notice A name has 1 to 64 bytes.
    error SchemaNameLength(uint256 length);
    /// @notice Versions of a schema count from 1.
    error NotNextSchema(uint32 org, string name, uint16 expected, uint16 given);
    /// @notice A schema has a definition, known meanings, at most {MAX_COUNTERSIGNERS} second persons and, with or without
    /// an expiry, a time for which documents are kept.
    error WrongTerms(bytes32 definition, uint8 meanings, uint8 secondPersons, uint64 leastRetention);
    /// @notice The rule of a schema is a contract.
    error NotAContract(address rule);
    /// @notice No schema has this id.
    error UnknownSchema(bytes32 schema);
    /// @notice There is a newer version of the schema, and new records follow that.
    error SchemaSuperseded(bytes32 schema);
    /// @notice The amendment has neither the schema of the record nor the newest version of it.
    error OtherSchema(bytes32 record, bytes32 expected, bytes32 given);
    /// @notice The schema is not for authors of this kind.
    error WrongAuthor(bytes32 schema, Authors authors, bytes32 device);
    /// @notice The subject is neither a twin nor a lot.
    error UnknownSubject(bytes32 subject);
    /// @notice The schema asks for another relation of the organisation to the subject.
    error NoAuthorityOver(bytes32 subject, uint32 org, Authority authority);
    /// @notice The organisation that owns the device lacks the schema's roles, or may not speak.
    error DeviceOrganisation(bytes32 device, uint32 org, uint32 roles);
    /// @notice The device was never enrolled, or is revoked.
    error NotEnrolled(bytes32 device);
    /// @notice The signer given is not the device's.
    error WrongSigner(bytes32 device, bytes signer);
    /// @notice A statement has content, and one document or more.
    error NoContent(bytes32 content, uint32 documents);
    /// @notice What is stated lies after the block's time.
    error EffectiveInFuture(uint40 effectiveAt, uint256 blockTime);
    /// @notice The schema's rule refused the statement with these values. `answer`: the beginning of what it returned or
    /// reverted with.
    error RuleRefused(bytes32 schema, address rule, bytes data, bytes answer);
    /// @notice What was signed ended at the second `deadline`.
    error DeadlinePassed(bytes32 object, uint40 deadline, uint256 blockTime);
    /// @notice The signer's statements are numbered without a gap.
    error WrongSequence(address account, uint32 expected, uint32 given);
    /// @notice The signature is not the signer's over this digest.
    error InvalidSignature(bytes32 digest, bytes signer);
    /// @notice There is no such record.
    error UnknownRecord(bytes32 record);
    /// @notice The record is superseded: amend, or sign, its successor.
    error Superseded(bytes32 record, bytes32 successor);
    /// @notice The documents of the record are disposed of.
    error Disposed(bytes32 record);
    /// @notice The amendment is about another subject than the record.
    error OtherSubject(bytes32 record, bytes32 expected, bytes32 given);
    /// @notice Only the organisation of the record's author amends and disposes.
    error NotRecordOrganisation(bytes32 record, uint32 org, uint32 expected);
    /// @notice An amendment gives a reason, a disposal a protocol, a legal hold a reason.
    error NoReason(bytes32 object);
    /// @notice A signature has one meaning.
    error UnknownMeaning(uint8 meaning);
    /// @notice The record has other content than the signer saw.
    error OtherContent(bytes32 record, bytes32 expected, bytes32 given);
    /// @notice Who countersigns is not the author.
    error SamePerson(bytes32 record, address account);
    /// @notice The account has signed the record for this.
    error AlreadySigned(bytes32 record, address account, uint8 meaning);
    /// @notice The record has as many countersigners as one can have.
    error TooManyCountersigners(bytes32 record);
    /// @notice The organisation is neither the author's nor one that the schema lets countersign.
    error MayNotSign(bytes32 record, uint32 org, uint32 signerRoles);
    /// @notice A legal hold is set by the owner of the subject, the organisation of the record's author, or a regulator.
    error MayNotHold(bytes32 object, uint32 org);
    /// @notice The organisation has set this legal hold already.
    error AlreadyHeld(bytes32 object, uint32 org, bytes32 reason);
    /// @notice The organisation has set no such legal hold.
    error NoSuchHold(bytes32 object, uint32 org, bytes32 reason);
    /// @notice A legal hold is lifted by who set it; a regulator also lifts those of others than regulators.
    error MayNotRelease(bytes32 object, uint32 org, uint32 holder);
    /// @notice The documents must be kept until the second `until`.
    error Retained(bytes32 record, uint40 until, uint256 blockTime);
    /// @notice What was amended is kept as long as what amends it.
    error SuccessorKept(bytes32 record, bytes32 successor);

    /// @notice Defines a schema of the caller's organisation. Duty QUALITY. Emits {SchemaDefined}.
    /// @param version One more than {newestSchema}.
    /// @return id Its id.
    function defineSchema(string calldata name, uint16 version, Terms calldata terms) external returns (bytes32 id);

    /// @notice Writes a record. An account to which the schema is open. Emits {RecordWritten}, and {IModule-Alert} if it is
    /// late.
    /// @return record Its id: hash of the subject and of its number there.
    function write(Statement calldata statement) external returns (bytes32 record);

    /// @notice As {write}, by the account that signed. Anyone may bring it, once.
    function writeSigned(Statement calldata statement, Authorship calldata authorship) external returns (bytes32 record);

    /// @notice As {write}, by a device that signed with its current key, for the organisation that owns it. Anyone may bring
    /// it, once. At `effectiveAt` the device is attached to the subject ({IDevices-verify}); to a lot none can be
    /// attached, and the organisation made the lot or has some of it outside of containers.
    function writeByDevice(Statement calldata statement, bytes32 device, Authorship calldata authorship)
        external
        returns (bytes32 record);

    /// @notice Writes a record that supersedes another one of the same subject. Persons of its organisation to whom the
    /// schema is open. It is signed in second place anew. Emits {RecordWritten}, {RecordSuperseded}, and
    /// {IModule-Alert} if it is late.
    /// @param supersedes The record, which nothing supersedes yet.
    /// @param reason Digest of the document that says why.
    function amend(Statement calldata statement, bytes32 supersedes, bytes32 reason) external returns (bytes32 record);

    /// @notice As {amend}, by the account that signed. Anyone may bring it, once.
    function amendSigned(
        Statement calldata statement,
        bytes32 supersedes,
        bytes32 reason,
        Authorship calldata authorship
    ) external returns (bytes32 record);

    /// @notice Signs a record in second place. An account other than the author's: of the author's organisation, or one with
    /// the schema's `signerRoles`. Duty QUALITY for REVIEW and APPROVAL, else the schema's duties.
    /// Emits {Countersigned}.
    function countersign(Countersignature calldata item) external;

    /// @notice As {countersign}, by the account that signed. Anyone may bring it.
    /// @param deadline Last second at which it can be brought.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function countersignSigned(
        Countersignature calldata item,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Forbids to dispose of a record, or of all records about a subject. Duty QUALITY; owner of the subject (maker
    /// of a lot), organisation of the record's author, or regulator. Emits {LegalHoldSet}.
    /// @param object The record, or the subject.
    /// @param reason Record or digest of the document that explains it.
    function setLegalHold(bytes32 object, bytes32 reason) external;

    /// @notice Lifts a legal hold. Duty QUALITY; who set it, or a regulator if that was no regulator.
    /// Emits {LegalHoldLifted}.
    function liftLegalHold(bytes32 object, uint32 holder, bytes32 reason) external;

    /// @notice Says that the documents of a record are disposed of. Duty QUALITY, organisation of the author, after
    /// {retainUntil}; of an amended record after those of its successor. Emits {RecordDisposed}.
    /// @param protocol Record or digest of the document that tells how.
    function dispose(bytes32 record, bytes32 protocol) external;

    /// @notice The module that keeps twins.
    function TWINS() external view returns (ITwins);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The module that says which key signs for a device.
    function DEVICES() external view returns (IDevices);

    /// @notice Gas that the rule of a schema may use.
    function RULE_GAS() external view returns (uint256);

    /// @notice How much of what a rule returns or reverts with reaches the caller, in bytes.
    function RULE_ANSWER() external view returns (uint256);

    /// @notice Most accounts that countersign a record.
    function MAX_COUNTERSIGNERS() external view returns (uint256);

    /// @notice The id of a schema.
    function schemaIdOf(uint32 org, string calldata name, uint16 version) external pure returns (bytes32);

    /// @notice The newest version of a schema; 0: there is none.
    function newestSchema(uint32 org, string calldata name) external view returns (uint16 version);

    /// @notice The facts of a schema; all zero if there is none.
    function schema(bytes32 id) external view returns (Schema memory);

    /// @notice The id of the record with the number `sequence` of a subject, counted from 1.
    function recordIdOf(bytes32 subject, uint32 sequence) external pure returns (bytes32);

    /// @notice How many records there are about a subject.
    function recordCount(bytes32 subject) external view returns (uint32);

    /// @notice What is known of a record.
    function recordOf(bytes32 record) external view returns (Entry memory);

    /// @notice True if there is the record, nothing supersedes it, and all second persons that its schema asks for have
    /// signed.
    function complete(bytes32 record) external view returns (bool);

    /// @notice The record that supersedes it, or zero.
    function successorOf(bytes32 record) external view returns (bytes32);

    /// @notice The subject of a record, or zero.
    function subjectOf(bytes32 record) external view returns (bytes32);

    /// @notice The schema of a record, or zero.
    function schemaOf(bytes32 record) external view returns (bytes32);

    /// @notice Digest of the document of a record or root of the tree of its documents; zero: there is no record.
    function contentOf(bytes32 record) external view returns (bytes32);

    /// @notice Who wrote a record: the account, or the one that stands for the device's signer, and its organisation.
    function authorOf(bytes32 record) external view returns (address account, uint32 org);

    /// @notice Has anybody countersigned the record for this meaning?
    function countersigned(bytes32 record, uint8 meaning) external view returns (bool);

    /// @notice What the account countersigned the record for: bits of the library `Meaning`.
    function signedBy(bytes32 record, address account) external view returns (uint8 meanings);

    /// @notice Is the document with this digest the one numbered `index` of the record? A single document has the number 0
    /// and an empty proof.
    function isDocument(bytes32 record, uint32 index, bytes32 digest, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice The last second for which the documents of a record must be kept; the greatest number while a legal hold is
    /// on the record or its subject; 0: there is no record.
    function retainUntil(bytes32 record) external view returns (uint40);

    /// @notice How many legal holds are on a record, or on a subject itself.
    function legalHolds(bytes32 object) external view returns (uint32);

    /// @notice True while the organisation holds the record or subject for this reason.
    function legallyHeld(bytes32 object, uint32 org, bytes32 reason) external view returns (bool);

    /// @notice The number of the last statement that the account signed and somebody brought.
    function sequenceOf(address account) external view returns (uint32);

    /// @notice The digest of a statement, which its author signs (EIP-712).
    /// @param supersedes The record that it amends; zero: none, and `reason` is zero too.
    /// @param device The device that states it; zero: a person.
    function digestOfStatement(
        Statement calldata statement,
        bytes32 supersedes,
        bytes32 reason,
        bytes32 device,
        uint32 sequence,
        uint40 deadline
    ) external view returns (bytes32);

    /// @notice The digest of a signature in second place, which the signer signs (EIP-712).
    function digestOfCountersignature(Countersignature calldata item, uint40 deadline) external view returns (bytes32);
}
