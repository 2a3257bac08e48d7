// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IModule} from "../interfaces/IModule.sol";

/// @title Module
/// @notice What every module shares: the consortium it belongs to, its EIP-712 domain and the common alert.
abstract contract Module is IModule, EIP712, Multicall {
    /// @inheritdoc IModule
    IConsortium public immutable CONSORTIUM;

    constructor(string memory name, IConsortium consortium) EIP712(name, "1") {
        CONSORTIUM = consortium;
    }

    /// @dev The caller's organisation, if the caller has all of `duties`.
    function _authorize(uint32 duties) internal view returns (uint32 org) {
        return CONSORTIUM.authorize(msg.sender, 0, duties);
    }
}
