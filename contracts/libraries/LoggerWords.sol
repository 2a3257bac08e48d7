// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Which logger wrote a report, when and where, in one word:
///
/// serial 40 | attachment 32 | org 32 | offset 16 | activated 40 | created 40 | low 16 | high 16, from the lowest bit up;
/// offset, low and high are two's complement.
///
/// serial: the logger's serial number, 12 digits. attachment: number of the attachment for which the report is told.
/// org: organisation that attached the logger. offset: minutes by which its clock is ahead of UTC. activated, created:
/// when it began to measure and when it wrote the report, UTC. low, high: limits of its two alarms, in hundredths of a
/// degree Celsius.
type LoggerFrame is uint256;

/// @dev What a report says of one day, in one word:
///
/// date 24 | min 16 | max 16 | lowMinutes 16 | highMinutes 16 | lowAlarm 16 | highAlarm 16 | timeout 16, from the lowest
/// bit up.
///
/// date: days since 1970-01-01 by the logger's own clock. min, max: lowest and highest temperature, in hundredths of a
/// degree Celsius (two's complement). lowMinutes, highMinutes: minutes at or below the logger's low limit, and at or
/// above its high one. lowAlarm, highAlarm: 1 + the minute of the day at which the limit's alarm went off, 1 also for
/// one that lasts from the day before; 0: no alarm. timeout: minutes in which the sensor did not answer.
type LoggerDay is uint256;

using LoggerFrameLib for LoggerFrame global;
using LoggerDayLib for LoggerDay global;

/// @title LoggerFrameLib
/// @notice Makes a {LoggerFrame}, and reads its fields.
library LoggerFrameLib {
    function pack(
        uint256 serial_,
        uint256 attachment_,
        uint256 org_,
        int16 offset_,
        uint256 activated_,
        uint256 created_,
        int16 low_,
        int16 high_
    ) internal pure returns (LoggerFrame) {
        return LoggerFrame.wrap(
            serial_ | attachment_ << 40 | org_ << 72 | uint256(uint16(offset_)) << 104 | activated_ << 120 | created_
                << 160 | uint256(uint16(low_)) << 200 | uint256(uint16(high_)) << 216
        );
    }

    function serial(LoggerFrame f) internal pure returns (uint40) {
        return uint40(LoggerFrame.unwrap(f));
    }

    function attachment(LoggerFrame f) internal pure returns (uint32) {
        return uint32(LoggerFrame.unwrap(f) >> 40);
    }

    function org(LoggerFrame f) internal pure returns (uint32) {
        return uint32(LoggerFrame.unwrap(f) >> 72);
    }

    function offset(LoggerFrame f) internal pure returns (int16) {
        return int16(uint16(LoggerFrame.unwrap(f) >> 104));
    }

    function activated(LoggerFrame f) internal pure returns (uint40) {
        return uint40(LoggerFrame.unwrap(f) >> 120);
    }

    function created(LoggerFrame f) internal pure returns (uint40) {
        return uint40(LoggerFrame.unwrap(f) >> 160);
    }

    function low(LoggerFrame f) internal pure returns (int16) {
        return int16(uint16(LoggerFrame.unwrap(f) >> 200));
    }

    function high(LoggerFrame f) internal pure returns (int16) {
        return int16(uint16(LoggerFrame.unwrap(f) >> 216));
    }
}

/// @title LoggerDayLib
/// @notice Makes a {LoggerDay}, and reads its fields.
library LoggerDayLib {
    /// @dev A day with nothing beyond a limit.
    function pack(uint256 date_, int16 min_, int16 max_) internal pure returns (LoggerDay) {
        return LoggerDay.wrap(date_ | uint256(uint16(min_)) << 24 | uint256(uint16(max_)) << 40);
    }

    function withLow(LoggerDay d, uint256 minutes_, uint256 alarm) internal pure returns (LoggerDay) {
        return LoggerDay.wrap(LoggerDay.unwrap(d) | minutes_ << 56 | alarm << 88);
    }

    function withHigh(LoggerDay d, uint256 minutes_, uint256 alarm) internal pure returns (LoggerDay) {
        return LoggerDay.wrap(LoggerDay.unwrap(d) | minutes_ << 72 | alarm << 104);
    }

    function withTimeout(LoggerDay d, uint256 minutes_) internal pure returns (LoggerDay) {
        return LoggerDay.wrap(LoggerDay.unwrap(d) | minutes_ << 120);
    }

    function date(LoggerDay d) internal pure returns (uint24) {
        return uint24(LoggerDay.unwrap(d));
    }

    function min(LoggerDay d) internal pure returns (int16) {
        return int16(uint16(LoggerDay.unwrap(d) >> 24));
    }

    function max(LoggerDay d) internal pure returns (int16) {
        return int16(uint16(LoggerDay.unwrap(d) >> 40));
    }

    function lowMinutes(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 56);
    }

    function highMinutes(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 72);
    }

    function timeout(LoggerDay d) internal pure returns (uint16) {
        return uint16(LoggerDay.unwrap(d) >> 120);
    }
}
