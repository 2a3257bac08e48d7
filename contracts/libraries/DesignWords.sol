// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDesignControl} from "../interfaces/IDesignControl.sol";

/// @dev {IDesignControl-Project} in one word of storage:
///
/// stage 8 | baseline 8 | version 16 | changes 16 | openChanges 16 | reopenedAt 40 | edition 32 | needs 24 |
/// openInputs 24 | openOutputs 24 | openVerification 24 | openValidation 24, from the lowest bit up. Zero: no project.
type ProjectWord is uint256;

/// @dev {IDesignControl-Item} without its content in one word of storage:
///
/// author 160 | kind 8 | source 8 | revision 16 | up 16 | down 16 | tests 16 | passed 16, from the lowest bit up.
/// Zero: there is no such item.
type ItemWord is uint256;

/// @dev The word with another value in a field of 16 bits.
function withField(uint256 word, uint256 shift, uint16 value) pure returns (uint256) {
    return word & ~(uint256(type(uint16).max) << shift) | uint256(value) << shift;
}

using ProjectWordLib for ProjectWord global;
using ItemWordLib for ItemWord global;

/// @title ProjectWordLib
/// @notice Writes and reads the fields of a {ProjectWord}. The counts of items are reached by no project: an item costs
/// more than 50,000 gas, and the edition counts what costs more than 5,000.
library ProjectWordLib {
    uint256 internal constant NEED = 1 << 136;
    uint256 private constant LANE = type(uint24).max;

    function exists(ProjectWord p) internal pure returns (bool) {
        return ProjectWord.unwrap(p) != 0;
    }

    function stage(ProjectWord p) internal pure returns (IDesignControl.Gate) {
        return IDesignControl.Gate(uint8(ProjectWord.unwrap(p)));
    }

    function baseline(ProjectWord p) internal pure returns (IDesignControl.Gate) {
        return IDesignControl.Gate(uint8(ProjectWord.unwrap(p) >> 8));
    }

    function version(ProjectWord p) internal pure returns (uint16) {
        return uint16(ProjectWord.unwrap(p) >> 16);
    }

    function changes(ProjectWord p) internal pure returns (uint16) {
        return uint16(ProjectWord.unwrap(p) >> 32);
    }

    function openChanges(ProjectWord p) internal pure returns (uint16) {
        return uint16(ProjectWord.unwrap(p) >> 48);
    }

    function reopenedAt(ProjectWord p) internal pure returns (uint40) {
        return uint40(ProjectWord.unwrap(p) >> 64);
    }

    function edition(ProjectWord p) internal pure returns (uint32) {
        return uint32(ProjectWord.unwrap(p) >> 104);
    }

    function needs(ProjectWord p) internal pure returns (uint24) {
        return uint24(ProjectWord.unwrap(p) >> 136);
    }

    /// @dev How many items hold a gate.
    function held(ProjectWord p, IDesignControl.Gate gate) internal pure returns (uint24) {
        uint256 one = lane(gate);
        return one == 0 ? 0 : uint24(ProjectWord.unwrap(p) / one);
    }

    /// @dev One in the count of items that hold the gate; zero: nothing can hold it.
    function lane(IDesignControl.Gate gate) internal pure returns (uint256) {
        if (gate == IDesignControl.Gate.INPUTS) return 1 << 160;
        if (gate == IDesignControl.Gate.OUTPUTS) return 1 << 184;
        if (gate == IDesignControl.Gate.VERIFICATION) return 1 << 208;
        return gate == IDesignControl.Gate.VALIDATION ? 1 << 232 : 0;
    }

    /// @dev The last gate before all that are held.
    function limit(ProjectWord p) internal pure returns (IDesignControl.Gate) {
        uint256 word = ProjectWord.unwrap(p);
        if (word >> 160 & LANE != 0) return IDesignControl.Gate.PLANNING;
        if (word >> 184 & LANE != 0) return IDesignControl.Gate.INPUTS;
        if (word >> 208 & LANE != 0) return IDesignControl.Gate.REVIEW;
        return word >> 232 != 0 ? IDesignControl.Gate.VERIFICATION : IDesignControl.Gate.TRANSFER;
    }

    /// @dev With an item counted as it is now, and not as it was.
    function recounted(ProjectWord p, ItemWord before, ItemWord afterwards) internal pure returns (ProjectWord) {
        return ProjectWord.wrap(ProjectWord.unwrap(p) + afterwards.weight() - before.weight());
    }

    /// @dev One step on.
    function next(ProjectWord p) internal pure returns (ProjectWord) {
        return ProjectWord.wrap(ProjectWord.unwrap(p) + (1 << 104));
    }

    /// @dev The baseline moves along.
    function withPassed(ProjectWord p, IDesignControl.Gate gate) internal pure returns (ProjectWord) {
        uint256 most = uint8(gate > p.baseline() ? gate : p.baseline());
        return ProjectWord.wrap(ProjectWord.unwrap(p) >> 16 << 16 | most << 8 | uint8(gate));
    }

    function withReopened(ProjectWord p, IDesignControl.Gate stage_, uint40 time) internal pure returns (ProjectWord) {
        uint256 word = ProjectWord.unwrap(p) & ~(uint256(type(uint40).max) << 64 | type(uint8).max);
        return ProjectWord.wrap(word | uint256(time) << 64 | uint8(stage_));
    }

    function withVersion(ProjectWord p, uint16 version_) internal pure returns (ProjectWord) {
        return ProjectWord.wrap(withField(ProjectWord.unwrap(p), 16, version_));
    }

    function withChanges(ProjectWord p, uint16 changes_) internal pure returns (ProjectWord) {
        return ProjectWord.wrap(withField(ProjectWord.unwrap(p), 32, changes_));
    }

    function withOpenChanges(ProjectWord p, uint16 openChanges_) internal pure returns (ProjectWord) {
        return ProjectWord.wrap(withField(ProjectWord.unwrap(p), 48, openChanges_));
    }
}

