// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title IPurse
/// @notice What every module that holds tokens has in common: one token, and credits that payees withdraw themselves.
///
/// Guarantees: the module never pushes money; withdrawing asks nobody, the consortium included; a token that delivers
/// less than asked for is refused with each deposit.
///
/// Assumptions: a plain ERC-20 token whose balances change by transfers only.
interface IPurse {
    /// @notice The account took out all that was paid to it.
    event CreditWithdrawn(address indexed account, uint256 amount);

    /// @notice The account has nothing to withdraw.
    error NoCredit(address account);
    /// @notice The token delivered another amount than asked for.
    error UnexpectedAmount(uint256 received, uint256 expected);

    /// @notice Sends to the caller all that was paid to it. Emits {CreditWithdrawn}.
    function withdrawCredit() external returns (uint256 amount);

    /// @notice Gives this module an ERC-2612 allowance of the caller. Meant as the first call of a `multicall`
    /// with any function that takes tokens. A permit that fails, or that somebody else has sent already, is no
    /// error: the transfer that follows decides.
    function permit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice The token in which everything here is paid.
    function TOKEN() external view returns (IERC20);

    /// @notice What the account may withdraw.
    function creditOf(address account) external view returns (uint256);
}
