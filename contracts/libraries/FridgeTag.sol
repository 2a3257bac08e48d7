// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILoggerReports} from "../interfaces/ILoggerReports.sol";
import {LoggerDay, LoggerDayLib} from "./LoggerDay.sol";

/// @title FridgeTag
/// @notice Reads the text report of a Fridge-tag 2, version 0.5: lines in a fixed order, each ended by CR and LF.
///
/// Nothing is looked for: every line is where it must be, or the report is refused with the place of the first line
/// that is not. So there is one way to read a text, and nobody can help to read it in another. What no rule looks at
/// (configuration, averages, who pressed the button) is skipped up to the end of its line; after the day table only
/// the certificate follows, of which the first line is read. The text must be signed from its first to its last byte.
library FridgeTag {
    /// @dev Most days in a report.
    uint256 internal constant MAX_DAYS = 60;

    /// @dev What a report says. Times are seconds since 1970-01-01 00:00 by the logger's own clock.
    /// @param serial Serial number, 12 digits.
    /// @param lot Lot of the logger, up to 31 bytes from the left.
    /// @param activated When it began to measure.
    /// @param created When it wrote the report.
    /// @param low, high Limits of its two alarms, in hundredths of a degree Celsius.
    /// @param table Its days, the newest first.
    struct Parsed {
        uint64 serial;
        bytes32 lot;
        uint40 activated;
        uint40 created;
        int32 low;
        int32 high;
        LoggerDay[] table;
    }

    /// @dev Where the reader is: at which byte, and where the line of that byte begins.
    struct Cursor {
        uint256 position;
        uint256 line;
    }

    /// @dev Bytes behind the end of the text may be looked at, and never get into the result: each line must end
    /// within the text before the next one is read.
    function parse(bytes calldata text) internal pure returns (Parsed memory p) {
        Cursor memory c;
        _line(c, text, "Device: Q-tag Fridge-tag 2", 26);
        _line(c, text, "Vers: 0.5", 9);
        _skipLine(c, text, "Fw Vers: ", 9);
        _skipLine(c, text, "Sensor: ", 8);
        _line(c, text, "Conf:", 5);
        _take(c, text, " Serial: ", 9);
        p.serial = uint64(_digits(c, text, 12));
        _end(c, text);
        _skipLine(c, text, " PCB: ", 6);
        _skipLine(c, text, " CID: ", 6);
        _take(c, text, " Lot: ", 6);
        p.lot = _name(c, text);
        _skipLine(c, text, " Zone: ", 7);
        _skipLine(c, text, " Measurement delay: ", 20);
        _skipLine(c, text, " Moving Avrg: ", 14);
        _skipLine(c, text, " User Alarm Config: ", 20);
        _skipLine(c, text, " User Clock Config: ", 20);
        _skipLine(c, text, " Alarm Indication: ", 19);
        _line(c, text, " Temp unit: C", 13);
        _line(c, text, " Alarm:", 7);
        p.low = _alarmLimit(c, text, "  0:");
        p.high = _alarmLimit(c, text, "  1:");
        _line(c, text, " Int Sensor:", 12);
        _skipLine(c, text, "  Timeout: ", 11);
        _skipLine(c, text, " Report history length: ", 24);
        _skipLine(c, text, " Det Report: ", 13);
        _skipLine(c, text, " Use ext devices: ", 18);
        _skipLine(c, text, " Test Res: ", 11);
        _line(c, text, "Hist:", 5);
        _take(c, text, " TS Actv: ", 10);
        p.activated = _moment(c, text);
        _take(c, text, " TS Report Creation: ", 21);
        p.created = _moment(c, text);
        p.table = _table(c, text);
        _line(c, text, "Cert:", 5);
    }

    /// @dev The days: numbered from 1, each earlier than the one before.
    function _table(Cursor memory c, bytes calldata text) private pure returns (LoggerDay[] memory table) {
        table = new LoggerDay[](MAX_DAYS);
        uint256 count;
        do {
            _take(c, text, " ", 1);
            if (count == MAX_DAYS || _number(c, text, 2) != count + 1) revert ILoggerReports.MalformedReport(c.line);
            _line(c, text, ":", 1);
            table[count] = _day(c, text, count == 0 ? type(uint24).max : table[count - 1].date());
            ++count;
        } while (_isNext(c, text, " ", 1));
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            mstore(table, count)
        }
    }

    function _day(Cursor memory c, bytes calldata text, uint256 before) private pure returns (LoggerDay) {
        _take(c, text, "  Date: ", 8);
        uint256 date = _date(c, text);
        if (date >= before) revert ILoggerReports.MalformedReport(c.line);
        _end(c, text);
        _take(c, text, "  Min T: ", 9);
        int32 min = _temperature(c, text);
        _skipLine(c, text, ", TS Min T: ", 12);
        _take(c, text, "  Max T: ", 9);
        int32 max = _temperature(c, text);
        _skipLine(c, text, ", TS Max T: ", 12);
        _skipLine(c, text, "  Avrg T: ", 10);
        _line(c, text, "  Alarm:", 8);
        _line(c, text, "   0:", 5);
        (uint256 lowMinutes, uint256 lowAlarm) = _beyond(c, text);
        _line(c, text, "   1:", 5);
        (uint256 highMinutes, uint256 highAlarm) = _beyond(c, text);
        _line(c, text, "  Int Sensor timeout:", 21);
        _take(c, text, "   t AccST: ", 12);
        uint256 timeout = _number(c, text, 4);
        if (_isNext(c, text, ",", 1)) _skipLine(c, text, ",", 1);
        else _end(c, text);
        _skipLine(c, text, "  Events: ", 10);
        if (_isNext(c, text, "  Checked:", 10)) {
            _line(c, text, "  Checked:", 10);
            if (_isNext(c, text, "   TS AM: ", 10)) _skipLine(c, text, "   TS AM: ", 10);
            if (_isNext(c, text, "   TS PM: ", 10)) _skipLine(c, text, "   TS PM: ", 10);
        }
        return LoggerDayLib.pack(date, min, max, lowMinutes, highMinutes, lowAlarm, highAlarm, timeout);
    }

    /// @dev Minutes beyond a limit, and 1 + the minute of its alarm.
    function _beyond(Cursor memory c, bytes calldata text) private pure returns (uint256 minutes_, uint256 alarm) {
        _take(c, text, "    t Acc: ", 11);
        minutes_ = _number(c, text, 4);
        if (_isNext(c, text, ", TS A: ", 8)) {
            _take(c, text, ", TS A: ", 8);
            alarm = 1 + _clock(c, text);
            _skipLine(c, text, ", C A: ", 7);
        } else {
            _end(c, text);
        }
    }

    function _alarmLimit(Cursor memory c, bytes calldata text, bytes32 title) private pure returns (int32 limit) {
        _line(c, text, title, 4);
        _take(c, text, "   T AL: ", 9);
        limit = _temperature(c, text);
        _skipLine(c, text, ", t AL: ", 8);
    }

    /// @dev A date and a time of the day, in seconds; and the end of the line.
    function _moment(Cursor memory c, bytes calldata text) private pure returns (uint40 seconds_) {
        uint256 date = _date(c, text);
        _take(c, text, " ", 1);
        seconds_ = uint40(date * 1 days + _clock(c, text) * 1 minutes);
        _end(c, text);
    }

    /// @dev A date of this century, in days since 1970-01-01.
    function _date(Cursor memory c, bytes calldata text) private pure returns (uint256) {
        _take(c, text, "20", 2);
        uint256 year = _digits(c, text, 2);
        _take(c, text, "-", 1);
        uint256 month = _digits(c, text, 2);
        _take(c, text, "-", 1);
        uint256 day = _digits(c, text, 2);
        if (month == 0 || month > 12 || day == 0) revert ILoggerReports.MalformedReport(c.line);
        uint256 leap = year % 4 == 0 ? 1 : 0;
        // February has 28 days; of the others, those in even places up to July and odd ones after it have 30.
        uint256 length = month == 2 ? 28 + leap : 30 + (month + month / 8) % 2;
        if (day > length) revert ILoggerReports.MalformedReport(c.line);
        // Days before the month, if February had 30; and those of the years since 2000, which was a leap year.
        uint256 before = (month - 1) * 30 + (month + month / 9) / 2 - (month > 2 ? 2 - leap : 0);
        return 10_957 + year * 365 + (year + 3) / 4 + before + day - 1;
    }

    /// @dev A time of the day, in minutes.
    function _clock(Cursor memory c, bytes calldata text) private pure returns (uint256) {
        uint256 hour = _digits(c, text, 2);
        _take(c, text, ":", 1);
        uint256 minute = _digits(c, text, 2);
        if (hour > 23 || minute > 59) revert ILoggerReports.MalformedReport(c.line);
        return hour * 60 + minute;
    }

    /// @dev Degrees with a sign and one decimal, in hundredths.
    function _temperature(Cursor memory c, bytes calldata text) private pure returns (int32) {
        bool minus = _isNext(c, text, "-", 1);
        _take(c, text, minus ? bytes32("-") : bytes32("+"), 1);
        uint256 whole = _number(c, text, 3);
        _take(c, text, ".", 1);
        int32 value = int32(uint32((whole * 10 + _digits(c, text, 1)) * 10));
        return minus ? -value : value;
    }

    /// @dev Exactly so many digits.
    function _digits(Cursor memory c, bytes calldata text, uint256 count) private pure returns (uint256 value) {
        uint256 from = c.position;
        value = _number(c, text, count);
        if (c.position != from + count) revert ILoggerReports.MalformedReport(c.line);
    }

    /// @dev At least one digit, and at most so many.
    function _number(Cursor memory c, bytes calldata text, uint256 most) private pure returns (uint256 value) {
        uint256 from = c.position;
        uint256 position = from;
        unchecked {
            for (; position < from + most; ++position) {
                uint256 digit = _byteAt(text, position) - 0x30;
                if (digit > 9) break;
                value = value * 10 + digit;
            }
        }
        if (position == from) revert ILoggerReports.MalformedReport(c.line);
        c.position = position;
    }

    /// @dev The rest of the line, at least one and at most 31 bytes; and the end of the line.
    function _name(Cursor memory c, bytes calldata text) private pure returns (bytes32) {
        uint256 from = c.position;
        _skipLine(c, text, "", 0);
        uint256 length = c.line - 2 - from;
        if (length == 0 || length > 31) revert ILoggerReports.MalformedReport(from - 6);
        uint256 unused = 256 - 8 * length;
        return _wordAt(text, from) >> unused << unused;
    }

    /// @dev A line that is nothing but this token.
    function _line(Cursor memory c, bytes calldata text, bytes32 token, uint256 length) private pure {
        _take(c, text, token, length);
        _end(c, text);
    }

    /// @dev This token, and whatever follows on the line.
    function _skipLine(Cursor memory c, bytes calldata text, bytes32 token, uint256 length) private pure {
        _take(c, text, token, length);
        uint256 position = c.position;
        unchecked {
            while (position < text.length && _byteAt(text, position) != 0x0d) ++position;
        }
        c.position = position;
        _end(c, text);
    }

    /// @dev The end of the line, within the text.
    function _end(Cursor memory c, bytes calldata text) private pure {
        _take(c, text, "\r\n", 2);
        if (c.position > text.length) revert ILoggerReports.MalformedReport(c.line);
        c.line = c.position;
    }

    function _take(Cursor memory c, bytes calldata text, bytes32 token, uint256 length) private pure {
        if (!_isNext(c, text, token, length)) revert ILoggerReports.MalformedReport(c.line);
        unchecked {
            c.position += length;
        }
    }

    function _isNext(Cursor memory c, bytes calldata text, bytes32 token, uint256 length) private pure returns (bool) {
        unchecked {
            return (_wordAt(text, c.position) ^ token) >> (256 - 8 * length) == 0;
        }
    }

    function _byteAt(bytes calldata text, uint256 position) private pure returns (uint256) {
        return uint256(_wordAt(text, position)) >> 248;
    }

    function _wordAt(bytes calldata text, uint256 position) private pure returns (bytes32 word) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            word := calldataload(add(text.offset, position))
        }
    }
}
