// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Premium} from "../libraries/Premium.sol";
import {ICapital} from "./ICapital.sol";
import {IDevices} from "./IDevices.sol";

/// @title IDriveInsurance
/// @notice Pay-how-you-drive motor insurance: a premium metered by a device in the vehicle, paid in arrears out of
/// the driver's own escrow, and cover that lasts exactly as long as the escrow can pay for it.
///
/// How a policy lives:
/// 1. The insurer signs a {Quote}; the driver opens it with a deposit. The sum insured is locked in full.
/// 2. Time is cut into periods. A period's report, signed by the device, fixes its charge. The driver may dispute
///    it; an arbiter may only lower it. Then anyone settles the period: the charge goes from the driver's escrow to
///    the insurer. No report in time: anyone settles it by default, without discount.
/// 3. Cover runs to {coveredUntil}: as many periods as the escrow can pay at the maximum premium. Nobody has to
///    end it. A deposit extends running cover only; after a lapse the driver may {reinstate}, from now on.
/// 4. The driver ends the policy at once, the insurer with notice; both pay for the time that passed and no more.
///    What the escrow does not owe, the driver withdraws at any time.
/// 5. Losses inside the cover are claimed, decided, appealed and paid out of the locked capital.
///
/// Guarantees: cover of a second that has passed never changes. A premium is always collectable and never exceeds
/// the maximum. A settled period never changes. The escrow is the driver's, never the insurer's capital. All
/// tokens here are somebody's escrow, pool or credit: the three add up to the balance at all times. Terms of an
/// open policy never change. Nobody but payees takes money out, and no exit of money asks the consortium.
///
/// Metres are billed by the odometer: what a trip without the device adds to it is in the next bill. A period
/// without a report is billed by default, without discount; what its true metres exceed that is billed later.
///
/// Seconds: cover includes its first second and excludes {coveredUntil}. A last second (`deadline`, `until`) is
/// the last at which the step is still possible.
///
/// Privacy: per period the chain holds totals and a Merkle root of the trips, never a place. Totals are personal
/// data too: use a fresh address for each policy.
///
/// Assumptions: the device's odometer is honest and the device stays in the vehicle; the device counts night and
/// speeding metres and events as agreed off chain; both trust the device's owner, who can replace its key and
/// detach it; the arbiter acts within its window, or disputes end in the driver's favour and appeals in the
/// insurer's.
///
/// To rebuild the state from logs, fold all events; the terms are in {PolicyOpened}.
interface IDriveInsurance is ICapital {
    /// @notice The insurer's and the driver's agreement besides the premium rule. Windows in seconds.
    /// @param holder The policyholder: opens, pays, is paid.
    /// @param treasury Whose capital stands behind the policy.
    /// @param arbiter Decides disputes and appeals; zero: nobody does, so disputes end in the driver's favour and
    /// appeals in the insurer's.
    /// @param vehicle Twin of the insured vehicle.
    /// @param device Device whose signature makes a report valid; must be attached to the vehicle.
    /// @param sumInsured Most that all claims together pay. Locked in full when the policy opens. A policy whose
    /// sum insured is paid out goes on until it is cancelled.
    /// @param start First second of cover, or any earlier time: from the opening on.
    /// @param end End of the term.
    /// @param odometer The vehicle's reading in metres at the start.
    /// @param tier First tier in parts per million.
    /// @param reportWindow For the report, after a period ends and the period before it is settled.
    /// @param disputeWindow For the driver to dispute a report, and to appeal against a decision on a claim.
    /// @param arbitrationWindow For the arbiter to decide.
    /// @param noticePeriod From the insurer's cancellation to the end of cover.
    /// @param claimWindow From a loss to its claim.
    /// @param decisionWindow For the insurer to decide a claim.
    /// @param deadline Last second at which the quote can be opened.
    /// @param salt Makes the quote unique, and the policy's id unguessable.
    struct Cover {
        address holder;
        address treasury;
        address arbiter;
        bytes32 vehicle;
        bytes32 device;
        uint96 sumInsured;
        uint40 start;
        uint40 end;
        uint64 odometer;
        uint32 tier;
        uint32 reportWindow;
        uint32 disputeWindow;
        uint32 arbitrationWindow;
        uint32 noticePeriod;
        uint32 claimWindow;
        uint32 decisionWindow;
        uint40 deadline;
        bytes32 salt;
    }

