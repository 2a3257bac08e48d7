"""The model of `TitleDeed`, written from ITitleDeed and ERC-721 with the errors of ERC-6093.

The ledger keeps each deed with its holder and whom that one approved; balances are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.rules import Fact, Objections, Refused
from tests.models.twins import Twins
from tests.support.words import Duty
from tests.support.world import EventRef

NOBODY = to_checksum_address(bytes(20))
FOREVER = 2**40 - 1


@dataclass(frozen=True)
class Deed:
    uri: str
    holder: str = NOBODY
    approved: str = NOBODY


@dataclass
class DeedsLedger:
    """What the events of a TitleDeed contract add up to."""

    deeds: dict[int, Deed] = field(default_factory=dict)
    operators: set[tuple[str, str]] = field(default_factory=set)
    """Who lets whom act for all deeds."""
    redeemed: dict[int, int] = field(default_factory=dict)
    """The organisation that redeemed a deed last."""

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "DeedIssued":
                deed = int.from_bytes(a["twin"], "big")
                self.deeds[deed] = Deed(a["uri"])
                self.redeemed.pop(deed, None)
            case "DeedRedeemed":
                self.redeemed[int.from_bytes(a["twin"], "big")] = a["org"]
            case "Transfer" if a["to"] == NOBODY:
                del self.deeds[a["tokenId"]]
            case "Transfer":
                deed = self.deeds[a["tokenId"]]
                self.deeds[a["tokenId"]] = replace(deed, holder=a["to"], approved=NOBODY)
            case "Approval":
                self.deeds[a["tokenId"]] = replace(self.deeds[a["tokenId"]], approved=a["approved"])
            case "ApprovalForAll":
                change = self.operators.add if a["approved"] else self.operators.discard
                change((a["owner"], a["operator"]))
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def copy(self) -> DeedsLedger:
        return DeedsLedger(dict(self.deeds), set(self.operators), dict(self.redeemed))


class TitleDeed:
    """The rules. Every function returns the events that follow, those of Twins among them.

    `deaf` are the contracts that take no token.
    """

    def __init__(
        self, address: str, org: int, ledger: DeedsLedger, twins: Twins, deaf: Collection[str] = ()
    ) -> None:
        self.address = address
        self.org = org
        self.ledger = ledger
        self.twins = twins
        self.consortium = twins.consortium
        self.deaf = deaf

    def issue(self, uri: str, to: str, ref: EventRef, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        twin = keccak(text=uri)
        known = self.twins.ledger.twins.get(twin)
        owner = known.owner if known else 0
        if owner != org:
            no.final("NotOwner", twin, org, owner)
        self._receives(no, to)
        theirs = self._at_twins(no, lambda: self.twins.acceptTitle(twin, ref, sender=self.address))
        issued = {"twin": twin, "org": org, "to": to, "caller": sender, "uri": uri}
        minted = {"from": NOBODY, "to": to, "tokenId": int.from_bytes(twin, "big")}
        return self._happened(("DeedIssued", issued), theirs, ("Transfer", minted))

    def redeem(self, deed: int, ref: EventRef, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        holder = self._authorized(no, deed, sender)
        burnt = {"from": holder, "to": NOBODY, "tokenId": deed}
        theirs = self._offer(no, deed, org, ref)
        return self._happened(("Transfer", burnt), *self._redeemed(deed, org, sender), theirs)

    def claim(self, deed: int, ref: EventRef, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.FINANCE)
        if self.redeemedBy(deed) != org:
            no.final("NotRedeemed", deed.to_bytes(32, "big"), org)
        theirs = self._offer(no, deed, org, ref)
        return self._happened(*self._redeemed(deed, org, sender), theirs)

    def redeemedBy(self, deed: int) -> int:  # noqa: N802
        """Who redeemed the deed and has not taken over title."""
        twin = self.twins.ledger.twins.get(deed.to_bytes(32, "big"))
        locked = twin is not None and twin.owner == self.org
        return self.ledger.redeemed.get(deed, 0) if locked else 0

    # ERC-721

    def approve(self, to: str, deed: int, *, sender: str) -> list[Fact]:
        no = Objections()
        holder = self._holder(no, deed)
        may = sender == holder or (holder, sender) in self.ledger.operators
        no.when(not may, "ERC721InvalidApprover", sender)
        no.settle()
        return self._happened(("Approval", {"owner": holder, "approved": to, "tokenId": deed}))

    def setApprovalForAll(self, operator: str, approved: bool, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        no.when(operator == NOBODY, "ERC721InvalidOperator", operator)
        no.settle()
        fact = {"owner": sender, "operator": operator, "approved": approved}
        return self._happened(("ApprovalForAll", fact))

    def transferFrom(self, giver: str, to: str, deed: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        no.when(to == NOBODY, "ERC721InvalidReceiver", to)
        holder = self._authorized(no, deed, sender)
        no.when(holder != giver, "ERC721IncorrectOwner", giver, deed, holder)
        no.settle()
        return self._happened(("Transfer", {"from": holder, "to": to, "tokenId": deed}))

    def safeTransferFrom(self, giver: str, to: str, deed: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        self._receives(no, to)
        try:
            no.settle()
        except Refused as refused:
            try:
                self._copy().transferFrom(giver, to, deed, sender=sender)
            except Refused as other:
                raise Refused(refused.reasons + other.reasons) from None
            raise
        return self.transferFrom(giver, to, deed, sender=sender)

    def balance(self, account: str) -> int:
        return sum(deed.holder == account for deed in self.ledger.deeds.values())

    def _copy(self) -> TitleDeed:
        return TitleDeed(self.address, self.org, self.ledger.copy(), self.twins, self.deaf)

    def _holder(self, no: Objections, deed: int) -> str:
        if deed not in self.ledger.deeds:
            no.final("ERC721NonexistentToken", deed)
        return self.ledger.deeds[deed].holder

    def _authorized(self, no: Objections, deed: int, sender: str) -> str:
        """The holder, and whether the sender may act for it."""
        holder = self._holder(no, deed)
        approved = self.ledger.deeds[deed].approved
        may = sender in (holder, approved) or (holder, sender) in self.ledger.operators
        no.when(not may, "ERC721InsufficientApproval", sender, deed)
        return holder

    def _receives(self, no: Objections, to: str) -> None:
        no.when(to == NOBODY or to in self.deaf, "ERC721InvalidReceiver", to)

    def _redeemed(self, deed: int, org: int, sender: str) -> list[Fact]:
        return [("DeedRedeemed", {"twin": deed.to_bytes(32, "big"), "org": org, "caller": sender})]

    def _offer(self, no: Objections, deed: int, org: int, ref: EventRef) -> Fact:
        twin = deed.to_bytes(32, "big")
        return self._at_twins(no, lambda: self.twins.offerTitle(twin, org, FOREVER, ref, sender=self.address))

    def _at_twins(self, no: Objections, call: Callable[[], list[Fact]]) -> Fact:
        """What Twins does, if nothing else speaks against it; its reasons are also ours."""
        try:
            no.settle()
        except Refused as refused:
            before = self.twins.ledger
            self.twins.ledger = before.copy()
            try:
                call()
            except Refused as theirs:
                raise Refused(refused.reasons + theirs.reasons) from None
            finally:
                self.twins.ledger = before
            raise
        (fact,) = call()
        return fact

    def _happened(self, *facts: Fact) -> list[Fact]:
        for fact in facts:
            if fact[0] not in ("TitleOffered", "TitleAccepted"):
                self.ledger.apply(fact)
        return list(facts)
