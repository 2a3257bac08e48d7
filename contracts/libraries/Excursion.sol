// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev How long the readings of a segment were at or beyond one limit, in one word of calldata:
///
/// limit 32 (two's complement) | high 8 | first 32 | prefix 32 | suffix 32 | longest 32 | total 32 | runs 16, from the
/// lowest bit up.
///
/// limit: in the unit of the quantity. high: 1: at or above the limit is beyond it, 0: at or below.
/// first: seconds from the segment's first reading to its first reading beyond the limit.
/// prefix: seconds beyond the limit without a break from the segment's first reading on.
/// suffix: seconds beyond the limit without a break up to the segment's last reading; 0 unless that is beyond it.
/// longest: longest time beyond the limit without a break. total: all time beyond it.
/// runs: stretches beyond the limit, also one that the segment's end cuts off.
type Excursion is uint256;

using ExcursionLib for Excursion global;

/// @title ExcursionLib
/// @notice Reads the fields of an {Excursion}.
library ExcursionLib {
    /// @dev Beyond every limit for the whole of a segment, in so many runs.
    function always(uint256 duration, uint256 times) internal pure returns (Excursion) {
        return Excursion.wrap(duration << 72 | duration << 104 | duration << 136 | duration << 168 | times << 200);
    }

    /// @dev The words of excursions.
    function words(Excursion[] calldata excursions) internal pure returns (uint256[] calldata plain) {
        assembly {
            plain.offset := excursions.offset
            plain.length := excursions.length
        }
    }

    function limit(Excursion e) internal pure returns (int32) {
        return int32(uint32(Excursion.unwrap(e)));
    }

    function high(Excursion e) internal pure returns (bool) {
        return uint8(Excursion.unwrap(e) >> 32) != 0;
    }

    function first(Excursion e) internal pure returns (uint32) {
        return uint32(Excursion.unwrap(e) >> 40);
    }

    function prefix(Excursion e) internal pure returns (uint32) {
        return uint32(Excursion.unwrap(e) >> 72);
    }

    function suffix(Excursion e) internal pure returns (uint32) {
        return uint32(Excursion.unwrap(e) >> 104);
    }

    function longest(Excursion e) internal pure returns (uint32) {
        return uint32(Excursion.unwrap(e) >> 136);
    }

    function total(Excursion e) internal pure returns (uint32) {
        return uint32(Excursion.unwrap(e) >> 168);
    }

    function runs(Excursion e) internal pure returns (uint16) {
        return uint16(Excursion.unwrap(e) >> 200);
    }

    /// @dev True if the value is beyond the limit; exactly at the limit is beyond it.
    function isBeyond(Excursion e, int32 value) internal pure returns (bool) {
        return high(e) ? value >= limit(e) : value <= limit(e);
    }

    /// @dev True if this limit comes before the other one: low sides first, then by the limit.
    function isBefore(Excursion e, Excursion other) internal pure returns (bool) {
        if (high(e) != high(other)) return high(other);
        return limit(e) < limit(other);
    }

    /// @dev True unless bits that mean nothing are set.
    function isWellFormed(Excursion e) internal pure returns (bool) {
        return Excursion.unwrap(e) >> 216 == 0 && uint8(Excursion.unwrap(e) >> 32) < 2;
    }
}
