// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDevices} from "./IDevices.sol";
import {ITwins} from "./ITwins.sol";

/// @title IFirmware
/// @notice Which firmware was released for a model, which a device was told to run, and which it says it runs.
///
/// A model is a twin of the kind DESIGN: only who owns the namespace registers it, so that nobody takes another firm's
/// model by being first, and the product line passes on with title to it. Its owner names the signers of the model, and
/// a threshold of them signs each release, each new minimum and each new set of signers. Both are needed: the signers'
/// word, and an account of the owner (duty DEVICE_ADMIN) that brings it. A stolen account releases nothing, and whoever
/// gives up the product line releases nothing any more.
///
/// Releases are for a model and a hardware class, and their sequence numbers rise, as in a SUIT manifest (RFC 9019,
/// RFC 9124). The device's owner assigns a release; the device confirms what it runs with its own key, {IDevices}.
/// - *Rollback*: nothing lower than what a device has confirmed is assigned or confirmed any more.
/// - *Freeze*: a release expires. Nothing expired is assigned, nor confirmed as newer than that; a device that still runs
///   it is EXPIRED for everybody who asks.
/// - *Withdrawal*: the minimum rises above a bad release, also above all there is.
///
/// Assumptions: the device tells the truth about itself, for which its key is in hardware that boots what it verified.
interface IFirmware {
    /// @notice What is known of the firmware of a device. UNKNOWN: it has confirmed nothing. BELOW_MINIMUM: lower than its
    /// maker's minimum. EXPIRED: its release has expired. CURRENT: none of these.
    enum State {
        UNKNOWN,
        BELOW_MINIMUM,
        EXPIRED,
        CURRENT
    }

    /// @notice What the model's signers release.
    /// @param model The twin of the model.
    /// @param hardwareClass What the image runs on, as the maker names it; zero if there is one class only.
    /// @param sequence Number of the manifest, higher than that of every earlier release for model and class.
    /// @param version What people call it, for example "2.4.1".
    /// @param imageHash SHA-256 of the image.
    /// @param manifestHash SHA-256 of the manifest, or of another document that says how to get and install the image.
    /// @param notBefore First second at which it may be installed.
    /// @param expiry Last second at which it may be installed, and at which it is current.
    struct Release {
        bytes32 model;
        bytes32 hardwareClass;
        uint64 sequence;
        string version;
        bytes32 imageHash;
        bytes32 manifestHash;
        uint40 notBefore;
        uint40 expiry;
    }

    /// @notice What the model's signers sign to raise the minimum.
    struct Minimum {
        bytes32 model;
        bytes32 hardwareClass;
        uint64 sequence;
    }

    /// @notice What the old and the new signers sign to change the set.
    /// @param version Counts the sets of the model from 1.
    /// @param threshold How many of the new signers must sign from now on.
    /// @param signers The new set: ERC-7913 signers, in the order of their hashes.
    struct SignerSet {
        bytes32 model;
        uint32 version;
        uint32 threshold;
        bytes[] signers;
    }

    /// @notice What a device signs.
    /// @param imageHash SHA-256 of the image that runs.
    /// @param time When the device looked, unix seconds; later than in every earlier confirmation of it.
    struct Confirmation {
        bytes32 device;
        bytes32 model;
        bytes32 hardwareClass;
        uint64 sequence;
        bytes32 imageHash;
        uint40 time;
    }

    /// @notice What is kept of a release; all zero if there is none.
    struct Image {
        bytes32 hash;
        uint40 notBefore;
        uint40 expiry;
    }

    /// @notice What is kept of a model and hardware class: the newest sequence, and the minimum.
    struct Line {
        uint64 newest;
        uint64 minimum;
    }

