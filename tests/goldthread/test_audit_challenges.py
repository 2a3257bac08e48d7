"""Rebuilding Challenges from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from goldthread.audit import challenges as audit
from goldthread.audit.base import Difference, FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.challenge_shadow import ChallengeShadow
from tests.models.challenges import ANSWER_WINDOW, NOTICE_PERIOD
from tests.models.lies import Forest
from tests.support import fresh
from tests.support.guarded import AMOUNT, PRICE, Guarded


def told(shadow: ChallengeShadow) -> None:
    """A history with every step in it."""
    guarded, where = shadow.guarded, (shadow.guarded.device, shadow.guarded.org)
    terms = guarded.device, AMOUNT, guarded.beneficiary, PRICE

    def do(action: str, *args: object, sender: str) -> None:
        assert shadow.do(action, *args, sender=sender), action

    def demand(forest: Forest, index: int, sender: str) -> None:
        do("demand", forest.signed, index, guarded.org, sender=sender)

    do("bond", *terms, sender=guarded.gateway)
    do("raiseBond", *where, 5, sender=guarded.doubter)
    forest = shadow.anchor(guarded.forest(guarded.cold.every(60, [500, 501, 502, 503])))
    demand(forest, 0, guarded.beneficiary)
    demand(forest, 1, guarded.doubter)
    reading = 0, *forest.readings[0]
    do("answer", forest.signed, guarded.org, reading, forest.proof(0), sender=guarded.gateway)
    reading = 1, *forest.readings[1]
    do("answer", forest.signed, guarded.org, reading, forest.proof(1), sender=guarded.gateway)
    do("giveNotice", *where, sender=guarded.gateway)
    shadow.node.warp(NOTICE_PERIOD)
    do("withdrawBond", *where, sender=guarded.gateway)
    do("withdrawCredit", sender=guarded.gateway)
    do("bond", *terms, sender=guarded.gateway)
    start = shadow.node.timestamp + 1
    later = shadow.anchor(guarded.forest(guarded.cold.every(60, [500, 501, 502], start), seq=2))
    for index in (0, 1, 2):
        demand(later, index, [guarded.doubter, guarded.beneficiary][index % 2])
    shadow.node.warp(ANSWER_WINDOW + 1)
    for index in (0, 1):
        do("claimWithheld", later.signed, index, guarded.org, sender=guarded.doubter)
    shadow.check_views()


@pytest.fixture(scope="module")
def history() -> ChallengeShadow:
    shadow = ChallengeShadow(fresh())
    told(shadow)
    return shadow


def found(shadow: ChallengeShadow, changed: list[Event]) -> list[Difference] | FoldError:
    try:
        return shadow.differences(audit.rebuild(changed))
    except FoldError as error:
        return error


NAMES = {
    "Bonded", "BondRaised", "NoticeGiven", "BondWithdrawn", "BondLost", "Demanded", "Answered", "Withheld",
    "CreditWithdrawn",
}  # fmt: skip


def test_all_logs_lead_to_the_chain(history: ChallengeShadow) -> None:
    events = list(history.events())
    assert found(history, events) == []
    assert {event.name for event in events} == NAMES


def test_no_log_can_be_left_out(history: ChallengeShadow) -> None:
    whole = list(history.events())
    for index, event in enumerate(whole):
        assert found(history, whole[:index] + whole[index + 1 :]), f"nobody misses {event.name}"


STATE = {
    "Bonded": ("device", "org", "beneficiary", "account", "amount", "price", "since"),
    "BondRaised": ("device", "org", "amount"),
    "NoticeGiven": ("device", "org"),
    "BondWithdrawn": ("device", "org", "account", "amount"),
    "BondLost": ("device", "org", "by", "reward", "beneficiary", "damages"),
    "Demanded": ("device", "digest", "org", "index", "by", "price", "until"),
    "Answered": ("device", "digest", "org", "account"),
    "Withheld": ("device", "digest", "org", "index", "by", "price"),
    "CreditWithdrawn": ("account", "amount"),
}
SPENT = {"since", "until"}
"""Of a bond or demand that is gone nothing tells on these."""


def test_nothing_can_be_altered(history: ChallengeShadow) -> None:
    whole = list(history.events())
    last = {event.name: index for index, event in enumerate(whole)}
    for name, fields in STATE.items():
        index = last[name]
        event = whole[index]
        for field in fields:
            value = event[field]
            other = (
                bytes(32)
                if isinstance(value, bytes)
                else value + 1
                if isinstance(value, int)
                else "0x" + "9" * 40
            )
            changed = replace(event, args={**event.args, field: other})
            noticed = found(history, [*whole[:index], changed, *whole[index + 1 :]])
            gone = field in SPENT and name == "Bonded"
            assert noticed or gone, f"nobody notices another {field} in {name}"


def test_what_cannot_have_happened(history: ChallengeShadow) -> None:
    whole = list(history.events())
    first = {event.name: event for event in reversed(whole)}
    bonded, asked = first["Bonded"], first["Demanded"]
    for events, rule in (
        ([bonded, bonded], "there is a bond already"),
        ([first["NoticeGiven"]], "there is no such bond"),
        ([bonded, first["NoticeGiven"], first["NoticeGiven"]], "notice was given before"),
        ([bonded, asked, asked], "it was demanded before"),
        ([bonded, first["Withheld"]], "nobody demanded it"),
        ([bonded, replace(asked, args={**asked.args, "price": 1})], f"a demand costs {PRICE}"),
        ([bonded, first["BondWithdrawn"]], "notice was not given"),
        ([bonded, first["NoticeGiven"], first["BondWithdrawn"]], "were at stake"),
        ([bonded, first["CreditWithdrawn"]], "the account had another credit"),
        ([replace(bonded, name="Robbed")], "nothing is known about this event"),
        (
            [bonded, *(replace(asked, args={**asked.args, "index": i}) for i in range(17))],
            "more than 16 demands wait",
        ),
    ):
        with pytest.raises(FoldError, match=rule):
            audit.rebuild(events)


def test_rebuilding_the_system_rebuilds_it() -> None:
    guarded = Guarded.create(RecordingNode())
    guarded.bond()
    guarded.demand(guarded.anchored(guarded.cold.every(60, [500, 501])).signed)
    deployment = deployment_of(guarded.cold.world, Challenges=guarded.challenges)
    system = rebuild(deployment)
    assert system.challenges.obligations == AMOUNT + PRICE
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.challenges.bonds[guarded.device, guarded.org].amount += 1
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("Challenges", "bondOf.amount")
    system.challenges = audit.State()
    assert before - count_views(deployment, system) == 2


def test_a_segment_that_counts_as_false_is_rebuilt_with_its_alert() -> None:
    guarded = Guarded.create(RecordingNode())
    guarded.bond()
    forest = guarded.anchored(guarded.cold.every(60, [500, 501]))
    guarded.demand(forest.signed)
    guarded.cold.node.warp(ANSWER_WINDOW + 1)
    guarded.challenges.claimWithheld(forest.signed, 0, guarded.org, sender=guarded.doubter)
    deployment = deployment_of(guarded.cold.world, Challenges=guarded.challenges)
    system = rebuild(deployment)
    assert (system.problems, compare(deployment, system)) == ({}, [])
    assert list(system.telemetry.falsifications) == [guarded.digest(forest)]
