// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title IConsortium
/// @notice Which organisations and accounts may speak, under which GS1 prefixes, with which roles and duties.
///
/// Who may do what:
/// - *Governance* (an OpenZeppelin AccessManager) admits organisations, sets their roles and licence, suspends
///   them and assigns namespaces. It cannot move goods, edit history, take money or act for an organisation.
/// - *An organisation's admin* names accounts, gives them duties and delegates namespaces. Nobody else can.
/// - *Other modules* ask one question, {authorize}.
///
/// Assumptions: governance checks the licence and the GS1 company prefix in the real world before it enters them.
interface IConsortium {
    /// @notice What the consortium knows of an organisation.
    /// @param admin Account that names the organisation's accounts.
    /// @param roles Bits of the library `Role`.
    /// @param licenceExpiry Last second at which the licence is valid; 0: the organisation needs none.
    /// @param suspended True while the organisation is silenced in every module.
    struct Organisation {
        address admin;
        uint32 roles;
        uint40 licenceExpiry;
        bool suspended;
    }

    /// @notice An organisation joined. `org` is its number, counted from 1.
    event OrganisationAdmitted(uint32 indexed org, address indexed admin, string name);
    /// @notice The organisation's roles are now `roles`.
    event RolesSet(uint32 indexed org, uint32 roles);
    /// @notice The organisation's licence is now `licence`, valid to the second `expiry` (0: no licence needed).
    event LicenceSet(uint32 indexed org, bytes32 indexed licence, uint40 expiry);
    /// @notice The organisation was silenced in every module, or may speak again.
    event SuspensionSet(uint32 indexed org, bool suspended);
    /// @notice `org` (0: nobody) may register twins under the namespace.
    event NamespaceAssigned(bytes32 indexed namespace, uint32 indexed org, string text);
    /// @notice The namespace's organisation lets `delegate` register under it until the second `expiry` (0: no more).
    event NamespaceDelegated(bytes32 indexed namespace, uint32 indexed org, uint32 indexed delegate, uint40 expiry);
    /// @notice The admin offered the organisation's administration to `candidate` (zero: withdrew the offer).
    event AdminOffered(uint32 indexed org, address indexed admin, address indexed candidate);
    /// @notice The organisation's administration passed to `admin`.
    event AdminChanged(uint32 indexed org, address indexed previousAdmin, address indexed admin);
    /// @notice `account` now acts for `org` with `duties` (0: no longer acts for it).
    /// @param signer The ERC-7913 signer behind the account, or the account's own 20 bytes.
    event AccountSet(uint32 indexed org, address indexed account, uint32 duties, bytes signer);

    /// @notice No organisation has this number.
    error UnknownOrganisation(uint32 org);
    /// @notice The account acts for no organisation.
    error UnknownAccount(address account);
    /// @notice The account acts for another organisation, which must let it go first.
    error AccountOfAnotherOrganisation(address account, uint32 org);
    /// @notice The caller is not the admin of the organisation.
    error NotAdmin(uint32 org, address caller);
    /// @notice The caller was not offered the administration of the organisation.
    error NotCandidate(uint32 org, address caller);
    /// @notice The consortium silenced the organisation.
    error OrganisationSuspended(uint32 org);
    /// @notice The organisation's licence ended at the second `expiry`.
    error LicenceExpired(uint32 org, uint40 expiry);
    /// @notice The organisation has none of the wanted roles.
    error MissingRole(uint32 org, uint32 roles, uint32 wanted);
    /// @notice The account lacks at least one of the wanted duties.
    error MissingDuty(address account, uint32 duties, uint32 wanted);
    /// @notice An account or admin must not be the zero address.
    error ZeroAccount();
    /// @notice A signer has 20 bytes (an address) or more (verifier and key).
    error SignerTooShort(uint256 length);
    /// @notice A GS1 company prefix has 4 to 12 digits; another namespace ends as {Ids} cuts it.
    error NotANamespace(string text);
    /// @notice The prefix contains, or is contained in, one that is assigned already.
    error PrefixOverlap(string text, bytes32 other);
    /// @notice The organisation does not own the namespace and has no valid delegation of it.
    error NotNamespaceOwner(bytes32 namespace, uint32 org, uint32 owner);

