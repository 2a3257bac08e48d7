// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IConditions} from "../interfaces/IConditions.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IFirmware} from "../interfaces/IFirmware.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Excursion, ExcursionLib} from "../libraries/Excursion.sol";
import {HeatMark, HeatWindow, HeatWindowLib} from "../libraries/HeatWindow.sol";
import {Mkt} from "../libraries/Mkt.sol";
import {Rule, RuleLib} from "../libraries/Rule.sol";
import {Frame, Values} from "../libraries/SegmentWords.sol";
import {TallyWords, TrackWord} from "../libraries/TrackWord.sol";
import {ConditionPolicies} from "./ConditionPolicies.sol";

/// @title Conditions
/// @notice See {IConditions}.
contract Conditions is ConditionPolicies {
    using SafeCast for uint256;
    using TrackWord for uint256;
    using TallyWords for uint256[2];

    /// @dev The kinds of rules that have nothing to do where no reading is beyond their limit, and, eight bits higher up,
    /// the kind that has nothing to do where there is no gap.
    uint256 private constant LIMITED =
        1 << INSTANT | 1 << CONSECUTIVE | 1 << CUMULATIVE | 1 << BAND_BUDGET | 1 << COUNT | 1 << GAP + 8;

    /// @dev What all rules look at when a segment is judged.
    /// @param since Seconds from the newest judged reading, or from the policy's start, to the segment's first.
    /// @param gap True if that is too long.
    /// @param torn True if nothing is known of the inside of the segment: there is a gap, or it is a lie.
    /// @param held True if there is such a reading; `previous` is its value.
    /// @param hottest What the time before the segment weighs as where no reading is known to hold.
    /// @param offset Seconds from the policy's start to the segment's first reading.
    /// @param duration Seconds from the segment's first reading to its last.
    /// @param to Time of the newest reading judged before, or the policy's start.
    struct Step {
        uint32 since;
        bool gap;
        bool torn;
        bool held;
        int32 previous;
        int32 hottest;
        uint32 offset;
        uint32 duration;
        uint40 to;
    }

    /// @inheritdoc IConditions
    ITelemetry public immutable TELEMETRY;

    /// @inheritdoc IConditions
    IFirmware public immutable FIRMWARE;

    /// @dev A key stands for policy hash (and so for its version), device and quantity.
    mapping(bytes32 key => uint256) private _tracks;

    mapping(bytes32 key => uint256[2]) private _tallies;

    mapping(bytes32 key => mapping(uint32 duration => HeatWindow)) private _windows;

    constructor(IConsortium consortium, ITwins twins, ITelemetry telemetry, IFirmware firmware)
        ConditionPolicies(consortium, twins)
    {
        (TELEMETRY, FIRMWARE) = (telemetry, firmware);
    }

    // ------------------------------------------------------------------------------------------------ judging

    /// @inheritdoc IConditions
    function judge(Policy calldata policy, ITelemetry.Segment calldata segment, bytes calldata, bytes calldata)
        external
    {
        bool lie = _anchor(segment);
        if (segment.subject != policy.subject) revert WrongSubject(policy.subject, segment.subject);
        Frame frame = segment.frame;
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, segment.device, frame.quantity());
        Track memory t = _tracks[key].unpack();
        bool counts = frame.from() >= policy.start;
        // Of those before the start only the last one matters: nobody makes others pay for judging all of them.
        if (counts ? frame.seq() != t.seq + 1 : frame.seq() <= t.seq) {
            revert NotNextToJudge(policyId, segment.device, t.seq + 1, frame.seq());
        }
        if (t.seq == 0) (t.to, t.min, t.max) = (policy.start, type(int32).max, type(int32).min);
        uint16 found = counts ? _count(policy, policyId, key, segment, t, lie) : _begin(policy, policyId, segment, t);
        t.latched |= found;
        _tracks[key] = TrackWord.pack(t);
        emit SegmentJudged(policyId, segment.device, TrackWord.standing(frame.quantity(), t));
        if (found != 0) _open(policy, policyId, key, segment.device, frame.quantity(), found);
    }

    /// @dev Anchors the segment with what follows it in calldata, as it lies there: to decode and encode it would cost as
    /// much as to judge it. Telemetry decodes it, and sees the same segment at the same place.
    /// @return lie True if the segment is a proven lie.
    function _anchor(ITelemetry.Segment calldata segment) private returns (bool lie) {
        (address telemetry, bytes4 selector) = (address(TELEMETRY), ITelemetry.anchor.selector);
        assembly ("memory-safe") {
            // The offsets of segment, signer and signature count from the fourth byte of the calldata.
            let moved := sub(segment, 100)
            let at := mload(0x40)
            mstore(at, selector)
            mstore(add(at, 4), 96)
            mstore(add(at, 36), sub(calldataload(68), moved))
            mstore(add(at, 68), sub(calldataload(100), moved))
            let size := sub(calldatasize(), segment)
            calldatacopy(add(at, 100), segment, size)
            if iszero(call(gas(), telemetry, 0, at, add(size, 100), 0, 64)) {
                returndatacopy(at, 0, returndatasize())
                revert(at, returndatasize())
            }
            lie := mload(32)
        }
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
            if (r.kind() == MKT) {
                t.heat = Mkt.sum(0, Mkt.ofValue(Mkt.weights(), segment.values.max(), t.to - policy.start));
            } else if (r.kind() != GAP && r.kind() != SEQUENCE && r.isBeyond(t.last)) {
                t.counting = true;
            }
        }
        if (!ruled) revert QuantityNotRuled(policyId, frame.quantity());
        return 0;
    }

    /// @dev Counts a segment.
    /// @param lie True if it is a proven lie.
    /// @return found The rules that it breaks, {FALSIFIED} if it is a lie, and {SILENCE} if it comes too late.
    function _count(
        Policy calldata policy,
        bytes32 policyId,
        bytes32 key,
        ITelemetry.Segment calldata segment,
        Track memory t,
        bool lie
    ) private returns (uint16 found) {
        (Frame frame, Values values) = (segment.frame, segment.values);
        Step memory step;
        (uint40 from, uint40 start, uint32 maxInterval) = (frame.from(), policy.start, policy.maxInterval);
        // No segment begins before the newest reading, or before the start if it counts.
        unchecked {
            step.since = uint256(from - t.to).toUint32();
            step.offset = uint256(from - start).toUint32();
            // Telemetry anchors no longer ones than fit.
            step.duration = uint32(frame.to() - from);
        }
        (step.gap, step.torn) = (step.since > maxInterval, lie || frame.maxInterval() > maxInterval);
        (step.held, step.previous, step.to) = (t.seq != 0, t.last, t.to);
        step.hottest = !step.held ? values.max() : t.max > t.last ? t.max : t.last;
        uint32 silence = _silence(policy, t.to, t.latched);
        (t.seq, t.to, t.last) = (frame.seq(), frame.to(), values.last());
        if (values.min() < t.min) t.min = values.min();
        if (values.max() > t.max) t.max = values.max();
        found = _judgeRules(policy, policyId, key, segment, t, step);
        if (lie && t.latched & 1 << FALSIFIED == 0) found |= _falsify(key, frame);
        // Readings that come too late are no better than readings that do not come.
        if (silence != 0) found |= _silent(key, step.to, silence);
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
        uint64 heat = t.heat;
        bytes memory weights;
        uint16 quantity = segment.frame.quantity();
        (int32 min, int32 max) = (segment.values.min(), segment.values.max());
        Rule[] calldata rules = policy.rules;
        // Where nothing was counted yet, the reading before was not beyond a limit either.
        uint256 kinds = step.torn || step.gap || t.counting ? 0 : LIMITED;
        bool ruled;
        for (uint256 i;; ++i) {
            bool named;
            (i, named) = RuleLib.next(rules, i, quantity, kinds, min, max);
            ruled = ruled || named;
            if (i == rules.length) break;
            Rule r = RuleLib.get(rules, i);
            uint8 kind = r.kind();
            (bool broken, uint40 crossing, uint32 time) = (false, 0, 0);
            if (kind == MKT) {
                if (weights.length == 0) {
                    weights = Mkt.weights();
                    t.heat = Mkt.sum(heat, _heatOf(segment, weights, t.max, step));
                }
                (broken, crossing) = _judgeMean(r, policy.start, key, weights, heat, t, step);
                time = uint32(t.to - crossing);
            } else if (kind == SEQUENCE) {
                (broken, crossing) = (_lacksFirmware(r, segment.device), segment.frame.from());
            } else {
                bool limited = kind != GAP;
                bool any = step.torn || (limited && r.isBeyond(r.high() ? max : min));
                // The newest reading held until this segment's first one; in a gap nobody knows, so it counts.
                bool before = step.gap || (step.held && limited && r.isBeyond(step.previous));
                Tally memory c = tallies.tallyOf(i);
                (broken, time) = _apply(r, segment, any, before, step, c);
                tallies.put(i, c);
                crossing = policy.start + c.onset - 1;
            }
            if (!broken || t.latched & 1 << i != 0) continue;
            found |= uint16(1 << i);
            int32 extreme = kind == GAP || kind == SEQUENCE ? int32(0) : r.high() ? t.max : t.min;
            _breaches[key][uint8(i)] = Breach(crossing, extreme, time, t.seq, t.to);
        }
        if (!ruled) revert QuantityNotRuled(policyId, quantity);
        if (tallies[0] != low || tallies[1] != high) {
            t.counting = true;
            _tallies[key] = tallies;
            emit TalliesChanged(policyId, segment.device, quantity, tallies);
        }
    }

    /// @dev Applies a rule that counts to a segment.
    /// @param any True if some reading is beyond the limit.
    /// @param before True if the time before the segment's first reading counts.
    /// @param c What the rule has counted; changed in place.
    /// @return broken True if the rule is broken by now.
    /// @return time What counts towards the rule's duration.
    function _apply(
        Rule r,
        ITelemetry.Segment calldata segment,
        bool any,
        bool before,
        Step memory step,
        Tally memory c
    ) private pure returns (bool broken, uint32 time) {
        Excursion e = any ? _excursionOf(segment, r, step) : Excursion.wrap(0);
        // What was beyond the limit before was counted then; what already was at the start, and a gap, was not.
        bool begins = before && (c.onset == 0 || !step.held || !r.isBeyond(step.previous));
        if (c.onset == 0 && before) c.onset = step.offset - step.since + 1;
        if (c.onset == 0 && any) c.onset = step.offset + e.first() + 1;
        uint8 kind = r.kind();
        if (kind == INSTANT) return (step.gap || any, 0);
        bool joined = any && e.first() == 0;
        if (kind == CONSECUTIVE) {
            time = c.time + (before ? step.since : 0) + (joined ? e.prefix() : 0);
            c.time = !r.isBeyond(segment.values.last()) ? 0 : e.total() == step.duration ? time : e.suffix();
            if (time < e.longest()) time = e.longest();
        } else if (kind == COUNT) {
            c.time = time = c.time + e.runs() + (begins ? 1 : 0) - (before && joined ? 1 : 0);
        } else {
            bool counts = before && (kind != BAND_BUDGET || step.gap || step.previous < r.upper());
            uint32 inside = kind == BAND_BUDGET && any ? _inBand(segment, r, e, step) : e.total();
            c.time = time = c.time + (counts ? step.since : 0) + inside;
        }
        return (time >= r.duration(), time);
    }

    /// @dev Seconds of the segment in the rule's band: those at or above its limit, without those above its end.
    function _inBand(ITelemetry.Segment calldata segment, Rule r, Excursion e, Step memory step)
        private
        pure
        returns (uint32 time)
    {
        time = e.total();
        if (step.torn) return time;
        if (segment.values.min() >= r.upper()) return 0;
        (bool told, Excursion above) = _told(segment.excursions, r.atUpper());
        if (told && above.total() <= time) time -= above.total();
    }

    /// @dev What the segment says of the rule's limit; the worst if it says nothing, or nothing can be known.
    function _excursionOf(ITelemetry.Segment calldata segment, Rule r, Step memory step)
        private
        pure
        returns (Excursion)
    {
        if (!step.torn) {
            (bool told, Excursion e) = _told(segment.excursions, r);
            if (told) return e;
        }
        return ExcursionLib.always(step.duration, Math.min(segment.frame.count(), type(uint16).max));
    }

    function _told(Excursion[] calldata excursions, Rule r) private pure returns (bool, Excursion e) {
        for (uint256 i; i < excursions.length; ++i) {
            e = excursions[i];
            if (r.matches(e)) return (true, e);
        }
        return (false, Excursion.wrap(0));
    }

    /// @dev Is the device's firmware not as the rule wants it? Reverts if the rule refuses such a device.
    function _lacksFirmware(Rule r, bytes32 device) private view returns (bool lacks) {
        IFirmware.State state = FIRMWARE.stateOf(device);
        lacks = r.isBeyond(int32(uint32(uint8(state))));
        if (lacks && r.upper() != 0) revert FirmwareRefused(device, state);
    }

    // --------------------------------------------------------------------------------- mean kinetic temperature

    /// @dev What the segment and the time before it weigh, in a total of the library `Mkt`.
    function _heatOf(ITelemetry.Segment calldata segment, bytes memory weights, int32 hottest, Step memory step)
        private
        pure
        returns (uint256)
    {
        int32 before = step.held && !step.gap ? step.previous : step.hottest;
        uint256[] calldata histogram = segment.histogram;
        return Mkt.ofValue(weights, before, step.since)
            + (histogram.length != 0 && !step.torn
                    ? Mkt.ofHistogram(weights, histogram)
                    : Mkt.ofValue(weights, step.torn ? hottest : segment.values.max(), step.duration));
    }

    /// @dev Compares the MKT with a rule's limit.
    /// @param heat Total before the segment.
    /// @return broken True if the rule is broken by now.
    /// @return since When the time began that the mean is over.
    function _judgeMean(
        Rule r,
        uint40 start,
        bytes32 key,
        bytes memory weights,
        uint64 heat,
        Track memory t,
        Step memory step
    ) private returns (bool broken, uint40 since) {
        HeatMark memory mark = HeatMark(0, start, 0);
        uint256 age = t.to - start;
        uint32 duration = r.duration();
        if (r.upper() != 0) {
            uint32 tick = (age * HeatWindowLib.TICKS / duration).toUint32();
            mark = _windows[key][duration].roll(tick, heat, step.to);
        }
        uint64 total = t.heat == Mkt.FULL ? Mkt.FULL : t.heat - mark.heat;
        return (age >= duration && Mkt.isAbove(weights, total, r.limit(), t.to - mark.to), mark.to);
    }

    // ------------------------------------------------------------------------------------------ silence and lies

    /// @inheritdoc IConditions
    function markSilent(Policy calldata policy, bytes32 device, uint16 quantity) external {
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, device, quantity);
        bool ruled;
        for (uint256 i; i < policy.rules.length && !ruled; ++i) {
            ruled = policy.rules[i].quantity() == quantity;
        }
        if (!ruled) revert QuantityNotRuled(policyId, quantity);
        Track memory t = _tracks[key].unpack();
        if (t.latched & 1 << SILENCE != 0) revert AlreadyMarked(policyId, device);
        uint40 since = t.seq == 0 ? policy.start : t.to;
        uint32 silence = _silence(policy, since, t.latched);
        // slither-disable-next-line incorrect-equality: seconds, of which none is exactly that
        if (silence == 0) {
            revert NotSilent(
                policyId, device, policy.maxSilence == 0 ? type(uint256).max : uint256(since) + policy.maxSilence
            );
        }
        uint16 found = _silent(key, since, silence);
        t.latched |= found;
        _tracks[key] = TrackWord.pack(t);
        _open(policy, policyId, key, device, quantity, found);
    }

    /// @dev Seconds for which a device has been silent; 0 if that is not too long, or has been found already.
    function _silence(Policy calldata policy, uint40 since, uint16 latched) private view returns (uint32) {
        uint256 allowed = policy.maxSilence;
        if (allowed == 0 || block.timestamp <= since + allowed || latched & 1 << SILENCE != 0) return 0;
        return (block.timestamp - since).toUint32();
    }

    /// @dev Writes down a silence since the second `to`.
    function _silent(bytes32 key, uint40 to, uint32 silence) private returns (uint16 found) {
        _breaches[key][SILENCE] = Breach(to, 0, silence, 0, to + silence);
        return uint16(1) << SILENCE;
    }

    /// @inheritdoc IConditions
    function judgeFalsified(Policy calldata policy, ITelemetry.Segment calldata segment) external {
        Frame frame = segment.frame;
        (bytes32 policyId, bytes32 key) = _keyInForce(policy, segment.device, frame.quantity());
        if (segment.subject != policy.subject) revert WrongSubject(policy.subject, segment.subject);
        bytes32 digest = TELEMETRY.digestOf(segment);
        if (!TELEMETRY.falsified(digest)) revert NotALie(digest);
        Track memory t = _tracks[key].unpack();
        if (frame.from() < policy.start || frame.seq() > t.seq) {
            revert NotJudged(policyId, segment.device, frame.seq());
        }
        if (t.latched & 1 << FALSIFIED != 0) revert AlreadyMarked(policyId, segment.device);
        uint16 found = _falsify(key, frame);
        t.latched |= found;
        _tracks[key] = TrackWord.pack(t);
        _open(policy, policyId, key, segment.device, frame.quantity(), found);
    }

    /// @dev Writes down that a segment is a lie.
    function _falsify(bytes32 key, Frame frame) private returns (uint16 found) {
        uint32 duration = uint32(frame.to() - frame.from());
        _breaches[key][FALSIFIED] = Breach(frame.from(), 0, duration, frame.seq(), frame.to());
        return uint16(1) << FALSIFIED;
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IConditions
    function track(bytes32 policyId, bytes32 device, uint16 quantity) external view returns (Track memory) {
        return _tracks[_key(policyHash[policyId], device, quantity)].unpack();
    }

    /// @inheritdoc IConditions
    function tally(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Tally memory) {
        uint256[2] memory tallies = _tallies[_key(policyHash[policyId], device, quantity)];
        return tallies.tallyOf(rule);
    }

    /// @inheritdoc IConditions
    function heatWindow(bytes32 policyId, bytes32 device, uint16 quantity, uint32 duration)
        external
        view
        returns (uint64 heat, uint32 time)
    {
        bytes32 key = _key(policyHash[policyId], device, quantity);
        HeatMark memory mark = _windows[key][duration].oldest();
        if (mark.to == 0) return (0, 0);
        Track memory t = _tracks[key].unpack();
        return (t.heat == Mkt.FULL ? Mkt.FULL : t.heat - mark.heat, uint32(t.to - mark.to));
    }
}
