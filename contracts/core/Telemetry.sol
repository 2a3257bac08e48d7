// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {Excursion, ExcursionLib} from "../libraries/Excursion.sol";
import {Histogram} from "../libraries/Histogram.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {Frame, Values, WordsLib} from "../libraries/SegmentWords.sol";
import {SummaryTree} from "../libraries/SummaryTree.sol";

/// @title Telemetry
/// @notice See {ITelemetry}.
contract Telemetry is ITelemetry, Module {
    /// @inheritdoc ITelemetry
    uint256 public constant MAX_EXCURSIONS = 16;

    /// @inheritdoc ITelemetry
    uint256 public constant MAX_VERTICES = Histogram.MAX_VERTICES;

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable SEGMENT_TYPEHASH = keccak256(
        "Segment(bytes32 device,bytes32 subject,uint256 frame,uint256 values,uint256[] excursions,uint256[] histogram,"
        "bytes32 root)"
    );

    /// @inheritdoc ITelemetry
    IDevices public immutable DEVICES;

    mapping(bytes32 key => Stream) private _streams;
    mapping(bytes32 key => mapping(uint32 seq => bytes32)) private _digests;

    constructor(IConsortium consortium, IDevices devices) Module("Goldthread Telemetry", consortium) {
        DEVICES = devices;
    }

    /// @inheritdoc ITelemetry
    function anchor(Segment calldata segment, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 digest)
    {
        digest = digestOf(segment);
        Frame frame = segment.frame;
        (uint32 seq, uint40 from, uint40 to) = (frame.seq(), frame.from(), frame.to());
        bytes32 key = _key(segment.device, segment.subject, frame.quantity());
        mapping(uint32 seq => bytes32) storage digests = _digests[key];
        if (digests[seq] == digest) return digest;
        (uint32 lastSeq, uint40 lastTo) = (_streams[key].seq, _streams[key].to);
        if (seq != lastSeq + 1) revert NotNextSegment(segment.device, lastSeq + 1, seq);
        if (from <= lastTo || to < from || to > block.timestamp) {
            revert TimesNotInOrder(lastTo, from, to, block.timestamp);
        }
        _checkSummary(segment);
        DEVICES.verify(segment.device, segment.subject, from, to, digest, signer, signature);
        _streams[key] = Stream({seq: seq, to: to});
        digests[seq] = digest;
        emit SegmentAnchored(
            segment.device, segment.subject, frame.quantity(), frame, segment.values, digest, msg.sender
        );
    }

    /// @inheritdoc ITelemetry
    function verifyReading(Segment calldata segment, Reading calldata reading, SummaryTree.Step[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 digest = digestOf(segment);
        Frame frame = segment.frame;
        if (anchored(segment.device, segment.subject, frame.quantity(), frame.seq()) != digest) {
            revert NotAnchored(digest);
        }
        bytes32 leaf = MerkleLeaves.reading(reading.index, reading.time, reading.value, frame.seq());
        bytes32 top = SummaryTree.summaryOf(frame, segment.values, segment.excursions, segment.histogram);
        return SummaryTree.leadsTo(leaf, reading.index, frame.count(), proof, segment.root, top);
    }

    /// @inheritdoc ITelemetry
    function digestOf(Segment calldata segment) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    SEGMENT_TYPEHASH,
                    segment.device,
                    segment.subject,
                    segment.frame,
                    segment.values,
                    WordsLib.hash(ExcursionLib.words(segment.excursions)),
                    WordsLib.hash(segment.histogram),
                    segment.root
                )
            )
        );
    }

    /// @inheritdoc ITelemetry
    function anchored(bytes32 device, bytes32 subject, uint16 quantity, uint32 seq) public view returns (bytes32) {
        return _digests[_key(device, subject, quantity)][seq];
    }

    /// @inheritdoc ITelemetry
    function stream(bytes32 device, bytes32 subject, uint16 quantity) external view returns (Stream memory) {
        return _streams[_key(device, subject, quantity)];
    }

    /// @dev Refuses a summary that no readings can have. Whoever judges a segment relies on this.
    function _checkSummary(Segment calldata segment) private pure {
        (Frame frame, Values values) = (segment.frame, segment.values);
        if (!frame.isWellFormed() || !values.isWellFormed()) revert NotWellFormed(frame, values);
        (uint32 count, uint32 maxInterval, uint40 duration) =
            (frame.count(), frame.maxInterval(), frame.to() - frame.from());
        uint256 steps = count == 0 ? type(uint256).max : count - 1;
        // The other steps take a second each at least, and the longest one each at most.
        if (
            steps > duration || maxInterval * steps < duration || duration > type(uint32).max
                || (steps == 0 ? maxInterval != 0 : maxInterval + steps - 1 > duration)
        ) revert CountDoesNotFit(count, maxInterval, duration);
        (int64 min, int64 max, int32 last, int64 sum) = (values.min(), values.max(), values.last(), values.sum());
        // One reading is the lowest and one the highest; a single one is both.
        int64 others = int64(uint64(steps));
        if (last < min || last > max || sum < min * others + max || sum > max * others + min) {
            revert ValuesContradict(values);
        }
        if (!Histogram.fits(segment.histogram, values.min(), values.max(), duration)) revert HistogramContradicts();
        Excursion[] calldata excursions = segment.excursions;
        if (excursions.length > MAX_EXCURSIONS) revert TooManyExcursions(excursions.length);
        for (uint256 i; i < excursions.length; ++i) {
            if (
                (i != 0 && !excursions[i - 1].isBefore(excursions[i])) || !_fits(excursions[i], values, steps, duration)
            ) revert ExcursionContradicts(i);
        }
    }

    /// @dev Could readings with these values, so many steps apart, have this excursion?
    function _fits(Excursion e, Values values, uint256 steps, uint256 duration) private pure returns (bool) {
        (int32 most, int32 least) = e.high() ? (values.max(), values.min()) : (values.min(), values.max());
        (uint256 first, uint256 prefix, uint256 suffix) = (e.first(), e.prefix(), e.suffix());
        (uint256 longest, uint256 total, uint256 runs) = (e.longest(), e.total(), e.runs());
        if (!e.isWellFormed() || !e.isBeyond(most) || runs == 0) return false;
        if (e.isBeyond(least)) {
            return runs == 1 && first == 0 && prefix == duration && suffix == duration && longest == duration
                && total == duration;
        }
        unchecked {
            uint256 atStart = prefix == 0 ? 0 : 1;
            uint256 atEnd = e.isBeyond(values.last()) ? 1 : 0;
            // Runs that touch neither end, and the time of all of them. They take a second each at least.
            (uint256 inner, uint256 ends) = (runs - atStart - atEnd, prefix + suffix);
            if (runs < atStart + atEnd || total < ends + inner || total > ends + inner * longest) return false;
            uint256 rest = inner == 0 ? 0 : total - ends - inner + 1;
            // A reading within the limit lies between two runs, and holds for a second at least.
            return (atStart == 1) == (first == 0) && atEnd + atStart + steps >= 2 * runs && (atEnd == 1 || suffix == 0)
                && prefix <= longest && suffix <= longest && (longest == prefix || longest == suffix || longest <= rest)
                && first + total + runs <= duration + 1 && (total == 0) == (first == duration);
        }
    }

    function _key(bytes32 device, bytes32 subject, uint16 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(device, subject, quantity));
    }
}
