// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {IClosureClaims} from "../interfaces/IClosureClaims.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILineage} from "../interfaces/ILineage.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecalls} from "../interfaces/IRecalls.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {Purse} from "./Purse.sol";

/// @title ClosureClaims
/// @notice See {IClosureClaims}.
contract ClosureClaims is IClosureClaims, Purse {
    /// @dev Members published or followed at a time: a power of two, so that each batch is a branch of the tree, and few
    /// enough that a transaction holds all of them even if each is a twin inside eight containers of its own.
    uint256 private constant BATCH = 64;

    /// @dev As many results as one transaction can show, and more.
    uint32 private constant MAX_RESULTS = 5_000;

    /// @inheritdoc IClosureClaims
    IRecalls public immutable RECALLS;

    /// @inheritdoc IClosureClaims
    ILineage public immutable LINEAGE;

    /// @inheritdoc IClosureClaims
    ILots public immutable LOTS;

    /// @inheritdoc IClosureClaims
    uint256 public immutable BOND;

    /// @inheritdoc IClosureClaims
    uint40 public immutable WINDOW;

    /// @inheritdoc IClosureClaims
    uint32 public claimCount;

    // slither-disable-next-line uninitialized-state: written through a pointer to one claim
    mapping(uint32 number => Claim) private _claims;

    /// @inheritdoc IClosureClaims
    mapping(uint32 number => bytes32) public rootOf;

    /// @dev The member published last.
    mapping(uint32 number => bytes32) private _last;

    /// @dev The full branches of 64, 128, 256... leaves that have no neighbour yet.
    // slither-disable-next-line uninitialized-state: written through a pointer to those of one claim
    mapping(uint32 number => mapping(uint256 level => bytes32)) private _branches;

    /// @inheritdoc IClosureClaims
    mapping(bytes32 member => mapping(bytes32 head => bool)) public isNoted;

    constructor(IConsortium consortium, IRecalls recalls, IERC20 token, uint256 bond, uint40 window)
        Module("Goldthread ClosureClaims", consortium)
        Purse(token)
    {
        RECALLS = recalls;
        LINEAGE = recalls.LINEAGE();
        LOTS = recalls.LOTS();
        BOND = bond;
        WINDOW = window;
    }

    // ---------------------------------------------------------------------------------------------- claiming

    /// @inheritdoc IClosureClaims
    function claim(uint32 recall, uint32 size) external nonReentrant returns (uint32 number) {
        uint32 org = _authorize(Duty.RECALL);
        IRecalls.Recall memory r = RECALLS.recallOf(recall);
        if (!_isClaimable(r)) revert NotClaimable(recall, r.state, r.claimed);
        if (org != r.org && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert MayNotClaim(recall, org);
        if (size == 0) revert NoMembers();
        number = ++claimCount;
        Claim storage c = _claims[number];
        (c.claimant, c.recall, c.size, c.state) = (msg.sender, recall, size, State.OPEN);
        emit ClaimBegun(number, recall, org, msg.sender, size, BOND);
        _pull(BOND);
    }

    /// @inheritdoc IClosureClaims
    function publish(uint32 number, Leaf[] calldata leaves) external {
        Claim storage c = _inState(number, State.OPEN);
        if (msg.sender != c.claimant) revert NotClaimant(number, c.claimant);
        (uint32 size, uint32 first) = (c.size, c.published);
        _checkBatch(number, size - first, leaves.length);
        bytes32 last = _last[number];
        for (uint32 i; i < leaves.length; ++i) {
            Leaf calldata leaf = leaves[i];
            if (leaf.member <= last || leaf.parent >= size || leaf.results > MAX_RESULTS) {
                revert WrongLeaf(number, first + i);
            }
            last = leaf.member;
        }
        _last[number] = last;
        uint32 published = first + uint32(leaves.length);
        c.published = published;
        emit MembersPublished(number, first, leaves);
        bytes32 root = _grow(number, first / BATCH, _branchOf(first, leaves), published == size);
        if (published != size) return;
        uint40 deadline = uint40(block.timestamp) + WINDOW;
        (c.deadline, c.state) = (deadline, State.COMPLETE);
        rootOf[number] = root;
        emit ClaimComplete(number, root, deadline);
    }

    /// @inheritdoc IClosureClaims
    function end(uint32 number) external {
        Claim storage c = _claims[number];
        if (msg.sender != c.claimant) revert NotClaimant(number, c.claimant);
        if (c.state == State.COMPLETE) {
            if (_isClaimable(RECALLS.recallOf(c.recall))) revert BondAtStake(number);
        } else if (c.state != State.OPEN) {
            revert WrongClaimState(number, c.state);
        }
        c.state = State.ENDED;
        _credit(msg.sender, BOND);
        emit ClaimEnded(number);
    }

    /// @dev Joins a branch with the full ones to its left: those of its own height, or all of them if it is the last.
    function _grow(uint32 number, uint256 branches, bytes32 branch, bool last) private returns (bytes32) {
        mapping(uint256 level => bytes32) storage left = _branches[number];
        uint256 level;
        for (; branches != 0 && (last || branches % 2 == 1); branches /= 2) {
            if (branches % 2 == 1) branch = MerkleLeaves.node(left[level], branch);
            ++level;
        }
        if (!last) left[level] = branch;
        return branch;
    }

    // ----------------------------------------------------------------------------------------------- refuting

    /// @inheritdoc IClosureClaims
    function note(bytes32 member, bytes32 head, bytes32[] calldata items) external {
        (bytes32 reached,) = _fold(head, items, 0);
        _checkHead(member, reached);
        isNoted[member][head] = true;
        emit HeadNoted(member, head);
    }

    /// @inheritdoc IClosureClaims
    function challengeMissing(
        uint32 number,
        Placed calldata leaf,
        bytes32[] calldata results,
        uint256 place,
        Placed[] calldata around
    ) external {
        Claim storage c = _challenged(number, leaf);
        bytes32 member = leaf.leaf.member;
        if (place >= leaf.leaf.results || place >= results.length) revert NotCounted(number, member, place);
        (bytes32 head,) = _fold(0, results, 0);
        _checkHead(member, head);
        bytes32 missing = results[place];
        if (RECALLS.isMember(c.recall, missing)) revert NotMissing(number, missing);
        _checkAbsent(number, c.size, missing, around);
        emit MissingProven(number, member, missing);
        _refute(number, c);
    }

    /// @inheritdoc IClosureClaims
    function challengeExcess(uint32 number, Placed calldata leaf, Placed calldata parent, bytes32[] calldata results)
        external
    {
        Claim storage c = _challenged(number, leaf);
        bytes32 member = leaf.leaf.member;
        bool excess = leaf.leaf.results > _resultsOf(member);
        if (!excess && leaf.leaf.parent == leaf.index) excess = !RECALLS.isMember(c.recall, member);
        else if (!excess) excess = _isStranger(number, leaf, parent, results);
        if (!excess) revert NotExcess(number, member);
        emit ExcessProven(number, member);
        _refute(number, c);
    }

    /// @dev Is the leaf not farther from the seeds than its parent, or not among what came of it?
    function _isStranger(uint32 number, Placed calldata leaf, Placed calldata parent, bytes32[] calldata results)
        private
        view
        returns (bool)
    {
        _checkPlaced(number, parent);
        if (parent.index != leaf.leaf.parent) revert InvalidProof(number, parent.index);
        if (leaf.leaf.depth <= parent.leaf.depth) return true;
        bytes32 id = parent.leaf.member;
        (bytes32 head, bool found) = _fold(0, results, leaf.leaf.member);
        // An older head proves nothing of what came behind it.
        if (head != _headOf(id) && (!isNoted[id][head] || results.length < parent.leaf.results)) {
            revert UnknownList(id, head);
        }
        return !found;
    }

    /// @dev The bond goes to whoever refutes the claim, less a half that makes refuting one's own no way out.
    function _refute(uint32 number, Claim storage c) private {
        c.state = State.REFUTED;
        uint256 reward = BOND / 2;
        address to = treasury();
        _credit(msg.sender, reward);
        _credit(to, BOND - reward);
        emit BondLost(number, msg.sender, reward, to, BOND - reward);
    }

    function _challenged(uint32 number, Placed calldata leaf) private view returns (Claim storage c) {
        c = _inState(number, State.COMPLETE);
        IRecalls.Recall memory r = RECALLS.recallOf(c.recall);
        // Also while the recall is closed: a seed opens it again, and then the claim may be adopted at once.
        if (r.state == IRecalls.RecallState.LIFTED || r.claimed) revert NotClaimable(c.recall, r.state, r.claimed);
        _checkPlaced(number, leaf);
    }

    /// @dev Ids rise from leaf to leaf, so that what is not between neighbours is nowhere.
    function _checkAbsent(uint32 number, uint32 size, bytes32 id, Placed[] calldata around) private view {
        for (uint256 i; i < around.length; ++i) {
            _checkPlaced(number, around[i]);
        }
        bool absent;
        if (around.length == 1) {
            (uint32 index, bytes32 member) = (around[0].index, around[0].leaf.member);
            absent = (index == 0 && id < member) || (index == size - 1 && id > member);
        } else if (around.length == 2) {
            absent = around[0].index + 1 == around[1].index && around[0].leaf.member < id && id < around[1].leaf.member;
        }
        if (!absent) revert NotAbsent(number, id);
    }

    // ---------------------------------------------------------------------------------------------- following

    /// @inheritdoc IClosureClaims
    function adopt(uint32 number) external {
        Claim storage c = _inState(number, State.COMPLETE);
        if (block.timestamp <= c.deadline) revert WindowOpen(number, c.deadline);
        c.state = State.ADOPTED;
        _credit(c.claimant, BOND);
        emit Adopted(number, c.recall, rootOf[number], msg.sender);
        RECALLS.adoptClaim(c.recall, rootOf[number], c.size);
    }

    /// @inheritdoc IClosureClaims
    function follow(uint32 number, Leaf[] calldata leaves, bytes32[] calldata proof) external {
        Claim storage c = _inState(number, State.ADOPTED);
        uint32 first = c.followed;
        _checkBatch(number, c.size - first, leaves.length);
        bytes32 branch = _branchOf(first, leaves);
        if (!MerkleProof.verifyCalldata(proof, rootOf[number], branch, MerkleLeaves.node)) {
            revert InvalidProof(number, first);
        }
        c.followed = first + uint32(leaves.length);
        emit MembersFollowed(number, first, uint32(leaves.length), msg.sender);
        IRecalls.Claimed[] memory claimed = new IRecalls.Claimed[](leaves.length);
        for (uint256 i; i < leaves.length; ++i) {
            claimed[i] = IRecalls.Claimed(leaves[i].member, leaves[i].results);
        }
        RECALLS.followClaim(c.recall, claimed);
    }

    /// @inheritdoc IClosureClaims
    function proveUncovered(uint32 number, bytes32 member, Placed[] calldata around) external {
        Claim storage c = _inState(number, State.ADOPTED);
        _checkAbsent(number, c.size, member, around);
        RECALLS.uncover(c.recall, member);
    }

    // ----------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IClosureClaims
    function claimOf(uint32 number) external view returns (Claim memory) {
        return _claims[number];
    }

    /// @inheritdoc IClosureClaims
    function treasury() public view returns (address) {
        (uint32 self,) = CONSORTIUM.accountOf(address(this));
        return CONSORTIUM.organisation(self).admin;
    }

    function _inState(uint32 number, State state) private view returns (Claim storage c) {
        c = _claims[number];
        if (c.state != state) revert WrongClaimState(number, c.state);
    }

    function _isClaimable(IRecalls.Recall memory r) private pure returns (bool) {
        return r.state == IRecalls.RecallState.OPEN && !r.claimed;
    }

    function _checkBatch(uint32 number, uint256 left, uint256 found) private pure {
        uint256 expected = Math.min(left, BATCH);
        if (found != expected || found == 0) revert WrongBatch(number, expected, found);
    }

    function _checkPlaced(uint32 number, Placed calldata p) private view {
        if (!MerkleProof.verifyCalldata(p.proof, rootOf[number], _hash(p.index, p.leaf), MerkleLeaves.node)) {
            revert InvalidProof(number, p.index);
        }
    }

    /// @dev The head of what came of a lot or a process; zero for anything else.
    function _headOf(bytes32 member) private view returns (bytes32 head) {
        head = LOTS.useHead(member);
        if (head == 0) head = LINEAGE.outputsHead(member);
    }

    /// @dev How much came of a lot or a process; nothing of anything else.
    function _resultsOf(bytes32 member) private view returns (uint32) {
        return LOTS.lotOf(member).uses + LINEAGE.processOf(member).outputs;
    }

    function _checkHead(bytes32 member, bytes32 head) private view {
        if (head != _headOf(member) && !isNoted[member][head]) revert UnknownList(member, head);
    }

    function _fold(bytes32 head, bytes32[] calldata items, bytes32 wanted)
        private
        pure
        returns (bytes32 reached, bool found)
    {
        reached = head;
        for (uint256 i; i < items.length; ++i) {
            reached = keccak256(abi.encode(reached, items[i]));
            found = found || items[i] == wanted;
        }
    }

    /// @dev The root over a batch of leaves; a node without a neighbour moves up.
    function _branchOf(uint32 first, Leaf[] calldata leaves) private pure returns (bytes32) {
        bytes32[] memory level = new bytes32[](leaves.length);
        for (uint32 i; i < leaves.length; ++i) {
            level[i] = _hash(first + i, leaves[i]);
        }
        for (uint256 count = level.length; count > 1; count = (count + 1) / 2) {
            for (uint256 i; i < count / 2; ++i) {
                level[i] = MerkleLeaves.node(level[2 * i], level[2 * i + 1]);
            }
            if (count % 2 == 1) level[count / 2] = level[count - 1];
        }
        return level[0];
    }

    function _hash(uint32 index, Leaf calldata leaf) private pure returns (bytes32) {
        return MerkleLeaves.member(index, leaf.member, leaf.parent, leaf.depth, leaf.results);
    }
}
