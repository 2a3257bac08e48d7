// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rule} from "../libraries/Rule.sol";
import {ITelemetry} from "./ITelemetry.sol";
import {ITwins} from "./ITwins.sol";

/// @title IConditions
/// @notice Was it kept cold, dry, still? Limits on the readings of a twin, judged segment by segment.
///
/// A policy belongs to a twin and to the organisation that set it; nobody changes another's. It names the devices
/// whose readings count. Rules are judged for each device and quantity on their own, and the state is carried over
/// the borders of segments, so that any cut of the same readings into segments gives the same breaches.
///
/// A reading exactly at a limit is beyond it. A reading holds until the next one. More than {Policy.maxInterval}
/// between two readings, or between the policy's start and the first one, is a gap, and counts as beyond every limit,
/// high and low: silence is never good. A segment with a gap inside counts as a gap from end to end, and one that says
/// nothing of a limit it passed as beyond that limit from end to end: devices end segments at gaps and know the limits.
/// Segments that began before the policy's start do not count; the last reading of such a segment holds on.
///
/// A breach latches once for each rule, raises an alert, and holds the twin back where the policy's setter is its
/// owner or custodian, or a regulator. It stays until somebody in quality who did not set the policy disposes of it.
///
/// Limits: a policy is on one twin; what is taken out of a container before a breach is judged is held by {IExposures}.
/// Its setter may replace or close a policy without an open breach; what was anchored stays, for others to judge.
/// A policy names devices, not their keys or owners: see {IDevices} for who can change those. Each device of a policy
/// with {Policy.maxSilence} measures each quantity that it has rules on.
///
/// Assumptions: this contract is an account of an organisation with the role REGULATOR and has the duty QUALITY.
interface IConditions {
    /// @notice What a rule looks at.
    /// INSTANT: any reading beyond the limit, or a gap. CONSECUTIVE: time beyond the limit without a break reaches the
    /// duration. CUMULATIVE: all time beyond the limit reaches the duration. GAP: all time in gaps reaches it.
    enum RuleKind {
        INSTANT,
        CONSECUTIVE,
        CUMULATIVE,
        GAP
    }

    /// @notice What quality decided about a breach. RELEASE lifts the hold. REWORK keeps it until a later decision.
    /// REJECT is final but for a regulator: the twin can only be returned, quarantined or destroyed.
    enum Disposition {
        NONE,
        RELEASE,
        REWORK,
        REJECT
    }

    /// @notice Limits on one twin by one organisation.
    /// @param subject The twin.
    /// @param setter Number of the organisation.
    /// @param version Counts from 1 how often the organisation has set limits on this twin.
    /// @param start From when on the readings count, unix seconds; not before the policy is set.
    /// @param maxInterval Longest time between two readings that is no gap, in seconds.
    /// @param maxSilence Longest time without judged readings, in seconds; 0: no limit.
    /// @param devices The devices that count, at most {MAX_DEVICES}.
    /// @param rules At most {MAX_RULES}.
    struct Policy {
        bytes32 subject;
        uint32 setter;
        uint32 version;
        uint40 start;
        uint32 maxInterval;
        uint32 maxSilence;
        bytes32[] devices;
        Rule[] rules;
    }

    /// @notice Where a policy stands.
    /// @param setBy Account that set it.
    /// @param version Counts how often it was set; every setting starts judging afresh.
    /// @param breaches Counts the breaches found under this version.
    /// @param open True from a breach until it is released.
    /// @param holding True while the policy holds the twin back.
    /// @param disposition The last decision on the open or newest breach.
    struct PolicyState {
        address setBy;
        uint32 version;
        uint16 breaches;
        bool open;
        bool holding;
        Disposition disposition;
    }

    /// @notice Where the judging of one device and quantity stands.
    /// @param seq Newest judged segment; 0: none.
    /// @param to Time of the newest judged reading; 0: none.
    /// @param min Lowest reading that counted. `max`: highest; below `min`: none has counted. `last`: newest.
    /// @param latched One bit for each rule that was broken; the bit {SILENCE} for too long a silence.
    /// @param counting True if some rule has counted something, or will with the next segment that counts.
    struct Track {
        uint32 seq;
        uint40 to;
        int32 min;
        int32 max;
        int32 last;
        uint16 latched;
        bool counting;
    }

