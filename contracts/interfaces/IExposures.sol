// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConditions} from "./IConditions.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {EventRef, ITwins} from "./ITwins.sol";

/// @title IExposures
/// @notice What was in a container while its conditions were broken? A breach of a container is inherited by what was
/// inside, for exactly the time it was inside, directly or in other containers. What came later or left before
/// inherits nothing. Both answers are views, and both come with a proof: histories whose hash is {ITwins-head}.
///
/// Times are seconds of blocks. A thing is inside from the second in which it was packed, and no more in the second in
/// which it was unpacked; a breach lasts from {IConditions-Breach.firstCrossing} to {IConditions-Breach.until}, both
/// included. So what was packed in the last second of a breach inherits it, what left in its first second does not,
/// nor what came and left in one second.
///
/// Where a twin was, its own history says, and nothing else does. Of things without a history, units and cases that
/// one Merkle root stands for, the packer says where they are ({ILots-packCommitted}): from the second in which the
/// root was committed to until the leaf is taken out. What a tree says counts if there is as much of the leaf's lot
/// in the container, or the leaf was taken out of it. Of what became a twin later it counts for the time before,
/// and if the twin came out of that lot or, an inner container, was made by the packer.
/// What was inside an inner container before that was opened was in the outer one, and goes by a path through both.
///
/// While a breach holds its container, anyone may have a twin held that inherited it and is out of the container by
/// now. A unit that is no twin cannot be held: it has nothing that a hold could be on, and to hold its lot would hold
/// all of it, most of which was elsewhere. It is held once it is a twin.
///
/// Limits: that something was *not* exposed is proven for twins only, from the second on in which they became one. A
/// reusable container that is a twin already does not inherit what it was exposed to as a leaf of another one. A packer
/// that has some of a lot can name units of that lot that it never had; their owner releases them
/// ({disposeInherited}).
///
/// Assumptions: this contract is an account of an organisation with the role REGULATOR and has the duty QUALITY.
interface IExposures is IModule {
    /// @notice What became of a breach that a twin inherited.
    enum Inheritance {
        NONE,
        HELD,
        RELEASED
    }

    /// @notice A breach of a container.
    /// @param policy The policy under which it was found, as it was set; its subject is the container.
    /// @param device The device, `quantity` the quantity, and `rule` the place of the rule in the policy, or one of the
    /// numbers that {IConditions} has for what is no rule.
    struct Cause {
        IConditions.Policy policy;
        bytes32 device;
        uint16 quantity;
        uint8 rule;
    }

    /// @notice A step of a twin's history, docs/history-head.md.
    struct Step {
        ITwins.Action action;
        uint32 org;
        address caller;
        uint256 a;
        uint256 b;
        uint256 c;
        EventRef ref;
    }

    /// @notice The newest steps of a twin's history.
    /// @param before Head before the first of them. Of a complete history keccak256(abi.encode(chain, Twins, id)).
    /// @param steps All steps after that.
    struct History {
        bytes32 id;
        bytes32 before;
        Step[] steps;
    }

    /// @notice Where a thing is according to its packer.
    /// @param container The twin whose contents were committed to. Its history is among those of the proof.
    /// @param path From the container inwards to the thing, as in {ILots-isInside}.
    struct Place {
        bytes32 container;
        ILots.Step[] path;
    }

    /// @notice How a thing came to be exposed.
    /// @param histories Of the thing, if it is a twin, and of the containers it was in, in any order.
    /// @param places What packers said of it before.
    struct Proof {
        History[] histories;
        Place[] places;
    }

    /// @notice The twin `item` is held because it was inside `subject` from `from` to `until` while that was exposed to
    /// the breach `breachId`.
    event BreachInherited(
        bytes32 indexed item,
        bytes32 indexed subject,
        bytes32 indexed breachId,
        address caller,
        uint40 from,
        uint40 until
    );
    /// @notice The inherited hold was lifted: by `org` for the reason that the record explains, or (0) because the breach
    /// was released.
    event InheritedReleased(
        bytes32 indexed item, bytes32 indexed breachId, uint32 indexed org, address caller, bytes32 record
    );

