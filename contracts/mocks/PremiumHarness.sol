// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Premium} from "../libraries/Premium.sol";

/// @title PremiumHarness
/// @notice The functions of {Premium}, callable from outside. For tests only.
contract PremiumHarness {
    function requireSound(Premium.Terms calldata terms, uint32 tier) external pure {
        Premium.requireSound(terms, tier);
    }

    function charge(Premium.Terms calldata terms, Premium.Counters calldata counters, uint40 duration, uint32 tier)
        external
        pure
        returns (uint256)
    {
        return Premium.charge(terms, counters, duration, tier);
    }

    function weightedMetres(Premium.Terms calldata terms, Premium.Counters calldata counters)
        external
        pure
        returns (uint256)
    {
        return Premium.weightedMetres(terms, counters);
    }

    function nextTier(Premium.Terms calldata terms, Premium.Counters calldata counters) external pure returns (uint32) {
        return Premium.nextTier(terms, counters);
    }

    function noDataTier(uint32 tier) external pure returns (uint32) {
        return Premium.noDataTier(tier);
    }

    function noDataMetres(Premium.Terms calldata terms, uint40 duration, uint32 tier) external pure returns (uint64) {
        return Premium.noDataMetres(terms, duration, tier);
    }
}