    /// @notice What is kept of a device.
    /// @param line Model and hardware class, see {lineId}. For good from the first confirmation on.
    /// @param assigned The sequence that its owner assigned last; 0: none.
    /// @param installed The sequence that it confirmed last; 0: none.
    /// @param confirmedAt When it looked.
    /// @param expiry When the release it runs expires.
    struct Installation {
        bytes32 line;
        uint64 assigned;
        uint64 installed;
        uint40 confirmedAt;
        uint40 expiry;
    }

    /// @notice The model's signers are these from now on, and `threshold` of them must sign.
    event SignersSet(
        bytes32 indexed model, uint32 indexed org, address caller, uint32 version, uint32 threshold, bytes[] signers
    );
    /// @notice Firmware was released.
    event FirmwareReleased(
        bytes32 indexed model,
        uint32 indexed org,
        bytes32 indexed hardwareClass,
        address caller,
        uint64 sequence,
        string version,
        bytes32 imageHash,
        bytes32 manifestHash,
        uint40 notBefore,
        uint40 expiry
    );
    /// @notice Firmware with a lower sequence than this is not good enough any more.
    event MinimumRaised(
        bytes32 indexed model, uint32 indexed org, bytes32 indexed hardwareClass, address caller, uint64 sequence
    );
    /// @notice The device's owner wants this release to be installed.
    event FirmwareAssigned(
        bytes32 indexed device,
        uint32 indexed org,
        bytes32 indexed model,
        address caller,
        bytes32 hardwareClass,
        uint64 sequence
    );
    /// @notice The device runs this release, and looked at the second `time`.
    event FirmwareConfirmed(
        bytes32 indexed device,
        bytes32 indexed model,
        bytes32 indexed hardwareClass,
        address caller,
        uint64 sequence,
        bytes32 imageHash,
        uint40 time
    );

    /// @notice A model is a twin of the kind DESIGN that has not ended.
    error NotAModel(bytes32 model);
    /// @notice Only the organisation with title to the model's twin acts for it.
    error NotModelOwner(bytes32 model, uint32 org, uint32 owner);
    /// @notice Only the organisation with title to the device's twin assigns its firmware.
    error NotDeviceOwner(bytes32 device, uint32 org, uint32 owner);
    /// @notice The device was never enrolled, or is revoked.
    error NotEnrolled(bytes32 device);
    /// @notice Sets of signers are numbered without gaps.
    error WrongVersion(bytes32 model, uint32 version, uint32 expected);
    /// @notice The threshold is at least 1, and no more than there are signers; those are at most {MAX_SIGNERS}.
    error WrongThreshold(uint32 threshold, uint256 signers);
    /// @notice A signer has 20 bytes (an address) or more (verifier and key).
    error SignerTooShort(uint256 length);
    /// @notice Signers are named once, in the order of their hashes.
    error SignersNotInOrder(uint256 index);
    /// @notice So many of the set `version` have signed, and `threshold` must.
    error TooFewSigners(bytes32 model, uint32 version, uint256 signed, uint32 threshold);
    /// @notice A signature is not its signer's over this digest, or a signer is named twice.
    error InvalidSignatures(bytes32 digest);
    /// @notice A sequence rises above that of every earlier release.
    error NotNextSequence(bytes32 model, bytes32 hardwareClass, uint64 sequence, uint64 newest);
    /// @notice A release has an image, and a time to be installed that is not over.
    error WrongRelease(bytes32 imageHash, uint40 notBefore, uint40 expiry, uint256 blockTime);
    /// @notice A minimum rises, up to one above the newest release: then nothing is good enough.
    error WrongMinimum(bytes32 model, bytes32 hardwareClass, uint64 sequence, uint64 minimum, uint64 newest);
    /// @notice There is no such release for the model and hardware class.
    error UnknownRelease(bytes32 model, bytes32 hardwareClass, uint64 sequence);
    /// @notice The device is of another model or hardware class.
    error OtherModel(bytes32 device, bytes32 line, bytes32 expected);
    /// @notice The device has confirmed a higher sequence: it does not go back.
    error Rollback(bytes32 device, uint64 sequence, uint64 installed);
    /// @notice The release cannot be installed before its time.
    error NotYetInstallable(uint64 sequence, uint40 notBefore, uint256 time);
    /// @notice The release has expired.
    error ReleaseExpired(uint64 sequence, uint40 expiry, uint256 time);
    /// @notice The maker asks for more than this release.
    error BelowMinimum(bytes32 device, uint64 sequence, uint64 minimum);
    /// @notice The device runs another image than was released under this sequence.
    error OtherImage(bytes32 device, bytes32 imageHash, bytes32 released);
    /// @notice The device has looked later than that, or the time is still to come.
    error TimeNotInOrder(bytes32 device, uint40 time, uint40 confirmedAt, uint256 blockTime);
    /// @notice The signer given is not the device's.
    error WrongSigner(bytes32 device, bytes signer);
    /// @notice The signature is not the device's over this digest.
    error InvalidDeviceSignature(bytes32 device, bytes32 digest);

