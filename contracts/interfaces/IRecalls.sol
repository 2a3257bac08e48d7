// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILineage} from "./ILineage.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {EventRef, ITwins} from "./ITwins.sol";

/// @title IRecalls
/// @notice A recall, from its first lots to everything that was made of them, and back from every consignee.
///
/// How a recall closes: each member, a lot or a process, is stepped once, with the full list of what came of it, in
/// parts from its end if it is too long for a transaction.
/// The list is checked against the hash chain that the lot or process has kept itself, so nothing can be left out. New
/// members join the frontier. When the frontier is empty the recall is closed: that nothing is missing is a fact of the
/// contract, not the word of whoever did the steps. Anyone may step.
///
/// Or at once: a list of all members that was claimed with a bond, and that nobody could refute ({IClosureClaims}), is
/// adopted. Its members join the frontier, and leave it as they are followed: marked, like members found by a step.
/// What has grown since the claim, and what the claim does not name, is stepped as ever.
///
/// Guarantees:
/// - From the moment it is a member, a lot is blocked wherever it is ({ILots.clear}), a process takes and gives nothing
///   more, and a part is held. So a closed recall stays complete.
/// - Only the maker of a lot, the organisation behind a process, or a regulator makes it a seed.
/// - Membership ends only after the recall is lifted.
///
/// Assumptions: organisations told Lineage truly what went into their processes.
interface IRecalls is IModule {
    /// @notice Health hazard (21 CFR 7.3(m)). I: serious or death; II: temporary or reversible; III: unlikely.
    enum RecallClass {
        NONE,
        CLASS_I,
        CLASS_II,
        CLASS_III
    }

    /// @notice OPEN: the frontier is not empty, or there is no lot yet. CLOSED: the recall has all its members. LIFTED: they may be released.
    enum RecallState {
        NONE,
        OPEN,
        CLOSED,
        LIFTED
    }

    /// @notice The facts of a recall, in one slot.
    /// @param org Organisation that opened it.
    /// @param class Health hazard.
    /// @param state Where it stands.
    /// @param frontier Lots and processes that are still to be stepped, and what of an adopted claim is to be followed.
    /// @param size Members: lots, processes and twins.
    /// @param consignees Organisations that were notified, once for each lot.
    /// @param acknowledged How many of them have answered.
    /// @param reconciled How many of them have accounted for all they had received.
    /// @param claimed True once a claim was adopted.
    struct Recall {
        uint32 org;
        RecallClass class;
        RecallState state;
        uint32 frontier;
        uint32 size;
        uint32 consignees;
        uint32 acknowledged;
        uint32 reconciled;
        bool claimed;
    }

    /// @notice A member as a claim names it.
    /// @param results How many uses of the lot or outputs of the process the claim accounts for.
    struct Claimed {
        bytes32 member;
        uint32 results;
    }

    /// @notice What a consignee says of a recalled lot, in millionths of its unit.
    /// @param notified What was sent there, as the recalling organisation knows; 0: it is no consignee.
    /// @param received What arrived.
    /// @param answered When it first answered; 0: it did not.
    /// @param returned Sent back.
    /// @param destroyed Destroyed there.
    /// @param sold Gone to patients or consumers.
    struct Consignee {
        uint96 notified;
        uint96 received;
        uint40 answered;
        uint96 returned;
        uint96 destroyed;
        uint96 sold;
    }

