// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty, Role} from "../libraries/Membership.sol";

/// @title Devices
/// @notice See {IDevices}.
contract Devices is IDevices, Module {
    /// @inheritdoc IDevices
    ITwins public immutable TWINS;

    /// @inheritdoc IDevices
    address public immutable P256_VERIFIER;

    /// @inheritdoc IDevices
    mapping(bytes32 device => bytes32) public signerHash;

    /// @inheritdoc IDevices
    mapping(bytes32 device => bool) public revoked;

    /// @inheritdoc IDevices
    mapping(bytes32 device => bytes32) public subjectOf;

    mapping(bytes32 device => mapping(bytes32 subject => Attachment)) private _attachments;

    constructor(IConsortium consortium, ITwins twins, address p256Verifier) Module("Goldthread Devices", consortium) {
        TWINS = twins;
        // slither-disable-next-line missing-zero-check: without one, each signer calls the verifier that it names
        P256_VERIFIER = p256Verifier;
    }

    /// @inheritdoc IDevices
    function enrol(bytes32 device, bytes calldata signer, bytes32 model) external {
        uint32 org = _authorizeOwner(device);
        _checkDevice(device);
        if (signerHash[device] != 0 || revoked[device]) revert AlreadyEnrolled(device);
        _setSigner(device, signer);
        emit DeviceEnrolled(device, org, model, msg.sender, signer);
    }

    /// @inheritdoc IDevices
    function rotateKey(bytes32 device, bytes calldata signer) external {
        uint32 org = _authorizeOwner(device);
        _checkDevice(device);
        _checkEnrolled(device);
        _setSigner(device, signer);
        emit KeyRotated(device, org, msg.sender, signer);
    }

    /// @inheritdoc IDevices
    function revoke(bytes32 device, bytes32 reason) external {
        _revoke(device, _authorizeOwner(device), reason);
    }

    /// @inheritdoc IDevices
    function revokeFor(bytes32 device, bytes32 reason) external {
        _revoke(device, CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.DEVICE_ADMIN), reason);
    }

    /// @inheritdoc IDevices
    function attach(bytes32 device, bytes32 subject) external {
        uint32 org = _authorizeOwner(device);
        _checkDevice(device);
        _checkEnrolled(device);
        if (subjectOf[device] != 0) revert AlreadyAttached(device, subjectOf[device]);
        if (TWINS.ownerOf(subject) != org && TWINS.custodianOf(subject) != org) revert NotSubjectHolder(subject, org);
        uint40 since = uint40(block.timestamp);
        subjectOf[device] = subject;
        _attachments[device][subject] = Attachment({since: since, until: 0});
        emit DeviceAttached(device, subject, org, msg.sender, since);
    }

    /// @inheritdoc IDevices
    function detach(bytes32 device) external {
        uint32 org = _authorizeOwner(device);
        bytes32 subject = subjectOf[device];
        if (subject == 0) revert NotAttached(device);
        uint40 until = uint40(block.timestamp);
        delete subjectOf[device];
        _attachments[device][subject].until = until;
        emit DeviceDetached(device, subject, org, msg.sender, until);
    }

    /// @inheritdoc IDevices
    function verify(
        bytes32 device,
        bytes32 subject,
        uint40 from,
        uint40 to,
        bytes32 hash,
        bytes calldata signer,
        bytes calldata signature
    ) external view {
        bytes32 expected = signerHash[device];
        if (expected == 0) revert NotEnrolled(device);
        if (keccak256(signer) != expected) revert WrongSigner(device, signer);
        Attachment storage a = _attachments[device][subject];
        (uint40 since, uint40 until) = (a.since, a.until);
        if (since == 0 || from < since || (until != 0 && to > until)) {
            revert NotAttachedDuring(device, subject, from, to);
        }
        if (!_isValid(signer, hash, signature)) revert InvalidDeviceSignature(device, hash);
    }

    /// @inheritdoc IDevices
    function attachment(bytes32 device, bytes32 subject) external view returns (Attachment memory) {
        return _attachments[device][subject];
    }

    /// @dev The caller's organisation, which must have title to the device's twin.
    function _authorizeOwner(bytes32 device) private view returns (uint32 org) {
        org = _authorize(Duty.DEVICE_ADMIN);
        uint32 owner = TWINS.ownerOf(device);
        if (org != owner) revert NotDeviceOwner(device, org, owner);
    }

    function _checkDevice(bytes32 device) private view {
        ITwins.Twin memory t = TWINS.twin(device);
        if (t.kind != ITwins.Kind.ASSET || t.end != ITwins.EndOfLife.NONE) revert NotADevice(device);
    }

    function _checkEnrolled(bytes32 device) private view {
        if (signerHash[device] == 0) revert NotEnrolled(device);
    }

    function _revoke(bytes32 device, uint32 org, bytes32 reason) private {
        _checkEnrolled(device);
        delete signerHash[device];
        revoked[device] = true;
        emit DeviceRevoked(device, org, msg.sender, reason);
    }

    /// @dev P-256 is what most devices sign with: it is checked here as its verifier would, without calling it.
    function _isValid(bytes calldata signer, bytes32 hash, bytes calldata signature) private view returns (bool) {
        if (signer.length != 84 || address(bytes20(signer)) != P256_VERIFIER || signature.length < 64) {
            return SignatureChecker.isValidSignatureNow(signer, hash, signature);
        }
        return P256.verify(
            hash, bytes32(signature[:32]), bytes32(signature[32:64]), bytes32(signer[20:52]), bytes32(signer[52:])
        );
    }

    function _setSigner(bytes32 device, bytes calldata signer) private {
        if (signer.length < 20) revert SignerTooShort(signer.length);
        signerHash[device] = keccak256(signer);
    }
}
