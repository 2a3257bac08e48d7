// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SummaryTree} from "../libraries/SummaryTree.sol";
import {IDevices} from "./IDevices.sol";
import {IPurse} from "./IPurse.sol";
import {ITelemetry} from "./ITelemetry.sol";

/// @title IChallenges
/// @notice Whoever signs a false segment is caught by one step of a proof, and pays if it vouched for its device.
///
/// A lie is proved to {ITelemetry} by anyone, at any time, with or without a bond. What cannot be proved because nobody
/// shows it is demanded here ({demand}). Silence of a device is not for this module: {IConditions-markSilent}.
///
/// The organisation with title to a device may vouch for it with a bond, which names who is hurt by a lie. A proved lie
/// ends the device's key and takes the bond ({settle}): {CHALLENGER_SHARE} of it goes to who proved it, the rest to the
/// beneficiary. The share is the smaller part so that a liar who proves its own lie, through whomever, saves no more than
/// that. A reading that is not shown in time takes the bond too, and makes the segment false as long as the organisation
/// still has title to the device; it is no lie, and the key lives on.
///
/// What a bond answers for: segments that end while it stands, from its first second on. Lies have no time limit.
/// Readings may be demanded until {DEMAND_WINDOW} after the segment's end: nobody keeps archives for ever, and the time
/// of anchoring is not stored. Who relies on demands refuses what is anchored late ({IConditions}: maxSilence). A bond
/// leaves no sooner than {NOTICE_PERIOD} after notice, which is longer than both windows together.
///
/// Guarantees: an honest device is never proved false; what is demanded costs at least what the bond asks for it, and
/// that goes to the bond's account, whoever answers; at most {MAX_OPEN} demands are open at once, and as many of the
/// beneficiary's own, so that neither strangers nor the gateway itself can keep the beneficiary out; who demands risks no
/// more than it can win. Bonds, open deposits and credits are all the tokens there are. Exits ask nobody.
///
/// Assumptions: a device signs one segment for a number, and no other before the first one is anchored. A proof that is
/// sent in the open can be copied by somebody who is faster; the lie is caught all the same.
interface IChallenges is IPurse {
    /// @notice What an organisation puts at stake for a device.
    /// @param account Gets it back, and is paid for answers.
    /// @param since It answers for segments that end then or later; 0: there is none, or it was lost.
    /// @param noticeAt When the account gave notice; 0: it did not.
    /// @param open Demands that wait for an answer, but for the beneficiary's.
    /// @param openOfBeneficiary The beneficiary's.
    /// @param beneficiary Who is hurt by a lie: an insurer, a buyer.
    /// @param price What a demand costs.
    /// @param amount What is at stake.
    struct Bond {
        address account;
        uint40 since;
        uint40 noticeAt;
        uint8 open;
        uint8 openOfBeneficiary;
        address beneficiary;
        uint96 price;
        uint128 amount;
    }

    /// @notice A reading that somebody wants to see.
    /// @param by Who; paid the price.
    /// @param until The last second for an answer.
    /// @param ofBeneficiary True if it counts among the beneficiary's.
    struct Demand {
        address by;
        uint96 price;
        uint40 until;
        bool ofBeneficiary;
    }

    /// @notice An organisation vouches for a device.
    event Bonded(
        bytes32 indexed device,
        uint32 indexed org,
        address indexed beneficiary,
        address account,
        uint128 amount,
        uint96 price,
        uint40 since
    );
    /// @notice The bond is larger by `amount`.
    event BondRaised(bytes32 indexed device, uint32 indexed org, address caller, uint128 amount);
    /// @notice The bond may be taken back after {NOTICE_PERIOD}.
    event NoticeGiven(bytes32 indexed device, uint32 indexed org, address account, uint40 noticeAt);
    /// @notice The bond went back to its account.
    event BondWithdrawn(bytes32 indexed device, uint32 indexed org, address account, uint128 amount);
    /// @notice The bond is lost: `reward` was credited to `by`, who proved the segment false, the rest to the beneficiary.
    event BondLost(
        bytes32 indexed device,
        uint32 indexed org,
        bytes32 indexed digest,
        address by,
        uint128 reward,
        address beneficiary,
        uint128 damages
    );
    /// @notice Somebody wants to see a reading of the segment with this digest, by `until`.
    event Demanded(
        bytes32 indexed device,
        bytes32 indexed digest,
        uint32 indexed org,
        uint32 index,
        address by,
        uint96 price,
        uint40 until
    );
    /// @notice The reading was shown. Its way to the root is in the transaction's calldata.
    event Answered(
        bytes32 indexed device,
        bytes32 indexed digest,
        uint32 indexed org,
        ITelemetry.Reading reading,
        address account,
        address caller
    );
    /// @notice The reading was not shown in time; the deposit went back.
    event Withheld(
        bytes32 indexed device, bytes32 indexed digest, uint32 indexed org, uint32 index, address by, uint96 price
    );

