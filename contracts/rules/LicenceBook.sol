// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IERC4907} from "../interfaces/IERC4907.sol";
import {ILicences} from "../interfaces/ILicences.sol";
import {ILots} from "../interfaces/ILots.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty} from "../libraries/Membership.sol";
import {SeatWordLib} from "../libraries/SeatWord.sol";

/// @title LicenceBook
/// @notice See {ILicences}: the half that grants licences and ends them, and knows who has them.
abstract contract LicenceBook is ILicences, Module {
    /// @dev The user of a licence, see {IERC4907}.
    struct User {
        address account;
        uint64 expires;
    }

    /// @inheritdoc ILicences
    uint256 public constant MAX_SEATS_PER_USER = SeatWordLib.SEATS;

    /// @inheritdoc ILicences
    uint256 public constant MAX_BORROW_HOURS = 744;

    /// @inheritdoc ILicences
    ITwins public immutable TWINS;

    /// @inheritdoc ILicences
    ILots public immutable LOTS;

    /// @inheritdoc ILicences
    uint32 public licenceCount;

    mapping(uint256 licence => Licence) internal _licences;
    mapping(bytes32 design => mapping(uint32 licensee => Supersession)) private _supersessions;
    mapping(uint256 licence => User) private _users;

    constructor(IConsortium consortium, ILots lots) Module("Goldthread Licences", consortium) {
        TWINS = lots.TWINS();
        LOTS = lots;
    }

    // ---------------------------------------------------------------------------------------------- licensor

    /// @inheritdoc ILicences
    function grant(bytes32 design, uint32 licensee, Terms calldata t, uint40 supersedes)
        external
        returns (uint32 licence)
    {
        uint32 org = _authorizeLicensor(design);
        ITwins.Twin memory twin = TWINS.twin(design);
        if (twin.kind != ITwins.Kind.DESIGN || twin.end != ITwins.EndOfLife.NONE) revert NotADesign(design);
        _checkOrganisation(licensee);
        _checkTerms(t);
        licence = ++licenceCount;
        if (supersedes != 0) _supersede(design, licensee, supersedes, licence);
        uint40 issuedAt = uint40(block.timestamp);
        _licences[licence] = Licence({
            design: design,
            licensee: licensee,
            issuedAt: issuedAt,
            start: t.start,
            end: t.end,
            seats: t.seats,
            seatOverdraft: t.seatOverdraft,
            seatsPerUser: t.seatsPerUser,
            borrowHours: t.borrowHours,
            lendable: t.lendable,
            transferable: t.transferable,
            revoked: false,
            units: t.units,
            unitOverdraft: t.unitOverdraft
        });
        emit LicenceGranted(licence, design, licensee, org, msg.sender, t, issuedAt, supersedes);
    }

    /// @inheritdoc ILicences
    function revoke(uint32 licence, bytes32 reason) external {
        Licence storage l = _known(licence);
        uint32 org = _authorizeLicensor(l.design);
        if (l.revoked) revert Revoked(licence);
        l.revoked = true;
        emit LicenceRevoked(licence, l.design, org, msg.sender, reason);
    }

    // ---------------------------------------------------------------------------------------------- licensee

    /// @inheritdoc ILicences
    function transfer(uint32 licence, uint32 licensee) external {
        Licence storage l = _known(licence);
        uint32 org = _authorizeLicensee(licence, l);
        if (!l.transferable) revert NotTransferable(licence);
        _checkOrganisation(licensee);
        _checkInForce(licence, l);
        uint256 out = inUse(licence);
        if (out != 0) revert SeatsOut(licence, out);
        Supersession storage s = _supersessions[l.design][licensee];
        if (l.issuedAt < s.before) revert SupersededBy(licence, s.by);
        l.licensee = licensee;
        emit LicenceTransferred(licence, org, licensee, msg.sender);
        if (_users[licence].account == address(0)) return;
        delete _users[licence];
        emit UpdateUser(licence, address(0), 0);
    }

    /// @inheritdoc IERC4907
    function setUser(uint256 tokenId, address user, uint64 expires) external {
        Licence storage l = _known(tokenId);
        uint32 org = _authorizeLicensee(tokenId, l);
        if (!l.lendable) revert NotLendable(tokenId);
        _users[tokenId] = User(user, expires);
        emit UpdateUser(tokenId, user, expires);
        emit LicenceLent(uint32(tokenId), org, user, msg.sender, expires);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IERC4907
    function userOf(uint256 tokenId) public view returns (address) {
        User storage u = _users[tokenId];
        return block.timestamp > u.expires ? address(0) : u.account;
    }

    /// @inheritdoc IERC4907
    function userExpires(uint256 tokenId) external view returns (uint256) {
        return _users[tokenId].expires;
    }

    /// @inheritdoc ILicences
    function lastUserOf(uint32 licence) external view returns (address) {
        return _users[licence].account;
    }

    /// @inheritdoc ILicences
    function licenceOf(uint32 licence) external view returns (Licence memory) {
        return _licences[licence];
    }

    /// @inheritdoc ILicences
    function supersessionOf(bytes32 design, uint32 licensee) external view returns (Supersession memory) {
        return _supersessions[design][licensee];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC4907).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /// @inheritdoc ILicences
    function inUse(uint32 licence) public view virtual returns (uint256);

    // ----------------------------------------------------------------------------------------------- internal

    /// @dev Reverts with what speaks against using the licence, whoever uses it.
    function _checkInForce(uint32 licence, Licence storage l) internal view {
        Outcome outcome = _standing(l);
        if (outcome == Outcome.REVOKED) revert Revoked(licence);
        if (outcome == Outcome.SUPERSEDED) revert SupersededBy(licence, _supersessions[l.design][l.licensee].by);
        if (outcome == Outcome.NOT_STARTED) revert NotStarted(licence, l.start, block.timestamp);
        if (outcome == Outcome.EXPIRED) revert Expired(licence, l.end, block.timestamp);
    }

    /// @dev What speaks against using a licence that there is, whoever uses it.
    function _standing(Licence storage l) internal view returns (Outcome) {
        if (l.revoked) return Outcome.REVOKED;
        if (l.issuedAt < _supersessions[l.design][l.licensee].before) return Outcome.SUPERSEDED;
        if (block.timestamp < l.start) return Outcome.NOT_STARTED;
        if (block.timestamp >= l.end) return Outcome.EXPIRED;
        return Outcome.OK;
    }

    /// @dev May the account, which acts for the organisation, use the licence?
    function _isOf(uint256 licence, Licence storage l, address account, uint32 org) internal view returns (bool) {
        return org == l.licensee || account == userOf(licence);
    }

    function _known(uint256 licence) internal view returns (Licence storage l) {
        l = _licences[licence];
        if (l.licensee == 0) revert UnknownLicence(licence);
    }

    /// @dev The caller's organisation, which must have the licence.
    function _authorizeLicensee(uint256 licence, Licence storage l) internal view returns (uint32 org) {
        org = _authorize(Duty.FINANCE);
        if (org != l.licensee) revert NotLicensee(licence, org, l.licensee);
    }

    // ------------------------------------------------------------------------------------------------ private

    /// @dev The caller's organisation, which must have title to the design.
    function _authorizeLicensor(bytes32 design) private view returns (uint32 org) {
        org = _authorize(Duty.FINANCE);
        uint32 owner = TWINS.ownerOf(design);
        if (org != owner) revert NotLicensor(design, org, owner);
    }

    function _checkOrganisation(uint32 org) private view {
        if (org == 0 || org > CONSORTIUM.organisationCount()) revert NotAnOrganisation(org);
    }

    function _checkTerms(Terms calldata t) private view {
        uint256 seats = uint256(t.seats) + t.seatOverdraft;
        uint256 units = uint256(t.units) + t.unitOverdraft;
        if (seats == 0 && units == 0) revert NothingGranted();
        if (seats > type(uint16).max) revert OverdraftTooLarge(t.seats, t.seatOverdraft);
        if (units > type(uint96).max) revert OverdraftTooLarge(t.units, t.unitOverdraft);
        if ((seats == 0) != (t.seatsPerUser == 0) || t.seatsPerUser > MAX_SEATS_PER_USER) {
            revert InvalidSeatsPerUser(t.seatsPerUser);
        }
        if (t.borrowHours > MAX_BORROW_HOURS) revert BorrowTooLong(t.borrowHours, MAX_BORROW_HOURS);
        if (t.start >= t.end || block.timestamp >= t.end) revert InvalidTerm(t.start, t.end, block.timestamp);
    }

    /// @dev The new licence is issued now, and so never among those before.
    function _supersede(bytes32 design, uint32 licensee, uint40 before, uint32 by) private {
        if (before > block.timestamp) revert SupersedesItself(before, block.timestamp);
        Supersession storage s = _supersessions[design][licensee];
        if (before <= s.before) revert AlreadySuperseded(design, licensee, s.before);
        (s.before, s.by) = (before, by);
    }
}
