// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITwins} from "../interfaces/ITwins.sol";

/// @dev The facts of a twin in one word, in one of two forms.
///
/// moved:  kind 8 | end 8 | purpose 8 | packed 8 | height 8 | maker 32 | owner 32 | holder 32 | pendingTo 32
///         | deadline 40 | holds 16 | heldInside 16 | contents 16, from the lowest bit up
/// fresh:  kind 7 | one bit set | maker 32 | the first 216 bits of the history head
///
/// A fresh twin has done nothing but be registered: its maker has title and custody, and nothing else is known of
/// it. One word holds that together with the head, so registration writes one slot and not two. Two commissioning
/// events with the same 216 bits would take 2^108 hashes to find; every later head has 256 bits.
/// Everything below but {FactsLib-fresh}, {FactsLib-freshHead} and {FactsLib-moved} works on the moved form.
type Facts is uint256;

using FactsLib for Facts global;

/// @title FactsLib
/// @notice Reads and changes the fields of a {Facts} word. The fields are those of {ITwins-Twin}.
library FactsLib {
    uint256 private constant FRESH = 1 << 7;
    uint256 private constant HEAD = type(uint256).max << 40;
    uint256 private constant BLOCKS = uint256(type(uint8).max) << 8 | uint256(type(uint32).max) << 208;

    /// @dev The fresh form.
    function fresh(ITwins.Kind kind_, uint32 maker_, bytes32 head) internal pure returns (Facts) {
        return Facts.wrap((uint256(head) & HEAD) | uint256(maker_) << 8 | FRESH | uint256(kind_));
    }

    /// @dev The head in a fresh word; zero for a moved or empty one.
    function freshHead(Facts f) internal pure returns (bytes32) {
        return Facts.unwrap(f) & FRESH == 0 ? bytes32(0) : bytes32(Facts.unwrap(f) & HEAD);
    }

    /// @dev The moved form of either form.
    function moved(Facts f) internal pure returns (Facts) {
        uint256 word = Facts.unwrap(f);
        if (word & FRESH == 0) return f;
        uint256 org = uint32(word >> 8);
        return Facts.wrap(word & (FRESH - 1) | org << 40 | org << 72 | org << 104);
    }

    /// @dev True for a twin that is registered.
    function exists(Facts f) internal pure returns (bool) {
        return Facts.unwrap(f) != 0;
    }

    /// @dev True if the twin has ended, is held, or has something held inside.
    function blocked(Facts f) internal pure returns (bool) {
        return Facts.unwrap(f) & BLOCKS != 0;
    }

    function kind(Facts f) internal pure returns (ITwins.Kind) {
        return ITwins.Kind(uint8(Facts.unwrap(f)));
    }

    function end(Facts f) internal pure returns (ITwins.EndOfLife) {
        return ITwins.EndOfLife(uint8(Facts.unwrap(f) >> 8));
    }

    function purpose(Facts f) internal pure returns (ITwins.Purpose) {
        return ITwins.Purpose(uint8(Facts.unwrap(f) >> 16));
    }

    function packed(Facts f) internal pure returns (bool) {
        return uint8(Facts.unwrap(f) >> 24) != 0;
    }

    function height(Facts f) internal pure returns (uint8) {
        return uint8(Facts.unwrap(f) >> 32);
    }

    function maker(Facts f) internal pure returns (uint32) {
        return uint32(Facts.unwrap(f) >> 40);
    }

    function owner(Facts f) internal pure returns (uint32) {
        return uint32(Facts.unwrap(f) >> 72);
    }

    function holder(Facts f) internal pure returns (uint32) {
        return uint32(Facts.unwrap(f) >> 104);
    }

    function pendingTo(Facts f) internal pure returns (uint32) {
        return uint32(Facts.unwrap(f) >> 136);
    }

    function deadline(Facts f) internal pure returns (uint40) {
        return uint40(Facts.unwrap(f) >> 168);
    }

    function holds(Facts f) internal pure returns (uint16) {
        return uint16(Facts.unwrap(f) >> 208);
    }

    function heldInside(Facts f) internal pure returns (uint16) {
        return uint16(Facts.unwrap(f) >> 224);
    }

    function contents(Facts f) internal pure returns (uint16) {
        return uint16(Facts.unwrap(f) >> 240);
    }

    function withEnd(Facts f, ITwins.EndOfLife end_) internal pure returns (Facts) {
        return _with(f, 8, type(uint8).max, uint256(end_));
    }

    function withHeight(Facts f, uint8 height_) internal pure returns (Facts) {
        return _with(f, 32, type(uint8).max, height_);
    }

    function withOwner(Facts f, uint32 owner_) internal pure returns (Facts) {
        return _with(f, 72, type(uint32).max, owner_);
    }

    /// @dev In the custody of an organisation, or packed in the container with this number.
    function withHolder(Facts f, uint32 holder_, bool packed_) internal pure returns (Facts) {
        return _with(_with(f, 24, type(uint8).max, packed_ ? 1 : 0), 104, type(uint32).max, holder_);
    }

    function withOffer(Facts f, ITwins.Purpose purpose_, uint32 to, uint40 deadline_) internal pure returns (Facts) {
        return
            _with(
                _with(f, 16, type(uint8).max, uint256(purpose_)), 136, type(uint72).max, uint256(deadline_) << 32 | to
            );
    }

    function withHolds(Facts f, uint16 holds_) internal pure returns (Facts) {
        return _with(f, 208, type(uint16).max, holds_);
    }

    function withHeldInside(Facts f, uint16 heldInside_) internal pure returns (Facts) {
        return _with(f, 224, type(uint16).max, heldInside_);
    }

    function withContents(Facts f, uint16 contents_) internal pure returns (Facts) {
        return _with(f, 240, type(uint16).max, contents_);
    }

    function _with(Facts f, uint256 shift, uint256 mask, uint256 value) private pure returns (Facts) {
        return Facts.wrap((Facts.unwrap(f) & ~(mask << shift)) | value << shift);
    }
}
