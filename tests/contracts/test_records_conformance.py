"""Every reachable state x action x kind of caller: contract and model do the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial
from itertools import product

from eth_utils.crypto import keccak

from tests.models.record_shadow import RecordShadow
from tests.models.records import (
    Authority,
    Authors,
    Countersignature,
    Meaning,
    Retention,
    Statement,
    Terms,
    record_id,
    schema_id,
)
from tests.models.shadow import Move, explore
from tests.support import Node, Reverted
from tests.support.recording import Desk
from tests.support.signers import Wallet
from tests.support.words import Duty, Kind, Role
from tests.support.world import World, asset, uri

REASON = keccak(text="reason")
KEPT = 10
RETENTION = Retention(KEPT, 0, 0)


class Explorer:
    """Tries every move in every state that can be reached within so many records about one part."""

    def __init__(self, node: Node, most: int) -> None:
        self.shadow = RecordShadow(node)
        self.world = self.shadow.world
        self.part = self.world.register(uri("1"))
        self.device = self.world.register(asset("DEVICE"), Kind.ASSET)
        self.shadow.catch_up()
        maker = self.world.maker
        self.key = Wallet(maker.record)
        for function, args in (("enrol", (self.key.name, bytes(32))), ("attach", (self.part,))):
            assert self.shadow.equip(function, self.device, *args, sender=maker.device_admin)
        terms = Terms(
            duties=Duty.RECORD,
            signer_roles=Role.REGULATOR,
            second_persons=2,
            meanings=Meaning.APPROVAL,
            authors=Authors.PERSONS_AND_DEVICES,
            retention=RETENTION,
        )
        for version in (1, 2):
            defined = "step", version, terms._replace(max_lag=version)
            assert self.shadow.tell("defineSchema", *defined, sender=maker.quality)
            if version == 1:
                first = self.statement(1)
                assert self.shadow.tell("write", first, sender=maker.all)
        self.start, self.most = node.timestamp, most

    def statement(self, version: int) -> Statement:
        schema = schema_id(self.world.maker.number, "step", version)
        return Statement(self.part, schema, keccak(bytes([version])), effective_at=self.world.now)

    @property
    def ledger(self):  # type: ignore[no-untyped-def]
        return self.shadow.model.ledger

    def moves(self) -> Iterator[Move]:
        """What the maker's people, the regulator and others may try."""
        world, tell = self.world, self.shadow.tell
        maker, regulator = world.maker, world.regulator
        count = len(self.ledger.books[self.part])
        records = [record_id(self.part, n + 1) for n in range(count)]
        room = count < self.most
        for caller in (maker.record, maker.all, regulator.quality):
            if room:
                yield partial(tell, "write", self.statement(2), sender=caller)
                for record, version in product(records, (1, 2)):
                    yield partial(tell, "amend", self.statement(version), record, REASON, sender=caller)
            for record in records:
                content = self.ledger.page(record).statement.content
                item = Countersignature(record, content, Meaning.APPROVAL)
                yield partial(tell, "countersign", item, sender=caller)
        if room:
            yield self.write_by_device
        yield partial(tell, "setLegalHold", records[0], REASON, sender=regulator.quality)
        for caller in (maker.quality, regulator.quality):
            lifted = records[0], regulator.number, REASON
            yield partial(tell, "liftLegalHold", *lifted, sender=caller)
            for record in records:
                yield partial(tell, "dispose", record, REASON, sender=caller)
        if self.shadow.node.timestamp == self.start:
            yield self.wait

    def write_by_device(self) -> bool:
        """What the device signs next."""
        statement = self.statement(2)
        turn = self.ledger.turns.get(self.key_account, 0) + 1
        signed = self.shadow.sign(statement, self.key, turn, self.world.now, device=self.device)
        args = statement, self.device, signed
        return self.shadow.tell("writeByDevice", *args, sender=self.world.stranger)

    @property
    def key_account(self) -> str:
        return self.world.maker.record

    def wait(self) -> bool:
        """Until documents may be disposed of."""
        self.shadow.node.timestamp = self.start + KEPT + 1
        return True

    def state(self) -> Hashable:
        """Two moments with the same name offer the same future."""
        ledger = self.ledger
        pages = tuple((p.statement.schema, p.author, p.device) for p in ledger.books[self.part])
        return (
            pages,
            tuple(sorted(ledger.successors.items())),
            tuple(sorted(ledger.signatures.items())),
            tuple(sorted(ledger.turns.items())),
            ledger.holds,
            ledger.disposed,
            self.shadow.node.timestamp,
        )


def test_two_records_their_signatures_and_their_end(node: Node) -> None:
    """A record, what amends it or follows it, signed, held and disposed of, in every order."""
    explorer = Explorer(node, 2)
    checks = iter(range(1_000_000))

    def check() -> None:
        """All views, and in some states the logs from the beginning."""
        for record, _, _ in explorer.ledger.records():
            explorer.shadow.check_record(record)
        if next(checks) % 100 == 0:
            explorer.shadow.check_records()

    found = explore(explorer.shadow, explorer.moves, explorer.state, check)
    every = ["write", "amend", "countersign", "writeByDevice", "setLegalHold", "liftLegalHold", "dispose"]
    explorer.shadow.count.require(every)
    assert found == 404, f"{found} states, {explorer.shadow.steps} steps"


def test_no_role_or_duty_outside_the_schema_writes(world: World) -> None:
    """Every role x every duty that a schema can ask for, against every organisation x every account of it."""
    desk = Desk(world)
    for role, duty in product(Role, Duty):
        schema = desk.schema(f"{role} {duty}", roles=role, duties=duty)
        statement = desk.statement(schema)
        for org, other in product(world.orgs, Duty):
            account = org.with_duty(other)
            try:
                desk.contract.write.call(statement, sender=account)
            except Reverted as reverted:
                expected = (
                    ("MissingDuty", (account, other, duty))
                    if org.roles & role
                    else ("MissingRole", (org.number, org.roles, role))
                )
                assert (reverted.error, tuple(reverted.values)) == expected
            else:
                assert org.roles == role
                assert other == duty


def test_nobody_without_the_relation_writes(world: World) -> None:
    """Every authority x every organisation, about a part that one made, another owns, a third one holds."""
    desk = Desk(world)
    part = desk.part
    world.give_title(part, world.maker, world.retailer)
    world.move(part, world.maker, world.carrier)
    may = {
        Authority.ANYONE_ALLOWED: set(world.orgs),
        Authority.OWNER_OR_CUSTODIAN: {world.retailer, world.carrier},
        Authority.MAKER: {world.maker},
    }
    for authority, those in may.items():
        schema = desk.schema(authority.name, authority=authority)
        for org in world.orgs:
            try:
                desk.contract.write.call(desk.statement(schema), sender=org.record)
            except Reverted as reverted:
                values = reverted.error, tuple(reverted.values)
                assert values == ("NoAuthorityOver", (part, org.number, authority))
                assert org not in those
            else:
                assert org in those
