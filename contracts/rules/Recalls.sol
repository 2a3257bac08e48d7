// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILineage} from "../interfaces/ILineage.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IRecalls} from "../interfaces/IRecalls.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {RecallLedger} from "./RecallLedger.sol";

/// @title Recalls
/// @notice See {IRecalls}.
contract Recalls is RecallLedger {
    /// @dev What a claim may name.
    enum Kind {
        NOTHING,
        TWIN,
        LOT,
        PROCESS
    }

    constructor(IConsortium consortium, ILineage lineage)
        Module("Goldthread Recalls", consortium)
        RecallLedger(lineage)
    {}

    // ------------------------------------------------------------------------------------------------- seeds

    /// @inheritdoc IRecalls
    function open(RecallClass class, bytes32 reason, EventRef calldata ref) external returns (uint32 recall) {
        uint32 org = _authorize(Duty.RECALL);
        if (class == RecallClass.NONE) revert NoClass();
        EventStamp.checkPast(ref.stamp);
        recall = ++recallCount;
        Recall storage r = _recalls[recall];
        (r.org, r.class, r.state) = (org, class, RecallState.OPEN);
        emit RecallOpened(recall, org, reason, msg.sender, class, ref);
    }

    /// @inheritdoc IRecalls
    function addLots(uint32 recall, bytes32[] calldata lots) external {
        (Recall storage r, uint32 org, bool regulator) = _authorizeSeeding(recall);
        for (uint256 i; i < lots.length; ++i) {
            if (!regulator && LOTS.lotOf(lots[i]).maker != org) revert MayNotSeed(lots[i], org);
        }
        uint32 added = LOTS.markRecalled(lots, recall);
        _grow(r, added);
        emit LotsAdded(recall, org, msg.sender, added);
    }

    /// @inheritdoc IRecalls
    function addOutputs(uint32 recall, bytes32 process, bytes32[] calldata products, uint256 from, uint256 to)
        external
    {
        (Recall storage r, uint32 org, bool regulator) = _authorizeSeeding(recall);
        if (!regulator && LINEAGE.processOf(process).org != org) revert MayNotSeed(process, org);
        if (!LINEAGE.outputsComplete(process, products)) revert Incomplete(process);
        if (from >= to || to > products.length) revert WrongWindow(process, from, to, products.length);
        EventRef memory none;
        uint32 added = _markProducts(recall, r, products[from:to], none);
        _grow(r, added);
        emit OutputsSeeded(recall, process, org, msg.sender, from, to, added);
    }

    /// @inheritdoc IRecalls
    function addSerials(uint32 recall, bytes32 lot, bytes32 root, uint32 count) external {
        (, uint32 org, bool regulator) = _authorizeSeeding(recall);
        if (!regulator && LOTS.lotOf(lot).maker != org) revert MayNotSeed(lot, org);
        if (root == 0 || count == 0 || serialsOf[recall][lot] != 0) revert WrongSerials(recall, lot, root, count);
        serialsOf[recall][lot] = root;
        emit SerialsAdded(recall, lot, root, org, msg.sender, count);
    }

    /// @inheritdoc IRecalls
    function addTwin(uint32 recall, bytes32 twin, EventRef calldata ref) external {
        (Recall storage r, uint32 org, bool regulator) = _authorizeSeeding(recall);
        ITwins.Twin memory t = TWINS.twin(twin);
        bool own = org == t.maker || org == t.owner || org == TWINS.custodianOf(twin);
        if (!regulator && !own) revert MayNotSeed(twin, org);
        _affect(recall, r, twin, ref);
    }

    // ------------------------------------------------------------------------------------------------- steps

    /// @inheritdoc IRecalls
    function step(uint32 recall, bytes32 lot, bytes32[] calldata uses, EventRef calldata ref) external {
        _checkList(lot, _usesLeft(recall, lot), 0, uses);
        Recall storage r = _startStep(recall, lot);
        stepped[recall][lot] = true;
        _endStep(recall, r, lot, _markUses(recall, r, uses, ref));
    }

    /// @inheritdoc IRecalls
    function stepProcess(uint32 recall, bytes32 process, bytes32[] calldata products, EventRef calldata ref) external {
        _checkList(process, _outputsLeft(recall, process), 0, products);
        Recall storage r = _startStep(recall, process);
        stepped[recall][process] = true;
        _endStep(recall, r, process, _markProducts(recall, r, products, ref));
    }

    /// @inheritdoc IRecalls
    function stepPart(uint32 recall, bytes32 lot, bytes32 before, bytes32[] calldata uses, EventRef calldata ref)
        external
    {
        _checkList(lot, _usesLeft(recall, lot), before, uses);
        Recall storage r = _startPart(recall, lot, before, uses);
        _endPart(recall, r, lot, before, _markUses(recall, r, uses, ref));
    }

    /// @inheritdoc IRecalls
    function stepProcessPart(
        uint32 recall,
        bytes32 process,
        bytes32 before,
        bytes32[] calldata products,
        EventRef calldata ref
    ) external {
        _checkList(process, _outputsLeft(recall, process), before, products);
        Recall storage r = _startPart(recall, process, before, products);
        _endPart(recall, r, process, before, _markProducts(recall, r, products, ref));
    }

    /// @inheritdoc IRecalls
    function holdContainer(uint32 recall, bytes32 container, bytes32 lot, EventRef calldata ref) external {
        if (!LOTS.isRecalled(lot, recall)) revert NotAMember(recall, lot);
        if (LOTS.quantityIn(lot, container) == 0) revert NotInContainer(lot, container);
        Recall storage r = _recalls[recall];
        if (r.state == RecallState.LIFTED) revert WrongRecallState(recall, r.state);
        _affect(recall, r, container, ref);
    }

    /// @inheritdoc IRecalls
    function lift(uint32 recall, bytes32 reason, EventRef calldata ref) external {
        (Recall storage r, uint32 org,) = _authorizeRecall(recall);
        if (r.state == RecallState.LIFTED) revert WrongRecallState(recall, r.state);
        EventStamp.checkPast(ref.stamp);
        r.state = RecallState.LIFTED;
        emit RecallLifted(recall, org, reason, msg.sender, ref);
    }

    /// @inheritdoc IRecalls
    // slither-disable-next-line reentrancy-no-eth: Lots, Lineage and Twins are our own and call nobody back
    function clearMembers(
        uint32 recall,
        bytes32[] calldata lots,
        bytes32[] calldata processes,
        bytes32[] calldata twins,
        EventRef calldata ref
    ) external {
        Recall storage r = _known(recall);
        if (r.state != RecallState.LIFTED) revert WrongRecallState(recall, r.state);
        LOTS.unmarkRecalled(lots, recall);
        LINEAGE.unmarkRecalled(processes, recall);
        (uint32 self,) = CONSORTIUM.accountOf(address(this));
        for (uint256 i; i < twins.length; ++i) {
            if (!isAffected[recall][twins[i]]) revert NotAMember(recall, twins[i]);
            delete isAffected[recall][twins[i]];
            emit TwinCleared(recall, twins[i], msg.sender);
            // A regulator may have lifted the hold before.
            if (TWINS.held(twins[i], self, reasonOf(recall))) TWINS.release(twins[i], self, reasonOf(recall), ref);
        }
    }

    /// @dev A member of an open recall, stepped for the first time.
    function _startStep(uint32 recall, bytes32 member) private view returns (Recall storage r) {
        r = _recalls[recall];
        if (r.state != RecallState.OPEN) revert WrongRecallState(recall, r.state);
        if (stepped[recall][member]) revert AlreadyStepped(recall, member);
        if (r.claimed && !uncovered[recall][member]) revert IsCovered(recall, member);
    }

    /// @dev As above, of a list of which something is left after this.
    function _startPart(uint32 recall, bytes32 member, bytes32 before, bytes32[] calldata items)
        private
        returns (Recall storage r)
    {
        r = _startStep(recall, member);
        if (before == 0 || items.length == 0) revert NotAPart(recall, member);
        leftOf[recall][member] = before;
    }

    function _endPart(uint32 recall, Recall storage r, bytes32 member, bytes32 before, uint32 added) private {
        r.frontier += added;
        r.size += added;
        emit PartStepped(recall, member, before, msg.sender, added, r.frontier);
    }

    /// @dev The chain of a lot's uses as far as it is not stepped. A chain never grows once it has a member, because the
    /// member is blocked, so what was stepped from its end stays stepped.
    function _usesLeft(uint32 recall, bytes32 lot) private view returns (bytes32 left) {
        if (!LOTS.isRecalled(lot, recall)) revert NotAMember(recall, lot);
        left = leftOf[recall][lot];
        if (left == 0) left = LOTS.useHead(lot);
    }

    /// @dev The chain of a process's outputs as far as it is not stepped.
    function _outputsLeft(uint32 recall, bytes32 process) private view returns (bytes32 left) {
        if (!LINEAGE.isRecalled(process, recall)) revert NotAMember(recall, process);
        left = leftOf[recall][process];
        if (left == 0) left = LINEAGE.outputsHead(process);
    }

    /// @dev The items lead from one link of a chain to the other, with nothing left out between them.
    function _checkList(bytes32 member, bytes32 left, bytes32 before, bytes32[] calldata items) private pure {
        for (uint256 i; i < items.length; ++i) {
            before = keccak256(abi.encode(before, items[i]));
        }
        if (before != left) revert Incomplete(member);
    }

    /// @dev Makes processes members, and holds units with a history of their own.
    /// @return added New processes.
    function _markUses(uint32 recall, Recall storage r, bytes32[] calldata uses, EventRef calldata ref)
        private
        returns (uint32 added)
    {
        bytes32[] memory processes = new bytes32[](uses.length);
        uint256 count;
        for (uint256 i; i < uses.length; ++i) {
            if (LINEAGE.processOf(uses[i]).org != 0) processes[count++] = uses[i];
            else _affect(recall, r, uses[i], ref);
        }
        return LINEAGE.markRecalled(_cut(processes, count), recall);
    }

    function _endStep(uint32 recall, Recall storage r, bytes32 member, uint32 added) private {
        bytes32 closure = keccak256(abi.encode(closureOf[recall], member));
        closureOf[recall] = closure;
        uint32 frontier = r.frontier + added - 1;
        r.frontier = frontier;
        r.size += added;
        emit Stepped(recall, member, msg.sender, added, frontier, closure);
        if (frontier == 0) _close(recall, r, closure);
    }

    function _close(uint32 recall, Recall storage r, bytes32 closure) private {
        r.state = RecallState.CLOSED;
        emit RecallClosed(recall, closure, r.size);
    }

    /// @dev Seeds may come after the recall was closed, and open it again.
    function _grow(Recall storage r, uint32 added) private {
        if (added == 0) return;
        r.frontier += added;
        r.size += added;
        r.state = RecallState.OPEN;
    }

    /// @dev Makes lots members, and holds parts.
    /// @return added New lots.
    function _markProducts(uint32 recall, Recall storage r, bytes32[] calldata products, EventRef memory ref)
        private
        returns (uint32 added)
    {
        bytes32[] memory lots = new bytes32[](products.length);
        uint256 count;
        for (uint256 i; i < products.length; ++i) {
            if (LOTS.lotOf(products[i]).maker != 0) lots[count++] = products[i];
            else _affect(recall, r, products[i], ref);
        }
        return LOTS.markRecalled(_cut(lots, count), recall);
    }

    /// @dev Makes a twin a member and holds it, once; one that has ended is a member only.
    function _affect(uint32 recall, Recall storage r, bytes32 twin, EventRef memory ref) private {
        if (isAffected[recall][twin]) return;
        ITwins.Twin memory t = TWINS.twin(twin);
        if (t.kind == ITwins.Kind.NONE) revert UnknownProduct(twin);
        isAffected[recall][twin] = true;
        ++r.size;
        emit TwinAffected(recall, twin, msg.sender);
        if (t.end == ITwins.EndOfLife.NONE) TWINS.hold(twin, reasonOf(recall), ref);
    }

    function _cut(bytes32[] memory items, uint256 count) private pure returns (bytes32[] memory) {
        assembly ("memory-safe") {
            mstore(items, count)
        }
        return items;
    }

    // ------------------------------------------------------------------------------------------------ claims

    /// @inheritdoc IRecalls
    function adoptClaim(uint32 recall, bytes32 root, uint32 size) external {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        Recall storage r = _recalls[recall];
        if (r.state != RecallState.OPEN) revert WrongRecallState(recall, r.state);
        if (r.claimed) revert AlreadyClaimed(recall);
        (r.claimed, r.frontier) = (true, r.frontier + size);
        bytes32 closure = keccak256(abi.encode(closureOf[recall], root));
        closureOf[recall] = closure;
        emit ClaimAdopted(recall, root, size, r.frontier, closure);
    }

    /// @inheritdoc IRecalls
    // slither-disable-next-line reentrancy-no-eth: Lots, Lineage and Twins are our own and call nobody back
    function followClaim(uint32 recall, Claimed[] calldata claimed) external {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        Recall storage r = _recalls[recall];
        if (r.state != RecallState.OPEN) revert WrongRecallState(recall, r.state);
        EventRef memory none;
        (bytes32[] memory lots, bytes32[] memory processes) =
            (new bytes32[](claimed.length), new bytes32[](claimed.length));
        (uint256 lotCount, uint256 processCount) = (0, 0);
        uint32 frontier = r.frontier - uint32(claimed.length);
        for (uint256 i; i < claimed.length; ++i) {
            bytes32 id = claimed[i].member;
            (Kind kind, bool member, uint32 results) = _look(recall, id);
            if (kind == Kind.TWIN) _affect(recall, r, id, none);
            if (kind == Kind.LOT) lots[lotCount++] = id;
            if (kind == Kind.PROCESS) processes[processCount++] = id;
            bool grown = results != claimed[i].results;
            if (kind <= Kind.TWIN || (!member && !grown) || stepped[recall][id]) continue;
            if (grown) {
                // It has grown since: what came of it then is in the claim, what came later is not.
                if (!member) ++frontier;
                _uncover(recall, id, !member);
            } else {
                --frontier;
                stepped[recall][id] = true;
                emit MemberCovered(recall, id);
            }
        }
        uint32 added = LOTS.markRecalled(_cut(lots, lotCount), recall)
            + LINEAGE.markRecalled(_cut(processes, processCount), recall);
        (r.frontier, r.size) = (frontier, r.size + added);
        emit ClaimFollowed(recall, uint32(claimed.length), added, frontier);
        if (frontier == 0) _close(recall, r, closureOf[recall]);
    }

    /// @inheritdoc IRecalls
    function uncover(uint32 recall, bytes32 member) external {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        if (!isMember(recall, member)) revert NotAMember(recall, member);
        if (stepped[recall][member]) revert AlreadyStepped(recall, member);
        if (uncovered[recall][member]) revert AlreadyUncovered(recall, member);
        _uncover(recall, member, false);
    }

    function _uncover(uint32 recall, bytes32 member, bool joins) private {
        uncovered[recall][member] = true;
        emit MemberUncovered(recall, member, joins);
    }

    /// @dev What a thing is, whether it is a lot or process that is a member already, and how much came of it.
    function _look(uint32 recall, bytes32 id) private view returns (Kind kind, bool member, uint32 results) {
        ILots.Lot memory lot = LOTS.lotOf(id);
        if (lot.maker != 0) return (Kind.LOT, lot.recalls != 0 && LOTS.isRecalled(id, recall), lot.uses);
        ILineage.Process memory process = LINEAGE.processOf(id);
        if (process.org != 0) {
            return (Kind.PROCESS, process.recalls != 0 && LINEAGE.isRecalled(id, recall), process.outputs);
        }
        return (TWINS.twin(id).kind == ITwins.Kind.NONE ? Kind.NOTHING : Kind.TWIN, false, 0);
    }

    function _authorizeSeeding(uint32 recall) private view returns (Recall storage r, uint32 org, bool regulator) {
        (r, org, regulator) = _authorizeRecall(recall);
        if (r.state == RecallState.LIFTED) revert WrongRecallState(recall, r.state);
    }
}
