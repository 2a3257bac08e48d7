// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IExposures} from "../interfaces/IExposures.sol";
import {ILots} from "../interfaces/ILots.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";

/// @title Exposures
/// @notice See {IExposures}.
contract Exposures is IExposures, Module {
    bytes4 private constant INHERITED = bytes4(keccak256("INHERITED"));
    uint8 private constant CRITICAL = 3;

    /// @dev Bits of the first head that Twins keeps (docs/history-head.md).
    uint256 private constant FRESH_HEAD = ~uint256(type(uint40).max);

    /// @dev Later than every second.
    uint256 private constant NEVER = type(uint256).max;

    /// @dev A twin was in the container from the second `from` on, and not any more in the second `to`.
    struct Stay {
        bytes32 container;
        uint256 from;
        uint256 to;
    }

    /// @dev What a history says.
    /// @param since First second from which on it says where the twin was.
    /// @param whole True if it begins with the twin, so that there was none before `since`.
    struct Life {
        bytes32 id;
        uint256 since;
        bool whole;
        Stay[] stays;
    }

    /// @dev What a packer says.
    /// @param root Of the container's contents.
    /// @param outer Hash of the leaf that is in the container itself.
    /// @param lot Of all leaves on the way to the thing.
    /// @param twin True if the thing is a twin by now; `until`: since when.
    struct Claim {
        bytes32 container;
        bytes32 root;
        bytes32 outer;
        bytes32 lot;
        bytes32 item;
        bool twin;
        uint256 until;
    }

    /// @dev A search for the time that a thing was in `subject`.
    /// @param complete True if nothing may be left out.
    /// @param from First second of the breach; `to` is the second after its last.
    /// @param first First second found; `last` is the second after the last one. None is found until `last` is not 0.
    struct Search {
        Life[] lives;
        bytes32 subject;
        bool complete;
        uint256 from;
        uint256 to;
        uint256 first;
        uint256 last;
    }

    /// @inheritdoc IExposures
    IConditions public immutable CONDITIONS;

    /// @inheritdoc IExposures
    ILots public immutable LOTS;

    /// @inheritdoc IExposures
    ITwins public immutable TWINS;

    /// @inheritdoc IExposures
    mapping(bytes32 item => mapping(bytes32 breachId => Inheritance)) public inheritance;

    constructor(IConsortium consortium, IConditions conditions, ILots lots) Module("Goldthread Exposures", consortium) {
        CONDITIONS = conditions;
        LOTS = lots;
        TWINS = lots.TWINS();
    }

    // ------------------------------------------------------------------------------------------------- holds

    /// @inheritdoc IExposures
    function holdInherited(Cause calldata cause, bytes32 item, Proof calldata proof, EventRef calldata ref) external {
        (bytes32 breachId, Search memory s) = _startSearch(cause, proof.histories, false);
        _checkInheritance(item, breachId, Inheritance.NONE);
        (bytes32 policyId, IConditions.PolicyState memory state) = _stateOf(cause);
        if (!state.open || !state.holding) revert NotHolding(breachId, policyId);
        for (bytes32 outer = TWINS.containerOf(item); outer != 0; outer = TWINS.containerOf(outer)) {
            if (outer == s.subject) revert StillInside(item, outer);
        }
        _searchAll(s, item, proof);
        if (s.last == 0) revert NotInherited(item, breachId);
        inheritance[item][breachId] = Inheritance.HELD;
        emit BreachInherited(item, s.subject, breachId, msg.sender, uint40(s.first), uint40(s.last - 1));
        uint8 rule = cause.rule;
        uint8 severity = rule < cause.policy.rules.length ? cause.policy.rules[rule].severity() : CRITICAL;
        emit Alert(item, INHERITED, cause.policy.setter, severity, breachId);
        TWINS.hold(item, breachId, ref);
    }

    /// @inheritdoc IExposures
    function releaseInherited(Cause calldata cause, bytes32 item, EventRef calldata ref) external {
        bytes32 breachId = _breachIdOf(cause);
        (bytes32 policyId, IConditions.PolicyState memory state) = _stateOf(cause);
        if (state.open) revert BreachOpen(breachId, policyId);
        _release(item, breachId, 0, 0, ref);
    }

    /// @inheritdoc IExposures
    function disposeInherited(Cause calldata cause, bytes32 item, bytes32 record, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.QUALITY);
        (bytes32 policyId, IConditions.PolicyState memory state) = _stateOf(cause);
        if (msg.sender == state.setBy) revert SecondPersonNeeded(policyId, state.setBy);
        if (!CONSORTIUM.hasRole(org, Role.REGULATOR)) {
            bool regulated = CONSORTIUM.organisation(cause.policy.setter).roles & Role.REGULATOR != 0;
            bool rejected = state.disposition == IConditions.Disposition.REJECT;
            if (org != TWINS.ownerOf(item) || regulated || rejected) revert MayNotDispose(item, org);
        }
        _release(item, _breachIdOf(cause), org, record, ref);
    }

    function _release(bytes32 item, bytes32 breachId, uint32 org, bytes32 record, EventRef calldata ref) private {
        _checkInheritance(item, breachId, Inheritance.HELD);
        inheritance[item][breachId] = Inheritance.RELEASED;
        emit InheritedReleased(item, breachId, org, msg.sender, record);
        // slither-disable-next-line unused-return: its duties are not looked at
        (uint32 self,) = CONSORTIUM.accountOf(address(this));
        TWINS.release(item, self, breachId, ref);
    }

    function _checkInheritance(bytes32 item, bytes32 breachId, Inheritance expected) private view {
        Inheritance found = inheritance[item][breachId];
        if (found != expected) revert WrongInheritance(item, breachId, found);
    }

    /// @dev Where the policy stands under the version of the breach. A version that is in force no longer has no open
    /// breach: it was released before it was replaced.
    function _stateOf(Cause calldata cause)
        private
        view
        returns (bytes32 policyId, IConditions.PolicyState memory state)
    {
        policyId = CONDITIONS.policyIdOf(cause.policy.subject, cause.policy.setter);
        if (CONDITIONS.policyHash(policyId) == _hash(cause.policy)) state = CONDITIONS.policyState(policyId);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IExposures
    function inherited(Cause calldata cause, bytes32 item, Proof calldata proof)
        external
        view
        returns (bool yes, uint40 from, uint40 until)
    {
        (, Search memory s) = _startSearch(cause, proof.histories, false);
        _searchAll(s, item, proof);
        if (s.last != 0) (yes, from, until) = (true, uint40(s.first), uint40(s.last - 1));
    }

    /// @inheritdoc IExposures
    function notInherited(Cause calldata cause, bytes32 item, History[] calldata histories)
        external
        view
        returns (bool)
    {
        (, Search memory s) = _startSearch(cause, histories, true);
        _search(s, item);
        return s.last == 0;
    }

    /// @inheritdoc IExposures
    function breachIdOf(bytes32 policyHash, bytes32 device, uint16 quantity, uint8 rule) public pure returns (bytes32) {
        return keccak256(abi.encode(policyHash, device, quantity, rule));
    }

    // ------------------------------------------------------------------------------------------------ search

    /// @dev The breach, and what the histories say, which must be those that the twins have.
    function _startSearch(Cause calldata cause, History[] calldata histories, bool complete)
        private
        view
        returns (bytes32 breachId, Search memory s)
    {
        breachId = _breachIdOf(cause);
        IConditions.Breach memory b =
            CONDITIONS.breachUnder(_hash(cause.policy), cause.device, cause.quantity, cause.rule);
        // slither-disable-next-line incorrect-equality: no breach is at the beginning of time
        if (b.until == 0) revert NoBreach(breachId);
        s.subject = cause.policy.subject;
        s.complete = complete;
        (s.from, s.to) = (b.firstCrossing, uint256(b.until) + 1);
        s.lives = new Life[](histories.length);
        for (uint256 i; i < histories.length; ++i) {
            s.lives[i] = _lifeOf(histories[i]);
        }
    }

    /// @dev All that a proof shows.
    function _searchAll(Search memory s, bytes32 item, Proof calldata proof) private view {
        _search(s, item);
        for (uint256 i; i < proof.places.length; ++i) {
            _searchPlace(s, item, proof.histories, proof.places[i]);
        }
    }

    /// @dev Looks for the subject among the containers in which the twin was during the breach.
    function _search(Search memory s, bytes32 id) private view {
        if (id != s.subject) _enter(s, id, s.from, s.to);
    }

    /// @dev Something that is looked for was in the container, or is the container, between two seconds. A thing is in
    /// one container at a time, so this goes no deeper than containers did, and never twice through the same second there.
    function _enter(Search memory s, bytes32 id, uint256 from, uint256 to) private view {
        if (from >= to) return;
        if (id == s.subject) {
            if (s.last == 0 || from < s.first) s.first = from;
            if (to > s.last) s.last = to;
            return;
        }
        (bool given, uint256 index) = _find(s, id);
        if (!given) {
            if (s.complete) revert HistoryMissing(id, from, to - 1);
            return;
        }
        Life memory life = s.lives[index];
        if (s.complete && life.since > from) revert HistoryTooShort(id, from, life.since);
        for (uint256 i; i < life.stays.length; ++i) {
            Stay memory stay = life.stays[i];
            _enter(s, stay.container, stay.from > from ? stay.from : from, stay.to < to ? stay.to : to);
        }
    }

    function _find(Search memory s, bytes32 id) private pure returns (bool given, uint256 index) {
        for (; index < s.lives.length; ++index) {
            if (s.lives[index].id == id) return (true, index);
        }
    }

    /// @dev Reads a history, and checks that it is what Twins says it is.
    function _lifeOf(History calldata h) private view returns (Life memory life) {
        bytes32 head = h.before;
        life.id = h.id;
        life.since = NEVER;
        life.whole = head == keccak256(abi.encode(block.chainid, address(TWINS), h.id));
        Stay[] memory stays = new Stay[](h.steps.length);
        uint256 count;
        for (uint256 i; i < h.steps.length; ++i) {
            Step calldata step = h.steps[i];
            ITwins.Action action = step.action;
            head = keccak256(abi.encode(head, step));
            if (action == ITwins.Action.REGISTERED) {
                head &= bytes32(FRESH_HEAD);
                life.since = 0;
            } else if (action == ITwins.Action.REGISTERED_FOR) {
                life.since = step.c;
            } else if (action == ITwins.Action.PACKED) {
                if (life.since > step.c) life.since = step.c;
                stays[count++] = Stay(bytes32(step.a), step.c, NEVER);
            } else if (action == ITwins.Action.UNPACKED || action == ITwins.Action.RETIRED) {
                uint256 time = action == ITwins.Action.UNPACKED ? step.c : step.a >> 8;
                if (life.since > time) life.since = time;
                if (count != 0 && stays[count - 1].to == NEVER) stays[count - 1].to = time;
            }
        }
        assembly ("memory-safe") {
            mstore(stays, count)
        }
        life.stays = stays;
        if (head != TWINS.head(h.id)) revert WrongHistory(h.id, TWINS.head(h.id), head);
    }

    // ---------------------------------------------------------------------------------------- committed contents

    /// @dev Looks for the subject around a thing that a tree of committed contents names.
    function _searchPlace(Search memory s, bytes32 item, History[] calldata histories, Place calldata place)
        private
        view
    {
        Claim memory claim = _claimOf(place);
        if (claim.item != item) revert WrongPath(place.container, item);
        (bool given, uint256 index) = _find(s, place.container);
        if (!given) revert HistoryMissing(place.container, s.from, s.to - 1);
        claim.twin = _isTwin(item);
        claim.until = claim.twin ? _bornAt(s, item) : NEVER;
        uint256 from = _searchEditions(s, claim, histories[index].steps);
        if (from != NEVER && LOTS.isInside(place.container, place.path)) _enterAs(s, claim, from, NEVER);
    }

    /// @dev Looks for the subject around the container, each time that it had these contents.
    /// @return from Since when it has them, if the thing was not taken out of them.
    function _searchEditions(Search memory s, Claim memory claim, Step[] calldata steps)
        private
        view
        returns (uint256 from)
    {
        from = NEVER;
        for (uint256 i; i < steps.length; ++i) {
            Step calldata step = steps[i];
            if (step.action != ITwins.Action.CONTENTS_NOTED || step.caller != address(LOTS)) continue;
            if (step.b >> 16 != 0) {
                from = bytes32(step.a) == claim.root && _mayName(claim, steps, i) ? step.c : NEVER;
            } else if (bytes32(step.a) == claim.outer) {
                _enterAs(s, claim, from, step.c);
                from = NEVER;
            } else if (step.b != 0) {
                // All of it was taken out, and this was never there.
                from = NEVER;
            }
        }
    }

    /// @dev The thing was in the container between two seconds, as far as its packer may say.
    function _enterAs(Search memory s, Claim memory claim, uint256 from, uint256 to) private view {
        if (from < s.from) from = s.from;
        if (to > s.to) to = s.to;
        _enter(s, claim.container, from, to < claim.until ? to : claim.until);
    }

    /// @dev The second from which on a twin's own history says where it is.
    function _bornAt(Search memory s, bytes32 item) private pure returns (uint256) {
        (bool given, uint256 index) = _find(s, item);
        if (!given) revert HistoryMissing(item, s.from, s.to - 1);
        Life memory life = s.lives[index];
        if (!life.whole) revert HistoryTooShort(item, s.from, life.since);
        return life.since;
    }

    /// @dev May the tree that was committed to with this step speak of this thing? Of what is a twin by now only if that
    /// is where it came from.
    function _mayName(Claim memory claim, Step[] calldata steps, uint256 index) private view returns (bool) {
        if (!claim.twin) return true;
        bytes32 lot = LOTS.lotOfUnit(claim.item);
        if (lot != 0) return lot == claim.lot;
        // What a container comes with when it is opened, which makes it a twin, its maker committed to.
        bool opened =
            index == 1 && steps[0].action == ITwins.Action.REGISTERED_FOR && LOTS.lotOfUnit(claim.container) == 0;
        uint32 packer = opened ? TWINS.twin(claim.container).maker : steps[index].org;
        return packer == TWINS.twin(claim.item).maker;
    }

    /// @dev Goes inwards, through the leaves of one lot as {ILots-isInside} does.
    function _claimOf(Place calldata place) private view returns (Claim memory claim) {
        ILots.Step[] calldata path = place.path;
        if (path.length == 0) revert WrongPath(place.container, 0);
        ILots.Leaf calldata leaf = path[0].leaf;
        claim.container = place.container;
        claim.lot = leaf.lot;
        claim.outer = _hash(leaf);
        claim.root = _rootOf(claim.outer, path[0].proof);
        for (uint256 i = 1; i < path.length; ++i) {
            bytes32 inner = leaf.childRoot;
            leaf = path[i].leaf;
            if (inner == 0 || leaf.lot != claim.lot || _rootOf(_hash(leaf), path[i].proof) != inner) {
                revert WrongPath(place.container, leaf.child);
            }
        }
        claim.item = leaf.child;
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _isTwin(bytes32 id) private view returns (bool) {
        return TWINS.head(id) != 0;
    }

    function _breachIdOf(Cause calldata cause) private pure returns (bytes32) {
        return breachIdOf(_hash(cause.policy), cause.device, cause.quantity, cause.rule);
    }

    function _hash(IConditions.Policy calldata policy) private pure returns (bytes32) {
        return keccak256(abi.encode(policy));
    }

    function _hash(ILots.Leaf calldata leaf) private pure returns (bytes32) {
        return MerkleLeaves.content(leaf.index, leaf.child, leaf.childRoot, leaf.lot, leaf.quantity);
    }

    function _rootOf(bytes32 leaf, bytes32[] calldata proof) private view returns (bytes32) {
        return MerkleProof.processProofCalldata(proof, leaf, MerkleLeaves.node);
    }
}
