"""The chapter about a batch of tablets, recorded step by step, and about who may release it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from _lots import ONE, PIECE
from _papers import Papers, Person
from _telling import CHEMIST, DAY, GATEWAY, HOUR, OPERATOR, SUPERVISOR, WATCHER, StoryError, Teller, gtin

from goldthread.chain import eip712
from goldthread.chain.contracts import Call
from goldthread.chain.devices import Curve, SoftKey
from goldthread.chain.passkeys import Passkey
from goldthread.chain.records import write_by_device
from goldthread.chain.send import Sender
from goldthread.chain.words import Duty, Kind, Meaning, Purpose, ReleaseCause
from goldthread.compliance import Case, findings, read, share_of
from goldthread.gs1.links import twin_id
from goldthread.records.timeline import Line, check, explained, printed
from goldthread.rules.programmes import case_id, programmes

PROGRAMME = "us-211-188-batch-record"
QUALITY = "Cy Ames"
"""Who signs the release."""

TABLETS, MADE = 100_000, 97_340
LOWEST, HIGHEST = 950_000, 1_020_000
"""Parts per million of the theoretical yield that need no investigation."""

STEPS: Mapping[str, tuple[str, ...]] = {
    "master": ("(a)",),
    "granulation": ("(b)(1)", "(b)(2)", "(b)(3)", "(b)(11)"),
    "weighing": ("(b)(4)",),
    "packaging": ("(b)(6)", "(b)(8)", "(b)(9)", "(b)(13)"),
    "laboratory": ("(b)(5)",),
    "yield": ("(b)(7)",),
}
"""The paragraphs of 21 CFR 211.188 that each record is evidence for."""


class Batches(Teller):
    """Tells of a batch of tablets."""

    def batch(self) -> None:
        """From the first record to the release."""
        self.chapter("A batch is recorded by people and a scale, and a passkey releases it")
        lot = self.tablets()
        with Papers.about(lot, self.lumen, self) as papers:
            operator, supervisor, chemist = (
                papers.hire(account, name, Duty.RECORD)
                for account, name in (
                    (OPERATOR, "Ann Noble"),
                    (SUPERVISOR, "Bo Berg"),
                    (CHEMIST, "Eli Storm"),
                )
            )
            forms = self.forms(papers)
            case = self.open_batch(lot, forms)
            records = self.steps(papers, forms, operator, supervisor)
            for step, record in records.items():
                self.evidence(case, step, record, operator)
            passkey = self.passkey()
            self.too_early(papers, case, passkey)

            late = self.late(papers, forms["laboratory-result"], chemist)
            made = {"step": "yield", "tablets": MADE, "theoretical": TABLETS}
            rest = {"laboratory": late, "yield": papers.write(operator, forms["yield"], made)}
            for step, record in rest.items():
                papers.countersign(supervisor, record)
                self.evidence(case, step, record, operator)
            report = self.deployment.batch_release.reportYield(case, MADE * ONE, rest["yield"])
            share = share_of(MADE * ONE // TABLETS)
            self.done(operator.sender, report, f"yield {MADE:,} of {TABLETS:,}: {share}")
            self.done(
                Sender.unlocked(self.chain, self.accounts[WATCHER]),
                self.decision(papers, case, passkey),
                f"{QUALITY} of quality releases the batch with a passkey; somebody else brings it",
            )
            self.inspect(papers, case)
        self.done(self.lumen, self.to_harbor(lot), "and the lot ships")

    # ------------------------------------------------------------------------------------------- preparations

    def tablets(self) -> bytes:
        """The lot."""
        uri = self.lumen.uri(gtin(self.lumen.prefix, "00700") + "/10/T1")
        item = (uri, 7, bytes(32), PIECE, TABLETS * ONE, self.now() + 700 * DAY, bytes(32), 0)
        event = self.event("creating_class_instance", [uri], self.lumen)
        self.done(
            self.lumen,
            self.deployment.lots.commissionLot(item, event),
            f"Lumen commissions lot T1, {TABLETS:,} tablets",
        )
        return twin_id(uri)

    def forms(self, papers: Papers) -> dict[str, bytes]:
        """The schemas of all forms that the programme names, and the programme as master record."""
        programme = programmes()[PROGRAMME]
        both = {"authors": "PERSONS_AND_DEVICES"}
        forms = {
            name: papers.define(name, **(both if name == "batch-step" else {})) for name in programme.forms
        }
        compliance, release = self.deployment.compliance, self.deployment.batch_release
        definition = programme.definition(forms)
        self.send(self.lumen.quality, compliance.register(programme.name, programme.version, definition))
        master = (TABLETS * ONE, LOWEST, HIGHEST)
        self.done(
            self.lumen.quality,
            release.setMaster(programme.id(self.lumen.number), master),
            f"quality defines {len(forms)} forms and the master record: {programme.source.split(',')[0]}, "
            f"{len(programme.requirements)} paragraphs",
        )
        return forms

    def open_batch(self, lot: bytes, forms: Mapping[str, bytes]) -> bytes:
        """The case of the lot, which is held from now on."""
        programme = programmes()[PROGRAMME].id(self.lumen.number)
        self.send(self.lumen.quality, self.deployment.compliance.open(programme, lot, 0, 0))
        case = case_id(programme, lot, self.lumen.number)
        self.done(
            self.lumen.quality,
            self.deployment.batch_release.openBatch(case),
            "and opens the batch: T1 is held back",
        )
        self.refused(self.lumen, self.to_harbor(lot), "Blocked", "Lumen ships some of it all the same")
        return case

    def to_harbor(self, lot: bytes) -> Call:
        """The offer of half of the lot to the distributor."""
        shipping = self.event("shipping", [], self.lumen, stays=False)
        offered = TABLETS // 2 * ONE
        until = self.now() + DAY
        call: Call = self.deployment.lots.offerQuantity(
            lot, self.harbor.number, offered, Purpose.TRANSPORT, until, shipping
        )
        return call

    def passkey(self) -> Passkey:
        """Of somebody of quality who has no other account; the company's admin names it."""
        verifier = self.deployment.manifest.address("ERC7913WebAuthnVerifier")
        passkey = Passkey(SoftKey.generate(Curve.P256, verifier), "quality.lumen.example")
        named = self.deployment.consortium.setSigner(self.lumen.number, passkey.signer, Duty.QUALITY)
        self.send(self.lumen, named)
        return passkey

    # ---------------------------------------------------------------------------------------------- recording

    def steps(
        self, papers: Papers, forms: Mapping[str, bytes], operator: Person, supervisor: Person
    ) -> dict[str, bytes]:
        """What is recorded while the batch is made, by the step."""
        step = forms["batch-step"]
        wrong = {"step": "granulation", "line": "G2", "lactose": "A78", "water": "12.05", "unit": "kg"}
        records = {
            "master": papers.write(
                operator,
                forms["master-reproduction"],
                {"step": "master record", "copied": "T-7", "edition": 4},
            ),
            "granulation": papers.write(operator, step, wrong),
        }
        self.say(f"{operator.name} copies the master record and records the granulation as it is done")
        self.wait_until(self.now() + HOUR)
        records["weighing"] = self.weigh(papers, step)
        self.wait_until(self.now() + HOUR)
        packaging = {"step": "packaging", "line": "P1", "labels": TABLETS // 100, "area": "clear"}
        records["packaging"] = papers.write(operator, step, packaging)

        self.wait_until(self.now() + HOUR)
        old, reason = records["granulation"], "12.50 was read as 12.05"
        receipt = self.done(
            operator.sender,
            papers.amendment(operator, old, wrong | {"water": "12.50"}, reason),
            f"one step is amended, because {reason}",
        )
        records["granulation"] = papers.written(receipt)
        values = [papers.read(record)["water"] for record in (old, records["granulation"])]
        if values != ["12.05", "12.50"]:
            raise StoryError(f"the archive has {values}")
        self.say(f"both are kept: {values[0]} kg, superseded, and {values[1]} kg")
        for record in records.values():
            papers.countersign(supervisor, record)
        self.say(f"{supervisor.name} takes responsibility for {len(records)} records in second place")
        return records

    def weigh(self, papers: Papers, schema: bytes) -> bytes:
        """A scale signs what it has weighed."""
        scale = self.enter(self.lumen, self.lumen.uri("8004/{p}SCALE2"), Kind.ASSET)
        key = SoftKey.generate(Curve.P256, self.deployment.manifest.address("ERC7913P256Verifier"))
        self.send(self.lumen, self.deployment.devices.enrol(scale, key.signer, bytes(32)))
        weighed = {"step": "weighing", "component": "A78", "net": "4.812", "unit": "kg"}
        statement = papers.statement(schema, weighed, None)
        call = write_by_device(self.deployment, statement, scale, key, self.now() + HOUR)
        receipt = self.done(
            Sender.unlocked(self.chain, self.accounts[GATEWAY]),
            call,
            "a scale signs its own record with its P-256 key; a gateway brings it",
        )
        return papers.written(receipt)

    def late(self, papers: Papers, schema: bytes, chemist: Person) -> bytes:
        """A result that is written down two days after the laboratory had it."""
        self.wait_until(self.now() + 3 * DAY)
        assay = {"step": "assay", "result": "99.6", "unit": "%"}
        receipt = self.done(
            chemist.sender,
            self.deployment.records.write(papers.statement(schema, assay, chemist, age=2 * DAY)),
            "the laboratory writes down a result two days after it had it: marked LATE, for good",
        )
        if not papers.fact(receipt)["late"]:
            raise StoryError("a record of two days ago is not late")
        return papers.written(receipt)

    def evidence(self, case: bytes, step: str, record: bytes, operator: Person) -> None:
        """A record is submitted for its paragraphs, and quality accepts it."""
        codes = [one.code for one in programmes()[PROGRAMME].requirements]
        compliance = self.deployment.compliance
        for paragraph in STEPS[step]:
            index = codes.index("211.188" + paragraph)
            self.send(operator.sender, compliance.submit(case, index, record))
            self.send(self.lumen.quality, compliance.accept(case, index, record))

    # ----------------------------------------------------------------------------------------------- deciding

    def decision(self, papers: Papers, case: bytes, passkey: Passkey) -> Call:
        """The release as the passkey signs it, with all records seen."""
        release = self.deployment.batch_release
        decision = {
            "caseId": case,
            "release": True,
            "record": bytes(32),
            "seen": self.deployment.records.recordCount(papers.subject),
            "signerName": papers.sign_as(QUALITY),
            "deadline": self.now() + DAY,
        }
        where = eip712.domain("BatchRelease", self.chain.id, release.address)
        signature = passkey.sign(eip712.digest("Decision", where, decision))
        call: Call = release.decideSigned(eip712.as_tuple("Decision", decision), passkey.signer, signature)
        return call

    def too_early(self, papers: Papers, case: bytes, passkey: Passkey) -> None:
        """A release without the result of the laboratory."""
        self.refused(
            Sender.unlocked(self.chain, self.accounts[WATCHER]),
            self.decision(papers, case, passkey),
            "NotReleasable",
            f"{QUALITY} of quality releases the batch",
        )
        cause, index = self.deployment.batch_release.obstacle(case, passkey.account)
        found = read(self.deployment, case)
        if cause != ReleaseCause.STEP or [step.code for step in found.missing] != [
            "211.188(b)(5)",
            "211.188(b)(7)",
        ]:
            raise StoryError(f"what is missing: {[step.code for step in found.missing]}")
        step = found.steps[index]
        self.say(f"nobody can: {step.code} is missing, {step.title.lower()}")
        self.expect(found, papers, {"MISSING": 2, "YIELD": 1, "RELEASE": 1})

    def expect(self, case: Case, papers: Papers, kinds: Mapping[str, int]) -> list[str]:
        """What an inspector notes, which must be of these kinds; as text."""
        found = findings(case, papers.archive)
        if Counter(finding.kind for finding in found) != kinds:
            raise StoryError(f"an inspector notes {[(one.kind, one.text) for one in found]}")
        return [f"{one.kind}, {one.code}: {one.text}" for one in found]

    def inspect(self, papers: Papers, case: bytes) -> None:
        """What an inspector is shown: every record, who signed it, and what is wrong."""
        found = read(self.deployment, case)
        wrong = check(found.records, papers.archive)
        if wrong or found.batch is None or found.batch.decision is None:
            raise StoryError(f"the record of the batch: {wrong}")
        self.say("an inspector lists everything from the logs, and opens every document:")
        for line in found.records.lines:
            self.say(f"  {self.told_line(found, line, papers)}")
        signer = printed(papers.archive, found.batch.decision.event["signerName"])
        met = sum(step.met for step in found.steps if step.mandatory)
        self.say(f"  released by {signer} {minute(found.batch.decision.time)}, {met} paragraphs met")
        [late] = self.expect(found, papers, {"LATE": 1})
        self.say(f"  to note: {late}")
        if not self.deployment.batch_release.isReleased(papers.subject):
            raise StoryError("the lot is not released")
        self.results.append(
            (
                "batch of tablets",
                f"{len(found.records.lines)} records, 1 late, 1 amended; released by {signer}'s passkey",
            )
        )

    def told_line(self, case: Case, line: Line, papers: Papers) -> str:
        """A record in words."""
        number = {one.id: one.sequence for one in case.records.lines}
        who = "the scale" if any(line.event["device"]) else printed(papers.archive, line.statement.signerName)
        what = papers.read(line.id)["step"]
        text = f"{line.sequence} {what}, {who}, {minute(line.event['time'])}"
        if line.event["late"]:
            text += f", LATE: of {minute(line.statement.effectiveAt)}"
        if any(line.amends):
            text += f", amends {number[line.amends]}: {explained(papers.archive, line.reason)}"
        if any(line.successor):
            text += f", amended by {number[line.successor]}"
        for one in line.signatures:
            name = printed(papers.archive, one.name)
            text += f"; {name} ({str(Meaning(one.meaning).name).lower()})"
        return text


def minute(seconds: int) -> str:
    """A time, UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
