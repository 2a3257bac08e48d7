// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev What a logger's report says of one day, in one word:
///
/// date 24 | min 32 | max 32 | lowMinutes 16 | highMinutes 16 | lowAlarm 16 | highAlarm 16 | timeout 16, from the lowest
/// bit up.
///
/// date: days since 1970-01-01 by the logger's own clock. min, max: lowest and highest temperature, in hundredths of a
/// degree Celsius (two's complement). lowMinutes, highMinutes: minutes at or below the logger's low limit, and at or
/// above its high one. lowAlarm, highAlarm: 1 + the minute of the day at which the limit's alarm went off, 1 also for
/// one that lasts from the day before; 0: no alarm. timeout: minutes in which the sensor did not answer.
type LoggerDay is uint256;

using LoggerDayLib for LoggerDay global;

/// @title LoggerDayLib
/// @notice Makes a {LoggerDay}, and reads its fields.
library LoggerDayLib {
    function pack(
        uint256 date_,
        int32 min_,
        int32 max_,
        uint256 lowMinutes_,
        uint256 highMinutes_,
        uint256 lowAlarm,
        uint256 highAlarm,
        uint256 timeout_
    ) internal pure returns (LoggerDay) {
        return LoggerDay.wrap(
            date_ | uint256(uint32(min_)) << 24 | uint256(uint32(max_)) << 56 | lowMinutes_ << 88 | highMinutes_ << 104
                | lowAlarm << 120 | highAlarm << 136 | timeout_ << 152
        );
    }

    function date(LoggerDay d) internal pure returns (uint24) {
        return uint24(LoggerDay.unwrap(d));
    }

    function min(LoggerDay d) internal pure returns (int32) {
        return int32(uint32(LoggerDay.unwrap(d) >> 24));
    }

    function max(LoggerDay d) internal pure returns (int32) {
        return int32(uint32(LoggerDay.unwrap(d) >> 56));
    }

    function lowMinutes(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 88);
    }

    function highMinutes(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 104);
    }

    function timeout(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 152);
    }
}
