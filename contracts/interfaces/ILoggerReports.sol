// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LoggerDay, LoggerFrame} from "../libraries/LoggerWords.sol";
import {IModule} from "./IModule.sol";
import {ITelemetry} from "./ITelemetry.sol";
import {ITwins} from "./ITwins.sol";

/// @title ILoggerReports
/// @notice Reports that temperature loggers sign themselves (Fridge-tag 2), verified on chain and set against the
/// readings of other devices: a second witness that travels with the goods.
///
/// What the signature proves: the makers of such loggers give one P-256 key to a whole lot. A report that verifies was
/// written by a genuine logger of that lot, and nobody has changed it. It does not prove which logger it was, where it
/// hung, or that its clock was right. So the serial number and the dates in the report, which the signature covers,
/// count only where the chain says so: the logger's owner attaches it to a twin, from that second on and not for the
/// past, and says how far its clock is from UTC. The signature names no chain: on another one it proves the same.
///
/// Guarantees: a report is attested at most once for an attachment; of its days only those count that it spent on
/// the twin from their first to their last minute; serial, dates and temperatures are read from the signed text alone;
/// a logger is attached to one twin at a time; a contradiction is a matter of arithmetic, and anyone can show it.
///
/// A contradiction is evidence and no proof of a lie: two loggers hang in two places. It is recorded and alerts, and
/// nobody loses anything by it here. Who relies on the segments (quality, insurers) asks {isContradicted}.
interface ILoggerReports is IModule {
    /// @notice How a report contradicts the segments of another device on the same twin; each by more than the
    /// inaccuracy of two such instruments.
    ///
    /// MIN_MISSED, MAX_MISSED: the segments cover the logger's day, and nothing in them is as low, or as high, as what
    /// the logger saw. LOW_MISSED, HIGH_MISSED: they cover it, and were beyond a limit for less time than the logger
    /// was beyond its own, stricter one. MIN_UNSEEN, MAX_UNSEEN: one segment lies within the day, and was lower, or
    /// higher, than the logger ever was.
    enum Contradiction {
        NONE,
        MIN_MISSED,
        MAX_MISSED,
        LOW_MISSED,
        HIGH_MISSED,
        MIN_UNSEEN,
        MAX_UNSEEN
    }

    /// @notice The key of a lot of loggers.
    /// @param model The loggers' model, a twin of the kind DESIGN.
    /// @param lot Name of the lot as the loggers write it, up to 31 bytes from the left.
    /// @param x, y The public key, a point of P-256.
    struct LotKey {
        bytes32 model;
        bytes32 lot;
        bytes32 x;
        bytes32 y;
    }

    /// @notice What is known of a lot key.
    /// @param org Organisation that registered it; 0: nobody has.
    /// @param accuracy Largest error of such a logger, in hundredths of a degree Celsius.
    /// @param expiry Last second at which reports are attested with it.
    /// @param revoked True once it was revoked.
    struct KeyState {
        uint32 org;
        uint16 accuracy;
        uint40 expiry;
        bool revoked;
    }

    /// @notice A logger: a serial number of a lot.
    /// @param twin The twin, of the kind ASSET, whose owner administers it; zero: nobody does.
    /// @param attachments How often it was attached; the newest attachment has this number.
    /// @param struck Reports for attachments up to this number contradict nothing: who made them was not its owner.
    struct Logger {
        bytes32 twin;
        uint32 attachments;
        uint32 struck;
    }

    /// @notice The time from `since` to `until` that a logger spent on a twin.
    /// @param subject The twin.
    /// @param org Organisation that attached it.
    /// @param since First second.
    /// @param until Last second; 0: it is still attached.
    /// @param offset Minutes by which the logger's clock is ahead of UTC, its time zone included.
    struct Attachment {
        bytes32 subject;
        uint32 org;
        uint40 since;
        uint40 until;
        int16 offset;
    }

