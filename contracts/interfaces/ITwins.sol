// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The EPCIS event that a step on chain stands for. Zero fields: not given.
/// @param eventHash EPCIS event hash: what happened, the same for whoever writes the event down.
/// @param docHash SHA-256 of the exact bytes of the document: that nobody changed it.
/// @param readPoint Id of the place where it was observed.
/// @param bizLocation Id of the place where the thing is afterwards; a shipping event has none.
/// @param stamp When it happened and how its hash is made, see the library `EventStamp`.
struct EventRef {
    bytes32 eventHash;
    bytes32 docHash;
    bytes32 readPoint;
    bytes32 bizLocation;
    uint64 stamp;
}

/// @title ITwins
/// @notice The on-chain entry of every physical or logical thing: who made it, who owns it (title), who holds it
/// (custody), what it is packed in, whether it is held back, and how it ended.
///
/// Guarantees:
/// - A twin has exactly one custodian and one owner; the two are independent of each other.
/// - Custody and title change only with the consent of both sides.
/// - Custody of a packed thing is custody of its outermost container, so a pallet changes hands at one price.
/// - A twin that is held, or that ended, moves only to be returned, quarantined or destroyed; a container moves
///   like the most restricted thing inside it.
/// - Nothing is erased. {head} is a running hash of the twin's whole history: a history with a step left out,
///   changed or added has another head.
///
/// Authority: each function names the duty of the calling account. An account acts for its organisation only.
interface ITwins {
    /// @notice What a twin stands for. LOT is the kind of what {ILots} keeps, and nothing here is of it.
    enum Kind {
        NONE,
        PART,
        LOT,
        CONTAINER,
        ASSET,
        DESIGN
    }

    /// @notice How a twin ended; words of the Core Business Vocabulary.
    enum EndOfLife {
        NONE,
        DECOMMISSIONED,
        DESTROYED,
        DISPENSED,
        RETAIL_SOLD,
        STOLEN
    }

    /// @notice Why custody changes. Only the last three are open to a twin that is held or has ended.
    enum Purpose {
        TRANSPORT,
        RETURN,
        QUARANTINE,
        DESTRUCTION
    }

    /// @notice Why {clear} says no.
    enum Cause {
        NONE,
        UNKNOWN,
        ENDED,
        HELD,
        CONTENTS_HELD,
        CONTAINER_HELD
    }

    /// @notice A step in the history of a twin, as the running hash {head} counts it.
    enum Action {
        NONE,
        REGISTERED,
        OFFERED,
        ACCEPTED,
        DECLINED,
        CANCELLED,
        RECLAIMED,
        HANDED_OVER,
        CONTENTS_ADDED,
        PACKED,
        CONTENTS_REMOVED,
        UNPACKED,
        HELD,
        RELEASED,
        TITLE_OFFERED,
        TITLE_CANCELLED,
        TITLE_ACCEPTED,
        RETIRED,
        REGISTERED_FOR,
        CONTENTS_NOTED
    }

    /// @notice The facts of a twin, in one slot.
    /// @param kind What it stands for; NONE: not registered.
    /// @param end How it ended; NONE: it lives.
    /// @param purpose Purpose of the open offer.
    /// @param packed True while the twin is in a container.
    /// @param height Most levels of things inside it since it was last empty; 0: it is empty.
    /// @param maker Organisation that registered it.
    /// @param owner Organisation that has title.
    /// @param holder Organisation that has custody; while packed: the number of the container.
    /// @param pendingTo Organisation to which custody is offered; 0: no open offer.
    /// @param deadline Last second at which the offer can be accepted.
    /// @param holds Holds on the twin itself.
    /// @param heldInside Held twins inside it.
    /// @param contents Things packed directly in it: twins, and lots by {noteContents}.
    struct Twin {
        Kind kind;
        EndOfLife end;
        Purpose purpose;
        bool packed;
        uint8 height;
        uint32 maker;
        uint32 owner;
        uint32 holder;
        uint32 pendingTo;
        uint40 deadline;
        uint16 holds;
        uint16 heldInside;
        uint16 contents;
    }

