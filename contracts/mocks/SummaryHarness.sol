// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {SummaryMerge} from "../libraries/SummaryMerge.sol";

/// @title SummaryHarness
/// @notice The functions of {SummaryMerge}, callable from outside. For tests only.
contract SummaryHarness {
    function ofReading(uint40 time, int32 value, ITelemetry.Segment calldata segment)
        external
        pure
        returns (uint256[] memory)
    {
        return SummaryMerge.ofReading(time, value, segment);
    }

    function merge(uint256[] memory a, uint256[] memory b, ITelemetry.Segment calldata segment)
        external
        pure
        returns (bytes32)
    {
        return SummaryMerge.merge(a, b, segment);
    }
}
