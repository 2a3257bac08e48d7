// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Excursion} from "../libraries/Excursion.sol";
import {Frame, Values} from "../libraries/SegmentWords.sol";
import {SummaryTree} from "../libraries/SummaryTree.sol";
import {IDevices} from "./IDevices.sol";

/// @title ITelemetry
/// @notice Readings of devices, anchored as signed segments: one slot for any number of readings.
///
/// A segment summarises consecutive readings of one quantity by one device on one twin, and commits to each of them
/// by the root of a tree whose nodes vouch for summaries of what is below them (library `SummaryTree`). Summaries can be merged: cutting a stream of readings into other segments changes
/// none of the facts that rules look at. A reading holds until the next one is taken.
///
/// Guarantees: the device signed the segment while it was attached to the twin; the segments of a stream (device,
/// twin, quantity) are numbered without gaps, follow each other in time and do not lie in the future; what is
/// anchored never changes. Who brings a segment does not matter: the device's signature is the authority.
///
/// Assumptions: the device's clock is right and it measures what it is attached to. A summary that its own readings
/// contradict is a lie that anyone can prove in one step, whatever the segment's size, and so are two segments with one
/// number. A segment proved false stays anchored and keeps its number; whoever judges by it asks {falsified}. What follows
/// for the device and for who vouched for it is the matter of {IChallenges}.
///
/// Quantities and their units: 1 temperature (0.01 degrees Celsius), 2 relative humidity (0.01 %), 3 acceleration
/// (mm/s2), 4 illuminance (lux), 5 tilt (0.01 degrees), 6 carbon dioxide (ppm), 7 seal (0 intact, 1 broken); from 256 on
/// free for a consortium.
interface ITelemetry {
    /// @notice Consecutive readings of one stream, in the words of the library `SegmentWords`, which the smallest
    /// device can fill and the chain can read cheaply. The device signs it (EIP-712).
    /// @param device The device that measured.
    /// @param subject The twin to which it was attached.
    /// @param frame What was measured when: quantity, number in the stream, times, count of readings.
    /// @param values Lowest, highest and last reading, and the sum of all.
    /// @param excursions For each limit that somebody judges by and some reading was beyond: how long.
    /// @param histogram How long it was near each whole degree (library `Histogram`); empty: not told.
    /// @param root Root of the tree over the readings (library `SummaryTree`).
    struct Segment {
        bytes32 device;
        bytes32 subject;
        Frame frame;
        Values values;
        Excursion[] excursions;
        uint256[] histogram;
        bytes32 root;
    }

    /// @notice Why a segment is not to be believed.
    /// FALSE_SUMMARY: a node of its tree, or the segment itself, says something else than what is below it.
    /// CONTRADICTION: one of its readings is not as the segment says.
    /// EQUIVOCATION: the device signed another segment with the same number.
    /// WITHHELD: nobody showed a reading that was asked for.
    enum Lie {
        NONE,
        FALSE_SUMMARY,
        CONTRADICTION,
        EQUIVOCATION,
        WITHHELD
    }

    /// @notice One reading of a segment.
    /// @param index Its place in the segment, from 0.
    /// @param time When it was taken, unix seconds.
    /// @param value In the unit of the quantity.
    struct Reading {
        uint32 index;
        uint40 time;
        int32 value;
    }

    /// @notice Who proved a segment false, and how.
    struct Falsification {
        address by;
        Lie lie;
    }

    /// @notice A node that vouches for something else than what is below it.
    /// @param height Its level; readings are at level 0.
    /// @param place Its place in the level, from 0.
    /// @param summary Hash of the summary it vouches for.
    /// @param left, right The nodes below it as what they were hashed from. A reading is one word: value 32 | time 40 |
    /// index 32 | seq 32, from the lowest bit up; any other node the two hashes below it and the words of its summary.
    /// @param way From the node up to the root.
    struct FalseNode {
        uint8 height;
        uint32 place;
        bytes32 summary;
        uint256[] left;
        uint256[] right;
        SummaryTree.Step[] way;
    }

    /// @notice Where a stream stands: its newest segment and the time of its newest reading.
    struct Stream {
        uint32 seq;
        uint40 to;
    }

    /// @notice A segment was anchored. Its stream, which its frame names with the quantity, now ends with it.
    /// @param digest EIP-712 digest that the device signed; the rest of the segment is in the gateway's archive.
    event SegmentAnchored(
        bytes32 indexed device, bytes32 indexed subject, Frame frame, Values values, bytes32 digest, address caller
    );

    /// @notice A segment was proved false.
    /// @param by Who proved it, to this module or to the module `caller`.
    event SegmentFalsified(
        bytes32 indexed device, bytes32 indexed subject, bytes32 indexed digest, Lie lie, address by, address caller
    );