    /// @notice A thing to register.
    /// @param uri Canonical GS1 Digital Link, or another URI under an assigned authority. Its hash is the id.
    /// @param prefixLength Digits of the GS1 company prefix in a Digital Link; 0 for other URIs.
    /// @param kind PART, CONTAINER, ASSET or DESIGN.
    struct Registration {
        string uri;
        uint8 prefixLength;
        Kind kind;
    }

    /// @notice An offer of title.
    /// @param to Organisation that may accept; 0: no offer.
    /// @param deadline Last second at which it may.
    struct TitleOffer {
        uint32 to;
        uint40 deadline;
    }

    /// @notice What the receiver signs (EIP-712) when custody passes in one transaction.
    /// @param twin The thing received.
    /// @param head Its history up to this moment, as the receiver saw it; no head ever comes twice.
    /// @param from Organisation that hands over.
    /// @param to Organisation that receives.
    /// @param purpose Why.
    /// @param exceptions What the receiver found wrong, as bits of the library `Exceptions`; 0: nothing.
    /// @param ref The receiving event.
    /// @param deadline Last second at which the receipt can be used.
    struct Receipt {
        bytes32 twin;
        bytes32 head;
        uint32 from;
        uint32 to;
        Purpose purpose;
        uint16 exceptions;
        EventRef ref;
        uint40 deadline;
    }

    /// @notice A twin was registered; its maker has title and custody.
    event Registered(bytes32 indexed id, uint32 indexed org, address caller, Kind kind, string uri, EventRef ref);
    /// @notice A module registered what `maker` had made: a unit of a lot, or a case inside a pallet, that has a
    /// history of its own from now on, `time`. `org` has title and custody.
    event RegisteredFor(
        bytes32 indexed id,
        uint32 indexed org,
        uint32 indexed maker,
        address caller,
        Kind kind,
        string uri,
        uint40 time,
        EventRef ref
    );
    /// @notice The custodian shipped: `to` may accept custody until `deadline`.
    event Offered(
        bytes32 indexed id,
        uint32 indexed org,
        uint32 indexed to,
        address caller,
        Purpose purpose,
        uint40 deadline,
        EventRef ref
    );
    /// @notice `org` received from `from`, with the exceptions it found (0: none). `org` has custody now.
    event Accepted(
        bytes32 indexed id, uint32 indexed org, uint32 indexed from, address caller, uint16 exceptions, EventRef ref
    );
    /// @notice `org` refused what `from` offered.
    event Declined(bytes32 indexed id, uint32 indexed org, uint32 indexed from, address caller, EventRef ref);
    /// @notice The custodian withdrew its offer before its deadline.
    event Cancelled(bytes32 indexed id, uint32 indexed org, address caller, EventRef ref);
    /// @notice The custodian took back an offer that nobody accepted in time.
    event Reclaimed(bytes32 indexed id, uint32 indexed org, address caller, EventRef ref);
    /// @notice Custody passed from `org` to `to` against the receipt that the account `receiver` signed.
    event HandedOver(
        bytes32 indexed id,
        uint32 indexed org,
        uint32 indexed to,
        address caller,
        address receiver,
        Purpose purpose,
        uint16 exceptions,
        EventRef ref
    );
    /// @notice `count` twins were packed into the container at `time`, that of the block; a {Packed} for each follows.
    event ContentsAdded(
        bytes32 indexed container, uint32 indexed org, address caller, uint256 count, uint40 time, EventRef ref
    );
    /// @notice The twin is in the container now. The event it stands for is in the {ContentsAdded} before it.
    event Packed(bytes32 indexed id, uint32 indexed org, bytes32 indexed container, address caller);
    /// @notice `count` twins were taken out of the container at `time`; an {Unpacked} for each follows.
    event ContentsRemoved(
        bytes32 indexed container, uint32 indexed org, address caller, uint256 count, uint40 time, EventRef ref
    );
    /// @notice The twin left the container. The event it stands for is in the {ContentsRemoved} before it.
    event Unpacked(bytes32 indexed id, uint32 indexed org, bytes32 indexed container, address caller);
    /// @notice A module packed into the container, or took out of it, what `note` stands for there, at `time`. Of the
    /// things that the module keeps in it, `more` came and `less` went.
    event ContentsNoted(
        bytes32 indexed container,
        uint32 indexed org,
        bytes32 indexed note,
        address caller,
        uint16 more,
        uint16 less,
        uint40 time,
        EventRef ref
    );
    /// @notice `org` holds the twin back for the reason that the record `reason` explains.
    event Held(bytes32 indexed id, uint32 indexed org, bytes32 indexed reason, address caller, EventRef ref);
    /// @notice The hold that `holder` put for `reason` was lifted by `org`.
    event Released(
        bytes32 indexed id, uint32 indexed org, bytes32 indexed reason, uint32 holder, address caller, EventRef ref
    );
    /// @notice The owner offers title to `to` until `deadline`.
    event TitleOffered(
        bytes32 indexed id, uint32 indexed org, uint32 indexed to, address caller, uint40 deadline, EventRef ref
    );
    /// @notice Owner or candidate ended the offer of title.
    event TitleCancelled(bytes32 indexed id, uint32 indexed org, address caller, EventRef ref);
    /// @notice Title passed from `from` to `org`.
    event TitleAccepted(bytes32 indexed id, uint32 indexed org, uint32 indexed from, address caller, EventRef ref);
    /// @notice The twin ended at `time`. If it was packed, it left `container` with this step.
    event Retired(
        bytes32 indexed id,
        uint32 indexed org,
        bytes32 indexed container,
        address caller,
        EndOfLife end,
        uint40 time,
        EventRef ref
    );

