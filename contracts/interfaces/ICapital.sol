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
