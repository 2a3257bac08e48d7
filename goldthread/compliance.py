"""What a programme asks for, what of it is on record, and what an inspector would write down.

    case = read(deployment, case_id)
    case.steps[3].status                                 # where a requirement stands now
    findings(case)                                       # everything that is missing, late, unsigned, overdue

Everything is of one block: what the contract says, the logs behind it, and the records of the subject.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from goldthread.audit.history import block_times, organisation_names
from goldthread.chain import logs
from goldthread.chain.abi import hash_of, signature
from goldthread.chain.contracts import Contract, Deployment
from goldthread.chain.logs import Event
from goldthread.chain.words import BatchState, Meaning, ReleaseCause, RequirementStatus
from goldthread.records.archive import Archive
from goldthread.records.timeline import Line, Timeline, printed
from goldthread.records.timeline import read as read_records
from goldthread.rules.programmes import Programme, code_of, programmes

NOTHING = bytes(32)
NOBODY = "0x" + 40 * "0"
PAGE = 32
"""Requirements that a view of the contract goes through."""
ONE = 10**6
"""A share of one, in parts per million."""

MET = (RequirementStatus.ACCEPTED, RequirementStatus.WAIVED)


class CaseError(Exception):
    """A case that cannot be read. The message says which, and why."""


@dataclass(frozen=True)
class Act:
    """Something that was done about a case: the event, and when, in unix seconds."""

    event: Event
    time: int

    @property
    def name(self) -> str:
        """Of the event."""
        return self.event.name

    @property
    def org(self) -> int:
        """Number of the organisation that did it."""
        found: int = self.event["org"]
        return found


@dataclass
class Step:
    """A requirement of a case. Times in unix seconds."""

    index: int
    code: str
    title: str
    source: str
    jurisdiction: str
    mandatory: bool
    waivable: bool
    severity: int
    second_persons: int
    status: RequirementStatus
    due: int
    """Last second at which it is in time; 0: it has none."""
    record: bytes
    """The last record submitted, or that explains its waiver; zero: none."""
    acts: list[Act] = field(default_factory=list)

    @property
    def met(self) -> bool:
        """Is it accepted or waived, by what still stands?"""
        return self.status in MET

    @property
    def decision(self) -> Act | None:
        """The acceptance, rejection or waiver that came last."""
        decided = [act for act in self.acts if act.name in _DECISIONS]
        return decided[-1] if decided else None


_DECISIONS = ("EvidenceAccepted", "EvidenceRejected", "RequirementWaived")


@dataclass(frozen=True)
class Deviation:
    """A deviation from the master record; `investigation` is zero while it is open."""

    number: int
    record: bytes
    investigation: bytes
    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Batch:
    """What BatchRelease has of the case. Quantities in millionths of the unit of measure, shares in ppm."""

    state: BatchState
    is_lot: bool
    theoretical: int
    lowest: int
    highest: int
    actual: int
    yield_record: bytes
    deviations: tuple[Deviation, ...]
    cause: ReleaseCause
    """The first thing that speaks against a release, whoever signs."""
    detail: int
    acts: tuple[Act, ...]

    @property
    def share(self) -> int | None:
        """The yield in parts per million, rounded down; None: none was reported."""
        return self.actual * ONE // self.theoretical if any(self.yield_record) else None

    @property
    def decision(self) -> Act | None:
        """Release or rejection."""
        return next((a for a in self.acts if a.name in ("BatchReleased", "BatchRejected")), None)


@dataclass
class Case:
    """A programme that applies to a thing, as of a block."""

    id: bytes
    block: int
    block_hash: str
    time: int
    """Of the block, unix seconds."""
    chain_id: int
    contract: str
    programme: bytes
    name: str
    version: int
    document: bytes
    title: str
    """Of the programme, if this package has the text behind its document."""
    subject: bytes
    org: int
    reviewer: int
    period: int
    opened_at: int
    steps: list[Step]
    batch: Batch | None
    records: Timeline
    organisations: Mapping[int, str]

    def line(self, record: bytes) -> Line | None:
        """A record of the subject."""
        return next((line for line in self.records.lines if line.id == record), None)

    @property
    def missing(self) -> list[Step]:
        """What is mandatory and not met."""
        return [step for step in self.steps if step.mandatory and not step.met]

    @property
    def overdue(self) -> list[Step]:
        """What is late, mandatory or not."""
        return [step for step in self.steps if step.due and self.time > step.due and not step.met]

    def who(self, org: int) -> str:
        """An organisation for people."""
        return self.organisations.get(org) or f"#{org}"


def read(deployment: Deployment, case_id: bytes) -> Case:
    """A case as of the newest block; `CaseError` if there is none."""
    contract, block = deployment.compliance, deployment.chain.block_number()
    header = deployment.chain.rpc("eth_getBlockByNumber", hex(block), False)
    facts = contract.caseOf.at(block)(case_id)
    if not facts.org:
        raise CaseError(f"case 0x{case_id.hex()}: there is none on chain {deployment.chain.id}")
    topics = _topics(contract)
    wanted = [topics["ProgrammeRegistered"], f"0x{facts.programme.hex()}"]
    found = list(logs.events(deployment, ["Compliance"], last=block, topics=wanted))
    if len(found) != 1:
        raise CaseError(f"programme 0x{facts.programme.hex()}: its registration is not in the logs")
    programme = found[0]
    acts = _acts(deployment, case_id, block)
    return Case(
        id=case_id,
        block=block,
        block_hash=header["hash"],
        time=int(header["timestamp"], 16),
        chain_id=deployment.chain.id,
        contract=contract.address,
        programme=facts.programme,
        name=programme["name"],
        version=programme["version"],
        document=programme["definition"].document,
        title=_title(programme),
        subject=facts.subject,
        org=facts.org,
        reviewer=facts.reviewer,
        period=facts.period,
        opened_at=facts.openedAt,
        steps=_steps(deployment, case_id, facts, programme, acts, block),
        batch=_batch(deployment, case_id, facts.programme, acts, block),
        records=read_records(deployment, facts.subject),
        organisations=organisation_names(deployment, block),
    )


def cases_of(deployment: Deployment, subject: bytes) -> list[bytes]:
    """The cases about a thing, in the order in which they were opened."""
    topic = _topics(deployment.compliance)["CaseOpened"]
    wanted = [topic, None, None, f"0x{subject.hex()}"]
    return [event["caseId"] for event in logs.events(deployment, ["Compliance"], topics=wanted)]


def _steps(
    deployment: Deployment, case_id: bytes, facts: Any, programme: Event, acts: Sequence[Act], block: int
) -> list[Step]:
    contract, rows = deployment.compliance, programme["definition"].requirements
    pages = [contract.status.prepare(case_id, start) for start in range(0, len(rows), PAGE)]
    told = [one for page in deployment.read_many(pages, block) for one in page]
    evidence = [contract.evidenceOf.prepare(case_id, index) for index in range(len(rows))]
    records = deployment.read_many(evidence, block)
    text = _text(programme["name"], programme["definition"].document)
    steps = []
    for index, (row, status, record) in enumerate(zip(rows, told, records, strict=True)):
        terms, code = row.terms, code_of(row.terms.code)
        words = next((one for one in text.requirements if one.code == code), None) if text else None
        steps.append(
            Step(
                index=index,
                code=code,
                title=words.title if words else "",
                source=words.source if words else "",
                jurisdiction=code_of(terms.jurisdiction),
                mandatory=terms.mandatory,
                waivable=terms.waivable,
                severity=terms.severity,
                second_persons=terms.secondPersons,
                status=RequirementStatus(status),
                due=facts.openedAt + terms.dueAfter if terms.dueAfter else terms.due,
                record=record,
                acts=[act for act in acts if act.event.args.get("index") == index],
            )
        )
    return steps


def _batch(
    deployment: Deployment, case_id: bytes, programme: bytes, acts: Sequence[Act], block: int
) -> Batch | None:
    contract = deployment.batch_release
    facts = contract.batchOf.at(block)(case_id)
    if facts.state == BatchState.NONE:
        return None
    master = contract.masterOf.at(block)(programme)
    numbers = range(1, facts.deviations + 1)
    calls = [contract.deviationOf.prepare(case_id, number) for number in numbers]
    deviations = tuple(
        Deviation(
            number,
            one.record,
            one.investigation,
            tuple(act for act in acts if act.event.args.get("number") == number),
        )
        for number, one in zip(numbers, deployment.read_many(calls, block), strict=True)
    )
    cause, detail = contract.obstacle.at(block)(case_id, NOBODY)
    own = tuple(act for act in acts if act.event.contract == "BatchRelease")
    return Batch(
        state=BatchState(facts.state),
        is_lot=facts.isLot,
        theoretical=master.theoretical,
        lowest=master.lowest,
        highest=master.highest,
        actual=facts.actual,
        yield_record=facts.yieldRecord,
        deviations=deviations,
        cause=ReleaseCause(cause),
        detail=detail,
        acts=own,
    )


def _acts(deployment: Deployment, case_id: bytes, block: int) -> list[Act]:
    """All that was done about the case, in its order."""
    found = [
        event
        for event in logs.events(
            deployment, ["Compliance", "BatchRelease"], last=block, topics=[None, f"0x{case_id.hex()}"]
        )
        if event.args.get("caseId") == case_id
    ]
    times = block_times(deployment, {event.block for event in found})
    return [Act(event, times[event.block]) for event in found]


def _text(name: str, document: bytes) -> Programme | None:
    """The words behind a programme, if they are in this package."""
    known = programmes().get(name)
    return known if known is not None and known.document == document else None


def _title(programme: Event) -> str:
    text = _text(programme["name"], programme["definition"].document)
    return text.title if text else ""


def _topics(contract: Contract) -> dict[str, str]:
    return {entry["name"]: f"0x{hash_of(signature(entry)).hex()}" for entry in contract.events.values()}


# ------------------------------------------------------------------------------------------------- findings


@dataclass(frozen=True)
class Finding:
    """An observation, as an inspector writes it (Form FDA 483).

    `code` is the paragraph that is not met, `kind` one of MISSING, LATE, UNSIGNED, SAME_PERSON, OVERDUE,
    DEVIATION, YIELD, RELEASE and LOGS, `record` what it is about (zero: no record).
    """

    code: str
    kind: str
    text: str
    record: bytes = NOTHING


def findings(case: Case, archive: Archive | None = None) -> list[Finding]:
    """Everything that an inspector would note, in the order of the record.

    With an archive two accounts with the same printed name are found as well.
    """
    found: list[Finding] = []
    for step in case.steps:
        found += _of_step(case, step)
    found += _of_records(case, archive)
    if case.batch is not None:
        found += _of_batch(case, case.batch)
    found += [Finding("11.10(e)", "LOGS", problem) for problem in case.records.problems]
    return found


def _of_step(case: Case, step: Step) -> Iterator[Finding]:
    if not step.met and step.mandatory:
        yield Finding(step.code, "MISSING", f"{_named(step)}: {_STATUS[step.status]}", step.record)
    if step in case.overdue:
        yield Finding(step.code, "OVERDUE", f"{_named(step)}: was due {moment(step.due)}", step.record)
    line = case.line(step.record)
    decision = step.decision
    if line is None or decision is None or decision.name != "EvidenceAccepted":
        return
    reviewer, signers = decision.event["caller"], {one.account for one in line.signatures}
    if signers == {reviewer}:
        text = f"{_named(step)}: {reviewer} is the only second person and accepted the record as well"
        yield Finding(_paragraph(case, "SAME_PERSON"), "SAME_PERSON", text, line.id)


_STATUS = {
    RequirementStatus.OPEN: "there is no record",
    RequirementStatus.SUBMITTED: "its record waits for a decision of quality",
    RequirementStatus.REJECTED: "its record was rejected, and no other was submitted",
    RequirementStatus.SUPERSEDED: "the record that was accepted has been corrected since, and the correction "
    "is not accepted",
    RequirementStatus.EXPIRED: "its record is too old",
}


def _of_records(case: Case, archive: Archive | None) -> Iterator[Finding]:
    """What is wrong with the records of the subject that this case rests on, and with late ones."""
    used = {step.record for step in case.steps}
    if case.batch is not None:
        used |= {case.batch.yield_record}
        used |= {part for one in case.batch.deviations for part in (one.record, one.investigation)}
    for line in case.records.lines:
        if line.event["late"]:
            lag = line.event["time"] - line.statement.effectiveAt
            text = f"record {line.sequence} was written {_span(lag)} after what it tells of"
            yield Finding(_paragraph(case, "LATE"), "LATE", text, line.id)
        if line.id not in used:
            continue
        if not any(line.successor) and not line.complete:
            terms = line.form.terms if line.form else None
            wanted = terms.secondPersons if terms else 0
            text = f"record {line.sequence} has {len({s.account for s in line.signatures})} of {wanted} "
            text += "second persons" + _unsigned(line)
            yield Finding(_paragraph(case, "UNSIGNED"), "UNSIGNED", text, line.id)
        for name, accounts in _same_names(line, archive).items():
            text = f"record {line.sequence}: {name!r} signed as {' and as '.join(sorted(accounts))}"
            yield Finding("11.100(a)", "SAME_PERSON", text, line.id)


def _unsigned(line: Line) -> str:
    """The meanings that nobody has signed for."""
    wanted = line.form.terms.meanings if line.form else 0
    signed = 0
    for one in line.signatures:
        signed |= one.meaning
    lacking = [meaning.name or "" for meaning in Meaning if wanted & ~signed & meaning]
    return f", and no signature for {', '.join(lacking)}" if lacking else ""


def _same_names(line: Line, archive: Archive | None) -> dict[str, set[str]]:
    """Printed names under which several accounts signed one record."""
    found: dict[str, set[str]] = {}
    signed = [(line.event["author"], line.statement.signerName)]
    signed += [(one.account, one.name) for one in line.signatures]
    for account, commitment in signed:
        if (name := printed(archive, commitment)) is not None:
            found.setdefault(name, set()).add(account)
    return {name: accounts for name, accounts in found.items() if len(accounts) > 1}


def _paragraph(case: Case, kind: str) -> str:
    """Of 21 CFR 211 for a batch of a drug, of 21 CFR 11 for what else is on record."""
    drug, other = _PARAGRAPHS[kind]
    return other if case.batch is None else drug


_PARAGRAPHS = {
    "LATE": ("211.100(b)", "11.10(e)"),
    "UNSIGNED": ("211.188(b)(11)", "11.50(a)"),
    "SAME_PERSON": ("211.194(a)(8)", "11.10(g)"),
}


def _of_batch(case: Case, batch: Batch) -> Iterator[Finding]:
    for one in batch.deviations:
        if not any(one.investigation):
            yield Finding("211.192", "DEVIATION", f"deviation {one.number} is not investigated", one.record)
            continue
        told = Counter(
            act.event["caller"] for act in one.acts if act.name in ("DeviationOpened", "DeviationClosed")
        )
        for person, times in told.items():
            if times > 1:
                text = f"deviation {one.number} was opened and closed by {person}"
                yield Finding("211.22(a)", "SAME_PERSON", text, one.investigation)
        line = case.line(one.investigation)
        if line is not None and any(line.successor):
            text = f"the investigation of deviation {one.number} was corrected after it was closed"
            yield Finding("211.192", "DEVIATION", text, one.investigation)
    if batch.share is None:
        yield Finding("211.103", "YIELD", "no yield is reported")
    elif not batch.lowest * batch.theoretical <= batch.actual * ONE <= batch.highest * batch.theoretical:
        text = f"the yield of {share_of(batch.share)} is outside {share_of(batch.lowest)} to "
        yield Finding("211.103", "YIELD", text + share_of(batch.highest), batch.yield_record)
    line = case.line(batch.yield_record)
    if line is not None and any(line.successor):
        text = "the record of the yield was corrected, and the yield not reported anew"
        yield Finding("211.103", "YIELD", text, batch.yield_record)
    if batch.state is BatchState.OPEN:
        why = speaks_against(case, batch)
        yield Finding("211.22(a)", "RELEASE", f"quality has not decided about the batch: {why}")
    elif batch.state is BatchState.RELEASED and case.missing:
        codes = ", ".join(step.code for step in case.missing)
        yield Finding("211.22(a)", "RELEASE", f"the batch is released, and by now not met: {codes}")


def speaks_against(case: Case, batch: Batch) -> str:
    """The first thing that speaks against a release, whoever signs, in words."""
    match batch.cause:
        case ReleaseCause.NONE:
            return "nothing speaks against a release"
        case ReleaseCause.STEP:
            return f"{case.steps[batch.detail].code} is not met"
        case ReleaseCause.NOT_EXAMINED:
            return f"the first {PAGE} steps are not examined for who signs"
        case ReleaseCause.DEVIATION:
            return f"deviations are open: {batch.detail}"
        case ReleaseCause.NO_YIELD:
            return "no yield is reported"
        case ReleaseCause.YIELD_RECORD:
            return "the record of the yield was corrected"
        case ReleaseCause.HELD:
            return f"it is held by others, times: {batch.detail}"
        case ReleaseCause.RECALLED:
            return f"it is a member of recalls: {batch.detail}"
        case ReleaseCause.EXPIRED:
            return f"it has expired, {moment(batch.detail)}"
        case ReleaseCause.ENDED:
            return "it has ended"
        case _:
            return f"it is {batch.state.name}"


def _named(step: Step) -> str:
    return step.title or step.code


def share_of(ppm: int) -> str:
    """A share in percent, exactly."""
    whole, rest = divmod(ppm, ONE // 100)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".") + " %"


def moment(seconds: int) -> str:
    """A second in ISO 8601, UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"


def _span(seconds: int) -> str:
    """A time in its largest unit that is whole enough to be read."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
