// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Module} from "../base/Module.sol";
import {IPurse} from "../interfaces/IPurse.sol";

/// @title Purse
/// @notice See {IPurse}. Base of all modules that hold tokens.
abstract contract Purse is IPurse, Module, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IPurse
    IERC20 public immutable TOKEN;

    /// @inheritdoc IPurse
    mapping(address account => uint256) public creditOf;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    /// @inheritdoc IPurse
    function withdrawCredit() external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NoCredit(msg.sender);
        delete creditOf[msg.sender];
        emit CreditWithdrawn(msg.sender, amount);
        _push(amount);
    }

    /// @inheritdoc IPurse
    function permit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // slither-disable-next-line unused-return
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    function _credit(address payee, uint256 amount) internal {
        creditOf[payee] += amount;
    }

    /// @dev Last step of each function that takes tokens: the state and the events stand already.
    function _pull(uint256 amount) internal {
        uint256 before = TOKEN.balanceOf(address(this));
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = TOKEN.balanceOf(address(this)) - before;
        if (received != amount) revert UnexpectedAmount(received, amount);
    }

    /// @dev Last step of each function that pays tokens out; they go to the caller alone.
    function _push(uint256 amount) internal {
        TOKEN.safeTransfer(msg.sender, amount);
    }
}
