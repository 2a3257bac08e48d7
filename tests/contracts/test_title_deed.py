"""TitleDeed: title to a twin as an ERC-721 token, locked while the deed lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests.models.module_shadows import DeedsShadow
from tests.models.title_deed import FOREVER, NOBODY
from tests.support import Contract, Forwarder, Node, Receipt, deploy, fresh, reverts
from tests.support.words import Cause, Duty, EndOfLife
from tests.support.world import DAY, Org, World, happened, person, twin_id, uri

URI = uri("1")
TWIN = twin_id(URI)
DEED = int.from_bytes(TWIN, "big")
NONE = int.from_bytes(twin_id(uri("2")), "big")
"""A deed that was never issued."""
REASON = b"r" * 32
ALICE, BOB, OPERATOR = person("alice"), person("bob"), person("operator")
ACCEPT, WRONG, SILENT, MESSAGE, CUSTOM, PANIC, CALL = range(7)
"""How a `DeedReceiver` receives."""


@dataclass(frozen=True)
class Market:
    """The maker owns a part, which the carrier has in its hands; outsiders trade its deed."""

    world: World

    @classmethod
    def create(cls, node: Node) -> Market:
        world = World.create(node)
        world.register(URI)
        world.move(TWIN, world.maker, world.carrier)
        return cls(world)

    @property
    def deed(self) -> Contract:
        return self.world.title_deed

    @property
    def org(self) -> int:
        """The organisation of the contract."""
        number: int = self.world.consortium.accountOf(self.deed).org
        return number

    def offer(self, org: Org | None = None, text: str = URI) -> None:
        """The maker, or somebody else, offers title to the contract."""
        world, org = self.world, org or self.world.maker
        args = twin_id(text), self.org, world.now + DAY, world.ref("selling")
        world.twins.offerTitle(*args, sender=org.finance)

    def issue(self, to: str = ALICE, org: Org | None = None, text: str = URI) -> Receipt:
        """Offer title and issue a deed."""
        self.offer(org, text)
        sender = (org or self.world.maker).finance
        found: Receipt = self.deed.issue(text, to, self.world.ref("locking"), sender=sender)
        return found

    def give(self, to: str, giver: str = ALICE) -> None:
        """Transfer the deed."""
        self.deed.transferFrom(giver, to, DEED, sender=giver)

    def redeem(self, sender: str) -> Receipt:
        """Redeem the deed."""
        found: Receipt = self.deed.redeem(DEED, self.world.ref("unlocking"), sender=sender)
        return found

    def claim(self, sender: str) -> Receipt:
        """Claim title again."""
        found: Receipt = self.deed.claim(DEED, self.world.ref("unlocking"), sender=sender)
        return found

    def take_title(self, org: Org) -> None:
        """Accept title at Twins."""
        self.world.twins.acceptTitle(TWIN, self.world.ref("buying"), sender=org.finance)


@pytest.fixture
def market(node: Node) -> Market:
    return Market.create(node)


@pytest.fixture
def traded(market: Market) -> Market:
    """Alice has the deed."""
    market.issue()
    return market


# --------------------------------------------------------------------------------------------------- title


def test_issuing_locks_title_and_custody_stays(market: Market) -> None:
    world, maker, ref = market.world, market.world.maker, market.world.ref("locking")
    market.offer()
    assert market.deed.issue.call(URI, ALICE, ref, sender=maker.finance) == DEED
    receipt = market.deed.issue(URI, ALICE, ref, sender=maker.finance)
    issued = {"twin": TWIN, "org": maker.number, "to": ALICE, "caller": maker.finance, "uri": URI}
    accepted = {
        "id": TWIN,
        "org": market.org,
        "from": maker.number,
        "caller": market.deed.address,
        "ref": ref,
    }
    minted = {"from": NOBODY, "to": ALICE, "tokenId": DEED}
    assert happened(receipt) == [("DeedIssued", issued), ("TitleAccepted", accepted), ("Transfer", minted)]
    facts = world.twins.twin(TWIN)
    assert (facts.owner, facts.holder, facts.maker) == (market.org, world.carrier.number, maker.number)
    assert market.deed.ownerOf(DEED) == ALICE
    assert market.deed.tokenURI(DEED) == URI
    assert market.deed.redeemedBy(DEED) == 0


def test_title_is_locked_while_the_deed_lives(traded: Market) -> None:
    world, ref = traded.world, traded.world.ref()
    for org in world.orgs:
        with reverts("NotOwner", TWIN, org.number, traded.org):
            world.twins.offerTitle(TWIN, world.retailer.number, world.now, ref, sender=org.all)
        with reverts("NotOfferedTo", TWIN, org.number, 0):
            world.twins.acceptTitle(TWIN, ref, sender=org.finance)
        with reverts("NotOwner", TWIN, org.number, traded.org):
            traded.deed.issue(URI, ALICE, ref, sender=org.finance)
    world.move(TWIN, world.carrier, world.retailer)
    assert world.twins.ownerOf(TWIN) == traded.org


def test_a_holder_redeems_and_gets_title(traded: Market) -> None:
    world, retailer, ref = traded.world, traded.world.retailer, traded.world.ref("unlocking")
    traded.give(retailer.finance)
    receipt = traded.deed.redeem(DEED, ref, sender=retailer.finance)
    burnt = {"from": retailer.finance, "to": NOBODY, "tokenId": DEED}
    redeemed = {"twin": TWIN, "org": retailer.number, "caller": retailer.finance}
    terms = {"to": retailer.number, "deadline": FOREVER, "caller": traded.deed.address, "ref": ref}
    offered = {"id": TWIN, "org": traded.org} | terms
    assert happened(receipt) == [
        ("Transfer", burnt),
        ("DeedRedeemed", redeemed),
        ("TitleOffered", {name: offered[name] for name in ("id", "org", "to", "caller", "deadline", "ref")}),
    ]
    assert traded.deed.redeemedBy(DEED) == retailer.number
    assert traded.deed.balanceOf(retailer.finance) == 0
    for view in (traded.deed.ownerOf, traded.deed.tokenURI, traded.deed.getApproved):
        with reverts("ERC721NonexistentToken", DEED):
            view(DEED)
    traded.take_title(retailer)
    assert world.twins.ownerOf(TWIN) == retailer.number
    assert traded.deed.redeemedBy(DEED) == 0


def let_approve(market: Market, agent: str) -> None:
    market.deed.approve(agent, DEED, sender=ALICE)


def let_operate(market: Market, agent: str) -> None:
    market.deed.setApprovalForAll(agent, True, sender=ALICE)


@pytest.mark.parametrize("let", [let_approve, let_operate])
def test_an_outsider_lets_a_member_redeem(traded: Market, let: Callable[[Market, str], None]) -> None:
    agent = traded.world.distributor.finance
    with reverts("ERC721InsufficientApproval", agent, DEED):
        traded.redeem(agent)
    let(traded, agent)
    traded.redeem(agent)
    assert traded.deed.redeemedBy(DEED) == traded.world.distributor.number
    traded.take_title(traded.world.distributor)


def test_redeeming_is_for_members_with_the_duty(traded: Market) -> None:
    retailer = traded.world.retailer
    with reverts("UnknownAccount", ALICE):
        traded.redeem(ALICE)
    for duty in Duty:
        account = retailer.with_duty(duty)
        traded.deed.approve(account, DEED, sender=ALICE)
        if duty != Duty.FINANCE:
            with reverts("MissingDuty", account, duty, Duty.FINANCE):
                traded.redeem(account)
    traded.redeem(retailer.finance)


def test_nothing_is_redeemed_that_was_not_issued(traded: Market) -> None:
    finance = traded.world.retailer.finance
    with reverts("ERC721NonexistentToken", NONE):
        traded.deed.redeem(NONE, traded.world.ref(), sender=finance)
    traded.give(finance)
    traded.redeem(finance)
    with reverts("ERC721NonexistentToken", DEED):
        traded.redeem(finance)


def test_title_is_claimed_again_after_the_offer_was_ended(traded: Market) -> None:
    world, retailer, ref = traded.world, traded.world.retailer, traded.world.ref("unlocking")
    traded.give(retailer.finance)
    with reverts("NotRedeemed", TWIN, retailer.number):
        traded.claim(retailer.finance)
    traded.redeem(retailer.finance)
    world.twins.cancelTitle(TWIN, world.ref(), sender=retailer.finance)
    for org in (world.maker, world.carrier):
        with reverts("NotRedeemed", TWIN, org.number):
            traded.claim(org.finance)
    with reverts("MissingDuty", retailer.ship, Duty.SHIP, Duty.FINANCE):
        traded.claim(retailer.ship)
    with reverts("UnknownAccount", ALICE):
        traded.claim(ALICE)
    receipt = traded.deed.claim(DEED, ref, sender=retailer.finance)
    terms = {"to": retailer.number, "caller": traded.deed.address, "deadline": FOREVER, "ref": ref}
    assert happened(receipt) == [
        ("DeedRedeemed", {"twin": TWIN, "org": retailer.number, "caller": retailer.finance}),
        ("TitleOffered", {"id": TWIN, "org": traded.org} | terms),
    ]
    traded.take_title(retailer)
    with reverts("NotRedeemed", TWIN, retailer.number):
        traded.claim(retailer.finance)


def test_a_deed_is_issued_again_after_redemption(traded: Market) -> None:
    world, retailer = traded.world, traded.world.retailer
    traded.give(retailer.finance)
    traded.redeem(retailer.finance)
    with reverts("NotOwner", TWIN, retailer.number, traded.org):
        traded.deed.issue(URI, BOB, world.ref(), sender=retailer.finance)
    traded.take_title(retailer)
    traded.issue(BOB, retailer)
    assert traded.deed.ownerOf(DEED) == BOB
    assert traded.deed.tokenURI(DEED) == URI
    assert traded.deed.redeemedBy(DEED) == 0
    with reverts("NotRedeemed", TWIN, retailer.number):
        traded.claim(retailer.finance)


def test_who_redeemed_is_told_until_title_was_taken_over(traded: Market) -> None:
    """Also when the twin has gone on to somebody else by then."""
    world, retailer = traded.world, traded.world.retailer
    traded.give(retailer.finance)
    traded.redeem(retailer.finance)
    traded.take_title(retailer)
    world.give_title(TWIN, retailer, world.service)
    assert traded.deed.redeemedBy(DEED) == 0
    with reverts("NotRedeemed", TWIN, retailer.number):
        traded.claim(retailer.finance)
    traded.issue(BOB, world.service)
    assert traded.deed.redeemedBy(DEED) == 0
    assert traded.deed.redeemedBy(NONE) == 0


def test_the_owner_issues_after_it_has_offered(market: Market) -> None:
    world, ref = market.world, market.world.ref()
    with reverts("NotOfferedTo", TWIN, market.org, 0):
        market.deed.issue(URI, ALICE, ref, sender=world.maker.finance)
    market.offer()
    with reverts("NotOwner", TWIN, world.carrier.number, world.maker.number):
        market.deed.issue(URI, ALICE, ref, sender=world.carrier.finance)
    with reverts("NotOwner", twin_id(uri("2")), world.maker.number, 0):
        market.deed.issue(uri("2"), ALICE, ref, sender=world.maker.finance)
    with reverts("UnknownAccount", ALICE):
        market.deed.issue(URI, ALICE, ref, sender=ALICE)
    for duty in Duty:
        if duty != Duty.FINANCE:
            with reverts("MissingDuty", world.maker.with_duty(duty), duty, Duty.FINANCE):
                market.deed.issue(URI, ALICE, ref, sender=world.maker.with_duty(duty))
    world.node.warp(DAY + 1)
    with reverts("DeadlinePassed", TWIN, world.now - 1, world.now):
        market.deed.issue(URI, ALICE, world.ref(), sender=world.maker.finance)


def test_nobody_tells_of_what_has_not_happened(market: Market) -> None:
    future, now, maker = market.world.ref(time=market.world.now + 1), market.world.now, market.world.maker
    market.offer()
    with reverts("EventInFuture", now + 1, now):
        market.deed.issue(URI, maker.finance, future, sender=maker.finance)
    market.deed.issue(URI, maker.finance, market.world.ref(), sender=maker.finance)
    with reverts("EventInFuture", now + 1, now):
        market.deed.redeem(DEED, future, sender=maker.finance)
    market.redeem(maker.finance)
    with reverts("EventInFuture", now + 1, now):
        market.deed.claim(DEED, future, sender=maker.finance)


def test_what_is_held_is_neither_locked_nor_given_back(market: Market) -> None:
    """Its deed changes hands all the same: who holds it waits for the release."""
    world, retailer = market.world, market.world.retailer
    market.offer()
    world.hold(TWIN, REASON, world.regulator)
    with reverts("Blocked", TWIN, Cause.HELD):
        market.deed.issue(URI, ALICE, world.ref(), sender=world.maker.finance)
    world.release(TWIN, REASON, world.regulator)
    market.issue()
    world.hold(TWIN, REASON, world.regulator)
    market.give(retailer.finance)
    with reverts("Blocked", TWIN, Cause.HELD):
        market.redeem(retailer.finance)
    assert market.deed.ownerOf(DEED) == retailer.finance
    world.release(TWIN, REASON, world.regulator)
    market.redeem(retailer.finance)
    world.twins.cancelTitle(TWIN, world.ref(), sender=retailer.finance)
    world.hold(TWIN, REASON, world.regulator)
    with reverts("Blocked", TWIN, Cause.HELD):
        market.claim(retailer.finance)


def test_what_has_ended_is_neither_locked_nor_given_back(market: Market) -> None:
    world = market.world
    market.issue(world.retailer.finance)
    world.retire(TWIN, EndOfLife.DESTROYED, world.carrier)
    with reverts("Blocked", TWIN, Cause.ENDED):
        market.redeem(world.retailer.finance)
    assert market.deed.ownerOf(DEED) == world.retailer.finance
    other = world.register(uri("2"))
    market.offer(text=uri("2"))
    world.retire(other, EndOfLife.DESTROYED)
    with reverts("Blocked", other, Cause.ENDED):
        market.deed.issue(uri("2"), ALICE, world.ref(), sender=world.maker.finance)


def test_a_silenced_member_neither_locks_nor_redeems(traded: Market) -> None:
    world = traded.world
    traded.give(world.retailer.finance)
    world.suspend(world.retailer)
    with reverts("OrganisationSuspended", world.retailer.number):
        traded.redeem(world.retailer.finance)
    world.suspend(world.retailer, False)
    world.consortium.setSuspended(traded.org, True, sender=world.governor)
    with reverts("OrganisationSuspended", traded.org):
        traded.redeem(world.retailer.finance)


def test_a_members_contract_locks_and_redeems(market: Market) -> None:
    world, owner = market.world, Forwarder.deploy(market.world.node, market.world.stranger)
    world.hire(world.maker, owner, Duty.FINANCE)
    market.offer()
    receipt = market.deed.issue(URI, ALICE, world.ref(), sender=owner)
    (issued,) = market.deed.events(receipt, "DeedIssued")
    assert issued["caller"] == owner.address
    market.give(owner.address)
    receipt = market.deed.redeem(DEED, world.ref(), sender=owner)
    (redeemed,) = market.deed.events(receipt, "DeedRedeemed")
    assert redeemed["caller"] == owner.address


# -------------------------------------------------------------------------------------------------- ERC-165


@pytest.mark.parametrize(
    ("interface", "supported"),
    [
        ("01ffc9a7", True),  # ERC-165
        ("80ac58cd", True),  # ERC-721
        ("5b5e139f", True),  # its metadata
        ("780e9d63", False),  # its enumeration
        ("ffffffff", False),
    ],
)
def test_it_says_which_interfaces_it_has(market: Market, interface: str, supported: bool) -> None:
    assert market.deed.supportsInterface(bytes.fromhex(interface)) == supported


def test_metadata(traded: Market) -> None:
    assert (traded.deed.name(), traded.deed.symbol()) == ("Goldthread Title Deed", "DEED")
    assert traded.deed.tokenURI(DEED) == URI
    with reverts("ERC721NonexistentToken", NONE):
        traded.deed.tokenURI(NONE)
    world = traded.world
    assert (traded.deed.TWINS(), traded.deed.CONSORTIUM()) == (world.twins.address, world.consortium.address)
    assert traded.deed.eip712Domain().name == "Goldthread TitleDeed"


# -------------------------------------------------------------------------------------------------- ERC-721


def test_balances(traded: Market) -> None:
    traded.world.register(uri("2"))
    traded.issue(ALICE, text=uri("2"))
    assert [traded.deed.balanceOf(who) for who in (ALICE, BOB)] == [2, 0]
    traded.give(BOB)
    assert [traded.deed.balanceOf(who) for who in (ALICE, BOB)] == [1, 1]
    with reverts("ERC721InvalidOwner", NOBODY):
        traded.deed.balanceOf(NOBODY)


def test_what_is_no_deed_has_no_owner(traded: Market) -> None:
    assert traded.deed.ownerOf(DEED) == ALICE
    for view in (traded.deed.ownerOf, traded.deed.getApproved):
        with reverts("ERC721NonexistentToken", NONE):
            view(NONE)
    assert traded.deed.getApproved(DEED) == NOBODY


def send(market: Market, by: str, to: str = BOB, giver: str = ALICE, deed: int = DEED) -> Receipt:
    found: Receipt = market.deed.transferFrom(giver, to, deed, sender=by)
    return found


def send_safely(market: Market, by: str, to: str = BOB, giver: str = ALICE, deed: int = DEED) -> Receipt:
    function = market.deed["safeTransferFrom(address,address,uint256)"]
    found: Receipt = function(giver, to, deed, sender=by)
    return found


def send_with_data(market: Market, by: str, to: str = BOB, giver: str = ALICE, deed: int = DEED) -> Receipt:
    function = market.deed["safeTransferFrom(address,address,uint256,bytes)"]
    found: Receipt = function(giver, to, deed, b"data", sender=by)
    return found


SENDS = [send, send_safely, send_with_data]
Send = Callable[..., Receipt]


@pytest.mark.parametrize("transfer", SENDS)
@pytest.mark.parametrize("by", ["holder", "approved", "operator"])
def test_a_transfer_moves_the_deed_and_ends_the_approval(traded: Market, transfer: Send, by: str) -> None:
    approved = person("approved")
    traded.deed.approve(approved, DEED, sender=ALICE)
    traded.deed.setApprovalForAll(OPERATOR, True, sender=ALICE)
    sender = {"holder": ALICE, "approved": approved, "operator": OPERATOR}[by]
    receipt = transfer(traded, sender)
    assert happened(receipt) == [("Transfer", {"from": ALICE, "to": BOB, "tokenId": DEED})]
    assert traded.deed.ownerOf(DEED) == BOB
    assert traded.deed.getApproved(DEED) == NOBODY
    assert [traded.deed.balanceOf(who) for who in (ALICE, BOB)] == [0, 1]
    for old in (ALICE, approved, OPERATOR):
        with reverts("ERC721InsufficientApproval", old, DEED):
            transfer(traded, old, giver=BOB)


@pytest.mark.parametrize("transfer", SENDS)
def test_a_transfer_to_oneself_changes_nothing_but_the_approval(traded: Market, transfer: Send) -> None:
    traded.deed.approve(BOB, DEED, sender=ALICE)
    receipt = transfer(traded, ALICE, to=ALICE)
    assert happened(receipt) == [("Transfer", {"from": ALICE, "to": ALICE, "tokenId": DEED})]
    assert (traded.deed.ownerOf(DEED), traded.deed.balanceOf(ALICE)) == (ALICE, 1)
    assert traded.deed.getApproved(DEED) == NOBODY


@pytest.mark.parametrize("transfer", SENDS)
def test_what_no_transfer_does(traded: Market, transfer: Send) -> None:
    with reverts("ERC721IncorrectOwner", BOB, DEED, ALICE):
        transfer(traded, ALICE, giver=BOB)
    with reverts("ERC721InsufficientApproval", BOB, DEED):
        transfer(traded, BOB)
    with reverts("ERC721NonexistentToken", NONE):
        transfer(traded, ALICE, deed=NONE)
    with reverts("ERC721InvalidReceiver", NOBODY):
        transfer(traded, ALICE, to=NOBODY)


def receiver(world: World, mode: int = ACCEPT, target: str = NOBODY, data: bytes = b"") -> Contract:
    contract = deploy(world.node, "DeedReceiver")
    contract.behave(mode, target, data, sender=world.stranger)
    return contract


@pytest.mark.parametrize(("transfer", "data"), [(send_safely, b""), (send_with_data, b"data")])
def test_a_contract_is_told_of_the_deed(traded: Market, transfer: Send, data: bytes) -> None:
    contract = receiver(traded.world)
    traded.deed.setApprovalForAll(OPERATOR, True, sender=ALICE)
    receipt = transfer(traded, OPERATOR, to=contract.address)
    told = {"operator": OPERATOR, "from": ALICE, "tokenId": DEED, "data": data}
    moved = {"from": ALICE, "to": contract.address, "tokenId": DEED}
    assert happened(receipt) == [("Transfer", moved), ("Received", told)]
    assert traded.deed.ownerOf(DEED) == contract.address


def test_a_contract_is_told_of_a_deed_that_is_issued(market: Market) -> None:
    contract, maker = receiver(market.world), market.world.maker
    receipt = market.issue(contract.address)
    told = {"operator": maker.finance, "from": NOBODY, "tokenId": DEED, "data": b""}
    assert happened(receipt)[-1] == ("Received", told)
    assert market.deed.ownerOf(DEED) == contract.address


REFUSALS = [
    (WRONG, "ERC721InvalidReceiver", None),
    (SILENT, "ERC721InvalidReceiver", None),
    (MESSAGE, "Error", ("not wanted",)),
    (CUSTOM, "Refused", (DEED,)),
    (PANIC, "Panic", (1,)),
]


@pytest.mark.parametrize("transfer", [send_safely, send_with_data])
@pytest.mark.parametrize(("mode", "error", "values"), REFUSALS)
def test_a_contract_refuses(
    traded: Market, transfer: Send, mode: int, error: str, values: tuple[Any, ...] | None
) -> None:
    contract = receiver(traded.world, mode)
    with reverts(error, *((contract.address,) if values is None else values)):
        transfer(traded, ALICE, to=contract.address)
    assert traded.deed.ownerOf(DEED) == ALICE
    send(traded, ALICE, to=contract.address)
    assert traded.deed.ownerOf(DEED) == contract.address


@pytest.mark.parametrize(("mode", "error", "values"), REFUSALS)
def test_no_deed_is_issued_to_who_refuses_it(
    market: Market, mode: int, error: str, values: tuple[Any, ...] | None
) -> None:
    contract = receiver(market.world, mode)
    with reverts(error, *((contract.address,) if values is None else values)):
        market.issue(contract.address)
    assert market.world.twins.ownerOf(TWIN) == market.world.maker.number


def test_a_contract_without_the_hook_gets_nothing_safely(market: Market) -> None:
    deaf = market.world.manager.address
    with reverts("ERC721InvalidReceiver", deaf):
        market.issue(deaf)
    with reverts("ERC721InvalidReceiver", NOBODY):
        market.deed.issue(URI, NOBODY, market.world.ref(), sender=market.world.maker.finance)
    market.issue()
    for transfer in (send_safely, send_with_data):
        with reverts("ERC721InvalidReceiver", deaf):
            transfer(market, ALICE, to=deaf)
    send(market, ALICE, to=deaf)
    assert market.deed.ownerOf(DEED) == deaf


def test_a_receiver_that_calls_back_finds_all_done(market: Market) -> None:
    """A member's contract redeems the deed while it is being issued to it."""
    world = market.world
    data = market.deed.redeem.encode(DEED, world.ref("at once"))
    contract = receiver(world, CALL, market.deed.address, data)
    world.hire(world.retailer, contract.address, Duty.FINANCE)
    names = [name for name, _ in happened(market.issue(contract.address))]
    assert names == [
        "DeedIssued", "TitleAccepted", "Transfer", "Transfer", "DeedRedeemed", "TitleOffered", "Received",
    ]  # fmt: skip
    assert market.deed.balanceOf(contract) == 0
    assert market.deed.redeemedBy(DEED) == world.retailer.number
    market.take_title(world.retailer)