    /// @notice There is no such breach.
    error NoBreach(bytes32 breachId);
    /// @notice The steps do not lead to the head that the twin has.
    error WrongHistory(bytes32 id, bytes32 expected, bytes32 given);
    /// @notice The proof leaves out where this twin was at that time.
    error HistoryMissing(bytes32 id, uint256 from, uint256 until);
    /// @notice The history tells where the twin was from the second `since` on only.
    error HistoryTooShort(bytes32 id, uint256 from, uint256 since);
    /// @notice The leaves do not lead from a root to the thing.
    error WrongPath(bytes32 container, bytes32 item);
    /// @notice The proof does not show that the thing was in the container during the breach.
    error NotInherited(bytes32 item, bytes32 breachId);
    /// @notice The breach does not hold its container, or not any more.
    error NotHolding(bytes32 breachId, bytes32 policyId);
    /// @notice The thing is in the container still, and held with it.
    error StillInside(bytes32 item, bytes32 container);
    /// @notice The thing was held for this breach before, or (to release it) is not.
    error WrongInheritance(bytes32 item, bytes32 breachId, Inheritance inheritance);
    /// @notice The breach is open: quality decides.
    error BreachOpen(bytes32 breachId, bytes32 policyId);
    /// @notice The thing's owner decides, or a regulator; a regulator alone about the policy of a regulator and after
    /// REJECT.
    error MayNotDispose(bytes32 item, uint32 org);
    /// @notice Whoever set the policy does not decide about its breach.
    error SecondPersonNeeded(bytes32 policyId, address setBy);

    /// @notice The module in which breaches are found.
    function CONDITIONS() external view returns (IConditions);

    /// @notice The module that keeps committed contents.
    function LOTS() external view returns (ILots);

    /// @notice The module that keeps twins and their histories.
    function TWINS() external view returns (ITwins);

    /// @notice Holds a twin back that inherited a breach which holds its container, and is out of the container by now,
    /// once. Anyone. Emits {BreachInherited} and an alert.
    function holdInherited(Cause calldata cause, bytes32 item, Proof calldata proof, EventRef calldata ref) external;

    /// @notice Lifts the hold when the breach was released. Anyone. Emits {InheritedReleased}. All breaches found under one
    /// version of a policy are open, and released, together.
    function releaseInherited(Cause calldata cause, bytes32 item, EventRef calldata ref) external;

    /// @notice Lifts the hold while the breach is open: what the container was exposed to did not harm this. The item's
    /// owner or a regulator, duty QUALITY, never the account that set the policy; after REJECT, and where a regulator set
    /// the policy, a regulator. Emits {InheritedReleased}.
    /// @param record Hash or id of the record that explains the decision.
    function disposeInherited(Cause calldata cause, bytes32 item, bytes32 record, EventRef calldata ref) external;

    /// @notice Was the thing in the container during the breach? What the proof shows is true; what it leaves out is not
    /// looked at, so a "no" says nothing ({notInherited} does).
    /// @return yes True if it was.
    /// @return from First second of it.
    /// @return until Last second of it.
    function inherited(Cause calldata cause, bytes32 item, Proof calldata proof)
        external
        view
        returns (bool yes, uint40 from, uint40 until);

    /// @notice Was the twin nowhere near? Refuses histories that leave out where it was during the breach.
    /// @param histories Of the twin, and of each container that it was in during the breach, but the breach's own.
    /// @return True if it was not in the container at any second of the breach.
    function notInherited(Cause calldata cause, bytes32 item, History[] calldata histories) external view returns (bool);

    /// @notice What became of a breach that a twin inherited.
    function inheritance(bytes32 item, bytes32 breachId) external view returns (Inheritance);

    /// @notice The number of a breach, and the reason of holds for it.
    /// @param policyHash Hash of the policy's version, as in {IConditions-policyHash}.
    function breachIdOf(bytes32 policyHash, bytes32 device, uint16 quantity, uint8 rule) external pure returns (bytes32);
}
