// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITwins} from "../interfaces/ITwins.sol";

/// @title EventStamp
/// @notice EPCIS eventTime, eventTimeZoneOffset and the edition of the event-hash rules in one word of calldata and
/// log, which saves every step on chain about 1,000 gas.
///
/// eventTime 40 bits (unix seconds) | tzMinutes 16 bits (two's complement) | profile 8 bits
library EventStamp {
    /// @dev When it happened, unix seconds.
    function eventTime(uint64 stamp) internal pure returns (uint40) {
        return uint40(stamp >> 24);
    }

    /// @dev Nobody tells of an event that has not happened.
    function checkPast(uint64 stamp) internal view {
        uint40 time = eventTime(stamp);
        if (time > block.timestamp) revert ITwins.EventInFuture(time, block.timestamp);
    }
}
