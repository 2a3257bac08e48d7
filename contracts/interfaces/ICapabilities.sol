// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDevices} from "./IDevices.sol";
import {ITwins} from "./ITwins.sol";

/// @title ICapabilities
/// @notice Who may do what with a device: grants of methods on a resource, which can be passed on and only shrink.
///
/// Rights are a table of resources and methods, as in RFC 9237 (AIF). The methods are five and common to all devices;
/// a resource is an id that the owner of the device chooses, for example the hash of an interface's name, and zero is
/// the whole device. The organisation with title to the device's twin grants; a grantee delegates to somebody else
/// what it has, or less of it: no other method, the same resource or one of the whole device's, not longer.
///
/// A capability is valid while the device has a key, title to it is with the organisation that granted, and neither the
/// capability nor any of those it was delegated from is revoked or has expired. So revoking one ends all that came of
/// it, at one price. With the title go all grants of the former owner. Should title come back before anybody else has
/// granted or called {revokeAll}, they are good again: they are the owner's own words.
///
/// Assumptions: whoever guards the device asks {allowed} about the device it guards, and about the account that it has
/// authenticated. That something was done is told by who did it: {Used} proves the account, not the deed.
interface ICapabilities {
    /// @notice Why a capability does not allow something, in the order in which it is looked at.
    /// NOT_ENROLLED: the device has no key. UNKNOWN: it has no such capability. EXPIRED: the capability's time is over.
    /// NOT_GRANTED: a method is not among its methods, or it is for another resource. NOT_GRANTEE: the account is not who
    /// it was given to, or may not speak. REVOKED: it, or one that it was delegated from. TITLE_PASSED: the owner granted
    /// nothing of this, or has revoked all.
    enum Cause {
        NONE,
        NOT_ENROLLED,
        UNKNOWN,
        EXPIRED,
        NOT_GRANTED,
        NOT_GRANTEE,
        REVOKED,
        TITLE_PASSED
    }

    /// @notice To whom a capability is given: an organisation, or one account. The other field is zero.
    /// @param org Number of an organisation; its accounts with the duty DEVICE_ADMIN use and delegate.
    /// @param account An account of any organisation, also one that stands for an ERC-7913 signer, which can use what it
    /// was given but not delegate it. An account keeps what it was given when it changes its organisation.
    struct Grantee {
        uint32 org;
        address account;
    }

    /// @notice What is kept of a capability.
    /// @param resource The resource; zero: the whole device.
    /// @param to The account, or the organisation's number as an address.
    /// @param expiry Last second at which it is valid.
    /// @param methods Bits of the library `Method`.
    /// @param toOrg True if it was given to an organisation.
    /// @param revoked True once it was revoked.
    /// @param parent The capability that it was delegated from; 0: the owner granted it.
    struct Grant {
        bytes32 resource;
        address to;
        uint40 expiry;
        uint8 methods;
        bool toOrg;
        bool revoked;
        uint32 parent;
    }

    /// @notice Whose grants count on a device.
    /// @param owner The organisation whose grants they are: the last one that granted or called {revokeAll}.
    /// @param first Grants of the owner that are numbered lower do not count any more.
    /// @param count How many capabilities there were on the device.
    struct Book {
        uint32 owner;
        uint32 first;
        uint32 count;
    }

    /// @notice What a signer asks for that cannot send: one use.
    /// @param ref What is done with it: hash or id of the command.
    /// @param deadline Last second at which it may be used.
    /// @param salt Tells apart what is otherwise the same.
    struct Invocation {
        bytes32 device;
        bytes32 resource;
        uint32 capability;
        uint8 methods;
        bytes32 ref;
        uint40 deadline;
        bytes32 salt;
    }

    /// @notice The device's owner granted a capability.
    event Granted(
        bytes32 indexed device,
        uint32 indexed org,
        uint32 indexed capability,
        address caller,
        bytes32 resource,
        uint8 methods,
        Grantee to,
        uint40 expiry
    );
    /// @notice A grantee passed on the capability `parent`, or less of it.
    event Delegated(
        bytes32 indexed device,
        uint32 indexed org,
        uint32 indexed capability,
        address caller,
        bytes32 resource,
        uint8 methods,
        Grantee to,
        uint40 expiry,
        uint32 parent
    );
    /// @notice The capability, and whatever was delegated from it, ended.
    event CapabilityRevoked(bytes32 indexed device, uint32 indexed org, uint32 indexed capability, address caller);
    /// @notice All capabilities on the device numbered lower than `first` ended.
    event AllRevoked(bytes32 indexed device, uint32 indexed org, address caller, uint32 first);
    /// @notice `account` used the capability.
    /// @param ref What was done with it: hash or id of the command.
    /// @param digest Of the invocation that it signed and `caller` brought; zero: it called itself.
    event Used(
        bytes32 indexed device,
        uint32 indexed org,
        uint32 indexed capability,
        address account,
        address caller,
        bytes32 resource,
        uint8 methods,
        bytes32 ref,
        bytes32 digest
    );

