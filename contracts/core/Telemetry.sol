// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {Excursion} from "../libraries/Excursion.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";
import {Frame, Values} from "../libraries/SegmentWords.sol";

/// @title Telemetry
/// @notice See {ITelemetry}.
contract Telemetry is ITelemetry, Module {
    /// @inheritdoc ITelemetry
    uint256 public constant MAX_EXCURSIONS = 16;

    /// @dev Immutable, because the compiler would hash a constant of this length at every use.
    bytes32 private immutable SEGMENT_TYPEHASH = keccak256(
        "Segment(bytes32 device,bytes32 subject,uint256 frame,uint256 values,uint256[] excursions,bytes32 root)"
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
        if (_digests[key][seq] == digest) return digest;
        Stream storage s = _streams[key];
        (uint32 lastSeq, uint40 lastTo) = (s.seq, s.to);
        if (seq != lastSeq + 1) revert NotNextSegment(segment.device, lastSeq + 1, seq);
        if (from <= lastTo || to < from || to > block.timestamp) {
            revert TimesNotInOrder(lastTo, from, to, block.timestamp);
        }
        _checkSummary(frame, segment.values, segment.excursions);
        DEVICES.verify(segment.device, segment.subject, from, to, digest, signer, signature);
        _streams[key] = Stream({seq: seq, to: to});
        _digests[key][seq] = digest;
        emit SegmentAnchored(
            segment.device, segment.subject, frame.quantity(), frame, segment.values, digest, msg.sender
        );
    }

    /// @inheritdoc ITelemetry
    function verifyReading(Segment calldata segment, Reading calldata reading, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 digest = digestOf(segment);
        if (anchored(segment.device, segment.subject, segment.frame.quantity(), segment.frame.seq()) != digest) {
            revert NotAnchored(digest);
        }
        bytes32 leaf = MerkleLeaves.reading(reading.index, reading.time, reading.value);
        return reading.index < segment.frame.count()
            && MerkleProof.verifyCalldata(proof, segment.root, leaf, MerkleLeaves.node);
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
                    keccak256(abi.encodePacked(segment.excursions)),
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
    function _checkSummary(Frame frame, Values values, Excursion[] calldata excursions) private pure {
        if (!frame.isWellFormed() || !values.isWellFormed()) revert NotWellFormed(frame, values);
        (uint32 count, uint32 maxInterval, uint40 duration) =
            (frame.count(), frame.maxInterval(), frame.to() - frame.from());
        uint256 steps = count == 0 ? type(uint256).max : count - 1;
        // The other steps take a second each at least, and the longest one each at most.
        if (
            steps > duration || maxInterval * steps < duration
                || (steps == 0 ? maxInterval != 0 : maxInterval + steps - 1 > duration)
        ) revert CountDoesNotFit(count, maxInterval, duration);
        (int64 min, int64 max, int32 last, int64 sum) = (values.min(), values.max(), values.last(), values.sum());
        // One reading is the lowest and one the highest; a single one is both.
        int64 others = int64(uint64(steps));
        if (last < min || last > max || sum < min * others + max || sum > max * others + min) {
            revert ValuesContradict(values);
        }
        if (excursions.length == 0) return;
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
        if (!e.isWellFormed() || !e.isBeyond(most)) return false;
        (uint256 first, uint256 prefix, uint256 suffix, uint256 longest, uint256 total) =
            (e.first(), e.prefix(), e.suffix(), e.longest(), e.total());
        if (e.isBeyond(least)) {
            return first == 0 && prefix == duration && suffix == duration && longest == duration && total == duration;
        }
        bool atStart = prefix != 0;
        bool atEnd = e.isBeyond(values.last());
        // Of the steps at most half, rounded up, can be beyond the limit and lie apart from each other.
        // slither-disable-next-line divide-before-multiply: the half is a whole number of steps
        return prefix <= longest && suffix <= longest && longest <= total && longest * ((steps + 1) / 2) >= total
            && atStart == (first == 0) && first + total <= duration && (atEnd || suffix == 0)
            && (total == 0) == (first == duration);
    }

    function _key(bytes32 device, bytes32 subject, uint16 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(device, subject, quantity));
    }
}
