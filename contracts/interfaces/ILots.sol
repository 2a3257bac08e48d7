// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModule} from "./IModule.sol";
import {EventRef, ITwins} from "./ITwins.sol";

/// @title ILots
/// @notice Quantities of a class that were made together: a drug lot, a tank of API, a heat of steel, a crate of
/// lettuce. A lot costs the same whatever it holds: any number of serials is one Merkle root, and a pallet of any
/// number of cases and units is one root more.
///
/// Guarantees:
/// - Quantity is conserved exactly. What was commissioned is, at any time, in the custody of organisations, offered
///   between two of them, in containers, declared lost, used in a process, or ended as units.
/// - Quantity changes hands only with the consent of both sides, or inside a container, whose custody is that of
///   {ITwins}.
/// - A unit ends once. Who tries again is told who ended it, when and how.
/// - What is held back or recalled is not packed, used, dispensed or sold, and moves only to be returned,
///   quarantined or destroyed. What is in a container already moves with it, until the container is held.
/// - Each use of a lot extends the hash chain {useHead} in the same step, so that a list of uses is provably complete.
///
/// Units of a lot that were not ended are known by number only: whoever has custody of a quantity ends as many of
/// them. A unit whose history differs becomes a twin of its own ({materialise}). Title to quantities is not told
/// from custody here.
///
/// Assumptions: the maker's tree has each serial once; Twins and the consortium's governance are honest about
/// modules (role MODULE).
///
/// Quantities are in millionths of the lot's unit of measure.
interface ILots is IModule {
    /// @notice How a unit of a lot ended; words of the Core Business Vocabulary. MATERIALISED: it lives on as a twin.
    enum UnitEnd {
        NONE,
        DECOMMISSIONED,
        DESTROYED,
        DISPENSED,
        RETAIL_SOLD,
        STOLEN,
        MATERIALISED
    }

    /// @notice Why {clear} and {clearUnit} say no.
    enum Cause {
        NONE,
        UNKNOWN,
        ENDED,
        HELD,
        RECALLED,
        EXPIRED
    }

    /// @notice A lot to commission.
    /// @param uri Canonical GS1 Digital Link with a lot number, or another URI. Its hash is the lot's id.
    /// @param prefixLength Digits of the GS1 company prefix in a Digital Link; 0 for other URIs.
    /// @param class Id of the class or design of which this is a lot, or zero.
    /// @param unit Unit of measure, UN/ECE Recommendation 20: "KGM", "LTR", "H87" (piece). In ASCII, left-aligned.
    /// @param quantity More than zero; of a lot with serials one whole unit for each.
    /// @param expiry Last second at which it may be dispensed or sold; 0: none.
    /// @param serialsRoot Root of the tree of serials (`MerkleLeaves.serial`), or zero.
    /// @param serialCount Number of serials in it.
    struct Commission {
        string uri;
        uint8 prefixLength;
        bytes32 class;
        bytes3 unit;
        uint96 quantity;
        uint40 expiry;
        bytes32 serialsRoot;
        uint32 serialCount;
    }

    /// @notice The facts of a lot, in one slot.
    /// @param maker Organisation that commissioned it; 0: nobody did.
    /// @param unit Unit of measure.
    /// @param expiry Last second at which it may be dispensed or sold; 0: none.
    /// @param serialCount Number of serials.
    /// @param holds Holds on the lot.
    /// @param recalls Open recalls of which it is a member.
    /// @param recall The one of them that came first while there was no other; 0: none.
    /// @param uses Length of the chain {useHead}.
    /// @param fresh True while nothing was taken of what the maker of a lot with serials has: it has one whole unit for
    /// each, and no slot of its own says so.
    struct Lot {
        uint32 maker;
        bytes3 unit;
        uint40 expiry;
        uint32 serialCount;
        uint16 holds;
        uint16 recalls;
        uint32 recall;
        uint32 uses;
        bool fresh;
    }

    /// @notice A quantity on its way from one organisation to another.
    /// @param quantity What is offered; 0: no offer.
    /// @param deadline Last second at which it can be accepted.
    /// @param purpose Why.
    struct QuantityOffer {
        uint96 quantity;
        uint40 deadline;
        ITwins.Purpose purpose;
    }

    /// @notice How a unit ended.
    struct Ending {
        uint32 org;
        uint40 time;
        UnitEnd end;
    }

    /// @notice A quantity of a lot.
    struct Part {
        bytes32 lot;
        uint96 quantity;
    }

