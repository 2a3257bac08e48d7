// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Module} from "../base/Module.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {Duty, Role} from "../libraries/Membership.sol";

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

    /// @inheritdoc IConditions
    ITwins public immutable TWINS;

    /// @inheritdoc IConditions
    ITelemetry public immutable TELEMETRY;

    /// @inheritdoc IConditions
    mapping(bytes32 policyId => bytes32) public policyHash;

    mapping(bytes32 policyId => PolicyState) private _states;

    /// @dev A key stands for policy, version, device and quantity.
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
        _states[policyId] = PolicyState(msg.sender, version, false, false, Disposition.NONE);
        policyHash[policyId] = keccak256(abi.encode(policy));
        emit PolicySet(policyId, policy.subject, org, version, msg.sender, policy);
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

    function _checkRules(Policy calldata policy) private pure {
        (uint256 rules, uint256 devices) = (policy.rules.length, policy.devices.length);
        if (rules == 0 || rules > MAX_RULES || devices == 0 || devices > MAX_DEVICES) revert WrongSize(rules, devices);
        if (policy.maxInterval == 0) revert ZeroMaxInterval();
        for (uint256 i; i < rules; ++i) {
            Rule calldata r = policy.rules[i];
            bool gap = r.kind == RuleKind.GAP;
            if (
                (r.kind == RuleKind.INSTANT) != (r.duration == 0) || (gap && (r.high || r.limit != 0))
                    || r.severity == 0 || r.severity > CRITICAL
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
        TELEMETRY.anchor(segment, signer, signature);
        if (segment.subject != policy.subject) revert WrongSubject(policy.subject, segment.subject);
        if (segment.maxInterval > policy.maxInterval) revert GapInside(policy.maxInterval, segment.maxInterval);
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, segment.device, segment.quantity);
        Track memory t = _tracks[key];
        if (t.seq == 0) {
            if (segment.from < policy.start) revert BeforeStart(policy.start, segment.from);
            (t.to, t.min, t.max) = (policy.start, segment.min, segment.max);
        } else if (segment.seq != t.seq + 1) {
            revert NotNextToJudge(policyId, segment.device, t.seq + 1, segment.seq);
        }
        uint256[2] memory tallies = [_tallies[key][0], policy.rules.length > 4 ? _tallies[key][1] : 0];
        Breach[MAX_RULES] memory breaches;
        uint16 found;
        for (uint256 i; i < policy.rules.length; ++i) {
            if (policy.rules[i].quantity != segment.quantity) continue;
            Tally memory c = _tallyOf(tallies, i);
            (bool broken, uint32 time) = _apply(policy, i, segment, t, c);
            _putTally(tallies, i, c);
            if (!broken || t.latched & 1 << i != 0) continue;
            found |= uint16(1 << i);
            breaches[i] = Breach(policy.start + c.onset - 1, 0, time, segment.seq);
        }
        // Readings that come too late are no better than readings that do not come.
        Breach memory silence = _silence(policy, t);
        if (silence.time != 0) found |= uint16(1) << SILENCE;

        if (segment.min < t.min) t.min = segment.min;
        if (segment.max > t.max) t.max = segment.max;
        (t.seq, t.to, t.last, t.latched) = (segment.seq, segment.to, segment.last, t.latched | found);
        _tracks[key] = t;
        if (tallies[0] != _tallies[key][0]) _tallies[key][0] = tallies[0];
        if (tallies[1] != 0) _tallies[key][1] = tallies[1];
        emit SegmentJudged(policyId, segment.device, segment.quantity, t, tallies[0], tallies[1]);
        if (found == 0) return;

        (bool holding, bool hold) = _open(policy, policyId);
        for (uint8 i; i < policy.rules.length; ++i) {
            if (found & 1 << i == 0) continue;
            Rule calldata r = policy.rules[i];
            if (r.kind != RuleKind.GAP) breaches[i].extreme = r.high ? t.max : t.min;
            _record(policy, policyId, key, segment.device, segment.quantity, i, breaches[i], holding);
        }
        if (silence.time != 0) {
            _record(policy, policyId, key, segment.device, segment.quantity, SILENCE, silence, holding);
        }
        if (hold) _hold(policy.subject, policyId);
    }

    /// @inheritdoc IConditions
    function markSilent(Policy calldata policy, bytes32 device, uint16 quantity) external {
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, device, quantity);
        Track memory t = _tracks[key];
        if (t.latched & 1 << SILENCE != 0) revert AlreadyMarked(policyId, device);
        if (t.seq == 0) t.to = policy.start;
        Breach memory b = _silence(policy, t);
        if (b.time == 0) {
            revert NotSilent(
                policyId, device, policy.maxSilence == 0 ? type(uint256).max : uint256(t.to) + policy.maxSilence
            );
        }
        _tracks[key].latched = t.latched | uint16(1) << SILENCE;
        (bool holding, bool hold) = _open(policy, policyId);
        _record(policy, policyId, key, device, quantity, SILENCE, b, holding);
        if (hold) _hold(policy.subject, policyId);
    }

    /// @dev Applies a rule to a segment.
    /// @param c What the rule has counted; changed in place.
    /// @return broken True if the rule is broken by now.
    /// @return time Seconds that count towards the rule's duration.
    function _apply(
        Policy calldata policy,
        uint256 index,
        ITelemetry.Segment calldata s,
        Track memory t,
        Tally memory c
    ) private pure returns (bool broken, uint32 time) {
        Rule calldata r = policy.rules[index];
        uint32 since = uint256(s.from - t.to).toUint32();
        bool gap = since > policy.maxInterval;
        if (gap && c.onset == 0) c.onset = uint256(t.to - policy.start).toUint32() + 1;
        if (r.kind == RuleKind.GAP) {
            if (gap) c.time += since;
            return (c.time >= r.duration, c.time);
        }
        ITelemetry.Excursion calldata e = _excursionOf(s, r, index);
        bool any = _isBeyond(r, r.high ? s.max : s.min);
        if (any && c.onset == 0) c.onset = uint256(s.from + e.first - policy.start).toUint32() + 1;
        if (r.kind == RuleKind.INSTANT) return (gap || any, 0);

        // The newest reading held until this segment's first one; in a gap nobody knows, so it counts.
        uint32 before = gap || (t.seq != 0 && _isBeyond(r, t.last)) ? since : 0;
        if (r.kind == RuleKind.CUMULATIVE) {
            c.time += before + e.total;
            return (c.time >= r.duration, c.time);
        }
        bool atEnd = _isBeyond(r, s.last);
        uint32 run = c.time + before;
        if (any && e.first == 0) run += e.prefix;
        c.time = !atEnd ? 0 : e.total == s.to - s.from ? run : e.suffix;
        time = run > e.longest ? run : e.longest;
        return (time >= r.duration, time);
    }

    /// @dev The silence of a device up to now; all zero if it is not too long, or has been found already.
    function _silence(Policy calldata policy, Track memory t) private view returns (Breach memory b) {
        uint256 until = uint256(t.to) + policy.maxSilence;
        if (policy.maxSilence == 0 || block.timestamp <= until || t.latched & 1 << SILENCE != 0) return b;
        return Breach({firstCrossing: t.to, extreme: 0, time: (block.timestamp - t.to).toUint32(), seq: 0});
    }

    // ----------------------------------------------------------------------------------------------- breaches

    /// @dev Opens the policy's breach.
    /// @return holding True if the policy holds the twin back from now on.
    /// @return hold True if it did not before.
    function _open(Policy calldata policy, bytes32 policyId) private returns (bool holding, bool hold) {
        PolicyState storage state = _states[policyId];
        holding = state.holding;
        hold = !holding && _mayHold(policy.subject, policy.setter);
        if (!state.open) (state.open, state.disposition) = (true, Disposition.NONE);
        if (hold) state.holding = holding = true;
    }

    function _record(
        Policy calldata policy,
        bytes32 policyId,
        bytes32 key,
        bytes32 device,
        uint16 quantity,
        uint8 rule,
        Breach memory b,
        bool holding
    ) private {
        _breaches[key][rule] = b;
        emit BreachFound(policyId, policy.subject, device, quantity, rule, b, holding);
        (bytes4 code, uint8 severity) = rule == SILENCE ? (SILENT, CRITICAL) : (BREACH, policy.rules[rule].severity);
        emit Alert(policy.subject, code, policy.setter, severity, policyId);
    }

    function _mayHold(bytes32 subject, uint32 setter) private view returns (bool) {
        ITwins.Twin memory t = TWINS.twin(subject);
        if (t.end != ITwins.EndOfLife.NONE) return false;
        return t.owner == setter || TWINS.custodianOf(subject) == setter || CONSORTIUM.hasRole(setter, Role.REGULATOR);
    }

    function _hold(bytes32 subject, bytes32 policyId) private {
        EventRef memory none;
        TWINS.hold(subject, policyId, none);
    }

    /// @inheritdoc IConditions
    function dispose(bytes32 subject, uint32 setter, Disposition disposition, bytes32 record) external {
        uint32 org = _authorize(Duty.QUALITY);
        bytes32 policyId = policyIdOf(subject, setter);
        PolicyState memory state = _states[policyId];
        if (disposition == Disposition.NONE) revert NoDisposition();
        if (!state.open) revert NoOpenBreach(policyId);
        if (state.disposition == Disposition.REJECT) revert Rejected(policyId);
        if (msg.sender == state.setBy) revert SecondPersonNeeded(policyId, state.setBy);
        if (org != setter && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert MayNotDispose(policyId, org);
        bool lift = disposition == Disposition.RELEASE && state.holding;
        if (disposition == Disposition.RELEASE) (state.open, state.holding) = (false, false);
        state.disposition = disposition;
        _states[policyId] = state;
        emit Disposed(policyId, subject, org, msg.sender, disposition, record);
        if (lift) {
            EventRef memory none;
            (uint32 self,) = CONSORTIUM.accountOf(address(this));
            TWINS.release(subject, self, policyId, none);
        }
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
        return _tracks[_key(policyId, device, quantity)];
    }

    /// @inheritdoc IConditions
    function tally(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Tally memory) {
        return _tallyOf(_tallies[_key(policyId, device, quantity)], rule);
    }

    /// @inheritdoc IConditions
    function breach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule)
        external
        view
        returns (Breach memory)
    {
        return _breaches[_key(policyId, device, quantity)][rule];
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _key(bytes32 policyId, bytes32 device, uint16 quantity) private view returns (bytes32) {
        return keccak256(abi.encode(policyId, _states[policyId].version, device, quantity));
    }

    /// @dev Refuses a policy that is not in force, and a device or quantity that it does not watch.
    function _keyInForce(Policy calldata policy, bytes32 device, uint16 quantity)
        private
        view
        returns (bytes32 policyId, bytes32 key)
    {
        policyId = policyIdOf(policy.subject, policy.setter);
        bytes32 given = keccak256(abi.encode(policy));
        if (policyHash[policyId] != given) revert NotInForce(policyId, policyHash[policyId], given);
        bool named;
        for (uint256 i; i < policy.devices.length; ++i) {
            if (policy.devices[i] == device) named = true;
        }
        if (!named) revert DeviceNotNamed(policyId, device);
        bool ruled;
        for (uint256 i; i < policy.rules.length; ++i) {
            if (policy.rules[i].quantity == quantity) ruled = true;
        }
        if (!ruled) revert QuantityNotRuled(policyId, quantity);
        key = _key(policyId, device, quantity);
    }

    function _excursionOf(ITelemetry.Segment calldata s, Rule calldata r, uint256 index)
        private
        pure
        returns (ITelemetry.Excursion calldata e)
    {
        for (uint256 i; i < s.excursions.length; ++i) {
            e = s.excursions[i];
            if (e.limit == r.limit && e.high == r.high) return e;
        }
        revert ExcursionMissing(index, r.high, r.limit);
    }

    /// @dev A reading exactly at the limit is beyond it.
    function _isBeyond(Rule calldata r, int32 value) private pure returns (bool) {
        return r.high ? value >= r.limit : value <= r.limit;
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
