// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConditions} from "../interfaces/IConditions.sol";

/// @title TrackWord
/// @notice A {IConditions-Track} in one word, its fields from the lowest bit up. The compiler would load and store each of
/// them by itself.
library TrackWord {
    function unpack(uint256 word) internal pure returns (IConditions.Track memory t) {
        (t.seq, t.to, t.min) = (uint32(word), uint40(word >> 32), int32(uint32(word >> 72)));
        (t.max, t.last, t.latched) = (int32(uint32(word >> 104)), int32(uint32(word >> 136)), uint16(word >> 168));
        (t.counting, t.heat) = (uint8(word >> 184) != 0, uint64(word >> 192));
    }

    /// @dev What {IConditions-SegmentJudged} says of a segment.
    function standing(uint16 quantity, IConditions.Track memory t) internal pure returns (uint256) {
        return uint256(quantity) | uint256(t.seq) << 16 | uint256(t.latched) << 48 | uint256(t.heat) << 64;
    }

    function pack(IConditions.Track memory t) internal pure returns (uint256) {
        uint256 readings = uint256(uint32(t.min)) | uint256(uint32(t.max)) << 32 | uint256(uint32(t.last)) << 64;
        uint256 state = uint256(t.latched) | (t.counting ? 1 << 16 : 0) | uint256(t.heat) << 24;
        return uint256(t.seq) | uint256(t.to) << 32 | readings << 72 | state << 168;
    }
}

/// @title TallyWords
/// @notice Four {IConditions-Tally}s to a word: that of rule i is 64 bits wide and starts at bit 64 * (i % 4) of word i / 4.
library TallyWords {
    function tallyOf(uint256[2] memory tallies, uint256 rule) internal pure returns (IConditions.Tally memory) {
        uint256 word = tallies[rule / 4] >> 64 * (rule % 4);
        return IConditions.Tally({time: uint32(word), onset: uint32(word >> 32)});
    }

    function put(uint256[2] memory tallies, uint256 rule, IConditions.Tally memory c) internal pure {
        uint256 shift = 64 * (rule % 4);
        uint256 word = tallies[rule / 4] & ~(uint256(type(uint64).max) << shift);
        tallies[rule / 4] = word | (uint256(c.onset) << 32 | c.time) << shift;
    }
}