    /// @notice Contents of a container that are committed to by a Merkle root.
    /// @param root The newest tree of its contents (`MerkleLeaves.content`).
    /// @param packer Organisation that committed to it.
    /// @param lots Number of lots of which something is still inside; 0: all of it was taken out.
    /// @param edition Number of this commitment to the container; what was taken out is counted anew for each.
    /// @param duplicated True after a proof that a unit in it is in another container too, until that is settled.
    /// @param settled True after that: further proofs are told, and block nothing.
    struct Contents {
        bytes32 root;
        uint32 packer;
        uint32 lots;
        uint32 edition;
        bool duplicated;
        bool settled;
    }

    /// @notice A thing in a committed container.
    /// @param index Its number there. Nested containers count their own.
    /// @param child Id of the unit or of the inner container; of a loose quantity the lot's.
    /// @param childRoot Root of the inner container's contents; zero for a unit or a loose quantity.
    /// @param lot The lot. An inner container with several lots is one leaf for each of them.
    /// @param quantity How much of it.
    struct Leaf {
        uint32 index;
        bytes32 child;
        bytes32 childRoot;
        bytes32 lot;
        uint96 quantity;
    }

    /// @notice One level of the way from a container to something in it.
    struct Step {
        Leaf leaf;
        bytes32[] proof;
    }

    /// @notice A lot was commissioned; its maker has all of it.
    /// @param process Process that it came out of, or zero.
    event LotCommissioned(
        bytes32 indexed lot, uint32 indexed org, bytes32 indexed process, address caller, Commission item, EventRef ref
    );
    /// @notice `org` offers a quantity to `to`.
    event QuantityOffered(
        bytes32 indexed lot,
        uint32 indexed org,
        uint32 indexed to,
        address caller,
        uint96 quantity,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef ref
    );
    /// @notice `org` accepted `quantity` of what `from` had offered; `rest` stays with `from`.
    event QuantityAccepted(
        bytes32 indexed lot,
        uint32 indexed org,
        uint32 indexed from,
        address caller,
        uint96 quantity,
        uint96 rest,
        uint16 exceptions,
        EventRef ref
    );
    /// @notice The offer of `from` to `to` was ended by `org`, one of the two.
    event QuantityOfferEnded(
        bytes32 indexed lot, uint32 indexed from, uint32 indexed to, uint32 org, address caller, EventRef ref
    );
    /// @notice `org` lost a quantity, for the reason that the record `reason` explains.
    event LossDeclared(
        bytes32 indexed lot, uint32 indexed org, bytes32 indexed reason, address caller, uint96 quantity, EventRef ref
    );
    /// @notice A quantity in the custody of `org` went into `use`: a process, or (one unit) a twin of its own.
    event Used(
        bytes32 indexed lot, uint32 indexed org, bytes32 indexed use, address caller, uint96 quantity, bytes32 useHead
    );
    /// @notice Units ended in the custody of `org` at `time`. The quantity of one that was materialised is in the {Used}
    /// before this.
    event UnitsEnded(
        bytes32 indexed lot,
        uint32 indexed org,
        address caller,
        uint32[] indexes,
        UnitEnd end,
        uint40 time,
        EventRef ref
    );
    /// @notice A quantity of a lot without serials ended in the custody of `org`.
    event QuantityEnded(
        bytes32 indexed lot, uint32 indexed org, address caller, uint96 quantity, UnitEnd end, EventRef ref
    );
    /// @notice `org` holds the lot back for the reason that the record `reason` explains.
    event LotHeld(bytes32 indexed lot, uint32 indexed org, bytes32 indexed reason, address caller, EventRef ref);
    /// @notice The hold that `holder` put for `reason` was lifted by `org`.
    event LotReleased(
        bytes32 indexed lot, uint32 indexed org, bytes32 indexed reason, uint32 holder, address caller, EventRef ref
    );
    /// @notice The lot is a member of the recall with this number.
    event LotRecalled(bytes32 indexed lot, uint32 indexed recall);
    /// @notice The lot is no member of the recall any more.
    event LotRecallLifted(bytes32 indexed lot, uint32 indexed recall);
    /// @notice `org` committed to contents of the container; a {QuantityPacked} for each lot follows.
    event ContentsCommitted(
        bytes32 indexed container,
        uint32 indexed org,
        bytes32 indexed root,
        address caller,
        uint32 edition,
        EventRef ref
    );
    /// @notice A quantity in the custody of `org` is in the container now.
    event QuantityPacked(bytes32 indexed lot, uint32 indexed org, bytes32 indexed container, uint96 quantity);
    /// @notice `org` took out of the container what the leaf says. An inner container became a twin with contents of
    /// its own, and its edition is `edition`; what is none is in the custody of `org`.
    event LeafUnpacked(
        bytes32 indexed container,
        uint32 indexed org,
        bytes32 indexed child,
        address caller,
        Leaf leaf,
        uint32 edition,
        EventRef ref
    );
    /// @notice The unit is in two containers: a clone, or a lie of one of the two packers.
    event DuplicateProven(
        bytes32 indexed unit,
        bytes32 indexed container,
        bytes32 indexed other,
        uint32 packer,
        uint32 otherPacker,
        address caller
    );
    /// @notice What became of a proven duplicate is in the record `reason`; the container's contents may leave again.
    event DuplicateSettled(bytes32 indexed container, uint32 indexed org, bytes32 indexed reason, address caller);

