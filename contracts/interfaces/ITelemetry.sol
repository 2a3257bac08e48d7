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
/// contradict is a provable lie: anyone with the readings can show it with {verifyReading}.
///
/// Quantities and their units: 1 temperature (0.01 degrees Celsius), 2 relative humidity (0.01 %), 3 acceleration
/// (mm/s2), 4 illuminance (lux), 5 tilt (0.01 degrees), 6 carbon dioxide (ppm); from 256 on free for a consortium.
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

    /// @notice One reading of a segment.
    /// @param index Its place in the segment, from 0.
    /// @param time When it was taken, unix seconds.
    /// @param value In the unit of the quantity.
    struct Reading {
        uint32 index;
        uint40 time;
        int32 value;
    }

    /// @notice Where a stream stands: its newest segment and the time of its newest reading.
    struct Stream {
        uint32 seq;
        uint40 to;
    }

    /// @notice A segment was anchored. Its stream now ends with it.
    /// @param digest EIP-712 digest that the device signed; the rest of the segment is in the gateway's archive.
    event SegmentAnchored(
        bytes32 indexed device,
        bytes32 indexed subject,
        uint16 indexed quantity,
        Frame frame,
        Values values,
        bytes32 digest,
        address caller
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

    /// @notice Most excursions in a segment.
    function MAX_EXCURSIONS() external view returns (uint256);

    /// @notice Most vertices in the histogram of a segment.
    function MAX_VERTICES() external view returns (uint256);

    /// @notice The module that knows the devices' keys.
    function DEVICES() external view returns (IDevices);

    /// @notice Anchors a segment. Anyone. Emits {SegmentAnchored}; does nothing if it is anchored already.
    /// @param signer The device's ERC-7913 signer.
    /// @return digest What the device signed.
    function anchor(Segment calldata segment, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 digest);

    /// @notice Is this reading one of the segment's? Reverts if the segment is not anchored.
    /// @param proof The way from the reading's leaf to the root: a step for each level with a neighbour.
    function verifyReading(Segment calldata segment, Reading calldata reading, SummaryTree.Step[] calldata proof)
        external
        view
        returns (bool);

    /// @notice What a device signs for a segment.
    function digestOf(Segment calldata segment) external view returns (bytes32);

    /// @notice Digest of an anchored segment, or zero.
    function anchored(bytes32 device, bytes32 subject, uint16 quantity, uint32 seq) external view returns (bytes32);

    /// @notice Where a stream stands; all zero before its first segment.
    function stream(bytes32 device, bytes32 subject, uint16 quantity) external view returns (Stream memory);
}