    /// @notice Most signers of a model.
    function MAX_SIGNERS() external view returns (uint256);

    /// @notice The module that knows the keys of devices.
    function DEVICES() external view returns (IDevices);

    /// @notice The module that says who has title to models and devices.
    function TWINS() external view returns (ITwins);

    /// @notice Names the signers of a model. Owner of the model, duty DEVICE_ADMIN. The first set needs no signature;
    /// every later one those of a threshold of the set before and of a threshold of itself. Emits {SignersSet}.
    /// @param approvers Who has signed, without repetition.
    /// @param signatures Theirs, over the {SignerSet}.
    function setSigners(SignerSet calldata next, bytes[] calldata approvers, bytes[] calldata signatures) external;

    /// @notice Releases firmware. Owner of the model, duty DEVICE_ADMIN, with the signatures of a threshold of the
    /// model's signers over the {Release}. Emits {FirmwareReleased}.
    function release(Release calldata item, bytes[] calldata approvers, bytes[] calldata signatures) external;

    /// @notice Raises the minimum, for good. As {release}, with signatures over the {Minimum}. Emits {MinimumRaised}.
    function raiseMinimum(Minimum calldata minimum, bytes[] calldata approvers, bytes[] calldata signatures) external;

    /// @notice Tells a device which release to install. Owner of the device, duty DEVICE_ADMIN.
    /// Emits {FirmwareAssigned}.
    function assign(bytes32 device, bytes32 model, bytes32 hardwareClass, uint64 sequence) external;

    /// @notice Tells which release a device runs. Anyone may bring the device's word. Emits {FirmwareConfirmed}.
    /// A device may confirm what was not assigned to it, if it was released: what it runs is a fact.
    /// @param signer The device's signer, as in the newest {IDevices-DeviceEnrolled} or {IDevices-KeyRotated}.
    function confirm(Confirmation calldata confirmation, bytes calldata signer, bytes calldata signature) external;

    /// @notice What is known of the firmware of a device.
    function stateOf(bytes32 device) external view returns (State);

    /// @notice True if the device has confirmed firmware that is lower than its maker's minimum.
    function isBelowMinimum(bytes32 device) external view returns (bool);

    /// @notice What is kept of a device.
    function installationOf(bytes32 device) external view returns (Installation memory);

    /// @notice The hash of model and hardware class, under which releases are kept.
    function lineId(bytes32 model, bytes32 hardwareClass) external pure returns (bytes32);

    /// @notice The newest sequence and the minimum of a model and hardware class.
    function lineOf(bytes32 line) external view returns (Line memory);

    /// @notice What is kept of a release.
    function imageOf(bytes32 line, uint64 sequence) external view returns (Image memory);

    /// @notice The number of the model's set of signers, 0: none yet, and how many of them must sign.
    function signerSetOf(bytes32 model) external view returns (uint32 version, uint32 threshold);

    /// @notice True if the signer with this hash is one of the model's.
    function isSigner(bytes32 model, bytes32 signerHash) external view returns (bool);
}
