// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev When a segment was measured, in one word of calldata:
///
/// quantity 16 | seq 32 | from 40 | to 40 | count 32 | maxInterval 32, from the lowest bit up.
///
/// quantity: what was measured, as in {ITelemetry}. seq: number of the segment in its stream, from 1.
/// from, to: times of the first and of the last reading, unix seconds. count: readings, each later than the one
/// before. maxInterval: longest time between two readings that follow each other, in seconds.
type Frame is uint256;

/// @dev What a segment measured, in the unit of its quantity, in one word of calldata:
///
/// min 32 | max 32 | last 32 | sum 64, from the lowest bit up, all two's complement.
///
/// min, max: lowest and highest reading. last: newest reading. sum: of all readings.
type Values is uint256;

using FrameLib for Frame global;
using ValuesLib for Values global;

/// @title FrameLib
/// @notice Reads the fields of a {Frame}.
library FrameLib {
    function quantity(Frame f) internal pure returns (uint16) {
        return uint16(Frame.unwrap(f));
    }

    function seq(Frame f) internal pure returns (uint32) {
        return uint32(Frame.unwrap(f) >> 16);
    }

    function from(Frame f) internal pure returns (uint40) {
        return uint40(Frame.unwrap(f) >> 48);
    }

    function to(Frame f) internal pure returns (uint40) {
        return uint40(Frame.unwrap(f) >> 88);
    }

    function count(Frame f) internal pure returns (uint32) {
        return uint32(Frame.unwrap(f) >> 128);
    }

    function maxInterval(Frame f) internal pure returns (uint32) {
        return uint32(Frame.unwrap(f) >> 160);
    }

    /// @dev True unless bits that mean nothing are set.
    function isWellFormed(Frame f) internal pure returns (bool) {
        return Frame.unwrap(f) >> 192 == 0;
    }
}

/// @title ValuesLib
/// @notice Reads the fields of {Values}.
library ValuesLib {
    function min(Values v) internal pure returns (int32) {
        return int32(uint32(Values.unwrap(v)));
    }

    function max(Values v) internal pure returns (int32) {
        return int32(uint32(Values.unwrap(v) >> 32));
    }

    function last(Values v) internal pure returns (int32) {
        return int32(uint32(Values.unwrap(v) >> 64));
    }

    function sum(Values v) internal pure returns (int64) {
        return int64(uint64(Values.unwrap(v) >> 96));
    }

    /// @dev True unless bits that mean nothing are set.
    function isWellFormed(Values v) internal pure returns (bool) {
        return Values.unwrap(v) >> 160 == 0;
    }
}

/// @title WordsLib
/// @notice Hashes words where they lie, in calldata, without decoding them first.
library WordsLib {
    /// @dev keccak256 of words in a row.
    function hash(uint256[] calldata words) internal pure returns (bytes32 hashed) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            let size := shl(5, words.length)
            calldatacopy(at, words.offset, size)
            hashed := keccak256(at, size)
        }
    }

    /// @dev keccak256 of two words and of two rows of words behind them.
    function hash(uint256 a, uint256 b, uint256[] calldata c, uint256[] calldata d)
        internal
        pure
        returns (bytes32 hashed)
    {
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, a)
            mstore(add(start, 32), b)
            let at := add(start, 64)
            let size := shl(5, c.length)
            calldatacopy(at, c.offset, size)
            at := add(at, size)
            size := shl(5, d.length)
            calldatacopy(at, d.offset, size)
            hashed := keccak256(start, sub(add(at, size), start))
        }
    }
}
