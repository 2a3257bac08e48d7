// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Excursion} from "./Excursion.sol";

/// @dev One limit of a policy, in one word of calldata:
///
/// limit 32 (two's complement) | high 8 | kind 8 | quantity 16 | duration 32 | severity 8 | upper 32 (two's complement),
/// from the lowest bit up.
///
/// limit: in the unit of the quantity; 0 for GAP; whole degrees from -25 to 127 for MKT; for SEQUENCE a state of
/// {IFirmware-State} below CURRENT. high: 1: at or above the limit is beyond it, 0: at or below; 0 for GAP and SEQUENCE,
/// 1 for BAND_BUDGET and MKT. kind: of {IConditions-RuleKind}. quantity: as in {ITelemetry}; temperature for MKT.
/// duration: seconds that make a breach, at least 1; for COUNT excursions, 65,535 at most; for MKT seconds that the mean
/// is over; 0 for INSTANT and SEQUENCE. severity: of the alert, 1 minor, 2 major, 3 critical. upper: end of the band for
/// BAND_BUDGET, above the limit; for MKT 1 if the mean is over a rolling window, which has a multiple of 24 seconds; for
/// SEQUENCE 1 if such a device is refused; 0 otherwise.
type Rule is uint256;

using RuleLib for Rule global;

/// @title RuleLib
/// @notice Reads the fields of a {Rule}.
library RuleLib {
    uint256 private constant LIMIT_AND_SIDE = type(uint40).max;

    /// @dev One of several rules. Whoever asks has looked how many there are.
    function get(Rule[] calldata rules, uint256 place) internal pure returns (Rule r) {
        assembly ("memory-safe") {
            r := calldataload(add(rules.offset, shl(5, place)))
        }
    }

    /// @dev The next rule from `place` on that has to look at a segment; the number of rules if none has. One of another
    /// quantity has not, nor one of these kinds (a bit for each) if no reading is beyond its limit, nor one of the kinds
    /// eight bits higher up. It is the longest loop of judging, in half the gas.
    /// @return found Place of the rule.
    /// @return ruled True if that one, or one passed over, is of the segment's quantity.
    function next(Rule[] calldata rules, uint256 place, uint16 quantity_, uint256 kinds, int32 min, int32 max)
        internal
        pure
        returns (uint256 found, bool ruled)
    {
        assembly ("memory-safe") {
            let next_ := add(rules.offset, shl(5, place))
            let end := add(rules.offset, shl(5, rules.length))
            for {} lt(next_, end) { next_ := add(next_, 32) } {
                let r := calldataload(next_)
                if xor(and(shr(48, r), 0xffff), quantity_) { continue }
                ruled := 1
                let idle := shr(and(shr(40, r), 0xff), kinds)
                if iszero(and(idle, 0x101)) { break }
                switch and(shr(32, r), 0xff)
                case 0 { if iszero(or(sgt(min, signextend(3, r)), and(idle, 0x100))) { break } }
                default { if iszero(slt(max, signextend(3, r))) { break } }
            }
            found := shr(5, sub(next_, rules.offset))
        }
    }

    function limit(Rule r) internal pure returns (int32) {
        return int32(uint32(Rule.unwrap(r)));
    }

    function high(Rule r) internal pure returns (bool) {
        return uint8(Rule.unwrap(r) >> 32) != 0;
    }

    function kind(Rule r) internal pure returns (uint8) {
        return uint8(Rule.unwrap(r) >> 40);
    }

    function quantity(Rule r) internal pure returns (uint16) {
        return uint16(Rule.unwrap(r) >> 48);
    }

    function duration(Rule r) internal pure returns (uint32) {
        return uint32(Rule.unwrap(r) >> 64);
    }

    function severity(Rule r) internal pure returns (uint8) {
        return uint8(Rule.unwrap(r) >> 96);
    }

    function upper(Rule r) internal pure returns (int32) {
        return int32(uint32(Rule.unwrap(r) >> 104));
    }

    /// @dev The rule with the end of its band as its limit.
    function atUpper(Rule r) internal pure returns (Rule) {
        return Rule.wrap(Rule.unwrap(r) & ~uint256(type(uint32).max) | uint32(upper(r)));
    }

    /// @dev True if the excursion is about this rule's limit, on this rule's side.
    function matches(Rule r, Excursion e) internal pure returns (bool) {
        return (Rule.unwrap(r) ^ Excursion.unwrap(e)) & LIMIT_AND_SIDE == 0;
    }

    /// @dev True if the value is beyond the limit; exactly at the limit is beyond it.
    function isBeyond(Rule r, int32 value) internal pure returns (bool) {
        return high(r) ? value >= limit(r) : value <= limit(r);
    }

    /// @dev True unless bits that mean nothing are set.
    function isWellFormed(Rule r) internal pure returns (bool) {
        return Rule.unwrap(r) >> 136 == 0 && uint8(Rule.unwrap(r) >> 32) < 2;
    }
}
