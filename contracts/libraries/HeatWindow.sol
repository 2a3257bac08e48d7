// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Where a stream stood before the first segment that ended in a tick.
/// @param heat Total of the library `Mkt`.
/// @param to Time of the newest reading, unix seconds.
/// @param tick Number of the tick.
struct HeatMark {
    uint64 heat;
    uint40 to;
    uint32 tick;
}

/// @dev Which marks are kept: `first` to `next` - 1. `newest` is the tick of the last one.
struct HeatMarks {
    uint32 first;
    uint32 next;
    uint32 newest;
}

/// @dev A rolling window of {HeatWindowLib-TICKS} ticks, as a queue of the ticks in which segments ended.
struct HeatWindow {
    HeatMarks kept;
    mapping(uint256 place => HeatMark) marks;
}

using HeatWindowLib for HeatWindow global;

/// @title HeatWindowLib
/// @notice Rolls a {HeatWindow} on. Each segment adds one mark at most, and each mark is dropped once.
library HeatWindowLib {
    /// @notice Ticks of a window; never more marks are kept.
    uint256 internal constant TICKS = 24;

    /// @notice Takes in a segment that ended in `tick`.
    /// @param heat Total before it. `to`: newest reading before it.
    /// @return since Where the stream stood when the window began.
    function roll(HeatWindow storage window, uint32 tick, uint64 heat, uint40 to)
        internal
        returns (HeatMark memory since)
    {
        HeatMarks memory kept = window.kept;
        while (kept.first != kept.next && window.marks[kept.first % TICKS].tick + TICKS <= tick) ++kept.first;
        if (kept.first == kept.next || kept.newest != tick) {
            window.marks[kept.next % TICKS] = HeatMark(heat, to, tick);
            (kept.next, kept.newest) = (kept.next + 1, tick);
        }
        window.kept = kept;
        return window.oldest();
    }

    /// @notice Where the stream stood when the window began; all zero before its first segment.
    function oldest(HeatWindow storage window) internal view returns (HeatMark memory) {
        return window.marks[window.kept.first % TICKS];
    }
}
