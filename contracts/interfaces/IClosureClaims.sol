// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILineage} from "./ILineage.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {IPurse} from "./IPurse.sol";
import {IRecalls} from "./IRecalls.sol";

/// @title IClosureClaims
/// @notice Closing a recall by a claim instead of by steps: a list of all its members, believed if nobody can refute it.
///
/// The claimant puts a bond and publishes the list, sorted by id, leaf by leaf through the contract: order, places and
/// root are facts, and everybody has the list from the logs. From then on, for {WINDOW}, anyone may refute it with a proof
/// that is decided at once: something that came of a member is *missing*, or a member is there in *excess*. After that
/// the claim is adopted, and its members are followed: marked in Recalls, in the order of the list.
///
/// What a leaf says does not change with time. Of a lot or process it counts what came of it when the claim was made;
/// lists only grow, so the first so many of a list stay what they are. What has grown until it is followed is stepped
/// in Recalls, and no fault of the claimant's.
///
/// Guarantees:
/// - No proof refutes a claim that names, for each member, everything of the results it counts that is no member yet, and
///   whose members are members already or among the results that their parent counts.
/// - A recall that closes has everything: what a claim leaves out of a count can be proven, and what it does not count
///   keeps the recall open.
/// - Nothing is marked on the word of a claim before its window is over. Anyone may step meanwhile, which marks at once.
/// - Whoever refutes a claim gets half of the bond and the treasury the other half. A bond that was not lost comes back;
///   taking it out asks nobody.
///
/// Assumptions: within the window somebody looks and can send a transaction.
interface IClosureClaims is IPurse, IModule {
    /// @notice OPEN: the list is being published. COMPLETE: it can be refuted. ADOPTED: its members are followed.
    /// REFUTED: the bond is lost. ENDED: the bond went back before anybody relied on the claim.
    enum State {
        NONE,
        OPEN,
        COMPLETE,
        ADOPTED,
        REFUTED,
        ENDED
    }

    /// @notice A claim.
    /// @param claimant Who put the bond.
    /// @param recall The recall it is about.
    /// @param size Number of members it names.
    /// @param published How many of them were published.
    /// @param followed How many of them were followed.
    /// @param deadline Last second of the window.
    /// @param state Where it stands.
    struct Claim {
        address claimant;
        uint32 recall;
        uint32 size;
        uint32 published;
        uint32 followed;
        uint40 deadline;
        State state;
    }

    /// @notice A member.
    /// @param member Lot, process or twin.
    /// @param parent Place in the list of the member of which it came; its own: it is a member of the recall already.
    /// @param depth More than that of the parent, so that every way leads back to members of before.
    /// @param results How many uses of the lot or outputs of the process the claim accounts for.
    struct Leaf {
        bytes32 member;
        uint32 parent;
        uint32 depth;
        uint32 results;
    }

    /// @notice A leaf at its place, with the way to the root.
    struct Placed {
        uint32 index;
        Leaf leaf;
        bytes32[] proof;
    }

    /// @notice A claim of `size` members was begun.
    event ClaimBegun(
        uint32 indexed claim, uint32 indexed recall, uint32 indexed org, address claimant, uint32 size, uint256 bond
    );
    /// @notice The members from the place `first` on were published.
    event MembersPublished(uint32 indexed claim, uint32 first, Leaf[] leaves);
    /// @notice All members were published. Until the deadline anyone may refute the claim.
    event ClaimComplete(uint32 indexed claim, bytes32 indexed root, uint40 deadline);
    /// @notice The head that the list of a lot or process once had is known from now on.
    event HeadNoted(bytes32 indexed member, bytes32 indexed head);
    /// @notice Something that came of the member is missing from the claim.
    event MissingProven(uint32 indexed claim, bytes32 indexed member, bytes32 indexed missing);
    /// @notice The member is in the claim without reason.
    event ExcessProven(uint32 indexed claim, bytes32 indexed member);
    /// @notice The claim was refuted. The bond was credited to challenger and treasury.
    event BondLost(
        uint32 indexed claim, address indexed challenger, uint256 reward, address indexed treasury, uint256 fine
    );
    /// @notice Nobody refuted the claim in time. The bond went back.
    event Adopted(uint32 indexed claim, uint32 indexed recall, bytes32 indexed root, address caller);
    /// @notice So many members, from the place `first` on, were followed.
    event MembersFollowed(uint32 indexed claim, uint32 first, uint32 count, address caller);
    /// @notice The claim ended before anybody relied on it. The bond went back.
    event ClaimEnded(uint32 indexed claim);

