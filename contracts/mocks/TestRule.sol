// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRecordRule} from "../interfaces/IRecordRule.sol";
import {IRecords} from "../interfaces/IRecords.sol";

/// @title TestRule
/// @notice A rule for schemas that wants a value in a range, or that misbehaves in one of the ways that there are. For
/// tests only.
contract TestRule is IRecordRule {
    enum Manner {
        RANGE,
        OTHER_WORD,
        SHORT,
        LONG,
        DIRTY,
        SILENT,
        TALKATIVE,
        ENDLESS,
        WRITING,
        ASKING,
        METERED
    }

    Manner public immutable MANNER;
    int256 public immutable LOW;
    int256 public immutable HIGH;
    uint256 public written;

    /// @notice The value is not between the limits, both of which are allowed.
    error OutOfRange(int256 value, int256 low, int256 high);
    /// @notice What the rule was asked, so that tests see it.
    error Asked(IRecords.Statement statement, address author, uint32 org, bytes32 device, bytes32 supersedes);

    constructor(Manner manner, int256 low, int256 high) {
        (MANNER, LOW, HIGH) = (manner, low, high);
    }

    /// @inheritdoc IRecordRule
    function judge(
        IRecords.Statement calldata statement,
        address author,
        uint32 org,
        bytes32 device,
        bytes32 supersedes
    ) external view returns (bytes4) {
        if (MANNER == Manner.ASKING) revert Asked(statement, author, org, device, supersedes);
        if (MANNER == Manner.RANGE) {
            int256 value = abi.decode(statement.data, (int256));
            if (value < LOW || value > HIGH) revert OutOfRange(value, LOW, HIGH);
        }
        if (MANNER == Manner.METERED && gasleft() < uint256(LOW)) revert OutOfRange(int256(gasleft()), LOW, HIGH);
        _misbehave(MANNER);
        return IRecordRule.judge.selector;
    }

    function _misbehave(Manner manner) private view {
        bytes32 word = IRecordRule.judge.selector;
        uint256 size = uint256(HIGH);
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, word)
            switch manner
            case 1 {
                mstore(at, not(word))
                return(at, 32)
            }
            case 2 { return(at, 31) }
            case 3 { return(at, size) }
            case 4 {
                mstore(at, or(word, 1))
                return(at, 32)
            }
            case 5 { revert(at, 0) }
            case 6 { revert(at, size) }
            case 7 { for {} 1 {} {} }
        }
        if (manner == Manner.WRITING) _write();
    }

    /// @dev Pretends to be a view.
    function _write() private view {
        function() internal change = _change;
        function() internal view pretend;
        assembly ("memory-safe") {
            pretend := change
        }
        pretend();
    }

    function _change() private {
        written = 1;
    }
}
