// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {IDriveInsurance} from "../interfaces/IDriveInsurance.sol";
import {Premium} from "../libraries/Premium.sol";
import {Signers} from "../libraries/Signers.sol";
import {Capital} from "./Capital.sol";

/// @title DriveInsurance
/// @notice See {IDriveInsurance}.
contract DriveInsurance is IDriveInsurance, Capital {
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
    bytes32 private constant USAGE_TYPEHASH = keccak256(
        "Usage(bytes32 policyId,uint32 period,uint40 from,uint40 to,uint64 odometer,uint64 night,uint64 speeding,uint32 brakes,uint32 accels,uint32 corners,uint32 phone,uint32 trips,bytes32 tripsRoot)"
    );
    bytes32 private constant READING_TYPEHASH = keccak256("Reading(bytes32 policyId,uint40 time,uint64 odometer)");

    /// @inheritdoc IDriveInsurance
    IDevices public immutable DEVICES;

    mapping(bytes32 policyId => Policy) private _policies;
    mapping(bytes32 policyId => Report) private _reports;
    mapping(bytes32 policyId => mapping(uint16 claim => Claim)) private _claims;
    mapping(bytes32 policyId => mapping(uint16 stretch => Stretch)) private _stretches;

    /// @inheritdoc IDriveInsurance
    mapping(bytes32 policyId => mapping(uint32 period => bytes32)) public tripsRootOf;

    constructor(IConsortium consortium, IDevices devices, IERC20 token)
        Module("Goldthread DriveInsurance", consortium)
        Capital(token)
    {
        DEVICES = devices;
    }

    // ------------------------------------------------------------------------------------------ policy and escrow

    /// @inheritdoc IDriveInsurance
    function openPolicy(Quote calldata quote, uint96 amount, bytes calldata signer, bytes calldata signature)
        external
        nonReentrant
        returns (bytes32 policyId)
    {
        Cover calldata cover = quote.cover;
        policyId = policyIdOf(quote);
        if (_policies[policyId].state != PolicyState.NONE) revert PolicyExists(policyId);
        _requireHolder(policyId, cover.holder);
        if (block.timestamp > cover.deadline) revert QuoteExpired(policyId, cover.deadline);
        uint256 since = Math.max(cover.start, block.timestamp);
        if (since >= cover.end) revert TermOver(policyId, since, cover.end);
        if (cover.sumInsured == 0) revert NothingInsured(policyId);
        Premium.requireSound(quote.terms, cover.tier);
        _requireOnePeriod(policyId, amount, quote.terms.maximum);
        address underwriter = Signers.accountOf(signer);
        if (!isUnderwriter[cover.treasury][underwriter]) revert NotUnderwriter(cover.treasury, underwriter);
        uint32 org = _requireFinance(underwriter);
        if (!SignatureChecker.isValidSignatureNow(signer, policyId, signature)) {
            revert InvalidQuoteSignature(policyId, underwriter);
        }

        Policy storage p = _policies[policyId];
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
    function deposit(Quote calldata quote, uint96 amount) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireHolder(policyId, quote.cover.holder);
        uint256 until = _coveredUntil(p, quote.terms);
        // After a lapse, more escrow would move `until` over seconds that have passed without cover.
        if (block.timestamp >= until) revert NotInForce(policyId, until);
        p.escrow += amount;
        emit Deposited(policyId, msg.sender, amount, p.escrow);
        _pull(amount);
    }

    /// @inheritdoc IDriveInsurance
    function withdraw(Quote calldata quote, uint96 amount) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireHolder(policyId, quote.cover.holder);
        uint256 most = _withdrawable(p, quote.terms);
        if (amount > most) revert ExceedsWithdrawable(policyId, amount, most);
        p.escrow -= amount;
        emit Withdrawn(policyId, msg.sender, amount, p.escrow);
        _push(amount);
    }

    /// @inheritdoc IDriveInsurance
    function reinstate(
        Quote calldata quote,
        uint96 amount,
        Reading calldata reading,
        bytes calldata signer,
        bytes calldata signature
    ) external nonReentrant {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Cover calldata cover = quote.cover;
        _requireHolder(policyId, cover.holder);
        _noticeLapse(policyId, p, quote.terms);
        if (p.state != PolicyState.LAPSED) revert NotLapsed(policyId, p.state);
        if (p.cursor != p.cutoff) revert UnsettledPeriods(policyId, p.cursor, p.cutoff);
        if (block.timestamp >= cover.end) revert TermOver(policyId, block.timestamp, cover.end);
        if (p.locked == 0) revert NothingInsured(policyId);
        uint96 escrow = p.escrow + amount;
        _requireOnePeriod(policyId, escrow, quote.terms.maximum);
        if (reading.policyId != policyId) revert WrongReading(policyId, reading.policyId);
        DEVICES.verify(
            cover.device, cover.vehicle, reading.time, reading.time, readingDigest(reading), signer, signature
        );

        _stretches[policyId][p.stretch] = Stretch(p.since, p.cutoff);
        p.state = PolicyState.ACTIVE;
        p.escrow = escrow;
        p.cursor = uint40(block.timestamp);
        p.since = uint40(block.timestamp);
        p.cutoff = cover.end;
        _advanceOdometer(policyId, p, reading.odometer);
        uint16 stretch = ++p.stretch;
        emit Reinstated(
            policyId, msg.sender, stretch, uint40(block.timestamp), reading.odometer, amount, escrow
        );
        _pull(amount);
    }

    /// @inheritdoc IDriveInsurance
    function cancel(Quote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        uint256 end = block.timestamp;
        if (msg.sender != quote.cover.holder) {
            _requireInsurer(quote.cover.treasury);
            end += quote.cover.noticePeriod;
        }
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        if (p.state != PolicyState.LAPSED && block.timestamp >= until) revert NotInForce(policyId, until);
        // Before the start of cover: nothing is ever covered.
        end = Math.max(end, p.since);
        if (end < p.cutoff) p.cutoff = uint40(end);
        else if (p.state == PolicyState.CANCELLED) revert AlreadyCancelled(policyId, p.cutoff);
        p.state = PolicyState.CANCELLED;
        emit Cancelled(policyId, msg.sender, p.cutoff, uint96(_withdrawable(p, quote.terms)));
    }

    // ------------------------------------------------------------------------------------------ periods

    /// @inheritdoc IDriveInsurance
    function report(Quote calldata quote, Usage calldata usage, bytes calldata signer, bytes calldata signature)
        external
    {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Cover calldata cover = quote.cover;
        uint256 end = _nextEnd(policyId, p, _coveredUntil(p, quote.terms), quote.terms.period);
        uint32 period = p.settled + 1;
        if (_reports[policyId].period == period) revert AlreadyReported(policyId, period);
        if (usage.policyId != policyId || usage.period != period || usage.from != p.cursor || usage.to != end) {
            revert WrongPeriod(policyId, period, p.cursor, end);
        }
        if (block.timestamp < end) revert PeriodRunning(policyId, period, end);
        uint256 last = Math.max(end, p.settledTime) + cover.reportWindow;
        if (block.timestamp > last) revert ReportTooLate(policyId, period, last);
        DEVICES.verify(
            cover.device, cover.vehicle, usage.from, usage.to - 1, usageDigest(usage), signer, signature
        );

        (uint64 driven, uint64 billed) = _advanceOdometer(policyId, p, usage.odometer);
        if (usage.night > driven) revert MoreThanDriven(policyId, usage.night, driven);
        if (usage.speeding > driven) revert MoreThanDriven(policyId, usage.speeding, driven);
        Premium.Counters memory counters = Premium.Counters({
            metres: billed,
            night: usage.night,
            speeding: usage.speeding,
            brakes: usage.brakes,
            accels: usage.accels,
            corners: usage.corners,
            phone: usage.phone
        });
        Report memory r = Report({
            charge: _charge(quote.terms, counters, end - usage.from, p.tier),
            tier: Premium.nextTier(quote.terms, counters),
            until: uint40(block.timestamp + cover.disputeWindow),
            period: period,
            state: ReportState.REPORTED
        });
        _reports[policyId] = r;
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
    function dispute(Quote calldata quote, bytes32 reason) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireHolder(policyId, quote.cover.holder);
        Report storage r = _reported(policyId, p);
        if (r.state != ReportState.REPORTED) revert WrongReportState(policyId, r.period, r.state);
        if (block.timestamp > r.until) revert DisputeTooLate(policyId, r.period, r.until);
        r.state = ReportState.DISPUTED;
        r.until = uint40(block.timestamp + quote.cover.arbitrationWindow);
        emit DisputeOpened(policyId, r.period, msg.sender, reason, r.until);
    }

    /// @inheritdoc IDriveInsurance
    function resolve(Quote calldata quote, Premium.Counters calldata counters, bytes32 reason) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireArbiter(policyId, quote.cover.arbiter);
        Report storage r = _reported(policyId, p);
        if (r.state != ReportState.DISPUTED) revert WrongReportState(policyId, r.period, r.state);
        if (block.timestamp > r.until) revert ResolutionTooLate(policyId, r.period, r.until);
        uint256 end = _nextEnd(policyId, p, _coveredUntil(p, quote.terms), quote.terms.period);
        _lower(policyId, p, r, quote.terms, counters, end - p.cursor, reason, false);
    }

    /// @inheritdoc IDriveInsurance
    function settle(Quote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Report storage r = _reported(policyId, p);
        if (r.state != ReportState.RESOLVED && block.timestamp <= r.until) {
            revert SettledTooEarly(policyId, r.period, r.until);
        }
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        uint256 end = _nextEnd(policyId, p, until, quote.terms.period);
        if (r.state == ReportState.DISPUTED) {
            Premium.Counters memory none;
            _lower(policyId, p, r, quote.terms, none, end - p.cursor, 0, true);
        }
        _settle(policyId, p, quote.cover.treasury, end, r.charge, r.tier, false);
    }

    /// @inheritdoc IDriveInsurance
    function settleDefault(Quote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        uint256 until = _noticeLapse(policyId, p, quote.terms);
        uint256 end = _nextEnd(policyId, p, until, quote.terms.period);
        uint32 period = p.settled + 1;
        if (_reports[policyId].period == period) revert AlreadyReported(policyId, period);
        uint256 last = Math.max(end, p.settledTime) + quote.cover.reportWindow;
        if (block.timestamp <= last) revert ReportStillPossible(policyId, period, last);

        Premium.Counters memory counters;
        counters.metres = Premium.noDataMetres(quote.terms, end - p.cursor);
        uint32 tier = Premium.noDataTier(p.tier);
        p.billed += counters.metres;
        emit UsageMissed(policyId, period, msg.sender, counters.metres);
        uint96 charge = _charge(quote.terms, counters, end - p.cursor, tier);
        _settle(policyId, p, quote.cover.treasury, end, charge, tier, true);
    }

    // ------------------------------------------------------------------------------------------ claims

    /// @inheritdoc IDriveInsurance
    function submitClaim(Quote calldata quote, uint16 stretch, uint40 lossTime, uint96 amount, bytes32 evidence)
        external
        returns (uint16 claim)
    {
        (bytes32 policyId, Policy storage p) = _load(quote);
        _requireHolder(policyId, quote.cover.holder);
        if (amount == 0) revert ZeroAmount();
        Stretch memory s = stretch == p.stretch
            ? Stretch(p.since, uint40(_coveredUntil(p, quote.terms)))
            : _stretches[policyId][stretch];
        if (lossTime < s.since || lossTime >= s.until || lossTime > block.timestamp) {
            revert NotCovered(policyId, stretch, lossTime);
        }
        uint256 last = uint256(lossTime) + quote.cover.claimWindow;
        if (block.timestamp > last) revert ClaimTooLate(policyId, last);
        uint96 available = p.locked - p.claimed;
        if (amount > available) revert ClaimExceedsCover(policyId, amount, available);
        p.claimed += amount;
        claim = ++p.claims;
        uint40 until = uint40(block.timestamp + quote.cover.decisionWindow);
        _claims[policyId][claim] =
            Claim({amount: amount, approved: 0, until: until, state: ClaimState.SUBMITTED});
        emit ClaimSubmitted(policyId, claim, msg.sender, stretch, lossTime, amount, evidence, until);
    }

    /// @inheritdoc IDriveInsurance
    function decideClaim(Quote calldata quote, uint16 claim, uint96 approved, bytes32 reason) external {
        (bytes32 policyId,) = _load(quote);
        Claim storage c = _claims[policyId][claim];
        bool appealed = c.state == ClaimState.APPEALED;
        if (appealed) _requireArbiter(policyId, quote.cover.arbiter);
        else if (c.state == ClaimState.SUBMITTED) _requireInsurer(quote.cover.treasury);
        else revert WrongClaimState(policyId, claim, c.state);
        if (block.timestamp > c.until) revert DecisionTooLate(policyId, claim, c.until);
        if (approved < c.approved || approved > c.amount) {
            revert ApprovalOutOfRange(policyId, claim, approved, c.approved, c.amount);
        }
        c.approved = approved;
        c.state = appealed || approved == c.amount ? ClaimState.FINAL : ClaimState.DECIDED;
        c.until = uint40(block.timestamp + quote.cover.disputeWindow);
        emit ClaimDecided(policyId, claim, msg.sender, approved, reason, c.state, c.until);
    }

    /// @inheritdoc IDriveInsurance
    function appealClaim(Quote calldata quote, uint16 claim, bytes32 reason) external {
        (bytes32 policyId,) = _load(quote);
        _requireHolder(policyId, quote.cover.holder);
        Claim storage c = _claims[policyId][claim];
        if (c.state != ClaimState.DECIDED) revert WrongClaimState(policyId, claim, c.state);
        if (block.timestamp > c.until) revert DecisionTooLate(policyId, claim, c.until);
        c.state = ClaimState.APPEALED;
        c.until = uint40(block.timestamp + quote.cover.arbitrationWindow);
        emit ClaimAppealed(policyId, claim, msg.sender, reason, c.until);
    }

    /// @inheritdoc IDriveInsurance
    function payClaim(Quote calldata quote, uint16 claim) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        Claim storage c = _claims[policyId][claim];
        ClaimState state = c.state;
        if (state == ClaimState.NONE || state == ClaimState.PAID) revert WrongClaimState(policyId, claim, state);
        if (state != ClaimState.FINAL && block.timestamp <= c.until) {
            revert ClaimNotFinal(policyId, claim, c.until);
        }
        if (state == ClaimState.SUBMITTED) c.approved = c.amount;
        c.state = ClaimState.PAID;
        p.claimed -= c.amount;
        p.locked -= c.approved;
        _payLocked(quote.cover.treasury, quote.cover.holder, c.approved);
        emit ClaimPaid(policyId, claim, quote.cover.holder, msg.sender, c.approved);
    }

    /// @inheritdoc IDriveInsurance
    function release(Quote calldata quote) external {
        (bytes32 policyId, Policy storage p) = _load(quote);
        uint256 last = _noticeLapse(policyId, p, quote.terms) + quote.cover.claimWindow;
        if (block.timestamp <= last) revert ClaimsStillPossible(policyId, last);
        if (p.claimed != 0) revert ClaimsOpen(policyId, p.claimed);
        uint96 amount = p.locked;
        if (amount == 0) revert NothingInsured(policyId);
        p.locked = 0;
        _unlock(quote.cover.treasury, amount);
        emit CapitalReleased(policyId, quote.cover.treasury, msg.sender, amount);
    }

    // ------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDriveInsurance
    function policyOf(bytes32 policyId) external view returns (Policy memory) {
        return _policies[policyId];
    }

    /// @inheritdoc IDriveInsurance
    function reportOf(bytes32 policyId) external view returns (Report memory) {
        return _reports[policyId];
    }

    /// @inheritdoc IDriveInsurance
    function claimOf(bytes32 policyId, uint16 claim) external view returns (Claim memory) {
        return _claims[policyId][claim];
    }

    /// @inheritdoc IDriveInsurance
    function stretchOf(bytes32 policyId, uint16 stretch) external view returns (Stretch memory) {
        return _stretches[policyId][stretch];
    }

    /// @inheritdoc IDriveInsurance
    function coveredUntil(Quote calldata quote) external view returns (uint256) {
        (, Policy storage p) = _load(quote);
        return _coveredUntil(p, quote.terms);
    }

    /// @inheritdoc IDriveInsurance
    function withdrawable(Quote calldata quote) external view returns (uint256) {
        (, Policy storage p) = _load(quote);
        return _withdrawable(p, quote.terms);
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
    function quoteCharge(
        Premium.Terms calldata terms,
        Premium.Counters calldata counters,
        uint40 duration,
        uint32 tier
    ) external pure returns (uint256) {
        return Premium.charge(terms, counters, duration, tier);
    }

    /// @inheritdoc IDriveInsurance
    function quoteTier(Premium.Terms calldata terms, Premium.Counters calldata counters)
        external
        pure
        returns (uint32)
    {
        return Premium.nextTier(terms, counters);
    }

    /// @inheritdoc IDriveInsurance
    function policyIdOf(Quote calldata quote) public view returns (bytes32) {
        bytes32 terms = keccak256(abi.encode(TERMS_TYPEHASH, quote.terms));
        bytes32 cover = keccak256(abi.encode(COVER_TYPEHASH, quote.cover));
        return _hashTypedDataV4(keccak256(abi.encode(QUOTE_TYPEHASH, terms, cover)));
    }

    /// @inheritdoc IDriveInsurance
    function usageDigest(Usage calldata usage) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(USAGE_TYPEHASH, usage)));
    }

    /// @inheritdoc IDriveInsurance
    function readingDigest(Reading calldata reading) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(READING_TYPEHASH, reading)));
    }

    // ------------------------------------------------------------------------------------------ private

    /// @dev Latches a lapse, before anything changes what {_coveredUntil} computes: a premium below the maximum
    /// leaves escrow over, and must not buy cover for seconds that have passed without it.
    function _noticeLapse(bytes32 policyId, Policy storage p, Premium.Terms calldata terms)
        private
        returns (uint256 until)
    {
        until = _coveredUntil(p, terms);
        if (block.timestamp >= until && until < p.cutoff) {
            p.cutoff = uint40(until);
            if (p.state == PolicyState.ACTIVE) p.state = PolicyState.LAPSED;
            emit CoverLapsed(policyId, uint40(until));
        }
    }

    /// @dev Moves charge and tier down to what the counters give.
    function _lower(
        bytes32 policyId,
        Policy storage p,
        Report storage r,
        Premium.Terms calldata terms,
        Premium.Counters memory counters,
        uint256 duration,
        bytes32 reason,
        bool timedOut
    ) private {
        uint96 charge = _charge(terms, counters, duration, p.tier);
        if (charge > r.charge) revert MayOnlyLower(policyId, r.charge, charge);
        uint32 tier = uint32(Math.min(Premium.nextTier(terms, counters), r.tier));
        emit DisputeResolved(policyId, r.period, msg.sender, r.charge, charge, tier, reason, timedOut);
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

    /// @return driven Metres since the last reading.
    /// @return billed Metres since the last bill: fewer after a period without a report, which was billed already.
    function _advanceOdometer(bytes32 policyId, Policy storage p, uint64 odometer)
        private
        returns (uint64 driven, uint64 billed)
    {
        if (odometer < p.odometer) revert OdometerBackwards(policyId, odometer, p.odometer);
        driven = odometer - p.odometer;
        p.odometer = odometer;
        if (odometer > p.billed) {
            billed = odometer - p.billed;
            p.billed = odometer;
        }
    }

    function _load(Quote calldata quote) private view returns (bytes32 policyId, Policy storage p) {
        policyId = policyIdOf(quote);
        p = _policies[policyId];
        if (p.state == PolicyState.NONE) revert UnknownPolicy(policyId);
    }

    function _reported(bytes32 policyId, Policy storage p) private view returns (Report storage r) {
        r = _reports[policyId];
        if (r.period != p.settled + 1) revert NotReported(policyId, p.settled + 1);
    }

    function _coveredUntil(Policy storage p, Premium.Terms calldata terms) private view returns (uint256) {
        uint256 periods = p.escrow / terms.maximum;
        return Math.min(p.cursor + periods * terms.period, p.cutoff);
    }

    /// @dev The escrow never holds less than the maximum for the periods up to {_coveredUntil}, hence never less
    /// than that for the started ones.
    function _withdrawable(Policy storage p, Premium.Terms calldata terms) private view returns (uint256) {
        uint256 end = Math.max(Math.min(block.timestamp + 1, _coveredUntil(p, terms)), p.cursor);
        return p.escrow - Math.ceilDiv(end - p.cursor, terms.period) * terms.maximum;
    }

    /// @dev End of the next period to be settled.
    function _nextEnd(bytes32 policyId, Policy storage p, uint256 until, uint32 period)
        private
        view
        returns (uint256)
    {
        if (p.cursor >= until) revert NothingToSettle(policyId, p.cursor);
        return Math.min(uint256(p.cursor) + period, until);
    }

    function _requireHolder(bytes32 policyId, address holder) private view {
        if (msg.sender != holder) revert NotHolder(policyId, msg.sender);
    }

    function _requireArbiter(bytes32 policyId, address arbiter) private view {
        if (msg.sender != arbiter) revert NotArbiter(policyId, msg.sender);
    }

    function _requireOnePeriod(bytes32 policyId, uint96 escrow, uint96 maximum) private pure {
        if (escrow < maximum) revert DepositTooSmall(policyId, escrow, maximum);
    }

    /// @dev Fits: no period is longer than terms.period, so no premium exceeds terms.maximum.
    function _charge(
        Premium.Terms calldata terms,
        Premium.Counters memory counters,
        uint256 duration,
        uint32 tier
    ) private pure returns (uint96) {
        return uint96(Premium.charge(terms, counters, duration, tier));
    }
}