    /// @notice What a rule has counted.
    /// @param time Seconds: of the running excursion (CONSECUTIVE) or of all of them (CUMULATIVE, GAP).
    /// @param onset One more than the seconds from the policy's start to the first crossing; 0: never crossed.
    struct Tally {
        uint32 time;
        uint32 onset;
    }

    /// @notice A broken rule.
    /// @param firstCrossing When the quantity first crossed the limit under this policy, unix seconds.
    /// @param extreme Highest (or lowest) reading up to the end of that segment; 0 for GAP and silence.
    /// @param time Seconds that reached the rule's duration; 0 for INSTANT.
    /// @param seq Segment that showed it; 0 for silence.
    /// @param until Newest reading of that segment, unix seconds; for silence the second in which it was found.
    struct Breach {
        uint40 firstCrossing;
        int32 extreme;
        uint32 time;
        uint32 seq;
        uint40 until;
    }

    /// @notice An organisation set its limits on a twin. What was judged under an older version no longer counts.
    event PolicySet(
        bytes32 indexed policyId, bytes32 indexed subject, uint32 indexed org, address caller, Policy policy
    );
    /// @notice The organisation watches the twin no longer.
    event PolicyClosed(bytes32 indexed policyId, bytes32 indexed subject, uint32 indexed org, address caller);
    /// @notice The segment `seq` was judged; `latched` are the rules broken by then.
    /// Its readings are in {ITelemetry-SegmentAnchored}; what was counted, if it changed, in {TalliesChanged}.
    event SegmentJudged(bytes32 indexed policyId, bytes32 indexed device, uint16 quantity, uint32 seq, uint16 latched);
    /// @notice What the rules have counted now: a {Tally} of 64 bits for each, that of the first rule lowest.
    event TalliesChanged(bytes32 indexed policyId, bytes32 indexed device, uint16 quantity, uint256[2] tallies);
    /// @notice A rule was broken. `rule` is its place in the policy, or {SILENCE}. `holding`: the policy holds the
    /// twin back from now on.
    event BreachFound(
        bytes32 indexed policyId,
        bytes32 indexed subject,
        bytes32 indexed device,
        uint16 quantity,
        uint8 rule,
        Breach breach,
        bool holding
    );
    /// @notice Quality decided, for the reason that the record explains. `holding`: the policy holds the twin back now.
    event Disposed(
        bytes32 indexed policyId,
        bytes32 indexed subject,
        uint32 indexed org,
        address caller,
        Disposition disposition,
        bytes32 record,
        bool holding
    );

    /// @notice An account sets policies for its own organisation only.
    error NotSetter(uint32 setter, uint32 org);
    /// @notice No twin has this id.
    error UnknownSubject(bytes32 subject);
    /// @notice The policy's version is not the next one.
    error NotNextVersion(bytes32 policyId, uint32 expected, uint32 given);
    /// @notice A policy has 1 to {MAX_RULES} rules and 1 to {MAX_DEVICES} devices.
    error WrongSize(uint256 rules, uint256 devices);
    /// @notice The rule is not as the type `Rule` says.
    error InvalidRule(uint256 rule);
    /// @notice A gap has at least one second.
    error ZeroMaxInterval();
    /// @notice The twin's breach must be disposed of first.
    error BreachOpen(bytes32 policyId);
    /// @notice Nothing is open that could be disposed of.
    error NoOpenBreach(bytes32 policyId);
    /// @notice This is not the policy that is in force.
    error NotInForce(bytes32 policyId, bytes32 expected, bytes32 given);
    /// @notice The policy does not name the device.
    error DeviceNotNamed(bytes32 policyId, bytes32 device);
    /// @notice The policy has no rule on this quantity.
    error QuantityNotRuled(bytes32 policyId, uint16 quantity);
    /// @notice The segment is about another twin.
    error WrongSubject(bytes32 expected, bytes32 given);
    /// @notice Segments are judged in order, and of those that count none is left out.
    error NotNextToJudge(bytes32 policyId, bytes32 device, uint32 expected, uint32 given);
    /// @notice A policy starts now or later: what has been is not judged by it.
    error StartInPast(uint40 start, uint256 blockTime);
    /// @notice The device may be silent until the second `until`.
    error NotSilent(bytes32 policyId, bytes32 device, uint256 until);
    /// @notice The silence was marked already.
    error AlreadyMarked(bytes32 policyId, bytes32 device);
    /// @notice A disposition is RELEASE, REWORK or REJECT.
    error NoDisposition();
    /// @notice Other breaches were found since the decision was prepared.
    error MoreBreaches(bytes32 policyId, uint16 seen, uint16 breaches);
    /// @notice After REJECT only a regulator decides.
    error Rejected(bytes32 policyId);
    /// @notice Whoever set the policy does not decide about its breach.
    error SecondPersonNeeded(bytes32 policyId, address setBy);
    /// @notice The owner, the policy's organisation or a regulator decides; only owner or regulator rejects; only a
    /// regulator decides about the policy of a regulator.
    error MayNotDispose(bytes32 policyId, uint32 org);

