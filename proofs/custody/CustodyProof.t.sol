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

/// @dev Answers as it likes, but always the same. Its storage is arbitrary.
contract AnyConsortium {
    mapping(address account => uint32) public orgOf;
    mapping(uint32 org => mapping(uint32 roles => bool)) public hasRole;

    error Refused();

    function authorize(address account, uint32, uint32) external view returns (uint32 org) {
        org = orgOf[account];
        if (org == 0) revert Refused();
    }
}

/// @notice One step from any state, by anybody, with any arguments: what holds before the step holds after it.
/// Together with the state of a twin that was just registered, which is one of these, that is induction.
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

    /// @dev What is true of the facts of every twin.
    function _sound(ITwins.Twin memory t) private pure returns (bool) {
        bool offered = t.pendingTo != 0;
        return offered == (t.deadline != 0) && (offered || t.purpose == ITwins.Purpose.TRANSPORT)
            && !(offered && t.packed) && (t.kind != ITwins.Kind.NONE || t.holder == 0 && !offered);
    }

    function _blocked(ITwins.Twin memory t) private pure returns (bool) {
        return t.end != ITwins.EndOfLife.NONE || t.holds != 0 || t.heldInside != 0;
    }

    function _before(bytes32 watched, address caller, uint40 time) private returns (ITwins.Twin memory t) {
        vm.assume(time != 0);
        vm.warp(time);
        t = twins.twin(watched);
        vm.assume(_sound(t));
        vm.prank(caller);
    }

    /// @dev Nothing but custody and its offer may have changed.
    function _onlyCustody(ITwins.Twin memory a, ITwins.Twin memory b) private pure {
        assert(a.kind == b.kind && a.end == b.end && a.maker == b.maker && a.owner == b.owner);
        assert(a.holds == b.holds && a.heldInside == b.heldInside && a.contents == b.contents);
        assert(a.height == b.height && a.packed == b.packed);
        assert(_sound(b));
    }

    function _sameOffer(ITwins.Twin memory a, ITwins.Twin memory b) private pure returns (bool) {
        return a.pendingTo == b.pendingTo && a.purpose == b.purpose && a.deadline == b.deadline;
    }

    function check_offer(
        bytes32 watched,
        address caller,
        uint40 time,
        bytes32 id,
        uint32 to,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(watched, caller, time);
        twins.offer(id, to, purpose, deadline, ref);
        ITwins.Twin memory b = twins.twin(watched);
        _onlyCustody(a, b);
        assert(a.holder == b.holder);
        if (!_sameOffer(a, b)) {
            assert(watched == id && a.pendingTo == 0 && !a.packed && a.holder == consortium.orgOf(caller));
            assert(b.pendingTo == to && b.purpose == purpose && b.deadline == deadline && deadline >= time);
            assert(!_blocked(a) || purpose != ITwins.Purpose.TRANSPORT);
        }
    }

    function check_accept(
        bytes32 watched,
        address caller,
        uint40 time,
        bytes32 id,
        bytes32 seen,
        uint16 exceptions,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(watched, caller, time);
        if (exceptions == 0) twins.accept(id, seen, ref);
        else twins.acceptWithExceptions(id, seen, exceptions, ref);
        ITwins.Twin memory b = twins.twin(watched);
        _onlyCustody(a, b);
        if (a.holder != b.holder) {
            assert(watched == id && b.holder == a.pendingTo && b.holder == consortium.orgOf(caller));
            assert(a.deadline >= time && b.pendingTo == 0);
            assert(!_blocked(a) || a.purpose != ITwins.Purpose.TRANSPORT);
        } else {
            assert(_sameOffer(a, b) || (watched == id && a.pendingTo == consortium.orgOf(caller)));
        }
    }

    /// @notice Self-test: this is false, and must be refuted.
    function check_refuted_custody_never_changes(
        bytes32 watched,
        address caller,
        uint40 time,
        bytes32 seen,
        EventRef calldata ref
    ) external {
        ITwins.Twin memory a = _before(watched, caller, time);
        twins.accept(watched, seen, ref);
        assert(twins.twin(watched).holder == a.holder);
    }
}