    /// @notice A recall was opened, for the reason that the record `reason` explains.
    event RecallOpened(
        uint32 indexed recall,
        uint32 indexed org,
        bytes32 indexed reason,
        address caller,
        RecallClass class,
        EventRef ref
    );
    /// @notice Lots became seeds: `count` lots that were no members before. A {ILots.LotRecalled} stands for each.
    event LotsAdded(uint32 indexed recall, uint32 indexed org, address caller, uint32 count);
    /// @notice The outputs of the process with places from `from` up to before `to` became seeds: `count` lots that were
    /// no members before, and twins, for each of which a {TwinAffected} stands.
    event OutputsSeeded(
        uint32 indexed recall,
        bytes32 indexed process,
        uint32 indexed org,
        address caller,
        uint256 from,
        uint256 to,
        uint32 count
    );
    /// @notice Of this lot only the serials under this root are recalled.
    event SerialsAdded(
        uint32 indexed recall, bytes32 indexed lot, bytes32 indexed root, uint32 org, address caller, uint32 count
    );
    /// @notice A twin is a member and held: a container, a part, or a unit with a history of its own.
    event TwinAffected(uint32 indexed recall, bytes32 indexed twin, address caller);
    /// @notice A member was stepped: so many of what came of it are new members. `closure` is the hash chain of what
    /// was stepped.
    event Stepped(
        uint32 indexed recall, bytes32 indexed member, address caller, uint32 added, uint32 frontier, bytes32 closure
    );
    /// @notice The last part of a member's list was stepped: so many of what came of it are new members. The chain of what
    /// is left ends with `before`.
    event PartStepped(
        uint32 indexed recall,
        bytes32 indexed member,
        bytes32 indexed before,
        address caller,
        uint32 added,
        uint32 frontier
    );
    /// @notice A claim of `size` members was adopted. `closure` is the hash chain of what was stepped, and this root.
    event ClaimAdopted(uint32 indexed recall, bytes32 indexed root, uint32 size, uint32 frontier, bytes32 closure);
    /// @notice So many members of the claim were followed, of which `added` lots and processes are new members.
    event ClaimFollowed(uint32 indexed recall, uint32 followed, uint32 added, uint32 frontier);
    /// @notice A member of before needs no step of its own: the claim has all that came of it.
    event MemberCovered(uint32 indexed recall, bytes32 indexed member);
    /// @notice A member is to be stepped: the claim does not have all that came of it.
    /// @param joins True if it was no member before, and joins the frontier.
    event MemberUncovered(uint32 indexed recall, bytes32 indexed member, bool joins);
    /// @notice The recall has all its members.
    event RecallClosed(uint32 indexed recall, bytes32 indexed closureRoot, uint32 size);
    /// @notice The recall is over, for the reason that the record `reason` explains.
    event RecallLifted(uint32 indexed recall, uint32 indexed org, bytes32 indexed reason, address caller, EventRef ref);
    /// @notice A twin is no member any more.
    event TwinCleared(uint32 indexed recall, bytes32 indexed twin, address caller);
    /// @notice A consignee was told that `quantity` of the lot went there.
    event ConsigneeNotified(
        uint32 indexed recall, bytes32 indexed lot, uint32 indexed consignee, address caller, uint96 quantity
    );
    /// @notice A consignee says how much arrived.
    event ConsigneeAnswered(
        uint32 indexed recall,
        bytes32 indexed lot,
        uint32 indexed consignee,
        address caller,
        uint96 received,
        uint40 time
    );
    /// @notice A consignee says what became of it, all in all.
    event Reconciled(
        uint32 indexed recall,
        bytes32 indexed lot,
        uint32 indexed consignee,
        address caller,
        uint96 returned,
        uint96 destroyed,
        uint96 sold,
        EventRef ref
    );

    /// @notice No recall has this number.
    error UnknownRecall(uint32 recall);
    /// @notice The recall is in another state than the step needs.
    error WrongRecallState(uint32 recall, RecallState state);
    /// @notice A recall has a class.
    error NoClass();
    /// @notice The organisation did not open the recall, and is no regulator.
    error MayNotRecall(uint32 recall, uint32 org);
    /// @notice The organisation neither made the thing nor has it, and is no regulator.
    error MayNotSeed(bytes32 thing, uint32 org);
    /// @notice It is no member of the recall.
    error NotAMember(uint32 recall, bytes32 member);
    /// @notice It was stepped already.
    error AlreadyStepped(uint32 recall, bytes32 member);
    /// @notice A claim was adopted: it is followed ({IClosureClaims.follow}). A member that the claim does not name is
    /// stepped after {IClosureClaims.proveUncovered}.
    error IsCovered(uint32 recall, bytes32 member);
    /// @notice It is known already that the claim does not cover the member.
    error AlreadyUncovered(uint32 recall, bytes32 member);
    /// @notice A recall adopts one claim.
    error AlreadyClaimed(uint32 recall);
    /// @notice The list is not all that came of the member, or not all of the part named.
    error Incomplete(bytes32 member);
    /// @notice A part has something in it, and something before it: step the rest as a whole.
    error NotAPart(uint32 recall, bytes32 member);
    /// @notice Places are from 0 up to the number of outputs, and at least one.
    error WrongWindow(bytes32 process, uint256 from, uint256 to, uint256 outputs);
    /// @notice Neither a lot nor a twin.
    error UnknownProduct(bytes32 product);
    /// @notice The container has nothing of the lot by commitment.
    error NotInContainer(bytes32 lot, bytes32 container);
    /// @notice A set of serials of this lot is in the recall already, or it is empty.
    error WrongSerials(uint32 recall, bytes32 lot, bytes32 root, uint32 count);
    /// @notice The organisation is no consignee of the lot, or it is one already, or nothing went there.
    error WrongConsignee(uint32 recall, bytes32 lot, uint32 org, uint96 quantity);
    /// @notice First say how much arrived.
    error NotAnswered(uint32 recall, bytes32 lot, uint32 org);
    /// @notice Returned, destroyed and sold are together more than arrived.
    error MoreThanReceived(uint32 recall, bytes32 lot, uint256 accounted, uint96 received);

