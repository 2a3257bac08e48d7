"""Rebuilding TitleDeed from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import consortium, twins
from goldthread.audit import title_deed as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.module_shadows import DeedsShadow, events_of
from tests.models.title_deed import FOREVER
from tests.support import fresh
from tests.support.world import DAY, Org, World, person, twin_id, uri

ALICE, BOB, OPERATOR = person("alice"), person("bob"), person("operator")


def deed(number: int) -> int:
    return int.from_bytes(twin_id(uri(str(number))), "big")


@pytest.fixture(scope="module")
def history() -> DeedsShadow:
    """A history with every event in it: deeds that live, were redeemed, claimed, and issued again."""
    shadow = DeedsShadow(fresh())
    world = shadow.world
    for number in (1, 2, 3, 4):
        world.register(uri(str(number)))
    shadow.catch_up()

    def issue(number: int, to: str, org: Org) -> None:
        ref = world.ref()
        args = twin_id(uri(str(number))), shadow.model.org, FOREVER, ref
        assert shadow.do("offerTitle", *args, sender=org.finance)
        assert shadow.tell("issue", uri(str(number)), to, ref, sender=org.finance)

    maker, retailer, ref = world.maker, world.retailer, world.ref()
    for number in (1, 2, 3, 4):
        issue(number, ALICE, maker)
    assert shadow.tell("approve", BOB, deed(1), sender=ALICE)
    for approved in (True, False):
        assert shadow.tell("setApprovalForAll", OPERATOR, not approved, sender=ALICE)
        assert shadow.tell("setApprovalForAll", BOB, approved, sender=ALICE)
    for number in (2, 3, 4):
        assert shadow.tell("transferFrom", ALICE, retailer.finance, deed(number), sender=OPERATOR)
        assert shadow.tell("redeem", deed(number), ref, sender=retailer.finance)
    for number in (3, 4):
        args = twin_id(uri(str(number))), ref
        assert shadow.do("acceptTitle", *args, sender=retailer.finance)
    issue(4, BOB, retailer)
    assert shadow.do("cancelTitle", twin_id(uri("2")), ref, sender=retailer.finance)
    assert shadow.tell("claim", deed(2), ref, sender=retailer.finance)
    shadow.check_all({ALICE, BOB, OPERATOR, retailer.finance, maker.finance})
    return shadow


def events(shadow: DeedsShadow) -> list[Event]:
    return list(events_of(shadow, "TitleDeed", shadow.contract))


def found(shadow: DeedsShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return shadow.audit(changed)
    except FoldError as error:
        return error


def test_all_logs_lead_to_the_chain(history: DeedsShadow) -> None:
    assert history.audit(events(history)) == []
    declared = {entry["name"] for entry in history.contract.abi if entry["type"] == "event"}
    assert {event.name for event in events(history)} == declared - {"Alert", "EIP712DomainChanged"}


def test_no_log_can_be_left_out(history: DeedsShadow) -> None:
    """But one that a later one repeats."""
    whole = events(history)
    repeated = [i for i, e in enumerate(whole) if e.name == "ApprovalForAll"][:2]
    repeated.append(max(i for i, e in enumerate(whole) if e.name == "DeedRedeemed"))
    for index, event in enumerate(whole):
        noticed = found(history, whole[:index] + whole[index + 1 :])
        assert bool(noticed) == (index not in repeated), f"{event.name}: {noticed}"


STATE = {
    "DeedIssued": ("twin", "uri"),
    "DeedRedeemed": ("twin", "org"),
    "Transfer": ("from", "to", "tokenId"),
    "Approval": ("owner", "approved", "tokenId"),
    "ApprovalForAll": ("owner", "operator"),
}


def test_nothing_can_be_altered(history: DeedsShadow) -> None:
    """But who redeemed a deed of which title was taken over by now, and what a later log repeats."""
    whole, settled = events(history), {twin_id(uri("3")), twin_id(uri("4"))}
    repeated = [event for event in whole if event.name == "ApprovalForAll"][:2]
    for index, event in enumerate(whole):
        for name in STATE[event.name]:
            if (event.name, name) == ("DeedRedeemed", "org") and event["twin"] in settled:
                continue
            if event in repeated:
                continue
            changed = replace(event, args={**event.args, name: another(event[name])})
            noticed = found(history, [*whole[:index], changed, *whole[index + 1 :]])
            assert noticed, f"nobody notices another {name} in {event.name}"


def another(value: Any) -> Any:
    if isinstance(value, bytes):
        return twin_id(uri("9"))
    if isinstance(value, str):
        return OPERATOR if value.startswith("0x") and value != OPERATOR else BOB
    return value + 1


def test_whether_an_operator_acts_is_told(history: DeedsShadow) -> None:
    whole = events(history)
    of = [i for i, e in enumerate(whole) if e.name == "ApprovalForAll" and e["operator"] == OPERATOR]
    index = of[-1]
    changed = replace(whole[index], args={**whole[index].args, "approved": False})
    (difference,) = history.audit([*whole[:index], changed, *whole[index + 1 :]])
    assert difference.field == "isApprovedForAll"


def upto(history: DeedsShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_a_deed_lives_once_and_is_its_holders(history: DeedsShadow) -> None:
    issued = upto(history, "DeedIssued")
    with pytest.raises(FoldError, match="lives already"):
        audit.rebuild([*issued, issued[-1]])
    with pytest.raises(FoldError, match="does not have this hash"):
        audit.rebuild(upto(history, "DeedIssued", uri=uri("9")))
    for name, giver in (("Transfer", "from"), ("Approval", "owner")):
        with pytest.raises(FoldError, match="the holder is"):
            audit.rebuild(upto(history, name, -1, **{giver: OPERATOR}))
        with pytest.raises(FoldError, match="never issued, or was redeemed"):
            audit.rebuild(upto(history, name, tokenId=1))
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(issued[-1], name="Robbed")])


def test_what_was_burnt_was_redeemed_and_the_other_way_round(history: DeedsShadow) -> None:
    redeemed = upto(history, "DeedRedeemed")
    with pytest.raises(FoldError, match="nobody redeemed it"):
        audit.rebuild([*redeemed[:-1], events(history)[0]])
    with pytest.raises(FoldError, match="another deed was burnt"):
        audit.rebuild(upto(history, "DeedRedeemed", twin=twin_id(uri("1"))))
    with pytest.raises(FoldError, match="did not redeem the deed before"):
        audit.rebuild(upto(history, "DeedRedeemed", -1, org=history.world.maker.number))


def test_who_redeemed_is_not_known_without_the_history_of_twins(history: DeedsShadow) -> None:
    """A node that hides the twin does not stop the comparison."""
    state = audit.rebuild(events(history))
    told = [v for v in audit.views(state, twins.State(), consortium.State()) if v.function == "redeemedBy"]
    assert {view.expected for view in told} == {0}


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    world.register(uri("1"))
    args = twin_id(uri("1")), world.consortium.accountOf(world.title_deed).org, world.now + DAY, world.ref()
    finance = world.maker.finance
    world.twins.offerTitle(*args, sender=finance)
    world.title_deed.issue(uri("1"), finance, world.ref(), sender=finance)
    deployment = deployment_of(world, TitleDeed=world.title_deed)
    assert compare(deployment, rebuild(deployment)) == []
    world.title_deed.redeem(deed(1), world.ref(), sender=finance)
    system = rebuild(deployment)
    assert system.title_deed.redeemed == {deed(1): world.maker.number}
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.title_deed.redeemed[deed(1)] = 2
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("TitleDeed", "redeemedBy")
    system.title_deed = audit.State()
    assert before - count_views(deployment, system) == 2