    /// @notice What the insurer signs (EIP-712). Its digest is the policy's id, so a quote opens one policy; the
    /// chain keeps the id only, and who acts on the policy hands the quote in again.
    struct Quote {
        Premium.Terms terms;
        Cover cover;
    }

    /// @notice What the device signs (EIP-712) when a period has ended.
    /// @param from First second of the period.
    /// @param to End of the period, exclusive.
    /// @param odometer Reading in metres at the end of the period.
    /// @param night Metres at night, of those since the last reading.
    /// @param speeding Metres driven too fast, of those since the last reading.
    /// @param trips Number of trips under `tripsRoot`.
    /// @param tripsRoot Root of a Merkle tree over the trips (see {proveTrip}).
    struct Usage {
        bytes32 policyId;
        uint32 period;
        uint40 from;
        uint40 to;
        uint64 odometer;
        uint64 night;
        uint64 speeding;
        uint32 brakes;
        uint32 accels;
        uint32 corners;
        uint32 phone;
        uint32 trips;
        bytes32 tripsRoot;
    }

    /// @notice One trip, as hashed into the leaf of a report's tree.
    /// @param index Place in the report's list.
    /// @param salt Random, so that the totals of a trip cannot be guessed from its leaf.
    /// @param day Local day of the trip, counted from 1970-01-01.
    struct Trip {
        uint32 index;
        bytes32 salt;
        uint32 day;
        Premium.Counters counters;
    }

    /// @notice ACTIVE: open, or run out. LAPSED: the escrow could not pay on; may be reinstated. CANCELLED: ended.
    enum PolicyState {
        NONE,
        ACTIVE,
        LAPSED,
        CANCELLED
    }

    /// @notice What changes in a policy. Three slots: money and time of the periods, readings and cover, claims.
    /// @param escrow The driver's money for coming premiums.
    /// @param cursor End of the last settled period, where the next one begins.
    /// @param cutoff Cover never passes this second: end of the term, of a lapsed cover, or of a cancelled one.
    /// @param settled Number of settled periods; the next one has this number plus one.
    /// @param settledTime When the last period was settled.
    /// @param odometer Last reading in metres of a settled period or a reinstatement.
    /// @param billed Reading up to which metres are billed; may differ from `odometer` after a period without a
    /// reading.
    /// @param tier For the next period.
    /// @param unread True while the last settled period has no reading: no report came, or a dispute voided it.
    /// @param since First second of the current stretch of cover.
    /// @param stretch Number of the current stretch of cover, one more after each reinstatement.
    /// @param claims Number of claims.
    /// @param locked What of the sum insured is locked for this policy.
    /// @param claimed What of it open claims ask for.
    struct Policy {
        uint96 escrow;
        uint40 cursor;
        uint40 cutoff;
        uint32 settled;
        uint40 settledTime;
        PolicyState state;
        uint64 odometer;
        uint64 billed;
        uint32 tier;
        bool unread;
        uint40 since;
        uint16 stretch;
        uint16 claims;
        uint96 locked;
        uint96 claimed;
    }

    /// @notice REPORTED: may be disputed. DISPUTED: waits for the arbiter. RESOLVED: the arbiter has decided.
    enum ReportState {
        NONE,
        REPORTED,
        DISPUTED,
        RESOLVED
    }

    /// @notice The report of the next period to be settled. One slot.
    /// @param charge Premium of the period.
    /// @param tier For the period after it.
    /// @param until Last second for the dispute (REPORTED) or for the arbiter (DISPUTED).
    /// @param odometer The vehicle's reading in metres at the end of the period.
    struct Report {
        uint96 charge;
        uint32 tier;
        uint40 until;
        uint64 odometer;
        ReportState state;
    }

