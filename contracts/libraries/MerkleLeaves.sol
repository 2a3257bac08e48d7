// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title MerkleLeaves
/// @notice Hashes of the Merkle trees in Goldthread. Leaves of each kind and nodes start with different bytes, so that
/// none can be taken for another. Pairs are sorted, as in OpenZeppelin's trees; a leaf carries its own index.
/// Only the tree over the readings of a segment is ordered, and its nodes vouch for summaries (library `SummaryTree`).
library MerkleLeaves {
    bytes1 private constant READING = 0x00;
    bytes1 private constant NODE = 0x01;
    bytes1 private constant SERIAL = 0x02;
    bytes1 private constant CONTENT = 0x03;
    bytes1 private constant MEMBER = 0x04;
    bytes1 private constant DOCUMENT = 0x05;
    bytes1 private constant SMELTER = 0x07;

    /// @notice Leaf of a reading in the segment `seq` of its stream.
    function reading(uint32 index, uint40 time, int32 value, uint32 seq) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(READING, index, time, value, seq));
    }

    /// @notice Leaf of a serialised unit of a lot.
    function serial(uint32 index, bytes32 unit) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(SERIAL, index, unit));
    }

    /// @notice Leaf of something in a container.
    function content(uint32 index, bytes32 child, bytes32 childRoot, bytes32 lot, uint96 quantity)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(CONTENT, index, child, childRoot, lot, quantity));
    }

    /// @notice Leaf of a member in a claim of what a recall reaches.
    function member(uint32 index, bytes32 id, uint32 parent, uint32 depth, uint32 results)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(MEMBER, index, id, parent, depth, results));
    }

    /// @notice Leaf of a document in a record that has several.
    function document(uint32 index, bytes32 digest) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(DOCUMENT, index, digest));
    }

    /// @notice Leaf of a smelter in a declaration.
    function smelter(uint32 index, bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(SMELTER, index, id));
    }

    /// @notice Node over two hashes, in either order.
    function node(bytes32 a, bytes32 b) internal pure returns (bytes32 hash) {
        if (b < a) (a, b) = (b, a);
        // A third of what abi.encodePacked costs, and there are as many of them as a proof is deep.
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, NODE)
            mstore(add(at, 1), a)
            mstore(add(at, 33), b)
            hash := keccak256(at, 65)
        }
    }
}
