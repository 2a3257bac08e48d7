// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDevices} from "./IDevices.sol";
import {ILicences} from "./ILicences.sol";
import {IPurse} from "./IPurse.sol";
import {ITwins} from "./ITwins.sol";

/// @title IUsageMeters
/// @notice What the use of a licence costs where it is counted: the machine or program that uses it signs a counter, and
/// each step of the counter is paid from a balance that the licensee has paid in before.
///
/// The licensor opens a meter for an instance: a device, or whatever else has a key. Its terms never change, and the
/// meter's id is their hash: who pays in knows what for. Anyone may bring a reading. The counter only rises, so that no
/// reading counts twice, and one that was skipped is in the next. When the balance does not suffice the use is recorded
/// all the same, and what is missing is a debt: it is reported, and paid first from what is paid in later. Nobody is
/// charged more than the balance.
///
/// The payer leaves {NOTICE_PERIOD} after notice, which is the time to bring the last readings; the payee may close a
/// meter at any time. The rest goes to the payer.
///
/// Guarantees: all balances and credits together are all the tokens there are. The payee never gets more than the price
/// of what was signed. Exits ask nobody.
///
/// Assumptions: the key counts truly. Whoever could make it sign another counter decides what is charged, up to the
/// balance: both sides agree on the key, the licensor by opening the meter and the licensee by paying in. What a licence
/// allows is not asked here: use that it does not allow is recorded too.
interface IUsageMeters is IPurse {
    /// @notice The terms of a meter.
    /// @param licence Number of the licence.
    /// @param instance The twin of a device, or an id that the licensor chooses.
    /// @param signerHash Hash of the instance's ERC-7913 signer; zero: the instance is a device, and its key signs.
    /// @param payee Gets what is paid.
    /// @param price Of one step of the counter, in base units of the token.
    /// @param start Where the counter stands.
    /// @param salt Tells apart what is otherwise the same.
    struct MeterTerms {
        uint32 licence;
        bytes32 instance;
        bytes32 signerHash;
        address payee;
        uint96 price;
        uint64 start;
        bytes32 salt;
    }

    /// @notice A meter.
    /// @param payer Paid in, and gets the rest; zero: nobody did yet.
    /// @param noticeAt When the payer gave notice; 0: it did not.
    /// @param closed True once it was closed.
    /// @param balance What is left of what was paid in.
    /// @param counter Where the counter stands.
    /// @param time When the newest reading was signed, by the instance's clock.
    /// @param debt What the balance did not suffice for.
    struct Meter {
        address payee;
        uint96 price;
        address payer;
        uint40 noticeAt;
        uint32 licence;
        bool closed;
        uint128 balance;
        uint64 counter;
        uint40 time;
        uint160 debt;
        bytes32 instance;
        bytes32 signerHash;
    }

    /// @notice What an instance signs: where its counter stands.
    /// @param time When, by its clock.
    struct MeterReading {
        bytes32 meter;
        uint64 counter;
        uint40 time;
    }

    /// @notice The licensor opened a meter.
    event MeterOpened(
        bytes32 indexed meter, uint32 indexed licence, uint32 indexed org, address caller, MeterTerms terms
    );
    /// @notice `amount` was paid in, of which `settled` paid debts.
    event MeterFunded(
        bytes32 indexed meter, uint32 indexed licence, address indexed payer, uint128 amount, uint128 settled
    );
    /// @notice The counter stands at `counter` now, `steps` more than before; `paid` was credited to the payee.
    /// @param debt What is missing for all that was used so far.
    event UsageRecorded(
        bytes32 indexed meter,
        uint32 indexed licence,
        bytes32 indexed instance,
        address caller,
        uint64 counter,
        uint40 time,
        uint64 steps,
        uint128 paid,
        uint160 debt
    );
    /// @notice The balance did not suffice: `missing` of what the newest use costs is owed.
    event MeterOverdrawn(bytes32 indexed meter, uint32 indexed licence, bytes32 indexed instance, uint160 missing);
    /// @notice The payer may close the meter after {NOTICE_PERIOD}.
    event MeterNoticeGiven(bytes32 indexed meter, uint32 indexed licence, address indexed payer, uint40 noticeAt);
    /// @notice The meter was closed: `rest` was credited to the payer, and `debt` remains unpaid.
    event MeterClosed(
        bytes32 indexed meter, uint32 indexed licence, address indexed payer, address caller, uint128 rest, uint160 debt
    );

