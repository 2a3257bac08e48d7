// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FridgeTag} from "../libraries/FridgeTag.sol";

/// @title FridgeTagHarness
/// @notice {FridgeTag-parse}, callable from outside. For tests only.
contract FridgeTagHarness {
    function parse(bytes calldata text) external pure returns (FridgeTag.Parsed memory) {
        return FridgeTag.parse(text);
    }
}
