"""DeliveryExceptions: request, reply and resolution, whoever acts in any state; nothing is blocked."""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import product

import pytest

from goldthread.build import ROOT
from tests.models.delivery_exceptions import STEPS, CaseState, Resolution, Wrong
from tests.models.module_shadows import CasesShadow
from tests.support import Forwarder, Node, Receipt, fresh, reverts
from tests.support.contract import Sender
from tests.support.lots import ONE, Goods
from tests.support.words import Duty, Found
from tests.support.world import Org, World, happened, sscc, twin_id, uri

PALLET = twin_id(sscc("1"))
RECORD, REPLY = b"c" * 32, b"y" * 32
REQUESTED, OTHER = Resolution.SEND_PRODUCT, Resolution.CREDIT_ACCOUNT
WITH_CHOICE = ("counter", "insist")


def raise_case(
    world: World,
    kind: Wrong = Wrong.UNDERAGE,
    quantity: int = 3 * ONE,
    requested: Resolution = REQUESTED,
    counterparty: Org | int | None = None,
    sender: Sender | None = None,
) -> Receipt:
    """Raised by the retailer against the carrier, unless somebody else is named."""
    other = world.carrier if counterparty is None else counterparty
    number = other.number if isinstance(other, Org) else other
    args = PALLET, number, kind, quantity, requested, RECORD, world.ref("receiving")
    found: Receipt = world.delivery_exceptions["raise"](*args, sender=sender or world.retailer.receive)
    return found


def step(world: World, action: str, sender: Sender | None = None, other: Resolution = OTHER) -> Receipt:
    """The next step of case 1, by whose turn it is unless somebody else is named."""
    org = world.retailer if STEPS[action].receiver else world.carrier
    choice = [other] if action in WITH_CHOICE else []
    function = getattr(world.delivery_exceptions, action)
    found: Receipt = function(1, *choice, REPLY, sender=sender or org.with_duty(STEPS[action].duty))
    return found


WAYS: dict[CaseState, tuple[str, ...]] = {
    CaseState.OPEN: (),
    CaseState.COUNTERED: ("counter",),
    CaseState.AGREED: ("accept",),
    CaseState.REJECTED: ("reject",),
    CaseState.RESOLVED: ("accept", "resolve"),
    CaseState.WITHDRAWN: ("withdraw",),
}
"""How a case gets into each state."""


def case_in(world: World, state: CaseState) -> None:
    raise_case(world)
    for action in WAYS[state]:
        step(world, action)


def test_a_receiver_raises_a_case(world: World) -> None:
    ref, retailer, carrier = world.ref("receiving"), world.retailer, world.carrier
    what = Wrong.MISALIGNMENT, 0, Resolution.SEND_NEW_DATA
    call = world.delivery_exceptions["raise"]
    args = PALLET, carrier.number, *what, RECORD, ref
    assert call.call(*args, sender=retailer.receive) == 1
    receipt = call(*args, sender=retailer.receive)
    parties = {"org": retailer.number, "counterparty": carrier.number, "caller": retailer.receive}
    fact = {"id": 1, "subject": PALLET, **parties, "kind": what[0], "quantity": what[1], "requested": what[2]}
    assert happened(receipt) == [("ExceptionRaised", fact | {"record": RECORD, "ref": ref})]
    contract = world.delivery_exceptions
    assert contract.caseOf(1)._asdict() == {
        "org": retailer.number,
        "counterparty": carrier.number,
        "kind": Wrong.MISALIGNMENT,
        "state": CaseState.OPEN,
        "resolution": Resolution.SEND_NEW_DATA,
        "quantity": 0,
    }
    assert contract.subjectOf(1) == PALLET
    raise_case(world)
    assert contract.caseCount() == 2
    assert contract.caseOf(2).quantity == 3 * ONE


