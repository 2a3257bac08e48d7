// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITwins} from "../interfaces/ITwins.sol";
import {Facts, FactsLib} from "../libraries/Facts.sol";

/// @title FactsHarness
/// @notice The functions of {FactsLib}, callable from outside. For tests only.
contract FactsHarness {
    function fresh(ITwins.Kind kind, uint32 maker, bytes32 head) external pure returns (Facts) {
        return FactsLib.fresh(kind, maker, head);
    }

    function freshHead(Facts f) external pure returns (bytes32) {
        return f.freshHead();
    }

    function moved(Facts f) external pure returns (Facts) {
        return f.moved();
    }

    function exists(Facts f) external pure returns (bool) {
        return f.exists();
    }

    function blocked(Facts f) external pure returns (bool) {
        return f.blocked();
    }

    function read(Facts f) external pure returns (ITwins.Twin memory) {
        return ITwins.Twin({
            kind: f.kind(),
            end: f.end(),
            purpose: f.purpose(),
            packed: f.packed(),
            height: f.height(),
            maker: f.maker(),
            owner: f.owner(),
            holder: f.holder(),
            pendingTo: f.pendingTo(),
            deadline: f.deadline(),
            holds: f.holds(),
            heldInside: f.heldInside(),
            contents: f.contents()
        });
    }

    function withEnd(Facts f, ITwins.EndOfLife end) external pure returns (Facts) {
        return f.withEnd(end);
    }

    function withHeight(Facts f, uint8 height) external pure returns (Facts) {
        return f.withHeight(height);
    }

    function withOwner(Facts f, uint32 owner) external pure returns (Facts) {
        return f.withOwner(owner);
    }

    function withHolder(Facts f, uint32 holder, bool packed) external pure returns (Facts) {
        return f.withHolder(holder, packed);
    }

    function withOffer(Facts f, ITwins.Purpose purpose, uint32 to, uint40 deadline) external pure returns (Facts) {
        return f.withOffer(purpose, to, deadline);
    }

    function withHolds(Facts f, uint16 holds) external pure returns (Facts) {
        return f.withHolds(holds);
    }

    function withHeldInside(Facts f, uint16 heldInside) external pure returns (Facts) {
        return f.withHeldInside(heldInside);
    }

    function withContents(Facts f, uint16 contents) external pure returns (Facts) {
        return f.withContents(contents);
    }
}
