// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Role
/// @notice What an organisation is, one bit each. The consortium gives roles; an organisation may have several.
library Role {
    uint32 internal constant MANUFACTURER = 1 << 0;
    uint32 internal constant SUPPLIER = 1 << 1;
    uint32 internal constant CARRIER = 1 << 2;
    uint32 internal constant DISTRIBUTOR = 1 << 3;
    uint32 internal constant RETAILER = 1 << 4;
    uint32 internal constant SERVICE = 1 << 5;
    uint32 internal constant RECYCLER = 1 << 6;
    uint32 internal constant REGULATOR = 1 << 7;
    uint32 internal constant INSURER = 1 << 8;
    uint32 internal constant AUDITOR = 1 << 9;
    uint32 internal constant GRID_OPERATOR = 1 << 10;
    /// @dev A contract of Goldthread that acts for its callers, whom it has checked: Lots, Lineage, Recalls.
    uint32 internal constant MODULE = 1 << 11;
}

/// @title Duty
/// @notice What an account may do for its organisation, one bit each. The organisation's admin gives duties.
library Duty {
    uint32 internal constant REGISTER = 1 << 0;
    uint32 internal constant SHIP = 1 << 1;
    uint32 internal constant RECEIVE = 1 << 2;
    uint32 internal constant QUALITY = 1 << 3;
    uint32 internal constant RECORD = 1 << 4;
    uint32 internal constant DEVICE_ADMIN = 1 << 5;
    uint32 internal constant ANCHOR = 1 << 6;
    uint32 internal constant RECALL = 1 << 7;
    uint32 internal constant FINANCE = 1 << 8;
}
