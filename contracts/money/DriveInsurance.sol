// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {IDriveInsurance} from "../interfaces/IDriveInsurance.sol";
import {Premium} from "../libraries/Premium.sol";
import {DrivePolicies} from "./DrivePolicies.sol";

/// @title DriveInsurance
/// @notice See {IDriveInsurance}: the half that meters periods and pays claims.
contract DriveInsurance is DrivePolicies {
    bytes32 private constant USAGE_TYPEHASH = keccak256(
        "Usage(bytes32 policyId,uint32 period,uint40 from,uint40 to,uint64 odometer,uint64 night,uint64 speeding,uint32 brakes,uint32 accels,uint32 corners,uint32 phone,uint32 trips,bytes32 tripsRoot)"
    );

    // slither-disable-next-line uninitialized-state: written through the storage pointers of reports
    mapping(bytes32 policyId => Report) private _reports;
    // slither-disable-next-line uninitialized-state: written through the storage pointers of claims
    mapping(bytes32 policyId => mapping(uint16 claim => Claim)) private _claims;

    /// @inheritdoc IDriveInsurance
    mapping(bytes32 policyId => mapping(uint32 period => bytes32)) public tripsRootOf;

    constructor(IConsortium consortium, IDevices devices, IERC20 token) DrivePolicies(consortium, devices, token) {}

    /// @inheritdoc IDriveInsurance
    function report(Quote memory quote, Usage calldata usage, bytes calldata signer, bytes calldata signature)
        external
    {
        (bytes32 policyId, Policy storage p) = _load(quote);
        (uint32 period, uint256 end) = _next(policyId, p, quote.terms, _coveredUntil(p, quote.terms));
        Report storage r = _requireNoReport(policyId, period);
        if (usage.policyId != policyId || usage.period != period || usage.from != p.cursor || usage.to != end) {
            revert WrongPeriod(policyId, period, p.cursor, end);
        }
        _requireAfter(policyId, end - 1);
        _requireNotAfter(policyId, _reportableUntil(p, end, quote.cover));
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(USAGE_TYPEHASH, usage)));
        _verifyDevice(quote.cover, usage.from, usage.to - 1, digest, signer, signature);

        _requireForwards(policyId, p, usage.odometer);
        uint64 driven = usage.odometer - p.odometer;
        if (usage.night > driven || usage.speeding > driven) {
            revert MoreThanDriven(policyId, usage.night, usage.speeding, driven);
        }
        Premium.Counters memory counters = Premium.Counters({
            metres: uint64(Math.saturatingSub(usage.odometer, p.billed)),
            night: usage.night,
            speeding: usage.speeding,
            brakes: usage.brakes,
            accels: usage.accels,
            corners: usage.corners,
            phone: usage.phone
        });
        r.charge = _charge(quote.terms, counters, end - p.cursor, p.tier);
        r.tier = Premium.nextTier(quote.terms, counters);
        r.until = uint40(block.timestamp + quote.cover.disputeWindow);
        r.odometer = usage.odometer;
        r.state = ReportState.REPORTED;
        tripsRootOf[policyId][period] = usage.tripsRoot;
        emit UsageReported(
            policyId,
            period,
            msg.sender,
            usage.odometer,
            counters,
            usage.trips,
            usage.tripsRoot,
            r.charge,
            r.tier,
            r.until
        );
    }

    /// @inheritdoc IDriveInsurance
    function dispute(Quote memory quote, bytes32 reason) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireCaller(policyId, quote.cover.holder);
        Report storage r = _openReport(policyId, p, ReportState.REPORTED);
        r.state = ReportState.DISPUTED;
        r.until = uint40(block.timestamp + quote.cover.arbitrationWindow);
        emit DisputeOpened(policyId, p.settled + 1, msg.sender, reason, r.until);
    }

    /// @inheritdoc IDriveInsurance
    function resolve(Quote memory quote, uint64 odometer, Premium.Counters memory counters, bytes32 reason) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireCaller(policyId, quote.cover.arbiter);
        Report storage r = _openReport(policyId, p, ReportState.DISPUTED);
        _requireBetween(policyId, odometer, p.odometer, r.odometer);
        (, uint256 end) = _next(policyId, p, quote.terms, _coveredUntil(p, quote.terms));
        r.odometer = odometer;
        _lower(policyId, p, r, quote.terms, counters, end, reason, false);
    }

    /// @inheritdoc IDriveInsurance
    function settle(Quote memory quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Report storage r = _reported(policyId, p);
        if (r.state != ReportState.RESOLVED) _requireAfter(policyId, r.until);
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        (, uint256 end) = _next(policyId, p, quote.terms, until);
        p.unread = r.state == ReportState.DISPUTED;
        if (p.unread) {
            Premium.Counters memory none;
            r.odometer = p.odometer;
            _lower(policyId, p, r, quote.terms, none, end, 0, true);
        } else {
            p.odometer = r.odometer;
            p.billed = uint64(Math.max(p.billed, r.odometer));
        }
        // The rest stays: overwriting a slot costs the next report less than filling an empty one.
        r.state = ReportState.NONE;
        _settle(policyId, p, quote.cover.treasury, end, r.charge, r.tier, false);
    }

    /// @inheritdoc IDriveInsurance
    function settleDefault(Quote memory quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        (uint32 period, uint256 end) = _next(policyId, p, quote.terms, until);
        _requireNoReport(policyId, period);
        _requireAfter(policyId, _reportableUntil(p, end, quote.cover));

        uint32 tier = Premium.noDataTier(p.tier);
        Premium.Counters memory counters;
        counters.metres = Premium.noDataMetres(quote.terms, uint40(end - p.cursor), tier);
        p.unread = true;
        // Saturates: an absurd reading must not stop the policy from being settled.
        p.billed = uint64(Math.min(uint256(p.billed) + counters.metres, type(uint64).max));
        emit UsageMissed(policyId, period, msg.sender, counters.metres);
        uint96 charge = _charge(quote.terms, counters, end - p.cursor, tier);
        _settle(policyId, p, quote.cover.treasury, end, charge, tier, true);
    }

    /// @inheritdoc IDriveInsurance
    function submitClaim(Quote memory quote, uint16 stretch, uint40 lossTime, uint96 amount, bytes32 evidence)
        external
        returns (uint16 claim)
    {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireCaller(policyId, quote.cover.holder);
        (uint256 since, uint256 end) = _stretch(policyId, p, quote.terms, stretch);
        if (lossTime < since || lossTime >= end || lossTime > block.timestamp) {
            revert NotCovered(policyId, stretch, lossTime);
        }
        _requireNotAfter(policyId, uint256(lossTime) + quote.cover.claimWindow);
        uint96 available = p.locked - p.claimed;
        _requireBetween(policyId, amount, 1, available);
        p.claimed += amount;
        claim = ++p.claims;
        Claim storage c = _claims[policyId][claim];
        c.amount = amount;
        c.until = uint40(block.timestamp + quote.cover.decisionWindow);
        c.state = ClaimState.SUBMITTED;
        emit ClaimSubmitted(policyId, claim, msg.sender, stretch, lossTime, amount, evidence, c.until);
    }

    /// @inheritdoc IDriveInsurance
    function decideClaim(Quote memory quote, uint16 claim, uint96 approved, bytes32 reason) external {
        (bytes32 policyId,) = _load(quote);
        Claim storage c = _claims[policyId][claim];
        bool appealed = c.state == ClaimState.APPEALED;
        if (appealed) _requireCaller(policyId, quote.cover.arbiter);
        else if (c.state == ClaimState.SUBMITTED) _requireInsurer(quote.cover.treasury);
        else revert WrongClaimState(policyId, claim, c.state);
        _requireNotAfter(policyId, c.until);
        _requireBetween(policyId, approved, c.approved, c.amount);
        c.approved = approved;
        c.state = appealed || approved == c.amount ? ClaimState.FINAL : ClaimState.DECIDED;
        c.until = uint40(block.timestamp + quote.cover.disputeWindow);
        emit ClaimDecided(policyId, claim, msg.sender, approved, reason, c.state, c.until);
    }

    /// @inheritdoc IDriveInsurance
    function appealClaim(Quote memory quote, uint16 claim, bytes32 reason) external {
        (bytes32 policyId,) = _load(quote);
        _requireCaller(policyId, quote.cover.holder);
        Claim storage c = _claims[policyId][claim];
        if (c.state != ClaimState.DECIDED) revert WrongClaimState(policyId, claim, c.state);
        _requireNotAfter(policyId, c.until);
        c.state = ClaimState.APPEALED;
        c.until = uint40(block.timestamp + quote.cover.arbitrationWindow);
        emit ClaimAppealed(policyId, claim, msg.sender, reason, c.until);
    }

    /// @inheritdoc IDriveInsurance
    function payClaim(Quote memory quote, uint16 claim) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Claim storage c = _claims[policyId][claim];
        ClaimState state = c.state;
        if (state == ClaimState.NONE || state == ClaimState.PAID) revert WrongClaimState(policyId, claim, state);
        if (state != ClaimState.FINAL) _requireAfter(policyId, c.until);
        uint96 approved = state == ClaimState.SUBMITTED ? c.amount : c.approved;
        c.approved = approved;
        c.state = ClaimState.PAID;
        p.claimed -= c.amount;
        p.locked -= approved;
        _payLocked(quote.cover.treasury, quote.cover.holder, approved);
        emit ClaimPaid(policyId, claim, quote.cover.holder, msg.sender, approved);
    }

    /// @inheritdoc IDriveInsurance
    function reportOf(bytes32 policyId) external view returns (Report memory) {
        Report memory r = _reports[policyId];
        if (r.state == ReportState.NONE) delete r;
        return r;
    }

    /// @inheritdoc IDriveInsurance
    function claimOf(bytes32 policyId, uint16 claim) external view returns (Claim memory) {
        return _claims[policyId][claim];
    }

    /// @inheritdoc IDriveInsurance
    function proveTrip(bytes32 policyId, uint32 period, Trip calldata trip, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        // Hashed twice, so that no inner node of the tree can pass for a leaf.
        bytes32 inner = keccak256(abi.encode(block.chainid, address(this), policyId, period, trip));
        bytes32 root = tripsRootOf[policyId][period];
        return MerkleProof.verifyCalldata(proof, root, keccak256(abi.encode(inner)));
    }

    /// @inheritdoc IDriveInsurance
    function quotePeriod(Premium.Terms memory terms, Premium.Counters memory counters, uint40 duration, uint32 tier)
        external
        pure
        returns (uint256 charge, uint32 next)
    {
        return (Premium.charge(terms, counters, duration, tier), Premium.nextTier(terms, counters));
    }

    /// @dev Moves charge and tier down to what the counters give.
    function _lower(
        bytes32 policyId,
        Policy storage p,
        Report storage r,
        Premium.Terms memory terms,
        Premium.Counters memory counters,
        uint256 end,
        bytes32 reason,
        bool timedOut
    ) private {
        uint96 charge = _charge(terms, counters, end - p.cursor, p.tier);
        _requireBetween(policyId, charge, 0, r.charge);
        uint32 tier = uint32(Math.min(Premium.nextTier(terms, counters), r.tier));
        emit DisputeResolved(
            policyId, p.settled + 1, msg.sender, r.odometer, counters, r.charge, charge, tier, reason, timedOut
        );
        r.charge = charge;
        r.tier = tier;
        r.state = ReportState.RESOLVED;
    }

    function _settle(
        bytes32 policyId,
        Policy storage p,
        address treasury,
        uint256 end,
        uint96 charge,
        uint32 tier,
        bool byDefault
    ) private {
        uint40 from = p.cursor;
        uint32 period = ++p.settled;
        p.cursor = uint40(end);
        p.settledTime = uint40(block.timestamp);
        p.escrow -= charge;
        _earn(treasury, charge);
        emit PeriodSettled(
            policyId,
            period,
            treasury,
            msg.sender,
            from,
            uint40(end),
            charge,
            p.escrow,
            uint40(block.timestamp),
            byDefault
        );
        if (tier != p.tier) {
            emit TierUpdated(policyId, period, p.tier, tier);
            p.tier = tier;
        }
    }

    function _reported(bytes32 policyId, Policy storage p) private view returns (Report storage r) {
        r = _reports[policyId];
        if (r.state == ReportState.NONE) revert NotReported(policyId, p.settled + 1);
    }

    /// @dev The report of the next period, which must be in this state and its window still open.
    function _openReport(bytes32 policyId, Policy storage p, ReportState state)
        private
        view
        returns (Report storage r)
    {
        r = _reported(policyId, p);
        if (r.state != state) revert WrongReportState(policyId, p.settled + 1, r.state);
        _requireNotAfter(policyId, r.until);
    }

    function _requireNoReport(bytes32 policyId, uint32 period) private view returns (Report storage r) {
        r = _reports[policyId];
        if (r.state != ReportState.NONE) revert AlreadyReported(policyId, period);
    }

    /// @return period Number of the next period to be settled.
    /// @return end Its end, exclusive.
    function _next(bytes32 policyId, Policy storage p, Premium.Terms memory terms, uint256 until)
        private
        view
        returns (uint32 period, uint256 end)
    {
        if (p.cursor >= until) revert NothingToSettle(policyId, p.cursor);
        return (p.settled + 1, Math.min(uint256(p.cursor) + terms.period, until));
    }

    function _reportableUntil(Policy storage p, uint256 end, Cover memory cover) private view returns (uint256) {
        return Math.max(end, p.settledTime) + cover.reportWindow;
    }

    /// @dev Fits: no period is longer than terms.period, so no premium exceeds terms.maximum.
    function _charge(Premium.Terms memory terms, Premium.Counters memory counters, uint256 duration, uint32 tier)
        private
        pure
        returns (uint96)
    {
        return uint96(Premium.charge(terms, counters, uint40(duration), tier));
    }
}
