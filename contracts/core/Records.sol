// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecords} from "../interfaces/IRecords.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Meaning} from "../libraries/Meaning.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {RecordWord, RecordWordLib} from "../libraries/RecordWord.sol";
import {Signers} from "../libraries/Signers.sol";
import {Schemas} from "./Schemas.sol";

// slither-disable-start incorrect-equality: the fields of a word that are compared have the time beside them, not in them
/// @title Records
/// @notice See {IRecords}: the half that keeps records, signatures and how long documents are kept.
contract Records is Schemas {
    /// @dev One slot: what stands for a subject in the words of its records, how many there are, and what never changes of
    /// it.
    struct Subject {
        uint32 number;
        uint32 records;
        uint32 maker;
        bool lot;
    }

    /// @dev Who writes for whom. The number of it stands in the words of its records.
    struct Author {
        address account;
        uint32 org;
        bytes32 device;
    }

    bytes4 private constant LATE = bytes4(keccak256("LATE"));
    uint8 private constant MINOR = 1;

    /// @dev Immutable, because the compiler would hash constants of this length at every use.
    bytes32 private immutable STATEMENT_TYPEHASH = keccak256(
        "Statement(bytes32 subject,bytes32 schema,bytes32 content,uint32 documents,uint40 effectiveAt,bytes32 original,bytes32 signerName,bytes data,string uri)"
    );
    bytes32 private immutable SIGNED_TYPEHASH = keccak256(
        "SignedStatement(Statement statement,bytes32 supersedes,bytes32 reason,bytes32 device,uint32 sequence,uint40 deadline)Statement(bytes32 subject,bytes32 schema,bytes32 content,uint32 documents,uint40 effectiveAt,bytes32 original,bytes32 signerName,bytes data,string uri)"
    );
    bytes32 private immutable COUNTERSIGNATURE_TYPEHASH =
        keccak256("Countersignature(bytes32 record,bytes32 content,uint8 meaning,bytes32 signerName)");
    bytes32 private immutable SIGNED_COUNTERSIGNATURE_TYPEHASH = keccak256(
        "SignedCountersignature(Countersignature item,uint40 deadline)Countersignature(bytes32 record,bytes32 content,uint8 meaning,bytes32 signerName)"
    );

    /// @inheritdoc IRecords
    ITwins public immutable TWINS;

    /// @inheritdoc IRecords
    ILots public immutable LOTS;

    /// @inheritdoc IRecords
    IDevices public immutable DEVICES;

    uint32 private _subjectCount;
    uint32 private _authorCount;

    mapping(bytes32 subject => Subject) private _subjects;
    mapping(uint32 number => bytes32) private _subjectIds;
    mapping(bytes32 key => uint32) private _authorNumbers;
    mapping(uint32 number => Author) private _authors;

    mapping(bytes32 record => RecordWord) private _words;

    /// @inheritdoc IRecords
    mapping(bytes32 record => bytes32) public contentOf;

    /// @inheritdoc IRecords
    mapping(bytes32 record => mapping(address account => uint8)) public signedBy;

    /// @inheritdoc IRecords
    mapping(address account => uint32) public sequenceOf;

    /// @inheritdoc IRecords
    mapping(bytes32 object => uint32) public legalHolds;

    /// @inheritdoc IRecords
    mapping(bytes32 object => mapping(uint32 org => mapping(bytes32 reason => bool))) public legallyHeld;

    constructor(IConsortium consortium, ILots lots, IDevices devices) Module("Goldthread Records", consortium) {
        LOTS = lots;
        DEVICES = devices;
        TWINS = devices.TWINS();
    }

    // ----------------------------------------------------------------------------------------------- writing

    /// @inheritdoc IRecords
    function write(Statement calldata statement) external returns (bytes32 record) {
        return _write(statement, msg.sender, 0);
    }

    /// @inheritdoc IRecords
    function writeSigned(Statement calldata statement, Authorship calldata authorship)
        external
        returns (bytes32 record)
    {
        return _write(statement, _signer(statement, 0, 0, authorship), authorship.sequence);
    }

    /// @inheritdoc IRecords
    function writeByDevice(Statement calldata statement, bytes32 device, Authorship calldata authorship)
        external
        returns (bytes32 record)
    {
        Gist storage f = _open(statement.schema);
        if (f.authors == Authors.PERSONS) revert WrongAuthor(statement.schema, f.authors, device);
        uint32 org = _twinOwner(device);
        if (!_hasRole(org, f.roles == 0 ? type(uint32).max : f.roles)) {
            revert DeviceOrganisation(device, org, f.roles);
        }
        bytes32 digest = digestOfStatement(statement, 0, 0, device, authorship.sequence, authorship.deadline);
        address account = _count(statement.subject, authorship);
        Subject storage subject = _subject(statement.subject);
        if (subject.lot) {
            _checkDevice(device, digest, authorship);
            _checkAuthority(statement.subject, subject, org, Authority.OWNER_OR_CUSTODIAN);
        } else {
            uint40 time = statement.effectiveAt;
            DEVICES.verify(device, statement.subject, time, time, digest, authorship.signer, authorship.signature);
        }
        (record,) = _add(statement, f, account, org, device, 0, authorship.sequence);
    }

    /// @inheritdoc IRecords
    function amend(Statement calldata statement, bytes32 supersedes, bytes32 reason) external returns (bytes32 record) {
        return _amend(statement, supersedes, reason, msg.sender, 0);
    }

    /// @inheritdoc IRecords
    function amendSigned(
        Statement calldata statement,
        bytes32 supersedes,
        bytes32 reason,
        Authorship calldata authorship
    ) external returns (bytes32 record) {
        address author = _signer(statement, supersedes, reason, authorship);
        return _amend(statement, supersedes, reason, author, authorship.sequence);
    }

    function _write(Statement calldata s, address author, uint32 signed) private returns (bytes32 record) {
        Gist storage f = _open(s.schema);
        if (f.authors == Authors.DEVICES) revert WrongAuthor(s.schema, f.authors, 0);
        uint32 org = _authorize(author, f.roles, f.duties);
        (record,) = _add(s, f, author, org, 0, 0, signed);
    }

    function _amend(Statement calldata s, bytes32 supersedes, bytes32 reason, address author, uint32 signed)
        private
        returns (bytes32 record)
    {
        if (reason == 0) revert NoReason(supersedes);
        RecordWord old = _current(supersedes);
        bytes32 subject = _subjectIds[old.subject()];
        if (s.subject != subject) revert OtherSubject(supersedes, subject, s.subject);
        Gist storage f = _forms[s.schema].gist;
        bytes32 form = _schemaIds[old.schema()];
        if (s.schema != form && (f.superseded || _forms[s.schema].line != _forms[form].line)) {
            revert OtherSchema(supersedes, form, s.schema);
        }
        uint32 org = _authorize(author, f.roles, f.duties);
        _checkRecordOrganisation(supersedes, old, org);
        uint32 sequence;
        (record, sequence) = _add(s, f, author, org, 0, supersedes, signed);
        _words[supersedes] = old.withSuccessor(sequence);
        emit RecordSuperseded(supersedes, org, record, author, reason);
    }

    /// @dev Checks what is stated, numbers it and keeps it.
    function _add(
        Statement calldata s,
        Gist storage f,
        address author,
        uint32 org,
        bytes32 device,
        bytes32 supersedes,
        uint32 signed
    ) private returns (bytes32 record, uint32 sequence) {
        if (s.content == 0 || s.documents == 0) revert NoContent(s.content, s.documents);
        if (s.effectiveAt > block.timestamp) revert EffectiveInFuture(s.effectiveAt, block.timestamp);
        Subject storage subject = _subject(s.subject);
        _checkAuthority(s.subject, subject, org, f.authority);
        if (f.ruled) _ask(s, _forms[s.schema].rule, author, org, device, supersedes);
        uint40 time = uint40(block.timestamp);
        bool late = time - s.effectiveAt > f.maxLag;
        sequence = ++subject.records;
        record = recordIdOf(s.subject, sequence);
        _words[record] = RecordWordLib.pack(
                s.effectiveAt, time, f.number, _authorNumber(author, org, device), subject.number, sequence
            ).withFlags(late, s.original != 0, s.documents > 1, supersedes != 0);
        contentOf[record] = s.content;
        emit RecordWritten(record, s.subject, org, author, msg.sender, device, sequence, late, time, signed, s);
        if (late) emit Alert(s.subject, LATE, org, MINOR, record);
    }

    // ----------------------------------------------------------------------------------------------- signing

    /// @inheritdoc IRecords
    function countersign(Countersignature calldata item) external {
        _countersign(item, msg.sender);
    }

    /// @inheritdoc IRecords
    function countersignSigned(
        Countersignature calldata item,
        uint40 deadline,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        if (block.timestamp > deadline) {
            revert DeadlinePassed(item.record, deadline, block.timestamp);
        }
        _checkSignature(digestOfCountersignature(item, deadline), signer, signature);
        _countersign(item, Signers.accountOf(signer));
    }

    function _countersign(Countersignature calldata item, address signer) private {
        (bytes32 record, uint8 meaning) = (item.record, item.meaning);
        RecordWord r = _current(record);
        if (item.content != contentOf[record]) revert OtherContent(record, contentOf[record], item.content);
        if (meaning == 0 || meaning & ~Meaning.ALL != 0 || meaning & (meaning - 1) != 0) {
            revert UnknownMeaning(meaning);
        }
        Gist storage f = _forms[_schemaIds[r.schema()]].gist;
        bool quality = meaning & (Meaning.REVIEW | Meaning.APPROVAL) != 0;
        uint32 org = _authorize(signer, 0, quality ? Duty.QUALITY : f.duties);
        Author storage a = _authors[r.author()];
        if (signer == a.account) revert SamePerson(record, signer);
        if (org != a.org && !_hasRole(org, f.signerRoles)) revert MayNotSign(record, org, f.signerRoles);
        uint8 before = signedBy[record][signer];
        if (before & meaning != 0) revert AlreadySigned(record, signer, meaning);
        if (before == 0 && r.countersigners() == MAX_COUNTERSIGNERS) revert TooManyCountersigners(record);
        signedBy[record][signer] = before | meaning;
        _words[record] = r.withSignature(meaning, before == 0);
        emit Countersigned(record, org, signer, msg.sender, meaning, item.signerName, uint40(block.timestamp));
    }

    // --------------------------------------------------------------------------------------------- retention

    /// @inheritdoc IRecords
    function setLegalHold(bytes32 object, bytes32 reason) external {
        uint32 org = _authorize(msg.sender, 0, Duty.QUALITY);
        if (reason == 0) revert NoReason(object);
        RecordWord r = _words[object];
        uint32 owner = _ownerOf(r.exists() ? _subjectIds[r.subject()] : object);
        if (owner == 0) revert UnknownSubject(object);
        bool may = org == owner || (r.exists() && org == _authors[r.author()].org);
        if (!may && !_hasRole(org, Role.REGULATOR)) revert MayNotHold(object, org);
        if (legallyHeld[object][org][reason]) revert AlreadyHeld(object, org, reason);
        legallyHeld[object][org][reason] = true;
        ++legalHolds[object];
        emit LegalHoldSet(object, org, reason, msg.sender);
    }

    /// @inheritdoc IRecords
    function liftLegalHold(bytes32 object, uint32 holder, bytes32 reason) external {
        uint32 org = _authorize(msg.sender, 0, Duty.QUALITY);
        if (
            org != holder
                && (!_hasRole(org, Role.REGULATOR) || CONSORTIUM.organisation(holder).roles & Role.REGULATOR != 0)
        ) revert MayNotRelease(object, org, holder);
        if (!legallyHeld[object][holder][reason]) revert NoSuchHold(object, holder, reason);
        legallyHeld[object][holder][reason] = false;
        --legalHolds[object];
        emit LegalHoldLifted(object, org, reason, holder, msg.sender);
    }

    /// @inheritdoc IRecords
    function dispose(bytes32 record, bytes32 protocol) external {
        uint32 org = _authorize(msg.sender, 0, Duty.QUALITY);
        if (protocol == 0) revert NoReason(record);
        RecordWord r = _kept(record);
        _checkRecordOrganisation(record, r, org);
        uint40 until = retainUntil(record);
        if (block.timestamp <= until) revert Retained(record, until, block.timestamp);
        bytes32 successor = successorOf(record);
        if (successor != 0 && !_words[successor].disposed()) revert SuccessorKept(record, successor);
        _words[record] = r.withDisposed();
        emit RecordDisposed(record, org, protocol, msg.sender, contentOf[record]);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IRecords
    function recordOf(bytes32 record) external view returns (Entry memory) {
        RecordWord r = _words[record];
        Author storage a = _authors[r.author()];
        return Entry({
            subject: _subjectIds[r.subject()],
            schema: _schemaIds[r.schema()],
            content: contentOf[record],
            author: a.account,
            org: a.org,
            device: a.device,
            sequence: r.sequence(),
            effectiveAt: r.effectiveAt(),
            recordedAt: r.recordedAt(),
            late: r.late(),
            trueCopy: r.trueCopy(),
            bundle: r.bundle(),
            amendment: r.amendment(),
            disposed: r.disposed(),
            meanings: r.meanings(),
            countersigners: r.countersigners(),
            complete: complete(record),
            successor: successorOf(record)
        });
    }

    /// @inheritdoc IRecords
    function recordCount(bytes32 subject) external view returns (uint32) {
        return _subjects[subject].records;
    }

    /// @inheritdoc IRecords
    function subjectOf(bytes32 record) external view returns (bytes32) {
        return _subjectIds[_words[record].subject()];
    }

    /// @inheritdoc IRecords
    function schemaOf(bytes32 record) external view returns (bytes32) {
        return _schemaIds[_words[record].schema()];
    }

    /// @inheritdoc IRecords
    function authorOf(bytes32 record) external view returns (address account, uint32 org) {
        Author storage a = _authors[_words[record].author()];
        return (a.account, a.org);
    }

    /// @inheritdoc IRecords
    function countersigned(bytes32 record, uint8 meaning) external view returns (bool) {
        return meaning != 0 && _words[record].meanings() & meaning == meaning;
    }

    /// @inheritdoc IRecords
    function isDocument(bytes32 record, uint32 index, bytes32 digest, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        RecordWord r = _words[record];
        bytes32 content = contentOf[record];
        if (!r.bundle()) return r.exists() && index == 0 && proof.length == 0 && digest == content;
        return MerkleProof.verifyCalldata(proof, content, MerkleLeaves.document(index, digest), MerkleLeaves.node);
    }

    /// @inheritdoc IRecords
    function complete(bytes32 record) public view returns (bool) {
        RecordWord r = _words[record];
        if (!r.exists() || r.successor() != 0) return false;
        Gist storage f = _forms[_schemaIds[r.schema()]].gist;
        return r.countersigners() >= f.secondPersons && r.meanings() & f.meanings == f.meanings;
    }

    /// @inheritdoc IRecords
    function successorOf(bytes32 record) public view returns (bytes32) {
        RecordWord r = _words[record];
        uint32 successor = r.successor();
        return successor == 0 ? bytes32(0) : recordIdOf(_subjectIds[r.subject()], successor);
    }

    /// @inheritdoc IRecords
    function retainUntil(bytes32 record) public view returns (uint40) {
        RecordWord r = _words[record];
        if (!r.exists()) return 0;
        bytes32 subject = _subjectIds[r.subject()];
        if (legalHolds[record] != 0 || legalHolds[subject] != 0) return type(uint40).max;
        Form storage f = _forms[_schemaIds[r.schema()]];
        bytes32 batch = LOTS.lotOfUnit(subject);
        uint256 expiry = _lotOf(batch == 0 ? subject : batch).expiry;
        uint256 time = expiry == 0 ? uint256(r.recordedAt()) + f.withoutExpiry : expiry + f.afterExpiry;
        return uint40(Math.min(Math.max(time, uint256(r.recordedAt()) + f.afterRecord), type(uint40).max));
    }

    /// @inheritdoc IRecords
    function recordIdOf(bytes32 subject, uint32 sequence) public pure returns (bytes32) {
        return keccak256(abi.encode(subject, sequence));
    }

    /// @inheritdoc IRecords
    function digestOfStatement(
        Statement calldata statement,
        bytes32 supersedes,
        bytes32 reason,
        bytes32 device,
        uint32 sequence,
        uint40 deadline
    ) public view returns (bytes32) {
        Statement calldata s = statement;
        bytes32 hash = keccak256(
            abi.encode(
                STATEMENT_TYPEHASH,
                s.subject,
                s.schema,
                s.content,
                s.documents,
                s.effectiveAt,
                s.original,
                s.signerName,
                keccak256(s.data),
                keccak256(bytes(s.uri))
            )
        );
        return
            _hashTypedDataV4(
                keccak256(abi.encode(SIGNED_TYPEHASH, hash, supersedes, reason, device, sequence, deadline))
            );
    }

    /// @inheritdoc IRecords
    function digestOfCountersignature(Countersignature calldata item, uint40 deadline) public view returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(COUNTERSIGNATURE_TYPEHASH, item));
        return _hashTypedDataV4(keccak256(abi.encode(SIGNED_COUNTERSIGNATURE_TYPEHASH, hash, deadline)));
    }

    // ----------------------------------------------------------------------------------------------- private

    /// @dev The schema that new records follow.
    function _open(bytes32 id) private view returns (Gist storage f) {
        f = _forms[id].gist;
        if (f.number == 0) revert UnknownSchema(id);
        if (f.superseded) revert SchemaSuperseded(id);
    }

    /// @dev A record whose documents are there.
    function _kept(bytes32 record) private view returns (RecordWord r) {
        r = _words[record];
        if (!r.exists()) revert UnknownRecord(record);
        if (r.disposed()) revert Disposed(record);
    }

    /// @dev A record whose documents are there and which is the valid version.
    function _current(bytes32 record) private view returns (RecordWord r) {
        r = _kept(record);
        if (r.successor() != 0) revert Superseded(record, successorOf(record));
    }

    function _checkRecordOrganisation(bytes32 record, RecordWord r, uint32 org) private view {
        uint32 expected = _authors[r.author()].org;
        if (org != expected) revert NotRecordOrganisation(record, org, expected);
    }

    /// @dev The account that signed the statement, whose turn that was.
    function _signer(Statement calldata s, bytes32 supersedes, bytes32 reason, Authorship calldata a)
        private
        returns (address account)
    {
        account = _count(s.subject, a);
        _checkSignature(digestOfStatement(s, supersedes, reason, 0, a.sequence, a.deadline), a.signer, a.signature);
    }

    /// @dev Counts the signer's statement, before the deadline and in its turn.
    function _count(bytes32 subject, Authorship calldata a) private returns (address account) {
        if (block.timestamp > a.deadline) revert DeadlinePassed(subject, a.deadline, block.timestamp);
        account = Signers.accountOf(a.signer);
        uint32 expected = sequenceOf[account] + 1;
        if (a.sequence != expected) revert WrongSequence(account, expected, a.sequence);
        sequenceOf[account] = expected;
    }

    /// @dev For a lot, to which no device can be attached: the signature alone.
    function _checkDevice(bytes32 device, bytes32 digest, Authorship calldata a) private view {
        bytes32 expected = DEVICES.signerHash(device);
        if (expected == 0) revert NotEnrolled(device);
        if (keccak256(a.signer) != expected) revert WrongSigner(device, a.signer);
        _checkSignature(digest, a.signer, a.signature);
    }

    function _checkSignature(bytes32 digest, bytes calldata signer, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidSignature(digest, signer);
    }

    function _checkAuthority(bytes32 id, Subject storage subject, uint32 org, Authority authority) private view {
        if (authority == Authority.ANYONE_ALLOWED) return;
        (bool lot, bool may) = (subject.lot, subject.maker == org);
        if (authority == Authority.OWNER_OR_CUSTODIAN) {
            if (lot) may = may || LOTS.quantityOf(id, org) != 0;
            else may = org == _twinOwner(id) || org == TWINS.custodianOf(id);
        }
        if (!may) revert NoAuthorityOver(id, org, authority);
    }

    /// @dev The maker of a lot, the owner of a twin; 0: it is neither.
    function _ownerOf(bytes32 subject) private view returns (uint32 owner) {
        owner = _lotOf(subject).maker;
        if (owner == 0) owner = _twinOwner(subject);
    }

    function _lotOf(bytes32 id) private view returns (ILots.Lot memory) {
        return LOTS.lotOf(id);
    }

    function _twinOwner(bytes32 id) private view returns (uint32) {
        return TWINS.ownerOf(id);
    }

    function _hasRole(uint32 org, uint32 roles) private view returns (bool) {
        return CONSORTIUM.hasRole(org, roles);
    }

    /// @dev Gives a subject its number with its first record.
    function _subject(bytes32 id) private returns (Subject storage subject) {
        subject = _subjects[id];
        if (subject.number != 0) return subject;
        uint32 maker = _lotOf(id).maker;
        bool lot = maker != 0;
        if (!lot) maker = TWINS.twin(id).maker;
        if (maker == 0) revert UnknownSubject(id);
        uint32 number = ++_subjectCount;
        (subject.number, subject.maker, subject.lot) = (number, maker, lot);
        _subjectIds[number] = id;
    }

    /// @dev Gives an author its number with its first record for this organisation.
    function _authorNumber(address account, uint32 org, bytes32 device) private returns (uint32 number) {
        bytes32 key = keccak256(abi.encode(account, org, device));
        number = _authorNumbers[key];
        if (number == 0) {
            number = ++_authorCount;
            _authorNumbers[key] = number;
            _authors[number] = Author({account: account, org: org, device: device});
        }
    }
}
// slither-disable-end incorrect-equality
