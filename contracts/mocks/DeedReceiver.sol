// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title DeedReceiver
/// @notice A contract that receives ERC-721 tokens, or refuses them in every way there is. For tests only.
contract DeedReceiver is IERC721Receiver {
    /// @notice WRONG: answers something else. SILENT, MESSAGE, CUSTOM, PANIC: reverts with nothing, a string, a custom
    /// error, a panic. CALL: makes a call before it accepts.
    enum Mode {
        ACCEPT,
        WRONG,
        SILENT,
        MESSAGE,
        CUSTOM,
        PANIC,
        CALL
    }

    Mode public mode;
    address public target;
    bytes public data;

    /// @notice A token arrived.
    event Received(address operator, address from, uint256 tokenId, bytes data);

    /// @notice It is not wanted.
    error Refused(uint256 tokenId);

    /// @notice What happens with the next tokens; `target_` and `data_` are for CALL.
    function behave(Mode mode_, address target_, bytes calldata data_) external {
        mode = mode_;
        target = target_;
        data = data_;
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address operator, address from, uint256 tokenId, bytes calldata data_)
        external
        returns (bytes4)
    {
        if (mode == Mode.WRONG) return 0xffffffff;
        if (mode == Mode.MESSAGE) revert("not wanted");
        if (mode == Mode.CUSTOM) revert Refused(tokenId);
        if (mode == Mode.PANIC) assert(false);
        if (mode == Mode.SILENT) {
            assembly {
                revert(0, 0)
            }
        }
        if (mode == Mode.CALL) Address.functionCall(target, data);
        emit Received(operator, from, tokenId, data_);
        return IERC721Receiver.onERC721Received.selector;
    }
}
