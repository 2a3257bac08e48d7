"""Rebuilding Firmware from its logs: what an auditor finds when logs are missing or altered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from goldthread.audit import firmware as audit
from goldthread.audit.base import FoldError
from goldthread.audit.rebuild import compare, count_views, rebuild
from goldthread.chain.logs import Event
from tests.goldthread.chains import RecordingNode, deployment_of
from tests.models.device_shadow import FirmwareShadow
from tests.models.firmware import Confirmation, Minimum, Release, SignerSet
from tests.models.module_shadows import events_of
from tests.support import fresh
from tests.support.signers import Wallet
from tests.support.words import Kind
from tests.support.world import World, asset, person

BOARD, OTHER_BOARD, IMAGE = b"b" * 32, b"o" * 32, b"i" * 32
DEVICE, ANN, BOB = (Wallet(person(name)) for name in ("a device", "ann", "bob"))


@pytest.fixture(scope="module")
def history() -> FirmwareShadow:
    """Two sets of signers, two releases, a minimum, and a device that is told and tells."""
    shadow = FirmwareShadow(fresh())
    world, admin = shadow.world, shadow.world.maker.device_admin
    device, model = world.register(asset("DEVICE"), Kind.ASSET), world.register(asset("MODEL"), Kind.DESIGN)
    shadow.catch_up()
    assert shadow.equip("enrol", device, DEVICE.name, bytes(32), sender=admin)
    assert shadow.tell("setSigners", SignerSet(model, 1, 1, (ANN.name,)), [], [], sender=admin)
    following = SignerSet(model, 2, 1, (BOB.name,))
    assert shadow.tell("setSigners", following, *shadow.approve(following, [ANN, BOB]), sender=admin)
    for sequence in (2, 4):
        item = Release(model, BOARD, sequence, "v", IMAGE, bytes(32), world.now, world.now + 100)
        assert shadow.tell("release", item, *shadow.approve(item, [BOB]), sender=admin)
    assert shadow.tell("assign", device, model, BOARD, 4, sender=admin)
    for sequence in (2, 4):
        shadow.node.warp(1)
        word = Confirmation(device, model, BOARD, sequence, IMAGE, world.now)
        _, [signature] = shadow.approve(word, [DEVICE])
        assert shadow.tell("confirm", word, DEVICE.name, signature, sender=world.stranger)
    minimum = Minimum(model, BOARD, 5)
    assert shadow.tell("raiseMinimum", minimum, *shadow.approve(minimum, [BOB]), sender=admin)
    return shadow


def events(history: FirmwareShadow) -> list[Event]:
    return list(events_of(history, "Firmware", history.contract))


def upto(history: FirmwareShadow, name: str, which: int = 0, **changes: Any) -> list[Event]:
    """The events up to one of that name, which is changed."""
    whole = events(history)
    index = [i for i, e in enumerate(whole) if e.name == name][which]
    return [*whole[:index], replace(whole[index], args={**whole[index].args, **changes})]


def test_the_logs_lead_to_what_the_views_show(history: FirmwareShadow) -> None:
    history.check_all()
    state = audit.rebuild(events(history))
    [line] = state.lines.values()
    assert (line.minimum, line.newest) == (5, 4)
    [installation] = state.installations.values()
    assert (installation.assigned, installation.installed) == (4, 4)
    [model] = state.sets
    expected = {keccak(ANN.name): False, keccak(BOB.name): True}
    assert {v.args[1]: v.expected for v in audit.views(state) if v.function == "isSigner"} == expected
    assert [v.args for v in audit.views(state) if v.function == "signerSetOf"] == [(model,)]


def test_sets_are_numbered_and_can_sign(history: FirmwareShadow) -> None:
    for version in (0, 1, 3):
        with pytest.raises(FoldError, match="numbered without gaps"):
            audit.rebuild(upto(history, "SignersSet", 1, version=version))
    for change in ({"threshold": 0}, {"threshold": 2}, {"signers": [ANN.name, ANN.name]}):
        with pytest.raises(FoldError, match="can never sign, or one is named twice"):
            audit.rebuild(upto(history, "SignersSet", **change))


def test_releases_follow_signers_and_rise(history: FirmwareShadow) -> None:
    with pytest.raises(FoldError, match="the model has no signers"):
        audit.rebuild(upto(history, "FirmwareReleased", model=bytes(32)))
    for sequence in (0, 2):
        with pytest.raises(FoldError, match="sequence 2 was released before"):
            audit.rebuild(upto(history, "FirmwareReleased", 1, sequence=sequence))
    for sequence in (0, 6):
        with pytest.raises(FoldError, match="the minimum is 0, the newest release 4"):
            audit.rebuild(upto(history, "MinimumRaised", sequence=sequence))


def test_devices_do_not_go_back(history: FirmwareShadow) -> None:
    confirmed = upto(history, "FirmwareConfirmed", 1)
    with pytest.raises(FoldError, match="runs sequence 4"):
        audit.rebuild([*confirmed, upto(history, "FirmwareConfirmed")[-1]])
    with pytest.raises(FoldError, match="before"):
        audit.rebuild([*confirmed, confirmed[-1]])
    first = upto(history, "FirmwareConfirmed")[-1].args["time"]
    with pytest.raises(FoldError, match=f"has looked at {first} before"):
        audit.rebuild(upto(history, "FirmwareConfirmed", 1, time=first))


def test_devices_run_what_was_released_for_them(history: FirmwareShadow) -> None:
    for name in ("FirmwareAssigned", "FirmwareConfirmed"):
        for change in ({"sequence": 3}, {"hardwareClass": OTHER_BOARD}):
            with pytest.raises(FoldError, match="was not released"):
                audit.rebuild(upto(history, name, **change))
    with pytest.raises(FoldError, match="another image was released"):
        audit.rebuild(upto(history, "FirmwareConfirmed", imageHash=bytes(32)))
    confirmed = upto(history, "FirmwareConfirmed", 1)
    other = upto(history, "FirmwareReleased", hardwareClass=OTHER_BOARD)[-1]
    elsewhere = upto(history, "FirmwareConfirmed", hardwareClass=OTHER_BOARD)[-1]
    with pytest.raises(FoldError, match="of another model or hardware class"):
        audit.rebuild([*confirmed, other, elsewhere])
    with pytest.raises(FoldError, match="nothing is known about this event"):
        audit.rebuild([*confirmed, replace(confirmed[-1], name="Robbed")])


def test_rebuilding_the_system_rebuilds_it() -> None:
    world = World.create(RecordingNode())
    model, admin = world.register(asset("MODEL"), Kind.DESIGN), world.maker.device_admin
    world.firmware.setSigners(SignerSet(model, 1, 1, (ANN.name,)), [], [], sender=admin)
    deployment = deployment_of(world, Devices=world.devices, Firmware=world.firmware)
    system = rebuild(deployment)
    before = count_views(deployment, system)
    assert compare(deployment, system) == []
    system.firmware.sets[model] = replace(system.firmware.sets[model], threshold=2)
    (difference,) = compare(deployment, system)
    assert (difference.contract, difference.field) == ("Firmware", "signerSetOf.threshold")
    system.firmware = audit.State()
    assert before - count_views(deployment, system) == 2