def test_there_is_nothing_before_the_first_case(world: World) -> None:
    contract = world.delivery_exceptions
    assert (contract.caseCount(), contract.subjectOf(1)) == (0, bytes(32))
    assert contract.caseOf(1) == (0, 0, 0, 0, 0, 0)
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.eip712Domain().name == "Goldthread DeliveryExceptions"


@pytest.mark.parametrize("kind", list(Wrong))
@pytest.mark.parametrize("quantity", [0, 1, 2**96 - 1])
def test_missing_and_surplus_product_has_a_quantity(world: World, kind: Wrong, quantity: int) -> None:
    counted = kind in (Wrong.MISSING_PRODUCT, Wrong.OVERAGE, Wrong.UNDERAGE)
    if kind == Wrong.NONE or (counted and quantity == 0):
        with reverts("IncompleteCase", kind, REQUESTED, world.carrier.number, quantity):
            raise_case(world, kind, quantity)
        return
    raise_case(world, kind, quantity)
    assert world.delivery_exceptions.caseOf(1).quantity == quantity


def test_a_case_asks_somebody_else_for_something(world: World) -> None:
    retailer = world.retailer.number
    for counterparty in (0, retailer):
        with reverts("IncompleteCase", Wrong.UNDERAGE, REQUESTED, counterparty, 3 * ONE):
            raise_case(world, counterparty=counterparty)
    with reverts("IncompleteCase", Wrong.UNDERAGE, Resolution.NONE, world.carrier.number, 3 * ONE):
        raise_case(world, requested=Resolution.NONE)
    for kind, requested in ((8, REQUESTED), (Wrong.OTHER, 7)):
        with reverts(""):
            raise_case(world, kind=kind, requested=requested)
    assert world.delivery_exceptions.caseCount() == 0


@pytest.mark.parametrize("resolution", list(Resolution)[1:])
def test_every_resolution_is_requested_and_offered(world: World, resolution: Resolution) -> None:
    raise_case(world, requested=resolution)
    assert world.delivery_exceptions.caseOf(1).resolution == resolution
    step(world, "counter", other=resolution)
    assert world.delivery_exceptions.caseOf(1)[3:5] == (CaseState.COUNTERED, resolution)


def test_nobody_tells_of_a_delivery_that_has_not_come(world: World) -> None:
    args = PALLET, world.carrier.number, Wrong.OTHER, 0, REQUESTED, RECORD, world.ref(time=world.now + 1)
    with reverts("EventInFuture", world.now + 1, world.now):
        world.delivery_exceptions["raise"](*args, sender=world.retailer.receive)


@pytest.mark.parametrize("duty", list(Duty))
def test_who_receives_raises(world: World, duty: Duty) -> None:
    account = world.retailer.with_duty(duty)
    if duty == Duty.RECEIVE:
        raise_case(world, sender=account)
        return
    with reverts("MissingDuty", account, duty, Duty.RECEIVE):
        raise_case(world, sender=account)
    with reverts("UnknownAccount", world.stranger):
        raise_case(world, sender=world.stranger)


LEGAL = [(action, state) for action, found in STEPS.items() for state in sorted(found.states)]


@pytest.mark.parametrize(("action", "state"), LEGAL)
def test_a_step_names_everything(world: World, action: str, state: CaseState) -> None:
    case_in(world, state)
    before = world.delivery_exceptions.caseOf(1)
    receipt = step(world, action, other=Resolution.DEBIT_ACCOUNT)
    chosen = Resolution.DEBIT_ACCOUNT if action in WITH_CHOICE else before.resolution
    org = world.retailer if STEPS[action].receiver else world.carrier
    fact = {"id": 1, "subject": PALLET, "org": org.number, "caller": org.with_duty(STEPS[action].duty)}
    what = {"state": STEPS[action].to, "resolution": chosen, "record": REPLY}
    assert happened(receipt) == [("ExceptionMoved", fact | what)]
    after = world.delivery_exceptions.caseOf(1)
    assert after == before._replace(state=STEPS[action].to, resolution=chosen)


