// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Meaning
/// @notice What a signature under a record means (21 CFR 11.50(a)(3)), one bit each.
library Meaning {
    /// @dev The signer wrote it, or stands for what a machine wrote.
    uint8 internal constant AUTHORSHIP = 1 << 0;
    /// @dev The signer read it and found it complete and right.
    uint8 internal constant REVIEW = 1 << 1;
    /// @dev The signer accepts it for its purpose.
    uint8 internal constant APPROVAL = 1 << 2;
    /// @dev The signer supervised or checked the step while it was done.
    uint8 internal constant RESPONSIBILITY = 1 << 3;

    uint8 internal constant ALL = (1 << 4) - 1;
}