    /// @notice SUBMITTED: the insurer decides. DECIDED: the driver may appeal. APPEALED: the arbiter decides.
    /// FINAL: nobody changes it any more. PAID: closed.
    enum ClaimState {
        NONE,
        SUBMITTED,
        DECIDED,
        APPEALED,
        FINAL,
        PAID
    }

    /// @notice A claim. One slot.
    /// @param amount What the driver asks for.
    /// @param approved What was decided so far.
    /// @param until Last second of the current step.
    struct Claim {
        uint96 amount;
        uint96 approved;
        uint40 until;
        ClaimState state;
    }

    /// @notice A stretch of cover that ended by lapse: its first second, and its end.
    struct Stretch {
        uint40 since;
        uint40 until;
    }

    /// @notice The driver opened the quote; cover runs from the second `since`.
    /// @param org Organisation for which the underwriter acts.
    /// @param underwriter Account that stands for the signer of the quote.
    event PolicyOpened(
        bytes32 indexed policyId,
        address indexed holder,
        address indexed treasury,
        uint32 org,
        address underwriter,
        uint40 since,
        uint96 escrow,
        Quote quote
    );
    /// @notice The driver paid into the escrow, which now holds `escrow`.
    event Deposited(bytes32 indexed policyId, address indexed holder, uint96 amount, uint96 escrow);
    /// @notice The driver took out of the escrow, which now holds `escrow`.
    event Withdrawn(bytes32 indexed policyId, address indexed holder, uint96 amount, uint96 escrow);
    /// @notice The device's report for a period came in.
    /// @param caller Who sent it.
    /// @param counters What the charge follows from; `metres` are those billed.
    /// @param charge Premium of the period.
    /// @param tier For the period after it.
    /// @param until Last second for a dispute.
    event UsageReported(
        bytes32 indexed policyId,
        uint32 indexed period,
        address caller,
        uint64 odometer,
        Premium.Counters counters,
        uint32 trips,
        bytes32 tripsRoot,
        uint96 charge,
        uint32 tier,
        uint40 until
    );
    /// @notice No report came for the period; `metres` are billed instead, and credited against the next reading.
    event UsageMissed(bytes32 indexed policyId, uint32 indexed period, address caller, uint64 metres);
    /// @notice The driver disputes the report, for the reason whose record has this hash.
    event DisputeOpened(
        bytes32 indexed policyId, uint32 indexed period, address indexed holder, bytes32 reason, uint40 until
    );
    /// @notice The dispute ended: charge and tier follow from these counters, and the reading is this one.
    /// @param caller The arbiter; or whoever settled the period after the arbiter's time ran out (`timedOut`).
    event DisputeResolved(
        bytes32 indexed policyId,
        uint32 indexed period,
        address indexed caller,
        uint64 odometer,
        Premium.Counters counters,
        uint96 oldCharge,
        uint96 newCharge,
        uint32 tier,
        bytes32 reason,
        bool timedOut
    );
    /// @notice The period's charge went from the driver's escrow, which now holds `escrow`, to the treasury.
    event PeriodSettled(
        bytes32 indexed policyId,
        uint32 indexed period,
        address indexed treasury,
        address caller,
        uint40 from,
        uint40 to,
        uint96 charge,
        uint96 escrow,
        uint40 time,
        bool byDefault
    );
    /// @notice The tier for the periods after this one changed.
    event TierUpdated(bytes32 indexed policyId, uint32 indexed period, uint32 oldTier, uint32 tier);
    /// @notice It was noticed that cover had ended at the second `until`, because the escrow could not pay on.
    event CoverLapsed(bytes32 indexed policyId, uint40 until);
    /// @notice Cover runs again, from the second `since`.
    event Reinstated(
        bytes32 indexed policyId,
        address indexed holder,
        uint16 indexed stretch,
        uint40 since,
        uint64 odometer,
        uint96 amount,
        uint96 escrow
    );
    /// @notice The driver or the insurer ended the policy; cover does not pass the second `until`.
    /// @param refundable What the driver may withdraw at once; the rest waits for the last settlement.
    event Cancelled(bytes32 indexed policyId, address indexed caller, uint40 until, uint96 refundable);
    /// @notice The driver claims `amount` for a loss.
    /// @param until Last second for the insurer's decision; silence approves.
    event ClaimSubmitted(
        bytes32 indexed policyId,
        uint16 indexed claim,
        address indexed holder,
        uint16 stretch,
        uint40 lossTime,
        uint96 amount,
        bytes32 evidence,
        uint40 until
    );
    /// @notice The insurer, or after an appeal the arbiter, decided.
    /// @param state DECIDED or FINAL.
    /// @param until Last second for an appeal against it (DECIDED).
    event ClaimDecided(
        bytes32 indexed policyId,
        uint16 indexed claim,
        address indexed caller,
        uint96 approved,
        bytes32 reason,
        ClaimState state,
        uint40 until
    );
    /// @notice The driver appealed to the arbiter, who has until the second `until`.
    event ClaimAppealed(
        bytes32 indexed policyId, uint16 indexed claim, address indexed holder, bytes32 reason, uint40 until
    );
    /// @notice The claim is closed and `amount` is on the driver's credit.
    event ClaimPaid(
        bytes32 indexed policyId, uint16 indexed claim, address indexed holder, address caller, uint96 amount
    );
    /// @notice No claim can come any more; what was still locked is the treasury's again.
    event CapitalReleased(bytes32 indexed policyId, address indexed treasury, address caller, uint96 amount);

