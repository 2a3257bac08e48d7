// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModule} from "./IModule.sol";
import {EventRef, ITwins} from "./ITwins.sol";

/// @title ITitleDeed
/// @notice Title to a twin as an ERC-721 token, for a secondary market in which buyers need not be members of the
/// consortium. The contract has title as long as the deed lives; who redeems the deed gets it back. Custody stays
/// where it is.
///
/// The token's number is the twin's id, its URI the twin's Digital Link.
///
/// Assumptions: this contract is the only account of an organisation of its own, with the duty FINANCE.
interface ITitleDeed is IModule {
    /// @notice Title was locked and a deed issued.
    event DeedIssued(bytes32 indexed twin, uint32 indexed org, address indexed to, address caller, string uri);
    /// @notice The deed was burnt; title is offered to `org`.
    event DeedRedeemed(bytes32 indexed twin, uint32 indexed org, address caller);

    /// @notice Title is with another organisation than the caller's.
    error NotOwner(bytes32 twin, uint32 org, uint32 owner);
    /// @notice The deed was not redeemed by this organisation.
    error NotRedeemed(bytes32 twin, uint32 org);

    /// @notice Locks title and issues a deed. Owner of the twin, duty FINANCE, after it has offered title to this
    /// contract's organisation. Emits {DeedIssued}.
    /// @param to First holder of the deed; a contract must be able to receive ERC-721 tokens.
    function issue(string calldata uri, address to, EventRef calldata ref) external returns (uint256 deed);

    /// @notice Burns a deed and offers title to the caller's organisation, without a deadline. Holder or approved
    /// account, with the duty FINANCE. The organisation then accepts title at Twins. Not while the twin is held back,
    /// and never after its end. Emits {DeedRedeemed}.
    function redeem(uint256 deed, EventRef calldata ref) external;

    /// @notice Offers title again to who redeemed the deed and let the offer end. The redeeming organisation, duty
    /// FINANCE. Emits {DeedRedeemed}.
    function claim(uint256 deed, EventRef calldata ref) external;

    /// @notice The module that keeps title.
    function TWINS() external view returns (ITwins);

    /// @notice The organisation that redeemed the deed and has not taken title over yet; 0: none.
    function redeemedBy(uint256 deed) external view returns (uint32);
}
