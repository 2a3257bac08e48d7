// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {Excursion, ExcursionLib} from "./Excursion.sol";
import {Histogram} from "./Histogram.sol";
import {Frame, Values} from "./SegmentWords.sol";

/// @title SummaryMerge
/// @notice What readings after each other have in common, from what each part of them has: the one step by which a tree
/// of summaries is right or wrong. Summaries are words: frame, values, excursions, histogram.
///
/// For summaries that are true the merged one is true. For others it is what it is, and nothing reverts: that they are
/// false shows further down in the tree.
library SummaryMerge {
    uint256 private constant TIME = type(uint32).max;
    uint256 private constant LIMIT_AND_SIDE = type(uint40).max;

    /// @notice The summary of a single reading, over the limits and vertices of its segment.
    function ofReading(uint40 time, int32 value, ITelemetry.Segment calldata segment)
        internal
        pure
        returns (uint256[] memory words)
    {
        Excursion[] calldata excursions = segment.excursions;
        uint256[] calldata histogram = segment.histogram;
        uint256 limits = excursions.length;
        words = new uint256[](2 + limits + histogram.length);
        // Quantity and number as the segment's; from and to the same second; one reading.
        words[0] = uint48(Frame.unwrap(segment.frame)) | uint256(time) << 48 | uint256(time) << 88 | 1 << 128;
        uint256 v = uint32(value);
        words[1] = v | v << 32 | v << 64 | uint256(uint64(int64(value))) << 96;
        unchecked {
            for (uint256 i; i < limits; ++i) {
                Excursion e = excursions[i];
                words[2 + i] = Excursion.unwrap(e) & LIMIT_AND_SIDE | (e.isBeyond(value) ? 1 << 200 : 0);
            }
            for (uint256 i; i < histogram.length; ++i) {
                words[2 + limits + i] = histogram[i] & Histogram.VERTICES;
            }
        }
    }

    /// @notice Hash of the summary of the readings of `a` followed by those of `b`.
    /// @return hash Zero where there is none: `b` does not come after `a`, or what the segment tells has no room for it.
    function merge(uint256[] memory a, uint256[] memory b, ITelemetry.Segment calldata segment)
        internal
        pure
        returns (bytes32 hash)
    {
        (Frame x, Frame y) = (Frame.wrap(a[0]), Frame.wrap(b[0]));
        if (y.from() <= x.to()) return 0;
        uint256 between = y.from() - x.to();
        (Values v, Values w) = (Values.wrap(a[1]), Values.wrap(b[1]));
        uint256 limits = segment.excursions.length;
        for (uint256 i = 2; i < 2 + limits; ++i) {
            a[i] = _excursion(Excursion.wrap(a[i]), Excursion.wrap(b[i]), x, y, v.last(), w.last());
        }
        if (segment.histogram.length != 0) {
            if (!Histogram.merge(a, b, 2 + limits, segment.histogram, v.last(), between)) return 0;
        }
        a[1] = _values(v, w);
        a[0] = _frame(x, y, between);
        return keccak256(abi.encodePacked(a));
    }

    function _frame(Frame x, Frame y, uint256 between) private pure returns (uint256) {
        uint256 longest = x.maxInterval() > y.maxInterval() ? x.maxInterval() : y.maxInterval();
        if (between > longest) longest = between;
        unchecked {
            return uint88(Frame.unwrap(x)) | uint256(y.to()) << 88 | uint256(x.count() + y.count()) << 128
                | (longest & TIME) << 160;
        }
    }

    function _values(Values v, Values w) private pure returns (uint256) {
        (int32 min, int32 max) = (v.min(), v.max());
        if (w.min() < min) min = w.min();
        if (w.max() > max) max = w.max();
        unchecked {
            return uint256(uint32(min)) | uint256(uint32(max)) << 32 | uint256(uint32(w.last())) << 64
                | uint256(uint64(v.sum() + w.sum())) << 96;
        }
    }

    /// @param x Excursion of the earlier part beyond a limit, `y` of the later one.
    /// @param f When the earlier part was measured, `g` the later one.
    /// @param last Newest reading of the earlier part, `newest` of the later one.
    function _excursion(Excursion x, Excursion y, Frame f, Frame g, int32 last, int32 newest)
        private
        pure
        returns (uint256 word)
    {
        bool beyond = x.isBeyond(last);
        bool starts = y.runs() != 0 && y.first() == 0;
        unchecked {
            uint256 duration = f.to() - f.from();
            // The last reading of the earlier part holds until the first one of the later part.
            uint256 held = beyond ? g.from() - f.to() : 0;
            uint256 joined = held + (starts ? y.prefix() : 0);
            uint256 first = x.runs() != 0 ? x.first() : y.runs() != 0 ? g.from() - f.from() + y.first() : 0;
            uint256 prefix = beyond && x.total() == duration ? duration + joined : x.prefix();
            duration = g.to() - g.from();
            uint256 suffix = y.suffix();
            if (x.isBeyond(newest) && y.total() == duration) suffix = duration + held + (beyond ? x.suffix() : 0);
            joined += beyond ? x.suffix() : 0;
            uint256 longest = x.longest() > y.longest() ? x.longest() : y.longest();
            if (joined > longest) longest = joined;
            uint256 total = uint256(x.total()) + held + y.total();
            uint256 runs = uint256(x.runs()) + y.runs() - (beyond && starts ? 1 : 0);
            word = Excursion.unwrap(x) & LIMIT_AND_SIDE | (first & TIME) << 40 | (prefix & TIME) << 72 | (suffix & TIME)
                << 104;
            word |= (longest & TIME) << 136 | (total & TIME) << 168 | (runs & type(uint16).max) << 200;
        }
    }
}
