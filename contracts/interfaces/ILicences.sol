// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC4907} from "./IERC4907.sol";
import {ILots} from "./ILots.sol";
import {IModule} from "./IModule.sol";
import {ITwins} from "./ITwins.sol";

/// @title ILicences
/// @notice Who may make what a design describes, how many of it, and how many people may work with it at a time.
///
/// A design is a twin of the kind DESIGN. The organisation with title to it is the licensor and grants licences to others.
/// A licence belongs to the design: when title passes, it goes on, and the new owner is the licensor.
///
/// The words are those of licence servers. *Seats* are taken by accounts of the licensee ({checkout}) and come back when
/// they are given back ({checkin}); a seat that was *borrowed* for some hours comes back by itself, and nobody needs to
/// send anything. *Units* are what may be made: each part, and each lot once, is counted against a licence ({consume}).
/// Of both a licence may allow an *overdraft*: more than was granted, which is reported, with one alert for each
/// {REPORT_PERIOD}. A new licence *supersedes* those of the same design and licensee that were issued before a date.
///
/// Why something is denied, in the order in which it is looked at, is the enum `Outcome`; each has an error of its own.
///
/// Guarantees:
/// - No more seats are taken at a time, and no more units counted in all, than were granted and may be overdrawn; nobody
///   takes more seats than one user may. What is beyond the granted number was reported.
/// - A part or lot is counted once for a design, whoever asks.
/// - The cost of a step does not grow with the number of seats, users or past steps. Counting those that came back by
///   themselves reads at most one word for each 16 hours that passed, for as long as anything is borrowed.
///
/// ERC-4907: the licensee of a licence that may be lent names one account, of any organisation, that uses it like an
/// account of its own, until a second of its choice. The number of the licence is the token id. The licensee is an
/// organisation and not an address, so that a licence is no ERC-721 token.
///
/// Assumptions: who makes the things registers them; the contract sees what is registered, and not what leaves a machine.
/// The quantity of a lot is what the licensee says; everybody can compare it with what was commissioned. Software that
/// lets somebody work asks {hasSeat} about the account that it has authenticated.
interface ILicences is IModule, IERC165, IERC4907 {
    /// @notice What a check-out would meet, in the order in which it is looked at; the two first allow it.
    /// OVERDRAFT: it is beyond what was granted, and is reported. UNKNOWN: there is no such licence. NOT_LICENSEE: the
    /// account is neither of the licensee nor its user, or may not speak. REVOKED: by the licensor. SUPERSEDED: by a later
    /// licence. NOT_STARTED, EXPIRED: it is too early or too late. USER_MAX: the account has as many seats as one may.
    /// MAX_REACHED: all seats are in use, those of the overdraft too.
    enum Outcome {
        OK,
        OVERDRAFT,
        UNKNOWN,
        NOT_LICENSEE,
        REVOKED,
        SUPERSEDED,
        NOT_STARTED,
        EXPIRED,
        USER_MAX,
        MAX_REACHED
    }

    /// @notice What is granted.
    /// @param start First second at which it may be used.
    /// @param end First second at which it is over.
    /// @param seats How many seats may be taken at a time.
    /// @param seatOverdraft How many more, which is reported.
    /// @param seatsPerUser How many seats one account may have at a time: 1 to 8, or 0 if there are no seats.
    /// @param borrowHours For how many hours a seat may be borrowed; 0: not at all.
    /// @param lendable May the licensee name a user outside of it?
    /// @param transferable May the licensee pass it on?
    /// @param units How much may be made, in millionths of a unit: a part is one unit.
    /// @param unitOverdraft How much more, which is reported.
    struct Terms {
        uint40 start;
        uint40 end;
        uint16 seats;
        uint16 seatOverdraft;
        uint8 seatsPerUser;
        uint16 borrowHours;
        bool lendable;
        bool transferable;
        uint96 units;
        uint96 unitOverdraft;
    }

    /// @notice A licence. The other fields are those of its `Terms`.
    /// @param design The twin that it is for.
    /// @param licensee The organisation that has it; 0: there is no such licence.
    /// @param issuedAt When it was granted.
    /// @param revoked True once the licensor revoked it.
    struct Licence {
        bytes32 design;
        uint32 licensee;
        uint40 issuedAt;
        uint40 start;
        uint40 end;
        uint16 seats;
        uint16 seatOverdraft;
        uint8 seatsPerUser;
        uint16 borrowHours;
        bool lendable;
        bool transferable;
        bool revoked;
        uint96 units;
        uint96 unitOverdraft;
    }

