// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Exceptions
/// @notice What a receiver can find wrong with a delivery, one bit each: the exception types of the Partnership
/// for DSCSA Governance, and what a dock sees with its own eyes.
library Exceptions {
    uint16 internal constant MISSING_PRODUCT = 1 << 0;
    uint16 internal constant MISSING_DATA = 1 << 1;
    uint16 internal constant OVERAGE = 1 << 2;
    uint16 internal constant UNDERAGE = 1 << 3;
    uint16 internal constant MISALIGNMENT = 1 << 4;
    uint16 internal constant MASTER_DATA = 1 << 5;
    uint16 internal constant DAMAGED = 1 << 6;
    uint16 internal constant SEAL_BROKEN = 1 << 7;
    uint16 internal constant OUT_OF_CONDITIONS = 1 << 8;

    /// @dev All of the above.
    uint16 internal constant ALL = (1 << 9) - 1;
}
