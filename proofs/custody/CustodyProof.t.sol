// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Twins} from "../../contracts/core/Twins.sol";
import {IConsortium} from "../../contracts/interfaces/IConsortium.sol";
import {EventRef, ITwins} from "../../contracts/interfaces/ITwins.sol";
import {Facts} from "../../contracts/libraries/Facts.sol";

interface Vm {
    function assume(bool condition) external pure;
    function prank(address caller) external;
    function warp(uint256 timestamp) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
}

interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @dev Answers anything, but always the same: its storage is arbitrary.
contract AnyConsortium {
    mapping(address account => uint32) public orgOf;
    mapping(uint32 org => mapping(uint32 roles => bool)) public hasRole;
    mapping(uint32 org => IConsortium.Organisation) public organisation;

    error Refused();

    function authorize(address account, uint32, uint32) external view returns (uint32 org) {
        org = orgOf[account];
        if (org == 0) revert Refused();
    }
}

/// @notice The inductive step: from any state, for any caller, any arguments and any moment, what holds before a
/// call holds after it. Whatever is true of a twin just registered and kept by every step is always true.
/// Not any argument: a receipt is signed by an account without code, with 65 bytes; one thing is packed or unpacked, in
/// a container that is in no other. Not any state: every enumeration is in its range, and what is said of {ITwins-hold},
/// {ITwins-release}, {ITwins-retire} and {ITwins-acceptTitle} is said of things that are not packed.
/// `make prove` runs it with halmos. {CustodySelfTest} is false on purpose: there everything must fail.
contract CustodyProof {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm private constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    /// @dev Slot of the mapping of twins.
    uint256 private constant TWINS = 2;
    uint256 private constant NUMBERS = 4;
    uint256 private constant IDS = 5;
    /// @dev An account without code that signs receipts.
    address private constant RECEIVER = address(0x7913);

    AnyConsortium private consortium;
    Twins private twins;

    function setUp() public {
        consortium = new AnyConsortium();
        twins = new Twins(IConsortium(address(consortium)));
        svm.enableSymbolicStorage(address(consortium));
        svm.enableSymbolicStorage(address(twins));
    }

    // ------------------------------------------------------------------------------------ each step of custody

    function check_offer(
        address caller,
        uint40 time,
        bytes32 id,
        uint32 to,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(id, caller, time);
        twins.offer(id, to, purpose, deadline, ref);
        ITwins.Twin memory b = _after(a, id);
        assert(_both(a.holder == b.holder, a.holder == consortium.orgOf(caller)));
        assert(_both(a.pendingTo == 0, _both(b.pendingTo == to, b.deadline == deadline)));
        assert(_both(b.purpose == purpose, _free(a, purpose)));
    }

    function check_accept(address caller, uint40 time, bytes32 id, bytes32 seen, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        bytes32 head = _head(id);
        twins.accept(id, seen, ref);
        assert(head == seen);
        _accepted(a, _after(a, id), caller, time);
    }

    function check_acceptWithExceptions(
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 seen,
        uint16 exceptions,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(id, caller, time);
        bytes32 head = _head(id);
        twins.acceptWithExceptions(id, seen, exceptions, ref);
        assert(_both(head == seen, exceptions != 0));
        _accepted(a, _after(a, id), caller, time);
    }

    /// @dev Only the organisation to which it was offered has it now. The callers add that it accepted what it saw.
    function _accepted(ITwins.Twin memory a, ITwins.Twin memory b, address caller, uint40 time) private view {
        assert(_both(b.holder == a.pendingTo, b.holder == consortium.orgOf(caller)));
        assert(_both(b.holder != 0, _both(b.pendingTo == 0, time <= a.deadline)));
        assert(_free(a, a.purpose));
    }

    function check_decline(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        twins.decline(id, ref);
        ITwins.Twin memory b = _after(a, id);
        assert(_both(a.holder == b.holder, b.pendingTo == 0));
        assert(a.pendingTo == consortium.orgOf(caller));
    }

    function check_cancel(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        twins.cancel(id, ref);
        _takenBack(a, _after(a, id), caller);
        assert(time <= a.deadline);
    }

    function check_reclaim(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        twins.reclaim(id, ref);
        _takenBack(a, _after(a, id), caller);
        assert(time > a.deadline);
    }

    function _takenBack(ITwins.Twin memory a, ITwins.Twin memory b, address caller) private view {
        assert(_both(a.holder == b.holder, b.pendingTo == 0));
        assert(_both(a.pendingTo != 0, a.holder == consortium.orgOf(caller)));
    }

    /// @dev The signer is an externally owned account, and what it signed is the receipt; see {_digest}.
    function check_handOver(address caller, uint40 time, ITwins.Receipt calldata receipt, bytes32 r, bytes32 s, uint8 v)
        external
    {
        ITwins.Twin memory a = _before(receipt.twin, caller, time);
        bytes32 seen = _head(receipt.twin);
        twins.handOver(receipt, abi.encodePacked(RECEIVER), abi.encodePacked(r, s, v));
        ITwins.Twin memory b = _after(a, receipt.twin);
        assert(_both(a.holder == consortium.orgOf(caller), a.holder == receipt.from));
        assert(_both(b.holder == receipt.to, b.holder == consortium.orgOf(RECEIVER)));
        assert(_both(a.pendingTo == 0, _both(b.pendingTo == 0, time <= receipt.deadline)));
        assert(_both(_free(a, receipt.purpose), receipt.head == seen));
        assert(ecrecover(_digest(receipt), v, r, s) == RECEIVER);
    }

    /// @dev EIP-712 digest of a receipt, written again from the standard.
    function _digest(ITwins.Receipt calldata receipt) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Goldthread Twins"),
                keccak256("1"),
                block.chainid,
                address(twins)
            )
        );
        bytes memory refType =
            "EventRef(bytes32 eventHash,bytes32 docHash,bytes32 readPoint,bytes32 bizLocation,uint64 stamp)";
        bytes memory receiptType = abi.encodePacked(
            "Receipt(bytes32 twin,bytes32 head,uint32 from,uint32 to,uint8 purpose,uint16 exceptions,EventRef ref,uint40 deadline)",
            refType
        );
        bytes32 ref = keccak256(abi.encode(keccak256(refType), receipt.ref));
        bytes32 data = keccak256(
            abi.encode(
                keccak256(receiptType),
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
        return keccak256(abi.encodePacked(hex"1901", domain, data));
    }

    // ------------------------------------------------------------------------------------------ everything else

    /// @dev Packing by who has both, the container being the outermost one. What is held is not packed. The container
    /// has the thing then, and itself stays where it was.
    function check_pack(address caller, uint40 time, bytes32 container, bytes32 id, EventRef calldata ref) external {
        vm.assume(id != container); // see check_packInItself
        bool numbered = _numbered(container);
        ITwins.Twin memory c = _root(container);
        ITwins.Twin memory a = _before(id, caller, time);
        twins.pack(container, _one(id), ref);
        ITwins.Twin memory b = _now(id);
        assert(_reachable());
        assert(_both(a.holder == consortium.orgOf(caller), _both(!a.packed, a.pendingTo == 0)));
        assert(_both(c.holder == a.holder, _both(c.pendingTo == 0, c.kind == ITwins.Kind.CONTAINER)));
        assert(_both(_free(a, ITwins.Purpose.TRANSPORT), _both(b.packed, a.owner == b.owner)));
        assert(_both(_sound(b), _either(!numbered, _around(id) == container)));
        _custodyStays(c, _now(container));
    }

    function check_packInItself(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        _root(id);
        _before(id, caller, time);
        try twins.pack(id, _one(id), ref) {
            assert(false);
        } catch {
            assert(_reachable());
        }
    }

    /// @dev The holder of the outermost container has what comes out of it.
    function check_unpack(address caller, uint40 time, bytes32 container, bytes32 id, EventRef calldata ref) external {
        vm.assume(id != container);
        vm.assume(container != 0); // no URI has this hash
        ITwins.Twin memory c = _root(container);
        ITwins.Twin memory a = _before(id, caller, time);
        bytes32 around = _around(id);
        twins.unpack(container, _one(id), ref);
        ITwins.Twin memory b = _now(id);
        assert(_reachable());
        assert(_both(c.holder == consortium.orgOf(caller), _both(c.pendingTo == 0, a.packed)));
        assert(_both(b.holder == c.holder, _both(!b.packed, _both(b.pendingTo == 0, _sound(b)))));
        assert(_both(a.owner == b.owner, _both(c.holds == 0, around == container)));
        _custodyStays(c, _now(container));
    }

    function check_hold(address caller, uint40 time, bytes32 id, bytes32 reason, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.hold(id, reason, ref);
        _custodyStays(a, _now(id));
    }

    function check_release(
        address caller,
        uint40 time,
        bytes32 id,
        uint32 holder,
        bytes32 reason,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.release(id, holder, reason, ref);
        _custodyStays(a, _now(id));
    }

    function check_retire(address caller, uint40 time, bytes32 id, ITwins.EndOfLife end, EventRef calldata ref)
        external
    {
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.retire(id, end, ref);
        _custodyStays(a, _now(id));
    }

    /// @dev Title and custody are independent: whoever buys a thing does not get it into its hands.
    function check_acceptTitle(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        ITwins.TitleOffer memory o = twins.titleOffer(id);
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.acceptTitle(id, ref);
        ITwins.Twin memory b = _now(id);
        assert(_reachable());
        assert(_both(b.owner == o.to, _both(b.owner == consortium.orgOf(caller), time <= o.deadline)));
        assert(_both(_free(a, ITwins.Purpose.TRANSPORT), twins.titleOffer(id).to == 0));
        b.owner = a.owner;
        _custodyStays(a, b);
    }

    // --------------------------------------------------------------------------- no step of one twin touches another

    /// @dev The two words read below are what there is of a twin: {ITwins-twin} and {ITwins-head} follow from them.
    function check_words(bytes32 id) external view {
        ITwins.Twin memory t = twins.twin(id);
        bytes32 head = _head(id);
        assert(_reachable());
        assert(_formed(id));
        assert(keccak256(abi.encode(t)) == keccak256(abi.encode(_read(id))));
        assert(twins.head(id) == head);
        assert(twins.containerOf(id) == _around(id));
    }

    /// @dev Anything but the twin that the call names stays as it was.
    modifier alone(bytes32 id, bytes32 other, address caller, uint40 time) {
        vm.assume(id != other);
        bytes32 facts = _word(other, 0);
        bytes32 head = _word(other, 1);
        vm.warp(time);
        vm.prank(caller);
        _;
        assert(_reachable());
        assert(_both(_word(other, 0) == facts, _word(other, 1) == head));
    }

    function check_offerAlone(
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 other,
        uint32 to,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef calldata ref
    ) external alone(id, other, caller, time) {
        twins.offer(id, to, purpose, deadline, ref);
    }

    function check_acceptAlone(
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 other,
        bytes32 seen,
        EventRef calldata ref
    ) external alone(id, other, caller, time) {
        twins.accept(id, seen, ref);
    }

    function check_acceptWithExceptionsAlone(
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 other,
        bytes32 seen,
        uint16 exceptions,
        EventRef calldata ref
    ) external alone(id, other, caller, time) {
        twins.acceptWithExceptions(id, seen, exceptions, ref);
    }

    function check_declineAlone(address caller, uint40 time, bytes32 id, bytes32 other, EventRef calldata ref)
        external
        alone(id, other, caller, time)
    {
        twins.decline(id, ref);
    }

    function check_cancelAlone(address caller, uint40 time, bytes32 id, bytes32 other, EventRef calldata ref)
        external
        alone(id, other, caller, time)
    {
        twins.cancel(id, ref);
    }

    function check_reclaimAlone(address caller, uint40 time, bytes32 id, bytes32 other, EventRef calldata ref)
        external
        alone(id, other, caller, time)
    {
        twins.reclaim(id, ref);
    }

    function check_handOverAlone(
        address caller,
        uint40 time,
        bytes32 other,
        ITwins.Receipt calldata receipt,
        bytes32 r,
        bytes32 s,
        uint8 v
    ) external alone(receipt.twin, other, caller, time) {
        twins.handOver(receipt, abi.encodePacked(RECEIVER), abi.encodePacked(r, s, v));
    }

    function check_packAlone(
        address caller,
        uint40 time,
        bytes32 container,
        bytes32 id,
        bytes32 other,
        EventRef calldata ref
    ) external alone(id, other, caller, time) {
        vm.assume(container != other);
        _root(container);
        twins.pack(container, _one(id), ref);
    }

    function check_unpackAlone(
        address caller,
        uint40 time,
        bytes32 container,
        bytes32 id,
        bytes32 other,
        EventRef calldata ref
    ) external alone(id, other, caller, time) {
        vm.assume(container != other);
        vm.assume(container != 0);
        _root(container);
        twins.unpack(container, _one(id), ref);
    }

    // ------------------------------------------------------------------------------------------------- helpers

    function _before(bytes32 id, address caller, uint40 time) private returns (ITwins.Twin memory t) {
        vm.assume(time != 0);
        vm.warp(time);
        vm.assume(_formed(id));
        t = _read(id);
        vm.assume(_sound(t));
        vm.prank(caller);
    }

    /// @dev The facts (0) or the head (1) of a twin, as they are stored; see {check_words}.
    function _word(bytes32 id, uint256 which) private view returns (bytes32) {
        return vm.load(address(twins), bytes32(uint256(keccak256(abi.encode(id, TWINS))) + which));
    }

    function _head(bytes32 id) private view returns (bytes32) {
        uint256 word = uint256(_word(id, 0));
        uint256 fresh = _select(word & 0x80 != 0, word & type(uint256).max << 40, 0);
        uint256 head = uint256(_word(id, 1));
        return bytes32(_select(head == 0, fresh, head));
    }

    /// @dev The facts in their moved form, as {FactsLib-moved} has them, without a branch.
    function _moved(bytes32 id) private view returns (uint256 f) {
        uint256 word = uint256(_word(id, 0));
        uint256 org = uint32(word >> 8);
        uint256 moved = word & 0x7f | org << 40 | org << 72 | org << 104;
        return _select(word & 0x80 != 0, moved, word);
    }

    /// @dev No enumeration is out of its range.
    function _formed(bytes32 id) private view returns (bool) {
        uint256 f = _moved(id);
        bool kind = uint8(f) <= uint8(type(ITwins.Kind).max);
        bool end = uint8(f >> 8) <= uint8(type(ITwins.EndOfLife).max);
        return _both(_both(kind, end), uint8(f >> 16) <= uint8(type(ITwins.Purpose).max));
    }

    /// @dev The twin, which is formed.
    function _read(bytes32 id) private view returns (ITwins.Twin memory) {
        Facts f = Facts.wrap(_moved(id));
        return ITwins.Twin({
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

    /// @dev What a twin is directly in, or zero.
    function _around(bytes32 id) private view returns (bytes32) {
        Facts f = Facts.wrap(_moved(id));
        return bytes32(_select(f.packed(), uint256(_containerId(f.holder())), 0));
    }

    /// @dev The twin after a step, which left it formed.
    function _now(bytes32 id) private view returns (ITwins.Twin memory) {
        assert(_formed(id));
        return _read(id);
    }

    /// @dev A twin in no container.
    function _root(bytes32 id) private view returns (ITwins.Twin memory t) {
        vm.assume(_formed(id));
        t = _read(id);
        vm.assume(!t.packed);
    }

    /// @dev A container has no number yet, or is found by it.
    function _numbered(bytes32 container) private view returns (bool) {
        uint32 number = _containerNumber(container);
        return _either(number == 0, _containerId(number) == container);
    }

    function _containerNumber(bytes32 container) private view returns (uint32) {
        return uint32(uint256(vm.load(address(twins), keccak256(abi.encode(container, NUMBERS)))));
    }

    function _containerId(uint32 number) private view returns (bytes32) {
        return vm.load(address(twins), keccak256(abi.encode(number, IDS)));
    }

    /// @dev Said where a call has succeeded. False in the self-test, which shows that calls do succeed.
    function _reachable() internal pure virtual returns (bool) {
        return true;
    }

    function _one(bytes32 id) private pure returns (bytes32[] memory ids) {
        ids = new bytes32[](1);
        ids[0] = id;
    }

    function _custodyStays(ITwins.Twin memory a, ITwins.Twin memory b) private pure {
        assert(_reachable());
        uint256 changed = uint256(a.holder ^ b.holder) | (a.pendingTo ^ b.pendingTo) | (a.deadline ^ b.deadline)
            | (a.owner ^ b.owner) | (a.maker ^ b.maker);
        assert(_both(changed == 0, _both(a.purpose == b.purpose, a.packed == b.packed)));
    }

    /// @dev Custody and the offer of custody may have changed, and nothing else.
    function _after(ITwins.Twin memory a, bytes32 id) private view returns (ITwins.Twin memory b) {
        b = _now(id);
        assert(_reachable());
        uint256 changed = uint256(a.maker ^ b.maker) | (a.owner ^ b.owner) | (a.holds ^ b.holds)
            | (a.heldInside ^ b.heldInside) | (a.contents ^ b.contents) | (a.height ^ b.height);
        assert(_both(changed == 0, _both(a.kind == b.kind, _both(a.end == b.end, a.packed == b.packed))));
        assert(_sound(b));
    }

    /// @dev What is true of every twin: an open offer has a receiver and a deadline, and nothing packed is on offer.
    function _sound(ITwins.Twin memory t) private pure returns (bool) {
        bool offered = t.pendingTo != 0;
        bool plain = t.purpose == ITwins.Purpose.TRANSPORT;
        return _both(_both(offered == (t.deadline != 0), _either(offered, plain)), !_both(offered, t.packed));
    }

    /// @dev What is held, or has ended, does not move for transport.
    function _free(ITwins.Twin memory t, ITwins.Purpose purpose) private pure returns (bool) {
        bool blocked = uint256(t.end) | t.holds | t.heldInside != 0;
        return !_both(blocked, purpose == ITwins.Purpose.TRANSPORT);
    }

    // `&&` and `||` would double the paths to explore.

    function _both(bool x, bool y) private pure returns (bool z) {
        assembly ("memory-safe") {
            z := and(x, y)
        }
    }

    function _either(bool x, bool y) private pure returns (bool z) {
        assembly ("memory-safe") {
            z := or(x, y)
        }
    }

    function _select(bool which, uint256 x, uint256 y) private pure returns (uint256 z) {
        assembly ("memory-safe") {
            z := xor(y, and(xor(x, y), sub(0, which)))
        }
    }
}

/// @notice Nothing here holds. A proof that passes although a false property passes as well proves nothing.
contract CustodySelfTest is CustodyProof {
    function _reachable() internal pure override returns (bool) {
        return false;
    }
}
