// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rule} from "../libraries/Rule.sol";
import {IFirmware} from "./IFirmware.sol";
import {ITelemetry} from "./ITelemetry.sol";
import {ITwins} from "./ITwins.sol";

/// @title IConditions
/// @notice Was it kept cold, dry, still? Limits on the readings of a twin, judged segment by segment.
///
/// A policy belongs to a twin and to the organisation that set it; nobody changes another's. It names the devices whose
/// readings count. Rules are judged for each device and quantity on their own, and the state is carried over the
/// borders of segments, so that any cut of the same readings into segments gives the same breaches (a mean is looked at
/// where a segment ends).
///
/// A reading exactly at a limit is beyond it. A reading holds until the next one. More than {Policy.maxInterval}
/// between two readings, or between the policy's start and the first one, is a gap, and counts as beyond every limit,
/// high and low: silence is never good. A segment with a gap inside counts as a gap from end to end, and one that says
/// nothing of a limit it passed as beyond that limit from end to end, once for each reading where times are counted:
/// devices end segments at gaps and know the limits. Of a segment that is a proven lie nothing is believed: it counts
/// as a gap from end to end. Segments that began before the policy's start do not count; the last reading of such a
/// segment holds on.
///
/// A breach latches once for each rule, raises an alert, and holds the twin back where the policy's setter is its owner
/// or custodian, or a regulator. It stays until somebody in quality who did not set the policy disposes of it.
///
/// A rule on the mean kinetic temperature (MKT, library `Mkt`) looks at all time since the policy's start, or at a
/// rolling window. The window is a chain of whole segments, each with the time between the segment before and itself:
/// it is cut into 24 ticks that are counted from the policy's start, and has the segments that ended in the tick of the
/// newest reading or in the 23 before it. Temperatures weigh by the segment's histogram; a segment without one weighs
/// as its highest reading. The newest reading holds until the next segment. A gap weighs as the highest reading before
/// it, and a segment with a gap inside as the highest up to its end. Before the first reading, if none held, it was as
/// hot as the highest of the first segment; and where a segment reaches over the start, as hot as its highest up to its
/// end. The MKT is judged at the end of each segment, once the policy is as old as the rule's duration, and breaks the
/// rule when it is above the limit.
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
    /// BAND_BUDGET: all time at or above the limit and below `upper` reaches the duration. MKT: the mean kinetic
    /// temperature is above the limit. COUNT: so many times the readings went beyond the limit; what goes on over a gap
    /// is one time, and a gap between readings within the limit is one too. SEQUENCE: the device's firmware is not good
    /// enough when the segment is judged, by {IFirmware-stateOf}: the limit is the best state that is not.
    enum RuleKind {
        INSTANT,
        CONSECUTIVE,
        CUMULATIVE,
        GAP,
        BAND_BUDGET,
        MKT,
        COUNT,
        SEQUENCE
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
    /// @param heat Total of the library `Mkt` since the policy's start; 0 without a rule on the MKT.
    struct Track {
        uint32 seq;
        uint40 to;
        int32 min;
        int32 max;
        int32 last;
        uint16 latched;
        bool counting;
        uint64 heat;
    }

    /// @notice What a rule has counted.
    /// @param time Seconds: of the running excursion (CONSECUTIVE), of all of them (CUMULATIVE, GAP), or in the band
    /// (BAND_BUDGET); for COUNT excursions.
    /// @param onset One more than the seconds from the policy's start to the first crossing; 0: never crossed.
    struct Tally {
        uint32 time;
        uint32 onset;
    }

    /// @notice A broken rule.
    /// @param firstCrossing When the quantity first crossed the limit under this policy, unix seconds; for MKT when the
    /// time began that the mean is over, for SEQUENCE and {FALSIFIED} when the segment did, for {SILENCE} the newest
    /// reading before it.
    /// @param extreme Highest (or lowest) reading up to the end of that segment; 0 for GAP, SEQUENCE, {SILENCE} and
    /// {FALSIFIED}.
    /// @param time Seconds that reached the rule's duration; 0 for INSTANT and SEQUENCE, excursions for COUNT, for MKT
    /// the seconds that the mean is over, for {FALSIFIED} those of the segment.
    /// @param seq Segment that showed it; 0 for {SILENCE}.
    /// @param until Time of that segment's last reading; for {SILENCE} when it was found.
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
    /// @notice A segment was judged. `standing`: quantity 16 | seq 32 | latched 16 | heat 64, from the lowest bit up: which
    /// segment it was, which rules were broken by then, and {Track.heat}. Its readings are in
    /// {ITelemetry-SegmentAnchored}; what was counted, if it changed, in {TalliesChanged}. From these the window of an
    /// MKT rule follows.
    event SegmentJudged(bytes32 indexed policyId, bytes32 indexed device, uint256 standing);
    /// @notice What the rules have counted now: a {Tally} of 64 bits for each, that of the first rule lowest.
    event TalliesChanged(bytes32 indexed policyId, bytes32 indexed device, uint16 quantity, uint256[2] tallies);
    /// @notice A rule was broken. `rule` is its place in the policy, {SILENCE} or {FALSIFIED}. `holding`: the policy
    /// holds the twin back from now on.
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
    /// @notice The policy has a rule that lets no device with such firmware be judged.
    error FirmwareRefused(bytes32 device, IFirmware.State state);
    /// @notice The silence, or a lie, was marked already.
    error AlreadyMarked(bytes32 policyId, bytes32 device);
    /// @notice Nobody has proved that the segment is a lie.
    error NotALie(bytes32 digest);
    /// @notice The segment was not counted under this policy.
    error NotJudged(bytes32 policyId, bytes32 device, uint32 seq);
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

    /// @notice The rule number that stands for a segment that is a proven lie.
    function FALSIFIED() external view returns (uint8);

    /// @notice The module in which twins are held back.
    function TWINS() external view returns (ITwins);

    /// @notice The module in which segments are anchored.
    function TELEMETRY() external view returns (ITelemetry);

    /// @notice The module that knows which firmware devices run.
    function FIRMWARE() external view returns (IFirmware);

    /// @notice Sets the limits of the caller's organisation on a twin. Duty QUALITY. Emits {PolicySet}.
    /// Replaces an older version, unless that has an open breach.
    function setPolicy(Policy calldata policy) external returns (bytes32 policyId);

    /// @notice Ends the policy of the caller's organisation. Duty QUALITY; not while a breach is open.
    /// Emits {PolicyClosed}.
    function closePolicy(bytes32 subject) external;

    /// @notice Judges a segment, and anchors it first if nobody has. Anyone.
    /// Emits {SegmentJudged}, and for each rule broken now {BreachFound} and an alert. A segment that is a proven lie
    /// ({ITelemetry-falsified}) breaks {FALSIFIED} too.
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

    /// @notice Says that a segment that was counted is a proven lie. Anyone, once for each device and quantity.
    /// Emits {BreachFound} and an alert.
    function judgeFalsified(Policy calldata policy, ITelemetry.Segment calldata segment) external;

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

    /// @notice What a rolling window of the MKT is over at the newest judged reading, under the version in force.
    /// @param duration Of the rule.
    /// @return heat Total of the library `Mkt` in the window; its highest if {Track.heat} is.
    /// @return time Seconds in the window.
    function heatWindow(bytes32 policyId, bytes32 device, uint16 quantity, uint32 duration)
        external
        view
        returns (uint64 heat, uint32 time);

    /// @notice The breach of a rule ({SILENCE} and {FALSIFIED} too), under the version in force; all zero: none.
    function breach(bytes32 policyId, bytes32 device, uint16 quantity, uint8 rule) external view returns (Breach memory);

    /// @notice The breach of a rule under any policy, in force or not, by the hash that {policyHash} had.
    function breachUnder(bytes32 hash, bytes32 device, uint16 quantity, uint8 rule)
        external
        view
        returns (Breach memory);
}