    /// @notice There is no licence with this number.
    error UnknownLicence(uint256 licence);
    /// @notice Only the organisation with title to the design opens meters for its licences.
    error NotLicensor(bytes32 design, uint32 org, uint32 owner);
    /// @notice A meter has a payee, and a price of at least 1.
    error InvalidMeter(address payee, uint96 price);
    /// @notice The meter was opened before.
    error MeterExists(bytes32 meter);
    /// @notice The meter was never opened, or is closed.
    error MeterNotOpen(bytes32 meter);
    /// @notice Who pays in first is an account of the licensee.
    error NotLicensee(uint256 licence, uint32 org, uint32 licensee);
    /// @notice Somebody else pays for the meter.
    error NotPayer(bytes32 meter, address caller, address payer);
    /// @notice Nothing is paid in.
    error NothingPaid(bytes32 meter);
    /// @notice The instance has no key, or another one than this signer's.
    error WrongMeterSigner(bytes32 meter, bytes signer);
    /// @notice The signature is not the instance's over this reading.
    error InvalidReading(bytes32 digest, bytes signer);
    /// @notice The counter stood there before, or higher.
    error CounterNotRisen(bytes32 meter, uint64 counter, uint64 last);
    /// @notice The newest reading was signed later than this one.
    error OlderReading(bytes32 meter, uint40 time, uint40 last);
    /// @notice The clock of the instance is more than {CLOCK_TOLERANCE} ahead.
    error ClockAhead(bytes32 meter, uint40 time, uint256 blockTime);
    /// @notice Notice was given before.
    error AlreadyGiven(uint40 noticeAt);
    /// @notice The payer closes the meter after its notice has passed; 0: it gave none.
    error NotYet(uint256 until);

    /// @notice Seconds between notice and the moment at which the payer may close a meter.
    function NOTICE_PERIOD() external view returns (uint256);

    /// @notice Seconds by which the clock of an instance may be ahead of the time of the block.
    function CLOCK_TOLERANCE() external view returns (uint256);

    /// @notice The module that knows the licences.
    function LICENCES() external view returns (ILicences);

    /// @notice The module that knows the keys of devices.
    function DEVICES() external view returns (IDevices);

    /// @notice The module that says who has title to a design.
    function TWINS() external view returns (ITwins);

    /// @notice Opens a meter. Owning organisation of the licence's design, duty FINANCE. Emits {MeterOpened}.
    /// @return meter Its id: the hash of the terms.
    function openMeter(MeterTerms calldata terms) external returns (bytes32 meter);

    /// @notice Pays in. An account of the licensee (duty FINANCE), which is the payer from then on; later the payer alone,
    /// who asks nobody. Emits {MeterFunded}.
    /// @param amount At least 1. Debts are paid of it first.
    function fund(bytes32 meter, uint128 amount) external;

    /// @notice Records what the instance signed. Anyone. Emits {UsageRecorded}, and {MeterOverdrawn} if the balance does not
    /// suffice.
    /// @param signer The instance's ERC-7913 signer.
    function record(MeterReading calldata reading, bytes calldata signer, bytes calldata signature) external;

    /// @notice Says that the payer will close the meter. The payer. Emits {MeterNoticeGiven}.
    function giveNotice(bytes32 meter) external;

    /// @notice Closes a meter; the rest is credited to the payer. The payee, or the payer once {NOTICE_PERIOD} has passed
    /// since notice. Emits {MeterClosed}.
    function closeMeter(bytes32 meter) external;

    /// @notice A meter; all zero if it was never opened.
    function meterOf(bytes32 meter) external view returns (Meter memory);

    /// @notice The id of the meter with these terms.
    function meterId(MeterTerms calldata terms) external pure returns (bytes32);

    /// @notice The digest of a reading, which the instance signs (EIP-712).
    function readingDigest(MeterReading calldata reading) external view returns (bytes32);
}
