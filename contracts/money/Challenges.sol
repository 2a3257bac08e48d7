// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Module} from "../base/Module.sol";
import {IChallenges} from "../interfaces/IChallenges.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ITelemetry} from "../interfaces/ITelemetry.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {Duty} from "../libraries/Membership.sol";
import {SummaryTree} from "../libraries/SummaryTree.sol";
import {Purse} from "./Purse.sol";

/// @title Challenges
/// @notice See {IChallenges}.
contract Challenges is IChallenges, Purse {
    /// @inheritdoc IChallenges
    uint256 public constant MAX_OPEN = 16;

    /// @inheritdoc IChallenges
    uint256 public constant DEMAND_WINDOW = 30 days;

    /// @inheritdoc IChallenges
    uint256 public constant ANSWER_WINDOW = 3 days;

    /// @inheritdoc IChallenges
    uint256 public constant NOTICE_PERIOD = 45 days;

    /// @inheritdoc IChallenges
    uint256 public constant CHALLENGER_SHARE = 250_000;

    uint256 private constant MILLION = 1_000_000;

    /// @inheritdoc IChallenges
    ITelemetry public immutable TELEMETRY;

    /// @inheritdoc IChallenges
    IDevices public immutable DEVICES;

    ITwins private immutable TWINS;

    mapping(bytes32 device => mapping(uint32 org => Bond)) private _bonds;
    mapping(bytes32 id => Demand) private _demands;

    constructor(IConsortium consortium, ITelemetry telemetry, IERC20 token)
        Module("Goldthread Challenges", consortium)
        Purse(token)
    {
        TELEMETRY = telemetry;
        DEVICES = telemetry.DEVICES();
        TWINS = telemetry.DEVICES().TWINS();
    }

    // ------------------------------------------------------------------------------------------------- bonds

    /// @inheritdoc IChallenges
    function bond(bytes32 device, uint128 amount, address beneficiary, uint96 price) external nonReentrant {
        uint32 org = _authorize(Duty.ANCHOR);
        uint32 owner = TWINS.ownerOf(device);
        if (org != owner) revert NotDeviceOwner(device, org, owner);
        Bond storage b = _bonds[device][org];
        if (b.since != 0) revert AlreadyBonded(device, org);
        _checkNoneOpen(b);
        if (price == 0 || price > _rewardOf(amount)) revert InvalidTerms(amount, price);
        if (beneficiary == address(0) || beneficiary == msg.sender) revert InvalidBeneficiary(beneficiary);
        uint40 since = uint40(block.timestamp);
        _bonds[device][org] = Bond(msg.sender, since, 0, 0, 0, beneficiary, price, amount);
        emit Bonded(device, org, beneficiary, msg.sender, amount, price, since);
        _pull(amount);
    }

    /// @inheritdoc IChallenges
    function raiseBond(bytes32 device, uint32 org, uint128 amount) external nonReentrant {
        _bonded(device, org).amount += amount;
        emit BondRaised(device, org, msg.sender, amount);
        _pull(amount);
    }

    /// @inheritdoc IChallenges
    function giveNotice(bytes32 device, uint32 org) external {
        Bond storage b = _ownBond(device, org);
        if (b.noticeAt != 0) revert AlreadyGiven(b.noticeAt);
        uint40 noticeAt = uint40(block.timestamp);
        b.noticeAt = noticeAt;
        emit NoticeGiven(device, org, msg.sender, noticeAt);
    }

    /// @inheritdoc IChallenges
    function withdrawBond(bytes32 device, uint32 org) external nonReentrant {
        Bond storage b = _ownBond(device, org);
        uint256 until = b.noticeAt == 0 ? 0 : b.noticeAt + NOTICE_PERIOD;
        if (until == 0 || block.timestamp < until) revert NotYet(until);
        _checkNoneOpen(b);
        uint128 amount = b.amount;
        delete _bonds[device][org];
        emit BondWithdrawn(device, org, msg.sender, amount);
        _push(amount);
    }

    // ----------------------------------------------------------------------------------------- consequences

    /// @inheritdoc IChallenges
    function settle(ITelemetry.Segment calldata segment, uint32 org) external {
        bytes32 digest = TELEMETRY.requireAnchored(segment);
        ITelemetry.Falsification memory f = TELEMETRY.falsification(digest);
        if (f.lie == ITelemetry.Lie.NONE) revert NotFalsified(digest);
        bytes32 device = segment.device;
        Bond storage b = _bonds[device][org];
        bool covered = b.since != 0 && segment.frame.to() >= b.since;
        // A device that keeps something back has not lied.
        bool lying = f.lie != ITelemetry.Lie.WITHHELD && DEVICES.signerHash(device) != 0;
        if (!covered && !lying) revert NoConsequence(digest, org);
        if (covered) _take(b, device, org, digest, f.by);
        if (lying) DEVICES.revokeFor(device, digest);
    }

    // ----------------------------------------------------------------------------------------------- demands

    /// @inheritdoc IChallenges
    function demand(ITelemetry.Segment calldata segment, uint32 index, uint32 org) external nonReentrant {
        bytes32 digest = TELEMETRY.requireAnchored(segment);
        if (index >= segment.frame.count()) revert NoSuchReading(index, segment.frame.count());
        Bond storage b = _bonded(segment.device, org);
        _checkCovered(b, segment.frame.to());
        Demand storage d = _demands[_demandId(digest, index, org)];
        if (d.by != address(0)) revert AlreadyDemanded(digest, index);
        bool ofBeneficiary = msg.sender == b.beneficiary;
        uint256 open = ofBeneficiary ? b.openOfBeneficiary++ : b.open++;
        if (open >= MAX_OPEN) revert TooManyDemands(open);
        (uint96 price, uint40 until) = (b.price, uint40(block.timestamp + ANSWER_WINDOW));
        (d.by, d.price, d.until, d.ofBeneficiary) = (msg.sender, price, until, ofBeneficiary);
        emit Demanded(segment.device, digest, org, index, msg.sender, price, until);
        _pull(price);
    }

    /// @inheritdoc IChallenges
    function answer(
        ITelemetry.Segment calldata segment,
        uint32 org,
        ITelemetry.Reading calldata reading,
        SummaryTree.Step[] calldata way
    ) external {
        bytes32 digest = TELEMETRY.digestOf(segment);
        Bond storage b = _bonds[segment.device][org];
        Demand memory d = _close(b, digest, reading.index, org);
        if (block.timestamp > d.until) revert TooLate(d.until);
        if (!TELEMETRY.verifyReading(segment, reading, way)) revert NotInSegment(reading.index);
        _credit(b.account, d.price);
        emit Answered(segment.device, digest, org, reading, b.account, msg.sender);
    }

    /// @inheritdoc IChallenges
    function claimWithheld(ITelemetry.Segment calldata segment, uint32 index, uint32 org) external {
        bytes32 digest = TELEMETRY.digestOf(segment);
        bytes32 device = segment.device;
        Bond storage b = _bonds[device][org];
        Demand memory d = _close(b, digest, index, org);
        if (block.timestamp <= d.until) revert TooEarly(d.until);
        _credit(d.by, d.price);
        emit Withheld(device, digest, org, index, d.by, d.price);
        if (b.since != 0) _take(b, device, org, digest, d.by);
        // Who has sold the device no longer speaks for it, and nobody else has refused.
        if (TWINS.ownerOf(device) == org && !TELEMETRY.falsified(digest)) {
            TELEMETRY.falsify(segment, ITelemetry.Lie.WITHHELD, d.by);
        }
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IChallenges
    function bondOf(bytes32 device, uint32 org) external view returns (Bond memory) {
        return _bonds[device][org];
    }

    /// @inheritdoc IChallenges
    function demandOf(bytes32 digest, uint32 index, uint32 org) external view returns (Demand memory) {
        return _demands[_demandId(digest, index, org)];
    }

    // ----------------------------------------------------------------------------------------------- helpers

    function _bonded(bytes32 device, uint32 org) private view returns (Bond storage b) {
        b = _bonds[device][org];
        if (b.since == 0) revert NotBonded(device, org);
    }

    function _ownBond(bytes32 device, uint32 org) private view returns (Bond storage b) {
        b = _bonded(device, org);
        if (msg.sender != b.account) revert NotBondAccount(msg.sender, b.account);
    }

    function _checkNoneOpen(Bond storage b) private view {
        uint256 open = uint256(b.open) + b.openOfBeneficiary;
        if (open != 0) revert DemandsOpen(open);
    }

    /// @dev A bond answers for what ends while it stands; and once it may leave, nobody keeps it by demands.
    function _checkCovered(Bond storage b, uint40 to) private view {
        uint256 until = to + DEMAND_WINDOW;
        if (b.noticeAt != 0) until = Math.min(until, b.noticeAt + NOTICE_PERIOD - ANSWER_WINDOW);
        if (to < b.since || block.timestamp > until) revert OutsideBond(to, b.since, until);
    }

    /// @dev Ends a demand.
    function _close(Bond storage b, bytes32 digest, uint32 index, uint32 org) private returns (Demand memory d) {
        bytes32 id = _demandId(digest, index, org);
        d = _demands[id];
        if (d.by == address(0)) revert NotDemanded(digest, index);
        delete _demands[id];
        if (d.ofBeneficiary) --b.openOfBeneficiary;
        else --b.open;
    }

    /// @dev Takes a bond. Who answers for what is still open remains known.
    function _take(Bond storage b, bytes32 device, uint32 org, bytes32 digest, address by) private {
        uint128 amount = b.amount;
        (b.since, b.noticeAt, b.amount) = (0, 0, 0);
        uint128 reward = _rewardOf(amount);
        _credit(by, reward);
        _credit(b.beneficiary, amount - reward);
        emit BondLost(device, org, digest, by, reward, b.beneficiary, amount - reward);
    }

    function _rewardOf(uint128 amount) private pure returns (uint128) {
        return uint128(uint256(amount) * CHALLENGER_SHARE / MILLION);
    }

    function _demandId(bytes32 digest, uint32 index, uint32 org) private pure returns (bytes32) {
        return keccak256(abi.encode(digest, index, org));
    }
}
