// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {ILoggerReports} from "../interfaces/ILoggerReports.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Excursion} from "../libraries/Excursion.sol";
import {FridgeTag} from "../libraries/FridgeTag.sol";
import {LoggerDay, LoggerFrame, LoggerFrameLib} from "../libraries/LoggerWords.sol";
import {Duty, Role} from "../libraries/Membership.sol";
import {Frame, Values} from "../libraries/SegmentWords.sol";

/// @title LoggerReports
/// @notice See {ILoggerReports}.
contract LoggerReports is ILoggerReports, Module {
    bytes4 private constant CONTRADICTED = bytes4(keccak256("CONTRADICTED"));
    uint8 private constant MAJOR = 2;
    uint16 private constant TEMPERATURE = 1;

    /// @inheritdoc ILoggerReports
    uint16 public constant FINEST_ACCURACY = 50;

    /// @inheritdoc ILoggerReports
    uint256 public constant LONGEST_STEP = 15 minutes;

    /// @inheritdoc ILoggerReports
    ITwins public immutable TWINS;

    /// @inheritdoc ILoggerReports
    ITelemetry public immutable TELEMETRY;

    mapping(bytes32 key => KeyState) private _keys;
    mapping(bytes32 logger => Logger) private _loggers;
    mapping(bytes32 logger => mapping(uint32 number => Attachment)) private _attachments;

    /// @inheritdoc ILoggerReports
    mapping(bytes32 twin => bytes32) public standsFor;

    /// @inheritdoc ILoggerReports
    mapping(bytes32 id => bool) public attested;

    /// @dev The key of the report that contradicts a segment.
    mapping(bytes32 segment => bytes32 key) private _contradictedBy;

    /// @dev What consecutive segments say together.
    struct Stretch {
        uint256 from;
        uint256 to;
        int256 min;
        int256 max;
        uint256 step;
        uint256 beyond;
        uint256 runs;
        bool told;
    }

    constructor(IConsortium consortium, ITelemetry telemetry) Module("Goldthread LoggerReports", consortium) {
        TELEMETRY = telemetry;
        TWINS = telemetry.DEVICES().TWINS();
    }

    // ----------------------------------------------------------------------------------------------- keys

    /// @inheritdoc ILoggerReports
    function registerLotKey(LotKey calldata key, uint16 accuracy, uint40 expiry) external returns (bytes32 id) {
        uint32 org = CONSORTIUM.authorize(msg.sender, Role.MANUFACTURER | Role.REGULATOR, Duty.DEVICE_ADMIN);
        ITwins.Twin memory model = TWINS.twin(key.model);
        if (model.kind != ITwins.Kind.DESIGN || model.end != ITwins.EndOfLife.NONE) revert NotAModel(key.model);
        if (org != model.maker && !CONSORTIUM.hasRole(org, Role.REGULATOR)) {
            revert NotMaker(key.model, org, model.maker);
        }
        if (!P256.isValidPublicKey(key.x, key.y)) revert NotOnCurve(key.x, key.y);
        if (accuracy < FINEST_ACCURACY) revert AccuracyTooFine(accuracy, FINEST_ACCURACY);
        id = keyId(key);
        if (expiry < block.timestamp) revert KeyExpired(id, expiry, block.timestamp);
        if (_keys[id].org != 0) revert KeyExists(id);
        _keys[id] = KeyState({org: org, accuracy: accuracy, expiry: expiry, revoked: false});
        emit LotKeyRegistered(id, org, key.model, msg.sender, key.lot, key.x, key.y, accuracy, expiry);
    }

    /// @inheritdoc ILoggerReports
    function revokeLotKey(bytes32 key, bytes32 reason) external {
        uint32 org = _authorizeRegistrar(key);
        _checkKey(key);
        _keys[key].revoked = true;
        emit LotKeyRevoked(key, org, reason, msg.sender);
    }

    // -------------------------------------------------------------------------------------------- loggers

    /// @inheritdoc ILoggerReports
    function enrol(bytes32 key, uint40 serial, bytes32 twin) external returns (bytes32 logger) {
        uint32 org = _authorize(Duty.DEVICE_ADMIN);
        logger = loggerId(key, serial);
        _checkOwner(logger, org, twin);
        ITwins.Twin memory t = TWINS.twin(twin);
        if (t.kind != ITwins.Kind.ASSET || t.end != ITwins.EndOfLife.NONE) revert NotALogger(twin);
        _checkKey(key);
        if (serial >= 1e12) revert NotASerial(serial);
        Logger storage l = _loggers[logger];
        if (l.twin != 0) revert SerialTaken(logger, l.twin);
        if (standsFor[twin] != 0) revert StandsForLogger(twin, standsFor[twin]);
        l.twin = twin;
        standsFor[twin] = logger;
        emit LoggerEnrolled(logger, org, key, msg.sender, serial, twin);
    }

    /// @inheritdoc ILoggerReports
    function strike(bytes32 key, uint40 serial, bytes32 reason) external {
        uint32 org = _authorizeRegistrar(key);
        bytes32 logger = loggerId(key, serial);
        Logger storage l = _loggers[logger];
        bytes32 twin = l.twin;
        if (twin == 0) revert NotEnrolled(logger);
        uint32 struck = l.attachments;
        (l.twin, l.struck) = (0, struck);
        delete standsFor[twin];
        emit LoggerStruck(logger, org, reason, msg.sender, twin, struck);
    }

    /// @inheritdoc ILoggerReports
    function attach(bytes32 logger, bytes32 subject, int16 offset) external {
        (Logger storage l, uint32 org) = _authorizeOwner(logger);
        if (offset < -1440 || offset > 1440) revert OffsetOutOfRange(offset);
        uint32 number = l.attachments;
        if (number > l.struck && _attachments[logger][number].until == 0) {
            revert AlreadyAttached(logger, _attachments[logger][number].subject);
        }
        if (TWINS.ownerOf(subject) != org && TWINS.custodianOf(subject) != org) revert NotSubjectHolder(subject, org);
        uint40 since = uint40(block.timestamp);
        l.attachments = ++number;
        _attachments[logger][number] = Attachment({subject: subject, org: org, since: since, until: 0, offset: offset});
        emit LoggerAttached(logger, subject, org, msg.sender, number, since, offset);
    }

    /// @inheritdoc ILoggerReports
    function detach(bytes32 logger) external {
        (Logger storage l, uint32 org) = _authorizeOwner(logger);
        uint32 number = l.attachments;
        Attachment storage a = _attachments[logger][number];
        if (number == l.struck || a.until != 0) revert NotAttached(logger);
        uint40 until = uint40(block.timestamp);
        a.until = until;
        emit LoggerDetached(logger, a.subject, org, msg.sender, number, until);
    }

    // -------------------------------------------------------------------------------------------- reports

    /// @inheritdoc ILoggerReports
    function attestReport(bytes calldata text, LotKey calldata key, bytes32 r, bytes32 s, uint32 attachment)
        external
        returns (bytes32 id)
    {
        FridgeTag.Parsed memory p = FridgeTag.parse(text);
        if (p.lot != key.lot) revert WrongLot(p.lot, key.lot);
        Report memory report;
        report.key = keyId(key);
        uint40 expiry = _checkKey(report.key).expiry;
        if (block.timestamp > expiry) revert KeyExpired(report.key, expiry, block.timestamp);
        report.digest = sha256(text);
        if (!P256.verify(_reversed(report.digest), r, s, key.x, key.y)) revert InvalidReportSignature(report.digest);
        bytes32 logger = loggerId(report.key, p.serial);
        Attachment memory a = _attachments[logger][attachment];
        if (a.since == 0) revert NoSuchAttachment(logger, attachment);
        (uint256 activated, uint256 created) = (_utc(p.activated, a.offset), _utc(p.created, a.offset));
        if (created > block.timestamp) revert ReportInFuture(created, block.timestamp);
        report.subject = a.subject;
        report.frame = LoggerFrameLib.pack(p.serial, attachment, a.org, a.offset, activated, created, p.low, p.high);
        report.table = _daysWithin(p.table, report.frame, a.since, a.until);
        if (report.table.length == 0) revert NoDayCovered(logger, a.since, a.until);
        id = keccak256(abi.encode(report));
        if (attested[id]) revert AlreadyAttested(id);
        attested[id] = true;
        emit ReportAttested(id, a.subject, logger, msg.sender, report.digest, report.key, report.frame, report.table);
    }

    /// @inheritdoc ILoggerReports
    function contradict(
        Report calldata report,
        uint256 day,
        Contradiction kind,
        int32 limit,
        ITelemetry.Segment[] calldata segments
    ) external {
        bytes32 id = keccak256(abi.encode(report));
        if (!contradicts(report, day, kind, limit, segments)) revert NotContradicted(id, day, kind);
        bytes32 last;
        bool found;
        for (uint256 i; i < segments.length; ++i) {
            last = TELEMETRY.digestOf(segments[i]);
            if (isContradicted(last)) continue;
            found = true;
            _contradictedBy[last] = report.key;
            emit SegmentContradicted(last, report.subject, id, msg.sender, kind, limit, report.table[day]);
        }
        if (!found) revert AlreadyContradicted(last);
        emit Alert(report.subject, CONTRADICTED, report.frame.org(), MAJOR, id);
    }

    /// @inheritdoc ILoggerReports
    function contradicts(
        Report calldata report,
        uint256 day,
        Contradiction kind,
        int32 limit,
        ITelemetry.Segment[] calldata segments
    ) public view returns (bool) {
        bytes32 id = keccak256(abi.encode(report));
        if (!attested[id]) revert NotAttested(id);
        _checkAttachment(loggerId(report.key, report.frame.serial()), report.frame.attachment());
        int256 tolerance = 2 * int256(uint256(_checkKey(report.key).accuracy));
        if (day >= report.table.length) revert NoSuchDay(day, report.table.length);
        if (segments.length == 0) revert NotComparable(0);
        LoggerDay d = report.table[day];
        Stretch memory s = _together(segments, report.subject, limit, kind == Contradiction.HIGH_MISSED);
        if (kind == Contradiction.MIN_UNSEEN) return _within(report, d, segments) && s.min < d.min() - tolerance;
        if (kind == Contradiction.MAX_UNSEEN) return _within(report, d, segments) && s.max > d.max() + tolerance;
        if (!_covers(report, d, segments, s.step)) return false;
        if (kind == Contradiction.MIN_MISSED) return s.min > d.min() + tolerance;
        if (kind == Contradiction.MAX_MISSED) return s.max < d.max() - tolerance;
        uint256 known = s.beyond + (s.runs + 1) * (s.step + 1 minutes);
        if (kind == Contradiction.LOW_MISSED) {
            return s.told && limit >= report.frame.low() + tolerance && known < d.lowMinutes() * 1 minutes;
        }
        return kind == Contradiction.HIGH_MISSED && s.told && limit <= report.frame.high() - tolerance
            && known < d.highMinutes() * 1 minutes;
    }

    // ---------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILoggerReports
    function keyId(LotKey calldata key) public pure returns (bytes32) {
        return keccak256(abi.encode(key));
    }

    /// @inheritdoc ILoggerReports
    function loggerId(bytes32 key, uint40 serial) public pure returns (bytes32) {
        return keccak256(abi.encode(key, serial));
    }

    /// @inheritdoc ILoggerReports
    function keyState(bytes32 key) external view returns (KeyState memory) {
        return _keys[key];
    }

    /// @inheritdoc ILoggerReports
    function loggerOf(bytes32 logger) external view returns (Logger memory) {
        return _loggers[logger];
    }

    /// @inheritdoc ILoggerReports
    function attachmentOf(bytes32 logger, uint32 attachment) external view returns (Attachment memory) {
        return _attachments[logger][attachment];
    }

    /// @inheritdoc ILoggerReports
    function isContradicted(bytes32 segment) public view returns (bool) {
        bytes32 key = _contradictedBy[segment];
        return key != 0 && !_keys[key].revoked;
    }

    // -------------------------------------------------------------------------------------------- who may

    /// @dev The caller's organisation, which must have registered the key or be a regulator.
    function _authorizeRegistrar(bytes32 key) private view returns (uint32 org) {
        org = _authorize(Duty.DEVICE_ADMIN);
        uint32 registrar = _keys[key].org;
        if (registrar == 0) revert UnknownKey(key);
        if (org != registrar && !CONSORTIUM.hasRole(org, Role.REGULATOR)) revert NotRegistrar(key, org, registrar);
    }

    /// @dev The logger, and the caller's organisation, which must have title to its twin.
    function _authorizeOwner(bytes32 logger) private view returns (Logger storage l, uint32 org) {
        org = _authorize(Duty.DEVICE_ADMIN);
        l = _loggers[logger];
        if (l.twin == 0) revert NotEnrolled(logger);
        _checkOwner(logger, org, l.twin);
    }

    function _checkOwner(bytes32 logger, uint32 org, bytes32 twin) private view {
        uint32 owner = TWINS.ownerOf(twin);
        if (org != owner) revert NotLoggerOwner(logger, org, owner);
    }

    /// @dev A key that is registered and not revoked.
    function _checkKey(bytes32 key) private view returns (KeyState memory state) {
        state = _keys[key];
        if (state.org == 0) revert UnknownKey(key);
        if (state.revoked) revert KeyIsRevoked(key);
    }

    /// @dev An attachment that was made, and not struck.
    function _checkAttachment(bytes32 logger, uint32 number) private view {
        Logger storage l = _loggers[logger];
        if (number <= l.struck || number > l.attachments) revert NoSuchAttachment(logger, number);
    }

    // ------------------------------------------------------------------------------------------ the days

    /// @dev The days that the logger spent on the twin throughout, in the place of all days.
    function _daysWithin(LoggerDay[] memory table, LoggerFrame frame, uint256 since, uint256 until)
        private
        pure
        returns (LoggerDay[] memory)
    {
        if (until == 0) until = type(uint40).max;
        uint256 kept;
        unchecked {
            for (uint256 i; i < table.length; ++i) {
                (uint256 from, uint256 to) = _measured(table[i], frame);
                if (from < to && from >= since && to <= until) table[kept++] = table[i];
            }
        }
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            mstore(table, kept)
        }
        return table;
    }

    /// @dev From when to when the logger measured on a day: from midnight to midnight, but not before it was activated
    /// and not after it wrote the report.
    function _measured(LoggerDay d, LoggerFrame f) private pure returns (uint256 from, uint256 to) {
        unchecked {
            from = _utc(uint256(d.date()) * 1 days, f.offset());
            to = from + 1 days;
        }
        (uint256 activated, uint256 created) = (f.activated(), f.created());
        if (from < activated) from = activated;
        if (to > created) to = created;
    }

    /// @dev UTC of a second of the logger's clock, which is in this century.
    function _utc(uint256 local, int256 offset) private pure returns (uint256) {
        unchecked {
            return uint256(int256(local) - offset * 1 minutes);
        }
    }

    /// @dev The bytes in reverse.
    function _reversed(bytes32 word) private pure returns (bytes32) {
        uint256 w = uint256(word);
        uint256 m = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        w = (w & m) << 8 | (w >> 8) & m;
        m = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        w = (w & m) << 16 | (w >> 16) & m;
        m = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        w = (w & m) << 32 | (w >> 32) & m;
        m = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        w = (w & m) << 64 | (w >> 64) & m;
        return bytes32(w << 128 | w >> 128);
    }

    // -------------------------------------------------------------------------------------- the segments

    /// @dev Consecutive anchored segments of temperatures of the twin, taken together: also how long they were beyond
    /// the limit at most, if each of them tells.
    function _together(ITelemetry.Segment[] calldata segments, bytes32 subject, int32 limit, bool high)
        private
        view
        returns (Stretch memory s)
    {
        s.told = true;
        for (uint256 i; i < segments.length; ++i) {
            ITelemetry.Segment calldata segment = segments[i];
            (Frame frame, Values values) = (segment.frame, segment.values);
            bytes27 anchored = TELEMETRY.anchored(segment.device, subject, TEMPERATURE, frame.seq());
            if (anchored == 0 || anchored != bytes27(TELEMETRY.digestOf(segment))) revert NotComparable(i);
            uint256 step = frame.maxInterval();
            if (i == 0) {
                (s.from, s.min, s.max) = (frame.from(), values.min(), values.max());
            } else {
                ITelemetry.Segment calldata previous = segments[i - 1];
                if (segment.device != previous.device || frame.seq() != previous.frame.seq() + 1) {
                    revert NotConsecutive(i);
                }
                // The last reading of a segment holds until the next one is taken, beyond the limit or not.
                uint256 border = frame.from() - s.to;
                s.beyond += border;
                if (step < border) step = border;
                if (values.min() < s.min) s.min = values.min();
                if (values.max() > s.max) s.max = values.max();
            }
            s.to = frame.to();
            if (s.step < step) s.step = step;
            _addBeyond(s, segment, limit, high);
        }
    }

    function _addBeyond(Stretch memory s, ITelemetry.Segment calldata segment, int32 limit, bool high) private pure {
        for (uint256 i; i < segment.excursions.length; ++i) {
            Excursion e = segment.excursions[i];
            if (e.limit() == limit && e.high() == high) {
                s.beyond += e.total();
                s.runs += e.runs();
                return;
            }
        }
        if (high ? segment.values.max() >= limit : segment.values.min() <= limit) s.told = false;
    }

    /// @dev Do the segments cover the time that the logger measured on the day, without a gap, and none of them in vain?
    function _covers(Report calldata report, LoggerDay d, ITelemetry.Segment[] calldata segments, uint256 step)
        private
        pure
        returns (bool)
    {
        (uint256 from, uint256 to) = _measured(d, report.frame);
        uint256 last = segments.length - 1;
        return step <= LONGEST_STEP && segments[0].frame.from() <= from && segments[last].frame.to() >= to
            && (last == 0 || (segments[1].frame.from() > from && segments[last - 1].frame.to() < to));
    }

    /// @dev Is it one segment, in a day that the logger measured from midnight to midnight?
    function _within(Report calldata report, LoggerDay d, ITelemetry.Segment[] calldata segments)
        private
        pure
        returns (bool)
    {
        (uint256 from, uint256 to) = _measured(d, report.frame);
        Frame frame = segments[0].frame;
        return
            segments.length == 1 && to - from == 1 days && d.timeout() == 0 && frame.from() >= from && frame.to() <= to;
    }
}
