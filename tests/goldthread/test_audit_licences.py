"""Rebuilding Licences and UsageMeters from their logs: what an auditor finds when logs are altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import licences as audit
from goldthread.audit import usage_meters as meters_audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.licence_shadow import MeterShadow
from tests.models.licences import HOUR, ONE, Made
from tests.models.module_shadows import events_of
from tests.models.usage_meters import NOTICE
from tests.support import fresh
from tests.support.metering import Metering
from tests.support.world import person

REASON = b"r" * 32


@pytest.fixture(scope="module")
def history() -> Metering:
    """Everything that can happen to licences and meters, once or twice."""
    metering = Metering(MeterShadow(fresh()))
    shadow, world, node = metering.shadow, metering.world, metering.shadow.node
    clerk, finance, guest = world.supplier.record, world.supplier.finance, world.service.register
    number = metering.grant(seats=1, units=ONE)
    assert shadow.tell("checkout", number, 0, sender=clerk)
    assert shadow.tell("setUser", number, guest, 2**40 - 1, sender=finance)
    assert shadow.tell("checkout", number, 2, sender=guest)
    assert shadow.tell("checkin", number, clerk, 0, sender=finance)
    node.warp(5 * HOUR)
    assert shadow.tell("checkout", number, 30, sender=clerk)
    assert shadow.tell("checkin", number, clerk, 0, sender=clerk)
    assert metering.make(number, Made(metering.part("1")), Made(metering.lot("L"), ONE))
    assert shadow.tell("transfer", number, world.carrier.number, sender=finance)
    node.warp(60)
    newer = metering.grant(supersedes=node.timestamp)
    assert shadow.tell("revoke", newer, REASON, sender=world.maker.finance)
    meter = metering.open(250)
    assert metering.record(meter, 8)
    assert metering.record(meter, 11)
    assert shadow.meter("fund", meter, 400, sender=finance)
    assert shadow.meter("giveNotice", meter, sender=finance)
    node.warp(NOTICE)
    assert shadow.meter("closeMeter", meter, sender=finance)
    assert shadow.meter("withdrawCredit", sender=metering.payee)
    return metering


def events(history: Metering) -> list[Event]:
    return list(events_of(history.shadow, "Licences", history.contract))


def meter_events(history: Metering) -> list[Event]:
    return list(events_of(history.shadow, "UsageMeters", history.meters))


def upto(whole: list[Event], name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_the_logs_lead_to_what_the_views_show(history: Metering) -> None:
    history.shadow.check_all()
    history.shadow.check_meters()
    state = audit.rebuild(events(history))
    assert len(state.licences) == 5
    assert state.licences[4].consumed == 2 * ONE
    assert state.licences[4].licensee == history.world.carrier.number
    assert state.licences[5].revoked
    meters = meters_audit.rebuild(meter_events(history))
    [meter] = meters.meters.values()
    assert (meter.closed, meter.balance, meter.debt) == (True, 0, 0)
    assert meters.obligations == sum(meters.credits.values()) == 250


ALTERED: list[tuple[str, int, dict[str, Any], str]] = [
    ("LicenceGranted", 0, {"licence": 2}, "0 licences came before"),
    ("LicenceGranted", 1, {"licence": 1}, "1 licences came before"),
    ("LicenceGranted", 4, {"supersedes": 2**40 - 1}, "or itself"),
    ("LicenceRevoked", 0, {"licence": 9}, "there is no licence 9"),
    ("LicenceTransferred", 0, {"org": 9}, "organisation 9 could not"),
    ("LicenceTransferred", 0, {"licence": 9}, "there is no licence 9"),
    ("UpdateUser", 0, {"tokenId": 9}, "there is no licence 9"),
    ("LicenceLent", 0, {"expires": 5}, "the user of the licence is another"),
    ("CheckedOut", 0, {"licence": 9}, "there is no licence 9"),
    ("CheckedOut", 0, {"seat": 8}, "has this seat"),
    ("CheckedOut", 0, {"used": 2}, "0 seats were in use"),
    ("CheckedOut", 1, {"until": 7}, "at a full hour"),
    ("CheckedOut", 1, {"until": HOUR}, "at a full hour to come"),
    ("CheckedOut", 2, {"since": 2**40 - HOUR}, "at a full hour to come"),
    ("CheckedIn", 0, {"seat": 1}, "had no such seat"),
    ("CheckedIn", 0, {"seat": 8}, "had no such seat"),
    ("CheckedIn", 1, {"time": 2**40 - 1}, "had no such seat"),
    ("UnitsConsumed", 0, {"consumed": 1}, "were counted"),
    ("UnitsConsumed", 1, {"quantity": 2**95, "consumed": ONE + 2**95}, "were counted"),
    ("SeatsOverdrawn", 0, {"over": 2}, "1 more than granted"),
    ("UnitsOverdrawn", 0, {"over": 1}, "1000000 more than granted"),
    ("Alert", 0, {"ref": bytes(32)}, "about no licence"),
]


@pytest.mark.parametrize(("name", "which", "changes", "rule"), ALTERED)
def test_what_was_altered_is_found(
    history: Metering, name: str, which: int, changes: dict[str, Any], rule: str
) -> None:
    with pytest.raises(FoldError, match=rule):
        audit.rebuild(upto(events(history), name, which, **changes))


TWICE = ["LicenceRevoked", "UnitsConsumed", "CheckedOut", "CheckedIn"]


@pytest.mark.parametrize("name", TWICE)
def test_nothing_happens_twice(history: Metering, name: str) -> None:
    once = upto(events(history), name)
    audit.rebuild(once)
    with pytest.raises(FoldError):
        audit.rebuild([*once, once[-1]])


def test_what_was_signed_is_used_once(history: Metering) -> None:
    signed = upto(events(history), "CheckedOut", digest=b"d" * 32)
    state = audit.rebuild(signed)
    assert state.used == {b"d" * 32}
    back = upto(events(history), "CheckedIn")[-1]
    with pytest.raises(FoldError, match="was used before"):
        audit.rebuild([*signed, replace(back, args={**back.args, "digest": b"d" * 32})])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([replace(signed[0], name="Robbed")])


def test_a_licence_that_may_not_be_passed_on_was_not(history: Metering) -> None:
    whole = events(history)
    terms = [e for e in whole if e.name == "LicenceGranted"][3]["terms"]._replace(transferable=False)
    index = [i for i, e in enumerate(whole) if e.name == "LicenceGranted"][3]
    whole[index] = replace(whole[index], args={**whole[index].args, "terms": terms})
    with pytest.raises(FoldError, match="could not pass it on"):
        audit.rebuild(whole)


METERS: list[tuple[str, int, dict[str, Any], str]] = [
    ("MeterFunded", 0, {"meter": REASON}, "not open"),
    ("MeterFunded", 1, {"payer": person("else")}, "pays for it"),
    ("MeterFunded", 1, {"settled": 149}, "150 was owed"),
    ("UsageRecorded", 0, {"counter": 7}, "the counter stood at 7"),
    ("UsageRecorded", 1, {"time": 0}, "the counter stood at 8"),
    ("UsageRecorded", 0, {"steps": 2}, "1 steps cost 100"),
    ("UsageRecorded", 0, {"paid": 99}, "1 steps cost 100"),
    ("UsageRecorded", 1, {"debt": 0}, "3 steps cost 300"),
    ("MeterOverdrawn", 0, {"missing": 0}, "150 is owed"),
    ("MeterOverdrawn", 0, {"missing": 151}, "150 is owed"),
    ("MeterNoticeGiven", 0, {"payer": person("else")}, "not the account's to give"),
    ("MeterClosed", 0, {"rest": 1}, "was left"),
    ("MeterClosed", 0, {"debt": 1}, "was left"),
    ("CreditWithdrawn", 0, {"amount": 1}, "had another credit"),
    ("Alert", 0, {"ref": bytes(32)}, "about no meter"),
]


@pytest.mark.parametrize(("name", "which", "changes", "rule"), METERS)
def test_what_was_altered_of_meters_is_found(
    history: Metering, name: str, which: int, changes: dict[str, Any], rule: str
) -> None:
    with pytest.raises(FoldError, match=rule):
        meters_audit.rebuild(upto(meter_events(history), name, which, **changes))


@pytest.mark.parametrize("name", ["MeterOpened", "UsageRecorded", "MeterNoticeGiven", "MeterClosed"])
def test_nothing_happens_twice_to_a_meter(history: Metering, name: str) -> None:
    once = upto(meter_events(history), name)
    meters_audit.rebuild(once)
    with pytest.raises(FoldError):
        meters_audit.rebuild([*once, once[-1]])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        meters_audit.rebuild([replace(once[0], name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    metering = Metering(MeterShadow(RecordingNode()))
    world = replace(metering.world, node=metering.shadow.node)
    meter = metering.open(250)
    assert metering.record(meter, 8)
    assert metering.shadow.tell("checkout", metering.number, 3, sender=world.supplier.record)
    contracts = {"Licences": metering.contract, "UsageMeters": metering.meters}
    deployment = deployment_of(world, **contracts)
    system = rebuild(deployment)
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.licences.licences[metering.number].consumed = 7
    system.usage_meters.meters[meter].debt = 8
    found = {(d.contract, d.field) for d in compare(deployment, system)}
    assert found == {("Licences", "usageOf.consumed"), ("UsageMeters", "meterOf.debt")}
    system.usage_meters.credits[metering.payee] += 151
    assert ("UsageMeters", "balanceOf") in {(d.contract, d.field) for d in compare(deployment, system)}
    system.usage_meters = meters_audit.State()
    assert before - count_views(deployment, system) == 3
