"""LoggerReports against its model, in any order: two lots, two serial numbers, two twins to hang on, a
device of the carrier, and reports of any days.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.models.devices import NOTHING
from tests.models.logger_reports import Contradiction, Tag
from tests.models.report_shadow import ReportShadow
from tests.models.segments import Frame, Limit, Reading, Segment
from tests.support import Counters, fresh
from tests.support.fridge_tags import FridgeTag, Lot, TagDay
from tests.support.witness import OFFSET, REASON, SERIAL, YEARS, LotKey, seconds
from tests.support.words import Kind
from tests.support.world import DAY, Org, asset, sscc

COUNT = Counters()
LOTS = (Lot(), Lot("2101_20_09", 2101))
SERIALS = (SERIAL, 5)
LIMITS = [Limit(50, high=False), Limit(700, high=True)]
DAYS = st.builds(
    TagDay,
    st.sampled_from([-40, 20, 45]),
    st.sampled_from([62, 93, 150]),
    st.sampled_from([0, 40, 700]),
    st.sampled_from([0, 40, 700]),
    timeout=st.sampled_from([0, 0, 3]),
)
VALUES = st.sampled_from([-100, 30, 550, 720, 1200])
lots, serials = st.sampled_from(LOTS), st.sampled_from(SERIALS)
places = st.integers(0, 5)


class Witnesses(RuleBasedStateMachine):
    """What a maker, a carrier, a regulator and anyone do."""

    def __init__(self) -> None:
        super().__init__()
        self.shadow = ReportShadow(fresh())
        world = self.shadow.world
        self.orgs = (world.maker, world.carrier, world.regulator)
        self.twins = [self.shadow.witness.twin, world.register(asset("TAG2"), Kind.ASSET)]
        self.subjects = [self.shadow.cold.pallet, world.register(sscc("2"), Kind.CONTAINER)]
        self.shadow.catch_up()
        self.written: list[FridgeTag] = []
        self.segments: list[Segment] = []

    def tell(self, org: Org, function: str, *args: object) -> None:
        if self.shadow.tell(function, *args, sender=org.device_admin):
            COUNT.hit(function)

    def key(self, lot: Lot) -> LotKey:
        return LotKey.of(self.shadow.witness.model, lot)

    @rule(lot=lots, org=places)
    def register(self, lot: Lot, org: int) -> None:
        self.tell(self.orgs[org % 3], "registerLotKey", self.key(lot), 50, self.shadow.world.now + YEARS)

    @rule(lot=lots, org=places, seldom=places)
    def revoke(self, lot: Lot, org: int, seldom: int) -> None:
        if seldom < 2:
            self.tell(self.orgs[org % 3], "revokeLotKey", self.key(lot).id, REASON)

    @rule(lot=lots, serial=serials, twin=places)
    def enrol(self, lot: Lot, serial: int, twin: int) -> None:
        self.tell(self.orgs[0], "enrol", self.key(lot).id, serial, self.twins[twin % 2])

    @rule(lot=lots, serial=serials, org=places)
    def strike(self, lot: Lot, serial: int, org: int) -> None:
        self.tell(self.orgs[org % 3], "strike", self.key(lot).id, serial, REASON)

    @rule(lot=lots, serial=serials, subject=places)
    def attach(self, lot: Lot, serial: int, subject: int) -> None:
        """The logger named, and whatever hangs nowhere."""
        ledger, named = self.shadow.model.ledger, self.key(lot).logger(serial)
        free = [logger for logger, tag in ledger.tags.items() if tag.twin != NOTHING and not tag.current]
        for logger in (named, *free):
            self.tell(self.orgs[0], "attach", logger, self.subjects[subject % 2], OFFSET)

    @rule(lot=lots, serial=serials)
    def detach(self, lot: Lot, serial: int) -> None:
        self.tell(self.orgs[0], "detach", self.key(lot).logger(serial))

    @rule(hours=st.sampled_from([1, 12, 24, 48]))
    def wait(self, hours: int) -> None:
        self.shadow.node.warp(hours * 3600)

    @rule(pick=places, days=st.lists(DAYS, min_size=1, max_size=3), hours=st.sampled_from([2, 30]))
    def attest(self, pick: int, days: list[TagDay], hours: int) -> None:
        """Some logger that was attached lately writes a report, some hours later."""
        known = [
            (lot, serial, made[-1])
            for lot in LOTS
            for serial in SERIALS
            if (made := self.tag(lot, serial).attachments)
        ]
        lot, serial, made = known[pick % len(known)]
        self.shadow.node.warp(hours * 3600)
        now = self.shadow.witness.clock(self.shadow.world.now).replace(second=0)
        tag = FridgeTag(now, days, lot, serial, self.shadow.witness.clock(made.since + 60))
        if self.shadow.hand_in(tag, len(self.tag(lot, serial).attachments)):
            COUNT.hit("attestReport")
        self.written.append(tag)

    def tag(self, lot: Lot, serial: int) -> Tag:
        """What the model knows of a logger."""
        return self.shadow.model.ledger.tags.get(self.key(lot).logger(serial), Tag())

    @rule(tag=places, number=st.integers(1, 3))
    def attest_again(self, tag: int, number: int) -> None:
        if self.written:
            self.shadow.hand_in(self.written[tag % len(self.written)], number)

    @rule(values=st.lists(VALUES, min_size=1, max_size=2), told=st.booleans())
    def anchor(self, values: list[int], told: bool) -> None:
        """The carrier's device goes on where it was, up to two days."""
        _, end = self.shadow.telemetry.ledger.end((self.shadow.cold.logger.id, self.subjects[0], 1))
        begin, now = max(end + 900, self.shadow.cold.start), self.shadow.world.now
        readings = [
            Reading(time, values[place % len(values)])
            for place, time in enumerate(range(max(begin, now - 2 * DAY), now + 900, 900))
        ]
        if readings:
            limits = LIMITS if told else ()
            self.segments.append(self.shadow.anchored(readings, limits, len(self.segments) + 1))
            COUNT.hit("anchor")

    @rule(report=places, kind=st.sampled_from(Contradiction), limit=st.sampled_from([50, 700]))
    def contradict(self, report: int, kind: Contradiction, limit: int) -> None:
        """The newest day of a report, by all segments that have to do with it."""
        known = list(self.shadow.model.ledger.reports.values())
        if not known:
            return
        told = known[report % len(known)]
        midnight = (told.table[0] & 0xFFFFFF) * DAY - OFFSET * 60
        begin, end = max(midnight, told.logger.activated), min(midnight + DAY, told.logger.created)
        near = [
            segment
            for segment in self.segments
            if Frame.of(segment.frame).end > begin and Frame.of(segment.frame).start < end
        ]
        if self.shadow.tell("contradict", told, 0, kind, limit, near, sender=self.shadow.world.stranger):
            COUNT.hit("contradict")

    def teardown(self) -> None:
        self.shadow.check_reports()