    /// @notice Cover would begin at or after the end of the term.
    error TermOver(bytes32 policyId, uint256 since, uint40 end);
    /// @notice Nothing is insured: a quote needs a sum insured, a reinstatement and a release locked capital.
    error NothingInsured(bytes32 policyId);
    /// @notice A quote leaves the driver no time to report, to dispute or to claim.
    error ZeroWindow(uint32 reportWindow, uint32 disputeWindow, uint32 claimWindow);
    /// @notice The device is not attached to the vehicle, so that nothing would be metered.
    error NotMetered(bytes32 device, bytes32 vehicle, bytes32 attachedTo);
    /// @notice The amount must lie between these, both allowed. Escrow after opening and reinstating: one period's
    /// maximum at least. Withdrawal: {withdrawable} at most. Corrected charge: at most the reported one; corrected
    /// odometer: between the last reading and the reported one. Claim: at most what of the sum insured is not paid
    /// or claimed. Approval: at most the claim, and after an appeal at least what the insurer approved.
    error AmountOutOfRange(bytes32 policyId, uint256 amount, uint256 least, uint256 most);
    /// @notice Cover ended at the second `coveredUntil`.
    error CoverEnded(bytes32 policyId, uint256 coveredUntil);
    /// @notice The policy is cancelled, and its cover ends at the second `cutoff` or earlier.
    error AlreadyCancelled(bytes32 policyId, uint40 cutoff);
    /// @notice Only a lapsed policy can be reinstated.
    error NotLapsed(bytes32 policyId, PolicyState state);
    /// @notice Covered time from `cursor` to `cutoff` must be settled first.
    error UnsettledPeriods(bytes32 policyId, uint40 cursor, uint40 cutoff);
    /// @notice All covered time up to `cursor` is settled, and no period follows it.
    error NothingToSettle(bytes32 policyId, uint40 cursor);
    /// @notice The report is for another policy, period or time than the next, which are these.
    error WrongPeriod(bytes32 policyId, uint32 period, uint256 from, uint256 to);
    /// @notice The period has its report.
    error AlreadyReported(bytes32 policyId, uint32 period);
    /// @notice The period has no report.
    error NotReported(bytes32 policyId, uint32 period);
    /// @notice The report is in another state than the step needs.
    error WrongReportState(bytes32 policyId, uint32 period, ReportState state);
    /// @notice The odometer stood at `last` before.
    error OdometerBackwards(bytes32 policyId, uint64 odometer, uint64 last);
    /// @notice The metres at night or too fast exceed the metres driven.
    error MoreThanDriven(bytes32 policyId, uint64 night, uint64 speeding, uint64 driven);
    /// @notice The stretch of cover does not contain the second of the loss, or the loss lies ahead.
    error NotCovered(bytes32 policyId, uint16 stretch, uint40 lossTime);
    /// @notice The claim is in another state than the step needs.
    error WrongClaimState(bytes32 policyId, uint16 claim, ClaimState state);
    /// @notice Claims for this amount are open.
    error ClaimsOpen(bytes32 policyId, uint96 claimed);

