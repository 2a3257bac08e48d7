// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title MerkleLeaves
/// @notice Hashes of the Merkle trees in Goldthread. Leaves and nodes start with different bytes, so that neither can
/// be taken for the other. Pairs are sorted, as in OpenZeppelin's trees; a leaf carries its own index.
library MerkleLeaves {
    bytes1 private constant LEAF = 0x00;
    bytes1 private constant NODE = 0x01;

    /// @notice Leaf of a reading.
    function reading(uint32 index, uint40 time, int32 value) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(LEAF, index, time, value));
    }

    /// @notice Node over two hashes, in either order.
    function node(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(NODE, a, b)) : keccak256(abi.encodePacked(NODE, b, a));
    }
}
