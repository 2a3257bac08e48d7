// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Histogram
/// @notice How long a quantity was near each whole degree (100 units), for means that weigh values unequally.
///
/// A reading v that held for dt seconds counts dt * (100 - f) at the vertex d and dt * f at d + 1, where d = floor(v /
/// 100) and f = v - 100 d: hundredths of a second. So all weights together are 100 times the segment's duration, and
/// the chord of a convex function over whole degrees is exact.
///
/// An entry has 40 bits: vertex 8 (two's complement) | weight 32, from the lowest bit up. Six entries to a word, from
/// the lowest bit up, vertices rising. A segment tells of no vertex without weight; what is left of its last word is
/// zero. A node below the top has the vertices of its segment, some perhaps without weight.
library Histogram {
    /// @notice Most vertices in a histogram.
    uint256 internal constant MAX_VERTICES = 64;

    uint256 private constant ENTRY_BITS = 40;

    /// @notice Could readings between `min` and `max` over so many seconds have this histogram?
    function fits(uint256[] calldata words, int32 min, int32 max, uint256 duration) internal pure returns (bool) {
        uint256 count = words.length;
        if (count == 0) return true;
        int256 vertex = type(int16).min;
        uint256 entries;
        uint256 sum;
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 word = words[i];
                // All six entries; in the last word one suffices.
                if (word == 0 || word >> 240 != 0 || (i + 1 != count && word >> 200 == 0)) return false;
                for (; word != 0; word >>= ENTRY_BITS) {
                    int256 before = vertex;
                    vertex = int8(uint8(word));
                    uint256 weight = uint32(word >> 8);
                    if (weight == 0 || vertex <= before) return false;
                    sum += weight;
                    ++entries;
                }
            }
            // A reading weighs on the degree below it and, unless it is a whole one, on the degree above.
            return entries <= MAX_VERTICES && sum == 100 * duration && 100 * int256(int8(uint8(words[0]))) + 100 > min
                && 100 * vertex - 100 < max;
        }
    }
}