    /// @notice Opens a recall. Duty RECALL. Emits {RecallOpened}.
    /// @param reason Hash or id of the record that explains it.
    /// @return recall Its number, counted from 1.
    function open(RecallClass class, bytes32 reason, EventRef calldata ref) external returns (uint32 recall);

    /// @notice Adds lots as seeds. Who opened the recall, duty RECALL; their maker or a regulator. Emits {LotsAdded}.
    function addLots(uint32 recall, bytes32[] calldata lots) external;

    /// @notice Adds a window of a process's outputs as seeds. Who opened the recall, duty RECALL; the organisation that
    /// ran the process or a regulator. Emits {OutputsSeeded}.
    /// @param products All outputs of the process, in their order.
    /// @param from Place of the first output concerned.
    /// @param to Place behind the last one.
    function addOutputs(uint32 recall, bytes32 process, bytes32[] calldata products, uint256 from, uint256 to) external;

    /// @notice Recalls some serials of a lot. Who opened the recall, duty RECALL; maker or regulator. The lot itself goes
    /// free. Emits {SerialsAdded}.
    /// @param root Tree of the serials concerned, with their numbers in the lot (`MerkleLeaves.serial`).
    function addSerials(uint32 recall, bytes32 lot, bytes32 root, uint32 count) external;

    /// @notice Adds a container, part or asset, and holds it: one whose cold chain broke, for instance. Who opened the
    /// recall, duty RECALL; its maker, owner or custodian, or a regulator. Emits {TwinAffected}.
    function addTwin(uint32 recall, bytes32 twin, EventRef calldata ref) external;

    /// @notice Steps a lot. Anyone. Emits {Stepped}, {TwinAffected} for units with a history of their own, and
    /// {RecallClosed}.
    /// @param uses All uses of the lot, in their order ({ILots.Used}).
    function step(uint32 recall, bytes32 lot, bytes32[] calldata uses, EventRef calldata ref) external;

    /// @notice Steps a process. Anyone. Emits {Stepped}, {TwinAffected} for parts, and {RecallClosed}.
    /// @param products All outputs of the process, in their order ({ILineage.OutputAdded}).
    function stepProcess(uint32 recall, bytes32 process, bytes32[] calldata products, EventRef calldata ref) external;

    /// @notice Steps the last part of a lot's uses, of which there are too many for a transaction; then the part before
    /// it, and in the end the rest with {step}. Anyone. Emits {PartStepped}, {TwinAffected}.
    /// @param before The chain up to the first of them ({ILots.Used}).
    /// @param uses The uses from there to the end, or to where the part behind began.
    function stepPart(uint32 recall, bytes32 lot, bytes32 before, bytes32[] calldata uses, EventRef calldata ref)
        external;

    /// @notice As {stepPart}, of a process's outputs; the rest with {stepProcess}.
    function stepProcessPart(
        uint32 recall,
        bytes32 process,
        bytes32 before,
        bytes32[] calldata products,
        EventRef calldata ref
    ) external;

    /// @notice Adopts a claim of members. Modules with the duty RECALL only, which vouch for it. Emits {ClaimAdopted}.
    /// @param root Root of the tree of members (`MerkleLeaves.member`).
    /// @param size Number of its leaves.
    function adoptClaim(uint32 recall, bytes32 root, uint32 size) external;

