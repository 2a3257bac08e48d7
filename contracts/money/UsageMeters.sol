// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Module} from "../base/Module.sol";
import {IConsortium} from "../interfaces/IConsortium.sol";
import {IDevices} from "../interfaces/IDevices.sol";
import {ILicences} from "../interfaces/ILicences.sol";
import {ITwins} from "../interfaces/ITwins.sol";
import {IUsageMeters} from "../interfaces/IUsageMeters.sol";
import {Duty} from "../libraries/Membership.sol";
import {Purse} from "./Purse.sol";

/// @title UsageMeters
/// @notice See {IUsageMeters}.
contract UsageMeters is IUsageMeters, Purse {
    /// @inheritdoc IUsageMeters
    uint256 public constant NOTICE_PERIOD = 14 days;

    /// @inheritdoc IUsageMeters
    uint256 public constant CLOCK_TOLERANCE = 24 hours;

    bytes4 private constant OVERDRAWN = bytes4(keccak256("OVERDRAWN"));

    bytes32 private constant READING_TYPEHASH = keccak256("MeterReading(bytes32 meter,uint64 counter,uint40 time)");

    /// @inheritdoc IUsageMeters
    ILicences public immutable LICENCES;

    /// @inheritdoc IUsageMeters
    IDevices public immutable DEVICES;

    /// @inheritdoc IUsageMeters
    ITwins public immutable TWINS;

    // slither-disable-next-line uninitialized-state: written through a pointer to one meter
    mapping(bytes32 meter => Meter) private _meters;

    constructor(IConsortium consortium, ILicences licences, IDevices devices, IERC20 token)
        Module("Goldthread UsageMeters", consortium)
        Purse(token)
    {
        LICENCES = licences;
        DEVICES = devices;
        TWINS = devices.TWINS();
    }

    /// @inheritdoc IUsageMeters
    function openMeter(MeterTerms calldata t) external returns (bytes32 meter) {
        uint32 org = _authorize(Duty.FINANCE);
        bytes32 design = LICENCES.licenceOf(t.licence).design;
        if (design == 0) revert UnknownLicence(t.licence);
        uint32 owner = TWINS.ownerOf(design);
        if (org != owner) revert NotLicensor(design, org, owner);
        if (t.payee == address(0) || t.price == 0) revert InvalidMeter(t.payee, t.price);
        meter = meterId(t);
        Meter storage m = _meters[meter];
        if (m.price != 0) revert MeterExists(meter);
        (m.payee, m.price, m.licence, m.counter) = (t.payee, t.price, t.licence, t.start);
        (m.instance, m.signerHash) = (t.instance, t.signerHash);
        emit MeterOpened(meter, t.licence, org, msg.sender, t);
    }

    /// @inheritdoc IUsageMeters
    function fund(bytes32 meter, uint128 amount) external nonReentrant {
        Meter storage m = _open(meter);
        if (m.payer == address(0)) {
            uint32 org = _authorize(Duty.FINANCE);
            uint32 licensee = LICENCES.licenceOf(m.licence).licensee;
            if (org != licensee) revert NotLicensee(m.licence, org, licensee);
            m.payer = msg.sender;
        } else {
            _checkPayer(meter, m);
        }
        if (amount == 0) revert NothingPaid(meter);
        uint128 settled = uint128(Math.min(amount, m.debt));
        if (settled != 0) {
            m.debt -= settled;
            _credit(m.payee, settled);
        }
        m.balance += amount - settled;
        emit MeterFunded(meter, m.licence, msg.sender, amount, settled);
        _pull(amount);
    }

    /// @inheritdoc IUsageMeters
    function record(MeterReading calldata r, bytes calldata signer, bytes calldata signature) external {
        Meter storage m = _open(r.meter);
        (uint64 last, uint40 lastTime) = (m.counter, m.time);
        if (r.counter <= last) revert CounterNotRisen(r.meter, r.counter, last);
        if (r.time < lastTime) revert OlderReading(r.meter, r.time, lastTime);
        if (r.time > block.timestamp + CLOCK_TOLERANCE) revert ClockAhead(r.meter, r.time, block.timestamp);
        _checkSigned(m, r, signer, signature);
        uint64 steps = r.counter - last;
        // A counter of 64 bits at a price of 96 never costs more than 160 have room for, all debts together.
        uint160 cost = uint160(uint256(steps) * m.price);
        uint128 balance = m.balance;
        uint128 paid = uint128(Math.min(cost, balance));
        (m.balance, m.counter, m.time) = (balance - paid, r.counter, r.time);
        if (paid != 0) _credit(m.payee, paid);
        uint160 before = m.debt;
        uint160 missing = cost - paid;
        emit UsageRecorded(r.meter, m.licence, m.instance, msg.sender, r.counter, r.time, steps, paid, before + missing);
        if (missing == 0) return;
        m.debt = before + missing;
        emit MeterOverdrawn(r.meter, m.licence, m.instance, missing);
        if (before == 0) _alert(r.meter, m.licence);
    }

    /// @inheritdoc IUsageMeters
    function giveNotice(bytes32 meter) external {
        Meter storage m = _open(meter);
        _checkPayer(meter, m);
        if (m.noticeAt != 0) revert AlreadyGiven(m.noticeAt);
        uint40 noticeAt = uint40(block.timestamp);
        m.noticeAt = noticeAt;
        emit MeterNoticeGiven(meter, m.licence, msg.sender, noticeAt);
    }

    /// @inheritdoc IUsageMeters
    function closeMeter(bytes32 meter) external {
        Meter storage m = _open(meter);
        if (msg.sender != m.payee) {
            _checkPayer(meter, m);
            uint256 until = m.noticeAt == 0 ? 0 : m.noticeAt + NOTICE_PERIOD;
            if (until == 0 || block.timestamp < until) revert NotYet(until);
        }
        uint128 rest = m.balance;
        (m.balance, m.closed) = (0, true);
        if (rest != 0) _credit(m.payer, rest);
        emit MeterClosed(meter, m.licence, m.payer, msg.sender, rest, m.debt);
    }

    /// @inheritdoc IUsageMeters
    function meterOf(bytes32 meter) external view returns (Meter memory) {
        return _meters[meter];
    }

    /// @inheritdoc IUsageMeters
    function meterId(MeterTerms calldata t) public pure returns (bytes32) {
        return keccak256(abi.encode(t));
    }

    /// @inheritdoc IUsageMeters
    function readingDigest(MeterReading calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(READING_TYPEHASH, r)));
    }

    function _open(bytes32 meter) private view returns (Meter storage m) {
        m = _meters[meter];
        if (m.price == 0 || m.closed) revert MeterNotOpen(meter);
    }

    function _checkPayer(bytes32 meter, Meter storage m) private view {
        if (msg.sender != m.payer) revert NotPayer(meter, msg.sender, m.payer);
    }

    /// @dev A device's key is asked for each time: a key that was rotated or revoked signs no more.
    function _checkSigned(Meter storage m, MeterReading calldata r, bytes calldata signer, bytes calldata signature)
        private
        view
    {
        bytes32 expected = m.signerHash;
        if (expected == 0) expected = DEVICES.signerHash(m.instance);
        if (keccak256(signer) != expected) revert WrongMeterSigner(r.meter, signer);
        bytes32 digest = readingDigest(r);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) revert InvalidReading(digest, signer);
    }

    /// @dev The licensor's, for it is the licensor who is owed.
    function _alert(bytes32 meter, uint32 licence) private {
        bytes32 design = LICENCES.licenceOf(licence).design;
        emit Alert(design, OVERDRAWN, TWINS.ownerOf(design), 1, meter);
    }
}
