// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILots} from "../interfaces/ILots.sol";
import {IVerification} from "../interfaces/IVerification.sol";
import {EventRef, ITwins} from "../interfaces/ITwins.sol";
import {EventStamp} from "../libraries/EventStamp.sol";
import {Duty, Role} from "../libraries/Membership.sol";

/// @title Verification
/// @notice See {IVerification}.
contract Verification is IVerification, Module {
    bytes4 private constant SUSPECT = bytes4(keccak256("SUSPECT"));
    uint8 private constant MAJOR = 2;

    /// @inheritdoc IVerification
    uint256 public constant MAX_REPORTS = 100;

    /// @inheritdoc IVerification
    ILots public immutable LOTS;

    mapping(bytes32 unit => Suspicion) private _suspicions;

    /// @inheritdoc IVerification
    mapping(uint32 org => mapping(uint256 day => uint256)) public reportsOn;

    constructor(IConsortium consortium, ILots lots) Module("Goldthread Verification", consortium) {
        LOTS = lots;
    }

    /// @inheritdoc IVerification
    function report(Label calldata label, Place calldata place, Evidence evidence, EventRef calldata ref) external {
        uint32 org = _authorize(Duty.RECEIVE);
        EventStamp.checkPast(ref.stamp);
        uint256 day = block.timestamp / 1 days;
        if (reportsOn[org][day] >= MAX_REPORTS) revert TooManyReports(org, day, MAX_REPORTS);
        ++reportsOn[org][day];
        if (evidence == Evidence.NONE) revert NoEvidence(label.unit);
        Failure failure = _match(label, place);
        if (!_isSo(label, place, evidence, failure)) revert NotSo(label.unit, evidence);
        ++_suspicions[label.unit].open;
        emit SuspectReported(label.unit, org, label.lot, msg.sender, evidence, failure, day, ref);
        emit Alert(label.unit, SUSPECT, org, MAJOR, label.lot);
    }

    /// @inheritdoc IVerification
    function settle(bytes32 unit, Place calldata place, bytes32 reason, bool genuine) external {
        uint32 org = _authorize(Duty.QUALITY);
        Suspicion storage s = _suspicions[unit];
        uint32 reports = s.open;
        if (reports == 0) revert NothingOpen(unit);
        bool maker = _isUnit(unit, place) && LOTS.lotOf(place.lot).maker == org;
        if (!maker && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert MayNotSettle(unit, org);
        (s.open, s.settled) = (0, s.settled + reports);
        emit SuspicionSettled(unit, org, reason, msg.sender, reports, genuine);
    }

    /// @inheritdoc IVerification
    function verifyProduct(Label calldata label, Place calldata place)
        external
        view
        returns (bool verified, Failure failure, Info info)
    {
        failure = _match(label, place);
        verified = failure == Failure.NONE;
        bool known = failure != Failure.NO_MATCH_GTIN_SERIAL;
        if (known && LOTS.lotOf(place.lot).recalls != 0) info = Info.RECALLED;
        else if (_suspicions[label.unit].open != 0 || (known && _speaksAgainst(label.unit, place))) info = Info.SUSPECT;
    }

    /// @inheritdoc IVerification
    function suspicionOf(bytes32 unit) external view returns (Suspicion memory) {
        return _suspicions[unit];
    }

    function _match(Label calldata label, Place calldata place) private view returns (Failure) {
        if (!_isUnit(label.unit, place)) return Failure.NO_MATCH_GTIN_SERIAL;
        bool lot = label.lot == place.lot;
        bool expiry = label.expiry == LOTS.lotOf(place.lot).expiry;
        if (lot) return expiry ? Failure.NONE : Failure.NO_MATCH_GTIN_SERIAL_EXPIRY;
        return expiry ? Failure.NO_MATCH_GTIN_SERIAL_LOT : Failure.NO_MATCH_GTIN_SERIAL_LOT_EXPIRY;
    }

    /// @dev What the chain can check of the evidence, it does; that a serial was met elsewhere it has to believe.
    function _isSo(Label calldata label, Place calldata place, Evidence evidence, Failure failure)
        private
        view
        returns (bool)
    {
        if (evidence == Evidence.UNKNOWN_SERIAL) return failure == Failure.NO_MATCH_GTIN_SERIAL;
        if (!_isUnit(label.unit, place)) return false;
        if (evidence == Evidence.WRONG_LOT_OR_EXPIRY) return failure != Failure.NONE;
        if (evidence == Evidence.ALREADY_ENDED) return _ended(label.unit, place);
        return true;
    }

    function _isUnit(bytes32 unit, Place calldata place) private view returns (bool) {
        return LOTS.isUnit(place.lot, place.index, unit, place.proof);
    }

    /// @dev A unit with a history of its own ends as a twin.
    function _ended(bytes32 unit, Place calldata place) private view returns (bool) {
        ILots.UnitEnd end = LOTS.endingOf(place.lot, place.index).end;
        if (end != ILots.UnitEnd.MATERIALISED) return end != ILots.UnitEnd.NONE;
        return LOTS.TWINS().twin(unit).end != ITwins.EndOfLife.NONE;
    }

    /// @dev Ended, or held back: with its lot or, if it has a history of its own, as a twin.
    function _speaksAgainst(bytes32 unit, Place calldata place) private view returns (bool) {
        ILots.UnitEnd end = LOTS.endingOf(place.lot, place.index).end;
        if (end == ILots.UnitEnd.MATERIALISED) {
            (bool ok,) = LOTS.TWINS().clear(unit);
            if (!ok) return true;
        } else if (end != ILots.UnitEnd.NONE) {
            return true;
        }
        return LOTS.lotOf(place.lot).holds != 0;
    }
}