/// @title ItemWordLib
/// @notice Writes and reads the fields of an {ItemWord}, and says which gates the item holds. Counts of links are checked:
/// an item has at most 65,535 of a kind.
library ItemWordLib {
    uint256 private constant UP = 192;
    uint256 private constant DOWN = 208;
    uint256 private constant TESTS = 224;
    uint256 private constant PASSED = 240;

    /// @dev The gate of each kind, a byte each.
    bytes7 private constant GATES = 0x00020202030506;

    /// @dev Without links.
    function pack(address author_, IDesignControl.Kind kind_, IDesignControl.Source source_, uint16 revision_)
        internal
        pure
        returns (ItemWord)
    {
        return ItemWord.wrap(
            uint256(revision_) << 176 | uint256(uint8(source_)) << 168 | uint256(uint8(kind_)) << 160 | uint160(author_)
        );
    }

    function author(ItemWord i) internal pure returns (address) {
        return address(uint160(ItemWord.unwrap(i)));
    }

    function kind(ItemWord i) internal pure returns (IDesignControl.Kind) {
        return IDesignControl.Kind(uint8(ItemWord.unwrap(i) >> 160));
    }

    function source(ItemWord i) internal pure returns (IDesignControl.Source) {
        return IDesignControl.Source(uint8(ItemWord.unwrap(i) >> 168));
    }

    /// @dev False: there is none, or it is withdrawn.
    function lives(ItemWord i) internal pure returns (bool) {
        return uint8(ItemWord.unwrap(i) >> 168) != 0;
    }

    function revision(ItemWord i) internal pure returns (uint16) {
        return uint16(ItemWord.unwrap(i) >> 176);
    }

    function up(ItemWord i) internal pure returns (uint16) {
        return uint16(ItemWord.unwrap(i) >> UP);
    }

    function down(ItemWord i) internal pure returns (uint16) {
        return uint16(ItemWord.unwrap(i) >> DOWN);
    }

    function tests(ItemWord i) internal pure returns (uint16) {
        return uint16(ItemWord.unwrap(i) >> TESTS);
    }

    function passed(ItemWord i) internal pure returns (uint16) {
        return uint16(ItemWord.unwrap(i) >> PASSED);
    }

    function isTest(ItemWord i) internal pure returns (bool) {
        return i.kind() >= IDesignControl.Kind.VERIFICATION;
    }

    /// @dev The gate that a kind of items is behind.
    function gateOf(IDesignControl.Kind kind_) internal pure returns (IDesignControl.Gate) {
        return IDesignControl.Gate(uint8(GATES[uint8(kind_)]));
    }

    /// @dev With a link up more.
    function linkedUp(ItemWord i) internal pure returns (ItemWord) {
        return _with(i, UP, i.up() + 1);
    }

    /// @dev With a link up less.
    function cutUp(ItemWord i) internal pure returns (ItemWord) {
        return _with(i, UP, i.up() - 1);
    }

    /// @dev With a link down more, to a test or not.
    function linkedDown(ItemWord i, bool test) internal pure returns (ItemWord) {
        return test ? _with(i, TESTS, i.tests() + 1) : _with(i, DOWN, i.down() + 1);
    }

    /// @dev With a link down less, to a test or not.
    function cutDown(ItemWord i, bool test) internal pure returns (ItemWord) {
        return test ? _with(i, TESTS, i.tests() - 1) : _with(i, DOWN, i.down() - 1);
    }

    /// @dev With a test that passed, or no more, where another result was.
    function tested(ItemWord i, bool before, bool afterwards) internal pure returns (ItemWord) {
        if (before == afterwards) return i;
        return _with(i, PASSED, afterwards ? i.passed() + 1 : i.passed() - 1);
    }

    /// @dev What the item adds to the counts of its project: one for each gate that it holds, and a need one need.
    function weight(ItemWord i) internal pure returns (uint256 w) {
        if (!i.lives()) return 0;
        IDesignControl.Kind k = i.kind();
        bool need = k == IDesignControl.Kind.NEED;
        bool input = k == IDesignControl.Kind.INPUT;
        if (need) w = ProjectWordLib.NEED;
        if (need || k == IDesignControl.Kind.RISK ? i.down() == 0 : i.up() == 0) w += ProjectWordLib.lane(gateOf(k));
        if (input && i.down() == 0) w += ProjectWordLib.lane(IDesignControl.Gate.OUTPUTS);
        if (((need || input) && i.tests() == 0) || i.passed() != i.tests()) {
            w += ProjectWordLib.lane(need ? IDesignControl.Gate.VALIDATION : IDesignControl.Gate.VERIFICATION);
        }
    }

    function _with(ItemWord i, uint256 shift, uint16 count) private pure returns (ItemWord) {
        return ItemWord.wrap(withField(ItemWord.unwrap(i), shift, count));
    }
}