def test_a_receiver_that_calls_back_issues_nothing_twice(market: Market) -> None:
    world = market.world
    data = market.deed.issue.encode(URI, ALICE, world.ref("again"))
    contract = receiver(world, CALL, market.deed.address, data)
    world.hire(world.maker, contract.address, Duty.FINANCE)
    with reverts("NotOwner", TWIN, world.maker.number, market.org):
        market.issue(contract.address)


@pytest.mark.parametrize("by", ["holder", "operator"])
def test_approvals(traded: Market, by: str) -> None:
    traded.deed.setApprovalForAll(OPERATOR, True, sender=ALICE)
    sender = {"holder": ALICE, "operator": OPERATOR}[by]
    for approved in (BOB, BOB, traded.world.stranger, NOBODY, NOBODY):
        receipt = traded.deed.approve(approved, DEED, sender=sender)
        fact = {"owner": ALICE, "approved": approved, "tokenId": DEED}
        assert happened(receipt) == [("Approval", fact)]
        assert traded.deed.getApproved(DEED) == approved


def test_who_may_not_approve(traded: Market) -> None:
    with reverts("ERC721InvalidApprover", BOB):
        traded.deed.approve(BOB, DEED, sender=BOB)
    traded.deed.approve(BOB, DEED, sender=ALICE)
    with reverts("ERC721InvalidApprover", BOB):
        traded.deed.approve(OPERATOR, DEED, sender=BOB)
    with reverts("ERC721NonexistentToken", NONE):
        traded.deed.approve(BOB, NONE, sender=ALICE)


