"""Rebuilding ClosureClaims from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from goldthread.audit import closure_claims as audit
from goldthread.audit.base import Difference, FoldError, differences
from goldthread.chain.logs import Event
from tests.models.claim_shadow import Claims
from tests.models.closure_claims import NOBODY
from tests.support import fresh
from tests.support.making import lot_id


@pytest.fixture(scope="module")
def claims() -> Claims:
    """A history with every event in it."""
    claims = Claims(fresh())
    making, shadow = claims.making, claims.shadow
    ore = making.lot("ore")
    process, products = making.transform("rolling", [ore], ["bars", "rods"])
    recall = making.recall(ore)
    leaves = claims.honest(recall)
    ids = [leaf.member for leaf in leaves]
    missing = [leaf._replace(parent=0) for leaf in leaves if leaf.member != lot_id("bars")]
    first = claims.begin(recall, missing)
    assert shadow.claim("note", ore, bytes(32), [process], sender=claims.anyone)
    at = [leaf.member for leaf in missing].index(process)
    args = first, claims.placed(first, at), products, 0, claims.around(first, lot_id("bars"))
    assert shadow.claim("challengeMissing", *args, sender=claims.anyone)
    second = claims.begin(recall, [leaf._replace(results=leaf.results + 1) for leaf in leaves])
    args = second, claims.placed(second, ids.index(ore)), NOBODY, []
    assert shadow.claim("challengeExcess", *args, sender=claims.world.carrier.all)
    assert shadow.claim("claim", recall, 9, sender=claims.maker)
    assert shadow.claim("end", 3, sender=claims.maker)
    assert shadow.claim("withdrawCredit", sender=claims.anyone)
    claims.close(recall)
    making.check()
    return claims


def events(claims: Claims) -> list[Event]:
    return list(claims.shadow.events(claims.shadow.contract, "ClosureClaims"))


def rebuilt(found: list[Event]) -> audit.State:
    state = audit.State()
    for event in found:
        audit.fold(state, event)
    return state


def noticed(claims: Claims, found: list[Event]) -> list[Difference]:
    contract, state = claims.shadow.contract, rebuilt(found)
    return [
        difference
        for view in audit.views(state)
        for difference in differences("ClosureClaims", view, getattr(contract, view.function)(*view.args))
    ]


def test_the_history_has_every_event(claims: Claims) -> None:
    declared = {entry["name"] for entry in claims.shadow.contract.abi if entry["type"] == "event"}
    assert {event.name for event in events(claims)} == declared - {"Alert", "EIP712DomainChanged"}


def test_all_logs_lead_to_the_chain(claims: Claims) -> None:
    assert noticed(claims, events(claims)) == []


def test_no_log_can_be_left_out(claims: Claims) -> None:
    found = events(claims)
    for index, event in enumerate(found):
        try:
            missed = not noticed(claims, found[:index] + found[index + 1 :])
        except FoldError:
            continue
        assert not missed or event.name == "HeadNoted", event


STATE = {
    "ClaimBegun": ("claim", "recall", "claimant", "size", "bond"),
    "MembersPublished": ("claim", "first", "leaves"),
    "ClaimComplete": ("claim", "root", "deadline"),
    "HeadNoted": ("member", "head"),
    "MissingProven": ("claim",),
    "ExcessProven": ("claim",),
    "BondLost": ("claim", "challenger", "reward", "treasury", "fine"),
    "Adopted": ("claim", "root"),
    "MembersFollowed": ("claim", "first", "count"),
    "ClaimEnded": ("claim",),
    "CreditWithdrawn": ("account", "amount"),
}
"""What the state depends on; the rest says who and why."""


def other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return "0x" + 39 * "0" + "1"
    return value[:-1] if isinstance(value, list) else bytes(31) + b"\1"


def test_nothing_that_counts_can_be_altered(claims: Claims) -> None:
    found = events(claims)
    for index, event in enumerate(found):
        for name in STATE[event.name]:
            changed = replace(event, args={**event.args, name: other(event[name])})
            try:
                assert noticed(claims, [*found[:index], changed, *found[index + 1 :]]), (event.name, name)
            except FoldError:
                continue


def test_events_that_cannot_have_happened(claims: Claims) -> None:
    found = events(claims)

    def broken(name: str, message: str, **changes: Any) -> None:
        index = next(index for index, event in enumerate(found) if event.name == name)
        changed = replace(found[index], args={**found[index].args, **changes})
        with pytest.raises(FoldError, match=message):
            rebuilt([*found[:index], changed])

    def twice(name: str, message: str) -> None:
        index = next(index for index, event in enumerate(found) if event.name == name)
        with pytest.raises(FoldError, match=message):
            rebuilt([*found[: index + 1], found[index]])

    twice("ClaimBegun", "claim 1 follows claim 1")
    twice("ClaimComplete", "the claim is complete")
    twice("BondLost", "the claim is refuted")
    twice("ClaimEnded", "the claim is ended")
    twice("Adopted", "the claim is adopted")
    twice("MembersFollowed", "4 members were followed before")
    twice("MembersPublished", "3 members were published before")
    twice("CreditWithdrawn", "the credit is 0")
    broken("MembersPublished", "was never begun", claim=9)
    broken("ClaimComplete", "are not those of the root", root=b"?" * 32)
    broken("Adopted", "another root", root=b"?" * 32)
    broken("BondLost", "nothing was proven, or the bond is", fine=1)
    broken("MissingProven", "was never begun", claim=2)
    lost = next(index for index, event in enumerate(found) if event.name == "MissingProven")
    with pytest.raises(FoldError, match="nothing was proven"):
        rebuilt([*found[:lost], found[lost + 1]])
    unknown = replace(found[0], name="Vanished", args={"claim": 1})
    with pytest.raises(FoldError, match="nothing is known about this event"):
        rebuilt([*found, unknown])
    assert rebuilt([*found, replace(unknown, name="Alert", args={})]) == rebuilt(found)
