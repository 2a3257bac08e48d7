// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Exceptions} from "../libraries/Exceptions.sol";
import {Facts, FactsLib} from "../libraries/Facts.sol";
import {Ids} from "../libraries/Ids.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Receivers} from "../libraries/Receivers.sol";
import {Signers} from "../libraries/Signers.sol";

// slither-disable-start incorrect-equality: the facts that are compared have the second of a step beside them, not in them
/// @title Twins
/// @notice See {ITwins}.
contract Twins is ITwins, Module {
    using SafeCast for uint256;

    /// @inheritdoc ITwins
    uint256 public constant MAX_DEPTH = 8;

    bytes32 private immutable EVENT_REF_TYPEHASH =
        keccak256("EventRef(bytes32 eventHash,bytes32 docHash,bytes32 readPoint,bytes32 bizLocation,uint64 stamp)");
    bytes32 private immutable RECEIPT_TYPEHASH = keccak256(
        "Receipt(bytes32 twin,bytes32 head,uint32 from,uint32 to,uint8 purpose,uint16 exceptions,EventRef ref,uint40 deadline)EventRef(bytes32 eventHash,bytes32 docHash,bytes32 readPoint,bytes32 bizLocation,uint64 stamp)"
    );

    /// @dev One slot for the facts and one for the head of the history. The second is zero until the first step
    /// after registration: until then the head is in the fresh facts.
    struct Entry {
        Facts facts;
        bytes32 head;
    }

    mapping(bytes32 id => Entry) private _twins;

    /// @inheritdoc ITwins
    uint32 public containerCount;

    /// @dev A container gets a number when something is first packed into it, so that its contents can point to
    /// it from within their one slot.
    mapping(bytes32 id => uint32) private _containerNumber;
    mapping(uint32 number => bytes32) private _containerId;

    mapping(bytes32 id => TitleOffer) private _titleOffers;

    /// @inheritdoc ITwins
    mapping(bytes32 id => mapping(uint32 org => mapping(bytes32 reason => bool))) public held;

    constructor(IConsortium consortium) Module("Goldthread Twins", consortium) {}

    // ------------------------------------------------------------------------------------------ registration

    /// @inheritdoc ITwins
    function register(Registration calldata item, EventRef calldata ref) external returns (bytes32 id) {
        uint32 org = CONSORTIUM.authorizeUnder(msg.sender, Ids.namespaceOf(item.uri, item.prefixLength));
        return _register(org, item, ref);
    }

    /// @inheritdoc ITwins
    function registerMany(Registration[] calldata items, EventRef calldata ref) external {
        if (items.length == 0) revert NothingNamed();
        uint32 org;
        bytes32 checked;
        for (uint256 i; i < items.length; ++i) {
            bytes32 namespace = Ids.namespaceOf(items[i].uri, items[i].prefixLength);
            if (namespace != checked) org = CONSORTIUM.authorizeUnder(msg.sender, checked = namespace);
            _register(org, items[i], ref);
        }
    }

    /// @inheritdoc ITwins
    function registerFor(Registration calldata item, uint32 maker, uint32 org, EventRef calldata ref)
        external
        returns (bytes32 id)
    {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.REGISTER);
        bytes32 seed;
        (id, seed) = _checkNew(item);
        Entry storage entry = _twins[id];
        entry.head = _next(seed, Action.REGISTERED_FOR, org, uint256(item.kind), maker, block.timestamp, ref);
        entry.facts = FactsLib.fresh(item.kind, maker, 0).moved().withOwner(org).withHolder(org, false);
        emit RegisteredFor(id, org, maker, msg.sender, item.kind, item.uri, uint40(block.timestamp), ref);
    }

    function _register(uint32 org, Registration calldata item, EventRef calldata ref) private returns (bytes32 id) {
        bytes32 seed;
        (id, seed) = _checkNew(item);
        bytes32 first = _next(seed, Action.REGISTERED, org, uint256(item.kind), 0, 0, ref);
        _twins[id].facts = FactsLib.fresh(item.kind, org, first);
        emit Registered(id, org, msg.sender, item.kind, item.uri, ref);
    }

    /// @return id Of a thing that can be registered.
    /// @return seed Where its history begins.
    function _checkNew(Registration calldata item) private view returns (bytes32 id, bytes32 seed) {
        id = Ids.idOf(item.uri);
        if (item.kind == Kind.NONE || item.kind == Kind.LOT) revert WrongKind(id, item.kind);
        if (_twins[id].facts.exists()) revert AlreadyRegistered(id);
        seed = keccak256(abi.encode(block.chainid, address(this), id));
    }

    // ----------------------------------------------------------------------------------------------- custody

    /// @inheritdoc ITwins
    function offer(bytes32 id, uint32 to, Purpose purpose, uint40 deadline, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.SHIP);
        Facts f = _inCustody(id, org);
        if (to == org || to == 0) revert SameOrganisation(id, to);
        if (block.timestamp > deadline) revert DeadlinePassed(id, deadline, block.timestamp);
        if (f.blocked()) _checkMove(id, f, purpose, to);
        _step(id, f.withOffer(purpose, to, deadline), Action.OFFERED, org, to, uint256(purpose), deadline, ref);
        emit Offered(id, org, to, msg.sender, purpose, deadline, ref);
    }

    /// @inheritdoc ITwins
    function accept(bytes32 id, bytes32 seen, EventRef calldata ref) external {
        _accept(id, seen, 0, ref);
    }

    /// @inheritdoc ITwins
    function acceptWithExceptions(bytes32 id, bytes32 seen, uint16 exceptions, EventRef calldata ref) external {
        if (exceptions == 0) revert UnknownExceptions(exceptions);
        _accept(id, seen, exceptions, ref);
    }

    function _accept(bytes32 id, bytes32 seen, uint16 exceptions, EventRef calldata ref) private {
        Facts f = _load(id);
        Purpose purpose = f.purpose();
        uint32 org = _authorize(_receivingDuties(purpose));
        if (f.pendingTo() != org) revert NotOfferedTo(id, org, f.pendingTo());
        if (block.timestamp > f.deadline()) revert DeadlinePassed(id, f.deadline(), block.timestamp);
        _checkHead(id, seen);
        if (f.blocked()) _checkMove(id, f, purpose, org);
        _checkExceptions(exceptions);
        uint32 from = f.holder();
        _step(id, _withoutOffer(f).withHolder(org, false), Action.ACCEPTED, org, from, exceptions, 0, ref);
        emit Accepted(id, org, from, msg.sender, exceptions, ref);
    }

    /// @inheritdoc ITwins
    function decline(bytes32 id, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.RECEIVE);
        Facts f = _load(id);
        if (f.pendingTo() != org) revert NotOfferedTo(id, org, f.pendingTo());
        _step(id, _withoutOffer(f), Action.DECLINED, org, 0, 0, 0, ref);
        emit Declined(id, org, f.holder(), msg.sender, ref);
    }

    /// @inheritdoc ITwins
    function cancel(bytes32 id, EventRef calldata ref) external {
        (Facts f, uint32 org) = _offeredBy(id);
        if (block.timestamp > f.deadline()) revert DeadlinePassed(id, f.deadline(), block.timestamp);
        _step(id, _withoutOffer(f), Action.CANCELLED, org, 0, 0, 0, ref);
        emit Cancelled(id, org, msg.sender, ref);
    }

    /// @inheritdoc ITwins
    function reclaim(bytes32 id, EventRef calldata ref) external {
        (Facts f, uint32 org) = _offeredBy(id);
        if (block.timestamp <= f.deadline()) revert DeadlineNotPassed(id, f.deadline(), block.timestamp);
        _step(id, _withoutOffer(f), Action.RECLAIMED, org, 0, 0, 0, ref);
        emit Reclaimed(id, org, msg.sender, ref);
    }

    /// @dev A thing that the caller's organisation has on offer.
    function _offeredBy(bytes32 id) private view returns (Facts f, uint32 org) {
        org = _authorize(Duty.SHIP);
        f = _known(id);
        if (f.pendingTo() == 0) revert NoOffer(id);
        if (f.holder() != org) revert NotCustodian(id, org, f.holder());
    }

    /// @inheritdoc ITwins
    function handOver(Receipt calldata receipt, bytes calldata signer, bytes calldata signature) external {
        Facts f = _checkGiver(receipt);
        _handOver(f, receipt, _checkReceiver(receipt, signer, signature));
    }

    /// @dev The caller hands over what it has, as the receiver saw it.
    function _checkGiver(Receipt calldata receipt) private view returns (Facts f) {
        bytes32 id = receipt.twin;
        uint32 org = _authorize(Duty.SHIP);
        f = _inCustody(id, org);
        if (receipt.from != org) revert NotCustodian(id, receipt.from, org);
        if (receipt.to == org) revert SameOrganisation(id, org);
        if (block.timestamp > receipt.deadline) revert DeadlinePassed(id, receipt.deadline, block.timestamp);
        _checkHead(id, receipt.head);
        if (f.blocked()) _checkMove(id, f, receipt.purpose, receipt.to);
        _checkExceptions(receipt.exceptions);
    }

    /// @dev The account behind the signer, which must act for the receiving organisation and have signed.
    function _checkReceiver(Receipt calldata receipt, bytes calldata signer, bytes calldata signature)
        private
        view
        returns (address receiver)
    {
        receiver = Signers.accountOf(signer);
        uint32 org = CONSORTIUM.authorize(receiver, 0, _receivingDuties(receipt.purpose));
        if (org != receipt.to) revert NotOfferedTo(receipt.twin, org, receipt.to);
        bytes32 digest = _hashTypedDataV4(_structHash(receipt));
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidReceipt(digest, signer);
    }

    /// @dev EIP-712 hash of the receipt.
    function _structHash(Receipt calldata receipt) private view returns (bytes32) {
        bytes32 ref = keccak256(abi.encode(EVENT_REF_TYPEHASH, receipt.ref));
        return keccak256(
            abi.encode(
                RECEIPT_TYPEHASH,
                receipt.twin,
                receipt.head,
                receipt.from,
                receipt.to,
                receipt.purpose,
                receipt.exceptions,
                ref,
                receipt.deadline
            )
        );
    }

    /// @dev The step itself, when both sides were checked.
    function _handOver(Facts f, Receipt calldata receipt, address receiver) private {
        _step(
            receipt.twin,
            f.withHolder(receipt.to, false),
            Action.HANDED_OVER,
            receipt.from,
            receipt.to,
            uint256(receipt.purpose) << 16 | receipt.exceptions,
            uint160(receiver),
            receipt.ref
        );
        emit HandedOver(
            receipt.twin,
            receipt.from,
            receipt.to,
            msg.sender,
            receiver,
            receipt.purpose,
            receipt.exceptions,
            receipt.ref
        );
    }

    // ----------------------------------------------------------------------------------------------- packing

    /// @inheritdoc ITwins
    function pack(bytes32 container, bytes32[] calldata ids, EventRef calldata ref) external {
        if (ids.length == 0) revert NothingNamed();
        uint32 org = _authorize(Duty.SHIP);
        uint256 depth = _checkContainer(container, org) + 1;
        uint32 number = _numberOf(container);
        bytes32 containerHead =
            _step(container, Action.CONTENTS_ADDED, org, ids.length, _hash(ids), block.timestamp, ref);
        _addContents(container, ids.length.toUint16());
        emit ContentsAdded(container, org, msg.sender, ids.length, uint40(block.timestamp), ref);
        uint8 height;
        for (uint256 i; i < ids.length; ++i) {
            Facts f = _checkPackable(ids[i], container, depth, org);
            if (f.height() >= height) height = f.height() + 1;
            f = f.withHolder(number, true);
            _step(ids[i], f, Action.PACKED, org, uint256(container), uint256(containerHead), block.timestamp, ref);
            emit Packed(ids[i], org, container, msg.sender);
        }
        _raise(container, height);
    }

    /// @dev Something into which the organisation can put things.
    /// @return depth Containers around it.
    function _checkContainer(bytes32 container, uint32 org) private view returns (uint256 depth) {
        Facts c = _known(container);
        if (c.kind() != Kind.CONTAINER) revert WrongKind(container, c.kind());
        if (c.end() != EndOfLife.NONE) revert Blocked(container, Cause.ENDED);
        return _checkOpen(container, org);
    }

    /// @dev A thing that the organisation can put into the container; `depth` containers will be around it.
    function _checkPackable(bytes32 id, bytes32 container, uint256 depth, uint32 org) private view returns (Facts f) {
        f = _inCustody(id, org);
        uint8 inner = f.height();
        if (id == container || (inner != 0 && _isAround(id, container))) revert ContainerCycle(id, container);
        if (f.blocked()) revert Blocked(id, _ownCause(f));
        if (depth + inner > MAX_DEPTH) revert TooDeep(id, depth + inner);
    }

    /// @dev Counts what comes into the container.
    function _addContents(bytes32 container, uint16 more) private {
        Facts c = _load(container);
        _twins[container].facts = c.withContents(c.contents() + more);
    }

    /// @inheritdoc ITwins
    function unpack(bytes32 container, bytes32[] calldata ids, EventRef calldata ref) external {
        if (ids.length == 0) revert NothingNamed();
        uint32 org = _authorize(Duty.SHIP);
        _known(container);
        _checkOpen(container, org);
        bytes32 containerHead =
            _step(container, Action.CONTENTS_REMOVED, org, ids.length, _hash(ids), block.timestamp, ref);
        emit ContentsRemoved(container, org, msg.sender, ids.length, uint40(block.timestamp), ref);
        for (uint256 i; i < ids.length; ++i) {
            bytes32 id = ids[i];
            if (containerOf(id) != container) revert NotInContainer(id, container);
            _takeOut(container, id, org);
            _step(id, Action.UNPACKED, org, uint256(container), uint256(containerHead), block.timestamp, ref);
            emit Unpacked(id, org, container, msg.sender);
        }
    }

    /// @inheritdoc ITwins
    function noteContents(bytes32 container, uint32 org, bytes32 note, uint16 more, uint16 less, EventRef calldata ref)
        external
    {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.SHIP);
        _checkContainer(container, org);
        Facts c = _load(container);
        uint16 contents = c.contents() + more - less;
        c = c.withContents(contents);
        if (contents == 0) c = c.withHeight(0);
        uint256 change = uint256(more) << 16 | less;
        _step(container, c, Action.CONTENTS_NOTED, org, uint256(note), change, block.timestamp, ref);
        emit ContentsNoted(container, org, note, msg.sender, more, less, uint40(block.timestamp), ref);
    }

    /// @dev Takes a thing out of its container, with what is held in it.
    function _takeOut(bytes32 container, bytes32 id, uint32 org) private {
        Facts f = _load(id);
        _twins[id].facts = f.withHolder(org, false);
        Facts c = _load(container);
        c = c.withContents(c.contents() - 1);
        _twins[container].facts = c.contents() == 0 ? c.withHeight(0) : c;
        _countHeld(container, 0, f.heldInside() + (f.holds() == 0 ? 0 : 1));
    }

    /// @dev Keeps {Twin.height} of a container, and of all around it, at least as large as it is.
    function _raise(bytes32 container, uint8 height) private {
        for (; container != 0; container = containerOf(container)) {
            Facts c = _load(container);
            if (c.height() >= height) return;
            _twins[container].facts = c.withHeight(height++);
        }
    }

    /// @dev The container's number, given when something is first packed into it.
    function _numberOf(bytes32 container) private returns (uint32 number) {
        number = _containerNumber[container];
        if (number == 0) {
            number = ++containerCount;
            _containerNumber[container] = number;
            _containerId[number] = container;
        }
    }

    // ------------------------------------------------------------------------------------------------- holds

    /// @inheritdoc ITwins
    function hold(bytes32 id, bytes32 reason, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.QUALITY);
        Facts f = _known(id);
        if (f.end() != EndOfLife.NONE) revert Blocked(id, Cause.ENDED);
        if (org != f.owner() && org != custodianOf(id) && !CONSORTIUM.hasRole(org, Role.REGULATOR)) {
            revert MayNotHold(id, org);
        }
        if (held[id][org][reason]) revert AlreadyHeld(id, org, reason);
        held[id][org][reason] = true;
        _step(id, f.withHolds(f.holds() + 1), Action.HELD, org, uint256(reason), 0, 0, ref);
        if (f.holds() == 0) _countHeld(containerOf(id), 1, 0);
        emit Held(id, org, reason, msg.sender, ref);
    }

    /// @inheritdoc ITwins
    function release(bytes32 id, uint32 holder, bytes32 reason, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.QUALITY);
        if (
            org != holder
                && (!CONSORTIUM.hasRole(org, Role.REGULATOR)
                    || CONSORTIUM.organisation(holder).roles & Role.REGULATOR != 0)
        ) revert MayNotRelease(id, org, holder);
        if (!held[id][holder][reason]) revert NoSuchHold(id, holder, reason);
        held[id][holder][reason] = false;
        Facts f = _load(id);
        _step(id, f.withHolds(f.holds() - 1), Action.RELEASED, org, uint256(reason), holder, 0, ref);
        if (f.holds() == 1) _countHeld(containerOf(id), 0, 1);
        emit Released(id, org, reason, holder, msg.sender, ref);
    }

    /// @dev Keeps {Twin.heldInside} of a container and of all around it.
    function _countHeld(bytes32 container, uint16 more, uint16 less) private {
        if (more == less) return;
        for (; container != 0; container = containerOf(container)) {
            Facts c = _load(container);
            _twins[container].facts = c.withHeldInside(c.heldInside() + more - less);
        }
    }

    // ------------------------------------------------------------------------------------- title and the end

    /// @inheritdoc ITwins
    function offerTitle(bytes32 id, uint32 to, uint40 deadline, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.FINANCE);
        uint32 owner = _known(id).owner();
        if (owner != org) revert NotOwner(id, org, owner);
        if (to == org || to == 0) revert SameOrganisation(id, to);
        if (block.timestamp > deadline) revert DeadlinePassed(id, deadline, block.timestamp);
        _checkClear(id);
        _titleOffers[id] = TitleOffer(to, deadline);
        _step(id, Action.TITLE_OFFERED, org, to, deadline, 0, ref);
        emit TitleOffered(id, org, to, msg.sender, deadline, ref);
    }

    /// @inheritdoc ITwins
    function cancelTitle(bytes32 id, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.FINANCE);
        uint32 to = _titleOffers[id].to;
        if (to == 0) revert NoOffer(id);
        if (org != to && org != ownerOf(id)) revert NotOwner(id, org, ownerOf(id));
        delete _titleOffers[id];
        _step(id, Action.TITLE_CANCELLED, org, 0, 0, 0, ref);
        emit TitleCancelled(id, org, msg.sender, ref);
    }

    /// @inheritdoc ITwins
    function acceptTitle(bytes32 id, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.FINANCE);
        TitleOffer memory o = _titleOffers[id];
        if (o.to != org) revert NotOfferedTo(id, org, o.to);
        if (block.timestamp > o.deadline) revert DeadlinePassed(id, o.deadline, block.timestamp);
        _checkClear(id);
        Facts f = _load(id);
        delete _titleOffers[id];
        _step(id, f.withOwner(org), Action.TITLE_ACCEPTED, org, f.owner(), 0, 0, ref);
        emit TitleAccepted(id, org, f.owner(), msg.sender, ref);
    }

    /// @inheritdoc ITwins
    function retire(bytes32 id, EndOfLife end, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.REGISTER);
        Facts f = _known(id);
        if (f.end() != EndOfLife.NONE) revert Blocked(id, Cause.ENDED);
        if (end == EndOfLife.NONE) revert WrongEnd(id, end);
        if (f.contents() != 0) revert NotEmpty(id, f.contents());
        _checkHolder(id, org);
        // Whatever is held can still be destroyed, or turn out to be stolen.
        if (end != EndOfLife.DESTROYED && end != EndOfLife.STOLEN) _checkClear(id);
        bytes32 container = containerOf(id);
        bytes32 containerHead;
        if (container != 0) {
            containerHead = _step(container, Action.CONTENTS_REMOVED, org, 1, uint256(id), block.timestamp, ref);
            _takeOut(container, id, org);
        }
        Facts ended = _load(id).withEnd(end);
        uint256 how = block.timestamp << 8 | uint8(end);
        _step(id, ended, Action.RETIRED, org, how, uint256(container), uint256(containerHead), ref);
        emit Retired(id, org, container, msg.sender, end, uint40(block.timestamp), ref);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ITwins
    function clear(bytes32 id) external view returns (bool ok, Cause cause) {
        cause = _cause(id);
        return (cause == Cause.NONE, cause);
    }

    /// @inheritdoc ITwins
    function twin(bytes32 id) external view returns (Twin memory) {
        Facts f = _load(id);
        return Twin({
            kind: f.kind(),
            end: f.end(),
            purpose: f.purpose(),
            packed: f.packed(),
            height: f.height(),
            maker: f.maker(),
            owner: f.owner(),
            holder: f.holder(),
            pendingTo: f.pendingTo(),
            deadline: f.deadline(),
            holds: f.holds(),
            heldInside: f.heldInside(),
            contents: f.contents()
        });
    }

    /// @inheritdoc ITwins
    function head(bytes32 id) public view returns (bytes32) {
        return _headOf(_twins[id]);
    }

    /// @inheritdoc ITwins
    function custodianOf(bytes32 id) public view returns (uint32) {
        (Facts f,) = _outermost(id);
        return f.holder();
    }

    /// @inheritdoc ITwins
    function ownerOf(bytes32 id) public view returns (uint32) {
        return _load(id).owner();
    }

    /// @inheritdoc ITwins
    function containerOf(bytes32 id) public view returns (bytes32) {
        Facts f = _load(id);
        return f.packed() ? _containerId[f.holder()] : bytes32(0);
    }

    /// @inheritdoc ITwins
    function titleOffer(bytes32 id) external view returns (TitleOffer memory) {
        return _titleOffers[id];
    }

    // ------------------------------------------------------------------------------------------------ checks

    function _load(bytes32 id) private view returns (Facts) {
        return _twins[id].facts.moved();
    }

    function _known(bytes32 id) private view returns (Facts f) {
        f = _load(id);
        if (!f.exists()) revert UnknownTwin(id);
    }

    /// @dev A thing that the organisation can move: in its custody, in no container, offered to nobody.
    function _inCustody(bytes32 id, uint32 org) private view returns (Facts f) {
        f = _known(id);
        if (f.kind() == Kind.DESIGN) revert WrongKind(id, f.kind());
        if (f.packed()) revert IsPacked(id, _containerId[f.holder()]);
        if (f.holder() != org) revert NotCustodian(id, org, f.holder());
        if (f.pendingTo() != 0) revert OfferOpen(id, f.pendingTo(), f.deadline());
    }

    /// @dev Facts of the container around everything else, or of the thing itself, and how far out that is.
    function _outermost(bytes32 id) private view returns (Facts f, uint256 depth) {
        f = _load(id);
        for (; f.packed(); ++depth) {
            f = _load(_containerId[f.holder()]);
        }
    }

    /// @dev Custody of the outermost container, which is offered to nobody.
    /// @return depth Containers around the thing.
    function _checkHolder(bytes32 id, uint32 org) private view returns (uint256 depth) {
        Facts f;
        (f, depth) = _outermost(id);
        if (f.holder() != org) revert NotCustodian(id, org, f.holder());
        if (f.pendingTo() != 0) revert OfferOpen(id, f.pendingTo(), f.deadline());
    }

    /// @dev A container whose contents the organisation may change.
    function _checkOpen(bytes32 container, uint32 org) private view returns (uint256 depth) {
        depth = _checkHolder(container, org);
        if (_load(container).holds() != 0) revert Blocked(container, Cause.HELD);
        if (_isHeldAround(container)) revert Blocked(container, Cause.CONTAINER_HELD);
    }

    /// @dev Custody passes for what the receiver saw, and for nothing that came after.
    function _checkHead(bytes32 id, bytes32 seen) private view {
        bytes32 current = head(id);
        if (seen != current) revert HeadMoved(id, seen, current);
    }

    /// @dev What is held, or has ended, moves only to somebody who deals with that.
    function _checkMove(bytes32 id, Facts f, Purpose purpose, uint32 to) private view {
        if (purpose == Purpose.TRANSPORT) revert Blocked(id, _ownCause(f));
        // Whoever owns or made a container is nobody to whom the things held in it belong.
        bool own = f.heldInside() == 0 && (to == f.maker() || to == f.owner());
        if (!Receivers.isOpenTo(CONSORTIUM, purpose, to, own)) revert NotAReceiverFor(id, purpose, to);
    }

    function _checkClear(bytes32 id) private view {
        Cause cause = _cause(id);
        if (cause != Cause.NONE) revert Blocked(id, cause);
    }

    function _checkExceptions(uint16 exceptions) private pure {
        if (exceptions & ~Exceptions.ALL != 0) revert UnknownExceptions(exceptions);
    }

    function _cause(bytes32 id) private view returns (Cause cause) {
        Facts f = _load(id);
        if (!f.exists()) return Cause.UNKNOWN;
        cause = _ownCause(f);
        if (cause == Cause.NONE && _isHeldAround(id)) cause = Cause.CONTAINER_HELD;
    }

    function _ownCause(Facts f) private pure returns (Cause) {
        if (f.end() != EndOfLife.NONE) return Cause.ENDED;
        if (f.holds() != 0) return Cause.HELD;
        return f.heldInside() != 0 ? Cause.CONTENTS_HELD : Cause.NONE;
    }

    function _isHeldAround(bytes32 id) private view returns (bool) {
        for (Facts f = _load(id); f.packed();) {
            f = _load(_containerId[f.holder()]);
            if (f.holds() != 0) return true;
        }
        return false;
    }

    function _isAround(bytes32 id, bytes32 inner) private view returns (bool) {
        while (inner != 0 && inner != id) inner = containerOf(inner);
        return inner == id;
    }

    function _receivingDuties(Purpose purpose) private pure returns (uint32) {
        return purpose == Purpose.QUARANTINE ? Duty.RECEIVE | Duty.QUALITY : Duty.RECEIVE;
    }

    function _withoutOffer(Facts f) private pure returns (Facts) {
        return f.withOffer(Purpose.TRANSPORT, 0, 0);
    }

    // ----------------------------------------------------------------------------------------------- history

    /// @dev Adds a step to the history of the twin, and changes its facts. First the step: until the facts are written
    /// the head of a fresh twin is in them.
    function _step(
        bytes32 id,
        Facts f,
        Action action,
        uint32 org,
        uint256 a,
        uint256 b,
        uint256 c,
        EventRef calldata ref
    ) private {
        Entry storage entry = _twins[id];
        entry.head = _next(_headOf(entry), action, org, a, b, c, ref);
        entry.facts = f;
    }

    /// @dev As above, for a step that changes no facts, or others than of the twin alone.
    function _step(bytes32 id, Action action, uint32 org, uint256 a, uint256 b, uint256 c, EventRef calldata ref)
        private
        returns (bytes32 next)
    {
        Entry storage entry = _twins[id];
        next = _next(_headOf(entry), action, org, a, b, c, ref);
        entry.head = next;
    }

    function _headOf(Entry storage entry) private view returns (bytes32 h) {
        h = entry.head;
        if (h == 0) h = entry.facts.freshHead();
    }

    function _next(bytes32 previous, Action action, uint32 org, uint256 a, uint256 b, uint256 c, EventRef calldata ref)
        private
        view
        returns (bytes32)
    {
        EventStamp.checkPast(ref.stamp);
        return keccak256(abi.encode(previous, action, org, msg.sender, a, b, c, ref));
    }

    function _hash(bytes32[] calldata ids) private pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(ids)));
    }
}
// slither-disable-end incorrect-equality
