"""The chapter about the design of a pump, its gates, and a change that reopens them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from _papers import Papers, Person
from _telling import ENGINEER, REVIEWER, TESTER, StoryError, Teller, gtin

from goldthread.chain.contracts import Call
from goldthread.chain.words import Duty, Gate, Kind, Obstacle
from goldthread.design import Book, Work, item_id, load, matrix, proposed
from goldthread.records.canonical import Json

ITEMS: Mapping[str, Mapping[str, Json]] = {
    "N1": {"kind": "need", "text": "A nurse hears from the corridor that an infusion has stopped"},
    "R1": {"kind": "risk", "text": "An occlusion is not noticed: the patient gets no medicine"},
    "I1": {
        "kind": "input",
        "text": "65 dB(A) in 3 m, at most 10 s after an occlusion",
        "answers": ["N1"],
        "controls": ["R1"],
    },
    "O1": {"kind": "output", "text": "buzzer B12, drawing 4", "fulfils": ["I1"]},
    "V1": {"kind": "verification", "text": "sound level, protocol 2", "covers": ["I1", "O1"]},
    "W1": {"kind": "validation", "text": "six nurses in a ward, protocol 1", "covers": ["N1"]},
}
"""The design file, as `goldthread design sync` reads it."""


class Designs(Teller):
    """Tells of a design project."""

    def design(self) -> None:
        """From the plan to the transfer to production, with a change on the way."""
        self.chapter("A pump is designed, gate by gate, and a change reopens its verification")
        design = self.enter(self.lumen, self.lumen.uri(gtin(self.lumen.prefix, "00800")), Kind.DESIGN)
        with Papers.about(design, self.lumen, self) as papers:
            duties = Duty.RECORD | Duty.QUALITY
            engineer, tester, reviewer = (
                papers.hire(account, name, duties)
                for account, name in ((ENGINEER, "Fay Quist"), (TESTER, "Gil Marek"), (REVIEWER, "Ida Wren"))
            )
            forms = {
                name: papers.define(f"design-{name}", secondPersons=0, meanings=[])
                for name in ("plan", "review", "report", "change")
            }
            self.plan(papers, forms, engineer)
            self.gates(papers, forms, engineer, reviewer)
            self.test(papers, forms, tester)
            self.change(papers, forms, engineer, reviewer)
            self.again(papers, forms, tester, reviewer)

    def plan(self, papers: Papers, forms: Mapping[str, bytes], engineer: Person) -> None:
        """The project is opened, and its items are drafted and linked."""
        control = self.deployment.design_control
        record = papers.write(engineer, forms["plan"], {"plan": "infusion pump", "edition": 1})
        wanted = (forms["review"], forms["report"], forms["report"], forms["change"])
        self.done(
            engineer.sender,
            control.plan(papers.subject, record, wanted),
            f"{engineer.name} opens the project of Lumen's infusion pump with its plan",
        )
        links = self.draft(papers, engineer, ITEMS)
        self.say(f"and drafts {len(ITEMS)} items, from a need to its validation, with {links} links")

    def draft(self, papers: Papers, engineer: Person, items: Mapping[str, Mapping[str, Json]]) -> int:
        """Bring on chain what the file asks for, but for changes; how many links it took."""
        work = self.work(papers, items)
        for call in work.calls(self.deployment, papers.subject):
            self.send(engineer.sender, call)
        return len(work.links)

    def work(self, papers: Papers, items: Mapping[str, Mapping[str, Json]]) -> Work:
        """What the file asks for that is not on chain."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "pump.json"
            file.write_text(json.dumps({"items": items}))
            return Work.of(Book.read(self.deployment, papers.subject).project, load(file))

    def through(self, papers: Papers, form: bytes, gate: Gate, person: Person) -> Call:
        """The call that passes a gate, with the evidence of it."""
        control = self.deployment.design_control
        record = papers.write(person, form, {"gate": gate.name.lower(), "found": "nothing open"})
        edition = control.projectOf(papers.subject).edition
        call: Call = control.passGate(papers.subject, gate, record, edition)
        return call

    def gates(self, papers: Papers, forms: Mapping[str, bytes], engineer: Person, reviewer: Person) -> None:
        """Planning, inputs, outputs and review."""
        form = forms["review"]
        self.refused(
            engineer.sender,
            self.through(papers, form, Gate.PLANNING, engineer),
            "NotIndependent",
            f"{engineer.name} passes the first gate, which is about her own plan",
        )
        for gate in (Gate.PLANNING, Gate.INPUTS, Gate.OUTPUTS, Gate.REVIEW):
            self.send(reviewer.sender, self.through(papers, form, gate, reviewer))
        self.say(f"{reviewer.name}, who wrote none of it, passes planning, inputs, outputs and review")
        self.refused(
            reviewer.sender,
            self.through(papers, form, Gate.VERIFICATION, reviewer),
            "GateHeld",
            "and verification, which nobody has tested",
        )

    def test(self, papers: Papers, forms: Mapping[str, bytes], tester: Person) -> None:
        """Both tests have passed."""
        self.reported(papers, forms, tester, "V1", "I1", "O1")
        self.reported(papers, forms, tester, "W1", "N1")
        self.say(f"{tester.name} reports that the sound was measured, and that six nurses heard it")

    def reported(
        self, papers: Papers, forms: Mapping[str, bytes], tester: Person, test: str, *items: str
    ) -> None:
        """A test has passed for some items."""
        record = papers.write(tester, forms["report"], {"test": test, "result": "passed"})
        findings = [(item_id(item), True) for item in items]
        control = self.deployment.design_control
        self.send(tester.sender, control.report(papers.subject, item_id(test), record, findings))

    def change(self, papers: Papers, forms: Mapping[str, bytes], engineer: Person, reviewer: Person) -> None:
        """The verification is passed, and then the drawing changes."""
        control, design = self.deployment.design_control, papers.subject
        for gate in (Gate.VERIFICATION, Gate.VALIDATION):
            self.send(reviewer.sender, self.through(papers, forms["review"], gate, reviewer))
        self.say("verification and validation are passed")
        after = {**ITEMS, "O1": {**ITEMS["O1"], "text": "buzzer B15, drawing 5"}}
        request = papers.write(engineer, forms["change"], {"item": "O1", "why": "B12 is not made any more"})
        revisions = list(self.work(papers, after).changes)
        self.done(
            engineer.sender,
            control.proposeChange(design, request, revisions),
            "a change is proposed: another buzzer, as the first one is not made any more",
        )
        record = papers.write(reviewer, forms["review"], {"change": 1, "found": "test it again"})
        project = Book.read(self.deployment, design).project
        edition = control.projectOf(design).edition
        self.done(
            reviewer.sender,
            control.approveChange(design, 1, record, edition, *proposed(project, 1)),
            "and approved: all links of the output are cut, and it is back before its gate",
        )
        self.draft(papers, engineer, after)
        self.refused(
            reviewer.sender,
            self.through(papers, forms["review"], Gate.TRANSFER, reviewer),
            "WrongGate",
            f"{reviewer.name} transfers it to production as it was tested",
        )

    def again(self, papers: Papers, forms: Mapping[str, bytes], tester: Person, reviewer: Person) -> None:
        """The test is made again, and the design transferred."""
        control, design, form = self.deployment.design_control, papers.subject, forms["review"]
        for gate in (Gate.OUTPUTS, Gate.REVIEW):
            self.send(reviewer.sender, self.through(papers, form, gate, reviewer))
        self.refused(
            reviewer.sender,
            self.through(papers, form, Gate.VERIFICATION, reviewer),
            "GateHeld",
            "or passes verification with the report of the first buzzer",
        )
        self.reported(papers, forms, tester, "V1", "O1")
        for gate in (Gate.VERIFICATION, Gate.VALIDATION):
            self.send(reviewer.sender, self.through(papers, form, gate, reviewer))
        if control.obstacleOf(design)[0] != Obstacle.NONE:
            raise StoryError(f"the design cannot be transferred: {control.obstacleOf(design)}")
        self.done(
            reviewer.sender,
            self.through(papers, form, Gate.TRANSFER, reviewer),
            "measured again and passed gate by gate, the design is transferred to production",
        )
        if not control.transferred(design):
            raise StoryError("the design is not transferred")
        book = Book.read(self.deployment, design)
        tests = sum(len(row.tests) for row in matrix(book.project))
        told = f"{len(matrix(book.project))} items, {tests} results, 1 change, transferred"
        self.results.append(("design of a pump", told))