    /// @notice What a report says about a twin, in the words of the library `LoggerWords`.
    /// @param digest SHA-256 of the signed text.
    /// @param key The lot key with which it verifies.
    /// @param subject The twin to which the logger was attached.
    /// @param frame Which logger wrote it and when, for which attachment, and the limits of its alarms.
    /// @param table The days that it spent on the twin throughout, the newest first.
    struct Report {
        bytes32 digest;
        bytes32 key;
        bytes32 subject;
        LoggerFrame frame;
        LoggerDay[] table;
    }

    /// @notice The key signs for a lot of loggers.
    event LotKeyRegistered(
        bytes32 indexed key,
        uint32 indexed org,
        bytes32 indexed model,
        address caller,
        bytes32 lot,
        bytes32 x,
        bytes32 y,
        uint16 accuracy,
        uint40 expiry
    );
    /// @notice No report is attested with the key any more, and none that was contradicts anything, for the reason that
    /// the record `reason` explains.
    event LotKeyRevoked(bytes32 indexed key, uint32 indexed org, bytes32 indexed reason, address caller);
    /// @notice The owner of the twin administers the logger.
    event LoggerEnrolled(
        bytes32 indexed logger, uint32 indexed org, bytes32 indexed key, address caller, uint40 serial, bytes32 twin
    );
    /// @notice The logger was not what the twin stood for; the record `reason` tells. It can be enrolled again, and
    /// reports for its attachments so far contradict nothing.
    event LoggerStruck(
        bytes32 indexed logger, uint32 indexed org, bytes32 indexed reason, address caller, bytes32 twin, uint32 struck
    );
    /// @notice The logger measures the twin from the second `since`.
    event LoggerAttached(
        bytes32 indexed logger,
        bytes32 indexed subject,
        uint32 indexed org,
        address caller,
        uint32 attachment,
        uint40 since,
        int16 offset
    );
    /// @notice The logger measured the twin up to the second `until`.
    event LoggerDetached(
        bytes32 indexed logger,
        bytes32 indexed subject,
        uint32 indexed org,
        address caller,
        uint32 attachment,
        uint40 until
    );
    /// @notice A report was verified; `id` is the hash of what it says, as in {Report}.
    event ReportAttested(
        bytes32 indexed id,
        bytes32 indexed subject,
        bytes32 indexed logger,
        address caller,
        bytes32 digest,
        bytes32 key,
        LoggerFrame frame,
        LoggerDay[] table
    );
    /// @notice The report contradicts the segment, alone or together with those next to it.
    /// @param limit For LOW_MISSED and HIGH_MISSED the limit that the segments were not beyond for long enough.
    /// @param day The day of the report.
    event SegmentContradicted(
        bytes32 indexed segment,
        bytes32 indexed subject,
        bytes32 indexed report,
        address caller,
        Contradiction kind,
        int32 limit,
        LoggerDay day
    );

