// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILoggerReports} from "../interfaces/ILoggerReports.sol";
import {LoggerDay, LoggerDayLib} from "./LoggerWords.sol";

/// @title FridgeTag
/// @notice Reads the text report of a Fridge-tag 2, version 0.5: lines in a fixed order, each ended by CR and LF.
///
/// There is one way to read a text, and nobody can help to read it in another. Of the configuration, lines that no rule
/// looks at are passed over up to the first one that does; in the day table every line is where it must be; after it
/// only the certificate follows, of which the first line is read. The text must be signed from its first to its last
/// byte.
///
/// What is fixed is compared in tokens of up to 32 bytes, also across the ends of lines, so that the reader costs less
/// than the calldata that it reads. All positions are those of the calldata; `base` is where the text begins there.
/// Bytes behind the end of the text may be looked at, and refuse the report then.
library FridgeTag {
    /// @dev Most days in a report.
    uint256 internal constant MAX_DAYS = 60;

    /// @dev Bytes of a time of the day, hh:mm.
    uint256 private constant CLOCK = 5;

    /// @dev In 16 bits each, for the months 0 to 13: days from 1970-01-01 to the last day before the month in 2000, had
    /// that been no leap year.
    uint256 private constant DAYS_BEFORE = 0x2c392c1a2bfc2bdd2bbf2ba02b812b632b442b262b072aeb2acc2acc;

    uint256 private constant HIGHEST_BITS = 0x8080808080808080808080808080808080808080808080808080808080808080;
    uint256 private constant OTHER_BITS = 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f;
    uint256 private constant LOWEST_BITS = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant CARRIAGE_RETURNS = 0x0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d;

    /// @dev What a report says. Times are seconds since 1970-01-01 00:00 by the logger's own clock.
    /// @param serial Serial number, 12 digits.
    /// @param lot Lot of the logger, up to 31 bytes from the left.
    /// @param activated When it began to measure.
    /// @param created When it wrote the report.
    /// @param low, high Limits of its two alarms, in hundredths of a degree Celsius.
    /// @param table Its days, the newest first.
    struct Parsed {
        uint40 serial;
        bytes32 lot;
        uint40 activated;
        uint40 created;
        int16 low;
        int16 high;
        LoggerDay[] table;
    }

    function parse(bytes calldata text) internal pure returns (Parsed memory p) {
        uint256 base;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            base := text.offset
        }
        uint256 i = _take(base, base, "Device: Q-tag Fridge-tag 2\r\nVers", 32);
        i = _seek(base, _take(base, i, ": 0.5\r\n", 7) - 2, "\r\nConf:\r\n Serial: ", 18);
        (p.serial, i) = _serial(base, i);
        (p.lot, i) = _name(base, _seek(base, _take(base, i, "\r\n", 2) - 2, "\r\n Lot: ", 8));
        i = _seek(base, _take(base, i, "\r\n", 2) - 2, "\r\n Temp unit: C\r\n Alarm:\r\n  0:\r\n", 32);
        (p.low, i) = _temperature(base, _take(base, i, "   T AL: ", 9));
        i = _seek(base, _take(base, i, ", t AL: ", 8), "\r\n  1:\r\n   T AL: ", 17);
        (p.high, i) = _temperature(base, i);
        i = _seek(base, _take(base, i, ", t AL: ", 8), "\r\nHist:\r\n TS Actv: ", 19);
        (p.activated, i) = _moment(base, i);
        (p.created, i) = _moment(base, _take(base, i, "\r\n TS Report Creation: ", 23));
        (p.table, i) = _table(base, _take(base, i, "\r\n", 2));
        i = _take(base, i, "Cert:\r\n", 7);
        if (i - base > text.length) _refuse(0, text.length);
    }

    // ------------------------------------------------------------------------------------------------ days

    /// @dev The days, numbered from 1, each earlier than the one before. Nothing else allocates memory meanwhile.
    function _table(uint256 base, uint256 i) private pure returns (LoggerDay[] memory table, uint256 next) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            table := mload(0x40)
        }
        uint256 count;
        uint256 date = type(uint256).max;
        (bytes32 title, uint256 length) = _title(1);
        next = i;
        while (count < MAX_DAYS && _isNext(next, title, length)) {
            LoggerDay day;
            uint256 before = date;
            unchecked {
                (date, next) = _date(base, i = next + length);
                if (date >= before) _refuse(base, i);
                (day, next) = _day(base, next, date);
                (title, length) = _title(++count + 1);
            }
            // slither-disable-next-line assembly
            assembly ("memory-safe") {
                mstore(add(table, shl(5, count)), day)
            }
        }
        if (count == 0) _refuse(base, next);
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            mstore(table, count)
            mstore(0x40, add(table, shl(5, add(count, 1))))
        }
    }

    /// @dev With what a day begins.
    function _title(uint256 number) private pure returns (bytes32 token, uint256 length) {
        unchecked {
            if (number < 10) return (bytes32(uint256(bytes32(" 0:\r\n  Date: ")) | number << 240), 13);
            uint256 digits = number / 10 << 240 | number % 10 << 232;
            return (bytes32(uint256(bytes32(" 00:\r\n  Date: ")) | digits), 14);
        }
    }

    /// @dev The rest of a day, up to the beginning of the line after it.
    function _day(uint256 base, uint256 i, uint256 date) private pure returns (LoggerDay day, uint256 next) {
        int16 min;
        int16 max;
        (min, i) = _temperature(base, _take(base, i, "\r\n  Min T: ", 11));
        i = _take(base, i, ", TS Min T: ", 12) + CLOCK;
        (max, i) = _temperature(base, _take(base, i, "\r\n  Max T: ", 11));
        i = _take(base, i, ", TS Max T: ", 12) + CLOCK;
        i = _pass(base, i, "\r\n  Avrg T: ", 12);
        day = LoggerDayLib.pack(date, min, max);
        if (_isQuiet(i)) {
            next = i + 102;
        } else {
            uint256 number;
            uint256 alarm;
            (number, alarm, i) = _beyond(base, _take(base, i, "\r\n  Alarm:\r\n   0:\r\n    t Acc: ", 30));
            day = day.withLow(number, alarm);
            (number, alarm, i) = _beyond(base, _take(base, i, "\r\n   1:\r\n    t Acc: ", 20));
            day = day.withHigh(number, alarm);
            i = _take(base, i, "\r\n  Int Sensor timeout:\r\n", 25);
            (number, i) = _number(base, _take(base, i, "   t AccST: ", 12), 4);
            day = day.withTimeout(number);
            if (_isNext(i, ",", 1)) i = _pass(base, i, ",", 1);
            next = _take(base, i, "\r\n  Events: ", 12);
        }
        next = _pass(base, next, "", 0);
        if (_isNext(next, "\r\n  Checked:", 12)) {
            next = _take(base, next, "\r\n  Checked:", 12);
            if (_isNext(next, "\r\n   TS AM: ", 12)) next = _pass(base, next, "\r\n   TS AM: ", 12);
            if (_isNext(next, "\r\n   TS PM: ", 12)) next = _pass(base, next, "\r\n   TS PM: ", 12);
        }
        next = _take(base, next, "\r\n", 2);
    }

    /// @dev A day with nothing beyond a limit and no time without the sensor, as most are: 102 bytes that are fixed.
    function _isQuiet(uint256 i) private pure returns (bool) {
        return _isNext(i, "\r\n  Alarm:\r\n   0:\r\n    t Acc: 0\r", 32)
            && _isNext(i + 32, "\n   1:\r\n    t Acc: 0\r\n  Int Sens", 32)
            && _isNext(i + 64, "or timeout:\r\n   t AccST: 0\r\n  Ev", 32) && _isNext(i + 96, "ents: ", 6);
    }

    /// @dev Minutes beyond a limit, and 1 + the minute of its alarm.
    function _beyond(uint256 base, uint256 i) private pure returns (uint256 minutes_, uint256 alarm, uint256 next) {
        (minutes_, next) = _number(base, i, 4);
        if (_isNext(next, ", TS A: ", 8)) {
            i = _take(base, next, ", TS A: ", 8);
            bytes32 clock = _match(base, i, "00:00", hex"76767f7676");
            alarm = 1 + _minute(base, clock, 0, i);
            next = _pass(base, i + 5, ", C A: ", 7);
        }
    }

    // ---------------------------------------------------------------------------------------------- values

    /// @dev A date and a time of the day, in seconds.
    function _moment(uint256 base, uint256 i) private pure returns (uint40 seconds_, uint256 next) {
        uint256 date;
        (date, next) = _date(base, i);
        bytes32 clock = _match(base, next, " 00:00", hex"7f76767f7676");
        seconds_ = uint40(date * 1 days + _minute(base, clock, 1, i) * 1 minutes);
        next += 6;
    }

    /// @dev A date of this century, in days since 1970-01-01.
    function _date(uint256 base, uint256 i) private pure returns (uint256 date, uint256 next) {
        bytes32 digits = _match(base, i, "2000-00-00", hex"7f7f76767f76767f7676");
        (uint256 year, uint256 month, uint256 day) = (_pair(digits, 2), _pair(digits, 5), _pair(digits, 8));
        unchecked {
            // The century has a leap day every four years, in its first one, too.
            uint256 late;
            uint256 first = DAYS_BEFORE >> 16 * month & 0xffff;
            uint256 length = (DAYS_BEFORE >> 16 * month + 16 & 0xffff) - first;
            bool wrong;
            // slither-disable-next-line assembly
            assembly ("memory-safe") {
                late := and(gt(month, 2), iszero(and(year, 3)))
                length := add(length, and(eq(month, 2), iszero(and(year, 3))))
                wrong := or(iszero(lt(sub(day, 1), length)), gt(month, 12))
            }
            if (wrong) _refuse(base, i);
            date = first + year * 365 + (year + 3) / 4 + late + day;
            next = i + 10;
        }
    }

    /// @dev The minute of the day, of the digits at `place`.
    function _minute(uint256 base, bytes32 digits, uint256 place, uint256 i) private pure returns (uint256) {
        (uint256 hour, uint256 minute) = (_pair(digits, place), _pair(digits, place + 3));
        if (hour > 23 || minute > 59) _refuse(base, i);
        unchecked {
            return hour * 60 + minute;
        }
    }

    /// @dev The number of two digits, the values of which are the bytes at `place`.
    function _pair(bytes32 digits, uint256 place) private pure returns (uint256) {
        unchecked {
            return 10 * _byte(digits, place) + _byte(digits, place + 1);
        }
    }

    /// @dev Degrees with a sign, one or two digits and one decimal, in hundredths.
    function _temperature(uint256 base, uint256 i) private pure returns (int16 value, uint256 next) {
        bool wrong;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let word := calldataload(i)
            let degrees := xor(byte(1, word), 0x30)
            wrong := gt(degrees, 9)
            next := 2
            if xor(byte(2, word), 0x2e) {
                let digit := xor(byte(2, word), 0x30)
                wrong := or(wrong, gt(digit, 9))
                degrees := add(mul(degrees, 10), digit)
                next := 3
            }
            let sign := byte(0, word)
            let tenth := xor(byte(add(next, 1), word), 0x30)
            wrong := or(
                wrong,
                or(gt(tenth, 9), or(xor(byte(next, word), 0x2e), iszero(or(eq(sign, 0x2b), eq(sign, 0x2d)))))
            )
            value := mul(add(mul(degrees, 100), mul(tenth, 10)), sub(0x2c, sign))
            next := add(add(i, next), 2)
        }
        if (wrong) _refuse(base, i);
    }

    /// @dev Twelve digits.
    function _serial(uint256 base, uint256 i) private pure returns (uint40 serial, uint256 next) {
        bytes32 digits = _match(base, i, "000000000000", hex"767676767676767676767676");
        unchecked {
            // Pairs of digits, then pairs of those, in lanes of 16 and 32 bits.
            uint256 lanes = uint256(digits) >> 160;
            lanes = (lanes >> 8 & 0x00ff00ff00ff00ff00ff00ff) * 10 + (lanes & 0x00ff00ff00ff00ff00ff00ff);
            lanes = (lanes >> 16 & 0x0000ffff0000ffff0000ffff) * 100 + (lanes & 0x0000ffff0000ffff0000ffff);
            serial = uint40((lanes >> 64) * 1e8 + (lanes >> 32 & 0xffffffff) * 1e4 + (lanes & 0xffffffff));
            next = i + 12;
        }
    }

    /// @dev At least one digit, and at most so many.
    function _number(uint256 base, uint256 i, uint256 most) private pure returns (uint256 value, uint256 next) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let word := calldataload(i)
            let count := 0
            for { let digit := xor(byte(0, word), 0x30) } and(lt(digit, 10), lt(count, most)) {
                digit := xor(byte(count, word), 0x30)
            } {
                value := add(mul(value, 10), digit)
                count := add(count, 1)
            }
            next := add(i, count)
        }
        if (next == i) _refuse(base, i);
    }

    /// @dev The rest of the line, at least one and at most 31 bytes.
    function _name(uint256 base, uint256 i) private pure returns (bytes32 name, uint256 next) {
        next = _pass(base, i, "", 0);
        uint256 length = next - i;
        if (length == 0 || length > 31) _refuse(base, i);
        uint256 unused = 256 - 8 * length;
        name = _word(i) >> unused << unused;
    }

    // ---------------------------------------------------------------------------------------------- tokens

    /// @dev This token, which begins with the end of a line: the first one.
    function _seek(uint256 base, uint256 i, bytes32 token, uint256 length) private pure returns (uint256 next) {
        uint256 found;
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let unused := sub(256, shl(3, length))
            let fourth := mul(byte(3, token), LOWEST_BITS)
            for { next := i } lt(next, calldatasize()) { next := add(next, 32) } {
                let word := calldataload(next)
                let rest := or(xor(word, CARRIAGE_RETURNS), shl(24, xor(word, fourth)))
                // The highest bit of each byte that is a carriage return, with the token's fourth byte where that is.
                let ends := not(or(add(and(rest, OTHER_BITS), OTHER_BITS), or(rest, OTHER_BITS)))
                if ends {
                    let behind := or(ends, shr(8, ends))
                    behind := or(behind, shr(16, behind))
                    behind := or(behind, shr(32, behind))
                    behind := or(behind, shr(64, behind))
                    behind := or(behind, shr(128, behind))
                    next := add(next, sub(32, shr(248, mul(shr(7, behind), LOWEST_BITS))))
                    found := iszero(shr(unused, xor(calldataload(next), token)))
                    if found { break }
                    next := sub(next, 31)
                }
            }
        }
        if (found == 0) _refuse(base, i);
        unchecked {
            next += length;
        }
    }

    /// @dev This token, and whatever follows on the line.
    function _pass(uint256 base, uint256 i, bytes32 token, uint256 length) private pure returns (uint256) {
        return _endOfLine(_take(base, i, token, length));
    }

    /// @dev Where the next carriage return is; behind the calldata, if it has none.
    function _endOfLine(uint256 i) private pure returns (uint256 end) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            end := i
            for {} lt(end, calldatasize()) { end := add(end, 32) } {
                let rest := xor(calldataload(end), CARRIAGE_RETURNS)
                // The highest bit of each byte that is a carriage return.
                let ends := not(or(add(and(rest, OTHER_BITS), OTHER_BITS), or(rest, OTHER_BITS)))
                if ends {
                    // And of each byte behind the first one; they are counted.
                    ends := or(ends, shr(8, ends))
                    ends := or(ends, shr(16, ends))
                    ends := or(ends, shr(32, ends))
                    ends := or(ends, shr(64, ends))
                    ends := or(ends, shr(128, ends))
                    end := add(end, sub(32, shr(248, mul(shr(7, ends), LOWEST_BITS))))
                    break
                }
            }
        }
    }

    function _take(uint256 base, uint256 i, bytes32 token, uint256 length) private pure returns (uint256) {
        if (!_isNext(i, token, length)) _refuse(base, i);
        unchecked {
            return i + length;
        }
    }

    function _isNext(uint256 i, bytes32 token, uint256 length) private pure returns (bool) {
        unchecked {
            return (_word(i) ^ token) >> (256 - 8 * length) == 0;
        }
    }

    /// @dev The values of digits, where the text is like the pattern: any digit for each `0` with 0x76 in `limits`, and
    /// the same byte for each with 0x7f. Adding a limit sets the highest bit of a byte that is too large.
    function _match(uint256 base, uint256 i, bytes32 pattern, bytes32 limits) private pure returns (bytes32) {
        unchecked {
            uint256 highest = (uint256(limits) << 1) & HIGHEST_BITS;
            uint256 digits = uint256(_word(i) ^ pattern);
            if ((digits + uint256(limits) | digits) & highest != 0) _refuse(base, i);
            return bytes32(digits);
        }
    }

    /// @dev On its own, so that what calls it is small enough to be inlined.
    function _refuse(uint256 base, uint256 i) private pure {
        revert ILoggerReports.MalformedReport(i - base);
    }

    function _byte(bytes32 word, uint256 place) private pure returns (uint256 value) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            value := byte(place, word)
        }
    }

    function _word(uint256 i) private pure returns (bytes32 word) {
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            word := calldataload(i)
        }
    }
}
