// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Module} from "../base/Module.sol";
import {ICapital} from "../interfaces/ICapital.sol";
import {Duty, Role} from "../libraries/Membership.sol";

/// @title Capital
/// @notice See {ICapital}. Base of the insurance modules.
abstract contract Capital is ICapital, Module, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc ICapital
    IERC20 public immutable TOKEN;

    mapping(address treasury => Pool) private _pools;

    /// @inheritdoc ICapital
    mapping(address treasury => mapping(address account => bool)) public isUnderwriter;

    /// @inheritdoc ICapital
    mapping(address account => uint256) public creditOf;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    /// @inheritdoc ICapital
    function setUnderwriter(address account, bool allowed) external {
        isUnderwriter[msg.sender][account] = allowed;
        emit UnderwriterSet(msg.sender, account, allowed);
    }

    /// @inheritdoc ICapital
    function provideCapital(uint128 amount) external nonReentrant {
        _pools[msg.sender].free += amount;
        emit CapitalProvided(msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc ICapital
    function withdrawCapital(uint128 amount) external nonReentrant {
        _take(msg.sender, amount);
        emit CapitalWithdrawn(msg.sender, amount);
        _push(amount);
    }

    /// @inheritdoc ICapital
    function withdrawCredit() external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NoCredit(msg.sender);
        delete creditOf[msg.sender];
        emit CreditWithdrawn(msg.sender, amount);
        _push(amount);
    }

    /// @inheritdoc ICapital
    function permit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        // slither-disable-next-line unused-return
        try IERC20Permit(address(TOKEN)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
    }

    /// @inheritdoc ICapital
    function poolOf(address treasury) external view returns (Pool memory) {
        return _pools[treasury];
    }

    /// @dev Reverts unless the caller is the treasury or may commit its capital.
    function _requireInsurer(address treasury) internal view {
        if (msg.sender != treasury) _requireUnderwriter(treasury, msg.sender);
    }

    /// @dev Reverts unless the treasury named the account and the consortium lets it speak on an insurer's money.
    function _requireUnderwriter(address treasury, address account) internal view returns (uint32 org) {
        if (!isUnderwriter[treasury][account]) revert NotUnderwriter(treasury, account);
        return CONSORTIUM.authorize(account, Role.INSURER, Duty.FINANCE);
    }

    function _earn(address treasury, uint128 amount) internal {
        _pools[treasury].free += amount;
    }

    function _lock(address treasury, uint128 amount) internal {
        _take(treasury, amount);
        _pools[treasury].locked += amount;
    }

    function _unlock(address treasury, uint128 amount) internal {
        _pools[treasury].locked -= amount;
        _pools[treasury].free += amount;
    }

    function _payLocked(address treasury, address payee, uint128 amount) internal {
        _pools[treasury].locked -= amount;
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

    function _take(address treasury, uint128 amount) private {
        uint128 free = _pools[treasury].free;
        if (free < amount) revert InsufficientCapital(treasury, free, amount);
        _pools[treasury].free = free - amount;
    }
}
