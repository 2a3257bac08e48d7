// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TestToken
/// @notice An ERC-20 token with permit that anybody may mint. For local networks and tests only: it is worth nothing.
contract TestToken is ERC20, ERC20Permit {
    uint8 private immutable DECIMALS;

    constructor(string memory name, string memory symbol, uint8 decimals_) ERC20(name, symbol) ERC20Permit(name) {
        DECIMALS = decimals_;
    }

    /// @notice Makes tokens out of nothing.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    /// @notice Digits behind the point in which wallets show amounts.
    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}