    /// @notice What is used of a licence, as of the last check-out or check-in; {inUse} is as of now.
    /// @param consumed Units counted, in millionths.
    /// @param open Seats taken until they are given back.
    /// @param borrowed Seats that were on loan in the hour `hour`.
    /// @param hour Number of that hour since 1970.
    /// @param seatPeriod The last period in which an overdraft of seats was reported, counted from 1; 0: none.
    /// @param unitPeriod The same for units.
    struct Usage {
        uint96 consumed;
        uint16 open;
        uint16 borrowed;
        uint32 hour;
        uint16 seatPeriod;
        uint16 unitPeriod;
    }

    /// @notice Which licences of a design were superseded for a licensee.
    /// @param before Those issued before this second; 0: none.
    /// @param by The licence that did it.
    struct Supersession {
        uint40 before;
        uint32 by;
    }

    /// @notice Something that was made: a part, or a lot.
    /// @param quantity In millionths of a unit; of a part 1,000,000.
    struct Made {
        bytes32 thing;
        uint96 quantity;
    }

    /// @notice What was counted for a thing; all zero: nothing.
    struct Count {
        uint32 licence;
        uint96 quantity;
    }

    /// @notice What a signer asks for that cannot send: a seat.
    /// @param borrowFor Hours for which it is borrowed; 0: until it is given back.
    /// @param time When it was signed, by the signer's clock.
    /// @param deadline Last second at which it may be used.
    /// @param salt Tells apart what is otherwise the same.
    struct SeatRequest {
        uint32 licence;
        uint16 borrowFor;
        uint40 time;
        uint40 deadline;
        bytes32 salt;
    }

    /// @notice What a signer asks for that cannot send: to give a seat back.
    /// @param seat Number of the seat among those of the account.
    /// @param deadline Last second at which it may be used.
    /// @param salt Tells apart what is otherwise the same.
    struct SeatReturn {
        uint32 licence;
        uint8 seat;
        uint40 deadline;
        bytes32 salt;
    }

    /// @notice A licence was granted.
    /// @param supersedes Licences of this design and licensee issued before this second ended; 0: none did.
    event LicenceGranted(
        uint32 indexed licence,
        bytes32 indexed design,
        uint32 indexed licensee,
        uint32 org,
        address caller,
        Terms terms,
        uint40 issuedAt,
        uint40 supersedes
    );
    /// @notice The licensor ended a licence, for the reason that the record `reason` explains.
    event LicenceRevoked(
        uint32 indexed licence, bytes32 indexed design, uint32 indexed org, address caller, bytes32 reason
    );
    /// @notice `org` passed a licence on to the organisation `licensee`.
    event LicenceTransferred(uint32 indexed licence, uint32 indexed org, uint32 indexed licensee, address caller);
    /// @notice `org` let `user` use its licence until the second `expires`; zero address: nobody.
    event LicenceLent(uint32 indexed licence, uint32 indexed org, address indexed user, address caller, uint64 expires);
    /// @notice `account` took a seat.
    /// @param seat Its number among the account's.
    /// @param since When.
    /// @param until When it comes back by itself; 0: not before it is given back.
    /// @param used Seats in use, this one among them.
    /// @param digest Of the request that the account signed and `caller` brought; zero: it called itself.
    event CheckedOut(
        uint32 indexed licence,
        uint32 indexed org,
        address indexed account,
        address caller,
        uint8 seat,
        uint40 since,
        uint40 until,
        uint16 used,
        bytes32 digest
    );
    /// @notice The seat of `account` was given back at the second `time`. `org` is that of who did it; 0: none.
    /// @param digest Of the return that the account signed and `caller` brought; zero: `caller` gave it back.
    event CheckedIn(
        uint32 indexed licence,
        uint32 indexed org,
        address indexed account,
        address caller,
        uint8 seat,
        uint40 time,
        bytes32 digest
    );
    /// @notice `quantity` was counted for a thing that was made, so that `consumed` are in all.
    event UnitsConsumed(
        uint32 indexed licence,
        bytes32 indexed thing,
        uint32 indexed org,
        address caller,
        uint96 quantity,
        uint96 consumed
    );
    /// @notice By this account's check-out `over` more seats are in use than were granted.
    /// @param period Number of the {REPORT_PERIOD} since the licence's start, counted from 1.
    event SeatsOverdrawn(
        uint32 indexed licence, uint32 indexed org, address indexed account, uint16 over, uint16 period
    );
    /// @notice By what this account counted `over` more was made than was granted, in millionths of a unit.
    /// @param period Number of the {REPORT_PERIOD} since the licence's start, counted from 1.
    event UnitsOverdrawn(
        uint32 indexed licence, uint32 indexed org, address indexed account, uint96 over, uint16 period
    );

