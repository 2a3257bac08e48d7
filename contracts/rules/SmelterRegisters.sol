// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConflictMinerals} from "../interfaces/IConflictMinerals.sol";
import {Duty, Role} from "../libraries/Membership.sol";

// slither-disable-start incorrect-equality: what is compared has a time beside it in its word, not in it
/// @title SmelterRegisters
/// @notice See {IConflictMinerals}: the half that keeps registers, and says how long what was found can be relied on.
abstract contract SmelterRegisters is IConflictMinerals, Module {
    uint32 internal constant REGISTER_ROLES = Role.AUDITOR | Role.REGULATOR;
    uint40 internal constant FOREVER = type(uint40).max;
    uint256 private constant MAX_REGISTERS = 4;

    /// @inheritdoc IConflictMinerals
    uint32 public clock;

    /// @inheritdoc IConflictMinerals
    mapping(uint32 register => uint32) public smeltersWorsenedAt;

    /// @inheritdoc IConflictMinerals
    mapping(uint32 register => uint32) public declarationsWorsenedAt;

    mapping(uint32 register => mapping(bytes32 smelter => Smelter)) private _smelters;

    // ---------------------------------------------------------------------------------------------- registers

    /// @inheritdoc IConflictMinerals
    function list(Listing[] calldata listings) external {
        uint32 register = CONSORTIUM.authorize(msg.sender, REGISTER_ROLES, Duty.RECORD);
        bool worse;
        for (uint256 i; i < listings.length; ++i) {
            Listing calldata l = listings[i];
            _check(l);
            (Verdict before, uint40 lasted) = _statusOf(_smelters[register][l.smelter]);
            Smelter memory smelter = Smelter(l.status, l.country, l.validUntil);
            (Verdict verdict, uint40 lasts) = _statusOf(smelter);
            if (_isWorse(before, lasted, verdict, lasts)) worse = true;
            _smelters[register][l.smelter] = smelter;
            emit SmelterListed(l.smelter, register, msg.sender, l);
        }
        if (!worse) return;
        uint32 tick = ++clock;
        smeltersWorsenedAt[register] = tick;
        emit SmeltersWorsened(register, tick);
    }

    /// @inheritdoc IConflictMinerals
    function smelterOf(uint32 register, bytes32 smelter) external view returns (Smelter memory) {
        return _smelters[register][smelter];
    }

    /// @dev The verdict on a smelter now, and the last second of it.
    function _smelterNow(uint32 register, bytes32 smelter) internal view returns (Verdict verdict, uint40 until) {
        (verdict, until) = _statusOf(_smelters[register][smelter]);
        if (block.timestamp > until) return (Verdict.UNDETERMINABLE, FOREVER);
    }

    /// @dev The verdict that a status means while it is valid, and how long that is.
    function _statusOf(Smelter memory s) private pure returns (Verdict verdict, uint40 until) {
        if (s.status == Status.CONFORMANT) return (Verdict.CONFORMANT, s.validUntil);
        if (s.status == Status.ACTIVE) return (Verdict.ACTIVE, s.validUntil);
        if (s.status == Status.NON_CONFORMANT) return (Verdict.NON_CONFORMANT, FOREVER);
        return (s.status == Status.NOT_ENROLLED ? Verdict.NOT_ENROLLED : Verdict.UNDETERMINABLE, FOREVER);
    }

    function _check(Listing calldata l) private view {
        // forge-lint: disable-next-line(unsafe-typecast)
        uint8 metal = uint8(uint256(l.smelter));
        if (l.smelter[0] == 0 || metal > uint8(type(Metal).max)) revert NotASmelter(l.smelter);
        if (!_isLetter(l.country[0]) || !_isLetter(l.country[1])) revert NotACountry(l.smelter, l.country);
        bool lasting = l.status == Status.CONFORMANT || l.status == Status.ACTIVE;
        if (lasting ? block.timestamp > l.validUntil : l.validUntil != 0) {
            revert WrongValidity(l.smelter, l.status, l.validUntil);
        }
    }

    function _isLetter(bytes1 character) private pure returns (bool) {
        return character >= "A" && character <= "Z";
    }

    // ----------------------------------------------------------------------------------------------- findings

    /// @dev Could something that rests on the first verdict be worse with the second one in its place? What is
    /// undeterminable or worse is relied on by nobody.
    function _isWorse(Verdict before, uint40 lasted, Verdict verdict, uint40 lasts) private pure returns (bool) {
        return before < Verdict.UNDETERMINABLE && (verdict > before || lasts < lasted);
    }

    /// @dev What products rest on is another judgement from now on.
    function _replace(Finding memory before, Finding memory f) internal {
        // They would not notice when something gets worse by another register.
        bool moved = before.verdict < Verdict.UNDETERMINABLE && before.registers != f.registers;
        if (!moved && !_isWorse(before.verdict, before.validUntil, f.verdict, f.validUntil)) return;
        // forge-lint: disable-next-line(unsafe-typecast)
        uint32 register = uint32(before.registers);
        // slither-disable-next-line costly-loop: each of the products that the caller covers may make something worse
        uint32 tick = ++clock;
        declarationsWorsenedAt[register] = tick;
        emit DeclarationsWorsened(register, tick);
    }

    /// @dev What was found for a product shows now.
    function _shownOfProduct(Finding memory f) internal view returns (Verdict verdict, bool stale) {
        (verdict, stale) = _shown(f);
        for (uint128 rest = f.registers; rest != 0 && verdict < Verdict.UNDETERMINABLE; rest >>= 32) {
            // forge-lint: disable-next-line(unsafe-typecast)
            if (declarationsWorsenedAt[uint32(rest)] > f.clock) return (Verdict.UNDETERMINABLE, true);
        }
    }

    /// @dev What a judgement shows now.
    function _shown(Finding memory f) internal view returns (Verdict verdict, bool stale) {
        if (f.verdict == Verdict.NONE) return (Verdict.UNDETERMINABLE, false);
        // No smelter is behind it, or nobody relies on it.
        if (f.verdict <= Verdict.RECYCLED || f.verdict >= Verdict.UNDETERMINABLE) return (f.verdict, false);
        stale = block.timestamp > f.validUntil;
        for (uint128 rest = f.registers; rest != 0 && !stale; rest >>= 32) {
            // forge-lint: disable-next-line(unsafe-typecast)
            uint32 register = uint32(rest);
            stale = smeltersWorsenedAt[register] > f.clock || !CONSORTIUM.hasRole(register, REGISTER_ROLES);
        }
        return (stale ? Verdict.UNDETERMINABLE : f.verdict, stale);
    }

    /// @dev The finding with something more behind it: the worse of the two.
    function _join(Finding memory f, Verdict verdict, uint40 until) internal pure {
        if (verdict > f.verdict) f.verdict = verdict;
        if (until < f.validUntil) f.validUntil = until;
    }

    /// @dev The finding with the registers of another one behind it, too.
    function _rest(Finding memory f, uint128 registers, bytes32 product) internal pure {
        for (; registers != 0; registers >>= 32) {
            // forge-lint: disable-next-line(unsafe-typecast)
            uint32 register = uint32(registers);
            uint256 place;
            while (place < MAX_REGISTERS && _registerIn(f, place) != 0 && _registerIn(f, place) != register) ++place;
            if (place == MAX_REGISTERS) revert TooManyRegisters(product);
            f.registers |= uint128(register) << uint128(32 * place);
        }
    }

    function _registerIn(Finding memory f, uint256 place) private pure returns (uint32) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint32(f.registers >> (32 * place));
    }
}
// slither-disable-end incorrect-equality
