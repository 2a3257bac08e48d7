// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev How many seats come back in each hour: counts of 16 bits, those of 16 hours in one word of storage.
struct ReturnHours {
    mapping(uint256 word => uint256 counts) words;
}

using ReturnHoursLib for ReturnHours global;

/// @title ReturnHoursLib
/// @notice Counts what comes back by itself, so that nobody needs to send anything when it does. An hour is given by its
/// number since 1970. All counts together never exceed 65,535.
library ReturnHoursLib {
    uint256 private constant HOURS = 16;

    /// @dev The product with it has the sum of all 16 counts on top.
    uint256 private constant ONES = 0x0001000100010001000100010001000100010001000100010001000100010001;

    function add(ReturnHours storage self, uint256 hour) internal {
        self.words[hour / HOURS] += 1 << hour % HOURS * 16;
    }

    function remove(ReturnHours storage self, uint256 hour) internal {
        self.words[hour / HOURS] -= 1 << hour % HOURS * 16;
    }

    /// @notice How many come back in this hour.
    function countAt(ReturnHours storage self, uint256 hour) internal view returns (uint256) {
        return uint16(self.words[hour / HOURS] >> hour % HOURS * 16);
    }

    /// @notice How many came back after the hour `last` and until the hour `hour`. Reads on until that are `most`: all
    /// that were out in the hour `last`.
    function since(ReturnHours storage self, uint256 last, uint256 hour, uint256 most)
        internal
        view
        returns (uint256 count)
    {
        for (uint256 next = last + 1; next <= hour && count < most; next += HOURS - next % HOURS) {
            uint256 counts = self.words[next / HOURS] >> next % HOURS * 16;
            uint256 behind = next / HOURS == hour / HOURS ? HOURS - 1 - (hour - next) : 0;
            count += _sum(counts << behind * 16);
        }
    }

    function _sum(uint256 counts) private pure returns (uint256) {
        unchecked {
            return counts * ONES >> 240;
        }
    }
}
