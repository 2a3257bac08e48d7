// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPurse} from "./IPurse.sol";

/// @title ICapital
/// @notice The insurer's side of an insurance module: whose money stands behind the policies, and who may commit it.
///
/// Who may do what:
/// - *A treasury* is any address that provides tokens. It names underwriters, and takes out what is not locked at
///   any time; nobody is asked. What backs a policy is locked until the policy's claims can no longer come.
/// - *An underwriter* commits a treasury's capital by signing quotes, and needs the consortium's leave for it.
/// - *A payee* finds claim payments on its credit and withdraws them.
/// - *Nobody else*, governance included, can move, lock or release any of it.
///
/// A policy's id is the EIP-712 digest of the quote that an underwriter has signed, so a quote opens one policy.
interface ICapital is IPurse {
    /// @notice A treasury's tokens. One slot.
    /// @param free What it may withdraw or commit.
    /// @param locked What backs policies: the sum over its policies of the sums insured that are not paid out.
    struct Pool {
        uint128 free;
        uint128 locked;
    }

    /// @notice The account may now (or no longer) commit the treasury's capital.
    event UnderwriterSet(address indexed treasury, address indexed account, bool allowed);
    /// @notice The treasury added capital.
    event CapitalProvided(address indexed treasury, uint128 amount);
    /// @notice The treasury took free capital out.
    event CapitalWithdrawn(address indexed treasury, uint128 amount);

    /// @notice The treasury has not named the account.
    error NotUnderwriter(address treasury, address account);
    /// @notice The treasury has less free capital than wanted.
    error InsufficientCapital(address treasury, uint128 free, uint128 wanted);
    /// @notice No policy has this id. The quote was not opened, or one of its fields was changed.
    error UnknownPolicy(bytes32 policyId);
    /// @notice The quote is open already.
    error PolicyExists(bytes32 policyId);
    /// @notice Only `expected`, the policyholder or an arbiter, may do this.
    error WrongCaller(bytes32 policyId, address caller, address expected);
    /// @notice The last second for this step was `until`.
    error WindowClosed(bytes32 policyId, uint256 until);
    /// @notice Something that must come first, or may still prevent this, is possible until the second `until`.
    error WindowOpen(bytes32 policyId, uint256 until);
    /// @notice The signature over the quote is not the account's.
    error InvalidQuoteSignature(bytes32 policyId, address account);

    /// @notice Lets an account commit the caller's capital, or ends that. Emits {UnderwriterSet}.
    /// @param account A wallet, or the address that stands for an ERC-7913 signer (library `Signers`).
    function setUnderwriter(address account, bool allowed) external;

    /// @notice Adds to the caller's free capital; the module needs the token's allowance. Emits {CapitalProvided}.
    function provideCapital(uint128 amount) external;

    /// @notice Sends free capital of the caller to the caller. Emits {CapitalWithdrawn}.
    function withdrawCapital(uint128 amount) external;

    /// @notice A treasury's capital.
    function poolOf(address treasury) external view returns (Pool memory);

    /// @notice May the account commit the treasury's capital?
    function isUnderwriter(address treasury, address account) external view returns (bool);
}