    /// @notice Only the organisation with title to the device's twin grants, and revokes all.
    error NotDeviceOwner(bytes32 device, uint32 org, uint32 owner);
    /// @notice The device was never enrolled, or is revoked.
    error NotEnrolled(bytes32 device);
    /// @notice Methods are at least one, and only known, bits of the library `Method`.
    error UnknownMethods(uint8 methods);
    /// @notice A grantee is an organisation of the consortium or an account, and not both.
    error NotAGrantee(uint32 org, address account);
    /// @notice The capability would end at a second that is over.
    error ExpiryPassed(uint40 expiry, uint256 blockTime);
    /// @notice What is delegated ends no later than what it is delegated from.
    error OutlastsParent(uint40 expiry, uint40 parentExpiry);
    /// @notice The capability was delegated as often as one can be.
    error DelegatedTooOften(bytes32 device, uint32 capability);
    /// @notice The capability does not allow this to the account. `failed` is it, or the one it came from that failed.
    error NotAllowed(bytes32 device, uint32 capability, address account, Cause cause, uint32 failed);
    /// @notice Only who has it, or somebody it came from, revokes a capability.
    error MayNotRevoke(bytes32 device, uint32 capability, address account);
    /// @notice There is no such capability on the device.
    error UnknownCapability(bytes32 device, uint32 capability);
    /// @notice The capability was revoked before.
    error AlreadyRevoked(bytes32 device, uint32 capability);
    /// @notice The invocation was used before.
    error AlreadyUsed(bytes32 digest);
    /// @notice The invocation's deadline is over.
    error DeadlinePassed(bytes32 device, uint40 deadline, uint256 blockTime);
    /// @notice The signature is not the signer's over this invocation.
    error InvalidInvocation(bytes32 digest, bytes signer);

    /// @notice Most capabilities in a row from the owner's grant to the last delegation.
    function MAX_DEPTH() external view returns (uint256);

    /// @notice The module that says which devices have a key.
    function DEVICES() external view returns (IDevices);

    /// @notice The module that says who has title to a device.
    function TWINS() external view returns (ITwins);

    /// @notice Grants a capability. Owning organisation, duty DEVICE_ADMIN. The first grant of a new owner ends all
    /// those of the former ones for good. Emits {Granted}.
    /// @param resource The resource, or zero for the whole device.
    /// @param methods Bits of the library `Method`.
    /// @param expiry Last second at which it is valid.
    /// @return capability Its number on the device, counted from 1.
    function grant(bytes32 device, bytes32 resource, uint8 methods, Grantee calldata to, uint40 expiry)
        external
        returns (uint32 capability);

    /// @notice Passes on a valid capability that the caller may use, or less of it. Emits {Delegated}.
    /// @param parent The capability.
    /// @param resource The parent's resource; any one if the parent is for the whole device.
    /// @return capability The number of the new one.
    function delegate(
        bytes32 device,
        uint32 parent,
        bytes32 resource,
        uint8 methods,
        Grantee calldata to,
        uint40 expiry
    ) external returns (uint32 capability);

    /// @notice Revokes a capability, and with it all that was delegated from it. The device's owner (duty
    /// DEVICE_ADMIN), who has it, or who has any that it was delegated from. Emits {CapabilityRevoked}.
    function revoke(bytes32 device, uint32 capability) external;

    /// @notice Revokes all capabilities on a device, at one price. Owning organisation, duty DEVICE_ADMIN.
    /// Emits {AllRevoked}.
    function revokeAll(bytes32 device) external;

    /// @notice Says that the caller uses a capability. Reverts with {NotAllowed} unless it may. Emits {Used}.
    /// @param ref What is done with it: hash or id of the command.
    function use(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, bytes32 ref) external;

    /// @notice As {use}, by the account that the signer stands for. Anyone may bring it, once. Emits {Used}.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function useSigned(Invocation calldata invocation, bytes calldata signer, bytes calldata signature) external;

    /// @notice May the account do this with the device? Looks at the capability and those it was delegated from.
    /// @param methods Bits of the library `Method`: all of them are asked for.
    /// @return ok True if it may.
    /// @return cause The first thing that speaks against it.
    function allowed(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, address account)
        external
        view
        returns (bool ok, Cause cause);

    /// @notice As {allowed}, but reverts with {NotAllowed}.
    /// @return org The organisation of the account.
    function check(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, address account)
        external
        view
        returns (uint32 org);

    /// @notice What is kept of a capability; all zero if there is none.
    function grantOf(bytes32 device, uint32 capability) external view returns (Grant memory);

    /// @notice Whose grants count on a device.
    function bookOf(bytes32 device) external view returns (Book memory);

    /// @notice True once the invocation with this digest was used.
    function used(bytes32 digest) external view returns (bool);

    /// @notice The digest of an invocation, which its signer signs (EIP-712).
    function digestOf(Invocation calldata invocation) external view returns (bytes32);
}