    /// @notice No twin has this id.
    error UnknownTwin(bytes32 id);
    /// @notice The URI is registered already.
    error AlreadyRegistered(bytes32 id);
    /// @notice This kind of twin is not registered here, or cannot do this.
    error WrongKind(bytes32 id, Kind kind);
    /// @notice The event's time lies after the block's.
    error EventInFuture(uint40 eventTime, uint256 blockTime);
    /// @notice Custody is with another organisation.
    error NotCustodian(bytes32 id, uint32 org, uint32 custodian);
    /// @notice Title is with another organisation.
    error NotOwner(bytes32 id, uint32 org, uint32 owner);
    /// @notice Custody or title is offered to another organisation (0: to nobody).
    error NotOfferedTo(bytes32 id, uint32 org, uint32 to);
    /// @notice An offer of custody is open and must be ended first.
    error OfferOpen(bytes32 id, uint32 to, uint40 deadline);
    /// @notice No offer is open.
    error NoOffer(bytes32 id);
    /// @notice The offer or receipt ended at the second `deadline`.
    error DeadlinePassed(bytes32 id, uint40 deadline, uint256 blockTime);
    /// @notice The offer can be accepted until the second `deadline`: cancel it instead.
    error DeadlineNotPassed(bytes32 id, uint40 deadline, uint256 blockTime);
    /// @notice An offer goes to another organisation, and not to nobody (0).
    error SameOrganisation(bytes32 id, uint32 org);
    /// @notice Held, ended or with something held inside: only return, quarantine and destruction are open.
    error Blocked(bytes32 id, Cause cause);
    /// @notice The organisation may not receive a blocked twin for this purpose.
    error NotAReceiverFor(bytes32 id, Purpose purpose, uint32 to);
    /// @notice The twin is in a container, and its custody is the container's.
    error IsPacked(bytes32 id, bytes32 container);
    /// @notice The twin is not in this container.
    error NotInContainer(bytes32 id, bytes32 container);
    /// @notice The container has something in it.
    error NotEmpty(bytes32 id, uint16 contents);
    /// @notice Containers would be nested more than {MAX_DEPTH} deep.
    error TooDeep(bytes32 id, uint256 depth);
    /// @notice A container cannot be inside itself.
    error ContainerCycle(bytes32 id, bytes32 container);
    /// @notice Nothing was named to pack, unpack or register.
    error NothingNamed();
    /// @notice Exceptions are at least one, and only known, bits of the library `Exceptions`.
    error UnknownExceptions(uint16 exceptions);
    /// @notice The twin has another history by now than the receiver saw.
    error HeadMoved(bytes32 id, bytes32 seen, bytes32 current);
    /// @notice The signature is not the signer's over this receipt.
    error InvalidReceipt(bytes32 digest, bytes signer);
    /// @notice Only owner, custodian or a regulator holds a twin back.
    error MayNotHold(bytes32 id, uint32 org);
    /// @notice The organisation has put this hold already.
    error AlreadyHeld(bytes32 id, uint32 org, bytes32 reason);
    /// @notice The organisation has no such hold on the twin.
    error NoSuchHold(bytes32 id, uint32 org, bytes32 reason);
    /// @notice A hold is lifted by who put it; a regulator also lifts those of others than regulators.
    error MayNotRelease(bytes32 id, uint32 org, uint32 holder);
    /// @notice A twin ends in one of the named ways; while held only as DESTROYED or STOLEN.
    error WrongEnd(bytes32 id, EndOfLife end);

