// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What is kept of a record besides its content, {IRecords-Entry}, in one word of storage:
///
/// effectiveAt 40 | recordedAt 40 | schema 32 | author 32 | subject 32 | sequence 32 | successor 32 | meanings 4 |
/// countersigners 4 | late 1 | trueCopy 1 | bundle 1 | amendment 1 | disposed 1, from the lowest bit up. Zero: none.
/// Schema, author and subject are numbers that {IRecords} gives; the successor is a number of the same subject.
type RecordWord is uint256;

using RecordWordLib for RecordWord global;

/// @title RecordWordLib
/// @notice Writes and reads the fields of a {RecordWord}. A record costs one word besides its content, and an amendment
/// or a signature changes that word.
library RecordWordLib {
    uint256 private constant SUCCESSOR = 208;
    uint256 private constant MEANINGS = 240;
    uint256 private constant COUNTERSIGNERS = 244;
    uint256 private constant LATE = 1 << 248;
    uint256 private constant TRUE_COPY = 1 << 249;
    uint256 private constant BUNDLE = 1 << 250;
    uint256 private constant AMENDMENT = 1 << 251;
    uint256 private constant DISPOSED = 1 << 252;

    /// @dev Neither signed in second place, nor superseded, nor disposed of.
    function pack(
        uint40 effectiveAt_,
        uint40 recordedAt_,
        uint32 schema_,
        uint32 author_,
        uint32 subject_,
        uint32 sequence_
    ) internal pure returns (RecordWord) {
        return RecordWord.wrap(
            uint256(sequence_) << 176 | uint256(subject_) << 144 | uint256(author_) << 112 | uint256(schema_) << 80
                | uint256(recordedAt_) << 40 | effectiveAt_
        );
    }

    function withFlags(RecordWord r, bool late_, bool trueCopy_, bool bundle_, bool amendment_)
        internal
        pure
        returns (RecordWord)
    {
        uint256 word = RecordWord.unwrap(r);
        if (late_) word |= LATE;
        if (trueCopy_) word |= TRUE_COPY;
        if (bundle_) word |= BUNDLE;
        return RecordWord.wrap(amendment_ ? word | AMENDMENT : word);
    }

    /// @dev Of a record that has none yet.
    function withSuccessor(RecordWord r, uint32 sequence_) internal pure returns (RecordWord) {
        return RecordWord.wrap(RecordWord.unwrap(r) | uint256(sequence_) << SUCCESSOR);
    }

    /// @dev With one more meaning, and one more countersigner if it is the account's first; there are fewer than 15.
    function withSignature(RecordWord r, uint8 meaning, bool first) internal pure returns (RecordWord) {
        uint256 word = RecordWord.unwrap(r) | uint256(meaning) << MEANINGS;
        return RecordWord.wrap(first ? word + (1 << COUNTERSIGNERS) : word);
    }

    function withDisposed(RecordWord r) internal pure returns (RecordWord) {
        return RecordWord.wrap(RecordWord.unwrap(r) | DISPOSED);
    }

    function exists(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) != 0;
    }

    function effectiveAt(RecordWord r) internal pure returns (uint40) {
        return uint40(RecordWord.unwrap(r));
    }

    function recordedAt(RecordWord r) internal pure returns (uint40) {
        return uint40(RecordWord.unwrap(r) >> 40);
    }

    function schema(RecordWord r) internal pure returns (uint32) {
        return uint32(RecordWord.unwrap(r) >> 80);
    }

    function author(RecordWord r) internal pure returns (uint32) {
        return uint32(RecordWord.unwrap(r) >> 112);
    }

    function subject(RecordWord r) internal pure returns (uint32) {
        return uint32(RecordWord.unwrap(r) >> 144);
    }

    function sequence(RecordWord r) internal pure returns (uint32) {
        return uint32(RecordWord.unwrap(r) >> 176);
    }

    function successor(RecordWord r) internal pure returns (uint32) {
        return uint32(RecordWord.unwrap(r) >> SUCCESSOR);
    }

    function meanings(RecordWord r) internal pure returns (uint8) {
        return uint8(RecordWord.unwrap(r) >> MEANINGS) & 15;
    }

    function countersigners(RecordWord r) internal pure returns (uint8) {
        return uint8(RecordWord.unwrap(r) >> COUNTERSIGNERS) & 15;
    }

    function late(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) & LATE != 0;
    }

    function trueCopy(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) & TRUE_COPY != 0;
    }

    function bundle(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) & BUNDLE != 0;
    }

    function amendment(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) & AMENDMENT != 0;
    }

    function disposed(RecordWord r) internal pure returns (bool) {
        return RecordWord.unwrap(r) & DISPOSED != 0;
    }
}