    /// @notice Licences are for twins of the kind DESIGN that have not ended.
    error NotADesign(bytes32 design);
    /// @notice Only the organisation with title to the design grants and revokes its licences.
    error NotLicensor(bytes32 design, uint32 org, uint32 owner);
    /// @notice A licensee is an organisation of the consortium.
    error NotAnOrganisation(uint32 org);
    /// @notice A licence has seats or units, or an overdraft of them.
    error NothingGranted();
    /// @notice A licence starts before it ends, and ends later than now.
    error InvalidTerm(uint40 start, uint40 end, uint256 blockTime);
    /// @notice One user may have 1 to 8 seats, and none if there are none.
    error InvalidSeatsPerUser(uint8 seatsPerUser);
    /// @notice What is granted and the overdraft are together more than can be counted.
    error OverdraftTooLarge(uint96 granted, uint96 overdraft);
    /// @notice Licences are superseded that were issued before now.
    error SupersedesItself(uint40 supersedes, uint256 blockTime);
    /// @notice Licences issued before this second were superseded before.
    error AlreadySuperseded(bytes32 design, uint32 licensee, uint40 before);
    /// @notice There is no licence with this number.
    error UnknownLicence(uint256 licence);
    /// @notice The organisation does not have the licence, and the account is not its user.
    error NotLicensee(uint256 licence, uint32 org, uint32 licensee);
    /// @notice The licensor revoked the licence.
    error Revoked(uint32 licence);
    /// @notice A later licence superseded this one.
    error SupersededBy(uint32 licence, uint32 by);
    /// @notice The licence starts later than now.
    error NotStarted(uint32 licence, uint40 start, uint256 blockTime);
    /// @notice The licence is over.
    error Expired(uint32 licence, uint40 end, uint256 blockTime);
    /// @notice The account has as many seats as one user may.
    error UserMaximum(uint32 licence, address account, uint8 seatsPerUser);
    /// @notice All seats are in use, those of the overdraft too.
    error AllSeatsInUse(uint32 licence, uint256 used, uint256 most);
    /// @notice A seat is borrowed for so many hours at most.
    error BorrowTooLong(uint16 borrowFor, uint256 most);
    /// @notice The seat would come back after the end of the licence.
    error BorrowOutlasts(uint32 licence, uint40 until, uint40 end);
    /// @notice The account does not have this seat, or it is back already.
    error NotCheckedOut(uint32 licence, address account, uint8 seat);
    /// @notice A seat is given back by the account that has it, or by the licensee (duty FINANCE).
    error MayNotCheckIn(uint32 licence, address caller, address account);
    /// @notice The signer's clock is more than {CLOCK_TOLERANCE} away from the time of the block.
    error ClockDifference(uint40 time, uint256 blockTime);
    /// @notice What the signer asked for has a deadline, which is over.
    error DeadlinePassed(bytes32 digest, uint40 deadline, uint256 blockTime);
    /// @notice The request or return was used before.
    error AlreadyUsed(bytes32 digest);
    /// @notice The signature is not the signer's over this.
    error InvalidSeatSignature(bytes32 digest, bytes signer);
    /// @notice Name something that was made.
    error NothingMade();
    /// @notice The organisation made no such part or lot.
    error NotMadeBy(bytes32 thing, uint32 org);
    /// @notice A part is one unit, and of a lot there is some.
    error WrongQuantity(bytes32 thing, uint96 quantity);
    /// @notice The thing was counted before, against this licence.
    error AlreadyCounted(bytes32 design, bytes32 thing, uint32 licence);
    /// @notice More would be counted than was granted and may be overdrawn.
    error UnitsExhausted(uint32 licence, uint256 consumed, uint256 most);
    /// @notice The licensor did not allow that this licence is lent.
    error NotLendable(uint256 licence);
    /// @notice The licensor did not allow that this licence is passed on.
    error NotTransferable(uint32 licence);
    /// @notice Seats must be back before a licence is passed on.
    error SeatsOut(uint32 licence, uint256 used);

    /// @notice Most seats that one account can have of a licence at a time.
    function MAX_SEATS_PER_USER() external view returns (uint256);

    /// @notice Most hours for which a licensor can let seats be borrowed.
    function MAX_BORROW_HOURS() external view returns (uint256);

    /// @notice Seconds for which one alert about an overdraft is enough.
    function REPORT_PERIOD() external view returns (uint256);