    /// @notice What begins at this byte of the text is not what must be there, or the text ends before it is complete.
    error MalformedReport(uint256 position);
    /// @notice A model is a twin of the kind DESIGN that has not ended.
    error NotAModel(bytes32 model);
    /// @notice Only the maker of the model, or a regulator, names the keys of its lots.
    error NotMaker(bytes32 model, uint32 org, uint32 maker);
    /// @notice The point is not on the curve P-256.
    error NotOnCurve(bytes32 x, bytes32 y);
    /// @notice No logger of the field is more accurate than that.
    error AccuracyTooFine(uint16 accuracy, uint16 finest);
    /// @notice The key's last second has passed.
    error KeyExpired(bytes32 key, uint40 expiry, uint256 blockTime);
    /// @notice The key is registered already.
    error KeyExists(bytes32 key);
    /// @notice Nobody has registered the key.
    error UnknownKey(bytes32 key);
    /// @notice The key was revoked.
    error KeyIsRevoked(bytes32 key);
    /// @notice Only who registered the key, or a regulator, revokes it and strikes its loggers.
    error NotRegistrar(bytes32 key, uint32 org, uint32 registrar);
    /// @notice A serial number has 12 digits.
    error NotASerial(uint40 serial);
    /// @notice A logger is a twin of the kind ASSET that has not ended.
    error NotALogger(bytes32 twin);
    /// @notice Only the organisation with title to the logger's twin administers it.
    error NotLoggerOwner(bytes32 logger, uint32 org, uint32 owner);
    /// @notice The serial number is enrolled already.
    error SerialTaken(bytes32 logger, bytes32 twin);
    /// @notice The twin stands for another logger.
    error StandsForLogger(bytes32 twin, bytes32 logger);
    /// @notice The serial number is not enrolled.
    error NotEnrolled(bytes32 logger);
    /// @notice No clock is further from UTC than a day.
    error OffsetOutOfRange(int16 offset);
    /// @notice The logger is attached to this twin and must be detached first.
    error AlreadyAttached(bytes32 logger, bytes32 subject);
    /// @notice The logger is attached to no twin.
    error NotAttached(bytes32 logger);
    /// @notice Only who has title to or custody of a twin attaches loggers to it.
    error NotSubjectHolder(bytes32 subject, uint32 org);
    /// @notice The report is of another lot.
    error WrongLot(bytes32 lot, bytes32 given);
    /// @notice The signature is not the lot's over this text.
    error InvalidReportSignature(bytes32 digest);
    /// @notice The logger has no such attachment, or it does not count any more.
    error NoSuchAttachment(bytes32 logger, uint32 attachment);
    /// @notice By clock and offset, the report is yet to be written.
    error ReportInFuture(uint256 created, uint256 blockTime);
    /// @notice No day of the report was spent on the twin from its first to its last minute.
    error NoDayCovered(bytes32 logger, uint40 since, uint40 until);
    /// @notice The report was attested for this attachment before.
    error AlreadyAttested(bytes32 id);
    /// @notice No such report was attested.
    error NotAttested(bytes32 id);
    /// @notice The report has fewer days.
    error NoSuchDay(uint256 day, uint256 count);
    /// @notice The segment is not anchored, or not one of temperatures of the report's twin.
    error NotComparable(uint256 index);
    /// @notice The segments are not consecutive ones of one device.
    error NotConsecutive(uint256 index);
    /// @notice The report does not contradict the segments in this way.
    error NotContradicted(bytes32 id, uint256 day, Contradiction kind);
    /// @notice Each of the segments was contradicted before.
    error AlreadyContradicted(bytes32 segment);

    /// @notice Registers the key of a lot. Maker of the model (role MANUFACTURER) or regulator, duty DEVICE_ADMIN.
    /// Emits {LotKeyRegistered}.
    /// @param accuracy Largest error of such a logger, in hundredths of a degree Celsius, at least {FINEST_ACCURACY}.
    /// @param expiry Last second at which reports are attested with it.
    /// @return id Hash of the key.
    function registerLotKey(LotKey calldata key, uint16 accuracy, uint40 expiry) external returns (bytes32 id);

    /// @notice Ends a key that is no longer secret. Who registered it, or a regulator, duty DEVICE_ADMIN.
    /// Emits {LotKeyRevoked}.
    function revokeLotKey(bytes32 key, bytes32 reason) external;

    /// @notice Says that the twin stands for the logger with this serial number. Organisation with title to the
    /// twin, duty DEVICE_ADMIN. Emits {LoggerEnrolled}.
    /// @return logger Hash of key and serial number.
    function enrol(bytes32 key, uint40 serial, bytes32 twin) external returns (bytes32 logger);

    /// @notice Takes a serial number from who enrolled what it does not own. Who registered the key, or a regulator,
    /// duty DEVICE_ADMIN. Emits {LoggerStruck}.
    function strike(bytes32 key, uint40 serial, bytes32 reason) external;

