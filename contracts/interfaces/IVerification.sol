// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {EventRef} from "./ITwins.sol";

/// @title IVerification
/// @notice Is this package what its label says? Answers in the words of GS1 Lightweight Messaging 1.1, which
/// verification routers use for saleable returns and suspect product (DSCSA 582), and keeps what scans tell against
/// a serial.
///
/// A label that was copied is genuine on paper: only that the same serial turns up twice gives it away. So who meets
/// evidence reports it, so many a day for each organisation, and everybody who asks later is told that the unit is
/// suspect until its maker has settled it.
interface IVerification is IModule {
    /// @notice Why a product is not verified: the failure reasons of Lightweight Messaging 1.1.
    enum Failure {
        NONE,
        NO_MATCH_GTIN_SERIAL,
        NO_MATCH_GTIN_SERIAL_LOT_EXPIRY,
        NO_MATCH_GTIN_SERIAL_LOT,
        NO_MATCH_GTIN_SERIAL_EXPIRY,
        NO_REASON_PROVIDED
    }

    /// @notice Additional information of Lightweight Messaging 1.1.
    enum Info {
        NONE,
        RECALLED,
        SUSPECT
    }

    /// @notice What speaks against a unit.
    enum Evidence {
        NONE,
        UNKNOWN_SERIAL,
        WRONG_LOT_OR_EXPIRY,
        ALREADY_ENDED,
        HELD_ELSEWHERE,
        DUPLICATE_SCAN
    }

    /// @notice What the label says.
    /// @param unit keccak256 of the Digital Link of GTIN and serial.
    /// @param lot keccak256 of the Digital Link of GTIN and lot.
    /// @param expiry Last second of the expiry date, as its maker commissioned it.
    struct Label {
        bytes32 unit;
        bytes32 lot;
        uint40 expiry;
    }

    /// @notice Where the unit is in the maker's records.
    struct Place {
        bytes32 lot;
        uint32 index;
        bytes32[] proof;
    }

    /// @notice Evidence that was reported and not settled, and how many were settled.
    struct Suspicion {
        uint32 open;
        uint32 settled;
    }

    /// @notice An organisation met evidence against a unit, and its report counts for `day`.
    event SuspectReported(
        bytes32 indexed unit,
        uint32 indexed org,
        bytes32 indexed lot,
        address caller,
        Evidence evidence,
        Failure failure,
        uint256 day,
        EventRef ref
    );
    /// @notice The maker, or a regulator, found out what it was; the record `reason` tells.
    event SuspicionSettled(
        bytes32 indexed unit, uint32 indexed org, bytes32 indexed reason, address caller, uint32 reports, bool genuine
    );

    /// @notice The organisation has reported as much as one may in a day.
    error TooManyReports(uint32 org, uint256 day, uint256 limit);
    /// @notice A report says what speaks against the unit.
    error NoEvidence(bytes32 unit);
    /// @notice The chain itself says that the unit matches its label: that is no evidence of this kind.
    error NotSo(bytes32 unit, Evidence evidence);
    /// @notice Nothing is open against the unit.
    error NothingOpen(bytes32 unit);
    /// @notice Only the maker of the unit's lot, or a regulator, settles.
    error MayNotSettle(bytes32 unit, uint32 org);

    /// @notice Reports evidence against a unit. Duty RECEIVE; at most {MAX_REPORTS} a day for an organisation.
    /// Emits {SuspectReported} and {IModule-Alert}.
    /// @param place Where the unit is in the maker's records. For UNKNOWN_SERIAL it is not there, and one that is right
    /// disproves the evidence.
    function report(Label calldata label, Place calldata place, Evidence evidence, EventRef calldata ref) external;

    /// @notice Settles what was reported. Maker of the unit's lot or regulator, duty QUALITY.
    /// Emits {SuspicionSettled}.
    /// @param reason Hash or id of the record of the investigation.
    /// @param genuine True if the unit that the maker made is in the right hands.
    function settle(bytes32 unit, Place calldata place, bytes32 reason, bool genuine) external;

    /// @notice Most reports of an organisation in a day (UTC).
    function MAX_REPORTS() external view returns (uint256);

    /// @notice The module that keeps lots.
    function LOTS() external view returns (ILots);

    /// @notice Is the product what its label says? A recalled one is, and the answer says so, too.
    /// @param place Where the responder found the unit. Without it, or with a wrong one, the unit is unknown.
    /// @return verified True if unit, lot and expiry match.
    /// @return failure Why not.
    /// @return info RECALLED, or SUSPECT: reported, ended, or held back. A unit that became a twin ends and is held
    /// back as one, or with its lot.
    function verifyProduct(Label calldata label, Place calldata place)
        external
        view
        returns (bool verified, Failure failure, Info info);

    /// @notice What was reported against a unit.
    function suspicionOf(bytes32 unit) external view returns (Suspicion memory);

    /// @notice Reports of an organisation on a day, counted from 1970-01-01.
    function reportsOn(uint32 org, uint256 day) external view returns (uint256);
}
