// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITwins} from "./ITwins.sol";

/// @title IDevices
/// @notice Which key signs for which device, and to which twin the device was attached when.
///
/// A device is itself a twin of the kind ASSET; the organisation that has title to that twin administers the
/// device, through accounts with the duty DEVICE_ADMIN. Selling the twin passes the device on with it. Who ends a
/// device's twin revokes the device too: its key is not looked up in Twins.
///
/// Assumptions: the key never leaves the device, and the device is bound to the twin in the real world.
/// The chain cannot see either. The verifier contract inside a signer is part of the owner's claim: readers who
/// rely on a device compare it with the verifiers named in the deployment manifest.
interface IDevices {
    /// @notice An interval of attachment, both seconds inclusive; `until` = 0: still attached.
    struct Attachment {
        uint40 since;
        uint40 until;
    }

    /// @notice A device got its first key.
    /// @param signer ERC-7913 signer: an address (secp256k1), or verifier and public key (P-256, RSA, WebAuthn).
    /// @param model Id of the device's model as the owner names it, or zero.
    event DeviceEnrolled(
        bytes32 indexed device, uint32 indexed org, bytes32 indexed model, address caller, bytes signer
    );
    /// @notice Only the new key signs for the device from now on.
    event KeyRotated(bytes32 indexed device, uint32 indexed org, address caller, bytes signer);
    /// @notice No key signs for the device any more, for the reason that the record `reason` explains. `org` owns the
    /// device, or is the organisation of the module that revoked it.
    event DeviceRevoked(bytes32 indexed device, uint32 indexed org, address caller, bytes32 reason);
    /// @notice The device measures the twin from the second `since`.
    event DeviceAttached(
        bytes32 indexed device, bytes32 indexed subject, uint32 indexed org, address caller, uint40 since
    );
    /// @notice The device measured the twin up to the second `until`.
    event DeviceDetached(
        bytes32 indexed device, bytes32 indexed subject, uint32 indexed org, address caller, uint40 until
    );

    /// @notice Only the organisation with title to the device's twin administers it.
    error NotDeviceOwner(bytes32 device, uint32 org, uint32 owner);
    /// @notice A device is a twin of the kind ASSET that has not ended.
    error NotADevice(bytes32 device);
    /// @notice The device has been enrolled before.
    error AlreadyEnrolled(bytes32 device);
    /// @notice The device was never enrolled, or is revoked.
    error NotEnrolled(bytes32 device);
    /// @notice A signer has 20 bytes (an address) or more (verifier and key).
    error SignerTooShort(uint256 length);
    /// @notice The device is attached to this twin and must be detached first.
    error AlreadyAttached(bytes32 device, bytes32 subject);
    /// @notice The device is attached to no twin.
    error NotAttached(bytes32 device);
    /// @notice Only who has title to or custody of a twin attaches devices to it.
    error NotSubjectHolder(bytes32 subject, uint32 org);
    /// @notice The device was not attached to the twin for the whole of the time from `from` to `to`.
    error NotAttachedDuring(bytes32 device, bytes32 subject, uint40 from, uint40 to);
    /// @notice The signer given is not the device's.
    error WrongSigner(bytes32 device, bytes signer);
    /// @notice The signature is not the device's over this hash.
    error InvalidDeviceSignature(bytes32 device, bytes32 hash);

    /// @notice Gives a device its key, once. Owning organisation, duty DEVICE_ADMIN. Emits {DeviceEnrolled}.
    function enrol(bytes32 device, bytes calldata signer, bytes32 model) external;

    /// @notice Replaces the device's key. Owning organisation, duty DEVICE_ADMIN. Emits {KeyRotated}.
    /// Data that the old key signed and nobody has anchored must be signed again.
    function rotateKey(bytes32 device, bytes calldata signer) external;

    /// @notice Ends the device for good: a stolen key must never speak again, whatever time it writes into its
    /// data. Owning organisation, duty DEVICE_ADMIN. Emits {DeviceRevoked}.
    function revoke(bytes32 device, bytes32 reason) external;

    /// @notice As {revoke}, whoever owns the device: its key was shown to have signed a lie. Modules only, which have
    /// checked that: role MODULE, duty DEVICE_ADMIN. Emits {DeviceRevoked} with the module's organisation.
    function revokeFor(bytes32 device, bytes32 reason) external;

    /// @notice Attaches the device to a twin from now on. Owning organisation, duty DEVICE_ADMIN, with title to or
    /// custody of the twin. A device measures one twin at a time. Emits {DeviceAttached}.
    function attach(bytes32 device, bytes32 subject) external;

    /// @notice Ends the attachment now. Owning organisation, duty DEVICE_ADMIN. Emits {DeviceDetached}.
    function detach(bytes32 device) external;

    /// @notice Reverts unless the device's current key signed `hash` and the device was attached to `subject` for
    /// the whole of the time from `from` to `to`, in the newest interval of attachment. What was signed in an older
    /// one must be anchored before the device is attached to the same twin again.
    /// @param signer The device's signer, as in the newest {DeviceEnrolled} or {KeyRotated}.
    function verify(
        bytes32 device,
        bytes32 subject,
        uint40 from,
        uint40 to,
        bytes32 hash,
        bytes calldata signer,
        bytes calldata signature
    ) external view;

    /// @notice The module that says who has title to and custody of devices and what they measure.
    function TWINS() external view returns (ITwins);

    /// @notice The ERC-7913 verifier of P-256 keys that this module stands in for, at a lower price.
    function P256_VERIFIER() external view returns (address);

    /// @notice Hash of the device's signer; zero: never enrolled, or revoked.
    function signerHash(bytes32 device) external view returns (bytes32);

    /// @notice True once the device was revoked.
    function revoked(bytes32 device) external view returns (bool);

    /// @notice The twin to which the device is attached now, or zero.
    function subjectOf(bytes32 device) external view returns (bytes32);

    /// @notice The newest interval during which the device was attached to the twin.
    function attachment(bytes32 device, bytes32 subject) external view returns (Attachment memory);
}