    /// @notice No claim has this number, or it is in another state than the step needs.
    error WrongClaimState(uint32 claim, State state);
    /// @notice Only an open recall that has adopted no claim is claimed; claims are refuted until it adopts one or is
    /// lifted.
    error NotClaimable(uint32 recall, IRecalls.RecallState state, bool claimed);
    /// @notice The organisation did not open the recall, and is no regulator.
    error MayNotClaim(uint32 recall, uint32 org);
    /// @notice A claim names one member at least.
    error NoMembers();
    /// @notice Somebody else claims this.
    error NotClaimant(uint32 claim, address claimant);
    /// @notice Members are published and followed 64 at a time, the last time those that are left.
    error WrongBatch(uint32 claim, uint256 expected, uint256 found);
    /// @notice Ids rise, a parent is in the list, and of no more than 5,000 results is accounted for; longer lists are
    /// stepped.
    error WrongLeaf(uint32 claim, uint32 index);
    /// @notice The leaf does not lead to the root of the claim.
    error InvalidProof(uint32 claim, uint32 index);
    /// @notice The list is not what came of the member, or not up to a head that is known.
    error UnknownList(bytes32 member, bytes32 head);
    /// @notice The leaves do not show that this is not in the claim: its neighbours, or the first or last leaf.
    error NotAbsent(uint32 claim, bytes32 id);
    /// @notice The claim does not account for a result at this place.
    error NotCounted(uint32 claim, bytes32 member, uint256 place);
    /// @notice It is a member of the recall already, so the claim need not name it.
    error NotMissing(uint32 claim, bytes32 id);
    /// @notice Nothing shown speaks against this leaf.
    error NotExcess(uint32 claim, bytes32 member);
    /// @notice The window is open.
    error WindowOpen(uint32 claim, uint40 deadline);
    /// @notice The recall is open and may adopt the claim: the bond stays.
    error BondAtStake(uint32 claim);

    /// @notice Begins a claim. Who opened the recall or a regulator, duty RECALL. Takes the bond. Emits {ClaimBegun}.
    /// @param size Number of members that it will name. Those that were stepped already need not be among them.
    /// @return number Of the claim, counted from 1.
    function claim(uint32 recall, uint32 size) external returns (uint32 number);

    /// @notice Publishes the next 64 members, or those that are left. The claimant. Emits {MembersPublished}, and
    /// {ClaimComplete} with the last.
    function publish(uint32 number, Leaf[] calldata leaves) external;

    /// @notice Notes a head that the list of a lot or process once had, so that its beginning can be shown without the
    /// rest. Anyone. Needed only for a list that is too long for a transaction. Emits {HeadNoted}.
    /// @param head The head to note.
    /// @param items What came behind it, up to the present head or one that was noted.
    function note(bytes32 member, bytes32 head, bytes32[] calldata items) external;

    /// @notice Refutes a claim: something that came of a member is not in it. Anyone, until the claim is adopted.
    /// Emits {MissingProven} and {BondLost}.
    /// @param leaf The member.
    /// @param results What came of it, up to the present head or one that was noted.
    /// @param place Of what is missing, in that list.
    /// @param around The leaves between which it would be; only the first or last one if it would be before or behind.
    function challengeMissing(
        uint32 number,
        Placed calldata leaf,
        bytes32[] calldata results,
        uint256 place,
        Placed[] calldata around
    ) external;

    /// @notice Refutes a claim: a member is in it that is none, or counts more results than there are. Anyone, until the
    /// claim is adopted. Emits {ExcessProven} and {BondLost}.
    /// @param leaf The member.
    /// @param parent Its parent; not looked at for a member of before, nor for too high a count.
    /// @param results What came of the parent, up to the present head, or to one that was noted behind all results that
    /// the parent's leaf accounts for; not looked at if the parent is not nearer to the seeds.
    function challengeExcess(uint32 number, Placed calldata leaf, Placed calldata parent, bytes32[] calldata results)
        external;

    /// @notice Adopts a claim after its window. Anyone. The bond goes back. Emits {Adopted} and
    /// {IRecalls-ClaimAdopted}.
    function adopt(uint32 number) external;

    /// @notice Follows the next 64 members, or those that are left. Anyone. Emits {MembersFollowed} and what
    /// {IRecalls-followClaim} emits.
    /// @param proof The way from these leaves to the root.
    function follow(uint32 number, Leaf[] calldata leaves, bytes32[] calldata proof) external;

    /// @notice Lets a member of the recall be stepped that the adopted claim does not name. Anyone.
    /// Emits {IRecalls-MemberUncovered}.
    /// @param around As for {challengeMissing}.
    function proveUncovered(uint32 number, bytes32 member, Placed[] calldata around) external;

    /// @notice Ends a claim that is not complete, or whose recall was closed, lifted, or adopted another one. The
    /// claimant. The bond goes back. Emits {ClaimEnded}.
    function end(uint32 number) external;

    /// @notice The module that keeps recalls.
    function RECALLS() external view returns (IRecalls);

    /// @notice The module that knows what was made of what.
    function LINEAGE() external view returns (ILineage);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice The bond of a claim.
    function BOND() external view returns (uint256);

    /// @notice Seconds in which a complete claim can be refuted before it may be adopted.
    function WINDOW() external view returns (uint40);

    /// @notice Who gets the half of a lost bond that the challenger does not, so that who refutes his own claim loses it:
    /// the admin of the organisation for which this contract acts.
    function treasury() external view returns (address);

    /// @notice Number of claims.
    function claimCount() external view returns (uint32);

    /// @notice A claim; all zero if there is none.
    function claimOf(uint32 number) external view returns (Claim memory);

    /// @notice Root of the tree of members (`MerkleLeaves.member`); zero until all were published.
    function rootOf(uint32 number) external view returns (bytes32);

    /// @notice Is it known that the list of this lot or process once had this head?
    function isNoted(bytes32 member, bytes32 head) external view returns (bool);
}
