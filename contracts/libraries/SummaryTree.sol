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

    /// @notice Does the way lead from a node to the root? Sides follow from places, so there is one way for each.
    /// @param hash The node.
    /// @param place Its place in its level, from 0.
    /// @param size Nodes in its level.
    /// @param top Hash of the segment's own summary, which the root must vouch for.
    function leadsTo(bytes32 hash, uint256 place, uint256 size, Step[] calldata steps, bytes32 root, bytes32 top)
        internal
        pure
        returns (bool)
    {
        if (place >= size) return false;
        uint256 taken;
        bytes32 summary = top;
        unchecked {
            for (; size > 1; (place, size) = (place >> 1, (size + 1) >> 1)) {
                if (place ^ 1 >= size) continue;
                if (taken == steps.length) return false;
                Step calldata step = steps[taken++];
                summary = step.summary;
                hash = place & 1 == 0 ? node(hash, step.neighbour, summary) : node(step.neighbour, hash, summary);
            }
        }
        return taken == steps.length && summary == top && hash == root;
    }
}
