// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IDevices} from "../interfaces/IDevices.sol";

/// @title DeviceStub
/// @notice {IDevices-verify} without organisations and twins: one device for each id. For tests only.
contract DeviceStub {
    struct Device {
        bytes32 signerHash;
        bytes32 subject;
        uint40 since;
        uint40 until;
    }

    mapping(bytes32 device => Device) public devices;

    /// @notice Sets a device's key and its attachment, both seconds inclusive.
    function set(bytes32 device, bytes calldata signer, bytes32 subject, uint40 since, uint40 until) external {
        devices[device] = Device(keccak256(signer), subject, since, until);
    }

    /// @notice See {IDevices-subjectOf}.
    function subjectOf(bytes32 device) external view returns (bytes32) {
        return devices[device].subject;
    }

    /// @notice See {IDevices-verify}.
    function verify(
        bytes32 device,
        bytes32 subject,
        uint40 from,
        uint40 to,
        bytes32 hash,
        bytes calldata signer,
        bytes calldata signature
    ) external view {
        Device memory d = devices[device];
        if (d.signerHash == 0) revert IDevices.NotEnrolled(device);
        if (d.subject != subject || from < d.since || to > d.until || from > to) {
            revert IDevices.NotAttachedDuring(device, subject, from, to);
        }
        if (d.signerHash != keccak256(signer)) revert IDevices.WrongSigner(device, signer);
        if (!SignatureChecker.isValidSignatureNow(signer, hash, signature)) {
            revert IDevices.InvalidDeviceSignature(device, hash);
        }
    }
}