    /// @notice Most rules in a policy.
    function MAX_RULES() external view returns (uint256);

    /// @notice Most devices in a policy.
    function MAX_DEVICES() external view returns (uint256);

    /// @notice The rule number that stands for too long a silence.
    function SILENCE() external view returns (uint8);

    /// @notice The module in which twins are held back.
    function TWINS() external view returns (ITwins);

    /// @notice The module in which segments are anchored.
    function TELEMETRY() external view returns (ITelemetry);

    /// @notice Sets the limits of the caller's organisation on a twin. Duty QUALITY. Emits {PolicySet}.
    /// Replaces an older version, unless that has an open breach.
    function setPolicy(Policy calldata policy) external returns (bytes32 policyId);

    /// @notice Ends the policy of the caller's organisation. Duty QUALITY; not while a breach is open.
    /// Emits {PolicyClosed}.
    function closePolicy(bytes32 subject) external;

    /// @notice Judges a segment, and anchors it first if nobody has. Anyone.
    /// Emits {SegmentJudged}, and for each rule broken now {BreachFound} and an alert.
    /// @param policy The policy in force, as it was set.
    /// @param signer As in {ITelemetry-anchor}.
    function judge(
        Policy calldata policy,
        ITelemetry.Segment calldata segment,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Says that a device has been silent for too long. Anyone. Emits {BreachFound} and an alert.
    function markSilent(Policy calldata policy, bytes32 device, uint16 quantity) external;

    /// @notice Decides about an open breach. Duty QUALITY in the organisation of the owner, in that of the policy
    /// (not to reject), or in a regulator; never the account that set the policy. Emits {Disposed}.
    /// REWORK and REJECT hold the twin back if the policy may and does not yet. A rule that was broken stays latched:
    /// a new version of the policy arms it again.
    /// @param seen {PolicyState.breaches} that the decision is about.
    /// @param record Hash or id of the record that explains the decision.
    function dispose(bytes32 subject, uint32 setter, Disposition disposition, uint16 seen, bytes32 record) external;

    /// @notice The id of a policy.
    function policyIdOf(bytes32 subject, uint32 setter) external pure returns (bytes32);

    /// @notice Hash of the ABI encoding of the policy in force; zero: none.
    function policyHash(bytes32 policyId) external view returns (bytes32);

    /// @notice Where a policy stands.
    function policyState(bytes32 policyId) external view returns (PolicyState memory);

    /// @notice Where the judging of a device and quantity stands, under the version in force.
    function track(bytes32 policyId, bytes32 device, uint16 quantity) external view returns (Track memory);

    /// @notice What a rule has counted, under the version in force.
    function tally(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Tally memory);

    /// @notice The breach of a rule (or {SILENCE}), under the version in force; all zero: none.
    function breach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Breach memory);

    /// @notice As {breach}, under the version of a policy that has this hash, whether it is in force or not.
    function breachUnder(bytes32 hash, bytes32 device, uint16 quantity, uint8 rule)
        external
        view
        returns (Breach memory);
}