    /// @notice Most containers around a thing.
    function MAX_DEPTH() external view returns (uint256);

    /// @notice Registers a thing. Owner or delegate of the URI's namespace, duty REGISTER. Emits {Registered}.
    /// @return id keccak256 of the URI.
    function register(Registration calldata item, EventRef calldata ref) external returns (bytes32 id);

    /// @notice Registers things with one commissioning event. As {register} for each.
    function registerMany(Registration[] calldata items, EventRef calldata ref) external;

    /// @notice Registers what `maker` has committed to before, with title and custody at `org`. Modules only, which
    /// have checked that: role MODULE, duty REGISTER. Emits {RegisteredFor}.
    function registerFor(Registration calldata item, uint32 maker, uint32 org, EventRef calldata ref)
        external
        returns (bytes32 id);

    /// @notice Offers custody to another organisation (shipping). Custodian, duty SHIP. Emits {Offered}.
    /// @param to Number of the receiving organisation.
    /// @param deadline Last second at which it can accept.
    function offer(bytes32 id, uint32 to, Purpose purpose, uint40 deadline, EventRef calldata ref) external;

    /// @notice Takes over custody (receiving). Offered organisation, duty RECEIVE; for quarantine also QUALITY.
    /// Emits {Accepted}.
    /// @param seen The twin's {head} as the receiver saw it: an offer that was withdrawn and made again with other
    /// contents is not accepted by mistake.
    function accept(bytes32 id, bytes32 seen, EventRef calldata ref) external;

    /// @notice As {accept}, and says what was wrong with the delivery. Emits {Accepted}.
    /// @param exceptions Bits of the library `Exceptions`, at least one.
    function acceptWithExceptions(bytes32 id, bytes32 seen, uint16 exceptions, EventRef calldata ref) external;

    /// @notice Refuses an offer. Offered organisation, duty RECEIVE. Emits {Declined}.
    function decline(bytes32 id, EventRef calldata ref) external;

    /// @notice Withdraws an offer, up to its deadline. Custodian, duty SHIP. Emits {Cancelled}.
    function cancel(bytes32 id, EventRef calldata ref) external;

    /// @notice Takes back what nobody accepted, after the deadline. Custodian, duty SHIP. Emits {Reclaimed}.
    function reclaim(bytes32 id, EventRef calldata ref) external;

    /// @notice Passes custody in one transaction against the receiver's signed receipt. Custodian, duty SHIP; the
    /// signer is an account of the receiving organisation with the duty RECEIVE (for quarantine also QUALITY).
    /// Emits {HandedOver}.
    /// @param signer ERC-7913 signer of the receipt: an address, or verifier and key.
    function handOver(Receipt calldata receipt, bytes calldata signer, bytes calldata signature) external;

