"""Logs are enough: what the contracts store is what their logs add up to."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldthread.audit import base, twins
from goldthread.audit import history as reader
from goldthread.audit.base import Difference, FoldError, View, differences, same
from goldthread.audit.rebuild import ChainMoved, System, compare, contracts, count_views, rebuild
from goldthread.build import artifact
from goldthread.chain import logs
from goldthread.chain.contracts import Deployment
from goldthread.hashing import keccak
from tests.goldthread.chains import NodeChain, RecordingNode, deployment_of
from tests.goldthread.history import History
from tests.support import AnvilNode, Counters, Node, deploy
from tests.support.words import Kind
from tests.support.world import World, sscc, uri

OFTEN = """
    admit govern delegate change_admin accounts release_account
    register register_many offer accept decline cancel reclaim hand_over pack unpack hold release
    offer_title accept_title cancel_title retire
    enrol rotate_key revoke attach detach anchor
    judge mark_silent dispose set_policy close_policy
    open_policy deposit withdraw report settle settle_default cancel_policy claim pay_claim
    release_capital capital
""".split()


def history(node: Node, seed: int, steps: int) -> tuple[History, Deployment]:
    found = History(World.create(node), Random(seed))  # noqa: S311
    found.run(steps)
    return found, deployment_of(found.world, DriveInsurance=found.drive.insurance)


def test_after_any_history_the_logs_add_up_to_the_storage() -> None:
    count = Counters()
    for seed in range(6):
        happened, deployment = history(RecordingNode(), seed, 900)
        system = rebuild(deployment)
        assert contracts(deployment) == list(deployment.manifest.contracts)
        assert system.problems == {}
        assert [str(difference) for difference in compare(deployment, system)] == []
        assert system.logs > 400
        assert count_views(deployment, system) > 500
        for name, times in happened.counters._hits.items():
            for _ in range(times):
                count.hit(name)
        check_histories(deployment, system)
    count.require(OFTEN)


def check_histories(deployment: Deployment, system: System) -> None:
    """Read one by one, with nothing but the containers around them, all histories have the same heads."""
    for twin in list(system.twins.twins)[::7]:
        found = reader.read(deployment, twin)
        assert found.problem == ""
        assert found.is_complete
        assert found.head == system.twins.heads[twin]
        assert found.steps[0].event.name == "Registered"


def test_on_a_real_node_and_after_each_slot_is_tampered_with(anvil: AnvilNode) -> None:
    happened, deployment = history(anvil, 2, 250)
    blocks: list[int] = []
    system = rebuild(deployment, span=100, progress=lambda block, _: blocks.append(block))
    assert blocks[-1] == system.block == anvil.block_number
    views: list[int] = []
    assert compare(deployment, system, views.append) == []
    assert sum(views) == count_views(deployment, system)

    world = happened.world
    part, container = happened.parts[0], happened.containers[0]
    (policy, _), *_ = system.conditions.policies.items()
    stream, *_ = system.telemetry.streams
    newest = len(system.telemetry.streams[stream])
    device, *_ = system.devices.signers
    insured, *_ = system.drive_insurance.policies
    key = keccak(word(stream[0]) + word(stream[1]) + word(stream[2]))
    spots = [
        ("Consortium", "_organisations", [word(3)], 160, "organisation 3", "organisation.roles"),
        ("Consortium", "organisationCount", [], 0, "organisations", "organisationCount"),
        ("Consortium", "_namespaces", [keccak(b"9506000")], 0, "namespace 9506000", "namespaceOwner"),
        ("Twins", "_twins", [container], 40, f"twin {base.short(container)}", "twin.maker"),
        ("Twins", "_twins", [part], 256 + 3, f"twin {base.short(part)}", "head"),
        ("Devices", "signerHash", [device], 7, f"device {base.short(device)}", "signerHash"),
        ("Telemetry", "_segments", [key], 256 * newest, f"device {base.short(stream[0])}", "stream.to"),
        ("Conditions", "policyHash", [policy], 9, f"policy {base.short(policy)}", "policyHash"),
        ("DriveInsurance", "_policies", [insured], 0, base.short(insured), "policyOf.escrow"),
    ]
    for name, label, keys, bit, subject, field in spots:
        address = deployment.contract(name).address
        place = slot(name, label, keys) + bit // 256
        before = anvil.storage(address, place)
        shift = bit if keys else bit + 8 * variable(name, label)["offset"]
        tamper(anvil, address, place, before ^ 1 << shift % 256)
        found = compare(deployment, system)
        assert [d for d in found if d.contract == name and subject in d.subject and d.field == field], (
            name,
            label,
        )
        tamper(anvil, address, place, before)
    token = happened.drive.token
    place = int.from_bytes(
        keccak(bytes(12) + bytes.fromhex(happened.drive.insurance.address[2:]) + bytes(32)), "big"
    )
    before = anvil.storage(token.address, place)
    assert before == token.balanceOf(happened.drive.insurance)
    for balance, missing in ((before - 1, True), (before + 1, False), (before, False)):
        tamper(anvil, token.address, place, balance)
        assert bool(compare(deployment, system)) == missing
    assert compare(deployment, system) == []
    world.register(uri("one more"))
    assert compare(deployment, system) == []
    assert len(rebuild(deployment).twins.twins) == len(system.twins.twins) + 1


def test_no_log_of_a_twin_can_be_left_out() -> None:
    """Also the node that everybody asks cannot leave out a step: the head shows it. A twin of which it leaves
    out everything is missed by those who ask for its history.
    """
    _, whole = history(RecordingNode(), 5, 300)
    assert isinstance(whole.chain, NodeChain)
    node = whole.chain.node
    ours = [log for log in node.recorded if log["address"] == whole.twins.address]
    count = Counters()

    class Forgetful(NodeChain):
        lost: Any = None

        def rpc(self, method: str, *params: Any) -> Any:
            found = super().rpc(method, *params)
            return [log for log in found if log is not self.lost] if method == "eth_getLogs" else found

    chain = Forgetful(node)
    deployment = Deployment(whole.manifest, chain)

    @settings(max_examples=30)
    @given(st.sampled_from(ours))
    def check(log: Any) -> None:
        chain.lost = log
        event = logs.decode([whole.twins], log)
        system = rebuild(deployment)
        hidden = event.name == "Registered" and "Twins" not in system.problems
        assert compare(deployment, system) or hidden
        if "id" in event.args:
            found = reader.read(deployment, event["id"])
            assert not found.is_complete
            count.hit("read")

    check()
    count.require(["read"])


def test_a_packed_thing_lives_with_its_containers() -> None:
    """Custody of a pallet is custody of what is in it: its steps are told, and none can be left out."""
    world = World.create(RecordingNode())
    part, pallet, outer = world.register(uri("1")), *(world.register(sscc(n), Kind.CONTAINER) for n in "12")
    other = world.register(uri("2"))
    world.move(pallet, world.maker, world.carrier)
    world.move(pallet, world.carrier, world.maker)
    world.pack(pallet, [part, other])
    world.pack(outer, [pallet])
    world.move(outer, world.maker, world.carrier)
    world.twins.unpack(outer, [pallet], world.ref(), sender=world.carrier.ship)
    world.twins.unpack(pallet, [other], world.ref(), sender=world.carrier.ship)
    world.move(pallet, world.carrier, world.retailer)
    deployment = deployment_of(world)
    found = reader.read(deployment, part)
    told = [(step.event.name, step.of) for step in found.steps]
    assert told == [
        ("Registered", part),
        ("Packed", part),
        ("Packed", pallet),
        ("Offered", outer),
        ("Accepted", outer),
        ("Unpacked", pallet),
        ("Offered", pallet),
        ("Accepted", pallet),
    ]
    assert (found.own, found.is_complete) == (2, True)
    assert list(found.heads) == [part, pallet]
    assert found.uris == {part: uri("1"), pallet: sscc("1"), outer: sscc("2")}
    assert isinstance(world.node, RecordingNode)
    whole = world.node.recorded.copy()
    for step in found.steps:
        place = next(i for i, log in enumerate(whole) if int(log["blockNumber"], 16) == step.event.block)
        world.node.recorded[:] = whole[:place] + whole[place + 1 :]
        assert not reader.read(deployment, part).is_complete, step.event.name


def test_a_packing_whose_end_is_missing_is_a_problem() -> None:
    world = World.create(RecordingNode())
    part, pallet = world.register(uri("1")), world.register(sscc("1"), Kind.CONTAINER)
    world.pack(pallet, [part])
    assert isinstance(world.node, RecordingNode)
    lost = world.node.recorded.pop()
    deployment = deployment_of(world)
    system = rebuild(deployment)
    assert "the events of its things are missing" in str(system.problems["Twins"])
    assert "the events of its things are missing" in reader.read(deployment, pallet).problem
    assert any(d.from_chain == "emitted" for d in compare(deployment, system))
    world.node.recorded.append(lost)
    assert compare(deployment, rebuild(deployment)) == []
    # The same with the container's own event.
    del world.node.recorded[-2]
    assert "follows no event of its container" in str(rebuild(deployment).problems["Twins"])


def test_events_that_cannot_have_happened_are_problems() -> None:
    world = World.create(RecordingNode())
    part = world.register(uri("1"))
    deployment = deployment_of(world)
    events = list(logs.events(deployment, contracts(deployment)))
    registered = events[-1]

    def broken(*changed: logs.Event) -> str:
        system = System()
        with pytest.raises(FoldError) as caught:
            for event in (*events, *changed):
                system.fold(event)
        return str(caught.value)

    def with_(event: logs.Event, name: str = "", **args: Any) -> logs.Event:
        return logs.Event(**{**event.__dict__, "name": name or event.name, "args": {**event.args, **args}})

    def first(name: str) -> logs.Event:
        return next(event for event in events if event.name == name)

    assert "registered already" in broken(registered)
    assert "does not have this hash" in broken(with_(registered, id=keccak(b"x")))
    assert "was never registered" in broken(with_(registered, "Held", id=keccak(b"x"), reason=bytes(32)))
    assert "there is no such hold" in broken(with_(registered, "Released", reason=bytes(32), holder=1))
    assert "custody was offered to organisation 0" in broken(
        with_(registered, "Accepted", exceptions=0, **{"from": 1})
    )
    assert "nothing is known about this event" in broken(with_(registered, "Vanished"))
    assert "follows" in broken(first("OrganisationAdmitted"))
    assert "never admitted" in broken(with_(first("RolesSet"), org=99))
    assert "does not have this hash" in broken(with_(first("NamespaceAssigned"), text="0000"))
    assert "does not stand for the signer" in broken(with_(first("AccountSet"), signer=bytes(20)))
    assert "acts for another organisation" in broken(with_(first("AccountSet"), org=2))
    assert "was not offered" in broken(with_(first("RolesSet"), "AdminChanged", admin=world.stranger))
    assert f"block {registered.block}, log {registered.index}" in broken(registered)
    assert part in twins.State().twins or True


def test_a_reorganisation_while_reading_is_noticed() -> None:
    world = World.create(RecordingNode())
    deployment = deployment_of(world)
    system = rebuild(deployment)
    system.block_hash = "0x" + "ee" * 32
    with pytest.raises(ChainMoved, match="was replaced by another while it was read"):
        compare(deployment, system)


def test_a_contract_that_is_another_shows_as_differences(anvil: AnvilNode) -> None:
    """Even one whose views revert."""
    world = World.create(anvil)
    world.register(uri("1"))
    deployment = deployment_of(world)
    other = deploy(anvil, "Devices", world.consortium, world.twins, world.p256_verifier)
    system = rebuild(deployment)
    anvil.rpc("anvil_setCode", world.twins.address, f"0x{anvil.code(other.address).hex()}")
    found = compare(deployment, system)
    assert {d.contract for d in found} == {"Twins"}
    assert len(found) == count_views(deployment, system) - sum(
        1 for n in ("Consortium", "Devices", "Telemetry", "Conditions") for _ in system.views(n)
    )


def test_differences_are_told_to_people_and_programs() -> None:
    view = View("twin 0x01", "twin", (b"\1",), {"owner": 1, "holder": 2})
    facts = artifact_struct(owner=1, holder=1 << 60)
    (found,) = differences("Twins", view, facts)
    assert found == Difference("Twins", "twin 0x01", "twin.holder", 2, 1 << 60)
    assert str(found) == "Twins twin 0x01 twin.holder: logs say 2, chain says 1152921504606846976"
    assert found.to_json() == {
        "contract": "Twins",
        "object": "twin 0x01",
        "field": "twin.holder",
        "fromLogs": 2,
        "fromChain": "1152921504606846976",
    }
    assert differences("Twins", View("x", "head", (), b"\1"), b"\1") == []
    assert same("0xAB", "0xab")
    assert same([1, ("0xAB",)], (1, ["0xab"]))
    assert not same([1], [1, 2])
    assert base.plain({"a": b"\1", 2: [facts]}) == {
        "a": "0x01",
        "2": [{"owner": 1, "holder": "1152921504606846976"}],
    }


def artifact_struct(**fields: Any) -> Any:
    from goldthread.chain import abi

    return abi.named([{"name": name} for name in fields], fields.values())


def word(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.to_bytes(32, "big")


def variable(contract: str, label: str) -> Any:
    layout = artifact(contract).storage_layout["storage"]
    return next(entry for entry in layout if entry["label"] == label)


def slot(contract: str, label: str, keys: list[bytes]) -> int:
    """Where a state variable, or its entry for these keys, is stored."""
    place = int(variable(contract, label)["slot"])
    for key in keys:
        place = int.from_bytes(keccak(key + word(place)), "big")
    return place


def tamper(node: AnvilNode, address: str, place: int, value: int) -> None:
    node.rpc("anvil_setStorageAt", address, hex(place), f"0x{value:064x}")
