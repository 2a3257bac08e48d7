// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Indemnity} from "../libraries/Indemnity.sol";
import {ICapital} from "./ICapital.sol";
import {IConditions} from "./IConditions.sol";
import {IRecalls} from "./IRecalls.sol";
import {ITwins} from "./ITwins.sol";

/// @title ICargoInsurance
/// @notice Cargo insurance for one trip of a twin: what was breached on the way is read from {IConditions}, what it is
/// worth from a table that insurer and policyholder have agreed on before.
///
/// How a policy lives:
/// 1. The insurer signs a {CargoQuote}; the policyholder opens it and pays the premium. The sum insured is locked.
/// 2. {begin}: the named carrier has custody. The premium is earned. Too late for that: it goes back, all of it.
/// 3. {finish}: the named consignee has custody. Nobody says so: the trip ends at its latest end.
/// 4. {claimBreach}, {claimRecall}: anyone proves what happened, for the policyholder. The worst counts, not the sum and
///    not the first, so a small claim by a stranger costs the policyholder nothing.
/// 5. {settle}: one payment, when the claim window is over, at once if nothing higher can be proved or if the
///    policyholder wants it so. The rest of the sum insured is the treasury's again.
///
/// Guarantees: terms of an open policy never change. A breach counts if it began in the trip, to the second. A worse
/// breach never pays less. Pools, credits and the premiums of policies that have not begun add up to the balance at all
/// times. Nobody but payees takes money out, and no exit of money asks the consortium or any other module.
///
/// Seconds: the trip includes its first second and excludes {Policy.end}. A last second (`deadline`, `latestStart`, the
/// end of the claim window) is the last at which the step is still possible.
///
/// What a breach is worth: the distance of its extreme from the limit counts if the segment that showed it ended in the
/// trip; otherwise nobody knows whether the extreme belongs to it, and the distance is 0. Of its time no more counts than
/// lies between the first crossing and the trip's end. A breach is recorded once for each rule: a table that pays more
/// for worse has a rule for each step. A segment that was proved false breaks {IConditions-FALSIFIED}, from its own start on: a
/// row on that number insures against the lie. A mean reaches back to where its time began: one that began before the
/// trip does not count.
///
/// Assumptions, for the insurer: the devices are honest and stay with the cargo; who controls devices, sets the
/// conditions or owns the cargo may be the policyholder, and a rejection by the owner is no independent survey (only a
/// regulator rejects under conditions that a regulator has set). For the policyholder: the setter keeps the conditions
/// in force until all segments of the trip are judged; somebody calls {begin} when the carrier takes over, for no second
/// before is insured. For both: somebody who cares calls {finish} when the consignee has received.
///
/// To rebuild the state from logs, fold all events; the quote is in {PolicyOpened}.
interface ICargoInsurance is ICapital {
    /// @notice What is insured, on which trip, for how much. Money in the token's units, shares in parts per million.
    /// @param holder The policyholder: opens, pays the premium, is paid.
    /// @param treasury Whose capital stands behind the policy.
    /// @param subject Twin of the cargo, for example a container.
    /// @param setter Organisation that has set the conditions.
    /// @param conditions Hash of the policy of {IConditions} that says what is measured, by which devices.
    /// @param carrier Organisation whose custody begins the trip.
    /// @param consignee Organisation whose custody ends the trip; 0: only time does.
    /// @param latestStart Last second at which the trip can begin.
    /// @param latestEnd End of the trip if nothing ends it before.
    /// @param claimWindow Seconds after the end of the trip in which claims are possible.
    /// @param sumInsured Locked in full when the policy opens.
    /// @param premium Paid at the opening, earned when the trip begins.
    /// @param franchise Least loss that is paid at all.
    /// @param deductible What the policyholder bears of each loss.
    /// @param rejectShare What a breach is worth at least once quality has rejected the cargo for good.
    /// @param recallShare What a recall is worth; 0: recalls are not insured.
    /// @param recallClass Least grave class of a recall that counts; NONE if recalls are not insured.
    /// @param recaller Organisation that must have opened the recall; 0: any.
    /// @param deadline Last second at which the quote can be opened.
    /// @param salt Makes the quote unique, and the policy's id unguessable.
    struct Shipment {
        address holder;
        address treasury;
        bytes32 subject;
        uint32 setter;
        bytes32 conditions;
        uint32 carrier;
        uint32 consignee;
        uint40 latestStart;
        uint40 latestEnd;
        uint32 claimWindow;
        uint96 sumInsured;
        uint96 premium;
        uint96 franchise;
        uint96 deductible;
        uint32 rejectShare;
        uint32 recallShare;
        IRecalls.RecallClass recallClass;
        uint32 recaller;
        uint40 deadline;
        bytes32 salt;
    }

