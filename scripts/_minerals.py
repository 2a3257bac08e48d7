"""The chapter about the smelters behind a product, and about one that nobody knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from _telling import DAY, WATCHER, Company, StoryError, Teller, gtin

from goldthread.chain.send import Sender
from goldthread.chain.words import Kind
from goldthread.gs1.links import twin_id
from goldthread.minerals.book import Book, Problem, finalised_of, problems
from goldthread.rules.minerals import (
    FIRST_YEAR,
    Answer,
    Answers,
    Metal,
    Outcome,
    Share,
    Status,
    Verdict,
    pack,
    smelter_id,
)

MOKUM = smelter_id("CID900001", Metal.TANTALUM)
SOLDER = smelter_id("CID900002", Metal.TIN)
UNKNOWN = smelter_id("CID900003", Metal.TIN)
"""Two smelters that the register lists, and one that it does not."""


class Minerals(Teller):
    """Tells of smelters, and of the two control units with their metals."""

    def minerals(self) -> None:
        """The control unit from the chapter about lots, and another one."""
        self.chapter("What is known of the smelters in a product, and what is not")
        self.wait_until(int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()))
        self.listing()
        good, other = self.declarations()
        self.verdict(good, "ECU1", Verdict.ACTIVE, Outcome.FORM_SD_ONLY)
        wrong = self.verdict(other, "ECU2", Verdict.UNDETERMINABLE, Outcome.CMR_UNDETERMINABLE)
        if [problem.what for problem in wrong] != [
            f"smelter CID900003 of tin is not listed by register {self.beacon.number}"
        ]:
            raise StoryError(f"what speaks against ECU2: {wrong}")
        self.say(f"the reason: {wrong[0].what}")

    @cached_property
    def year(self) -> int:
        """The calendar year that is declared."""
        return datetime.fromtimestamp(self.now(), UTC).year

    def listing(self) -> None:
        """A register says how smelters stand."""
        until, audit = self.now() + 365 * DAY, hashlib.sha256(b"an audit").digest()
        rows = [
            (MOKUM, Status.CONFORMANT, b"NL", until, audit, "Mokum Smelting"),
            (SOLDER, Status.ACTIVE, b"BO", until, audit, "Potosi Tin"),
        ]
        self.done(
            self.beacon,
            self.deployment.conflict_minerals.list(rows),
            f"{self.beacon.name} lists two smelters: tantalum, conformant, and tin, active",
        )

    def declarations(self) -> tuple[bytes, bytes]:
        """Everybody on the way to the control unit declares, and so for the next unit."""
        powder = self.mokum.uri(gtin(self.mokum.prefix, "00601") + "/10/TA-9")
        capacitors = self.cascade.uri(gtin(self.cascade.prefix, "00602") + "/10/C-55")
        unit = self.evergreen.uri(gtin(self.evergreen.prefix, "00603") + "/21/ECU")
        self.enter(self.evergreen, unit + "2", Kind.PART)
        self.declare(self.mokum, powder, [MOKUM])
        self.declare(self.cascade, capacitors, [MOKUM])
        self.declare(self.evergreen, unit + "1", [MOKUM, SOLDER])
        self.say(
            "the smelter's powder, the capacitors and the control unit ECU1 are each declared by their maker"
        )
        self.declare(self.evergreen, unit + "2", [MOKUM, UNKNOWN], Answer.UNKNOWN)
        self.say(
            "ECU2 is soldered with tin from elsewhere: a smelter that is in no list, its country not known"
        )
        return twin_id(unit + "1"), twin_id(unit + "2")

    def declare(
        self, maker: Company, link: str, smelters: Sequence[bytes], origin: Answer = Answer.NO
    ) -> None:
        """A maker names the smelters of a product; `origin`: is it from the covered countries?"""
        answers = {
            Metal(smelter[31]): Answers(
                Answer.YES, Answer.YES, origin, origin, Answer.NO, Share.ALL, Answer.YES, Answer.YES
            )
            for smelter in smelters
        }
        document = hashlib.sha256(link.encode()).digest()
        statement = (self.beacon.number, False, origin, Answer.NONE, pack(answers), document)
        minerals = self.deployment.conflict_minerals
        self.send(maker, minerals.declare(twin_id(link), self.year, statement, sorted(smelters)))

    def verdict(self, product: bytes, name: str, verdict: Verdict, outcome: Outcome) -> list[Problem]:
        """Anyone evaluates a product with all that it was made of; everything that speaks against it."""
        minerals, book = self.deployment.conflict_minerals, Book.read(self.deployment)
        way = book.way(product)
        things = f"{len(way)} things" if len(way) > 1 else "alone"
        self.done(
            Sender.unlocked(self.chain, self.accounts[WATCHER]),
            minerals.evaluate(way),
            f"anyone evaluates {name}, {things}: {verdict.name}",
        )
        found = minerals.verdictOf(product)
        if tuple(found) != (verdict, False):
            raise StoryError(f"the verdict on {name} is {found}, expected {verdict}")
        told = Outcome(minerals.outcomeOf(minerals.declarationId(product, self.year)))
        if told != outcome:
            raise StoryError(f"Form SD for {name} is {told.name}, expected {outcome.name}")
        self.say(f"Form SD for {name}: {told.name}")
        self.results.append((f"smelters in {name}", f"{verdict.name}, {told.name}"))
        return list(problems(book, product, finalised_of(book, product)))
