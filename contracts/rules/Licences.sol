// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILicences} from "../interfaces/ILicences.sol";
import {ILots} from "../interfaces/ILots.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty} from "../libraries/Membership.sol";
import {ReturnHours} from "../libraries/ReturnHours.sol";
import {SeatWord, SeatWordLib} from "../libraries/SeatWord.sol";
import {Signers} from "../libraries/Signers.sol";
import {LicenceBook} from "./LicenceBook.sol";

// slither-disable-start incorrect-equality: periods are counted, and no seat returns at the beginning of time
/// @title Licences
/// @notice See {ILicences}: the half that gives out seats and counts what was made.
contract Licences is LicenceBook {
    /// @inheritdoc ILicences
    uint256 public constant REPORT_PERIOD = 30 days;

    /// @inheritdoc ILicences
    uint256 public constant CLOCK_TOLERANCE = 24 hours;

    /// @dev One unit, in the measure of lots.
    uint96 private constant ONE = 1_000_000;

    bytes4 private constant OVERDRAFT = bytes4(keccak256("OVERDRAFT"));

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable REQUEST_TYPEHASH =
        keccak256("SeatRequest(uint32 licence,uint16 borrowFor,uint40 time,uint40 deadline,bytes32 salt)");
    bytes32 private immutable RETURN_TYPEHASH =
        keccak256("SeatReturn(uint32 licence,uint8 seat,uint40 deadline,bytes32 salt)");

    /// @dev One slot each.
    mapping(uint32 licence => Usage) private _usages;

    // slither-disable-next-line uninitialized-state: written through a pointer to those of one licence
    mapping(uint32 licence => ReturnHours) private _returns;

    mapping(uint32 licence => mapping(address account => SeatWord)) private _seats;
    mapping(bytes32 design => mapping(bytes32 thing => Count)) private _counts;

    /// @inheritdoc ILicences
    mapping(bytes32 digest => bool) public used;

    constructor(IConsortium consortium, ILots lots) LicenceBook(consortium, lots) {}

    // ------------------------------------------------------------------------------------------------- seats

    /// @inheritdoc ILicences
    function checkout(uint32 licence, uint16 borrowFor) external returns (uint8 seat) {
        return _checkout(licence, borrowFor, msg.sender, 0);
    }

    /// @inheritdoc ILicences
    function checkoutSigned(SeatRequest calldata r, bytes calldata signer, bytes calldata signature)
        external
        returns (uint8 seat)
    {
        bytes32 digest = requestDigest(r);
        address account = _use(digest, r.deadline, signer, signature);
        uint256 difference = Math.max(block.timestamp, r.time) - Math.min(block.timestamp, r.time);
        if (difference > CLOCK_TOLERANCE) revert ClockDifference(r.time, block.timestamp);
        return _checkout(r.licence, r.borrowFor, account, digest);
    }

    /// @inheritdoc ILicences
    function checkin(uint32 licence, address account, uint8 seat) external {
        (uint32 org,) = CONSORTIUM.accountOf(msg.sender);
        if (msg.sender != account) {
            // Nobody keeps a seat by being away.
            if (org != _known(licence).licensee) revert MayNotCheckIn(licence, msg.sender, account);
            _authorize(Duty.FINANCE);
        }
        _checkin(licence, account, seat, org, 0);
    }

    /// @inheritdoc ILicences
    function checkinSigned(SeatReturn calldata r, bytes calldata signer, bytes calldata signature) external {
        bytes32 digest = returnDigest(r);
        address account = _use(digest, r.deadline, signer, signature);
        (uint32 org,) = CONSORTIUM.accountOf(account);
        _checkin(r.licence, account, r.seat, org, digest);
    }

    // ------------------------------------------------------------------------------------------------- units

    /// @inheritdoc ILicences
    function consume(uint32 licence, Made[] calldata made) external {
        Licence storage l = _known(licence);
        uint32 org = _checkUsable(licence, l, msg.sender, Duty.REGISTER);
        if (made.length == 0) revert NothingMade();
        bytes32 design = l.design;
        Usage storage u = _usages[licence];
        uint256 consumed = u.consumed;
        (uint96 units, uint256 most) = (l.units, uint256(l.units) + l.unitOverdraft);
        for (uint256 i; i < made.length; ++i) {
            (bytes32 thing, uint96 quantity) = (made[i].thing, made[i].quantity);
            _checkMade(thing, quantity, org);
            Count storage c = _counts[design][thing];
            if (c.licence != 0) revert AlreadyCounted(design, thing, c.licence);
            consumed += quantity;
            if (consumed > most) revert UnitsExhausted(licence, consumed, most);
            (c.licence, c.quantity) = (licence, quantity);
            emit UnitsConsumed(licence, thing, org, msg.sender, quantity, uint96(consumed));
        }
        u.consumed = uint96(consumed);
        if (consumed <= units) return;
        uint16 period = _period(l);
        emit UnitsOverdrawn(licence, org, msg.sender, uint96(consumed) - units, period);
        if (u.unitPeriod == period) return;
        u.unitPeriod = period;
        _alert(licence, design);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILicences
    function outcomeOf(uint32 licence, address account) external view returns (Outcome) {
        Licence storage l = _licences[licence];
        if (l.licensee == 0) return Outcome.UNKNOWN;
        if (!_maySpeak(licence, l, account)) return Outcome.NOT_LICENSEE;
        Outcome standing = _standing(l);
        if (standing != Outcome.OK) return standing;
        (uint256 has,) = _seats[licence][account].taken(_hour());
        if (has >= l.seatsPerUser) return Outcome.USER_MAX;
        uint256 out = inUse(licence);
        if (out >= uint256(l.seats) + l.seatOverdraft) return Outcome.MAX_REACHED;
        return out >= l.seats ? Outcome.OVERDRAFT : Outcome.OK;
    }

    /// @inheritdoc ILicences
    function hasSeat(uint32 licence, address account) external view returns (bool) {
        Licence storage l = _licences[licence];
        (uint256 has,) = _seats[licence][account].taken(_hour());
        return has != 0 && _maySpeak(licence, l, account) && _standing(l) == Outcome.OK;
    }

    /// @inheritdoc ILicences
    function inUse(uint32 licence) public view override returns (uint256) {
        Usage storage u = _usages[licence];
        return u.open + _borrowed(licence, u, _hour());
    }

    /// @inheritdoc ILicences
    function usageOf(uint32 licence) external view returns (Usage memory) {
        return _usages[licence];
    }

    /// @inheritdoc ILicences
    function seatsOf(uint32 licence, address account) external view returns (uint40[8] memory times) {
        SeatWord word = _seats[licence][account];
        for (uint256 seat; seat < times.length; ++seat) {
            uint32 back = word.backAt(seat);
            times[seat] = back == SeatWordLib.OPEN ? type(uint40).max : uint40(uint256(back) * 1 hours);
        }
    }

    /// @inheritdoc ILicences
    function returnsAt(uint32 licence, uint256 hour) external view returns (uint256) {
        return _returns[licence].countAt(hour);
    }

    /// @inheritdoc ILicences
    function countOf(bytes32 design, bytes32 thing) external view returns (Count memory) {
        return _counts[design][thing];
    }

    /// @inheritdoc ILicences
    function requestDigest(SeatRequest calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(REQUEST_TYPEHASH, r)));
    }

    /// @inheritdoc ILicences
    function returnDigest(SeatReturn calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RETURN_TYPEHASH, r)));
    }

    // ----------------------------------------------------------------------------------------------- private

    function _checkout(uint32 licence, uint16 borrowFor, address account, bytes32 digest) private returns (uint8 seat) {
        Licence storage l = _known(licence);
        uint32 org = _checkUsable(licence, l, account, 0);
        (uint32 back, uint40 until) = _back(licence, l, borrowFor);
        uint256 hour = _hour();
        SeatWord word = _seats[licence][account];
        uint256 has;
        (has, seat) = word.taken(hour);
        if (has >= l.seatsPerUser) revert UserMaximum(licence, account, l.seatsPerUser);
        uint256 out = _settle(licence, hour);
        (uint16 seats, uint256 most) = (l.seats, uint256(l.seats) + l.seatOverdraft);
        if (out >= most) revert AllSeatsInUse(licence, out, most);
        _seats[licence][account] = word.with(seat, back);
        Usage storage u = _usages[licence];
        if (until == 0) {
            ++u.open;
        } else {
            ++u.borrowed;
            _returns[licence].add(back);
        }
        uint16 count = uint16(out + 1);
        emit CheckedOut(licence, org, account, msg.sender, seat, uint40(block.timestamp), until, count, digest);
        if (count <= seats) return seat;
        uint16 period = _period(l);
        emit SeatsOverdrawn(licence, org, account, count - seats, period);
        if (u.seatPeriod == period) return seat;
        u.seatPeriod = period;
        _alert(licence, l.design);
    }

    function _checkin(uint32 licence, address account, uint8 seat, uint32 org, bytes32 digest) private {
        SeatWord word = _seats[licence][account];
        (uint256 hour, uint32 back) = (_hour(), word.backAt(seat));
        if (back <= hour) revert NotCheckedOut(licence, account, seat);
        _settle(licence, hour);
        _seats[licence][account] = word.with(seat, 0);
        Usage storage u = _usages[licence];
        if (back == SeatWordLib.OPEN) {
            --u.open;
        } else {
            --u.borrowed;
            _returns[licence].remove(back);
        }
        emit CheckedIn(licence, org, account, msg.sender, seat, uint40(block.timestamp), digest);
    }

    /// @dev Takes from the count what has come back by itself; how many seats are still out.
    function _settle(uint32 licence, uint256 hour) private returns (uint256) {
        Usage storage u = _usages[licence];
        (u.borrowed, u.hour) = (uint16(_borrowed(licence, u, hour)), uint32(hour));
        return uint256(u.open) + u.borrowed;
    }

    /// @dev Marks what an account signed as used; the account.
    function _use(bytes32 digest, uint40 deadline, bytes calldata signer, bytes calldata signature)
        private
        returns (address)
    {
        if (block.timestamp > deadline) revert DeadlinePassed(digest, deadline, block.timestamp);
        if (used[digest]) revert AlreadyUsed(digest);
        used[digest] = true;
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) {
            revert InvalidSeatSignature(digest, signer);
        }
        return Signers.accountOf(signer);
    }

    /// @dev One alert for each period; the licensor's, for it is the licensor who wants to know.
    function _alert(uint32 licence, bytes32 design) private {
        emit Alert(design, OVERDRAFT, TWINS.ownerOf(design), 1, bytes32(uint256(licence)));
    }

    /// @dev Reverts unless the account may use the licence now; the account's organisation.
    function _checkUsable(uint32 licence, Licence storage l, address account, uint32 duties)
        private
        view
        returns (uint32 org)
    {
        org = CONSORTIUM.authorize(account, 0, duties);
        if (!_isOf(licence, l, account, org)) revert NotLicensee(licence, org, l.licensee);
        _checkInForce(licence, l);
    }

    function _maySpeak(uint32 licence, Licence storage l, address account) private view returns (bool) {
        try CONSORTIUM.authorize(account, 0, 0) returns (uint32 org) {
            return _isOf(licence, l, account, org);
        } catch {
            return false;
        }
    }

    /// @dev When a seat comes back: the number of the hour, and its first second.
    function _back(uint32 licence, Licence storage l, uint16 borrowFor)
        private
        view
        returns (uint32 back, uint40 until)
    {
        if (borrowFor == 0) return (SeatWordLib.OPEN, 0);
        if (borrowFor > l.borrowHours) revert BorrowTooLong(borrowFor, l.borrowHours);
        back = uint32(Math.ceilDiv(block.timestamp, 1 hours) + borrowFor);
        until = uint40(uint256(back) * 1 hours);
        if (until > l.end) revert BorrowOutlasts(licence, until, l.end);
    }

    function _checkMade(bytes32 thing, uint96 quantity, uint32 org) private view {
        ITwins.Twin memory twin = TWINS.twin(thing);
        bool isPart = twin.kind == ITwins.Kind.PART;
        uint32 maker = isPart ? twin.maker : LOTS.lotOf(thing).maker;
        if (maker != org) revert NotMadeBy(thing, org);
        if (isPart ? quantity != ONE : quantity == 0) revert WrongQuantity(thing, quantity);
    }

    function _borrowed(uint32 licence, Usage storage u, uint256 hour) private view returns (uint256 borrowed) {
        borrowed = u.borrowed;
        borrowed -= _returns[licence].since(u.hour, hour, borrowed);
    }

    /// @dev Number of the period of reports since the start of a licence that has started.
    function _period(Licence storage l) private view returns (uint16) {
        return uint16((block.timestamp - l.start) / REPORT_PERIOD + 1);
    }

    function _hour() private view returns (uint256) {
        return block.timestamp / 1 hours;
    }
}
// slither-disable-end incorrect-equality
