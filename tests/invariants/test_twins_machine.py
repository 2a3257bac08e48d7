"""Random histories of many things among nine organisations: the model is followed, and what must never happen
does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.models.shadow import Shadow
from tests.models.twins import MAX_DEPTH, NOWHERE
from tests.support import Counters, fresh
from tests.support.calls import REASON
from tests.support.receipts import Receipt
from tests.support.signers import Wallet
from tests.support.words import Cause, EndOfLife, Found, Kind, Purpose
from tests.support.world import SUPPLIER_PREFIX, Org, Registration, sscc, uri

COUNT = Counters()
CUSTODY = {"offer", "accept", "acceptWithExceptions", "decline", "cancel", "reclaim", "handOver"}
TITLE = {"offerTitle", "cancelTitle", "acceptTitle"}
MOST_THINGS = 12
REASONS = st.sampled_from([REASON, b"another reason".ljust(32)])


class Histories(RuleBasedStateMachine):
    """Every rule draws what probably succeeds; what does not must be refused by contract and model alike."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow = Shadow(fresh())
        self.world = self.shadow.world
        self.custodians: dict[bytes, int] = {}
        self.owners: dict[bytes, int] = {}
        self.begin()
        self.shadow.catch_up()

    def begin(self) -> None:
        """Something of everything, so that no action waits for others."""
        world, boxes, parts = self.world, [], []
        for serial in "123":
            boxes.append(world.register(sscc(serial), Kind.CONTAINER))
            parts.append(world.register(uri(serial)))
        world.pack(boxes[0], parts[:1])
        world.pack(boxes[1], boxes[:1])
        world.offer(parts[1], world.maker, world.carrier, until=world.now + 50)
        args = parts[2], world.retailer.number, world.now + 50, world.ref()
        world.twins.offerTitle(*args, sender=world.maker.finance)

    # What there is to draw from

    @property
    def ledger(self) -> Any:
        return self.shadow.twins.ledger

    def things(self, fitting: Callable[[Any], bool] = lambda _: True) -> list[bytes]:
        return [id_ for id_, twin in self.ledger.twins.items() if fitting(twin)]

    def org(self, number: int) -> Org:
        return self.world.orgs[number - 1]

    def draw(self, data: st.DataObject, ids: Iterable[bytes]) -> bytes:
        return data.draw(st.sampled_from(list(ids) or self.things()))

    def custodian(self, id_: bytes) -> Org:
        return self.org(self.ledger.custodian(id_))

    def loose(self, custodian: int = 0) -> list[bytes]:
        """Things that may be moved, of an organisation or of any."""
        return self.things(
            lambda t: (
                t.container == NOWHERE
                and not (t.offered_to or t.holds or t.end)
                and t.kind != Kind.DESIGN
                and custodian in (0, t.custodian)
            )
        )

    def somebody(self, data: st.DataObject) -> Org:
        return data.draw(st.sampled_from(self.world.orgs))

    # What can be done

    def do(self, function: str, *args: Any, sender: str) -> None:
        blocked = {id_ for id_ in self.things() if self.ledger.own_cause(id_) != Cause.NONE}
        offered = {id_: twin.purpose for id_, twin in self.ledger.twins.items()}
        if not self.shadow.do(function, *args, sender=sender):
            return
        COUNT.hit(function)
        for id_, custodian in self.custodians.items():
            now = self.world.twins.custodianOf(id_)
            if now == custodian:
                continue
            assert function in ("accept", "acceptWithExceptions", "handOver")
            moved = args[0].twin if function == "handOver" else args[0]
            purpose = args[0].purpose if function == "handOver" else offered[moved]
            assert id_ not in blocked or purpose != Purpose.TRANSPORT
            assert id_ == moved or moved in self.ledger.around(id_)
        for id_, owner in self.owners.items():
            assert self.world.twins.ownerOf(id_) == owner or (function, args[0]) == ("acceptTitle", id_)

    @rule(
        kind=st.sampled_from([Kind.PART, Kind.PART, Kind.CONTAINER, Kind.CONTAINER, Kind.ASSET, Kind.DESIGN]),
        ours=st.booleans(),
    )
    @precondition(lambda self: len(self.ledger.twins) < MOST_THINGS)
    def register(self, kind: Kind, ours: bool) -> None:
        serial, world = str(len(self.ledger.twins)), self.world
        name = sscc if kind == Kind.CONTAINER else uri
        item = Registration(name(serial) if ours else name(serial, SUPPLIER_PREFIX), kind=kind)
        maker = world.maker if ours else world.supplier
        self.do("register", item, world.ref(), sender=maker.register)

    @rule(data=st.data(), count=st.integers(1, 3))
    @precondition(lambda self: len(self.ledger.twins) < MOST_THINGS)
    def register_many(self, data: st.DataObject, count: int) -> None:
        first = len(self.ledger.twins)
        items = [Registration(uri(str(first + number))) for number in range(count)]
        self.do("registerMany", items, self.world.ref(), sender=self.world.maker.register)

    @rule(data=st.data(), purpose=st.sampled_from(Purpose), seconds=st.integers(0, 100))
    def offer(self, data: st.DataObject, purpose: Purpose, seconds: int) -> None:
        id_ = self.draw(data, self.loose())
        to, until = self.somebody(data).number, self.world.now + seconds
        sender = self.custodian(id_).ship
        self.do("offer", id_, to, purpose, until, self.world.ref(), sender=sender)

    @rule(
        data=st.data(), found=st.sampled_from([0, 0, Found.DAMAGED, Found.OVERAGE | Found.UNDERAGE, 1 << 9])
    )
    @precondition(lambda self: self.things(lambda t: t.offered_to))
    def receive(self, data: st.DataObject, found: int) -> None:
        id_ = self.draw(data, self.things(lambda t: t.offered_to))
        receiver, ref = self.org(self.ledger.twins[id_].offered_to).all, self.world.ref()
        seen = self.ledger.heads[id_]
        if found:
            self.do("acceptWithExceptions", id_, seen, int(found), ref, sender=receiver)
        else:
            self.do("accept", id_, seen, ref, sender=receiver)

    @rule(data=st.data(), late=st.booleans())
    @precondition(lambda self: self.things(lambda t: t.offered_to))
    def decline(self, data: st.DataObject, late: bool) -> None:
        id_ = self.on_offer(data, late)
        self.do("decline", id_, self.world.ref(), sender=self.org(self.ledger.twins[id_].offered_to).receive)

    @rule(data=st.data())
    @precondition(lambda self: self.things(lambda t: t.offered_to))
    def cancel(self, data: st.DataObject) -> None:
        id_ = self.on_offer(data, late=False)
        self.do("cancel", id_, self.world.ref(), sender=self.org(self.ledger.twins[id_].custodian).ship)

    @rule(data=st.data(), late=st.sampled_from([True, True, False]))
    @precondition(lambda self: self.things(lambda t: t.offered_to))
    def reclaim(self, data: st.DataObject, late: bool) -> None:
        id_ = self.on_offer(data, late)
        self.do("reclaim", id_, self.world.ref(), sender=self.org(self.ledger.twins[id_].custodian).ship)

    def on_offer(self, data: st.DataObject, late: bool) -> bytes:
        """Something that is on offer; in its last second, or too late, if it is not already."""
        id_ = self.draw(data, self.things(lambda t: t.offered_to))
        moment = self.ledger.twins[id_].deadline + late
        self.shadow.node.timestamp = max(self.world.now, moment)
        return id_

    @rule(data=st.data(), purpose=st.sampled_from(Purpose), found=st.sampled_from([0, Found.SEAL_BROKEN]))
    def hand_over(self, data: st.DataObject, purpose: Purpose, found: int) -> None:
        id_ = self.draw(data, self.loose())
        giver, taker, ref = self.custodian(id_), self.somebody(data), self.world.ref()
        head, until = self.ledger.heads[id_], self.world.now
        receipt = Receipt(id_, head, giver.number, taker.number, purpose, int(found), ref, until)
        signer = Wallet(taker.all)
        self.do("handOver", receipt, signer.name, self.shadow.sign(receipt, signer), sender=giver.ship)

    @rule(data=st.data())
    @precondition(lambda self: self.things(lambda t: t.kind == Kind.CONTAINER))
    def pack(self, data: st.DataObject) -> None:
        container = self.draw(data, self.things(lambda t: t.kind == Kind.CONTAINER))
        custodian = self.custodian(container)
        near = self.loose(custodian.number)
        others = [id_ for id_ in near if id_ != container] or near or self.things()
        ids = data.draw(st.lists(st.sampled_from(others), min_size=1, max_size=3, unique=True))
        self.do("pack", container, ids, self.world.ref(), sender=custodian.ship)

    @rule(data=st.data())
    @precondition(lambda self: self.things(lambda t: t.contents))
    def unpack(self, data: st.DataObject) -> None:
        container = self.draw(data, self.things(lambda t: t.contents))
        inside = sorted(self.ledger.twins[container].contents)
        ids = data.draw(st.lists(st.sampled_from(inside), min_size=1, max_size=3, unique=True))
        sender = self.custodian(container).ship
        self.do("unpack", container, ids, self.world.ref(), sender=sender)

    @rule(data=st.data(), reason=REASONS, who=st.sampled_from(["owner", "custodian", "regulator"]))
    @precondition(lambda self: len(self.things(lambda t: t.holds)) < 2)
    def hold(self, data: st.DataObject, reason: bytes, who: str) -> None:
        id_ = self.draw(data, self.things())
        owner = self.org(self.ledger.twins[id_].owner)
        orgs = {"owner": owner, "custodian": self.custodian(id_), "regulator": self.world.regulator}
        self.do("hold", id_, reason, self.world.ref(), sender=orgs[who].quality)

    @rule(data=st.data(), by_regulator=st.booleans())
    @precondition(lambda self: self.things(lambda t: t.holds))
    def release(self, data: st.DataObject, by_regulator: bool) -> None:
        id_ = self.draw(data, self.things(lambda t: t.holds))
        holder, reason = data.draw(st.sampled_from(sorted(self.ledger.twins[id_].holds)))
        org = self.world.regulator if by_regulator else self.org(holder)
        self.do("release", id_, holder, reason, self.world.ref(), sender=org.quality)

    @rule(data=st.data(), seconds=st.integers(0, 100))
    def offer_title(self, data: st.DataObject, seconds: int) -> None:
        id_ = self.draw(data, self.things(lambda t: not t.end))
        owner, to, until = (
            self.org(self.ledger.twins[id_].owner),
            self.somebody(data),
            self.world.now + seconds,
        )
        self.do("offerTitle", id_, to.number, until, self.world.ref(), sender=owner.finance)

    @rule(data=st.data(), function=st.sampled_from(["acceptTitle", "acceptTitle", "cancelTitle"]))
    @precondition(lambda self: self.things(lambda t: t.title_offer[0]))
    def end_title_offer(self, data: st.DataObject, function: str) -> None:
        id_ = self.draw(data, self.things(lambda t: t.title_offer[0]))
        candidate = self.org(self.ledger.twins[id_].title_offer[0])
        self.do(function, id_, self.world.ref(), sender=candidate.finance)

    @rule(data=st.data(), end=st.sampled_from(EndOfLife))
    @precondition(lambda self: len(self.ledger.twins) > 8)
    def retire(self, data: st.DataObject, end: EndOfLife) -> None:
        id_ = self.draw(data, self.things(lambda t: not t.end and not t.contents))
        self.do("retire", id_, end, self.world.ref(), sender=self.custodian(id_).register)

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds: int) -> None:
        self.shadow.node.warp(seconds)

    @rule(data=st.data(), really=st.sampled_from([True, False, False]))
    def suspend_or_not(self, data: st.DataObject, really: bool) -> None:
        orgs = self.shadow.consortium.ledger.orgs
        silent = [self.org(number) for number, facts in orgs.items() if facts.suspended]
        if silent or really:
            org = silent[0] if silent else self.somebody(data)
            self.shadow.govern("setSuspended", org.number, not silent, sender=self.world.governor)
            COUNT.hit("setSuspended")

    @rule(
        data=st.data(),
        function=st.sampled_from(["accept", "decline", "cancel", "reclaim", "cancelTitle", "acceptTitle"]),
    )
    def intrude(self, data: st.DataObject, function: str) -> None:
        """Anybody tries anything."""
        id_, sender = self.draw(data, self.things()), self.somebody(data).all
        seen = [self.ledger.heads[id_]] if function == "accept" else []
        self.do(function, id_, *seen, self.world.ref(), sender=sender)

    # What must always hold

    @invariant()
    def what_must_always_hold(self) -> None:
        self.shadow.check_facts()
        twins = self.world.twins
        self.custodians = {id_: twins.custodianOf(id_) for id_ in self.things()}
        self.owners = {id_: twins.ownerOf(id_) for id_ in self.things()}
        numbers = {org.number for org in self.world.orgs}
        assert {*self.custodians.values(), *self.owners.values()} <= numbers
        outer = {id_: twins.containerOf(id_) for id_ in self.things()}
        inside = Counter(outer.values())
        for id_ in self.things():
            self.check_facts(twins.twin(id_), outer[id_], inside[id_])
            depth = 0
            while outer.get(id_, NOWHERE) != NOWHERE:
                id_, depth = outer[id_], depth + 1
                assert depth <= MAX_DEPTH

    def check_facts(self, facts: Any, outer: bytes, inside: int) -> None:
        """An open offer has a receiver and a deadline; contents and containers are two sides of one thing."""
        assert (facts.pendingTo != 0) == (facts.deadline != 0)
        assert facts.pendingTo or facts.purpose == Purpose.TRANSPORT
        assert not (facts.packed and facts.pendingTo)
        assert facts.packed == (outer != NOWHERE)
        assert facts.contents == inside

    def teardown(self) -> None:
        self.shadow.check_replay()


def test_histories_follow_the_model_and_the_logs_tell_them() -> None:
    run_state_machine_as_test(Histories)
    registering = {"register", "registerMany"}
    rest = {"pack", "unpack", "hold", "release", "retire", "setSuspended"}
    COUNT.require(registering | CUSTODY | TITLE | rest, at_least=3)
