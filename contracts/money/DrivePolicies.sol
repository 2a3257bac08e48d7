// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {IDriveInsurance} from "../interfaces/IDriveInsurance.sol";
import {Premium} from "../libraries/Premium.sol";
import {Capital} from "./Capital.sol";
import {Purse} from "./Purse.sol";

/// @title DrivePolicies
/// @notice See {IDriveInsurance}: the half that opens and ends policies, and keeps cover a function of the escrow.
abstract contract DrivePolicies is IDriveInsurance, Capital {
    bytes32 private constant TERMS_TYPEHASH = keccak256(
        "Terms(uint96 base,uint32 period,uint96 rate,uint32 rateDistance,uint32 nightWeight,uint32 speedingWeight,uint32 brakeMetres,uint32 accelMetres,uint32 cornerMetres,uint32 phoneMetres,uint96 minimum,uint96 maximum,uint32 kmCredit,uint32 nightPenalty,uint32 speedingPenalty,uint32 brakePenalty,uint32 accelPenalty,uint32 cornerPenalty,uint32 phonePenalty,uint32 tierMin,uint32 tierMax,uint32 defaultMetres)"
    );
    bytes32 private constant COVER_TYPEHASH = keccak256(
        "Cover(address holder,address treasury,address arbiter,bytes32 vehicle,bytes32 device,uint96 sumInsured,uint40 start,uint40 end,uint64 odometer,uint32 tier,uint32 reportWindow,uint32 disputeWindow,uint32 arbitrationWindow,uint32 noticePeriod,uint32 claimWindow,uint32 decisionWindow,uint40 deadline,bytes32 salt)"
    );
    /// @dev The referenced types follow in alphabetical order (EIP-712).
    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "Quote(Terms terms,Cover cover)Cover(address holder,address treasury,address arbiter,bytes32 vehicle,bytes32 device,uint96 sumInsured,uint40 start,uint40 end,uint64 odometer,uint32 tier,uint32 reportWindow,uint32 disputeWindow,uint32 arbitrationWindow,uint32 noticePeriod,uint32 claimWindow,uint32 decisionWindow,uint40 deadline,bytes32 salt)Terms(uint96 base,uint32 period,uint96 rate,uint32 rateDistance,uint32 nightWeight,uint32 speedingWeight,uint32 brakeMetres,uint32 accelMetres,uint32 cornerMetres,uint32 phoneMetres,uint96 minimum,uint96 maximum,uint32 kmCredit,uint32 nightPenalty,uint32 speedingPenalty,uint32 brakePenalty,uint32 accelPenalty,uint32 cornerPenalty,uint32 phonePenalty,uint32 tierMin,uint32 tierMax,uint32 defaultMetres)"
    );
    bytes32 private constant READING_TYPEHASH = keccak256("Reading(bytes32 policyId,uint40 time,uint64 odometer)");

    /// @inheritdoc IDriveInsurance
    IDevices public immutable DEVICES;

    mapping(bytes32 policyId => Policy) private _policies;
    mapping(bytes32 policyId => mapping(uint16 stretch => Stretch)) private _stretches;

    constructor(IConsortium consortium, IDevices devices, IERC20 token)
        Module("Goldthread DriveInsurance", consortium)
        Purse(token)
    {
        DEVICES = devices;
    }

    /// @inheritdoc IDriveInsurance
    function openPolicy(Quote memory quote, uint96 amount, bytes calldata signer, bytes calldata signature)
        external
        nonReentrant
        returns (bytes32 policyId)
    {
        Cover memory cover = quote.cover;
        policyId = policyIdOf(quote);
        Policy storage p = _policies[policyId];
        if (p.state != PolicyState.NONE) revert PolicyExists(policyId);
        _requireCaller(policyId, cover.holder);
        _requireNotAfter(policyId, cover.deadline);
        uint256 since = Math.max(cover.start, block.timestamp);
        if (since >= cover.end) revert TermOver(policyId, since, cover.end);
        if (cover.sumInsured == 0) revert NothingInsured(policyId);
        if (cover.reportWindow == 0 || cover.disputeWindow == 0 || cover.claimWindow == 0) {
            revert ZeroWindow(cover.reportWindow, cover.disputeWindow, cover.claimWindow);
        }
        bytes32 attachedTo = DEVICES.subjectOf(cover.device);
        if (attachedTo != cover.vehicle) revert NotMetered(cover.device, cover.vehicle, attachedTo);
        Premium.requireSound(quote.terms, cover.tier);
        _requireBetween(policyId, amount, quote.terms.maximum, type(uint96).max);
        (uint32 org, address underwriter) = _requireQuoted(policyId, cover.treasury, signer, signature);

        p.state = PolicyState.ACTIVE;
        p.escrow = amount;
        p.cursor = uint40(since);
        p.since = uint40(since);
        p.cutoff = cover.end;
        p.odometer = cover.odometer;
        p.billed = cover.odometer;
        p.tier = cover.tier;
        p.locked = cover.sumInsured;
        _lock(cover.treasury, cover.sumInsured);
        emit PolicyOpened(policyId, msg.sender, cover.treasury, org, underwriter, uint40(since), amount, quote);
        _pull(amount);
    }

    /// @inheritdoc IDriveInsurance
    function deposit(Quote memory quote, uint96 amount) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireCaller(policyId, quote.cover.holder);
        uint256 until = _coveredUntil(p, quote.terms);
        // After a lapse, more escrow would move `until` over seconds that have passed without cover.
        if (block.timestamp >= until) revert CoverEnded(policyId, until);
        p.escrow += amount;
        emit Deposited(policyId, msg.sender, amount, p.escrow);
        _pull(amount);
    }

    /// @inheritdoc IDriveInsurance
    function withdraw(Quote memory quote, uint96 amount) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireCaller(policyId, quote.cover.holder);
        _requireBetween(policyId, amount, 0, _withdrawable(p, quote.terms));
        p.escrow -= amount;
        emit Withdrawn(policyId, msg.sender, amount, p.escrow);
        _push(amount);
    }

    /// @inheritdoc IDriveInsurance
    function reinstate(
        Quote memory quote,
        uint96 amount,
        uint40 time,
        uint64 odometer,
        bytes calldata signer,
        bytes calldata signature
    ) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Cover memory cover = quote.cover;
        _requireCaller(policyId, cover.holder);
        _noticeLapse(policyId, p, quote.terms);
        if (p.state != PolicyState.LAPSED) revert NotLapsed(policyId, p.state);
        if (p.cursor != p.cutoff) revert UnsettledPeriods(policyId, p.cursor, p.cutoff);
        if (block.timestamp >= cover.end) revert TermOver(policyId, block.timestamp, cover.end);
        if (p.locked == 0) revert NothingInsured(policyId);
        uint96 escrow = p.escrow + amount;
        _requireBetween(policyId, escrow, quote.terms.maximum, type(uint96).max);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(READING_TYPEHASH, policyId, time, odometer)));
        _verifyDevice(cover, time, time, digest, signer, signature);

        Stretch storage ended = _stretches[policyId][p.stretch];
        ended.since = p.since;
        ended.until = p.cutoff;
        p.state = PolicyState.ACTIVE;
        p.escrow = escrow;
        p.cursor = uint40(block.timestamp);
        p.since = uint40(block.timestamp);
        p.cutoff = cover.end;
        _requireForwards(policyId, p, odometer);
        p.odometer = odometer;
        if (!p.unread) p.billed = uint64(Math.max(p.billed, odometer));
        emit Reinstated(policyId, msg.sender, ++p.stretch, p.since, odometer, amount, escrow);
        _pull(amount);
    }

    /// @inheritdoc IDriveInsurance
    function cancel(Quote memory quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        uint256 end = block.timestamp;
        if (msg.sender != quote.cover.holder) {
            _requireInsurer(quote.cover.treasury);
            end += quote.cover.noticePeriod;
        }
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        if (p.state != PolicyState.LAPSED && block.timestamp >= until) revert CoverEnded(policyId, until);
        // Before the start of cover: nothing is ever covered.
        end = Math.max(end, p.since);
        if (end < p.cutoff) p.cutoff = uint40(end);
        else if (p.state == PolicyState.CANCELLED) revert AlreadyCancelled(policyId, p.cutoff);
        p.state = PolicyState.CANCELLED;
        emit Cancelled(policyId, msg.sender, p.cutoff, uint96(_withdrawable(p, quote.terms)));
    }

    /// @inheritdoc IDriveInsurance
    function release(Quote memory quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireAfter(policyId, _noticeLapse(policyId, p, quote.terms) + quote.cover.claimWindow);
        if (p.state == PolicyState.LAPSED && block.timestamp < quote.cover.end) _requireInsurer(quote.cover.treasury);
        if (p.claimed != 0) revert ClaimsOpen(policyId, p.claimed);
        uint96 amount = p.locked;
        if (amount == 0) revert NothingInsured(policyId);
        p.locked = 0;
        _unlock(quote.cover.treasury, amount);
        emit CapitalReleased(policyId, quote.cover.treasury, msg.sender, amount);
    }

    /// @inheritdoc IDriveInsurance
    function policyOf(bytes32 policyId) external view returns (Policy memory) {
        return _policies[policyId];
    }

    /// @inheritdoc IDriveInsurance
    function stretchOf(bytes32 policyId, uint16 stretch) external view returns (Stretch memory) {
        return _stretches[policyId][stretch];
    }

    /// @inheritdoc IDriveInsurance
    function coveredUntil(Quote memory quote) external view returns (uint256) {
        (, Policy storage p) = _load(quote);
        return _coveredUntil(p, quote.terms);
    }

    /// @inheritdoc IDriveInsurance
    function withdrawable(Quote memory quote) external view returns (uint256) {
        (, Policy storage p) = _load(quote);
        return _withdrawable(p, quote.terms);
    }

    /// @inheritdoc IDriveInsurance
    function policyIdOf(Quote memory quote) public view returns (bytes32) {
        bytes32 terms = keccak256(abi.encode(TERMS_TYPEHASH, quote.terms));
        bytes32 cover = keccak256(abi.encode(COVER_TYPEHASH, quote.cover));
        return _hashTypedDataV4(keccak256(abi.encode(QUOTE_TYPEHASH, terms, cover)));
    }

    /// @dev Latches a lapse, before anything changes what {_coveredUntil} computes: a premium below the maximum
    /// leaves escrow over, and must not buy cover for seconds that have passed without it.
    /// @return until End of cover.
    function _noticeLapse(bytes32 policyId, Policy storage p, Premium.Terms memory terms)
        internal
        returns (uint256 until)
    {
        until = _coveredUntil(p, terms);
        if (block.timestamp >= until && until < p.cutoff) {
            p.cutoff = uint40(until);
            if (p.state == PolicyState.ACTIVE) p.state = PolicyState.LAPSED;
            emit CoverLapsed(policyId, uint40(until));
        }
    }

    function _load(Quote memory quote) internal view returns (bytes32 policyId, Policy storage p) {
        policyId = policyIdOf(quote);
        p = _policies[policyId];
        if (p.state == PolicyState.NONE) revert UnknownPolicy(policyId);
    }

    /// @return since First second of a stretch of cover.
    /// @return until Its end, exclusive.
    function _stretch(bytes32 policyId, Policy storage p, Premium.Terms memory terms, uint16 stretch)
        internal
        view
        returns (uint256 since, uint256 until)
    {
        if (stretch == p.stretch) return (p.since, _coveredUntil(p, terms));
        Stretch storage s = _stretches[policyId][stretch];
        return (s.since, s.until);
    }

    function _coveredUntil(Policy storage p, Premium.Terms memory terms) internal view returns (uint256) {
        // slither-disable-next-line divide-before-multiply: only whole periods can be paid for
        uint256 periods = p.escrow / terms.maximum;
        return Math.min(p.cursor + periods * terms.period, p.cutoff);
    }

    function _verifyDevice(
        Cover memory cover,
        uint40 from,
        uint40 to,
        bytes32 digest,
        bytes calldata signer,
        bytes calldata signature
    ) internal view {
        DEVICES.verify(cover.device, cover.vehicle, from, to, digest, signer, signature);
    }

    function _requireForwards(bytes32 policyId, Policy storage p, uint64 odometer) internal view {
        if (odometer < p.odometer) revert OdometerBackwards(policyId, odometer, p.odometer);
    }

    function _requireBetween(bytes32 policyId, uint256 amount, uint256 least, uint256 most) internal pure {
        if (amount < least || amount > most) revert AmountOutOfRange(policyId, amount, least, most);
    }

    /// @dev Escrow never holds less than the maximum for each period up to {_coveredUntil}, hence never less than
    /// that for the started ones.
    function _withdrawable(Policy storage p, Premium.Terms memory terms) private view returns (uint256) {
        uint256 end = Math.max(Math.min(block.timestamp + 1, _coveredUntil(p, terms)), p.cursor);
        return p.escrow - Math.ceilDiv(end - p.cursor, terms.period) * terms.maximum;
    }
}