    /// @notice No lot has this id.
    error UnknownLot(bytes32 lot);
    /// @notice The lot exists already.
    error AlreadyCommissioned(bytes32 lot);
    /// @notice Root and number of serials go together, and a lot with serials has one whole unit for each.
    error WrongSerials(bytes32 lot, uint96 quantity, bytes32 serialsRoot, uint32 serialCount);
    /// @notice A unit of measure has two or three characters 0-9 or A-Z (UN/ECE Recommendation 20).
    error WrongUnit(bytes32 lot, bytes3 unit);
    /// @notice A quantity is more than zero.
    error ZeroQuantity(bytes32 lot);
    /// @notice The organisation, or the container, has less of the lot.
    error InsufficientQuantity(bytes32 lot, uint96 quantity, uint96 available);
    /// @notice An offer goes to another organisation, and not to nobody (0).
    error SameOrganisation(bytes32 lot, uint32 org);
    /// @notice An offer of this lot between the two is open and must be ended first.
    error OfferOpen(bytes32 lot, uint32 from, uint32 to);
    /// @notice No offer of this lot is open between the two.
    error NoOffer(bytes32 lot, uint32 from, uint32 to);
    /// @notice The offer ended at the second `deadline`.
    error DeadlinePassed(bytes32 lot, uint40 deadline, uint256 blockTime);
    /// @notice Exceptions are only known bits of the library `Exceptions`, and none means that all was accepted.
    error WrongExceptions(bytes32 lot, uint16 exceptions, uint96 rest);
    /// @notice Held or recalled: only return, quarantine and destruction are open. Expired: neither sold nor dispensed.
    error Blocked(bytes32 lot, Cause cause);
    /// @notice The organisation may not receive a blocked lot for this purpose.
    error NotAReceiverFor(bytes32 lot, ITwins.Purpose purpose, uint32 to);
    /// @notice The lot has no unit with this number.
    error UnknownUnit(bytes32 lot, uint32 index);
    /// @notice The unit ended before: `org` ended it at `time` as `end`.
    error UnitEnded(bytes32 lot, uint32 index, uint32 org, uint40 time, UnitEnd end);
    /// @notice Units end in one of the named ways, and as MATERIALISED only one by one.
    error WrongEnd(bytes32 lot, UnitEnd end);
    /// @notice Units of a lot with serials end by number.
    error HasSerials(bytes32 lot);
    /// @notice Nothing was named.
    error NothingNamed();
    /// @notice The proof does not lead from the leaf to the root.
    error InvalidProof(bytes32 root, bytes32 leaf);
    /// @notice A unit is of the same class as its lot: the same GTIN, or, where the lot has no GS1 link, the same authority.
    error WrongClass(string lotUri, string unitUri);
    /// @notice The URI is not that of the lot or child.
    error WrongUri(bytes32 id, string uri);
    /// @notice Contents are committed to already, and not all of them have been taken out.
    error AlreadyCommitted(bytes32 container, bytes32 root);
    /// @notice No contents of the container are committed to.
    error NotCommitted(bytes32 container);
    /// @notice This leaf was taken out before.
    error LeafTaken(bytes32 container, uint32 index);
    /// @notice The two proofs are not of the same unit of the same lot at two places.
    error NotADuplicate(bytes32 unit, bytes32 otherUnit);
    /// @notice A unit in the container was proven to be in another one too; a regulator settles that first.
    error Duplicated(bytes32 container);
    /// @notice The container is not under the suspicion of a duplicate.
    error NotDuplicated(bytes32 container);
    /// @notice Only the maker or a regulator holds a lot back.
    error MayNotHold(bytes32 lot, uint32 org);
    /// @notice The organisation has put this hold already.
    error AlreadyHeld(bytes32 lot, uint32 org, bytes32 reason);
    /// @notice The organisation has no such hold on the lot.
    error NoSuchHold(bytes32 lot, uint32 org, bytes32 reason);
    /// @notice A hold is lifted by who put it; a regulator also lifts those of others than regulators.
    error MayNotRelease(bytes32 lot, uint32 org, uint32 holder);

