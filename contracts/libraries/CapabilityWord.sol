// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What is kept of a capability, {ICapabilities-Grant}, in one word of storage:
///
/// to 160 | expiry 40 | methods 8 | parent 32 | toOrg 1 | narrow 1 | revoked 1, from the lowest bit up. Zero: none.
/// narrow: it is for one resource, which is in a slot of its own.
type CapabilityWord is uint256;

using CapabilityWordLib for CapabilityWord global;

/// @title CapabilityWordLib
/// @notice Writes and reads the fields of a {CapabilityWord}. A walk from a capability to the owner's grant reads one
/// word for each step, and of that two fields.
library CapabilityWordLib {
    uint256 private constant TO_ORG = 1 << 240;
    uint256 private constant NARROW = 1 << 241;
    uint256 private constant REVOKED = 1 << 242;

    /// @dev Not revoked.
    function pack(address to_, uint40 expiry_, uint8 methods_, uint32 parent_, bool toOrg_, bool narrow_)
        internal
        pure
        returns (CapabilityWord)
    {
        uint256 word = uint256(parent_) << 208 | uint256(methods_) << 200 | uint256(expiry_) << 160 | uint160(to_);
        if (toOrg_) word |= TO_ORG;
        return CapabilityWord.wrap(narrow_ ? word | NARROW : word);
    }

    function withRevoked(CapabilityWord c) internal pure returns (CapabilityWord) {
        return CapabilityWord.wrap(CapabilityWord.unwrap(c) | REVOKED);
    }

    function exists(CapabilityWord c) internal pure returns (bool) {
        return CapabilityWord.unwrap(c) != 0;
    }

    function to(CapabilityWord c) internal pure returns (address) {
        return address(uint160(CapabilityWord.unwrap(c)));
    }

    function expiry(CapabilityWord c) internal pure returns (uint40) {
        return uint40(CapabilityWord.unwrap(c) >> 160);
    }

    function methods(CapabilityWord c) internal pure returns (uint8) {
        return uint8(CapabilityWord.unwrap(c) >> 200);
    }

    function parent(CapabilityWord c) internal pure returns (uint32) {
        return uint32(CapabilityWord.unwrap(c) >> 208);
    }

    function toOrg(CapabilityWord c) internal pure returns (bool) {
        return CapabilityWord.unwrap(c) & TO_ORG != 0;
    }

    function narrow(CapabilityWord c) internal pure returns (bool) {
        return CapabilityWord.unwrap(c) & NARROW != 0;
    }

    function revoked(CapabilityWord c) internal pure returns (bool) {
        return CapabilityWord.unwrap(c) & REVOKED != 0;
    }
}
