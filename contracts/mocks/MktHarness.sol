// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Mkt} from "../libraries/Mkt.sol";

/// @title MktHarness
/// @notice The functions of {Mkt}, callable from outside. For tests only.
contract MktHarness {
    function weights() external pure returns (bytes memory) {
        return Mkt.weights();
    }

    function isLimit(int32 limit) external pure returns (bool) {
        return Mkt.isLimit(limit);
    }

    function ofValue(int32 value, uint256 duration) external pure returns (uint256) {
        return Mkt.ofValue(Mkt.weights(), value, duration);
    }

    function ofHistogram(uint256[] calldata words) external pure returns (uint256) {
        return Mkt.ofHistogram(Mkt.weights(), words);
    }

    function sum(uint64 total, uint256 more) external pure returns (uint64) {
        return Mkt.sum(total, more);
    }

    function isAbove(uint64 total, int32 limit, uint256 duration) external pure returns (bool) {
        return Mkt.isAbove(Mkt.weights(), total, limit, duration);
    }
}