    /// @notice Attaches the logger to a twin from now on. Its owner, duty DEVICE_ADMIN, with title to or custody of the
    /// twin. Emits {LoggerAttached}.
    /// @param offset Minutes by which the logger's clock is ahead of UTC, its time zone included.
    function attach(bytes32 logger, bytes32 subject, int16 offset) external;

    /// @notice Ends the attachment now. Its owner, duty DEVICE_ADMIN. Emits {LoggerDetached}.
    function detach(bytes32 logger) external;

    /// @notice Verifies a report and keeps the hash of what it says. Anyone: the signature is the authority.
    /// Emits {ReportAttested}.
    /// @param text What the logger signed: the file with lines that end in CR and LF, from its first byte through the
    /// line `Sig Cert`.
    /// @param key The key of the logger's lot.
    /// @param r, s The signature over the SHA-256 hash of the text, of which the logger signs the bytes in reverse; all
    /// numbers as Ethereum writes them, and `s` the lower of the two.
    /// @param attachment Number of the attachment that the report is about.
    /// @return id Hash of what the report says about the twin.
    function attestReport(bytes calldata text, LotKey calldata key, bytes32 r, bytes32 s, uint32 attachment)
        external
        returns (bytes32 id);

    /// @notice Records that a report contradicts segments, as {contradicts} says. Anyone. Emits {SegmentContradicted}
    /// for each segment that was not contradicted before, and {IModule-Alert}.
    function contradict(
        Report calldata report,
        uint256 day,
        Contradiction kind,
        int32 limit,
        ITelemetry.Segment[] calldata segments
    ) external;

    /// @notice Does the report contradict the segments in this way? Reverts where the two cannot be compared.
    ///
    /// Temperatures differ by more than twice the accuracy of the logger. Times differ by more than an interval
    /// between readings and a minute for each stretch beyond the limit, and for one more. Segments cover a day from midnight
    /// to midnight of the logger's clock, or as far as it was measuring; their readings are at most {LONGEST_STEP}
    /// apart, and none of them can be left out.
    /// @param day Its place in the report's table.
    /// @param limit For LOW_MISSED and HIGH_MISSED: a limit that the segments tell of, further inside than that of the
    /// logger's alarm by at least twice the accuracy; otherwise without meaning.
    /// @param segments Consecutive anchored segments of one device; one where the kind is MIN_UNSEEN or MAX_UNSEEN.
    function contradicts(
        Report calldata report,
        uint256 day,
        Contradiction kind,
        int32 limit,
        ITelemetry.Segment[] calldata segments
    ) external view returns (bool);

    /// @notice The smallest error that the maker of a logger can claim: 0.5 degrees Celsius.
    function FINEST_ACCURACY() external view returns (uint16);

    /// @notice Readings further apart than that say nothing about the time between them: 15 minutes.
    function LONGEST_STEP() external view returns (uint256);

    /// @notice The module that knows things and their holders.
    function TWINS() external view returns (ITwins);

    /// @notice The module that keeps segments.
    function TELEMETRY() external view returns (ITelemetry);

    /// @notice Id of a lot key.
    function keyId(LotKey calldata key) external pure returns (bytes32);

    /// @notice Id of a logger.
    function loggerId(bytes32 key, uint40 serial) external pure returns (bytes32);

    /// @notice What is known of a lot key.
    function keyState(bytes32 key) external view returns (KeyState memory);

    /// @notice The facts of a logger; all zero if it was never enrolled.
    function loggerOf(bytes32 logger) external view returns (Logger memory);

    /// @notice The logger that the twin stands for, or zero.
    function standsFor(bytes32 twin) external view returns (bytes32);

    /// @notice An attachment of a logger by its number, from 1.
    function attachmentOf(bytes32 logger, uint32 attachment) external view returns (Attachment memory);

    /// @notice True for the hash of a report that was attested.
    function attested(bytes32 id) external view returns (bool);

    /// @notice True if a report contradicts the segment with this digest, and the report's key has not been revoked.
    function isContradicted(bytes32 segment) external view returns (bool);
}