    /// @notice Commissions a lot. Owner or delegate of the URI's namespace, duty REGISTER. Emits {LotCommissioned}.
    /// @return lot keccak256 of the URI.
    function commissionLot(Commission calldata item, EventRef calldata ref) external returns (bytes32 lot);

    /// @notice As {commissionLot}, as the output of a process. Modules only, for `account`.
    function commissionLotFor(address account, Commission calldata item, bytes32 process, EventRef calldata ref)
        external
        returns (bytes32 lot);

    /// @notice Takes a quantity out of the custody of the account's organisation into a process. Modules only, for
    /// `account`, which has the duty REGISTER. Emits {Used}.
    /// @return org The organisation.
    function useFor(address account, bytes32 lot, uint96 quantity, bytes32 process) external returns (uint32 org);

    /// @notice Offers a quantity to another organisation (shipping). Custodian, duty SHIP. Emits {QuantityOffered}.
    function offerQuantity(
        bytes32 lot,
        uint32 to,
        uint96 quantity,
        ITwins.Purpose purpose,
        uint40 deadline,
        EventRef calldata ref
    ) external;

    /// @notice Takes over what was offered, or a part of it (receiving). Duty RECEIVE, for quarantine also QUALITY.
    /// Emits {QuantityAccepted}.
    /// @param quantity At most what was offered; the rest returns to `from`.
    /// @param exceptions Bits of the library `Exceptions`: at least one if there is a rest.
    function acceptQuantity(bytes32 lot, uint32 from, uint96 quantity, uint16 exceptions, EventRef calldata ref)
        external;

    /// @notice Ends an offer: `from` with the duty SHIP, `to` with the duty RECEIVE. Emits {QuantityOfferEnded}.
    function endQuantityOffer(bytes32 lot, uint32 from, uint32 to, EventRef calldata ref) external;

    /// @notice Declares that a quantity is gone: spilled, sampled, evaporated. Custodian, duty QUALITY.
    /// Emits {LossDeclared}.
    /// @param reason Hash or id of the record that explains it.
    function declareLoss(bytes32 lot, uint96 quantity, bytes32 reason, EventRef calldata ref) external;

    /// @notice Ends units for good: dispensed, sold, destroyed, decommissioned, stolen. Custodian of as many, duty
    /// REGISTER. What is held or recalled ends only as DESTROYED or STOLEN, what has expired also as DECOMMISSIONED.
    /// Emits {UnitsEnded}.
    /// @param indexes Numbers of the units in the lot's tree of serials.
    function endOfLife(bytes32 lot, uint32[] calldata indexes, UnitEnd end, EventRef calldata ref) external;

    /// @notice Ends a quantity of a lot without serials, as {endOfLife} ends units. Emits {QuantityEnded}.
    function endQuantity(bytes32 lot, uint96 quantity, UnitEnd end, EventRef calldata ref) external;

    /// @notice Makes a unit a twin of its own, because its history is no longer that of the others. Custodian, duty
    /// REGISTER. Emits {Used}, {UnitsEnded} and, at Twins, {ITwins-RegisteredFor}.
    /// @param lotUri The lot's URI.
    /// @param unit The unit's URI, of the same class, and the kind of twin.
    function materialise(
        string calldata lotUri,
        uint32 index,
        ITwins.Registration calldata unit,
        bytes32[] calldata proof,
        EventRef calldata ref
    ) external returns (bytes32 twin);

    /// @notice Holds a lot back, wherever it is. Maker or regulator, duty QUALITY. Emits {LotHeld}.
    function holdLot(bytes32 lot, bytes32 reason, EventRef calldata ref) external;

    /// @notice Lifts a hold. Who put it, or a regulator if that was no regulator; duty QUALITY. Emits {LotReleased}.
    function releaseLot(bytes32 lot, uint32 holder, bytes32 reason, EventRef calldata ref) external;

    /// @notice Makes lots members of a recall, of which the first has the number 1. Modules with the duty RECALL only. Emits {LotRecalled} for each new one.
    /// @return added Number of lots that were no members before.
    function markRecalled(bytes32[] calldata lots, uint32 recall) external returns (uint32 added);

