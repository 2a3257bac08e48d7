// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Module} from "../base/Module.sol";
import {ILots} from "../interfaces/ILots.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Exceptions} from "../libraries/Exceptions.sol";
import {Ids} from "../libraries/Ids.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Receivers} from "../libraries/Receivers.sol";

/// @title LotLedger
/// @notice See {ILots}: the half that keeps quantities, holds and membership in recalls.
abstract contract LotLedger is ILots, Module {
    using SafeCast for uint256;

    /// @dev Millionths in one unit of measure.
    uint96 internal constant ONE = 1e6;

    mapping(bytes32 lot => Lot) internal _lots;

    /// @inheritdoc ILots
    mapping(bytes32 lot => bytes32) public serialsRootOf;

    /// @inheritdoc ILots
    mapping(bytes32 lot => bytes32) public useHead;

    mapping(bytes32 lot => mapping(uint32 org => uint96)) private _quantities;

    mapping(bytes32 lot => mapping(uint32 from => mapping(uint32 to => QuantityOffer))) private _offers;

    /// @inheritdoc ILots
    mapping(bytes32 lot => mapping(uint32 org => mapping(bytes32 reason => bool))) public lotHeld;

    /// @dev Recalls of a lot besides {Lot.recall}: of most lots there is none, and then membership costs no slot.
    mapping(uint32 recall => mapping(bytes32 lot => bool)) private _alsoRecalled;

    /// @inheritdoc ILots
    function commissionLot(Commission calldata item, EventRef calldata ref) external returns (bytes32 lot) {
        return _commission(msg.sender, item, 0, ref);
    }

    /// @inheritdoc ILots
    function commissionLotFor(address account, Commission calldata item, bytes32 process, EventRef calldata ref)
        external
        returns (bytes32 lot)
    {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.REGISTER);
        return _commission(account, item, process, ref);
    }

    /// @inheritdoc ILots
    function useFor(address account, bytes32 lot, uint96 quantity, bytes32 process) external returns (uint32 org) {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.REGISTER);
        org = CONSORTIUM.authorize(account, 0, Duty.REGISTER);
        _checkFree(lot);
        _use(lot, org, quantity, process);
    }

    /// @inheritdoc ILots
    function offerQuantity(
        bytes32 lot,
        uint32 to,
        uint96 quantity,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef calldata ref
    ) external {
        uint32 org = _authorizeAt(Duty.SHIP, ref);
        if (to == org || to == 0) revert SameOrganisation(lot, to);
        if (block.timestamp > deadline) revert DeadlinePassed(lot, deadline, block.timestamp);
        _checkMove(lot, purpose, to);
        QuantityOffer storage o = _offers[lot][org][to];
        if (o.quantity != 0) revert OfferOpen(lot, org, to);
        _take(lot, org, quantity);
        (o.quantity, o.deadline, o.purpose) = (quantity, deadline, purpose);
        emit QuantityOffered(lot, org, to, msg.sender, quantity, purpose, deadline, ref);
    }

    /// @inheritdoc ILots
    function acceptQuantity(bytes32 lot, uint32 from, uint96 quantity, uint16 exceptions, EventRef calldata ref)
        external
    {
        uint32 org = _authorizeAt(Duty.RECEIVE, ref);
        QuantityOffer memory o = _openOffer(lot, from, org);
        if (o.purpose == ITwins.Purpose.QUARANTINE) CONSORTIUM.authorize(msg.sender, 0, Duty.QUALITY);
        if (block.timestamp > o.deadline) revert DeadlinePassed(lot, o.deadline, block.timestamp);
        _checkMove(lot, o.purpose, org);
        if (quantity == 0) revert ZeroQuantity(lot);
        if (quantity > o.quantity) revert InsufficientQuantity(lot, quantity, o.quantity);
        uint96 rest = o.quantity - quantity;
        if (exceptions & ~Exceptions.ALL != 0 || (exceptions == 0 && rest != 0)) {
            revert WrongExceptions(lot, exceptions, rest);
        }
        delete _offers[lot][from][org];
        _give(lot, org, quantity);
        _give(lot, from, rest);
        emit QuantityAccepted(lot, org, from, msg.sender, quantity, rest, exceptions, ref);
    }

    /// @inheritdoc ILots
    function endQuantityOffer(bytes32 lot, uint32 from, uint32 to, EventRef calldata ref) external {
        uint32 org = _authorizeAt(0, ref);
        QuantityOffer memory o = _openOffer(lot, from, to);
        if (org != from && org != to) revert NoOffer(lot, from, org);
        CONSORTIUM.authorize(msg.sender, 0, org == from ? Duty.SHIP : Duty.RECEIVE);
        delete _offers[lot][from][to];
        _give(lot, from, o.quantity);
        emit QuantityOfferEnded(lot, from, to, org, msg.sender, ref);
    }

    /// @inheritdoc ILots
    function declareLoss(bytes32 lot, uint96 quantity, bytes32 reason, EventRef calldata ref) external {
        uint32 org = _authorizeAt(Duty.QUALITY, ref);
        _take(lot, org, quantity);
        emit LossDeclared(lot, org, reason, msg.sender, quantity, ref);
    }

    /// @inheritdoc ILots
    function holdLot(bytes32 lot, bytes32 reason, EventRef calldata ref) external {
        uint32 org = _authorizeAt(Duty.QUALITY, ref);
        Lot storage l = _known(lot);
        if (org != l.maker && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert MayNotHold(lot, org);
        if (lotHeld[lot][org][reason]) revert AlreadyHeld(lot, org, reason);
        lotHeld[lot][org][reason] = true;
        ++l.holds;
        emit LotHeld(lot, org, reason, msg.sender, ref);
    }

    /// @inheritdoc ILots
    function releaseLot(bytes32 lot, uint32 holder, bytes32 reason, EventRef calldata ref) external {
        uint32 org = _authorizeAt(Duty.QUALITY, ref);
        if (!lotHeld[lot][holder][reason]) revert NoSuchHold(lot, holder, reason);
        if (
            org != holder
                && (!CONSORTIUM.hasRole(org, Role.REGULATOR)
                    || CONSORTIUM.organisation(holder).roles & Role.REGULATOR != 0)
        ) revert MayNotRelease(lot, org, holder);
        delete lotHeld[lot][holder][reason];
        --_lots[lot].holds;
        emit LotReleased(lot, org, reason, holder, msg.sender, ref);
    }

    /// @inheritdoc ILots
    function markRecalled(bytes32[] calldata lots, uint32 recall) external returns (uint32 added) {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        for (uint256 i; i < lots.length; ++i) {
            bytes32 lot = lots[i];
            if (isRecalled(lot, recall)) continue;
            Lot storage l = _known(lot);
            if (l.recalls == 0) l.recall = recall;
            else _alsoRecalled[recall][lot] = true;
            ++l.recalls;
            ++added;
            emit LotRecalled(lot, recall);
        }
    }

    /// @inheritdoc ILots
    function unmarkRecalled(bytes32[] calldata lots, uint32 recall) external {
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.RECALL);
        for (uint256 i; i < lots.length; ++i) {
            bytes32 lot = lots[i];
            if (!isRecalled(lot, recall)) continue;
            Lot storage l = _lots[lot];
            if (l.recall == recall) l.recall = 0;
            else delete _alsoRecalled[recall][lot];
            --l.recalls;
            emit LotRecallLifted(lot, recall);
        }
    }

    /// @inheritdoc ILots
    function lotOf(bytes32 lot) external view returns (Lot memory) {
        return _lots[lot];
    }

    /// @inheritdoc ILots
    function quantityOffer(bytes32 lot, uint32 from, uint32 to) external view returns (QuantityOffer memory) {
        return _offers[lot][from][to];
    }

    /// @inheritdoc ILots
    function clear(bytes32 lot) external view returns (bool ok, Cause cause) {
        cause = _cause(lot);
        ok = cause == Cause.NONE;
    }

    /// @inheritdoc ILots
    function quantityOf(bytes32 lot, uint32 org) public view returns (uint96 quantity) {
        quantity = _quantities[lot][org];
        if (_hasAll(lot, org)) quantity += _lots[lot].serialCount * ONE;
    }

    /// @inheritdoc ILots
    function isRecalled(bytes32 lot, uint32 recall) public view returns (bool) {
        return (recall != 0 && _lots[lot].recall == recall) || _alsoRecalled[recall][lot];
    }

    function _commission(address account, Commission calldata item, bytes32 process, EventRef calldata ref)
        private
        returns (bytes32 lot)
    {
        EventStamp.checkPast(ref.stamp);
        uint32 org = CONSORTIUM.authorizeUnder(account, Ids.namespaceOf(item.uri, item.prefixLength));
        lot = Ids.idOf(item.uri);
        if (_lots[lot].maker != 0) revert AlreadyCommissioned(lot);
        if (item.quantity == 0) revert ZeroQuantity(lot);
        _checkUnit(lot, item.unit);
        bool serialised = item.serialCount != 0;
        bool whole = !serialised || item.quantity == uint256(item.serialCount) * ONE;
        if (serialised != (item.serialsRoot != 0) || !whole) {
            revert WrongSerials(lot, item.quantity, item.serialsRoot, item.serialCount);
        }
        Lot storage l = _lots[lot];
        (l.maker, l.unit, l.expiry, l.serialCount) = (org, item.unit, item.expiry, item.serialCount);
        if (serialised) (serialsRootOf[lot], l.fresh) = (item.serialsRoot, true);
        else _quantities[lot][org] = item.quantity;
        emit LotCommissioned(lot, org, process, account, item, ref);
    }

    /// @dev Takes a quantity into a use, which joins the chain of the lot's uses in the same step.
    function _use(bytes32 lot, uint32 org, uint96 quantity, bytes32 use) internal {
        _take(lot, org, quantity);
        bytes32 next = keccak256(abi.encode(useHead[lot], use));
        useHead[lot] = next;
        ++_lots[lot].uses;
        emit Used(lot, org, use, msg.sender, quantity, next);
    }

    /// @dev Takes a quantity out of an organisation's custody.
    function _take(bytes32 lot, uint32 org, uint96 quantity) internal {
        if (quantity == 0) revert ZeroQuantity(lot);
        uint96 available = quantityOf(lot, org);
        if (available < quantity) revert InsufficientQuantity(lot, quantity, available);
        if (_hasAll(lot, org)) _lots[lot].fresh = false;
        _quantities[lot][org] = available - quantity;
    }

    /// @dev Gives a quantity into an organisation's custody.
    function _give(bytes32 lot, uint32 org, uint96 quantity) internal {
        _quantities[lot][org] += quantity;
    }

    /// @dev The maker of a lot with serials, of which nothing was taken: that is written nowhere but in the facts.
    function _hasAll(bytes32 lot, uint32 org) private view returns (bool) {
        Lot storage l = _lots[lot];
        return l.fresh && l.maker == org;
    }

    function _openOffer(bytes32 lot, uint32 from, uint32 to) private view returns (QuantityOffer memory o) {
        o = _offers[lot][from][to];
        if (o.quantity == 0) revert NoOffer(lot, from, to);
    }

    /// @dev The caller's organisation, for an event that has happened.
    function _authorizeAt(uint32 duties, EventRef calldata ref) internal view returns (uint32 org) {
        EventStamp.checkPast(ref.stamp);
        return _authorize(duties);
    }

    function _known(bytes32 lot) internal view returns (Lot storage l) {
        l = _lots[lot];
        if (l.maker == 0) revert UnknownLot(lot);
    }

    /// @dev Neither held nor recalled. What has expired may still be packed, moved and used: only that it reaches
    /// nobody is the ledger's affair.
    function _checkFree(bytes32 lot) internal view {
        Cause cause = _cause(lot);
        if (cause == Cause.UNKNOWN) revert UnknownLot(lot);
        if (cause == Cause.HELD || cause == Cause.RECALLED) revert Blocked(lot, cause);
    }

    /// @dev What is held or recalled moves only to somebody who deals with that.
    function _checkMove(bytes32 lot, ITwins.Purpose purpose, uint32 to) private view {
        Lot storage l = _known(lot);
        if (l.holds == 0 && l.recalls == 0) return;
        if (purpose == ITwins.Purpose.TRANSPORT) revert Blocked(lot, _cause(lot));
        if (!Receivers.isOpenTo(CONSORTIUM, purpose, to, to == l.maker)) revert NotAReceiverFor(lot, purpose, to);
    }

    function _cause(bytes32 lot) internal view returns (Cause) {
        Lot storage l = _lots[lot];
        if (l.maker == 0) return Cause.UNKNOWN;
        if (l.holds != 0) return Cause.HELD;
        if (l.recalls != 0) return Cause.RECALLED;
        return l.expiry != 0 && block.timestamp > l.expiry ? Cause.EXPIRED : Cause.NONE;
    }

    function _checkUnit(bytes32 lot, bytes3 unit) private pure {
        for (uint256 i; i < 3; ++i) {
            bytes1 c = unit[i];
            bool valid = (c >= "0" && c <= "9") || (c >= "A" && c <= "Z") || (i == 2 && c == 0);
            if (!valid) revert WrongUnit(lot, unit);
        }
    }
}
