// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Method
/// @notice What can be done with a device, one bit each.
library Method {
    /// @dev Read who it is: identity, model, firmware, certificates.
    uint8 internal constant IDENTIFY = 1 << 0;
    /// @dev Change how it works: limits, intervals, calibration.
    uint8 internal constant CONFIGURE = 1 << 1;
    /// @dev Connect it to, and reach it over, a network.
    uint8 internal constant NETWORK = 1 << 2;
    /// @dev Use its local ports, sensors and actuators.
    uint8 internal constant LOCAL_IO = 1 << 3;
    /// @dev Install firmware.
    uint8 internal constant UPDATE = 1 << 4;

    uint8 internal constant ALL = (1 << 5) - 1;
}
