// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ICapital} from "../interfaces/ICapital.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Signers} from "../libraries/Signers.sol";
import {Purse} from "./Purse.sol";

/// @title Capital
/// @notice See {ICapital}. Base of the insurance modules.
abstract contract Capital is ICapital, Purse {
    mapping(address treasury => Pool) private _pools;

    /// @inheritdoc ICapital
    mapping(address treasury => mapping(address account => bool)) public isUnderwriter;

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
    function poolOf(address treasury) external view returns (Pool memory) {
        return _pools[treasury];
    }

    /// @dev Reverts unless the caller is the treasury or may commit its capital.
    function _requireInsurer(address treasury) internal view {
        if (msg.sender != treasury) _requireUnderwriter(treasury, msg.sender);
    }

    /// @dev Reverts unless the treasury named the account and the consortium lets it speak on an insurer's money.
    function _requireUnderwriter(address treasury, address account) private view returns (uint32 org) {
        if (!isUnderwriter[treasury][account]) revert NotUnderwriter(treasury, account);
        return CONSORTIUM.authorize(account, Role.INSURER, Duty.FINANCE);
    }

    /// @dev Reverts unless an underwriter of the treasury has signed the quote.
    function _requireQuoted(bytes32 policyId, address treasury, bytes calldata signer, bytes calldata signature)
        internal
        view
        returns (uint32 org, address underwriter)
    {
        underwriter = Signers.accountOf(signer);
        org = _requireUnderwriter(treasury, underwriter);
        if (!SignatureChecker.isValidSignatureNow(signer, policyId, signature)) {
            revert InvalidQuoteSignature(policyId, underwriter);
        }
    }

    function _requireCaller(bytes32 policyId, address expected) internal view {
        if (msg.sender != expected) revert WrongCaller(policyId, msg.sender, expected);
    }

    function _requireNotAfter(bytes32 policyId, uint256 until) internal view {
        if (block.timestamp > until) revert WindowClosed(policyId, until);
    }

    function _requireAfter(bytes32 policyId, uint256 until) internal view {
        if (block.timestamp <= until) revert WindowOpen(policyId, until);
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
        _credit(payee, amount);
    }

    function _take(address treasury, uint128 amount) private {
        uint128 free = _pools[treasury].free;
        if (free < amount) revert InsufficientCapital(treasury, free, amount);
        _pools[treasury].free = free - amount;
    }
}
