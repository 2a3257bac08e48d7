// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortium} from "../interfaces/IConsortium.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Role} from "./Membership.sol";

/// @title Receivers
/// @notice To whom something that is held back, recalled or has ended may still go.
library Receivers {
    /// @param purpose RETURN, QUARANTINE or DESTRUCTION; for TRANSPORT it goes to nobody.
    /// @param own True if the receiver made or owns all of it.
    function isOpenTo(IConsortium consortium, ITwins.Purpose purpose, uint32 to, bool own)
        internal
        view
        returns (bool)
    {
        if (purpose == ITwins.Purpose.QUARANTINE) return true;
        if (purpose == ITwins.Purpose.RETURN && own) return true;
        uint32 roles = purpose == ITwins.Purpose.RETURN
            ? Role.CARRIER | Role.DISTRIBUTOR | Role.SUPPLIER | Role.MANUFACTURER
            : Role.CARRIER | Role.RECYCLER;
        return consortium.hasRole(to, roles);
    }
}