    /// @notice Bits are set that mean nothing.
    error NotWellFormed(Frame frame, Values values);
    /// @notice Segments of a stream come in order, without gaps.
    error NotNextSegment(bytes32 device, uint32 expected, uint32 given);
    /// @notice The segment starts before the stream's last reading, ends before it starts, or ends in the future.
    error TimesNotInOrder(uint40 previousTo, uint40 from, uint40 to, uint256 blockTime);
    /// @notice So many readings, so far apart, do not fit into the time.
    error CountDoesNotFit(uint32 count, uint32 maxInterval, uint40 duration);
    /// @notice Lowest, highest, last reading and sum contradict each other.
    error ValuesContradict(Values values);
    /// @notice The excursion contradicts itself or the rest of the segment, or no reading was beyond its limit.
    error ExcursionContradicts(uint256 index);
    /// @notice The histogram is not in order, has more than {MAX_VERTICES}, or contradicts the rest of the segment.
    error HistogramContradicts();
    /// @notice A segment has at most {MAX_EXCURSIONS}.
    error TooManyExcursions(uint256 count);
    /// @notice No such segment is anchored.
    error NotAnchored(bytes32 digest);
    /// @notice The segment was proved false before.
    error AlreadyFalsified(bytes32 digest);
    /// @notice There is no node with two others below it at this place.
    error NoSuchNode(uint8 height, uint32 place);
    /// @notice A reading is one word, another node two and those of the segment's summary.
    error MalformedChild(uint256 words, uint256 expected);
    /// @notice What was revealed does not lead to the segment's root.
    error NotInTree(bytes32 digest);
    /// @notice What was revealed is as the segment says.
    error NoLie(bytes32 digest);
    /// @notice It is no other segment with this number of this stream.
    error NotAnother(bytes32 digest);

    /// @notice Most excursions in a segment.
    function MAX_EXCURSIONS() external view returns (uint256);

    /// @notice Most vertices in the histogram of a segment.
    function MAX_VERTICES() external view returns (uint256);

    /// @notice The module that knows the devices' keys.
    function DEVICES() external view returns (IDevices);

    /// @notice Anchors a segment. Anyone. Emits {SegmentAnchored}; does nothing if it is anchored already.
    /// @param signer The device's ERC-7913 signer.
    /// @return digest What the device signed.
    /// @return lie True if the segment was anchored before, and proved false since.
    function anchor(Segment calldata segment, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 digest, bool lie);

    /// @notice Proves that a node of an anchored segment's tree, or the segment itself, vouches for something else than
    /// what is below it. Anyone. Emits {SegmentFalsified} and {IModule-Alert}.
    function proveFalseSummary(Segment calldata segment, FalseNode calldata falseNode) external;

    /// @notice Proves that a reading of an anchored segment is not as the segment says. Anyone. Emits
    /// {SegmentFalsified} and {IModule-Alert}.
    /// @param place The reading's place in the tree, which its index should be.
    /// @param seq The number in the leaf, which the segment's should be.
    function proveContradiction(
        Segment calldata segment,
        uint32 place,
        Reading calldata reading,
        uint32 seq,
        SummaryTree.Step[] calldata way
    ) external;

    /// @notice Proves that the device signed another segment with the number of an anchored one. Anyone. Emits
    /// {SegmentFalsified} and {IModule-Alert}.
    /// @param signer The device's ERC-7913 signer.
    function proveEquivocation(
        Segment calldata segment,
        Segment calldata other,
        bytes calldata signer,
        bytes calldata signature
    ) external;

    /// @notice Writes down that an anchored segment is false. Role MODULE, duty ANCHOR: the module that found it so. Emits
    /// {SegmentFalsified} and {IModule-Alert}.
    /// @param by Who showed it to the module.
    function falsify(Segment calldata segment, Lie lie, address by) external;

    /// @notice The digest of a segment that is anchored; reverts with {NotAnchored} for one that is not.
    function requireAnchored(Segment calldata segment) external view returns (bytes32 digest);

    /// @notice Was the segment with this digest proved false?
    function falsified(bytes32 digest) external view returns (bool);

    /// @notice Who proved the segment with this digest false, and how; all zero for one that nobody did.
    function falsification(bytes32 digest) external view returns (Falsification memory);

    /// @notice Is this reading one of the segment's? Reverts if the segment is not anchored.
    /// @param proof The way from the reading's leaf to the root: a step for each level with a neighbour.
    function verifyReading(Segment calldata segment, Reading calldata reading, SummaryTree.Step[] calldata proof)
        external
        view
        returns (bool);

    /// @notice What a device signs for a segment.
    function digestOf(Segment calldata segment) external view returns (bytes32);

    /// @notice The first 216 bits of the digest of an anchored segment, which are stored; zero if there is none.
    function anchored(bytes32 device, bytes32 subject, uint16 quantity, uint32 seq) external view returns (bytes27);

    /// @notice Where a stream stands; all zero before its first segment.
    function stream(bytes32 device, bytes32 subject, uint16 quantity) external view returns (Stream memory);
}