@pytest.mark.parametrize("action", STEPS)
@pytest.mark.parametrize("state", WAYS)
def test_no_other_step_is_open(world: World, action: str, state: CaseState) -> None:
    case_in(world, state)
    if (action, state) in LEGAL:
        step(world, action)
        return
    with reverts("WrongCaseState", 1, state):
        step(world, action)


@pytest.mark.parametrize("action", STEPS)
def test_each_step_is_of_one_side_and_one_duty(world: World, action: str) -> None:
    case_in(world, min(STEPS[action].states))
    receiver, duty = STEPS[action].receiver, STEPS[action].duty
    turn, other = (world.retailer, world.carrier) if receiver else (world.carrier, world.retailer)
    for org in (other, world.maker, world.regulator):
        with reverts("NotYourTurn", 1, org.number, turn.number):
            step(world, action, org.with_duty(duty))
    for wrong in Duty:
        if wrong != duty:
            with reverts("MissingDuty", turn.with_duty(wrong), wrong, duty):
                step(world, action, turn.with_duty(wrong))
    with reverts("UnknownAccount", world.stranger):
        step(world, action, world.stranger)
    step(world, action)


@pytest.mark.parametrize("action", STEPS)
def test_what_was_never_raised_has_no_steps(world: World, action: str) -> None:
    with reverts("UnknownCase", 1):
        step(world, action)
    raise_case(world)
    function, org = getattr(world.delivery_exceptions, action), world.retailer
    for id_ in (0, 2):
        with reverts("UnknownCase", id_):
            function(id_, *([OTHER] if action in WITH_CHOICE else []), REPLY, sender=org.all)


@pytest.mark.parametrize(("action", "state"), [("counter", CaseState.OPEN), ("insist", CaseState.REJECTED)])
def test_another_resolution_is_one(world: World, action: str, state: CaseState) -> None:
    case_in(world, state)
    with reverts("IncompleteCase", Wrong.UNDERAGE, Resolution.NONE, world.carrier.number, 3 * ONE):
        step(world, action, other=Resolution.NONE)
    step(world, action)


@pytest.mark.parametrize("words", [Wrong, Resolution, CaseState])
def test_the_words_are_those_of_the_interface(words: type[IntEnum]) -> None:
    text = (ROOT / "contracts" / "interfaces" / "IDeliveryExceptions.sol").read_text()
    name = "Kind" if words is Wrong else words.__name__
    (declared,) = re.findall(rf"enum {name} {{([^}}]*)}}", text)
    assert [item.strip() for item in declared.split(",")] == [word.name for word in words]
    assert list(words) == list(range(len(words)))


def test_every_actor_in_every_state_does_what_the_model_does() -> None:
    shadow = CasesShadow(fresh())
    world, seen = shadow.world, set()
    orgs = (world.retailer, world.carrier, world.regulator)
    actors = [*(org.all for org in orgs), world.retailer.receive, world.carrier.ship, world.stranger]
    ref = world.ref("receiving")
    first = PALLET, world.carrier.number, Wrong.OVERAGE, ONE, REQUESTED, RECORD, ref
    assert shadow.tell("raise", *first, sender=world.retailer.receive)

    def visit() -> None:
        seen.add((shadow.model.ledger.cases[1].state, shadow.model.ledger.cases[1].resolution))
        here = shadow.now()
        for action, actor in product(STEPS, actors):
            for choice in [(other,) for other in Resolution] if action in WITH_CHOICE else [()]:
                if not shadow.tell(action, 1, *choice, REPLY, sender=actor):
                    continue
                case = shadow.model.ledger.cases[1]
                assert shadow.contract.caseOf(1) == case.view()
                if (case.state, case.resolution) not in seen:
                    shadow.check_all()
                    visit()
                shadow.again(here)

    visit()
    unsettled = len(CaseState) - 1
    assert len(seen) == unsettled * (len(Resolution) - 1)
    shadow.count.require(STEPS, 2 * (len(Resolution) - 1))


