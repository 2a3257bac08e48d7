// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Excursion, ExcursionLib} from "./Excursion.sol";
import {Frame, Values, WordsLib} from "./SegmentWords.sol";

/// @title SummaryTree
/// @notice Hashes of the tree over the readings of a segment, in which every node vouches for a summary of what is
/// below it.
///
/// Leaves are in the order of their readings (`MerkleLeaves.reading`). A node is
/// keccak256(0x01 ‖ left ‖ right ‖ hash of its summary); a node without a neighbour moves up as it is. The summary of
/// a node has the words of the segment's own: frame, values, an excursion for each limit of the segment, and the
/// histogram over its vertices, of the readings below the node. The summary at the top is the segment's.
library SummaryTree {
    /// @notice One level on the way from a node up to the root.
    /// @param neighbour Hash of the node beside it.
    /// @param summary Hash of the summary of the node above both.
    struct Step {
        bytes32 neighbour;
        bytes32 summary;
    }

    /// @notice Hash of a summary.
    function summaryOf(Frame frame, Values values, Excursion[] calldata excursions, uint256[] calldata histogram)
        internal
        pure
        returns (bytes32)
    {
        return WordsLib.hash(Frame.unwrap(frame), Values.unwrap(values), ExcursionLib.words(excursions), histogram);
    }

    /// @notice Node over two others, in their order.
    function node(bytes32 left, bytes32 right, bytes32 summary) internal pure returns (bytes32 hash) {
        // The most frequent hash of a proof; abi.encodePacked costs three times as much.
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 0x01)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            mstore(add(at, 65), summary)
            hash := keccak256(at, 97)
        }
    }

    /// @notice Goes from a node up. Sides follow from places, so there is one way from each.
    /// @param hash The node.
    /// @param place Its place in its level, from 0.
    /// @param size Nodes in its level.
    /// @param summary Hash of its summary.
    /// @return root Where the way ends; zero if it has too few or too many steps, or there is no such place.
    /// @return top Hash of the summary there.
    function climb(bytes32 hash, uint256 place, uint256 size, Step[] calldata way, bytes32 summary)
        internal
        pure
        returns (bytes32 root, bytes32 top)
    {
        if (place >= size) return (0, 0);
        // Twenty times in a proof: a third of what the compiler makes of it.
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            // 0x01 ‖ left ‖ right ‖ summary, the last of them where the next step finds its place.
            mstore8(buffer, 0x01)
            buffer := add(buffer, 1)
            mstore(add(buffer, 64), summary)
            let step := way.offset
            let end := add(step, shl(6, way.length))
            for {} gt(size, 1) {
                place := shr(1, place)
                size := shr(1, add(size, 1))
            } {
                switch and(place, 1)
                case 0 {
                    if eq(add(place, 1), size) { continue }
                    mstore(buffer, hash)
                    calldatacopy(add(buffer, 32), step, 64)
                }
                default {
                    calldatacopy(buffer, step, 32)
                    mstore(add(buffer, 32), hash)
                    calldatacopy(add(buffer, 64), add(step, 32), 32)
                }
                hash := keccak256(sub(buffer, 1), 97)
                step := add(step, 64)
            }
            // With a step too few it has read what lies behind them; with one too many it has not read it.
            if eq(step, end) {
                root := hash
                top := mload(add(buffer, 64))
            }
        }
    }
}
