// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Twins} from "../../contracts/core/Twins.sol";
import {IConsortium} from "../../contracts/interfaces/IConsortium.sol";
import {EventRef, ITwins} from "../../contracts/interfaces/ITwins.sol";

interface Vm {
    function assume(bool condition) external pure;
    function prank(address caller) external;
    function warp(uint256 timestamp) external;
}

interface Svm {
    function enableSymbolicStorage(address account) external;
}

/// @dev Answers anything, but always the same: its storage is arbitrary.
contract AnyConsortium {
    mapping(address account => uint32) public orgOf;
    mapping(uint32 org => mapping(uint32 roles => bool)) public hasRole;

    error Refused();

    function authorize(address account, uint32, uint32) external view returns (uint32 org) {
        org = orgOf[account];
        if (org == 0) revert Refused();
    }
}

/// @notice The inductive step: from any state, for any caller, any arguments and any moment, what holds before a
/// call holds after it. Whatever is true of a twin just registered and kept by every step is always true.
/// `make prove` runs it with halmos. {CustodySelfTest} is false on purpose: there everything must fail.
contract CustodyProof {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    Svm private constant svm = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

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
        twins.accept(id, seen, ref);
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
        twins.acceptWithExceptions(id, seen, exceptions, ref);
        _accepted(a, _after(a, id), caller, time);
    }

    /// @dev Only the organisation to which it was offered has it now.
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

    /// @dev The signer is an externally owned account; whether ecrecover finds it is left open.
    function check_handOver(address caller, uint40 time, ITwins.Receipt calldata receipt, bytes32 r, bytes32 s, uint8 v)
        external
    {
        bytes memory signer = abi.encodePacked(address(0x7913));
        ITwins.Twin memory a = _before(receipt.twin, caller, time);
        twins.handOver(receipt, signer, abi.encodePacked(r, s, v));
        ITwins.Twin memory b = _after(a, receipt.twin);
        assert(_both(a.holder == consortium.orgOf(caller), a.holder == receipt.from));
        assert(_both(b.holder == receipt.to, b.holder == consortium.orgOf(address(0x7913))));
        assert(_both(a.pendingTo == 0, _both(b.pendingTo == 0, time <= receipt.deadline)));
        assert(_free(a, receipt.purpose));
    }

    // ------------------------------------------------------------------------------------------ everything else

    /// @dev Packing by who has both, the container being the outermost one. What is held is not packed.
    function check_pack(address caller, uint40 time, bytes32 container, bytes32 id, EventRef calldata ref) external {
        vm.assume(!twins.twin(container).packed);
        ITwins.Twin memory c = twins.twin(container);
        ITwins.Twin memory a = _before(id, caller, time);
        twins.pack(container, _one(id), ref);
        ITwins.Twin memory b = twins.twin(id);
        assert(_reachable());
        assert(_both(a.holder == consortium.orgOf(caller), _both(!a.packed, a.pendingTo == 0)));
        assert(_both(c.holder == a.holder, _both(c.pendingTo == 0, c.kind == ITwins.Kind.CONTAINER)));
        assert(_both(_free(a, ITwins.Purpose.TRANSPORT), _both(b.packed, a.owner == b.owner)));
        assert(id != container);
    }

    /// @dev The holder of the outermost container has what comes out of it.
    function check_unpack(address caller, uint40 time, bytes32 container, bytes32 id, EventRef calldata ref) external {
        vm.assume(id != container);
        vm.assume(container != 0); // no URI has this hash
        vm.assume(!twins.twin(container).packed);
        ITwins.Twin memory c = twins.twin(container);
        ITwins.Twin memory a = _before(id, caller, time);
        twins.unpack(container, _one(id), ref);
        ITwins.Twin memory b = twins.twin(id);
        assert(_reachable());
        assert(_both(c.holder == consortium.orgOf(caller), _both(c.pendingTo == 0, a.packed)));
        assert(_both(b.holder == c.holder, _both(!b.packed, b.pendingTo == 0)));
        assert(_both(a.owner == b.owner, c.holds == 0));
    }

    function check_hold(address caller, uint40 time, bytes32 id, bytes32 reason, EventRef calldata ref) external {
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.hold(id, reason, ref);
        _custodyStays(a, twins.twin(id));
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
        _custodyStays(a, twins.twin(id));
    }

    function check_retire(address caller, uint40 time, bytes32 id, ITwins.EndOfLife end, EventRef calldata ref)
        external
    {
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.retire(id, end, ref);
        _custodyStays(a, twins.twin(id));
    }

    /// @dev Title and custody are independent: whoever buys a thing does not get it into its hands.
    function check_acceptTitle(address caller, uint40 time, bytes32 id, EventRef calldata ref) external {
        ITwins.TitleOffer memory o = twins.titleOffer(id);
        ITwins.Twin memory a = _before(id, caller, time);
        vm.assume(!a.packed);
        twins.acceptTitle(id, ref);
        ITwins.Twin memory b = twins.twin(id);
        assert(_reachable());
        assert(_both(b.owner == o.to, _both(b.owner == consortium.orgOf(caller), time <= o.deadline)));
        assert(_both(_free(a, ITwins.Purpose.TRANSPORT), twins.titleOffer(id).to == 0));
        b.owner = a.owner;
        _custodyStays(a, b);
    }

    /// @dev No step of one twin touches another.
    function check_othersStay(
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 other,
        uint8 what,
        uint32 to,
        uint40 deadline,
        EventRef calldata ref
    ) external {
        vm.assume(id != other);
        vm.warp(time);
        bytes32 head = twins.head(other);
        bytes32 facts = keccak256(abi.encode(twins.twin(other)));
        bytes32 seen = twins.head(id);
        vm.prank(caller);
        if (what == 0) twins.offer(id, to, ITwins.Purpose.RETURN, deadline, ref);
        else if (what == 1) twins.accept(id, seen, ref);
        else if (what == 2) twins.decline(id, ref);
        else if (what == 3) twins.cancel(id, ref);
        else twins.reclaim(id, ref);
        assert(_reachable());
        assert(twins.head(other) == head);
        assert(keccak256(abi.encode(twins.twin(other))) == facts);
    }

    // ------------------------------------------------------------------------------------------------- helpers

    function _before(bytes32 id, address caller, uint40 time) private returns (ITwins.Twin memory t) {
        vm.assume(time != 0);
        vm.warp(time);
        t = twins.twin(id);
        vm.assume(_sound(t));
        vm.prank(caller);
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
        b = twins.twin(id);
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
}

/// @notice Nothing here holds. A proof that passes although a false property passes as well proves nothing.
contract CustodySelfTest is CustodyProof {
    function _reachable() internal pure override returns (bool) {
        return false;
    }
}