    /// @notice Opens a policy. Policyholder only. Cover runs from the quote's start, or from now if that has
    /// passed: never backwards. Emits {PolicyOpened}.
    /// @param amount Goes into the escrow; at least the maximum premium of a period.
    /// @param signer ERC-7913 signer of the quote: an underwriter of the treasury whose organisation is an INSURER
    /// and who has the duty FINANCE.
    /// @return policyId The quote's EIP-712 digest.
    function openPolicy(Quote calldata quote, uint96 amount, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 policyId);

    /// @notice Pays into the escrow. Policyholder only, before or while cover runs. Emits {Deposited}.
    function deposit(Quote calldata quote, uint96 amount) external;

    /// @notice Pays out of the escrow. Policyholder only; at most {withdrawable}. Emits {Withdrawn}.
    function withdraw(Quote calldata quote, uint96 amount) external;

    /// @notice Enters the device's report for the next period, once that has ended and the one before it is
    /// settled. Anyone, with the device's signature. Emits {UsageReported}.
    ///
    /// Metres billed are those of the odometer since the last bill, whatever the trips say. After a period without
    /// a report they are fewer by what was billed for it.
    /// @param signer The device's ERC-7913 signer.
    function report(Quote calldata quote, Usage calldata usage, bytes calldata signer, bytes calldata signature)
        external;

    /// @notice Stops the settlement of the reported period. Policyholder only. Emits {DisputeOpened}.
    /// @param reason Hash of the driver's statement.
    function dispute(Quote calldata quote, bytes32 reason) external;

    /// @notice Ends the dispute: the charge and the next tier follow from the corrected counters, and neither may
    /// rise. Arbiter only. Emits {DisputeResolved}.
    /// @param odometer The true reading; metres up to it are never billed again.
    /// @param counters `metres` are those to be billed.
    /// @param reason Hash of the arbiter's reasons.
    function resolve(Quote calldata quote, uint64 odometer, Premium.Counters calldata counters, bytes32 reason) external;

    /// @notice Settles the reported period after the dispute window. Anyone. A dispute that the arbiter left
    /// undecided voids the report: charge and tier are those of a period without any metre or event, and the last
    /// reading stands. Emits {PeriodSettled}, and {DisputeResolved}, {TierUpdated}, {CoverLapsed}.
    function settle(Quote calldata quote) external;

    /// @notice Settles a period for which no report came in time: tier at least 1,000,000 for it and after it,
    /// and the default metres, or as many of them as the maximum premium pays for. Anyone. Emits {UsageMissed},
    /// {PeriodSettled}, and {TierUpdated}, {CoverLapsed}.
    function settleDefault(Quote calldata quote) external;

