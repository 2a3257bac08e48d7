// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {IFirmware} from "../interfaces/IFirmware.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty} from "../libraries/Membership.sol";

/// @title Firmware
/// @notice See {IFirmware}.
contract Firmware is IFirmware, Module {
    /// @dev One slot: the model's newest set.
    struct Set {
        uint32 version;
        uint32 threshold;
    }

    /// @inheritdoc IFirmware
    uint256 public constant MAX_SIGNERS = 16;

    /// @dev Immutable, because the compiler would hash constants of this length at every use.
    bytes32 private immutable RELEASE_TYPEHASH = keccak256(
        "Release(bytes32 model,bytes32 hardwareClass,uint64 sequence,string version,bytes32 imageHash,bytes32 manifestHash,uint40 notBefore,uint40 expiry)"
    );
    bytes32 private immutable MINIMUM_TYPEHASH =
        keccak256("Minimum(bytes32 model,bytes32 hardwareClass,uint64 sequence)");
    bytes32 private immutable SET_TYPEHASH =
        keccak256("SignerSet(bytes32 model,uint32 version,uint32 threshold,bytes[] signers)");
    bytes32 private immutable CONFIRMATION_TYPEHASH = keccak256(
        "Confirmation(bytes32 device,bytes32 model,bytes32 hardwareClass,uint64 sequence,bytes32 imageHash,uint40 time)"
    );

    /// @inheritdoc IFirmware
    IDevices public immutable DEVICES;

    /// @inheritdoc IFirmware
    ITwins public immutable TWINS;

    /// @inheritdoc IFirmware
    mapping(bytes32 model => Set) public signerSetOf;

    /// @dev By the set's version: a new set ends the old one at one price.
    mapping(bytes32 model => mapping(uint32 version => mapping(bytes32 signerHash => bool))) private _members;

    mapping(bytes32 line => Line) private _lines;
    mapping(bytes32 line => mapping(uint64 sequence => Image)) private _images;
    mapping(bytes32 device => Installation) private _installations;

    constructor(IConsortium consortium, IDevices devices) Module("Goldthread Firmware", consortium) {
        DEVICES = devices;
        TWINS = devices.TWINS();
    }

    // ------------------------------------------------------------------------------------------------- maker

    /// @inheritdoc IFirmware
    function setSigners(SignerSet calldata next, bytes[] calldata approvers, bytes[] calldata signatures) external {
        bytes32 model = next.model;
        uint32 org = _authorizeModel(model);
        Set memory old = signerSetOf[model];
        if (next.version != old.version + 1) revert WrongVersion(model, next.version, old.version + 1);
        uint256 count = next.signers.length;
        if (next.threshold == 0 || next.threshold > count || count > MAX_SIGNERS) {
            revert WrongThreshold(next.threshold, count);
        }
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            bytes calldata signer = next.signers[i];
            if (signer.length < 20) revert SignerTooShort(signer.length);
            hashes[i] = keccak256(signer);
            if (i != 0 && hashes[i] <= hashes[i - 1]) revert SignersNotInOrder(i);
            _members[model][next.version][hashes[i]] = true;
        }
        signerSetOf[model] = Set({version: next.version, threshold: next.threshold});
        if (old.version != 0) {
            bytes32 list = keccak256(abi.encodePacked(hashes));
            bytes32 structHash = keccak256(abi.encode(SET_TYPEHASH, model, next.version, next.threshold, list));
            _checkSigned(model, old, structHash, approvers, signatures);
            _checkThreshold(model, signerSetOf[model], approvers);
        }
        emit SignersSet(model, org, msg.sender, next.version, next.threshold, next.signers);
    }

    /// @inheritdoc IFirmware
    function release(Release calldata item, bytes[] calldata approvers, bytes[] calldata signatures) external {
        (bytes32 model, bytes32 hardwareClass, uint64 sequence) = (item.model, item.hardwareClass, item.sequence);
        uint32 org = _authorizeModel(model);
        bytes32 line = lineId(model, hardwareClass);
        uint64 newest = _lines[line].newest;
        if (sequence <= newest) revert NotNextSequence(model, hardwareClass, sequence, newest);
        if (item.imageHash == 0 || item.notBefore > item.expiry || block.timestamp > item.expiry) {
            revert WrongRelease(item.imageHash, item.notBefore, item.expiry, block.timestamp);
        }
        _checkSigned(model, signerSetOf[model], _structHash(item), approvers, signatures);
        _lines[line].newest = sequence;
        _images[line][sequence] = Image({hash: item.imageHash, notBefore: item.notBefore, expiry: item.expiry});
        emit FirmwareReleased(
            model,
            org,
            hardwareClass,
            msg.sender,
            sequence,
            item.version,
            item.imageHash,
            item.manifestHash,
            item.notBefore,
            item.expiry
        );
    }

    /// @inheritdoc IFirmware
    function raiseMinimum(Minimum calldata minimum, bytes[] calldata approvers, bytes[] calldata signatures) external {
        (bytes32 model, bytes32 hardwareClass, uint64 sequence) =
            (minimum.model, minimum.hardwareClass, minimum.sequence);
        uint32 org = _authorizeModel(model);
        Line storage line = _lines[lineId(model, hardwareClass)];
        (uint64 newest, uint64 current) = (line.newest, line.minimum);
        if (sequence <= current || sequence - 1 > newest) {
            revert WrongMinimum(model, hardwareClass, sequence, current, newest);
        }
        _checkSigned(model, signerSetOf[model], keccak256(abi.encode(MINIMUM_TYPEHASH, minimum)), approvers, signatures);
        line.minimum = sequence;
        emit MinimumRaised(model, org, hardwareClass, msg.sender, sequence);
    }

    // ----------------------------------------------------------------------------------------------- devices

    /// @inheritdoc IFirmware
    function assign(bytes32 device, bytes32 model, bytes32 hardwareClass, uint64 sequence) external {
        uint32 org = _authorize(Duty.DEVICE_ADMIN);
        uint32 owner = TWINS.ownerOf(device);
        if (org != owner) revert NotDeviceOwner(device, org, owner);
        if (DEVICES.signerHash(device) == 0) revert NotEnrolled(device);
        bytes32 line = lineId(model, hardwareClass);
        Installation storage i = _installations[device];
        if (i.installed != 0 && i.line != line) revert OtherModel(device, i.line, line);
        Image memory image = _image(model, hardwareClass, sequence);
        _checkInstallable(device, image, sequence, i.installed, uint40(block.timestamp));
        uint64 minimum = _lines[line].minimum;
        if (sequence < minimum) revert BelowMinimum(device, sequence, minimum);
        (i.line, i.assigned) = (line, sequence);
        emit FirmwareAssigned(device, org, model, msg.sender, hardwareClass, sequence);
    }

    /// @inheritdoc IFirmware
    function confirm(Confirmation calldata c, bytes calldata signer, bytes calldata signature) external {
        (bytes32 device, uint64 sequence, uint40 time) = (c.device, c.sequence, c.time);
        bytes32 line = lineId(c.model, c.hardwareClass);
        Installation storage i = _installations[device];
        if (i.line != 0 && i.line != line) revert OtherModel(device, i.line, line);
        Image memory image = _image(c.model, c.hardwareClass, sequence);
        if (c.imageHash != image.hash) revert OtherImage(device, c.imageHash, image.hash);
        _checkInstallable(device, image, sequence, i.installed, time);
        if (time <= i.confirmedAt || time > block.timestamp) {
            revert TimeNotInOrder(device, time, i.confirmedAt, block.timestamp);
        }
        _checkDevice(device, _hashTypedDataV4(keccak256(abi.encode(CONFIRMATION_TYPEHASH, c))), signer, signature);
        i.line = line;
        (i.installed, i.confirmedAt, i.expiry) = (sequence, time, image.expiry);
        emit FirmwareConfirmed(device, c.model, c.hardwareClass, msg.sender, sequence, c.imageHash, time);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IFirmware
    function stateOf(bytes32 device) external view returns (State) {
        if (_installations[device].installed == 0) return State.UNKNOWN;
        if (isBelowMinimum(device)) return State.BELOW_MINIMUM;
        return block.timestamp > _installations[device].expiry ? State.EXPIRED : State.CURRENT;
    }

    /// @inheritdoc IFirmware
    function isBelowMinimum(bytes32 device) public view returns (bool) {
        Installation storage i = _installations[device];
        return i.installed != 0 && i.installed < _lines[i.line].minimum;
    }

    /// @inheritdoc IFirmware
    function installationOf(bytes32 device) external view returns (Installation memory) {
        return _installations[device];
    }

    /// @inheritdoc IFirmware
    function lineOf(bytes32 line) external view returns (Line memory) {
        return _lines[line];
    }

    /// @inheritdoc IFirmware
    function imageOf(bytes32 line, uint64 sequence) external view returns (Image memory) {
        return _images[line][sequence];
    }

    /// @inheritdoc IFirmware
    function isSigner(bytes32 model, bytes32 signerHash) external view returns (bool) {
        return _members[model][signerSetOf[model].version][signerHash];
    }

    /// @inheritdoc IFirmware
    function lineId(bytes32 model, bytes32 hardwareClass) public pure returns (bytes32) {
        return keccak256(abi.encode(model, hardwareClass));
    }

    // ----------------------------------------------------------------------------------------------- private

    /// @dev The caller's organisation, which must have title to the model's twin.
    function _authorizeModel(bytes32 model) private view returns (uint32 org) {
        org = _authorize(Duty.DEVICE_ADMIN);
        ITwins.Twin memory t = TWINS.twin(model);
        if (t.kind != ITwins.Kind.DESIGN || t.end != ITwins.EndOfLife.NONE) revert NotAModel(model);
        if (org != t.owner) revert NotModelOwner(model, org, t.owner);
    }

    function _structHash(Release calldata r) private view returns (bytes32) {
        return keccak256(
            abi.encode(
                RELEASE_TYPEHASH,
                r.model,
                r.hardwareClass,
                r.sequence,
                keccak256(bytes(r.version)),
                r.imageHash,
                r.manifestHash,
                r.notBefore,
                r.expiry
            )
        );
    }

    function _checkSigned(
        bytes32 model,
        Set memory set,
        bytes32 structHash,
        bytes[] calldata approvers,
        bytes[] calldata signatures
    ) private view {
        _checkThreshold(model, set, approvers);
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!SignatureChecker.areValidSignaturesNow(digest, approvers, signatures)) revert InvalidSignatures(digest);
    }

    /// @dev Whoever is not of the set does not count. A model without signers cannot be signed for.
    function _checkThreshold(bytes32 model, Set memory set, bytes[] calldata approvers) private view {
        uint256 signed;
        for (uint256 i; i < approvers.length; ++i) {
            if (_members[model][set.version][keccak256(approvers[i])]) ++signed;
        }
        if (signed < set.threshold || signed == 0) {
            revert TooFewSigners(model, set.version, signed, set.threshold);
        }
    }

    function _checkInstallable(bytes32 device, Image memory image, uint64 sequence, uint64 installed, uint40 time)
        private
        pure
    {
        if (sequence < installed) revert Rollback(device, sequence, installed);
        if (time < image.notBefore) revert NotYetInstallable(sequence, image.notBefore, time);
        if (time > image.expiry) revert ReleaseExpired(sequence, image.expiry, time);
    }

    /// @dev Without a signer's hash in Devices the device was never enrolled, or is revoked.
    function _checkDevice(bytes32 device, bytes32 digest, bytes calldata signer, bytes calldata signature)
        private
        view
    {
        bytes32 expected = DEVICES.signerHash(device);
        if (expected == 0) revert NotEnrolled(device);
        if (keccak256(signer) != expected) revert WrongSigner(device, signer);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) {
            revert InvalidDeviceSignature(device, digest);
        }
    }

    function _image(bytes32 model, bytes32 hardwareClass, uint64 sequence) private view returns (Image memory image) {
        image = _images[lineId(model, hardwareClass)][sequence];
        if (image.hash == 0) revert UnknownRelease(model, hardwareClass, sequence);
    }
}