    /// @notice What the insurer signs (EIP-712). The chain keeps the digest only, and who acts on the policy hands the
    /// quote in again.
    /// @param table What a breach is worth: at most {MAX_ROWS} rows, in any order.
    struct CargoQuote {
        Shipment shipment;
        Indemnity.Severity[] table;
    }

    /// @notice OPEN: the trip has not begun. UNDERWAY: it has. ENDED: somebody has said that it is over. CANCELLED: it
    /// never began. SETTLED: paid, or nothing to pay.
    enum PolicyState {
        NONE,
        OPEN,
        UNDERWAY,
        ENDED,
        CANCELLED,
        SETTLED
    }

    /// @notice What changes in a policy. One slot.
    /// @param start First second of the trip; 0: it has not begun.
    /// @param end End of the trip; the latest one as long as it is not ended.
    /// @param share The highest that was proved so far, in parts per million.
    /// @param recallsBefore Recalls up to this number were opened before the trip began.
    /// @param recallsUntil Recalls up to this number were opened before the trip's end was noted.
    struct Policy {
        PolicyState state;
        uint40 start;
        uint40 end;
        uint32 share;
        uint32 recallsBefore;
        uint32 recallsUntil;
    }

    /// @notice The policyholder opened the quote and paid its premium.
    /// @param org Organisation for which the underwriter acts.
    /// @param underwriter Account that stands for the signer of the quote.
    event PolicyOpened(
        bytes32 indexed policyId,
        address indexed holder,
        address indexed treasury,
        uint32 org,
        address underwriter,
        CargoQuote quote
    );
    /// @notice The trip begins with the second `start`; the premium is the treasury's.
    event TripBegun(
        bytes32 indexed policyId, bytes32 indexed subject, address caller, uint40 start, uint40 end, uint32 recalls
    );
    /// @notice The trip ended before the second `end`.
    event TripEnded(bytes32 indexed policyId, bytes32 indexed subject, address caller, uint40 end, uint32 recalls);
    /// @notice A breach in the trip was proved, and `share` is the highest so far.
    /// @param rejected True if it is worth that because quality has rejected the cargo.
    event BreachClaimed(
        bytes32 indexed policyId,
        bytes32 indexed device,
        address caller,
        uint16 quantity,
        uint8 rule,
        bool rejected,
        uint32 share
    );
    /// @notice A recall of the cargo was proved, and `share` is the highest so far.
    event RecallClaimed(bytes32 indexed policyId, uint32 indexed recall, address caller, uint32 share);
    /// @notice The trip never began: the premium is on the policyholder's credit.
    event PolicyCancelled(
        bytes32 indexed policyId, address indexed holder, address indexed treasury, address caller, uint96 premium
    );
    /// @notice `payment` is on the policyholder's credit, and the rest of the sum insured is the treasury's again.
    event PolicySettled(
        bytes32 indexed policyId, address indexed holder, address indexed treasury, address caller, uint96 payment
    );

