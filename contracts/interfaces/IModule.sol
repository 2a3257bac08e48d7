// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "./IConsortium.sol";

/// @title IModule
/// @notice What every module has in common.
interface IModule {
    /// @notice Something needs a person's attention. One event for all modules, so that one filter finds them all.
    /// @param subject The twin concerned.
    /// @param code What happened: the first four bytes of the hash of the alert's name, listed in docs/events.md.
    /// @param org The organisation whose rule raised it.
    /// @param severity 0 information, 1 minor, 2 major, 3 critical.
    /// @param ref What the alert is about, for example a policy or a record.
    event Alert(bytes32 indexed subject, bytes4 indexed code, uint32 indexed org, uint8 severity, bytes32 ref);

    /// @notice The consortium that decides who may speak.
    function CONSORTIUM() external view returns (IConsortium);
}
