// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ids} from "../libraries/Ids.sol";

/// @title IdsHarness
/// @notice The functions of {Ids}, callable from outside. For tests only.
contract IdsHarness {
    function idOf(string calldata uri) external pure returns (bytes32) {
        return Ids.idOf(uri);
    }

    function namespaceOf(string calldata uri, uint8 prefixLength) external pure returns (bytes32) {
        return Ids.namespaceOf(uri, prefixLength);
    }

    function authorityLength(string calldata text) external pure returns (uint256) {
        return Ids.authorityLength(bytes(text));
    }
}
