"""Every reachable state x action x time: contract and model do the same, and no device goes back."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product

from eth_utils.crypto import keccak

from tests.models.device_shadow import FirmwareShadow
from tests.models.firmware import Confirmation, Installed, Minimum, Release, SignerSet, State
from tests.models.shadow import Move, explore
from tests.support import Node
from tests.support.signers import Wallet
from tests.support.words import Kind
from tests.support.world import asset, person

BOARD, OTHER_BOARD = keccak(text="board A"), keccak(text="board B")
SEQUENCES = 1, 2
LATER = 10


class Explorer:
    """One device, a model with one signer, two hardware classes, two releases, and three moments."""

    def __init__(self, node: Node) -> None:
        self.shadow = FirmwareShadow(node)
        world = self.world = self.shadow.world
        self.admin = world.maker.device_admin
        self.device = world.register(asset("DEVICE"), Kind.ASSET)
        self.model = world.register(asset("MODEL"), Kind.DESIGN)
        self.shadow.catch_up()
        self.key, self.signer = Wallet(person("a device")), Wallet(person("ann"))
        assert self.shadow.equip("enrol", self.device, self.key.name, bytes(32), sender=self.admin)
        first = SignerSet(self.model, 1, 1, (self.signer.name,))
        assert self.shadow.tell("setSigners", first, [], [], sender=self.admin)
        self.start = node.timestamp
        self.states: set[State] = set()

    def moves(self) -> Iterator[Move]:
        """By the maker's admin, by the device, by time."""
        shadow = self.shadow
        now = shadow.node.timestamp
        for sequence, board in product(SEQUENCES, (BOARD, OTHER_BOARD)):
            # The first release can be installed now, the second later and for longer.
            times = self.start + LATER * (sequence - 1), self.start + LATER * sequence
            release = Release(self.model, board, sequence, "", keccak(board), bytes(32), *times)
            if board == BOARD or sequence == 1:
                approved = shadow.approve(release, [self.signer])
                yield partial(shadow.tell, "release", release, *approved, sender=self.admin)
            yield partial(shadow.tell, "assign", self.device, self.model, board, sequence, sender=self.admin)
            for time in {self.start, now, now + 1}:
                word = Confirmation(self.device, self.model, board, sequence, keccak(board), time)
                _, [signature] = shadow.approve(word, [self.key])
                args = word, self.key.name, signature
                yield partial(shadow.tell, "confirm", *args, sender=self.world.stranger)
        for sequence in (*SEQUENCES, 3):
            minimum = Minimum(self.model, BOARD, sequence)
            approved = shadow.approve(minimum, [self.signer])
            yield partial(shadow.tell, "raiseMinimum", minimum, *approved, sender=self.admin)
        if now < self.start + 2 * LATER + 1:
            yield self.wait

    def wait(self) -> bool:
        """Until one release can be installed for the last second, or has expired."""
        now = self.shadow.node.timestamp - self.start
        following = next(t for t in (LATER, LATER + 1, 2 * LATER + 1) if t > now)
        self.shadow.node.timestamp = self.start + following
        return True

    def key_of(self) -> Hashable:
        """Two moments with the same key offer the same future."""
        ledger = self.shadow.model.ledger
        releases = tuple(
            (line, tuple(sorted(found.items()))) for line, found in sorted(ledger.releases.items())
        )
        minima = tuple(sorted(ledger.minima.items()))
        installed = ledger.devices.get(self.device, Installed())
        return releases, minima, installed, self.shadow.node.timestamp

    def check(self) -> None:
        """State and logs."""
        self.states.add(self.shadow.check_state(self.device))
        known = self.shadow.model.ledger.devices.get(self.device, Installed())
        view = self.shadow.contract.installationOf(self.device)
        assert view[1:] == (known.assigned, known.sequence, known.time, known.expiry)


def test_two_releases_and_a_minimum(node: Node) -> None:
    explorer = Explorer(node)
    found = explore(explorer.shadow, explorer.moves, explorer.key_of, explorer.check)
    explorer.shadow.count.require(["release", "raiseMinimum", "assign", "confirm"])
    assert explorer.states == set(State)
    assert found == 886, f"{found} states, {explorer.shadow.steps} steps"
