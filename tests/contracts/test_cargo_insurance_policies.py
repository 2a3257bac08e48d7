"""Opening, beginning, ending, settling and cancelling: each refusal, each event, each last second."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.cargo_insurance import CANCELLED, ENDED, OPEN, SETTLED, UNDERWAY
from tests.support import Forwarder, Node, deploy, reverts
from tests.support.cargo import ONE, TABLE, USD, Cargo, CargoQuote, Severity
from tests.support.signers import Wallet
from tests.support.words import Duty, Kind
from tests.support.world import DAY, happened, person, sscc

UINT32_MAX = 2**32 - 1


@pytest.fixture
def cargo(node: Node) -> Cargo:
    return Cargo.create(node)


@pytest.fixture
def quote(cargo: Cargo) -> CargoQuote:
    """Open."""
    quote = cargo.quote()
    cargo.open(quote)
    return quote


def state(cargo: Cargo, quote: CargoQuote) -> Any:
    return cargo.insurance.policyOf(cargo.id(quote))


def to_carrier(cargo: Cargo) -> None:
    cargo.world.move(cargo.cold.pallet, cargo.world.maker, cargo.world.carrier)


def test_what_it_is_built_of(cargo: Cargo) -> None:
    insurance, world = cargo.insurance, cargo.world
    assert insurance.CONSORTIUM() == world.consortium.address
    assert insurance.CONDITIONS() == world.conditions.address
    assert insurance.RECALLS() == world.recalls.address
    assert insurance.TWINS() == world.twins.address
    assert insurance.TOKEN() == cargo.token.address
    assert insurance.MAX_ROWS() == 32
    domain = insurance.eip712Domain()
    assert (domain.name, domain.version) == ("Goldthread CargoInsurance", "1")
    assert (domain.chainId, domain.verifyingContract) == (cargo.node.chain_id, insurance.address)


# Opening


def test_opening_locks_the_sum_and_takes_the_premium(cargo: Cargo) -> None:
    quote = cargo.quote()
    s, id_ = quote.shipment, cargo.id(quote)
    assert cargo.insurance.policyIdOf(quote) == id_
    assert cargo.insurance.openPolicy.call(quote, *cargo.sign(quote), sender=cargo.holder) == id_
    receipt = cargo.open(quote)
    moved = {"from": cargo.holder, "to": cargo.insurance.address, "value": s.premium}
    opened = {
        "policyId": id_,
        "holder": cargo.holder,
        "treasury": cargo.treasury,
        "org": cargo.world.insurer.number,
        "underwriter": cargo.underwriter,
        "quote": (tuple(s), [tuple(row) for row in quote.table]),
    }
    assert happened(receipt) == [("PolicyOpened", opened), ("Transfer", moved)]
    assert state(cargo, quote) == (OPEN, 0, 0, 0, 0, 0)
    assert cargo.insurance.poolOf(cargo.treasury) == (980_000 * USD, 20_000 * USD)


def test_a_quote_opens_one_policy(cargo: Cargo, quote: CargoQuote) -> None:
    with reverts("PolicyExists", cargo.id(quote)):
        cargo.open(quote)
    cargo.insurance.cancel(quote, sender=cargo.holder)
    with reverts("PolicyExists", cargo.id(quote)):
        cargo.open(quote)


def test_only_the_holder_opens(cargo: Cargo) -> None:
    quote = cargo.quote()
    machine = Forwarder.deploy(cargo.node, cargo.holder)
    for sender in (cargo.keeper, cargo.treasury, cargo.underwriter, machine):
        address = getattr(sender, "address", sender)
        with reverts("WrongCaller", cargo.id(quote), address, cargo.holder):
            cargo.open(quote, sender=sender)
    theirs = cargo.quote(holder=machine.address)
    cargo.fund(machine, 1000 * USD)
    (event,) = cargo.insurance.events(cargo.open(theirs, sender=machine), "PolicyOpened")
    assert event["holder"] == machine.address


@pytest.mark.parametrize("field", ["deadline", "latestStart"])
def test_a_quote_has_a_last_second(cargo: Cargo, field: str) -> None:
    last = cargo.now + 100
    early, late = (cargo.quote(**{field: last}) for _ in range(2))
    cargo.node.timestamp = last
    cargo.open(early)
    cargo.node.warp(1)
    with reverts("WindowClosed", cargo.id(late), last):
        cargo.open(late)


def test_a_trip_makes_sense(cargo: Cargo) -> None:
    start, carrier = cargo.now + DAY, cargo.world.carrier.number
    for changes in (
        {"carrier": 0},
        {"carrier": 0, "consignee": 0},
        {"consignee": carrier},
        {"latestEnd": start},
        {"latestEnd": start - 1},
        {"claimWindow": 0},
    ):
        quote = cargo.quote(**changes)
        with reverts("NoTrip", cargo.id(quote)):
            cargo.open(quote)
    cargo.open(cargo.quote(latestEnd=start + 1, claimWindow=1, consignee=0))


def test_a_table_is_bounded(cargo: Cargo) -> None:
    rows = [Severity(0, 0, n, 1000) for n in range(33)]
    quote = cargo.quote(rows)
    with reverts("TableTooLong", cargo.id(quote), 33):
        cargo.open(quote)
    cargo.open(cargo.quote(rows[:32]))


def test_shares_are_at_most_the_whole(cargo: Cargo) -> None:
    for table, changes in (
        ([Severity(0, 0, 0, ONE + 1)], {}),
        ([Severity(0, 0, 0, 5), Severity(0, 0, 0, ONE + 1), Severity(1, 0, 0, 7)], {}),
        (TABLE, {"rejectShare": ONE + 1}),
        (TABLE, {"recallShare": ONE + 1}),
    ):
        quote = cargo.quote(table, **changes)
        with reverts("ShareTooHigh", cargo.id(quote), ONE + 1):
            cargo.open(quote)
    cargo.open(cargo.quote([Severity(0, 0, 0, ONE)], rejectShare=ONE))


def test_recalls_are_insured_whole_or_not_at_all(cargo: Cargo) -> None:
    for class_, share in ((0, 1), (3, 0)):
        quote = cargo.quote(recallClass=class_, recallShare=share)
        with reverts("HalfRecall", cargo.id(quote), class_, share):
            cargo.open(quote)
    cargo.open(cargo.quote(recallClass=0, recallShare=0))


NOTHING = {"rejectShare": 0, "recallShare": 0, "recallClass": 0}


def test_something_is_insured(cargo: Cargo) -> None:
    sure = [Severity(0, 0, 0, 500_000)]
    half = 10_000 * USD
    for table, changes in (
        ([], NOTHING),
        (sure, NOTHING | {"sumInsured": 0, "franchise": 0, "deductible": 0}),
        (sure, NOTHING | {"deductible": half}),
        (sure, NOTHING | {"franchise": half + 1}),
    ):
        quote = cargo.quote(table, **changes)
        with reverts("NothingInsured", cargo.id(quote)):
            cargo.open(quote)
    cargo.open(cargo.quote(sure, **NOTHING | {"deductible": half - 1, "franchise": half}))
    cargo.open(cargo.quote([], **NOTHING | {"rejectShare": 500_000}))
    cargo.open(cargo.quote([], rejectShare=0))


def test_the_conditions_must_be_in_force(cargo: Cargo) -> None:
    in_force, other = cargo.conditions.hash, keccak(text="others")
    quote = cargo.quote(conditions=other)
    with reverts("ConditionsNotInForce", cargo.id(quote), other, in_force):
        cargo.open(quote)
    quote = cargo.quote(setter=cargo.world.maker.number)
    with reverts("ConditionsNotInForce", cargo.id(quote), in_force, bytes(32)):
        cargo.open(quote)
    quote = cargo.quote(setter=cargo.world.maker.number, conditions=bytes(32))
    with reverts("ConditionsNotInForce", cargo.id(quote), bytes(32), bytes(32)):
        cargo.open(quote)
    quote = cargo.quote(subject=cargo.cold.logger.id)
    with reverts("ConditionsNotInForce", cargo.id(quote), in_force, bytes(32)):
        cargo.open(quote)


def test_only_an_underwriter_of_the_treasury_quotes(cargo: Cargo) -> None:
    quote, other = cargo.quote(), cargo.quote()
    id_, stranger = cargo.id(quote), Wallet(person("stranger"))
    with reverts("NotUnderwriter", cargo.treasury, person("stranger")):
        cargo.insurance.openPolicy(quote, *cargo.sign(quote, stranger), sender=cargo.holder)
    name, signature = cargo.sign(other)
    with reverts("InvalidQuoteSignature", id_, cargo.underwriter):
        cargo.insurance.openPolicy(quote, name, signature, sender=cargo.holder)
    theirs = cargo.quote(treasury=person("another treasury"))
    with reverts("NotUnderwriter", person("another treasury"), cargo.underwriter):
        cargo.open(theirs)


def test_role_and_duty_are_asked_for(cargo: Cargo) -> None:
    world = cargo.world
    quote, clerk, carrier = cargo.quote(), world.insurer.quality, world.carrier.finance
    for account in (clerk, carrier):
        cargo.insurance.setUnderwriter(account, True, sender=cargo.treasury)
    with reverts("MissingDuty", clerk, Duty.QUALITY, Duty.FINANCE):
        cargo.insurance.openPolicy(quote, *cargo.sign(quote, Wallet(clerk)), sender=cargo.holder)
    with reverts("MissingRole", world.carrier.number, world.carrier.roles, world.insurer.roles):
        cargo.insurance.openPolicy(quote, *cargo.sign(quote, Wallet(carrier)), sender=cargo.holder)


def test_every_field_is_signed(cargo: Cargo) -> None:
    """Each change gives another policy, which the signature does not open."""
    quote = cargo.quote()
    name, signature = cargo.sign(quote)
    ids = {cargo.id(quote)}
    for place, field in enumerate(quote.shipment._fields):
        value = quote.shipment[place]
        other: Any = person("somebody else") if isinstance(value, str) else keccak(text="x")
        if isinstance(value, int):
            other = value + 1
        changed = quote._replace(shipment=quote.shipment._replace(**{field: other}))
        ids.add(cargo.insurance.policyIdOf(changed))
        assert cargo.insurance.policyIdOf(changed) == cargo.id(changed)
    for row in range(len(quote.table)):
        for field in Severity._fields:
            table = list(quote.table)
            table[row] = table[row]._replace(**{field: getattr(table[row], field) + 1})
            ids.add(cargo.insurance.policyIdOf(quote._replace(table=tuple(table))))
    ids.add(cargo.insurance.policyIdOf(quote._replace(table=quote.table[:-1])))
    ids.add(cargo.insurance.policyIdOf(quote._replace(table=quote.table[::-1])))
    assert len(ids) == 1 + len(quote.shipment) + 4 * len(quote.table) + 2
    cheaper = quote._replace(shipment=quote.shipment._replace(premium=0))
    with reverts("InvalidQuoteSignature", cargo.id(cheaper), cargo.underwriter):
        cargo.insurance.openPolicy(cheaper, name, signature, sender=cargo.holder)


def test_capital_backs_every_policy_in_full(cargo: Cargo) -> None:
    cargo.open(cargo.quote(sumInsured=999_999 * USD))
    quote = cargo.quote(sumInsured=2 * USD, franchise=0, deductible=0)
    with reverts("InsufficientCapital", cargo.treasury, USD, 2 * USD):
        cargo.open(quote)
    with reverts("InsufficientCapital", cargo.treasury, USD, USD + 1):
        cargo.insurance.withdrawCapital(USD + 1, sender=cargo.treasury)


def test_an_unknown_policy_does_nothing(cargo: Cargo) -> None:
    quote = cargo.quote()
    for function in ("begin", "finish", "settle", "cancel"):
        with reverts("UnknownPolicy", cargo.id(quote)):
            getattr(cargo.insurance, function)(quote, sender=cargo.holder)
    with reverts("UnknownPolicy", cargo.id(quote)):
        cargo.claim(quote)
    with reverts("UnknownPolicy", cargo.id(quote)):
        cargo.insurance.claimRecall(quote, 1, sender=cargo.holder)


# The trip


def test_the_trip_begins_when_the_carrier_has_custody(cargo: Cargo, quote: CargoQuote) -> None:
    id_, world = cargo.id(quote), cargo.world
    with reverts("NotInCustody", id_, world.carrier.number, world.maker.number):
        cargo.insurance.begin(quote, sender=cargo.keeper)
    cargo.recall(member=False)
    to_carrier(cargo)
    cargo.node.warp(5)
    now = cargo.now
    receipt = cargo.insurance.begin(quote, sender=Forwarder.deploy(cargo.node, cargo.keeper))
    begun = {"policyId": id_, "subject": cargo.cold.pallet, "start": now, "recalls": 1}
    begun |= {"end": quote.shipment.latestEnd}
    (event,) = cargo.insurance.events(receipt)
    assert event == begun | {"caller": event["caller"]}
    assert event["caller"] != cargo.keeper
    assert state(cargo, quote) == (UNDERWAY, now, quote.shipment.latestEnd, 0, 1, UINT32_MAX)
    assert cargo.insurance.poolOf(cargo.treasury) == (980_150 * USD, 20_000 * USD)
    with reverts("WrongPolicyState", id_, UNDERWAY):
        cargo.insurance.begin(quote, sender=cargo.keeper)


def test_a_packed_thing_begins_with_its_container(cargo: Cargo) -> None:
    """Custody is that of the outermost container."""
    world = cargo.world
    truck = world.register(sscc("77"), Kind.CONTAINER)
    quote = cargo.quote()
    cargo.open(quote)
    world.pack(truck, [cargo.cold.pallet])
    world.move(truck, world.maker, world.carrier)
    cargo.insurance.begin(quote, sender=cargo.keeper)


def test_the_latest_start_is_a_last_second(cargo: Cargo) -> None:
    first, second = cargo.quote(), cargo.quote()
    cargo.open(first)
    cargo.open(second)
    to_carrier(cargo)
    cargo.node.timestamp = last = first.shipment.latestStart
    cargo.insurance.begin(first, sender=cargo.keeper)
    cargo.node.warp(1)
    with reverts("WindowClosed", cargo.id(second), last):
        cargo.insurance.begin(second, sender=cargo.keeper)


def test_no_trip_without_its_conditions(cargo: Cargo, quote: CargoQuote) -> None:
    to_carrier(cargo)
    again = cargo.conditions._replace(version=2, start=cargo.now + 1)
    cargo.cold.set(again, cargo.world.insurer.quality)
    with reverts("ConditionsNotInForce", cargo.id(quote), cargo.conditions.hash, again.hash):
        cargo.insurance.begin(quote, sender=cargo.keeper)
    cargo.insurance.cancel(quote, sender=cargo.holder)


def test_no_trip_for_what_is_in_breach(cargo: Cargo, quote: CargoQuote) -> None:
    to_carrier(cargo)
    cargo.measure([900, 900])
    with reverts("BreachedBefore", cargo.id(quote), 1):
        cargo.insurance.begin(quote, sender=cargo.keeper)


def test_the_trip_ends_when_the_consignee_has_custody(cargo: Cargo, quote: CargoQuote) -> None:
    id_, world = cargo.id(quote), cargo.world
    with reverts("WrongPolicyState", id_, OPEN):
        cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.depart(quote)
    start = cargo.now
    with reverts("NotInCustody", id_, world.distributor.number, world.carrier.number):
        cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.node.warp(100)
    cargo.arrive()
    cargo.recall(member=False)
    machine = Forwarder.deploy(cargo.node, cargo.keeper)
    receipt = cargo.insurance.finish(quote, sender=machine)
    ended = {"policyId": id_, "subject": cargo.cold.pallet, "caller": machine.address}
    assert cargo.insurance.events(receipt) == [ended | {"end": start + 100, "recalls": 1}]
    assert state(cargo, quote) == (ENDED, start, start + 100, 0, 0, 1)
    with reverts("WrongPolicyState", id_, ENDED):
        cargo.insurance.finish(quote, sender=cargo.keeper)
    with reverts("WrongPolicyState", id_, ENDED):
        cargo.insurance.cancel(quote, sender=cargo.holder)


def test_the_trip_ends_by_time(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    end, world = quote.shipment.latestEnd, cargo.world
    cargo.node.timestamp = end - 1
    with reverts("NotInCustody", cargo.id(quote), world.distributor.number, world.carrier.number):
        cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.node.warp(1 + DAY)
    receipt = cargo.insurance.finish(quote, sender=cargo.keeper)
    assert cargo.insurance.events(receipt)[0]["end"] == end
    assert state(cargo, quote).end == end


def test_at_its_latest_end_the_trip_is_over(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    cargo.node.timestamp = quote.shipment.latestEnd
    cargo.insurance.finish(quote, sender=cargo.keeper)


def test_without_a_consignee_only_time_ends_the_trip(cargo: Cargo) -> None:
    quote = cargo.quote(consignee=0)
    cargo.open(quote)
    cargo.depart(quote)
    cargo.arrive()
    cargo.node.timestamp = quote.shipment.latestEnd - 1
    with reverts("WindowOpen", cargo.id(quote), quote.shipment.latestEnd - 1):
        cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.node.warp(1)
    cargo.insurance.finish(quote, sender=cargo.keeper)


# Ends


def test_the_holder_cancels_before_the_trip(cargo: Cargo, quote: CargoQuote) -> None:
    s, id_ = quote.shipment, cargo.id(quote)
    cargo.node.timestamp = s.latestStart
    machine = Forwarder.deploy(cargo.node, cargo.holder)
    for sender in (cargo.keeper, cargo.treasury, machine):
        with reverts("WindowOpen", id_, s.latestStart):
            cargo.insurance.cancel(quote, sender=sender)
    receipt = cargo.insurance.cancel(quote, sender=cargo.holder)
    cancelled = {"policyId": id_, "holder": cargo.holder, "treasury": cargo.treasury}
    assert happened(receipt) == [
        ("PolicyCancelled", cancelled | {"caller": cargo.holder, "premium": s.premium})
    ]
    assert state(cargo, quote) == (CANCELLED, 0, 0, 0, 0, 0)
    assert cargo.insurance.creditOf(cargo.holder) == s.premium
    assert cargo.insurance.poolOf(cargo.treasury) == (1_000_000 * USD, 0)
    for function in ("begin", "finish", "settle", "cancel"):
        with reverts("WrongPolicyState", id_, CANCELLED):
            getattr(cargo.insurance, function)(quote, sender=cargo.holder)


def test_anyone_refunds_a_trip_that_never_began(cargo: Cargo, quote: CargoQuote) -> None:
    to_carrier(cargo)
    cargo.node.timestamp = quote.shipment.latestStart + 1
    receipt = cargo.insurance.cancel(quote, sender=cargo.keeper)
    (event,) = cargo.insurance.events(receipt)
    assert (event["caller"], event["holder"]) == (cargo.keeper, cargo.holder)
    before = cargo.token.balanceOf(cargo.holder)
    cargo.insurance.withdrawCredit(sender=cargo.holder)
    assert cargo.token.balanceOf(cargo.holder) == before + quote.shipment.premium
    assert cargo.token.balanceOf(cargo.insurance) == 1_000_000 * USD


def test_a_trip_that_began_is_not_cancelled(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    for sender in (cargo.holder, cargo.keeper):
        with reverts("WrongPolicyState", cargo.id(quote), UNDERWAY):
            cargo.insurance.cancel(quote, sender=sender)


def test_without_a_claim_the_capital_is_free_after_the_window(cargo: Cargo, quote: CargoQuote) -> None:
    s, id_ = quote.shipment, cargo.id(quote)
    with reverts("WrongPolicyState", id_, OPEN):
        cargo.insurance.settle(quote, sender=cargo.holder)
    cargo.depart(quote)
    cargo.node.timestamp = last = s.latestEnd + s.claimWindow
    machine = Forwarder.deploy(cargo.node, cargo.holder)
    for sender in (cargo.keeper, cargo.treasury, machine):
        with reverts("WindowOpen", id_, last):
            cargo.insurance.settle(quote, sender=sender)
    cargo.node.warp(1)
    receipt = cargo.insurance.settle(quote, sender=cargo.keeper)
    settled = {"policyId": id_, "holder": cargo.holder, "treasury": cargo.treasury, "caller": cargo.keeper}
    assert happened(receipt) == [("PolicySettled", settled | {"payment": 0})]
    assert state(cargo, quote).state == SETTLED
    assert cargo.insurance.poolOf(cargo.treasury) == (1_000_150 * USD, 0)
    for function in ("begin", "finish", "settle", "cancel"):
        with reverts("WrongPolicyState", id_, SETTLED):
            getattr(cargo.insurance, function)(quote, sender=cargo.holder)
    with reverts("WrongPolicyState", id_, SETTLED):
        cargo.claim(quote)
    with reverts("WrongPolicyState", id_, SETTLED):
        cargo.insurance.claimRecall(quote, 1, sender=cargo.keeper)


def test_the_window_begins_with_the_end_of_the_trip(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    cargo.arrive()
    cargo.insurance.finish(quote, sender=cargo.keeper)
    cargo.node.timestamp = last = cargo.now + quote.shipment.claimWindow
    with reverts("WindowOpen", cargo.id(quote), last):
        cargo.insurance.settle(quote, sender=cargo.keeper)
    cargo.node.warp(1)
    cargo.insurance.settle(quote, sender=cargo.keeper)


def test_the_holder_takes_what_is_proved(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    cargo.measure([500, 1000, 500])
    cargo.claim(quote)
    with reverts("WindowOpen", cargo.id(quote), quote.shipment.latestEnd + quote.shipment.claimWindow):
        cargo.insurance.settle(quote, sender=cargo.keeper)
    receipt = cargo.insurance.settle(quote, sender=cargo.holder)
    # 20 % of 20,000 without the deductible of 500.
    assert cargo.insurance.events(receipt)[0]["payment"] == 3500 * USD
    assert cargo.insurance.creditOf(cargo.holder) == 3500 * USD
    assert cargo.insurance.poolOf(cargo.treasury) == (996_650 * USD, 0)


def test_the_highest_share_is_paid_at_once(cargo: Cargo, quote: CargoQuote) -> None:
    cargo.depart(quote)
    cargo.insurance.claimRecall(quote, cargo.recall(), sender=cargo.keeper)
    receipt = cargo.insurance.settle(quote, sender=cargo.keeper)
    assert cargo.insurance.events(receipt)[0]["payment"] == 19_500 * USD


def test_exits_ask_nobody(cargo: Cargo) -> None:
    """With every organisation silenced, money still gets out, and claims are still proved."""
    going, staying = cargo.quote(), cargo.quote()
    for quote in (going, staying):
        cargo.open(quote)
    cargo.depart(going)
    cargo.measure([500, 1000, 500])
    for org in cargo.world.orgs:
        cargo.world.suspend(org)
    cargo.claim(going)
    cargo.insurance.settle(going, sender=cargo.holder)
    cargo.insurance.cancel(staying, sender=cargo.holder)
    cargo.insurance.withdrawCredit(sender=cargo.holder)
    free = cargo.insurance.poolOf(cargo.treasury).free
    cargo.insurance.withdrawCapital(free, sender=cargo.treasury)
    assert cargo.token.balanceOf(cargo.insurance) == 0


# Tokens that misbehave


HONEST, FEE, BONUS, FALSE, LIE, CALL = range(6)


@pytest.fixture
def hostile(node: Node) -> Cargo:
    return Cargo.create(node, deploy(node, "HostileToken"))


def test_a_premium_that_does_not_arrive_opens_nothing(hostile: Cargo) -> None:
    quote = hostile.quote()
    premium = quote.shipment.premium
    for mode, received in ((FEE, premium - 1), (BONUS, premium + 1), (LIE, 0)):
        hostile.token.misbehave(mode, hostile.token, b"", sender=hostile.world.governor)
        with reverts("UnexpectedAmount", received, premium):
            hostile.open(quote)
    hostile.token.misbehave(FALSE, hostile.token, b"", sender=hostile.world.governor)
    with reverts("SafeERC20FailedOperation", hostile.token.address):
        hostile.open(quote)
    assert state(hostile, quote).state == 0


def test_no_token_gets_back_in(hostile: Cargo) -> None:
    """While the premium moves, nothing that moves tokens can be called, and nothing else helps anybody."""
    quote, insurance = hostile.quote(), hostile.insurance
    name, signature = hostile.sign(quote)
    for calldata in (
        insurance.openPolicy.encode(quote, name, signature),
        insurance.provideCapital.encode(1),
        insurance.withdrawCapital.encode(1),
        insurance.withdrawCredit.encode(),
    ):
        hostile.token.misbehave(CALL, insurance, calldata, sender=hostile.world.governor)
        with reverts("ReentrancyGuardReentrantCall"):
            hostile.open(quote)
    hostile.token.misbehave(CALL, insurance, insurance.cancel.encode(quote), sender=hostile.world.governor)
    with reverts("WindowOpen", hostile.id(quote), quote.shipment.latestStart):
        hostile.open(quote)


def test_a_refund_that_fails_changes_nothing(hostile: Cargo) -> None:
    quote = hostile.quote()
    hostile.open(quote)
    hostile.insurance.cancel(quote, sender=hostile.holder)
    hostile.token.misbehave(FALSE, hostile.token, b"", sender=hostile.world.governor)
    with reverts("SafeERC20FailedOperation", hostile.token.address):
        hostile.insurance.withdrawCredit(sender=hostile.holder)
    assert hostile.insurance.creditOf(hostile.holder) == quote.shipment.premium


def test_the_premium_may_be_nothing(cargo: Cargo) -> None:
    quote = cargo.quote(premium=0)
    cargo.open(quote)
    cargo.insurance.cancel(quote, sender=cargo.holder)
    with reverts("NoCredit", cargo.holder):
        cargo.insurance.withdrawCredit(sender=cargo.holder)
