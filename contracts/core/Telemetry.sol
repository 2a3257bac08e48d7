// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {MerkleLeaves} from "../libraries/MerkleLeaves.sol";

/// @title Telemetry
/// @notice See {ITelemetry}.
contract Telemetry is ITelemetry, Module {
    /// @inheritdoc ITelemetry
    uint256 public constant MAX_EXCURSIONS = 16;

    bytes32 private constant EXCURSION_TYPEHASH = keccak256(
        "Excursion(bool high,int32 limit,uint32 first,uint32 prefix,uint32 suffix,uint32 longest,uint32 total)"
    );
    bytes32 private constant SEGMENT_TYPEHASH = keccak256(
        "Segment(bytes32 device,bytes32 subject,uint16 quantity,uint32 seq,uint40 from,uint40 to,uint32 count,uint32 maxInterval,int32 min,int32 max,int32 last,int64 sum,Excursion[] excursions,bytes32 root)Excursion(bool high,int32 limit,uint32 first,uint32 prefix,uint32 suffix,uint32 longest,uint32 total)"
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
        bytes32 key = _key(segment.device, segment.subject, segment.quantity);
        if (_digests[key][segment.seq] == digest) return digest;
        Stream storage s = _streams[key];
        (uint32 seq, uint40 to) = (s.seq, s.to);
        if (segment.seq != seq + 1) revert NotNextSegment(segment.device, seq + 1, segment.seq);
        if (segment.from <= to || segment.to < segment.from || segment.to > block.timestamp) {
            revert TimesNotInOrder(to, segment.from, segment.to, block.timestamp);
        }
        _checkSummary(segment);
        DEVICES.verify(segment.device, segment.subject, segment.from, segment.to, digest, signer, signature);
        _streams[key] = Stream({seq: segment.seq, to: segment.to});
        _digests[key][segment.seq] = digest;
        emit SegmentAnchored(
            segment.device,
            segment.subject,
            segment.quantity,
            segment.seq,
            segment.from,
            segment.to,
            segment.count,
            segment.min,
            segment.max,
            segment.root,
            digest,
            msg.sender
        );
    }

    /// @inheritdoc ITelemetry
    function verifyReading(Segment calldata segment, Reading calldata reading, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 digest = digestOf(segment);
        if (anchored(segment.device, segment.subject, segment.quantity, segment.seq) != digest) {
            revert NotAnchored(digest);
        }
        bytes32 leaf = MerkleLeaves.reading(reading.index, reading.time, reading.value);
        return reading.index < segment.count && MerkleProof.verifyCalldata(proof, segment.root, leaf, MerkleLeaves.node);
    }

    /// @inheritdoc ITelemetry
    function digestOf(Segment calldata segment) public view returns (bytes32) {
        bytes32[] memory excursions = new bytes32[](segment.excursions.length);
        for (uint256 i; i < excursions.length; ++i) {
            excursions[i] = keccak256(abi.encode(EXCURSION_TYPEHASH, segment.excursions[i]));
        }
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    SEGMENT_TYPEHASH,
                    segment.device,
                    segment.subject,
                    segment.quantity,
                    segment.seq,
                    segment.from,
                    segment.to,
                    segment.count,
                    segment.maxInterval,
                    segment.min,
                    segment.max,
                    segment.last,
                    segment.sum,
                    keccak256(abi.encodePacked(excursions)),
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
    function _checkSummary(Segment calldata s) private pure {
        uint40 duration = s.to - s.from;
        uint256 steps = s.count == 0 ? type(uint256).max : s.count - 1;
        if (steps > duration || s.maxInterval > duration || s.maxInterval * steps < duration) {
            revert CountDoesNotFit(s.count, s.maxInterval, duration);
        }
        int256 count = int256(uint256(s.count));
        if (s.last < s.min || s.last > s.max || s.sum < s.min * count || s.sum > s.max * count) {
            revert ValuesContradict(s.min, s.max, s.last, s.sum);
        }
        if (s.excursions.length > MAX_EXCURSIONS) revert TooManyExcursions(s.excursions.length);
        for (uint256 i; i < s.excursions.length; ++i) {
            Excursion calldata e = s.excursions[i];
            bool any = e.high ? s.max >= e.limit : s.min <= e.limit;
            bool atEnd = e.high ? s.last >= e.limit : s.last <= e.limit;
            bool atStart = steps == 0 ? atEnd : e.prefix != 0;
            if (
                e.total > duration || e.longest > e.total || e.prefix > e.longest || e.suffix > e.longest
                    || e.first > duration || (!any && (e.total != 0 || e.first != 0)) || (!atEnd && e.suffix != 0)
                    || (any && atStart != (e.first == 0))
            ) revert ExcursionContradicts(i);
        }
    }

    function _key(bytes32 device, bytes32 subject, uint16 quantity) private pure returns (bytes32) {
        return keccak256(abi.encode(device, subject, quantity));
    }
}
