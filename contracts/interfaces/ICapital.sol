// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title ICapital
/// @notice The insurer's side of an insurance module: whose money stands behind the policies, and who may commit it.
///
/// Who may do what:
/// - *A treasury* is any address that provides tokens. It names underwriters, and takes out what is not locked at
///   any time; nobody is asked. What backs a policy is locked until the policy's claims can no longer come.
/// - *An underwriter* commits a treasury's capital by signing quotes, and needs the consortium's leave for it.
/// - *A payee* finds claim payments on its credit here and withdraws them; the module never pushes money.
/// - *Nobody else*, governance included, can move, lock or release any of it.
///
/// Assumptions: a plain ERC-20 token whose balances change by transfers only. A token that delivers less than
/// asked for is refused with each deposit.
interface ICapital {
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
    /// @notice The account took out all that was paid to it.
    event CreditWithdrawn(address indexed account, uint256 amount);

    /// @notice The treasury has not named the account.
    error NotUnderwriter(address treasury, address account);
    /// @notice The treasury has less free capital than wanted.
    error InsufficientCapital(address treasury, uint128 free, uint128 wanted);
    /// @notice The account has nothing to withdraw.
    error NoCredit(address account);
    /// @notice The token delivered another amount than asked for.
    error UnexpectedAmount(uint256 received, uint256 expected);

    /// @notice Lets an account commit the caller's capital, or ends that. Emits {UnderwriterSet}.
    /// @param account A wallet, or the address that stands for an ERC-7913 signer (library `Signers`).
    function setUnderwriter(address account, bool allowed) external;

    /// @notice Adds to the caller's free capital; the module needs the token's allowance. Emits {CapitalProvided}.
    function provideCapital(uint128 amount) external;

    /// @notice Sends free capital of the caller to the caller. Emits {CapitalWithdrawn}.
    function withdrawCapital(uint128 amount) external;

    /// @notice Sends to the caller all that was paid to it. Emits {CreditWithdrawn}.
    function withdrawCredit() external returns (uint256 amount);

    /// @notice Gives this module an ERC-2612 allowance of the caller. Meant as the first call of a `multicall`
    /// with any function that takes tokens. A permit that fails, or that somebody else has sent already, is no
    /// error: the transfer that follows decides.
    function permit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice The token in which everything here is paid.
    function TOKEN() external view returns (IERC20);

    /// @notice A treasury's capital.
    function poolOf(address treasury) external view returns (Pool memory);

    /// @notice May the account commit the treasury's capital?
    function isUnderwriter(address treasury, address account) external view returns (bool);

    /// @notice What the account may withdraw.
    function creditOf(address account) external view returns (uint256);
}