    /// @notice The organisation has no title to the device.
    error NotDeviceOwner(bytes32 device, uint32 org, uint32 owner);
    /// @notice The organisation vouches for the device already.
    error AlreadyBonded(bytes32 device, uint32 org);
    /// @notice The organisation does not vouch for the device.
    error NotBonded(bytes32 device, uint32 org);
    /// @notice Amount and price are at least 1, and the price at most what a challenger would win.
    error InvalidTerms(uint128 amount, uint96 price);
    /// @notice The beneficiary is somebody, and not the account itself.
    error InvalidBeneficiary(address beneficiary);
    /// @notice Only the account of the bond takes it back.
    error NotBondAccount(address caller, address account);
    /// @notice Notice was given before.
    error AlreadyGiven(uint40 noticeAt);
    /// @notice The bond stays until then; 0: until notice is given and its time has passed.
    error NotYet(uint256 until);
    /// @notice Demands are open, and must be answered or claimed first.
    error DemandsOpen(uint256 open);
    /// @notice The segment ended before the bond, or too long ago to demand its readings.
    error OutsideBond(uint40 to, uint40 since, uint256 until);
    /// @notice The segment has no reading with this index.
    error NoSuchReading(uint32 index, uint32 count);
    /// @notice So many demands are open already.
    error TooManyDemands(uint256 open);
    /// @notice The reading was demanded before, and the answer is due.
    error AlreadyDemanded(bytes32 digest, uint32 index);
    /// @notice Nobody demanded the reading.
    error NotDemanded(bytes32 digest, uint32 index);
    /// @notice The time for an answer is over.
    error TooLate(uint40 until);
    /// @notice The time for an answer is not over yet.
    error TooEarly(uint40 until);
    /// @notice The reading is not one of the segment's.
    error NotInSegment(uint32 index);
    /// @notice The segment is not proved false.
    error NotFalsified(bytes32 digest);
    /// @notice The device has no key left to end, and no bond of the organisation answers for the segment.
    error NoConsequence(bytes32 digest, uint32 org);

    /// @notice Most demands open at once against a bond, of the beneficiary and of all others each.
    function MAX_OPEN() external view returns (uint256);

    /// @notice Seconds after the end of a segment in which its readings may be demanded.
    function DEMAND_WINDOW() external view returns (uint256);

    /// @notice Seconds in which a demand is answered.
    function ANSWER_WINDOW() external view returns (uint256);

    /// @notice Seconds between notice and withdrawal of a bond.
    function NOTICE_PERIOD() external view returns (uint256);

    /// @notice What goes to the challenger, in parts per million of the bond, rounded down.
    function CHALLENGER_SHARE() external view returns (uint256);

    /// @notice The module whose segments are challenged.
    function TELEMETRY() external view returns (ITelemetry);

    /// @notice The module that knows the devices' keys.
    function DEVICES() external view returns (IDevices);

    /// @notice Vouches for a device, from now on. Owning organisation, duty ANCHOR. Emits {Bonded}.
    /// @param beneficiary Who is hurt by a lie.
    /// @param price What a demand costs; it should pay for an answer.
    function bond(bytes32 device, uint128 amount, address beneficiary, uint96 price) external;

    /// @notice Adds to a bond. Anyone. Emits {BondRaised}.
    function raiseBond(bytes32 device, uint32 org, uint128 amount) external;

    /// @notice Says that the bond will be taken back. Its account. Emits {NoticeGiven}.
    function giveNotice(bytes32 device, uint32 org) external;

    /// @notice Takes the bond back, once {NOTICE_PERIOD} has passed since notice and no demand is open. Its account.
    /// Emits {BondWithdrawn}.
    function withdrawBond(bytes32 device, uint32 org) external;

    /// @notice Draws the consequences of a segment proved false: ends its device's key if it lied, and takes the bond of
    /// `org` if that answers for the segment. Anyone. Emits {BondLost}; see {IDevices-DeviceRevoked}.
    /// @param org Whose bond; 0: none.
    function settle(ITelemetry.Segment calldata segment, uint32 org) external;

    /// @notice Demands to see a reading of an anchored segment, for the price that the bond of `org` asks. Anyone. Emits
    /// {Demanded}.
    function demand(ITelemetry.Segment calldata segment, uint32 index, uint32 org) external;

    /// @notice Shows a reading that was demanded. Anyone; the price goes to the bond's account. Emits {Answered}.
    function answer(
        ITelemetry.Segment calldata segment,
        uint32 org,
        ITelemetry.Reading calldata reading,
        SummaryTree.Step[] calldata way
    ) external;

    /// @notice Draws the consequences of a reading that was not shown in time: the deposit goes back, the bond is lost
    /// to who demanded and the beneficiary, and the segment is false if `org` still has title to the device. Anyone.
    /// Emits {Withheld} and {BondLost}; see {ITelemetry-SegmentFalsified}.
    function claimWithheld(ITelemetry.Segment calldata segment, uint32 index, uint32 org) external;

    /// @notice What an organisation puts at stake for a device.
    function bondOf(bytes32 device, uint32 org) external view returns (Bond memory);

    /// @notice A demand that waits for an answer; all zero: there is none.
    function demandOf(bytes32 digest, uint32 index, uint32 org) external view returns (Demand memory);
}