    /// @notice The policy is in another state than the step needs.
    error WrongPolicyState(bytes32 policyId, PolicyState state);
    /// @notice Nothing that could happen would be paid for.
    error NothingInsured(bytes32 policyId);
    /// @notice A trip ends after its latest start, at somebody else than it began with, and leaves time to claim.
    error NoTrip(bytes32 policyId);
    /// @notice A table has at most {MAX_ROWS} rows.
    error TableTooLong(bytes32 policyId, uint256 rows);
    /// @notice A share is at most 1,000,000.
    error ShareTooHigh(bytes32 policyId, uint32 share);
    /// @notice Recalls are insured with a class and a share, or not at all.
    error HalfRecall(bytes32 policyId, IRecalls.RecallClass class, uint32 share);
    /// @notice The conditions of the quote are not in force.
    error ConditionsNotInForce(bytes32 policyId, bytes32 expected, bytes32 inForce);
    /// @notice These are not the conditions of the quote.
    error WrongConditions(bytes32 policyId, bytes32 expected, bytes32 given);
    /// @notice The cargo was in breach before the trip.
    error BreachedBefore(bytes32 policyId, uint16 breaches);
    /// @notice The organisation does not have custody of the cargo.
    error NotInCustody(bytes32 policyId, uint32 org, uint32 custodian);
    /// @notice No such breach is recorded under the conditions.
    error NoBreach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule);
    /// @notice The limit was first crossed at another time than in the trip.
    error NotInTrip(bytes32 policyId, uint40 firstCrossing, uint40 start, uint40 end);
    /// @notice The cargo is no member of such a recall, or the recall is not insured: its class, who opened it, or when.
    error RecallNotInsured(bytes32 policyId, uint32 recall);
    /// @notice Not more than was proved before.
    error NothingToRaise(bytes32 policyId, uint32 share, uint32 proved);

    /// @notice Opens a policy. Policyholder only, while the conditions are in force. Emits {PolicyOpened}.
    /// @param signer ERC-7913 signer of the quote: an underwriter of the treasury whose organisation is an INSURER and
    /// who has the duty FINANCE.
    /// @return policyId The quote's EIP-712 digest.
    function openPolicy(CargoQuote calldata quote, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 policyId);

    /// @notice Says that the trip begins now: the carrier has custody of the cargo, the conditions are in force, and
    /// nothing was breached under them. Anyone. Emits {TripBegun}.
    function begin(CargoQuote calldata quote) external;

    /// @notice Says that the trip is over: the consignee has custody, so it ends now; or its latest end has passed.
    /// Anyone. Emits {TripEnded}.
    function finish(CargoQuote calldata quote) external;

    /// @notice Proves a breach in the trip. Anyone, up to the end of the claim window. Emits {BreachClaimed}.
    ///
    /// Worth what the table says, and at least {Shipment.rejectShare} if quality has rejected the cargo under these
    /// conditions by then. A later decision takes nothing back.
    /// @param conditions The conditions of the quote, as they were set.
    /// @param rule Its place in the conditions, or one of the numbers that stand for something else there.
    function claimBreach(
        CargoQuote calldata quote,
        IConditions.Policy calldata conditions,
        bytes32 device,
        uint16 quantity,
        uint8 rule
    ) external;

    /// @notice Proves that the cargo itself is a member of a recall that was opened in the trip. Anyone, up to the end
    /// of the claim window. Emits {RecallClaimed}. A container becomes a member with {IRecalls-holdContainer}.
    function claimRecall(CargoQuote calldata quote, uint32 recall) external;

    /// @notice Pays for what was proved, and gives the treasury back the rest. Anyone after the claim window, or once the
    /// highest share of the quote was proved; the policyholder at any time of the trip and after it, which ends all cover.
    /// Emits {PolicySettled}.
    function settle(CargoQuote calldata quote) external;

    /// @notice Ends a policy whose trip has not begun, and gives the premium back. Policyholder at any time, anyone after
    /// the latest start. Emits {PolicyCancelled}.
    function cancel(CargoQuote calldata quote) external;

    /// @notice Most rows of a table.
    function MAX_ROWS() external view returns (uint256);

    /// @notice The module in which breaches are recorded.
    function CONDITIONS() external view returns (IConditions);

    /// @notice The module in which recalls are recorded.
    function RECALLS() external view returns (IRecalls);

    /// @notice The module that knows who has custody.
    function TWINS() external view returns (ITwins);

    /// @notice The stored facts of a policy.
    function policyOf(bytes32 policyId) external view returns (Policy memory);

    /// @notice The id of the policy that the quote opens: its EIP-712 digest.
    function policyIdOf(CargoQuote calldata quote) external view returns (bytes32);

    /// @notice The share of the sum insured that the table gives for a breach, in parts per million; 0: none.
    /// @param beyond Distance of the extreme from the rule's limit, on its side.
    /// @param time Seconds that count for the rule.
    function shareOf(Indemnity.Severity[] calldata table, uint8 rule, uint32 beyond, uint32 time)
        external
        pure
        returns (uint32);

    /// @notice What a loss of this share of the sum insured pays.
    function paymentOf(Shipment calldata shipment, uint32 share) external pure returns (uint96);
}
