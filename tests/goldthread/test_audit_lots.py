"""Rebuilding lots from their logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import lots as audit
from goldthread.audit.base import Difference, FoldError, differences
from goldthread.audit.rebuild import compare, rebuild
from goldthread.chain.logs import Event
from goldthread.chain.words import UnitEnd
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.lot_shadow import LotShadow
from tests.models.trees import Packed, case, loose, unit_of
from tests.support import fresh
from tests.support.lots import ONE, PROCESS, REASON, Goods, unit
from tests.support.world import Commission, Registration, World, lot_uri, sscc, twin_id, uri


@pytest.fixture(scope="module")
def history() -> LotShadow:
    """A history with every event in it."""
    shadow = LotShadow(fresh())
    live(shadow.world)
    shadow.catch_up()
    shadow.check_replay()
    return shadow


def live(world: World) -> Goods:
    """Something of everything happens."""
    goods, lots, ref = Goods.create(world), world.lots, world.ref()
    maker, carrier, regulator = world.maker, world.carrier, world.regulator
    pills, milk, stranger = goods.pills, goods.milk, world.stranger
    goods.move(milk, 10 * ONE, carrier)
    goods.move(pills, 2 * ONE, carrier)
    for exceptions, accepted in ((4, 3 * ONE), (0, 0)):
        offer = milk, maker.number, 4 * ONE, 1, world.now + 9, ref
        lots.offerQuantity(*offer, sender=carrier.ship)
        answer = milk, carrier.number
        if accepted:
            lots.acceptQuantity(*answer, accepted, exceptions, ref, sender=maker.receive)
        else:
            lots.endQuantityOffer(*answer, maker.number, ref, sender=carrier.ship)
    lots.offerQuantity(milk, 6, ONE, 0, world.now + 9, ref, sender=maker.ship)
    lots.declareLoss(milk, 7, REASON, ref, sender=maker.quality)
    lots.endQuantity(milk, 9, 4, ref, sender=maker.register)
    for process in (PROCESS, REASON):
        lots.useFor(maker.all, milk, 5 * ONE, process, sender=goods.module)
    lots.endOfLife(pills, [5], 3, ref, sender=carrier.register)
    args = lot_uri("P"), 4, Registration(uri("4")), goods.tree.proof(4), ref
    lots.materialise(*args, sender=maker.register)
    for reason in (REASON, PROCESS):
        lots.holdLot(milk, reason, ref, sender=regulator.quality)
    lots.releaseLot(milk, regulator.number, REASON, ref, sender=regulator.quality)
    for recall in (1, 2):
        lots.markRecalled([milk], recall, sender=goods.module)
    lots.unmarkRecalled([milk], 1, sender=goods.module)
    cream = world.commission(Commission(lot_uri("C"), quantity=50 * ONE))
    inner = Packed(unit_of(unit(1), pills), loose(cream, ONE), unit_of(unit(2), pills))
    outer = Packed(*case(twin_id(sscc("2")), inner), loose(cream, 3 * ONE))
    pallet, other = goods.container("1"), goods.container("3")
    world.move(other, maker, carrier)
    goods.pack(pallet, outer)
    clone = Packed(unit_of(unit(2), pills))
    goods.pack(other, clone, carrier)
    path = [outer.step(0), inner.step(2)]
    lots.proveDuplicate(pallet, path, other, [clone.step(0)], sender=stranger)
    lots.holdDuplicated(pallet, ref, sender=stranger)
    lots.settleDuplicate(pallet, REASON, ref, sender=regulator.quality)
    item = Registration(sscc("2"), kind=3)  # type: ignore[arg-type]
    for index in (1, 0):
        goods.unpack(pallet, outer.step(index), item)
    goods.unpack(twin_id(sscc("2")), inner.step(0))
    return goods


def found(shadow: LotShadow, events: list[Event]) -> list[Difference]:
    state = audit.rebuild(events)
    contract = shadow.world.lots
    read = ((view, getattr(contract, view.function)(*view.args)) for view in audit.views(state))
    return [difference for view, actual in read for difference in differences("Lots", view, actual)]


def test_the_history_has_every_event(history: LotShadow) -> None:
    declared = {entry["name"] for entry in history.world.lots.abi if entry["type"] == "event"}
    assert {event.name for event in history.lot_events()} == declared - {"EIP712DomainChanged"}


def test_all_logs_lead_to_the_chain(history: LotShadow) -> None:
    assert found(history, list(history.lot_events())) == []


def test_everything_of_a_lot_is_somewhere(history: LotShadow) -> None:
    state = audit.State()
    for event in history.lot_events():
        audit.fold(state, event)
        if event.name == "UnitsEnded" and event["end"] == UnitEnd.MATERIALISED:
            assert state.units[unit(4)] == event["lot"]
        for lot, facts in state.lots.items():
            assert state.balance(lot) == facts.quantity


def test_no_log_can_be_left_out(history: LotShadow) -> None:
    events = list(history.lot_events())
    for index, event in enumerate(events):
        if event.name == "Alert":
            continue
        try:
            noticed = found(history, events[:index] + events[index + 1 :])
        except FoldError:
            continue
        assert noticed or untold(event), f"nobody misses {event.name}"


def untold(event: Event) -> bool:
    """What nothing else depends on, and nobody asks for who does not know of it."""
    materialised = event.args.get("end") == UnitEnd.MATERIALISED
    return materialised or event.name in ("LotRecalled", "DuplicateProven")


STATE = {
    "org", "to", "from", "quantity", "rest", "purpose", "deadline", "use", "useHead", "indexes", "end",
    "time", "reason", "holder", "recall", "root", "edition", "container", "packer", "otherPacker", "other",
}  # fmt: skip
"""The fields that the state depends on."""


NO_STATE = {
    ("LossDeclared", "reason"), ("QuantityEnded", "end"), ("DuplicateSettled", "org"),
    ("DuplicateSettled", "reason"),
    ("QuantityOfferEnded", "org"), ("LotReleased", "org"),
}  # fmt: skip
"""Who and why: for people."""


def test_no_field_can_be_altered(history: LotShadow) -> None:
    """Each field that the state depends on, another one than it was; not of offers that were answered."""
    events = list(history.lot_events())
    unnoticed = []
    open_ = [key for key, offer in audit.rebuild(events).offers.items() if offer[0]]
    for index, event in enumerate(events):
        offered = event.name == "QuantityOffered"
        if event.name == "Alert" or (offered and (event["lot"], event["org"], event["to"]) not in open_):
            continue
        for name in STATE & event.args.keys():
            inner = event.name == "LeafUnpacked" and event["edition"] > 0
            if (event.name, name) in NO_STATE or (inner and name == "org"):
                continue
            altered = replace(event, args={**event.args, name: other(event[name])})
            try:
                noticed = found(history, [*events[:index], altered, *events[index + 1 :]])
            except FoldError:
                continue
            if not noticed:
                unnoticed.append((event.name, name))
    assert unnoticed == []


def other(value: Any) -> Any:
    if isinstance(value, list):
        return [value[0] - 1, *value[1:]]
    return bytes([value[0] ^ 1, *value[1:]]) if isinstance(value, bytes) else value + 1


def altered(history: LotShadow, name: str, **changes: Any) -> list[Event]:
    """The events up to the first one of that name, which is changed."""
    events = list(history.lot_events())
    index = next(i for i, event in enumerate(events) if event.name == name)
    return [*events[:index], replace(events[index], args={**events[index].args, **changes})]


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("LotCommissioned", {"lot": REASON}, "is not the lot's URI"),
        ("QuantityOffered", {"lot": PROCESS}, "never commissioned"),
        ("QuantityOffered", {"quantity": 10**12}, "there are 1000000000, not 1000000000000"),
        ("QuantityAccepted", {"rest": 1}, "are not the 10000000 offered"),
        ("QuantityAccepted", {"from": 9}, "no offer between the two is open"),
        ("QuantityOfferEnded", {"from": 9}, "no offer between the two is open"),
        ("LossDeclared", {"org": 9}, "there are 0, not 7"),
        ("Used", {"useHead": REASON}, "chain of uses does not follow"),
        ("UnitsEnded", {"indexes": [6]}, "the lot has no unit 6"),
        ("UnitsEnded", {"indexes": [5, 5]}, "unit 5 ended before"),
        ("LotReleased", {"holder": 9}, "it was so already"),
        ("LotRecallLifted", {"recall": 9}, "it was so already"),
        ("ContentsCommitted", {"edition": 2}, "edition 1 is the next"),
        ("QuantityPacked", {"container": REASON}, "has no committed contents"),
        ("QuantityPacked", {"quantity": 10**12}, "not 1000000000000"),
        ("LeafUnpacked", {"container": REASON}, "has no committed contents"),
        ("LeafUnpacked", {"edition": 2}, "the inner container has other contents"),
        ("DuplicateProven", {"packer": 9}, "organisation 1 packed it, not 9"),
        ("DuplicateSettled", {"container": REASON}, "has no committed contents"),
        ("Alert", {}, ""),
    ],
)
def test_what_cannot_have_happened(history: LotShadow, name: str, changes: dict[str, Any], rule: str) -> None:
    if not rule:
        audit.rebuild(altered(history, name, **changes))
        return
    with pytest.raises(FoldError, match=rule):
        audit.rebuild(altered(history, name, **changes))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("LotCommissioned", "was commissioned before"),
        ("LotHeld", "it was so already"),
        ("LotRecalled", "it was so already"),
        ("ContentsCommitted", "the contents before have not all been taken out"),
        ("LeafUnpacked", "was taken out before"),
        ("DuplicateSettled", "no duplicate was proven"),
    ],
)
def test_what_happens_once(history: LotShadow, name: str, rule: str) -> None:
    events = list(history.lot_events())
    last = max(i for i, event in enumerate(events) if event.name == name)
    with pytest.raises(FoldError, match=rule):
        audit.rebuild([*events, events[last]])


def test_what_nobody_knows(history: LotShadow) -> None:
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild(altered(history, "LotHeld") and [replace(next(history.lot_events()), name="Gone")])


def test_the_whole_system_is_rebuilt() -> None:
    """Lots are among the contracts that `goldthread audit rebuild` reads."""
    node = RecordingNode()
    world = World.create(node)
    goods = live(world)
    deployment = deployment_of(world, Lots=world.lots)
    system = rebuild(deployment)
    assert system.problems == {}
    assert compare(deployment, system) == []
    assert set(system.lots.lots) >= {goods.pills, goods.milk}
    system.lots.lots[goods.pills].uses += 1
    assert [str(difference) for difference in compare(deployment, system)] != []