    /// @notice Makes what the adopted claim names members. Modules with the duty RECALL only, which name each leaf of
    /// the claim once. What is no lot, process or twin is passed over: nothing lists it. Emits {ClaimFollowed},
    /// {TwinAffected}, {MemberCovered}, {MemberUncovered} and {RecallClosed}.
    function followClaim(uint32 recall, Claimed[] calldata claimed) external;

    /// @notice Lets a member be stepped that the adopted claim does not name. Modules with the duty RECALL only, which
    /// vouch for that. Emits {MemberUncovered}.
    function uncover(uint32 recall, bytes32 member) external;

    /// @notice Holds a container in which something of a member is. Anyone. Emits {TwinAffected}.
    function holdContainer(uint32 recall, bytes32 container, bytes32 lot, EventRef calldata ref) external;

    /// @notice Ends a recall. Who opened it or a regulator, duty RECALL. Emits {RecallLifted}.
    function lift(uint32 recall, bytes32 reason, EventRef calldata ref) external;

    /// @notice Ends the membership of what is named, after the recall was lifted. Anyone. Emits {TwinCleared}.
    function clearMembers(
        uint32 recall,
        bytes32[] calldata lots,
        bytes32[] calldata processes,
        bytes32[] calldata twins,
        EventRef calldata ref
    ) external;

    /// @notice Tells an organisation that something of a member went there. Who opened the recall, duty RECALL.
    /// Emits {ConsigneeNotified}.
    function notify(uint32 recall, bytes32 lot, uint32 consignee, uint96 quantity) external;

    /// @notice Says how much arrived; a later answer corrects an earlier one. Consignee, duty RECALL.
    /// Emits {ConsigneeAnswered}.
    function acknowledge(uint32 recall, bytes32 lot, uint96 received) external;

    /// @notice Says what became of it, all in all, not in addition. Consignee, duty RECALL. Emits {Reconciled}.
    function reconcile(
        uint32 recall,
        bytes32 lot,
        uint96 returned,
        uint96 destroyed,
        uint96 sold,
        EventRef calldata ref
    ) external;

    /// @notice The module that knows what was made of what.
    function LINEAGE() external view returns (ILineage);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The module that keeps containers and parts.
    function TWINS() external view returns (ITwins);

    /// @notice Number of recalls.
    function recallCount() external view returns (uint32);

    /// @notice The facts of a recall; all zero if there is none.
    function recallOf(uint32 recall) external view returns (Recall memory);

    /// @notice The hash chain of what was stepped, and of the root of the claim that was adopted: each hashes the chain
    /// before it and the member or root.
    function closureOf(uint32 recall) external view returns (bytes32);

    /// @notice Was the lot or process stepped, or was it a member already when a claim that covers it was followed?
    function stepped(uint32 recall, bytes32 member) external view returns (bool);

    /// @notice The chain of a member's list that is left to step, if a part was stepped; else zero.
    function leftOf(uint32 recall, bytes32 member) external view returns (bytes32);

    /// @notice Is the member to be stepped although a claim was adopted?
    function uncovered(uint32 recall, bytes32 member) external view returns (bool);

    /// @notice Is it a member: lot, process or twin?
    function isMember(uint32 recall, bytes32 id) external view returns (bool);

    /// @notice Is the twin a member? It is held for {reasonOf} as long as it is.
    function isAffected(uint32 recall, bytes32 twin) external view returns (bool);

    /// @notice The reason under which twins are held for a recall.
    function reasonOf(uint32 recall) external pure returns (bytes32);

    /// @notice Root of the serials of the lot that are recalled, or zero.
    function serialsOf(uint32 recall, bytes32 lot) external view returns (bytes32);

    /// @notice What a consignee says.
    function consigneeOf(uint32 recall, bytes32 lot, uint32 org) external view returns (Consignee memory);

    /// @notice Is the unit recalled: with its lot, as a twin, or (until the recall is lifted) as one of some serials?
    function isUnitRecalled(uint32 recall, bytes32 lot, uint32 index, bytes32 unit, bytes32[] calldata proof)
        external
        view
        returns (bool);

    /// @notice Is it proven that the first of the list is not affected? The list must be everything that it was made of
    /// ({ILineage.ancestorsComplete}), and nothing in it may be a member or a lot of which some serials are recalled.
    function notAffected(uint32 recall, ILineage.Ancestor[] calldata ancestors) external view returns (bool);
}
