// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {ICapabilities} from "../interfaces/ICapabilities.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {CapabilityWord, CapabilityWordLib} from "../libraries/CapabilityWord.sol";
import {Duty} from "../libraries/Membership.sol";
import {Method} from "../libraries/Method.sol";
import {Signers} from "../libraries/Signers.sol";

/// @title Capabilities
/// @notice See {ICapabilities}.
contract Capabilities is ICapabilities, Module {
    /// @inheritdoc ICapabilities
    uint256 public constant MAX_DEPTH = 8;

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable INVOCATION_TYPEHASH = keccak256(
        "Invocation(bytes32 device,bytes32 resource,uint32 capability,uint8 methods,bytes32 ref,uint40 deadline,bytes32 salt)"
    );

    /// @inheritdoc ICapabilities
    IDevices public immutable DEVICES;

    /// @inheritdoc ICapabilities
    ITwins public immutable TWINS;

    /// @dev A step from a capability to its parent reads one word.
    mapping(bytes32 device => mapping(uint32 capability => CapabilityWord)) private _words;

    mapping(bytes32 device => mapping(uint32 capability => bytes32)) private _resources;

    /// @dev One slot each.
    mapping(bytes32 device => Book) private _books;

    /// @inheritdoc ICapabilities
    mapping(bytes32 digest => bool) public used;

    constructor(IConsortium consortium, IDevices devices) Module("Goldthread Capabilities", consortium) {
        DEVICES = devices;
        TWINS = devices.TWINS();
    }

    // ------------------------------------------------------------------------------------------------ grants

    /// @inheritdoc ICapabilities
    function grant(bytes32 device, bytes32 resource, uint8 methods, Grantee calldata to, uint40 expiry)
        external
        returns (uint32 capability)
    {
        uint32 org = _authorizeOwner(device);
        if (DEVICES.signerHash(device) == 0) revert NotEnrolled(device);
        Book storage b = _books[device];
        if (b.owner != org) (b.owner, b.first) = (org, b.count + 1);
        capability = _add(device, resource, methods, to, expiry, 0);
        emit Granted(device, org, capability, msg.sender, resource, methods, to, expiry);
    }

    /// @inheritdoc ICapabilities
    function delegate(
        bytes32 device,
        uint32 parent,
        bytes32 resource,
        uint8 methods,
        Grantee calldata to,
        uint40 expiry
    ) external returns (uint32 capability) {
        uint32 org = check(device, resource, parent, methods, msg.sender);
        uint40 most = _words[device][parent].expiry();
        if (expiry > most) revert OutlastsParent(expiry, most);
        if (_depth(device, parent) >= MAX_DEPTH) revert DelegatedTooOften(device, parent);
        capability = _add(device, resource, methods, to, expiry, parent);
        emit Delegated(device, org, capability, msg.sender, resource, methods, to, expiry, parent);
    }

    /// @inheritdoc ICapabilities
    function revoke(bytes32 device, uint32 capability) external {
        uint32 org = _authorize(0);
        CapabilityWord c = _words[device][capability];
        if (!c.exists()) revert UnknownCapability(device, capability);
        if (c.revoked()) revert AlreadyRevoked(device, capability);
        (, uint32 duties) = CONSORTIUM.accountOf(msg.sender);
        bool admin = duties & Duty.DEVICE_ADMIN != 0;
        if (!admin || org != TWINS.ownerOf(device)) {
            CapabilityWord above = c;
            while (!_has(above, msg.sender, org, admin)) {
                if (above.parent() == 0) revert MayNotRevoke(device, capability, msg.sender);
                above = _words[device][above.parent()];
            }
        }
        _words[device][capability] = c.withRevoked();
        emit CapabilityRevoked(device, org, capability, msg.sender);
    }

    /// @inheritdoc ICapabilities
    function revokeAll(bytes32 device) external {
        uint32 org = _authorizeOwner(device);
        Book storage b = _books[device];
        uint32 first = b.count + 1;
        (b.owner, b.first) = (org, first);
        emit AllRevoked(device, org, msg.sender, first);
    }

    // --------------------------------------------------------------------------------------------------- use

    /// @inheritdoc ICapabilities
    function use(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, bytes32 ref) external {
        uint32 org = check(device, resource, capability, methods, msg.sender);
        emit Used(device, org, capability, msg.sender, msg.sender, resource, methods, ref, 0);
    }

    /// @inheritdoc ICapabilities
    function useSigned(Invocation calldata i, bytes calldata signer, bytes calldata signature) external {
        bytes32 digest = digestOf(i);
        if (block.timestamp > i.deadline) revert DeadlinePassed(i.device, i.deadline, block.timestamp);
        if (used[digest]) revert AlreadyUsed(digest);
        used[digest] = true;
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidInvocation(digest, signer);
        address account = Signers.accountOf(signer);
        uint32 org = check(i.device, i.resource, i.capability, i.methods, account);
        emit Used(i.device, org, i.capability, account, msg.sender, i.resource, i.methods, i.ref, digest);
    }

    /// @inheritdoc ICapabilities
    function allowed(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, address account)
        external
        view
        returns (bool ok, Cause cause)
    {
        (cause,,) = _judge(device, resource, capability, methods, account);
        ok = cause == Cause.NONE;
    }

    /// @inheritdoc ICapabilities
    function check(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, address account)
        public
        view
        returns (uint32 org)
    {
        Cause cause;
        uint32 failed;
        (cause, failed, org) = _judge(device, resource, capability, methods, account);
        if (cause != Cause.NONE) revert NotAllowed(device, capability, account, cause, failed);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICapabilities
    function grantOf(bytes32 device, uint32 capability) external view returns (Grant memory) {
        CapabilityWord c = _words[device][capability];
        return Grant({
            resource: _resources[device][capability],
            to: c.to(),
            expiry: c.expiry(),
            methods: c.methods(),
            toOrg: c.toOrg(),
            revoked: c.revoked(),
            parent: c.parent()
        });
    }

    /// @inheritdoc ICapabilities
    function bookOf(bytes32 device) external view returns (Book memory) {
        return _books[device];
    }

    /// @inheritdoc ICapabilities
    function digestOf(Invocation calldata i) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(INVOCATION_TYPEHASH, i)));
    }

    // ----------------------------------------------------------------------------------------------- private

    /// @dev The caller's organisation, which must have title to the device's twin.
    function _authorizeOwner(bytes32 device) private view returns (uint32 org) {
        org = _authorize(Duty.DEVICE_ADMIN);
        uint32 owner = TWINS.ownerOf(device);
        if (org != owner) revert NotDeviceOwner(device, org, owner);
    }

    function _add(bytes32 device, bytes32 resource, uint8 methods, Grantee calldata to, uint40 expiry, uint32 parent)
        private
        returns (uint32 capability)
    {
        if (methods == 0 || methods & ~Method.ALL != 0) revert UnknownMethods(methods);
        bool toOrg = to.org != 0;
        if (toOrg == (to.account != address(0)) || to.org > CONSORTIUM.organisationCount()) {
            revert NotAGrantee(to.org, to.account);
        }
        if (block.timestamp > expiry) revert ExpiryPassed(expiry, block.timestamp);
        capability = ++_books[device].count;
        address account = toOrg ? _asAddress(to.org) : to.account;
        _words[device][capability] = CapabilityWordLib.pack(account, expiry, methods, parent, toOrg, resource != 0);
        if (resource != 0) _resources[device][capability] = resource;
    }

    /// @dev The first thing that speaks against a use, the capability it speaks of, and the account's organisation.
    /// What was delegated has no more methods and no other resource than what it came from, and ends no later: of those
    /// only who gave them and whether they are revoked is looked at.
    function _judge(bytes32 device, bytes32 resource, uint32 capability, uint8 methods, address account)
        private
        view
        returns (Cause cause, uint32 failed, uint32 org)
    {
        failed = capability;
        if (DEVICES.signerHash(device) == 0) return (Cause.NOT_ENROLLED, failed, org);
        mapping(uint32 capability => CapabilityWord) storage words = _words[device];
        CapabilityWord c = words[capability];
        if (!c.exists()) return (Cause.UNKNOWN, failed, org);
        if (block.timestamp > c.expiry()) return (Cause.EXPIRED, failed, org);
        if (methods == 0 || methods & ~c.methods() != 0) return (Cause.NOT_GRANTED, failed, org);
        if (c.narrow() && _resources[device][capability] != resource) return (Cause.NOT_GRANTED, failed, org);
        try CONSORTIUM.authorize(account, 0, c.toOrg() ? Duty.DEVICE_ADMIN : 0) returns (uint32 found) {
            org = found;
        } catch {
            return (Cause.NOT_GRANTEE, failed, org);
        }
        if (!_has(c, account, org, true)) return (Cause.NOT_GRANTEE, failed, org);
        while (!c.revoked() && c.parent() != 0) {
            failed = c.parent();
            c = words[failed];
        }
        if (c.revoked()) return (Cause.REVOKED, failed, org);
        Book storage b = _books[device];
        (uint32 owner, uint32 first) = (b.owner, b.first);
        if (failed < first || owner != TWINS.ownerOf(device)) return (Cause.TITLE_PASSED, failed, org);
    }

    /// @dev Was it given to the account, or to its organisation, for which only device admins act?
    function _has(CapabilityWord c, address account, uint32 org, bool admin) private pure returns (bool) {
        return c.toOrg() ? admin && c.to() == _asAddress(org) : c.to() == account;
    }

    /// @dev How many capabilities there are from the owner's grant to this one.
    function _depth(bytes32 device, uint32 capability) private view returns (uint256 depth) {
        for (; capability != 0; capability = _words[device][capability].parent()) {
            ++depth;
        }
    }

    function _asAddress(uint32 org) private pure returns (address) {
        return address(uint160(org));
    }
}
