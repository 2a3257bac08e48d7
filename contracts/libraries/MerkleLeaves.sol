// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title MerkleLeaves
/// @notice Hashes of the Merkle trees in Goldthread. Leaves of each kind and nodes start with different bytes, so that
/// none can be taken for another. Pairs are sorted, as in OpenZeppelin's trees; a leaf carries its own index.
library MerkleLeaves {
    bytes1 private constant READING = 0x00;
    bytes1 private constant NODE = 0x01;
    bytes1 private constant SERIAL = 0x02;
    bytes1 private constant CONTENT = 0x03;

    /// @notice Leaf of a reading.
    function reading(uint32 index, uint40 time, int32 value) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(READING, index, time, value));
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

    /// @notice Node over two hashes, in either order.
    function node(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(NODE, a, b)) : keccak256(abi.encodePacked(NODE, b, a));
    }

    /// @notice Does the proof lead from the leaf to the root? As MerkleProof of OpenZeppelin with {node}, at a third of
    /// the cost of a level.
    function verify(bytes32[] calldata proof, bytes32 root, bytes32 leaf) internal pure returns (bool) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, NODE)
            let left := add(at, 1)
            let end := add(proof.offset, shl(5, proof.length))
            for { let from := proof.offset } lt(from, end) { from := add(from, 0x20) } {
                let beside := calldataload(from)
                // The smaller of the two to the left, the other one 32 bytes behind it.
                let shift := shl(5, lt(beside, leaf))
                mstore(add(left, shift), leaf)
                mstore(add(left, xor(shift, 0x20)), beside)
                leaf := keccak256(at, 0x41)
            }
        }
        return leaf == root;
    }
}
