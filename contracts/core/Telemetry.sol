// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {Excursion, ExcursionLib} from "../libraries/Excursion.sol";
import {Histogram} from "../libraries/Histogram.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Frame, Values, WordsLib} from "../libraries/SegmentWords.sol";
import {SummaryMerge} from "../libraries/SummaryMerge.sol";
import {SummaryTree} from "../libraries/SummaryTree.sol";

/// @title Telemetry
/// @notice See {ITelemetry}.
contract Telemetry is ITelemetry, Module {
    /// @inheritdoc ITelemetry
    uint256 public constant MAX_EXCURSIONS = 16;

    /// @inheritdoc ITelemetry
    uint256 public constant MAX_VERTICES = Histogram.MAX_VERTICES;

    bytes4 private constant FALSIFIED = bytes4(keccak256("FALSIFIED"));
    uint8 private constant CRITICAL = 3;

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable SEGMENT_TYPEHASH = keccak256(
        "Segment(bytes32 device,bytes32 subject,uint256 frame,uint256 values,uint256[] excursions,uint256[] histogram,"
        "bytes32 root)"
    );

    /// @inheritdoc ITelemetry
    IDevices public immutable DEVICES;

    /// @dev The first 216 bits of a segment's digest, and the time of its last reading in the other 40: one word, and
    /// none for the stream. Two segments with the same 216 bits would take 2^108 hashes to find.
    // slither-disable-next-line uninitialized-state: written through a pointer to those of one stream
    mapping(bytes32 key => bytes32[1 << 32]) private _segments;
    mapping(bytes32 digest => Falsification) private _falsifications;

    constructor(IConsortium consortium, IDevices devices) Module("Goldthread Telemetry", consortium) {
        DEVICES = devices;
    }

    /// @inheritdoc ITelemetry
    function anchor(Segment calldata segment, bytes calldata signer, bytes calldata signature)
        external
        returns (bytes32 digest, bool lie)
    {
        digest = digestOf(segment);
        Frame frame = segment.frame;
        (uint32 seq, uint40 from, uint40 to) = (frame.seq(), frame.from(), frame.to());
        bytes32 word = _wordOf(digest, to);
        bytes32[1 << 32] storage segments = _segments[_key(segment.device, segment.subject, frame.quantity())];
        bytes32 there = segments[seq];
        if (there == word) return (digest, falsified(digest));
        bytes32 last = seq < 2 ? bytes32(0) : segments[seq - 1];
        if (there != 0 || seq == 0 || (seq != 1 && last == 0)) {
            revert NotNextSegment(segment.device, _newest(segments) + 1, seq);
        }
        uint40 lastTo = _toOf(last);
        if (from <= lastTo || to < from || to > block.timestamp) {
            revert TimesNotInOrder(lastTo, from, to, block.timestamp);
        }
        _checkSummary(segment);
        DEVICES.verify(segment.device, segment.subject, from, to, digest, signer, signature);
        segments[seq] = word;
        emit SegmentAnchored(segment.device, segment.subject, frame, segment.values, digest, msg.sender);
    }

    // ------------------------------------------------------------------------------------------------ proofs

    /// @inheritdoc ITelemetry
    function proveFalseSummary(Segment calldata segment, FalseNode calldata falseNode) external {
        (uint256 height, uint256 place) = (falseNode.height, falseNode.place);
        uint256 count = segment.frame.count();
        // Two nodes are below it if readings remain for the second one.
        uint256 first = (2 * place + 1) << (height == 0 ? 0 : height - 1);
        if (height == 0 || height > 32 || first >= count) revert NoSuchNode(falseNode.height, falseNode.place);
        (bytes32 left, uint256[] memory a, bool placed) =
            _open(falseNode.left, segment, 2 * place << (height - 1), height == 1);
        (bytes32 right, uint256[] memory b, bool alsoPlaced) =
            _open(falseNode.right, segment, first, height == 1 || first + 1 == count);
        bytes32 node = SummaryTree.node(left, right, falseNode.summary);
        bool asSigned = _climb(segment, node, place, (count - 1 >> height) + 1, falseNode.way, falseNode.summary);
        if (asSigned && placed && alsoPlaced && SummaryMerge.merge(a, b, segment) == falseNode.summary) {
            revert NoLie(digestOf(segment));
        }
        _falsify(segment, Lie.FALSE_SUMMARY, msg.sender);
    }

    /// @inheritdoc ITelemetry
    function proveContradiction(
        Segment calldata segment,
        uint32 place,
        Reading calldata reading,
        uint32 seq,
        SummaryTree.Step[] calldata way
    ) external {
        (Frame frame, Values values) = (segment.frame, segment.values);
        bytes32 leaf = MerkleLeaves.reading(reading.index, reading.time, reading.value, seq);
        uint256 count = frame.count();
        bool asSigned = _climb(segment, leaf, place, count, way, _summaryOf(segment));
        if (
            asSigned && reading.index == place && seq == frame.seq() && reading.value >= values.min()
                && reading.value <= values.max() && reading.time >= frame.from() && reading.time <= frame.to()
                && (place != 0 || reading.time == frame.from())
                && (place != count - 1 || (reading.time == frame.to() && reading.value == values.last()))
        ) revert NoLie(digestOf(segment));
        _falsify(segment, Lie.CONTRADICTION, msg.sender);
    }

    /// @inheritdoc ITelemetry
    function proveEquivocation(
        Segment calldata segment,
        Segment calldata other,
        bytes calldata signer,
        bytes calldata signature
    ) external {
        bytes32 digest = digestOf(other);
        bool same = segment.device == other.device && segment.subject == other.subject
            && segment.frame.quantity() == other.frame.quantity() && segment.frame.seq() == other.frame.seq();
        if (!same || digest == digestOf(segment)) revert NotAnother(digest);
        if (keccak256(signer) != DEVICES.signerHash(segment.device)) {
            revert IDevices.WrongSigner(segment.device, signer);
        }
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) {
            revert IDevices.InvalidDeviceSignature(segment.device, digest);
        }
        _falsify(segment, Lie.EQUIVOCATION, msg.sender);
    }

    /// @inheritdoc ITelemetry
    function falsify(Segment calldata segment, Lie lie, address by) external {
        // slither-disable-next-line unused-return: which of them it is does not matter
        CONSORTIUM.authorize(msg.sender, Role.MODULE, Duty.ANCHOR);
        _falsify(segment, lie, by);
    }

    function _falsify(Segment calldata segment, Lie lie, address by) private {
        bytes32 digest = requireAnchored(segment);
        if (falsified(digest)) revert AlreadyFalsified(digest);
        _falsifications[digest] = Falsification(by, lie);
        emit SegmentFalsified(segment.device, segment.subject, digest, lie, by, msg.sender);
        emit Alert(segment.subject, FALSIFIED, 0, CRITICAL, digest);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ITelemetry
    function verifyReading(Segment calldata segment, Reading calldata reading, SummaryTree.Step[] calldata proof)
        external
        view
        returns (bool)
    {
        // slither-disable-next-line unused-return: only whether it is anchored
        requireAnchored(segment);
        Frame frame = segment.frame;
        bytes32 leaf = MerkleLeaves.reading(reading.index, reading.time, reading.value, frame.seq());
        bytes32 top = _summaryOf(segment);
        (bytes32 root, bytes32 summary) = SummaryTree.climb(leaf, reading.index, frame.count(), proof, top);
        return root == segment.root && summary == top;
    }

    /// @inheritdoc ITelemetry
    function requireAnchored(Segment calldata segment) public view returns (bytes32 digest) {
        digest = digestOf(segment);
        Frame frame = segment.frame;
        bytes32 key = _key(segment.device, segment.subject, frame.quantity());
        if (_segments[key][frame.seq()] != _wordOf(digest, frame.to())) revert NotAnchored(digest);
    }

    /// @inheritdoc ITelemetry
    function falsified(bytes32 digest) public view returns (bool) {
        return _falsifications[digest].lie != Lie.NONE;
    }

    /// @inheritdoc ITelemetry
    function falsification(bytes32 digest) external view returns (Falsification memory) {
        return _falsifications[digest];
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
    function anchored(bytes32 device, bytes32 subject, uint16 quantity, uint32 seq) external view returns (bytes27) {
        return bytes27(_segments[_key(device, subject, quantity)][seq]);
    }

    /// @inheritdoc ITelemetry
    function stream(bytes32 device, bytes32 subject, uint16 quantity) external view returns (Stream memory) {
        bytes32[1 << 32] storage segments = _segments[_key(device, subject, quantity)];
        uint32 seq = _newest(segments);
        return Stream({seq: seq, to: _toOf(segments[seq])});
    }

    /// @dev The newest segment, by doubling and halving: a stream has no gaps.
    function _newest(bytes32[1 << 32] storage segments) private view returns (uint32 seq) {
        uint256 step = 1;
        while (segments[step] != 0) step <<= 1;
        for (; step != 0; step >>= 1) {
            if (segments[seq + step] != 0) seq += uint32(step);
        }
    }

    function _wordOf(bytes32 digest, uint40 to) private pure returns (bytes32) {
        return bytes32(bytes27(digest)) | bytes32(uint256(to));
    }

    function _toOf(bytes32 word) private pure returns (uint40) {
        return uint40(uint256(word));
    }

    // ----------------------------------------------------------------------------------------------- summaries

    /// @dev Refuses a summary that no readings can have. Whoever judges a segment relies on this.
    function _checkSummary(Segment calldata segment) private pure {
        (Frame frame, Values values) = (segment.frame, segment.values);
        if (!frame.isWellFormed() || !values.isWellFormed()) revert NotWellFormed(frame, values);
        (uint256 count, uint256 maxInterval) = (frame.count(), frame.maxInterval());
        uint256 duration = frame.to() - frame.from();
        uint256 steps;
        unchecked {
            steps = count - 1;
            // The other steps take a second each at least, and the longest one each at most.
            if (
                steps > duration || maxInterval * steps < duration || duration > type(uint32).max
                    || (steps == 0 ? maxInterval != 0 : maxInterval + steps - 1 > duration)
            ) revert CountDoesNotFit(uint32(count), uint32(maxInterval), uint40(duration));
            (int256 min, int256 max, int256 last) = (values.min(), values.max(), values.last());
            (int256 sum, int256 others) = (values.sum(), int256(steps));
            // One reading is the lowest and one the highest; a single one is both.
            if (last < min || last > max || sum < min * others + max || sum > max * others + min) {
                revert ValuesContradict(values);
            }
        }
        if (!Histogram.fits(segment.histogram, values, duration)) revert HistogramContradicts();
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

    /// @dev Goes from a node up to the root, and says whether the summary there is the one that the device signed.
    function _climb(
        Segment calldata segment,
        bytes32 node,
        uint256 place,
        uint256 size,
        SummaryTree.Step[] calldata way,
        bytes32 summary
    ) private view returns (bool) {
        (bytes32 root, bytes32 top) = SummaryTree.climb(node, place, size, way, summary);
        if (root != segment.root) revert NotInTree(digestOf(segment));
        return top == _summaryOf(segment);
    }

    function _summaryOf(Segment calldata segment) private pure returns (bytes32) {
        return SummaryTree.summaryOf(segment.frame, segment.values, segment.excursions, segment.histogram);
    }

    /// @dev Hash and summary of a node.
    /// @param first Index of the first reading below it.
    /// @param single True if it is a reading.
    /// @return hash Of the node.
    /// @return words Of its summary.
    /// @return placed False for a reading that says it has another place, or is of another segment.
    function _open(uint256[] calldata child, Segment calldata segment, uint256 first, bool single)
        private
        pure
        returns (bytes32 hash, uint256[] memory words, bool placed)
    {
        uint256 expected = single ? 1 : 4 + segment.excursions.length + segment.histogram.length;
        if (child.length != expected) revert MalformedChild(child.length, expected);
        if (!single) {
            words = child[2:];
            return (SummaryTree.node(bytes32(child[0]), bytes32(child[1]), WordsLib.hash(child[2:])), words, true);
        }
        uint256 word = child[0];
        (int32 value, uint40 time) = (int32(uint32(word)), uint40(word >> 32));
        (uint32 index, uint32 seq) = (uint32(word >> 72), uint32(word >> 104));
        hash = MerkleLeaves.reading(index, time, value, seq);
        return (hash, SummaryMerge.ofReading(time, value, segment), index == first && seq == segment.frame.seq());
    }

    function _key(bytes32 device, bytes32 subject, uint16 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(device, subject, quantity));
    }
}