def test_every_case_that_may_be_raised_is() -> None:
    shadow = CasesShadow(fresh())
    world = shadow.world
    senders = (world.retailer.all, world.carrier.receive, world.carrier.ship, world.stranger)
    parties = (0, world.retailer.number, world.carrier.number)
    for kind, requested, party, quantity in product(Wrong, Resolution, parties, (0, ONE)):
        for sender in senders:
            args = PALLET, party, kind, quantity, requested, RECORD, world.ref()
            shadow.tell("raise", *args, sender=sender)
    shadow.count.require(["raise"], 100)
    shadow.check_all()


def test_cases_do_not_touch_each_other(world: World) -> None:
    raise_case(world)
    raise_case(world, Wrong.OTHER, 0, Resolution.SEND_NEW_DATA, world.maker)
    before = world.delivery_exceptions.caseOf(2)
    step(world, "counter")
    assert world.delivery_exceptions.caseOf(2) == before
    with reverts("NotYourTurn", 2, world.carrier.number, world.maker.number):
        world.delivery_exceptions.accept(2, REPLY, sender=world.carrier.ship)


def test_a_members_contract_is_the_caller(world: World) -> None:
    receiver, deliverer = (Forwarder.deploy(world.node, world.stranger) for _ in range(2))
    world.hire(world.retailer, receiver, Duty.RECEIVE)
    world.hire(world.carrier, deliverer, Duty.SHIP)
    receipts = [raise_case(world, sender=receiver)]
    receipts += [step(world, action, by) for action, by in (("accept", deliverer), ("resolve", receiver))]
    callers = [fact["caller"] for receipt in receipts for _, fact in happened(receipt)]
    assert callers == [receiver.address, deliverer.address, receiver.address]


# ------------------------------------------------------------------------------------- what is not disputed


def test_a_thing_moves_on_while_a_case_about_it_is_open(world: World) -> None:
    part = world.register(uri("1"))
    world.offer(part, world.maker, world.retailer)
    world.accept(part, world.retailer, found=Found.MISSING_DATA)
    args = part, world.maker.number, Wrong.MISSING_DATA, 0, Resolution.SEND_NEW_DATA, RECORD, world.ref()
    world.delivery_exceptions["raise"](*args, sender=world.retailer.receive)
    world.move(part, world.retailer, world.service)
    assert world.twins.custodianOf(part) == world.service.number
    assert world.twins.clear(part).ok
    assert world.delivery_exceptions.caseOf(1).state == CaseState.OPEN


def test_the_undisputed_rest_of_a_lot_moves_on(node: Node) -> None:
    world = World.create(node)
    goods, retailer, service = Goods.create(world), world.retailer, world.service
    world.lots.offerQuantity(
        goods.milk, retailer.number, 100 * ONE, 0, world.now, world.ref(), sender=world.maker.ship
    )
    received = goods.milk, world.maker.number, 97 * ONE, Found.UNDERAGE, world.ref()
    world.lots.acceptQuantity(*received, sender=retailer.receive)
    args = goods.milk, world.maker.number, Wrong.UNDERAGE, 3 * ONE, REQUESTED, RECORD, world.ref()
    world.delivery_exceptions["raise"](*args, sender=retailer.receive)
    goods.move(goods.milk, 97 * ONE, service, retailer)
    assert world.lots.quantityOf(goods.milk, service.number) == 97 * ONE
    world.delivery_exceptions.accept(1, REPLY, sender=world.maker.ship)
    goods.move(goods.milk, 3 * ONE, retailer)
    world.delivery_exceptions.resolve(1, REPLY, sender=retailer.receive)
    assert world.delivery_exceptions.caseOf(1).state == CaseState.RESOLVED
