// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title HostileToken
/// @notice An ERC-20 token that misbehaves on demand, and has no permit. For tests only.
contract HostileToken is ERC20("Hostile", "BAD") {
    /// @notice FEE: a unit less arrives. BONUS: a unit more arrives. FALSE: moves nothing and says so.
    /// LIE: moves nothing and says it did. CALL: makes a call while the tokens move.
    enum Mode {
        HONEST,
        FEE,
        BONUS,
        FALSE,
        LIE,
        CALL
    }

    Mode public mode;
    address public target;
    bytes public data;

    /// @notice How the next transfers go; `target_` and `data_` are for CALL.
    function misbehave(Mode mode_, address target_, bytes calldata data_) external {
        mode = mode_;
        target = target_;
        data = data_;
    }

    /// @notice Makes tokens out of nothing.
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (mode == Mode.FALSE || mode == Mode.LIE) return mode == Mode.LIE;
        return super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (mode == Mode.FALSE || mode == Mode.LIE) return mode == Mode.LIE;
        return super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from == address(0) || to == address(0)) return;
        if (mode == Mode.FEE) _burn(to, 1);
        if (mode == Mode.BONUS) _mint(to, 1);
        if (mode == Mode.CALL) Address.functionCall(target, data);
    }
}