    /// @notice Ends the membership of lots in a recall. Modules with the duty RECALL only. Emits {LotRecallLifted}.
    function unmarkRecalled(bytes32[] calldata lots, uint32 recall) external;

    /// @notice Packs quantities into a container as one Merkle root, whatever their number and nesting. Custodian of
    /// container and quantities, duty SHIP. Emits {ContentsCommitted} and a {QuantityPacked} for each part.
    /// @param parts What of which lots is inside, each lot once.
    function packCommitted(bytes32 container, bytes32 root, Part[] calldata parts, EventRef calldata ref) external;

    /// @notice Takes a unit, a loose quantity or an inner container out. Custodian of the container, duty SHIP.
    /// Emits {LeafUnpacked}.
    /// @param item URI of an inner container that is no twin yet, and becomes one; not looked at for anything else. One
    /// that is a twin, like a crate that comes and goes, must be in the custody of the same organisation.
    function unpackCommitted(
        bytes32 container,
        Leaf calldata leaf,
        bytes32[] calldata proof,
        ITwins.Registration calldata item,
        EventRef calldata ref
    ) external;

    /// @notice Proves that a unit is in two containers, or twice in one. Anyone. Nothing leaves either until a regulator
    /// has settled it. Emits {DuplicateProven}.
    function proveDuplicate(bytes32 container, Step[] calldata path, bytes32 other, Step[] calldata otherPath) external;

    /// @notice Holds a container with a proven duplicate back at Twins. Anyone, in one `multicall` with the proof if they
    /// like. Emits {IModule-Alert} with its packer and root.
    function holdDuplicated(bytes32 container, EventRef calldata ref) external;

    /// @notice Ends the suspicion of a duplicate. Regulator, duty QUALITY. Emits {DuplicateSettled}.
    function settleDuplicate(bytes32 container, bytes32 reason, EventRef calldata ref) external;

    /// @notice The module that keeps containers, and units with a history of their own.
    function TWINS() external view returns (ITwins);

    /// @notice The facts of a lot; all zero if there is none.
    function lotOf(bytes32 lot) external view returns (Lot memory);

    /// @notice Root of the lot's tree of serials, or zero.
    function serialsRootOf(bytes32 lot) external view returns (bytes32);

    /// @notice The chain of the lot's uses: each hashes the chain before it and what it was used for.
    function useHead(bytes32 lot) external view returns (bytes32);

    /// @notice What of the lot an organisation has in its custody, outside of containers and offers.
    function quantityOf(bytes32 lot, uint32 org) external view returns (uint96);

    /// @notice What of the lot is in a container by commitment.
    function quantityIn(bytes32 lot, bytes32 container) external view returns (uint96);

    /// @notice What of the lot is on its way between two organisations.
    function quantityOffer(bytes32 lot, uint32 from, uint32 to) external view returns (QuantityOffer memory);

    /// @notice True while the organisation holds the lot back for the reason.
    function lotHeld(bytes32 lot, uint32 org, bytes32 reason) external view returns (bool);

    /// @notice Is the lot a member of the recall?
    function isRecalled(bytes32 lot, uint32 recall) external view returns (bool);

    /// @notice How a unit ended; all zero: it did not.
    function endingOf(bytes32 lot, uint32 index) external view returns (Ending memory);

    /// @notice The lot of which the twin was a unit before it had a history of its own, or zero.
    function lotOfUnit(bytes32 twin) external view returns (bytes32);

    /// @notice The committed contents of a container.
    function contentsOf(bytes32 container) external view returns (Contents memory);

    /// @notice Was the leaf taken out of the container?
    function isTaken(bytes32 container, uint32 index) external view returns (bool);

    /// @notice May the lot be used, sold or shipped on?
    function clear(bytes32 lot) external view returns (bool ok, Cause cause);

    /// @notice May this unit of the lot be dispensed or sold? Looks at the unit and the lot.
    function clearUnit(bytes32 lot, uint32 index) external view returns (bool ok, Cause cause);

    /// @notice Has the lot a unit with this id and number?
    function isUnit(bytes32 lot, uint32 index, bytes32 unit, bytes32[] calldata proof) external view returns (bool);

    /// @notice Is this still in the container, however deep? Goes from the container inwards, through the leaves of one
    /// lot; says no where a proof fails or a leaf of the outermost container was taken out.
    function isInside(bytes32 container, Step[] calldata path) external view returns (bool);
}
