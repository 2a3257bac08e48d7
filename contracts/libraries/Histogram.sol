// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Values} from "./SegmentWords.sol";

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

    /// @notice The bits of a word that say which vertices it tells of; the others are weights.
    uint256 internal constant VERTICES = 0xff00000000ff00000000ff00000000ff00000000ff00000000ff;

    uint256 private constant WEIGHTS = 0xffffffff00ffffffff00ffffffff00ffffffff00ffffffff00ffffffff00;
    uint256 private constant ENTRY_BITS = 40;
    /// @dev The lowest bit of each entry.
    uint256 private constant EACH = VERTICES / type(uint8).max;

    /// @notice Could readings with these values, over so many seconds, have this histogram?
    /// @dev Looks at the six entries of a word at once, each in its own 40 bits, which no sum here fills.
    function fits(uint256[] calldata words, Values values, uint256 duration) internal pure returns (bool) {
        uint256 count = words.length;
        if (count == 0) return true;
        int256 vertex = type(int16).min;
        uint256 entries;
        uint256 sum;
        unchecked {
            for (uint256 i; i < count; ++i) {
                uint256 word = words[i];
                uint256 weights = word >> 8 & EACH * type(uint32).max;
                // A one for each entry that has weight, and one for each that such an entry follows.
                uint256 told = weights + EACH * type(uint32).max >> 32 & EACH;
                uint256 followed = told >> ENTRY_BITS;
                // All six have weight; in the last word the first ones, and nothing is in the others.
                if (told == 0 || followed & ~told != 0 || (i + 1 != count && told != EACH)) return false;
                if (word & ~(told * type(uint40).max) != 0) return false;
                // A vertex as an unsigned number; above the one before, if the highest bit is left of the difference.
                uint256 order = word & VERTICES ^ EACH << 7;
                order = (order >> ENTRY_BITS | EACH << 39) - order - EACH;
                if (followed & ~(order >> 39) != 0 || int8(uint8(word)) <= vertex) return false;
                // The product has the sum of all six in the place of the last.
                uint256 number = told * EACH >> 200 & type(uint8).max;
                sum += weights * EACH >> 200 & type(uint40).max;
                entries += number;
                vertex = int8(uint8(word >> ENTRY_BITS * (number - 1)));
            }
            // A reading weighs on the degree below it and, unless it is a whole one, on the degree above.
            return entries <= MAX_VERTICES && sum == 100 * duration
                && 100 * int256(int8(uint8(words[0]))) + 100 > values.min() && 100 * vertex - 100 < values.max();
        }
    }

    /// @notice Adds the histogram of a later part to that of an earlier one, whose last reading held in between.
    /// @param a Words of the earlier part, from `offset` on; changed in place.
    /// @param b Words of the later part.
    /// @param segment The histogram of the segment, which has the vertices that all parts have.
    /// @param last The last reading of the earlier part, which held for `between` seconds.
    /// @return room False if the segment does not tell of a vertex that has weight.
    function merge(
        uint256[] memory a,
        uint256[] memory b,
        uint256 offset,
        uint256[] calldata segment,
        int32 last,
        uint256 between
    ) internal pure returns (bool room) {
        unchecked {
            for (uint256 i; i < segment.length; ++i) {
                uint256 sum = (a[offset + i] & WEIGHTS) + (b[offset + i] & WEIGHTS);
                a[offset + i] = a[offset + i] & VERTICES | sum & WEIGHTS;
            }
            int256 share = int256(last) % 100;
            if (share < 0) share += 100;
            int256 vertex = (int256(last) - share) / 100;
            return _add(a, offset, segment, vertex, uint256(100 - share) * between)
                && _add(a, offset, segment, vertex + 1, uint256(share) * between);
        }
    }

    /// @dev Adds a weight to a vertex; false if the segment does not tell of it.
    function _add(uint256[] memory words, uint256 offset, uint256[] calldata segment, int256 vertex, uint256 weight)
        private
        pure
        returns (bool)
    {
        if (weight == 0) return true;
        unchecked {
            for (uint256 i; i < segment.length; ++i) {
                uint256 word = segment[i];
                for (uint256 shift; word != 0; (word, shift) = (word >> ENTRY_BITS, shift + ENTRY_BITS)) {
                    if (int8(uint8(word)) != vertex) continue;
                    uint256 entry = words[offset + i];
                    uint256 old = entry >> shift + 8 & type(uint32).max;
                    uint256 changed = old + weight & type(uint32).max;
                    words[offset + i] = entry ^ (old ^ changed) << shift + 8;
                    return true;
                }
            }
        }
        return false;
    }
}
