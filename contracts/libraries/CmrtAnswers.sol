// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConflictMinerals} from "../interfaces/IConflictMinerals.sol";

/// @title CmrtAnswers
/// @notice Questions 1 to 8 of the conflict minerals reporting template for each metal, in one word: question q of metal
/// m is the byte 8m + q - 1 from the lowest on. See {IConflictMinerals-Statement}.
library CmrtAnswers {
    uint256 internal constant METALS = uint256(type(IConflictMinerals.Metal).max) + 1;
    uint8 private constant QUESTIONS = 8;

    /// @notice The answer to a question.
    function answer(uint256 answers, uint256 metal, uint256 question) internal pure returns (uint8) {
        return uint8(answers >> (64 * metal + 8 * (question - 1)));
    }

    /// @notice Is the metal added or used, and does it remain in the product? Question 2 is asked only of what is.
    function remains(uint256 answers, uint256 metal) internal pure returns (bool) {
        return _isYes(answers, metal, 2);
    }

    /// @notice Is all of it recycled or scrap?
    function isRecycled(uint256 answers, uint256 metal) internal pure returns (bool) {
        return _isYes(answers, metal, 5);
    }

    /// @notice Has every supplier answered, and are all smelters known and named?
    function isComplete(uint256 answers, uint256 metal) internal pure returns (bool) {
        bool all = answer(answers, metal, 6) == uint8(IConflictMinerals.Share.ALL);
        return all && _isYes(answers, metal, 7) && _isYes(answers, metal, 8);
    }

    /// @notice Reverts unless each question that is asked has one of its answers, and the others have none.
    function check(uint256 answers) internal pure {
        for (uint256 metal; metal < METALS; ++metal) {
            bool asked = true;
            for (uint8 question = 1; question <= QUESTIONS; ++question) {
                uint8 given = answer(answers, metal, question);
                if (asked ? given == 0 || given > _most(question) : given != 0) {
                    revert IConflictMinerals.WrongAnswer(IConflictMinerals.Metal(metal), question, given);
                }
                if (question <= 2) asked = given == uint8(IConflictMinerals.Answer.YES);
            }
        }
    }

    /// @dev The highest answer to a question.
    function _most(uint8 question) private pure returns (uint8) {
        if (question == 6) return uint8(IConflictMinerals.Share.ALL);
        bool orUnknown = question >= 3 && question <= 5;
        return uint8(orUnknown ? IConflictMinerals.Answer.UNKNOWN : IConflictMinerals.Answer.YES);
    }

    function _isYes(uint256 answers, uint256 metal, uint256 question) private pure returns (bool) {
        return answer(answers, metal, question) == uint8(IConflictMinerals.Answer.YES);
    }
}