    /// @notice Seconds by which the clock of a signer may differ from the time of the block.
    function CLOCK_TOLERANCE() external view returns (uint256);

    /// @notice The module that says who has title to a design, and who made a part.
    function TWINS() external view returns (ITwins);

    /// @notice The module that says who made a lot.
    function LOTS() external view returns (ILots);

    /// @notice Grants a licence. Owning organisation of the design, duty FINANCE. Emits {LicenceGranted}.
    /// @param licensee Number of an organisation.
    /// @param supersedes Licences of this design and licensee issued before this second end; 0: none.
    /// @return licence Its number, counted from 1.
    function grant(bytes32 design, uint32 licensee, Terms calldata terms, uint40 supersedes)
        external
        returns (uint32 licence);

    /// @notice Ends a licence for good. Owning organisation of the design, duty FINANCE. Emits {LicenceRevoked}.
    /// @param reason Id of the record that explains it.
    function revoke(uint32 licence, bytes32 reason) external;

    /// @notice Passes a licence on that may be, with what is left of it. Licensee, duty FINANCE. All seats must be back;
    /// the user of ERC-4907 is none any more. Emits {LicenceTransferred}, and {UpdateUser} if there was a user.
    function transfer(uint32 licence, uint32 licensee) external;

    /// @notice Takes a seat. An account of the licensee, or the user of the licence. Emits {CheckedOut}, and
    /// {SeatsOverdrawn} if it is beyond what was granted.
    /// @param borrowFor Hours for which it is borrowed: it comes back by itself at the first full hour that is so many
    /// hours away, or more. 0: it is given back with {checkin}.
    /// @return seat Its number among those of the account.
    function checkout(uint32 licence, uint16 borrowFor) external returns (uint8 seat);

    /// @notice As {checkout}, by the account that the signer stands for. Anyone may bring it, once.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function checkoutSigned(SeatRequest calldata request, bytes calldata signer, bytes calldata signature)
        external
        returns (uint8 seat);

    /// @notice Gives a seat back. The account that has it, or the licensee (duty FINANCE). Emits {CheckedIn}.
    function checkin(uint32 licence, address account, uint8 seat) external;

    /// @notice As {checkin}, by the account that the signer stands for. Anyone may bring it, once.
    /// @param signer ERC-7913 signer: an address, or verifier and key.
    function checkinSigned(SeatReturn calldata giveBack, bytes calldata signer, bytes calldata signature) external;

    /// @notice Counts what was made by the caller's organisation. An account of the licensee, or the user of the licence,
    /// duty REGISTER. Emits {UnitsConsumed} for each thing, and {UnitsOverdrawn} if more was made than was granted.
    function consume(uint32 licence, Made[] calldata made) external;

    /// @notice What a check-out by this account would meet now.
    function outcomeOf(uint32 licence, address account) external view returns (Outcome);

    /// @notice May the account work now: has it a seat of a licence that is in force and that it may use?
    function hasSeat(uint32 licence, address account) external view returns (bool);

    /// @notice Seats in use now.
    function inUse(uint32 licence) external view returns (uint256);

    /// @notice How many licences were granted; the newest has this number.
    function licenceCount() external view returns (uint32);

    /// @notice A licence; all zero if there is none.
    function licenceOf(uint32 licence) external view returns (Licence memory);

    /// @notice What is used of a licence.
    function usageOf(uint32 licence) external view returns (Usage memory);

    /// @notice The seats that an account took, by their numbers: when each comes back by itself, or has come back;
    /// 2^40 - 1: not before it is given back; 0: it took none, or gave it back.
    function seatsOf(uint32 licence, address account) external view returns (uint40[8] memory);

    /// @notice How many seats come back by themselves at the hour with this number since 1970.
    function returnsAt(uint32 licence, uint256 hour) external view returns (uint256);

    /// @notice To whom a licence was lent last; {userOf} as long as its time is not over.
    function lastUserOf(uint32 licence) external view returns (address);

    /// @notice Which licences of a design were superseded for a licensee.
    function supersessionOf(bytes32 design, uint32 licensee) external view returns (Supersession memory);

    /// @notice What was counted for a thing as made to this design.
    function countOf(bytes32 design, bytes32 thing) external view returns (Count memory);

    /// @notice True once the request or return with this digest was used.
    function used(bytes32 digest) external view returns (bool);

    /// @notice The digest of a request, which its signer signs (EIP-712).
    function requestDigest(SeatRequest calldata request) external view returns (bytes32);

    /// @notice The digest of a return, which its signer signs (EIP-712).
    function returnDigest(SeatReturn calldata giveBack) external view returns (bytes32);
}
