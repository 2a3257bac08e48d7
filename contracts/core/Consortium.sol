// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {Ids} from "../libraries/Ids.sol";
import {Duty} from "../libraries/Membership.sol";
import {Signers} from "../libraries/Signers.sol";

/// @title Consortium
/// @notice See {IConsortium}.
contract Consortium is IConsortium, AccessManaged, Multicall {
    /// @dev One slot: what {authorize} needs of the account.
    struct Account {
        uint32 org;
        uint32 duties;
    }

    /// @dev One slot: who owns a namespace, and how often it was assigned.
    struct Namespace {
        uint32 owner;
        uint32 assignment;
    }

    /// @inheritdoc IConsortium
    uint32 public organisationCount;

    /// @dev One slot each: 160 + 32 + 40 + 8 bits.
    mapping(uint32 org => Organisation) private _organisations;

    /// @inheritdoc IConsortium
    mapping(uint32 org => bytes32) public licenceOf;

    /// @inheritdoc IConsortium
    mapping(uint32 org => address) public candidateOf;

    /// @inheritdoc IConsortium
    mapping(address account => Account) public accountOf;

    /// @dev Delegations belong to an assignment: they end with it, and do not come back with the organisation.
    mapping(bytes32 namespace => Namespace) private _namespaces;

    /// @dev By who gave it: a delegation ends with the ownership of the organisation that gave it.
    mapping(bytes32 namespace => mapping(uint32 assignment => mapping(uint32 delegate => uint40))) private _delegations;

    /// @dev How many assigned GS1 prefixes are longer than, and start with, this one.
    mapping(bytes32 prefix => uint32) private _longer;

    constructor(address governance) AccessManaged(governance) {}

    /// @inheritdoc IConsortium
    function admit(string calldata name, address admin, uint32 roles, bytes32 licence, uint40 licenceExpiry)
        external
        restricted
        returns (uint32 org)
    {
        if (admin == address(0)) revert ZeroAccount();
        org = ++organisationCount;
        _organisations[org] = Organisation({admin: admin, roles: roles, licenceExpiry: licenceExpiry, suspended: false});
        licenceOf[org] = licence;
        emit OrganisationAdmitted(org, admin, name);
        emit RolesSet(org, roles);
        emit LicenceSet(org, licence, licenceExpiry);
    }

    /// @inheritdoc IConsortium
    function setRoles(uint32 org, uint32 roles) external restricted {
        _known(org).roles = roles;
        emit RolesSet(org, roles);
    }

    /// @inheritdoc IConsortium
    function setLicence(uint32 org, bytes32 licence, uint40 expiry) external restricted {
        _known(org).licenceExpiry = expiry;
        licenceOf[org] = licence;
        emit LicenceSet(org, licence, expiry);
    }

    /// @inheritdoc IConsortium
    function setSuspended(uint32 org, bool suspended) external restricted {
        _known(org).suspended = suspended;
        emit SuspensionSet(org, suspended);
    }

    /// @inheritdoc IConsortium
    function assignNamespace(string calldata text, uint32 org) external restricted {
        if (org != 0) _known(org);
        bytes32 namespace = keccak256(bytes(text));
        Namespace storage n = _namespaces[namespace];
        uint32 owner = n.owner;
        if (_isPrefix(bytes(text))) {
            if (org != 0 && owner == 0) _claimPrefix(text, namespace);
            if (org == 0 && owner != 0) _freePrefix(bytes(text));
        } else if (Ids.authorityLength(bytes(text)) != bytes(text).length || bytes(text).length == 0) {
            revert NotANamespace(text);
        }
        (n.owner, n.assignment) = (org, n.assignment + 1);
        emit NamespaceAssigned(namespace, org, text);
    }

    /// @inheritdoc IConsortium
    function releaseAccount(address account) external restricted {
        uint32 org = accountOf[account].org;
        if (org == 0) revert UnknownAccount(account);
        delete accountOf[account];
        emit AccountSet(org, account, 0, "");
    }

    /// @inheritdoc IConsortium
    function delegateNamespace(bytes32 namespace, uint32 delegate, uint40 expiry) external {
        Namespace storage n = _namespaces[namespace];
        uint32 org = n.owner;
        _requireAdmin(org);
        _requireActive(org);
        _known(delegate);
        _delegations[namespace][n.assignment][delegate] = expiry;
        emit NamespaceDelegated(namespace, org, delegate, expiry);
    }

    /// @inheritdoc IConsortium
    function offerAdmin(uint32 org, address candidate) external {
        _requireAdmin(org);
        candidateOf[org] = candidate;
        emit AdminOffered(org, msg.sender, candidate);
    }

    /// @inheritdoc IConsortium
    function acceptAdmin(uint32 org) external {
        if (msg.sender != candidateOf[org]) revert NotCandidate(org, msg.sender);
        delete candidateOf[org];
        emit AdminChanged(org, _organisations[org].admin, msg.sender);
        _organisations[org].admin = msg.sender;
    }

    /// @inheritdoc IConsortium
    function setAccount(uint32 org, address account, uint32 duties) external {
        _setAccount(org, account, duties, abi.encodePacked(account));
    }

    /// @inheritdoc IConsortium
    function setSigner(uint32 org, bytes calldata signer, uint32 duties) external returns (address account) {
        if (signer.length < 20) revert SignerTooShort(signer.length);
        account = Signers.accountOf(signer);
        _setAccount(org, account, duties, signer);
    }

    /// @inheritdoc IConsortium
    function authorize(address account, uint32 roles, uint32 duties) public view returns (uint32 org) {
        Account storage a = accountOf[account];
        org = a.org;
        if (org == 0) revert UnknownAccount(account);
        Organisation storage o = _requireActive(org);
        if (roles != 0 && o.roles & roles == 0) revert MissingRole(org, o.roles, roles);
        if (a.duties & duties != duties) revert MissingDuty(account, a.duties, duties);
    }

    /// @inheritdoc IConsortium
    function authorizeUnder(address account, bytes32 namespace) external view returns (uint32 org) {
        org = authorize(account, 0, Duty.REGISTER);
        requireNamespace(org, namespace);
    }

    /// @inheritdoc IConsortium
    function requireNamespace(uint32 org, bytes32 namespace) public view {
        Namespace storage n = _namespaces[namespace];
        uint32 owner = n.owner;
        if (org == owner && org != 0) return;
        if (block.timestamp > _delegations[namespace][n.assignment][org]) {
            revert NotNamespaceOwner(namespace, org, owner);
        }
        _requireActive(owner);
    }

    /// @inheritdoc IConsortium
    function delegationExpiry(bytes32 namespace, uint32 delegate) external view returns (uint40) {
        return _delegations[namespace][_namespaces[namespace].assignment][delegate];
    }

    /// @inheritdoc IConsortium
    function namespaceOwner(bytes32 namespace) external view returns (uint32) {
        return _namespaces[namespace].owner;
    }

    /// @inheritdoc IConsortium
    function hasRole(uint32 org, uint32 roles) external view returns (bool) {
        Organisation storage o = _organisations[org];
        return o.roles & roles != 0 && !o.suspended && !_expired(o.licenceExpiry);
    }

    /// @inheritdoc IConsortium
    function organisation(uint32 org) external view returns (Organisation memory) {
        return _organisations[org];
    }

    function _setAccount(uint32 org, address account, uint32 duties, bytes memory signer) private {
        _requireAdmin(org);
        if (account == address(0)) revert ZeroAccount();
        uint32 current = accountOf[account].org;
        if (current != 0 && current != org) revert AccountOfAnotherOrganisation(account, current);
        accountOf[account] = duties == 0 ? Account(0, 0) : Account(org, duties);
        emit AccountSet(org, account, duties, signer);
    }

    /// @dev Refuses a prefix inside or around an assigned one, and marks all its beginnings.
    function _claimPrefix(string calldata text, bytes32 namespace) private {
        if (_longer[namespace] != 0) revert PrefixOverlap(text, namespace);
        for (uint256 length = 4; length < bytes(text).length; ++length) {
            bytes32 shorter = keccak256(bytes(text)[:length]);
            if (_namespaces[shorter].owner != 0) revert PrefixOverlap(text, shorter);
            ++_longer[shorter];
        }
    }

    function _freePrefix(bytes calldata text) private {
        for (uint256 length = 4; length < text.length; ++length) {
            --_longer[keccak256(text[:length])];
        }
    }

    function _requireAdmin(uint32 org) private view {
        if (msg.sender != _organisations[org].admin) revert NotAdmin(org, msg.sender);
    }

    function _known(uint32 org) private view returns (Organisation storage) {
        if (org == 0 || org > organisationCount) revert UnknownOrganisation(org);
        return _organisations[org];
    }

    /// @dev Neither silenced nor without its licence.
    function _requireActive(uint32 org) private view returns (Organisation storage o) {
        o = _organisations[org];
        if (o.suspended) revert OrganisationSuspended(org);
        if (_expired(o.licenceExpiry)) revert LicenceExpired(org, o.licenceExpiry);
    }

    function _expired(uint40 expiry) private view returns (bool) {
        return expiry != 0 && block.timestamp > expiry;
    }

    function _isPrefix(bytes calldata text) private pure returns (bool) {
        if (text.length < 4 || text.length > 12) return false;
        for (uint256 i; i < text.length; ++i) {
            if (text[i] < "0" || text[i] > "9") return false;
        }
        return true;
    }
}
