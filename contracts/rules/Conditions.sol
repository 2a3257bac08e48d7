// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Module} from "../base/Module.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Excursion, ExcursionLib} from "../libraries/Excursion.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Rule} from "../libraries/Rule.sol";
import {Frame, Values} from "../libraries/SegmentWords.sol";

/// @title Conditions
/// @notice See {IConditions}.
contract Conditions is IConditions, Module {
    using SafeCast for uint256;

    /// @inheritdoc IConditions
    uint256 public constant MAX_RULES = 8;

    /// @inheritdoc IConditions
    uint256 public constant MAX_DEVICES = 8;

    /// @inheritdoc IConditions
    uint8 public constant SILENCE = 15;

    bytes4 private constant BREACH = bytes4(keccak256("BREACH"));
    bytes4 private constant SILENT = bytes4(keccak256("SILENT"));

    uint8 private constant CRITICAL = 3;
    uint8 private constant INSTANT = uint8(RuleKind.INSTANT);
    uint8 private constant CONSECUTIVE = uint8(RuleKind.CONSECUTIVE);
    uint8 private constant GAP = uint8(RuleKind.GAP);

    /// @dev What all rules look at when a segment is judged.
    /// @param since Seconds from the newest judged reading, or from the policy's start, to the segment's first.
    /// @param gap True if that is too long.
    /// @param torn True if there is a gap inside the segment, so that nothing is known of it.
    /// @param held True if there is such a reading; `previous` is its value.
    /// @param offset Seconds from the policy's start to the segment's first reading.
    /// @param duration Seconds from the segment's first reading to its last.
    struct Step {
        uint32 since;
        bool gap;
        bool torn;
        bool held;
        int32 previous;
        uint32 offset;
        uint32 duration;
    }

    /// @inheritdoc IConditions
    ITwins public immutable TWINS;

    /// @inheritdoc IConditions
    ITelemetry public immutable TELEMETRY;

    /// @inheritdoc IConditions
    mapping(bytes32 policyId => bytes32) public policyHash;

    mapping(bytes32 policyId => PolicyState) private _states;

    /// @dev A key stands for policy hash (and so for its version), device and quantity.
    mapping(bytes32 key => Track) private _tracks;

    /// @dev Four {Tally}s to a word: that of rule i is 64 bits wide and starts at bit 64 * (i % 4) of word i / 4.
    mapping(bytes32 key => uint256[2]) private _tallies;

    mapping(bytes32 key => mapping(uint8 rule => Breach)) private _breaches;

    constructor(IConsortium consortium, ITwins twins, ITelemetry telemetry)
        Module("Goldthread Conditions", consortium)
    {
        TWINS = twins;
        TELEMETRY = telemetry;
    }

    // ------------------------------------------------------------------------------------------------ policy

    /// @inheritdoc IConditions
    function setPolicy(Policy calldata policy) external returns (bytes32 policyId) {
        uint32 org = _authorize(Duty.QUALITY);
        if (policy.setter != org) revert NotSetter(policy.setter, org);
        if (TWINS.ownerOf(policy.subject) == 0) revert UnknownSubject(policy.subject);
        _checkRules(policy);
        policyId = policyIdOf(policy.subject, org);
        PolicyState storage state = _states[policyId];
        if (state.open) revert BreachOpen(policyId);
        uint32 version = state.version + 1;
        if (policy.version != version) revert NotNextVersion(policyId, version, policy.version);
        _states[policyId] = PolicyState(msg.sender, version, 0, false, false, Disposition.NONE);
        policyHash[policyId] = keccak256(abi.encode(policy));
        emit PolicySet(policyId, policy.subject, org, msg.sender, policy);
    }

    /// @inheritdoc IConditions
    function closePolicy(bytes32 subject) external {
        uint32 org = _authorize(Duty.QUALITY);
        bytes32 policyId = policyIdOf(subject, org);
        if (policyHash[policyId] == 0) revert NotInForce(policyId, 0, 0);
        if (_states[policyId].open) revert BreachOpen(policyId);
        delete policyHash[policyId];
        emit PolicyClosed(policyId, subject, org, msg.sender);
    }

    function _checkRules(Policy calldata policy) private view {
        (uint256 rules, uint256 devices) = (policy.rules.length, policy.devices.length);
        if (rules == 0 || rules > MAX_RULES || devices == 0 || devices > MAX_DEVICES) revert WrongSize(rules, devices);
        if (policy.maxInterval == 0) revert ZeroMaxInterval();
        if (policy.start < block.timestamp) revert StartInPast(policy.start, block.timestamp);
        for (uint256 i; i < rules; ++i) {
            Rule r = policy.rules[i];
            bool gap = r.kind() == GAP;
            if (
                !r.isWellFormed() || r.kind() > GAP || (r.kind() == INSTANT) != (r.duration() == 0)
                    || (gap && (r.high() || r.limit() != 0)) || r.severity() == 0 || r.severity() > CRITICAL
            ) revert InvalidRule(i);
        }
    }

    // ------------------------------------------------------------------------------------------------ judging

    /// @inheritdoc IConditions
    function judge(
        Policy calldata policy,
        ITelemetry.Segment calldata segment,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        // slither-disable-next-line unused-return: the digest is Telemetry's affair
        TELEMETRY.anchor(segment, signer, signature);
        if (segment.subject != policy.subject) revert WrongSubject(policy.subject, segment.subject);
        Frame frame = segment.frame;
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, segment.device, frame.quantity());
        Track memory t = _tracks[key];
        bool counts = frame.from() >= policy.start;
        // Of those before the start only the last one matters: nobody makes others pay for judging all of them.
        if (counts ? frame.seq() != t.seq + 1 : frame.seq() <= t.seq) {
            revert NotNextToJudge(policyId, segment.device, t.seq + 1, frame.seq());
        }
        if (t.seq == 0) (t.to, t.min, t.max) = (policy.start, type(int32).max, type(int32).min);
        uint16 found = counts ? _count(policy, policyId, key, segment, t) : _begin(policy, policyId, segment, t);
        t.latched |= found;
        _tracks[key] = t;
        emit SegmentJudged(policyId, segment.device, frame.quantity(), t.seq, t.latched);
        if (found != 0) _open(policy, policyId, key, segment.device, frame.quantity(), found);
    }

    /// @dev A segment that began before the policy only says where counting starts: after it, from its last reading.
    function _begin(Policy calldata policy, bytes32 policyId, ITelemetry.Segment calldata segment, Track memory t)
        private
        pure
        returns (uint16)
    {
        Frame frame = segment.frame;
        (t.seq, t.last, t.counting) = (frame.seq(), segment.values.last(), false);
        if (frame.to() > t.to) t.to = frame.to();
        bool ruled;
        for (uint256 i; i < policy.rules.length; ++i) {
            Rule r = policy.rules[i];
            if (r.quantity() != frame.quantity()) continue;
            ruled = true;
            if (r.kind() != GAP && r.isBeyond(t.last)) t.counting = true;
        }
        if (!ruled) revert QuantityNotRuled(policyId, frame.quantity());
        return 0;
    }

    /// @dev Counts a segment.
    /// @return found The rules that it breaks, and {SILENCE} if it comes too late.
    function _count(
        Policy calldata policy,
        bytes32 policyId,
        bytes32 key,
        ITelemetry.Segment calldata segment,
        Track memory t
    ) private returns (uint16 found) {
        (Frame frame, Values values) = (segment.frame, segment.values);
        Step memory step;
        step.since = uint256(frame.from() - t.to).toUint32();
        step.gap = step.since > policy.maxInterval;
        step.torn = frame.maxInterval() > policy.maxInterval;
        (step.held, step.previous) = (t.seq != 0, t.last);
        step.offset = uint256(frame.from() - policy.start).toUint32();
        step.duration = uint256(frame.to() - frame.from()).toUint32();
        (uint40 previous, uint32 silence) = (t.to, _silence(policy, t));
        (t.seq, t.to, t.last) = (frame.seq(), frame.to(), values.last());
        if (values.min() < t.min) t.min = values.min();
        if (values.max() > t.max) t.max = values.max();
        found = _judgeRules(policy, policyId, key, segment, t, step);
        // Readings that come too late are no better than readings that do not come.
        if (silence != 0) {
            found |= uint16(1) << SILENCE;
            _breaches[key][SILENCE] = Breach(previous, 0, silence, 0, uint40(block.timestamp));
        }
    }

    /// @dev Applies the rules to a segment, and writes down what they count and which of them break.
    function _judgeRules(
        Policy calldata policy,
        bytes32 policyId,
        bytes32 key,
        ITelemetry.Segment calldata segment,
        Track memory t,
        Step memory step
    ) private returns (uint16 found) {
        uint256[2] memory tallies;
        if (t.counting) tallies = _tallies[key];
        (uint256 low, uint256 high) = (tallies[0], tallies[1]);
        uint16 quantity = segment.frame.quantity();
        (int32 min, int32 max, int32 last) = (segment.values.min(), segment.values.max(), segment.values.last());
        Rule[] calldata rules = policy.rules;
        bool ruled;
        for (uint256 i; i < rules.length; ++i) {
            Rule r = rules[i];
            if (r.quantity() != quantity) continue;
            ruled = true;
            bool limited = r.kind() != GAP;
            bool any = step.torn || (limited && r.isBeyond(r.high() ? max : min));
            // Where nothing was counted yet, the reading before was not beyond the limit either.
            if (!any && !step.gap && !t.counting) continue;
            // The newest reading held until this segment's first one; in a gap nobody knows, so it counts.
            bool before = step.gap || (step.held && limited && r.isBeyond(step.previous));
            Tally memory c = _tallyOf(tallies, i);
            Excursion e = any ? _excursionOf(segment.excursions, r, step) : Excursion.wrap(0);
            (bool broken, uint32 time) = _apply(r, e, any, before, last, step, c);
            _putTally(tallies, i, c);
            if (!broken || t.latched & 1 << i != 0) continue;
            found |= uint16(1 << i);
            int32 extreme = r.kind() == GAP ? int32(0) : r.high() ? t.max : t.min;
            _breaches[key][uint8(i)] = Breach(policy.start + c.onset - 1, extreme, time, t.seq, t.to);
        }
        if (!ruled) revert QuantityNotRuled(policyId, quantity);
        if (tallies[0] != low || tallies[1] != high) {
            t.counting = true;
            _tallies[key] = tallies;
            emit TalliesChanged(policyId, segment.device, quantity, tallies);
        }
    }

    /// @dev Applies a rule to a segment.
    /// @param any True if some reading is beyond the limit; `e` says how long.
    /// @param before True if the time before the segment's first reading counts.
    /// @param c What the rule has counted; changed in place.
    /// @return broken True if the rule is broken by now.
    /// @return time Seconds that count towards the rule's duration.
    function _apply(Rule r, Excursion e, bool any, bool before, int32 last, Step memory step, Tally memory c)
        private
        pure
        returns (bool broken, uint32 time)
    {
        if (c.onset == 0 && before) c.onset = step.offset - step.since + 1;
        if (c.onset == 0 && any) c.onset = step.offset + e.first() + 1;
        uint8 kind = r.kind();
        if (kind == INSTANT) return (step.gap || any, 0);
        time = c.time + (before ? step.since : 0);
        if (kind != CONSECUTIVE) {
            c.time = time += e.total();
        } else {
            if (any && e.first() == 0) time += e.prefix();
            c.time = !r.isBeyond(last) ? 0 : e.total() == step.duration ? time : e.suffix();
            if (time < e.longest()) time = e.longest();
        }
        return (time >= r.duration(), time);
    }

    /// @inheritdoc IConditions
    function markSilent(Policy calldata policy, bytes32 device, uint16 quantity) external {
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, device, quantity);
        bool ruled;
        for (uint256 i; i < policy.rules.length && !ruled; ++i) {
            ruled = policy.rules[i].quantity() == quantity;
        }
        if (!ruled) revert QuantityNotRuled(policyId, quantity);
        Track memory t = _tracks[key];
        if (t.latched & 1 << SILENCE != 0) revert AlreadyMarked(policyId, device);
        if (t.seq == 0) t.to = policy.start;
        uint32 silence = _silence(policy, t);
        // slither-disable-next-line incorrect-equality: seconds, of which none is exactly that
        if (silence == 0) {
            revert NotSilent(
                policyId, device, policy.maxSilence == 0 ? type(uint256).max : uint256(t.to) + policy.maxSilence
            );
        }
        _breaches[key][SILENCE] = Breach(t.to, 0, silence, 0, uint40(block.timestamp));
        _tracks[key].latched = t.latched | uint16(1) << SILENCE;
        _open(policy, policyId, key, device, quantity, uint16(1) << SILENCE);
    }

    /// @dev Seconds for which a device has been silent; 0 if that is not too long, or has been found already.
    function _silence(Policy calldata policy, Track memory t) private view returns (uint32) {
        uint256 allowed = policy.maxSilence;
        if (allowed == 0 || block.timestamp <= t.to + allowed || t.latched & 1 << SILENCE != 0) return 0;
        return (block.timestamp - t.to).toUint32();
    }

    // ----------------------------------------------------------------------------------------------- breaches

    /// @dev Opens the policy's breach, tells of each rule found broken, and holds the twin back if the policy may.
    function _open(Policy calldata policy, bytes32 policyId, bytes32 key, bytes32 device, uint16 quantity, uint16 found)
        private
    {
        PolicyState memory state = _states[policyId];
        bool hold = !state.holding && _mayHold(policy.subject, policy.setter);
        if (!state.open) (state.open, state.disposition) = (true, Disposition.NONE);
        if (hold) state.holding = true;
        for (uint8 rule; rule <= SILENCE; ++rule) {
            if (found & 1 << rule == 0) continue;
            ++state.breaches;
            (bytes4 code, uint8 severity) =
                rule == SILENCE ? (SILENT, CRITICAL) : (BREACH, policy.rules[rule].severity());
            emit BreachFound(policyId, policy.subject, device, quantity, rule, _breaches[key][rule], state.holding);
            emit Alert(policy.subject, code, policy.setter, severity, policyId);
        }
        _states[policyId] = state;
        if (hold) _hold(policy.subject, policyId);
    }

    function _hold(bytes32 subject, bytes32 policyId) private {
        EventRef memory none;
        TWINS.hold(subject, policyId, none);
    }

    function _mayHold(bytes32 subject, uint32 setter) private view returns (bool) {
        ITwins.Twin memory t = TWINS.twin(subject);
        if (t.end != ITwins.EndOfLife.NONE) return false;
        return t.owner == setter || TWINS.custodianOf(subject) == setter || CONSORTIUM.hasRole(setter, Role.REGULATOR);
    }

    /// @inheritdoc IConditions
    function dispose(bytes32 subject, uint32 setter, Disposition disposition, uint16 seen, bytes32 record) external {
        uint32 org = _authorize(Duty.QUALITY);
        bytes32 policyId = policyIdOf(subject, setter);
        PolicyState memory state = _states[policyId];
        if (disposition == Disposition.NONE) revert NoDisposition();
        if (!state.open) revert NoOpenBreach(policyId);
        if (seen != state.breaches) revert MoreBreaches(policyId, seen, state.breaches);
        if (msg.sender == state.setBy) revert SecondPersonNeeded(policyId, state.setBy);
        if (!CONSORTIUM.hasRole(org, Role.REGULATOR)) _checkDisposer(policyId, subject, setter, org, disposition);
        bool lift = disposition == Disposition.RELEASE && state.holding;
        bool hold = disposition != Disposition.RELEASE && !state.holding && _mayHold(subject, setter);
        state.open = disposition != Disposition.RELEASE;
        state.holding = (state.holding || hold) && !lift;
        state.disposition = disposition;
        _states[policyId] = state;
        emit Disposed(policyId, subject, org, msg.sender, disposition, record, state.holding);
        if (hold) _hold(subject, policyId);
        if (lift) {
            EventRef memory none;
            // slither-disable-next-line unused-return: its duties are not looked at
            (uint32 self,) = CONSORTIUM.accountOf(address(this));
            TWINS.release(subject, self, policyId, none);
        }
    }

    /// @dev May an organisation that is no regulator decide?
    function _checkDisposer(bytes32 policyId, bytes32 subject, uint32 setter, uint32 org, Disposition disposition)
        private
        view
    {
        if (_states[policyId].disposition == Disposition.REJECT) revert Rejected(policyId);
        bool may = org == TWINS.ownerOf(subject) || (org == setter && disposition != Disposition.REJECT);
        if (!may || CONSORTIUM.organisation(setter).roles & Role.REGULATOR != 0) revert MayNotDispose(policyId, org);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IConditions
    function policyIdOf(bytes32 subject, uint32 setter) public pure returns (bytes32) {
        return keccak256(abi.encode(subject, setter));
    }

    /// @inheritdoc IConditions
    function policyState(bytes32 policyId) external view returns (PolicyState memory) {
        return _states[policyId];
    }

    /// @inheritdoc IConditions
    function track(bytes32 policyId, bytes32 device, uint16 quantity) external view returns (Track memory) {
        return _tracks[_key(policyHash[policyId], device, quantity)];
    }

    /// @inheritdoc IConditions
    function tally(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Tally memory) {
        return _tallyOf(_tallies[_key(policyHash[policyId], device, quantity)], rule);
    }

    /// @inheritdoc IConditions
    function breach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule)
        external
        view
        returns (Breach memory)
    {
        return breachUnder(policyHash[policyId], device, quantity, rule);
    }

    /// @inheritdoc IConditions
    function breachUnder(bytes32 hash, bytes32 device, uint16 quantity, uint8 rule)
        public
        view
        returns (Breach memory)
    {
        return _breaches[_key(hash, device, quantity)][rule];
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _key(bytes32 hash, bytes32 device, uint16 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(hash, device, quantity));
    }

    /// @dev Refuses a policy that is not in force, and a device that it does not name.
    function _keyInForce(Policy calldata policy, bytes32 device, uint16 quantity)
        private
        view
        returns (bytes32 policyId, bytes32 key)
    {
        policyId = policyIdOf(policy.subject, policy.setter);
        bytes32 given = keccak256(abi.encode(policy));
        if (policyHash[policyId] != given) revert NotInForce(policyId, policyHash[policyId], given);
        bool named;
        bytes32[] calldata devices = policy.devices;
        for (uint256 i; i < devices.length && !named; ++i) {
            named = devices[i] == device;
        }
        if (!named) revert DeviceNotNamed(policyId, device);
        key = _key(given, device, quantity);
    }

    /// @dev What the segment says of the rule's limit; the worst if it says nothing, or nothing can be known.
    function _excursionOf(Excursion[] calldata excursions, Rule r, Step memory step)
        private
        pure
        returns (Excursion e)
    {
        for (uint256 i; i < excursions.length && !step.torn; ++i) {
            e = excursions[i];
            if (r.matches(e)) return e;
        }
        return ExcursionLib.always(step.duration);
    }

    function _tallyOf(uint256[2] memory tallies, uint256 rule) private pure returns (Tally memory) {
        uint256 word = tallies[rule / 4] >> 64 * (rule % 4);
        return Tally({time: uint32(word), onset: uint32(word >> 32)});
    }

    function _putTally(uint256[2] memory tallies, uint256 rule, Tally memory c) private pure {
        uint256 shift = 64 * (rule % 4);
        uint256 word = tallies[rule / 4] & ~(uint256(type(uint64).max) << shift);
        tallies[rule / 4] = word | (uint256(c.onset) << 32 | c.time) << shift;
    }
}