def test_operators(traded: Market) -> None:
    for approved in (True, True, False, False):
        receipt = traded.deed.setApprovalForAll(OPERATOR, approved, sender=ALICE)
        fact = {"owner": ALICE, "operator": OPERATOR, "approved": approved}
        assert happened(receipt) == [("ApprovalForAll", fact)]
        assert traded.deed.isApprovedForAll(ALICE, OPERATOR) == approved
        assert not traded.deed.isApprovedForAll(OPERATOR, ALICE)
    with reverts("ERC721InvalidOperator", NOBODY):
        traded.deed.setApprovalForAll(NOBODY, True, sender=ALICE)
    with reverts("ERC721InsufficientApproval", OPERATOR, DEED):
        send(traded, OPERATOR)


def test_an_approval_ends_with_the_deed(traded: Market) -> None:
    maker = traded.world.maker
    traded.give(maker.finance)
    traded.deed.approve(BOB, DEED, sender=maker.finance)
    traded.redeem(maker.finance)
    traded.take_title(maker)
    traded.issue(ALICE)
    assert traded.deed.getApproved(DEED) == NOBODY
    with reverts("ERC721InsufficientApproval", BOB, DEED):
        send(traded, BOB)


def test_deeds_are_told_from_tokens(market: Market) -> None:
    """ERC-20 and ERC-721 log the same events, and index other fields."""
    token = deploy(market.world.node, "TestToken", "Dollar", "USD", 6)
    minted = {"from": NOBODY, "to": ALICE}
    receipt = token.mint(ALICE, 5, sender=market.world.stranger)
    assert happened(receipt) == [("Transfer", minted | {"value": 5})]
    assert happened(market.issue())[-1] == ("Transfer", minted | {"tokenId": DEED})


