// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The seats that one account took of a licence, in one word of storage: eight numbers of 32 bits from the lowest
/// bit up, each the number of the hour since 1970 in which the seat is back; 0: not taken, {SeatWordLib-OPEN}: it comes
/// back when it is given back.
type SeatWord is uint256;

using SeatWordLib for SeatWord global;

/// @title SeatWordLib
/// @notice Writes and reads the seats in a {SeatWord}.
library SeatWordLib {
    uint256 internal constant SEATS = 8;
    uint32 internal constant OPEN = type(uint32).max;

    /// @notice The hour in which a seat is back; 0 for a seat that there is not.
    function backAt(SeatWord word, uint256 seat) internal pure returns (uint32) {
        return uint32(SeatWord.unwrap(word) >> seat * 32);
    }

    /// @notice Takes a seat, or with 0 gives it back.
    function with(SeatWord word, uint256 seat, uint32 hour) internal pure returns (SeatWord) {
        uint256 cleared = SeatWord.unwrap(word) & ~(uint256(type(uint32).max) << seat * 32);
        return SeatWord.wrap(cleared | uint256(hour) << seat * 32);
    }

    /// @notice How many seats are taken in this hour, and the first that is not.
    function taken(SeatWord word, uint256 hour) internal pure returns (uint256 count, uint8 free) {
        for (uint8 seat = uint8(SEATS); seat > 0;) {
            if (word.backAt(--seat) > hour) ++count;
            else free = seat;
        }
    }
}
