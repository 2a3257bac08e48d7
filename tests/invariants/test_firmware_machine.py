"""Random releases, minima, rotations of signers, assignments, confirmations and time: contract and model
agree, and no device ever goes back.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.device_shadow import DevicePoint, FirmwareShadow
from tests.models.firmware import Confirmation, Installed, Minimum, Release, SignerSet, State
from tests.support import Counters, fresh
from tests.support.signers import Signer, Wallet
from tests.support.words import Kind
from tests.support.world import Org, asset, person

COUNT = Counters()
BOARDS = [keccak(text="board A"), keccak(text="board B")]
PEOPLE: list[Signer] = sorted(
    (Wallet(person(f"signer {number}")) for number in range(5)), key=lambda s: keccak(s.name)
)
SOON = st.sampled_from([0, 5, 60, 600, 600])


@cache
def beginning() -> tuple[FirmwareShadow, list[bytes], bytes, DevicePoint]:
    """One chain for all examples, and the moment at which each of them begins."""
    shadow = FirmwareShadow(fresh())
    world = shadow.world
    devices = [world.register(asset(f"DEVICE{number}"), Kind.ASSET) for number in (1, 2)]
    model = world.register(asset("MODEL"), Kind.DESIGN)
    shadow.catch_up()
    admin = world.maker.device_admin
    for device in devices:
        key = Wallet(person("a device")).name
        assert shadow.equip("enrol", device, key, bytes(32), sender=admin)
    first = SignerSet(model, 1, 2, tuple(s.name for s in PEOPLE[:3]))
    assert shadow.tell("setSigners", first, [], [], sender=admin)
    for board in BOARDS:
        image, now = keccak(board + (1).to_bytes(8, "big")), world.now
        item = Release(model, board, 1, "v1", image, bytes(32), now, now + 600)
        assert shadow.tell("release", item, *shadow.approve(item, PEOPLE[:2]), sender=admin)
    word = Confirmation(devices[0], model, board, 1, image, now)
    (signer,), (signature,) = shadow.approve(word, [Wallet(person("a device"))])
    assert shadow.tell("confirm", word, signer, signature, sender=world.stranger)
    return shadow, devices, model, shadow.point()


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow, self.devices, self.model, start = beginning()
        self.shadow.back_to(start)
        self.world = self.shadow.world
        self.highest = dict.fromkeys(self.devices, 0)
        self.lowest: dict[tuple[bytes, bytes], int] = {}

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.model.ledger

    def owner(self, thing: bytes) -> Org:
        return self.world.orgs[self.shadow.twins.ledger.twins[thing].owner - 1]

    def signers(self, data: st.DataObject) -> list[Signer]:
        """Mostly enough of the set."""
        threshold, members = self.ledger.sets[self.model][-1]
        of_the_set = [signer for signer in PEOPLE if signer.name in members]
        if data.draw(st.integers(0, 4)):
            return of_the_set[:threshold]
        return data.draw(st.lists(st.sampled_from(PEOPLE), max_size=3))

    def releases(self) -> list[tuple[bytes, int]]:
        return [(board, n) for (_, board), found in self.ledger.releases.items() for n in found]

    def tell(self, function: str, *args: Any, sender: Any) -> bool:
        done = self.shadow.tell(function, *args, sender=sender)
        if done:
            COUNT.hit(function)
        return done

    # What can be done

    @rule(data=st.data(), step=st.sampled_from([-1, 0, 1, 1, 1, 3]), first=SOON, last=SOON)
    def release(self, data: st.DataObject, step: int, first: int, last: int) -> None:
        board, now = data.draw(st.sampled_from(BOARDS)), self.world.now
        sequence = max(0, self.ledger.newest((self.model, board)) + step)
        times = now + min(first, 5) * data.draw(st.integers(0, 1)), now + last
        image = keccak(board + sequence.to_bytes(8, "big"))
        item = Release(self.model, board, sequence, f"v{sequence}", image, bytes(32), *times)
        approved = self.shadow.approve(item, self.signers(data))
        self.tell("release", item, *approved, sender=self.owner(self.model).device_admin)

    @rule(data=st.data(), step=st.sampled_from([-1, 0, 1, 1]))
    def raise_minimum(self, data: st.DataObject, step: int) -> None:
        board = data.draw(st.sampled_from(BOARDS))
        sequence = max(0, self.ledger.minima.get((self.model, board), 0) + step)
        item = Minimum(self.model, board, sequence)
        approved = self.shadow.approve(item, self.signers(data))
        self.tell("raiseMinimum", item, *approved, sender=self.owner(self.model).device_admin)

    @rule(data=st.data(), threshold=st.integers(1, 3))
    def rotate(self, data: st.DataObject, threshold: int) -> None:
        """By enough of both sets, or by some of one."""
        chosen = data.draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True))
        chosen.sort(key=lambda signer: keccak(signer.name))
        version = len(self.ledger.sets[self.model]) + 1
        following = SignerSet(self.model, version, threshold, tuple(s.name for s in chosen))
        both = [s for s in PEOPLE if s in chosen or s in self.signers(data)]
        by = both if data.draw(st.integers(0, 3)) else self.signers(data)
        approved = self.shadow.approve(following, by)
        self.tell("setSigners", following, *approved, sender=self.owner(self.model).device_admin)

    @rule(data=st.data(), device=st.integers(0, 1))
    @precondition(lambda self: self.releases())
    def assign(self, data: st.DataObject, device: int) -> None:
        board, sequence = data.draw(st.sampled_from(self.releases()))
        owner = self.owner(self.devices[device]).device_admin
        self.tell("assign", self.devices[device], self.model, board, sequence, sender=owner)

    @rule(
        data=st.data(), device=st.integers(0, 1), newest=st.booleans(), ago=st.sampled_from([0, 0, 1, 60, -1])
    )
    @precondition(lambda self: self.releases())
    def confirm(self, data: st.DataObject, device: int, newest: bool, ago: int) -> None:
        """Of the newest release for its board, or of any one."""
        id_ = self.devices[device]
        known = self.ledger.devices.get(id_, Installed())
        board, sequence = data.draw(st.sampled_from(self.releases()))
        if known.line and newest:
            board = known.line[1]
            sequence = self.ledger.newest(known.line) or sequence
        image = self.ledger.releases.get((self.model, board), {}).get(sequence, (bytes(32),))[0]
        word = Confirmation(id_, self.model, board, sequence, image, self.world.now - ago)
        (signer,), (signature,) = self.shadow.approve(word, [Wallet(person("a device"))])
        self.tell("confirm", word, signer, signature, sender=self.world.stranger)

    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        """A device, or the whole product line."""
        thing = data.draw(st.sampled_from([*self.devices, self.model]))
        giver = self.owner(thing)
        taker = self.world.retailer if giver is self.world.maker else self.world.maker
        terms = taker.number, self.world.now + 10, self.world.ref("selling")
        assert self.shadow.do("offerTitle", thing, *terms, sender=giver.finance)
        assert self.shadow.do("acceptTitle", thing, self.world.ref("buying"), sender=taker.finance)

    @rule(seconds=st.sampled_from([1, 1, 5, 60, 601]))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    # What always holds

    @invariant()
    def no_device_goes_back(self) -> None:
        for device in self.devices:
            state = self.shadow.check_state(device)
            COUNT.hit(state.name)
            found = self.shadow.contract.installationOf(device)
            assert found.installed >= self.highest[device]
            self.highest[device] = found.installed

    @invariant()
    def no_minimum_falls(self) -> None:
        for board in BOARDS:
            line = self.model, board
            minimum = self.shadow.contract.lineOf(self.shadow.contract.lineId(*line)).minimum
            assert minimum >= self.lowest.get(line, 0)
            self.lowest[line] = minimum

    def teardown(self) -> None:
        self.shadow.check_all()


def test_no_device_ever_goes_back() -> None:
    run_state_machine_as_test(Histories)
    COUNT.require(["setSigners", "release", "raiseMinimum", "assign", "confirm"])
    COUNT.require([state.name for state in State])