    /// @notice Admits an organisation. Governance only.
    /// Emits {OrganisationAdmitted}, {RolesSet}, {LicenceSet}.
    /// @return org Its number.
    function admit(string calldata name, address admin, uint32 roles, bytes32 licence, uint40 licenceExpiry)
        external
        returns (uint32 org);

    /// @notice Replaces an organisation's roles. Governance only. Emits {RolesSet}.
    function setRoles(uint32 org, uint32 roles) external;

    /// @notice Replaces an organisation's licence. Governance only. Emits {LicenceSet}.
    function setLicence(uint32 org, bytes32 licence, uint40 expiry) external;

    /// @notice Silences an organisation in every module, or lets it speak again. Governance only.
    /// Emits {SuspensionSet}. Money of the organisation can still leave: exits never ask the consortium.
    function setSuspended(uint32 org, bool suspended) external;

    /// @notice Gives a namespace to an organisation, or takes it back (`org` = 0). Governance only.
    /// Emits {NamespaceAssigned}. Twins registered before stay as they are.
    /// @param text A GS1 company prefix ("9506000"), or the authority of other URIs ("https://acme.example/",
    /// "urn:cage:1ABC2:"). Assigned GS1 prefixes never contain one another.
    function assignNamespace(string calldata text, uint32 org) external;

    /// @notice Takes an account from the organisation that named it, so that another can. Governance only: for an
    /// account that was named without its consent. It can silence an account, and never make it speak.
    /// Emits {AccountSet}.
    function releaseAccount(address account) external;

    /// @notice Lets another organisation register under a namespace, for example a contract manufacturer.
    /// It ends early when the namespace goes to another organisation. Admin of the namespace's organisation only.
    /// Emits {NamespaceDelegated}.
    function delegateNamespace(bytes32 namespace, uint32 delegate, uint40 expiry) external;

    /// @notice First step of a change of admin; `candidate` = 0 withdraws it. Admin only. Emits {AdminOffered}.
    function offerAdmin(uint32 org, address candidate) external;

    /// @notice Second step of a change of admin. Candidate only. Emits {AdminChanged}.
    function acceptAdmin(uint32 org) external;

    /// @notice Names an account of the organisation, changes its duties or (`duties` = 0) lets it go. Admin only.
    /// Emits {AccountSet}.
    function setAccount(uint32 org, address account, uint32 duties) external;

    /// @notice As {setAccount} for an ERC-7913 signer, such as a passkey or a secure element. Emits {AccountSet}.
    /// @return account The address that stands for the signer (library `Signers`).
    function setSigner(uint32 org, bytes calldata signer, uint32 duties) external returns (address account);

    /// @notice May the account speak? Reverts with the reason if not.
    /// @param roles The organisation needs at least one of these; 0: any organisation.
    /// @param duties The account needs all of these.
    /// @return org The organisation for which the account acts.
    function authorize(address account, uint32 roles, uint32 duties) external view returns (uint32 org);

    /// @notice As {authorize} for registering under a namespace: the duty is REGISTER, and the organisation owns
    /// the namespace or is its delegate.
    function authorizeUnder(address account, bytes32 namespace) external view returns (uint32 org);

    /// @notice Reverts unless the organisation owns the namespace, or is the delegate of an owner that may speak.
    function requireNamespace(uint32 org, bytes32 namespace) external view;

    /// @notice True if the organisation has at least one of the roles, a valid licence, and is not silenced.
    function hasRole(uint32 org, uint32 roles) external view returns (bool);

    /// @notice How many organisations were admitted; the newest has this number.
    function organisationCount() external view returns (uint32);

    /// @notice The stored facts of an organisation.
    function organisation(uint32 org) external view returns (Organisation memory);

    /// @notice The licence id of an organisation.
    function licenceOf(uint32 org) external view returns (bytes32);

    /// @notice The account to which the organisation's administration is offered, or zero.
    function candidateOf(uint32 org) external view returns (address);

    /// @notice The organisation (0: none) and the duties of an account.
    function accountOf(address account) external view returns (uint32 org, uint32 duties);

    /// @notice The organisation that owns a namespace (0: none).
    function namespaceOwner(bytes32 namespace) external view returns (uint32);

    /// @notice The last second at which `delegate` may register under the namespace (0: never).
    function delegationExpiry(bytes32 namespace, uint32 delegate) external view returns (uint40);
}
