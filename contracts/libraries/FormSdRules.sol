// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConflictMinerals} from "../interfaces/IConflictMinerals.sol";

/// @title FormSdRules
/// @notice What Form SD (17 CFR 249b.400) asks for, and when. Pure functions.
library FormSdRules {
    uint256 private constant FIRST_YEAR = 2013;
    uint256 private constant LAST_YEAR = 9999;

    /// @dev 17:30 Eastern daylight time: what EDGAR gets later is filed on the next business day (17 CFR 232.13).
    uint256 private constant CLOSING = 21 hours + 30 minutes;

    /// @notice The outcome for a product, item by item of Form SD.
    function outcome(IConflictMinerals.FormSd memory f) internal pure returns (IConflictMinerals.Outcome) {
        if (!f.necessary || f.outside) return IConflictMinerals.Outcome.NO_FILING;
        bool elsewhere = !f.reason || f.recycled || f.origin == IConflictMinerals.Answer.NO;
        if (elsewhere) return IConflictMinerals.Outcome.FORM_SD_ONLY;
        if (f.benefited == IConflictMinerals.Answer.NO) return IConflictMinerals.Outcome.CMR_CONFLICT_FREE_WITH_IPSA;
        if (f.benefited == IConflictMinerals.Answer.YES) return IConflictMinerals.Outcome.CMR_NOT_FOUND_CONFLICT_FREE;
        return IConflictMinerals.Outcome.CMR_UNDETERMINABLE;
    }

    /// @notice The first second of a calendar year (UTC).
    function startOf(uint256 year) internal pure returns (uint256) {
        return _daysBefore(year) * 1 days;
    }

    /// @notice Has the calendar year begun, and does the rule apply to it?
    function isReportable(uint256 year) internal view returns (bool) {
        return year >= FIRST_YEAR && block.timestamp >= startOf(year);
    }

    /// @notice The last second at which Form SD for a calendar year is filed in time.
    function dueAt(uint256 year) internal pure returns (uint40) {
        if (year < FIRST_YEAR || year > LAST_YEAR) revert IConflictMinerals.WrongYear(uint16(year));
        // 150 days of a year are over before its 31 May, with a leap day 151.
        uint256 day = _daysBefore(year + 1) + (_isLeap(year + 1) ? 151 : 150);
        // 1 January 1970 was a Thursday; 0 is a Sunday. A Monday that is 31 May is Memorial Day.
        uint256 weekday = (day + 4) % 7;
        if (weekday == 6) day += 2;
        else if (weekday <= 1) ++day;
        return uint40(day * 1 days + CLOSING);
    }

    /// @dev Days from 1 January 1970 to 1 January of the year.
    function _daysBefore(uint256 year) private pure returns (uint256) {
        return 365 * (year - 1970) + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
    }

    function _isLeap(uint256 year) private pure returns (bool) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    }
}