    /// @notice Begins a new stretch of cover after a lapse, from now on. Policyholder only, after the covered
    /// periods are settled. Metres driven without cover are not billed, unless the last covered period has no
    /// reading: nobody can tell them from its metres then. Emits {Reinstated}, {CoverLapsed}.
    /// @param amount Goes into the escrow, which must then pay for one period at the maximum.
    /// @param time When the device read the odometer. An old reading is no gain: more metres are billed.
    /// @param odometer The reading in metres.
    /// @param signer The device's ERC-7913 signer.
    /// @param signature Of the device over EIP-712 `Reading(bytes32 policyId,uint40 time,uint64 odometer)`.
    function reinstate(
        Quote calldata quote,
        uint96 amount,
        uint40 time,
        uint64 odometer,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Ends the policy: policyholder at once; treasury, or an underwriter of it, after the notice period.
    /// The last period is shorter and its charge in proportion. A lapsed policy is closed for good. Emits
    /// {Cancelled}, {CoverLapsed}.
    function cancel(Quote calldata quote) external;

    /// @notice Claims for a loss inside the cover. Policyholder only. Emits {ClaimSubmitted}.
    /// @param stretch Stretch of cover in which the loss happened, counted from 0.
    /// @param evidence Hash of the evidence.
    /// @return claim Its number, counted from 1.
    function submitClaim(Quote calldata quote, uint16 stretch, uint40 lossTime, uint96 amount, bytes32 evidence)
        external
        returns (uint16 claim);

    /// @notice Decides a claim. SUBMITTED: treasury, or an underwriter of it; any part of the amount. APPEALED:
    /// arbiter; not less than the insurer approved. Emits {ClaimDecided}.
    function decideClaim(Quote calldata quote, uint16 claim, uint96 approved, bytes32 reason) external;

    /// @notice Asks the arbiter for more than the insurer approved. Policyholder only. Emits {ClaimAppealed}.
    function appealClaim(Quote calldata quote, uint16 claim, bytes32 reason) external;

    /// @notice Closes a claim that nobody may change any more and puts what was approved on the driver's credit.
    /// Anyone. An insurer who did not decide has approved; where the arbiter did not, the insurer's decision
    /// stands. Emits {ClaimPaid}.
    function payClaim(Quote calldata quote, uint16 claim) external;

    /// @notice Gives the treasury back what is still locked once no claim can come. Anyone; while a lapsed policy
    /// may be reinstated, the treasury or an underwriter of it, and that ends the right. Emits {CapitalReleased},
    /// {CoverLapsed}.
    function release(Quote calldata quote) external;

    /// @notice The devices whose signatures count.
    function DEVICES() external view returns (IDevices);

    /// @notice The stored facts of a policy.
    function policyOf(bytes32 policyId) external view returns (Policy memory);

    /// @notice The report of the next period to be settled; state NONE: none came yet.
    function reportOf(bytes32 policyId) external view returns (Report memory);

    /// @notice A claim, counted from 1.
    function claimOf(bytes32 policyId, uint16 claim) external view returns (Claim memory);

    /// @notice A stretch of cover that a reinstatement has followed, counted from 0.
    function stretchOf(bytes32 policyId, uint16 stretch) external view returns (Stretch memory);

    /// @notice Root of the trips of a reported period, or zero.
    function tripsRootOf(bytes32 policyId, uint32 period) external view returns (bytes32);

    /// @notice The id of the policy that the quote opens: its EIP-712 digest.
    function policyIdOf(Quote calldata quote) external view returns (bytes32);

    /// @notice The first second that is not covered any more as things stand:
    /// cursor + (escrow / maximum, rounded down) * period, not beyond the cutoff.
    function coveredUntil(Quote calldata quote) external view returns (uint256);

    /// @notice What the driver may withdraw: the escrow without the maximum for each started, unsettled period.
    function withdrawable(Quote calldata quote) external view returns (uint256);

    /// @notice What a report with these counters would lead to.
    /// @param duration Seconds of the period that are covered.
    /// @param tier The driver's tier in the period.
    /// @return charge The premium.
    /// @return next The tier for the next period.
    function quotePeriod(Premium.Terms calldata terms, Premium.Counters calldata counters, uint40 duration, uint32 tier)
        external
        pure
        returns (uint256 charge, uint32 next);

    /// @notice Is the trip in the report of this period? The leaf is
    /// keccak256(keccak256(abi.encode(chain id, this contract, policyId, period, trip))).
    function proveTrip(bytes32 policyId, uint32 period, Trip calldata trip, bytes32[] calldata proof)
        external
        view
        returns (bool);
}