    /// @notice Packs things into a container. Custodian of all of them, duty SHIP.
    /// Emits {ContentsAdded} and a {Packed} for each.
    function pack(bytes32 container, bytes32[] calldata ids, EventRef calldata ref) external;

    /// @notice Takes things out of a container. Custodian, duty SHIP. Something held inside may leave, nothing may
    /// leave a container that is itself held. Emits {ContentsRemoved} and an {Unpacked} for each.
    function unpack(bytes32 container, bytes32[] calldata ids, EventRef calldata ref) external;

    /// @notice Makes a change of what a module keeps in a container a step of the container's history, so that a
    /// receiver sees it in {head}. Modules only, for the custodian `org`: role MODULE, duty SHIP. Emits
    /// {ContentsNoted}.
    /// @param note What changed, in the module's terms.
    /// @param more Things that came, counted with those in {Twin.contents}.
    /// @param less Things that went.
    function noteContents(bytes32 container, uint32 org, bytes32 note, uint16 more, uint16 less, EventRef calldata ref)
        external;

    /// @notice Holds a twin back. Owner, custodian or regulator, duty QUALITY. Emits {Held}.
    /// @param reason Hash or id of the record that explains why.
    function hold(bytes32 id, bytes32 reason, EventRef calldata ref) external;

    /// @notice Lifts a hold. Who put it, or a regulator if that was no regulator; duty QUALITY. Emits {Released}.
    /// @param holder Organisation that put the hold.
    function release(bytes32 id, uint32 holder, bytes32 reason, EventRef calldata ref) external;

    /// @notice Offers title. Owner, duty FINANCE. A later offer replaces an earlier one. Emits {TitleOffered}.
    function offerTitle(bytes32 id, uint32 to, uint40 deadline, EventRef calldata ref) external;

    /// @notice Ends an offer of title. Owner or offered organisation, duty FINANCE. Emits {TitleCancelled}.
    function cancelTitle(bytes32 id, EventRef calldata ref) external;

    /// @notice Takes over title. Offered organisation, duty FINANCE. Emits {TitleAccepted}.
    function acceptTitle(bytes32 id, EventRef calldata ref) external;

    /// @notice Ends a twin for good. Custodian, duty REGISTER. What is in a container ends in place and leaves it.
    /// Emits {Retired}.
    function retire(bytes32 id, EndOfLife end, EventRef calldata ref) external;

    /// @notice May the thing be used, sold or shipped on? Looks at the twin, its contents and its containers.
    /// @return ok True if nothing speaks against it.
    /// @return cause The first thing that does.
    function clear(bytes32 id) external view returns (bool ok, Cause cause);

    /// @notice The facts of a twin; all zero if it is not registered.
    function twin(bytes32 id) external view returns (Twin memory);

    /// @notice Running hash of the twin's history: each step hashes the head before it with the action, the
    /// organisation, the caller, up to three values of the action and the event reference (docs/history-head.md). The
    /// first hash starts from chain, contract and id; as long as no other step follows it is cut to 216 bits.
    function head(bytes32 id) external view returns (bytes32);

    /// @notice The organisation with custody; for a packed thing that of the outermost container.
    function custodianOf(bytes32 id) external view returns (uint32);

    /// @notice The organisation with title.
    function ownerOf(bytes32 id) external view returns (uint32);

    /// @notice The container in which the twin is directly, or zero.
    function containerOf(bytes32 id) external view returns (bytes32);

    /// @notice Number of containers packed at least once.
    function containerCount() external view returns (uint32);

    /// @notice The open offer of title.
    function titleOffer(bytes32 id) external view returns (TitleOffer memory);

    /// @notice True while the organisation holds the twin back for the reason.
    function held(bytes32 id, uint32 org, bytes32 reason) external view returns (bool);
}