def test_witnesses_follow_the_model() -> None:
    run_state_machine_as_test(Witnesses)
    COUNT.require(
        ["registerLotKey", "revokeLotKey", "enrol", "strike", "attach", "detach", "attestReport", "anchor"]
    )
    COUNT.require(["contradict"])


def test_comparisons_follow_the_readings() -> None:
    """However the readings are cut, and whatever is claimed."""
    shadow = ReportShadow(fresh())
    start = shadow.now()

    @given(
        days=st.lists(DAYS, min_size=3, max_size=3),
        values=st.lists(VALUES, min_size=1, max_size=4),
        step=st.sampled_from([450, 900, 900, 901, 3600]),
        shift=st.sampled_from([-900, 0, 0, 900, 5000]),
        told=st.booleans(),
        cuts=st.lists(st.integers(1, 200), max_size=3, unique=True),
        limits=st.tuples(st.sampled_from([49, 50, 51]), st.sampled_from([699, 700, 701])),
    )
    def check(
        days: list[TagDay],
        values: list[int],
        step: int,
        shift: int,
        told: bool,
        cuts: list[int],
        limits: tuple[int, int],
    ) -> None:
        shadow.again(start)
        tag = shadow.witness.tag(days)
        assert shadow.attest(tag)
        report = shadow.report(tag)
        midnight = seconds(tag.date(1)) - OFFSET * 60
        times = range(midnight - 1800 + shift, midnight + DAY + 1800 + shift, step)
        readings = [Reading(time, values[i * len(values) // len(times)]) for i, time in enumerate(times)]
        edges = [0, *sorted(cut for cut in cuts if cut < len(readings)), len(readings)]
        segments = [
            shadow.anchored(readings[a:b], LIMITS if told else (), seq)
            for seq, (a, b) in enumerate(zip(edges, edges[1:], strict=False), 1)
        ]
        for first in range(len(segments)):
            for last in range(first, len(segments)):
                for kind in Contradiction:
                    limit = limits[kind == Contradiction.HIGH_MISSED]
                    if shadow.says(report, 1, kind, limit, segments[first : last + 1]):
                        COUNT.hit(kind.name)

    check()
    COUNT.require([kind.name for kind in Contradiction if kind])