# ---------------------------------------------------------------------------------------------- conformance


def test_every_actor_in_every_state_does_what_the_model_does() -> None:
    """Each call in each state that three calls lead to, with one deed and a twin that may be held."""
    node = fresh()
    shadow = DeedsShadow(node)
    world, model = shadow.world, shadow.model
    shadow.model.deaf = {world.twins.address}
    world.register(URI)
    maker, retailer = world.maker.finance, world.retailer.finance
    people, ref = (maker, retailer, ALICE, NOBODY, world.twins.address), world.ref()
    senders = (maker, retailer, ALICE)
    shadow.catch_up()
    seen = {}

    def key() -> Any:
        twin = shadow.twins.ledger.twins[TWIN]
        ledger = model.ledger
        told = (
            frozenset(ledger.deeds.items()),
            frozenset(ledger.operators),
            frozenset(ledger.redeemed.items()),
        )
        return twin.owner, twin.title_offer, bool(twin.holds), *told

    def calls() -> list[tuple[bool, str, tuple[Any, ...], str]]:
        """At Twins or at TitleDeed, what, and by whom."""
        at_twins: list[tuple[str, tuple[Any, ...]]] = [
            ("offerTitle", (TWIN, model.org, FOREVER, ref)),
            ("cancelTitle", (TWIN, ref)),
            ("acceptTitle", (TWIN, ref)),
        ]
        at_deeds: list[tuple[str, tuple[Any, ...]]] = [
            *(("issue", (URI, to, ref)) for to in people),
            ("redeem", (DEED, ref)),
            ("claim", (DEED, ref)),
            *(("approve", (to, DEED)) for to in (retailer, NOBODY)),
            *(("setApprovalForAll", (who, yes)) for who in (retailer, NOBODY) for yes in (True, False)),
            *(("transferFrom", (giver, to, DEED)) for giver, to in product((maker, ALICE), people)),
            *(("safeTransferFrom", (ALICE, to, DEED)) for to in people),
            ("transferFrom", (ALICE, retailer, NONE)),
        ]
        twins = [(True, *call, by) for call, by in product(at_twins, senders[:2])]
        hold = [(True, "hold", (TWIN, REASON, ref), world.regulator.quality)]
        return [*twins, *hold, *((False, *call, by) for call, by in product(at_deeds, senders))]

    def visit(depth: int) -> None:
        if seen.get(key(), -1) >= depth:
            return
        fresh_state = key() not in seen
        seen[key()] = depth
        if fresh_state:
            shadow.check_all(set(people) - {NOBODY})
        if depth == 0:
            return
        here = shadow.now()
        for there, name, args, by in calls():
            if (shadow.do if there else shadow.tell)(name, *args, sender=by):
                shadow.check_facts()
                visit(depth - 1)
                shadow.again(here)

    visit(3)
    assert shadow.do("offerTitle", TWIN, model.org, FOREVER, ref, sender=maker)
    assert shadow.tell("issue", URI, ALICE, ref, sender=maker)
    visit(3)
    assert shadow.tell("transferFrom", ALICE, retailer, DEED, sender=ALICE)
    assert shadow.tell("redeem", DEED, ref, sender=retailer)
    visit(3)
    names = "issue redeem claim approve setApprovalForAll transferFrom safeTransferFrom".split()
    shadow.count.require(names, 3)
    assert len(seen) > 100
