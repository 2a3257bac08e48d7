"""A case as a PDF that an inspector can take along: each step, who did, signed and decided it and when, late
marks, amendments, deviations, yield, decisions and hashes.

    write(case, findings(case, archive), archive, Path("batch.pdf"))

The same case in the same block gives the same bytes. Names are printed as far as the archive opens them; the
chain has only their salted hashes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from goldthread.chain.manifest import write_atomically
from goldthread.chain.words import BatchState, Meaning
from goldthread.compliance import Act, Batch, Case, Finding, Step, moment, share_of, speaks_against
from goldthread.records.archive import Archive
from goldthread.records.timeline import Line, explained, printed

MARGIN = 12 * mm
WIDTH = landscape(A4)[0] - 2 * MARGIN

Cell = str | Sequence[str]
"""Text of a cell, or its lines."""


class ReportError(Exception):
    """A report that cannot be written. The message says why."""


class BatchRecord:
    """Lays out one case. `font` is a TrueType file; without one a font is used that has no letters beyond
    those of western Europe, and others are spelled out by their code.
    """

    def __init__(
        self, case: Case, found: Sequence[Finding], archive: Archive | None = None, font: Path | None = None
    ) -> None:
        self.case = case
        self.findings = found
        self.archive = archive
        regular, bold = _fonts(font)
        self.face = pdfmetrics.getFont(regular).face
        style = {"fontSize": 7, "leading": 8.6, "wordWrap": "CJK"}
        self.text = ParagraphStyle("text", fontName=regular, **style)
        self.head = ParagraphStyle("head", fontName=bold, **style)
        self.small = ParagraphStyle("small", fontName=regular, fontSize=5.5, leading=6.6, wordWrap="CJK")
        self.chapter = ParagraphStyle(
            "chapter", fontName=bold, fontSize=10, leading=14, spaceBefore=8, keepWithNext=1
        )
        self.title = ParagraphStyle("title", fontName=bold, fontSize=14, leading=18)

    def pdf(self) -> bytes:
        """The document."""
        out = io.BytesIO()
        case = self.case
        document = SimpleDocTemplate(
            out,
            pagesize=landscape(A4),
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=MARGIN,
            bottomMargin=MARGIN + 4 * mm,
            title=f"{case.name}, version {case.version}: 0x{case.subject.hex()}",
            author=self._known(case.who(case.org)),
            creator="goldthread",
            subject=f"0x{case.id.hex()}",
            # No time and no random number goes into the file.
            invariant=1,
        )
        document.build(self._story(), onFirstPage=self._foot, onLaterPages=self._foot)
        return out.getvalue()

    def _story(self) -> list[Flowable]:
        parts: list[tuple[str, Callable[[], list[Flowable]]]] = [
            ("Steps", self._steps),
            ("Amendments", self._amendments),
            ("Yield", self._yield),
            ("Deviations", self._deviations),
            ("Decisions about the batch", self._decisions),
            ("All records about this lot or thing", self._records),
            ("Observations", self._observations),
        ]
        story: list[Flowable] = [self._paragraph(self._headline(), self.title), *self._facts()]
        for name, part in parts:
            if content := part():
                story += [self._paragraph(name, self.chapter), *content]
        return story

    def _foot(self, canvas: Any, document: Any) -> None:
        canvas.setFont(self.small.fontName, 6)
        where = f"chain {self.case.chain_id}, block {self.case.block}, {self.case.block_hash}"
        canvas.drawString(MARGIN, 8 * mm, f"case 0x{self.case.id.hex()} · {where}")
        canvas.drawRightString(landscape(A4)[0] - MARGIN, 8 * mm, f"page {document.page}")

    # What it says

    def _headline(self) -> str:
        return self.case.title or f"{self.case.name}, version {self.case.version}"

    def _facts(self) -> list[Flowable]:
        case = self.case
        rows = [
            ("programme", f"{case.name}, version {case.version}, 0x{case.programme.hex()}"),
            ("document of the programme, SHA-256", f"0x{case.document.hex()}"),
            ("about", f"0x{case.subject.hex()}"),
            ("opened", f"{moment(case.opened_at)} by {case.who(case.org)}"),
            ("reviewer", case.who(case.reviewer) if case.reviewer else "none"),
            ("period", str(case.period) if case.period else "none"),
            ("as of", f"{moment(case.time)}, block {case.block} of chain {case.chain_id}"),
            ("contract", case.contract),
        ]
        if case.batch is not None:
            rows.insert(0, ("batch", case.batch.state.name))
        return [self._table((), rows, (0.2, 0.8)), Spacer(1, 2 * mm)]

    def _steps(self) -> list[Flowable]:
        rows = [self._step(step) for step in self.case.steps]
        columns = ("no.", "asked for", "status", "record", "author and times", "signatures", "decision")
        return [self._table(columns, rows, (0.03, 0.23, 0.09, 0.2, 0.17, 0.15, 0.13))]

    def _step(self, step: Step) -> list[Cell]:
        line = self.case.line(step.record)
        asked = [f"{step.code} {step.title}".strip()]
        asked += [] if step.mandatory else ["where applicable"]
        asked += [f"due {moment(step.due)}"] if step.due else []
        return [
            str(step.index + 1),
            asked,
            [step.status.name, *(["OVERDUE"] if step in self.case.overdue else [])],
            self._record(line, step.record),
            self._author(line),
            self._signatures(line),
            self._decided(step.decision),
        ]

    def _record(self, line: Line | None, record: bytes) -> list[str]:
        if line is None:
            return [f"0x{record.hex()}"] if any(record) else ["none"]
        marks = ["LATE"] if line.event["late"] else []
        marks += ["AMENDED"] if any(line.successor) else []
        return [f"number {line.sequence} {' '.join(marks)}".strip(), f"content 0x{line.content.hex()}"]

    def _author(self, line: Line | None) -> list[str]:
        if line is None:
            return []
        told = self._person(line.event["author"], line.statement.signerName)
        if any(line.event["device"]):
            told = [f"device 0x{line.event['device'].hex()}"]
        return [
            *told,
            f"done {moment(line.statement.effectiveAt)}",
            f"recorded {moment(line.event['time'])}",
        ]

    def _signatures(self, line: Line | None) -> list[str]:
        found = []
        for one in [] if line is None else line.signatures:
            meaning = Meaning(one.meaning).name or f"meaning {one.meaning}"
            found += [meaning, *self._person(one.account, one.name), moment(one.time)]
        return found

    def _decided(self, act: Act | None) -> list[str]:
        if act is None:
            return []
        word = _WORDS[act.name]
        found = [f"{word} by", act.event["caller"], self.case.who(act.org), moment(act.time)]
        if reason := explained(self.archive, act.event.args.get("reason", b"")):
            found.append(f"because {reason}")
        return found

    def _amendments(self) -> list[Flowable]:
        rows: list[list[Cell]] = []
        for line in self.case.records.lines:
            if not any(line.amends):
                continue
            old = self.case.line(line.amends)
            before = f"number {old.sequence}" if old else f"0x{line.amends.hex()}"
            reason = explained(self.archive, line.reason) or "none"
            rows.append([before, f"number {line.sequence}", self._author(line), reason])
        columns = ("record", "corrected by", "author and times", "reason")
        return [self._table(columns, rows, (0.15, 0.15, 0.3, 0.4))] if rows else []

    def _yield(self) -> list[Flowable]:
        batch = self.case.batch
        if batch is None:
            return []
        share = "not reported" if batch.share is None else share_of(batch.share)
        rows = [
            ("actual", _quantity(batch.actual) if batch.share is not None else "not reported"),
            ("theoretical", _quantity(batch.theoretical)),
            ("yield", share),
            ("limits", f"{share_of(batch.lowest)} to {share_of(batch.highest)}"),
        ]
        line = self.case.line(batch.yield_record)
        if line is not None:
            rows.append(("record", " ".join(self._record(line, line.id))))
        return [self._table((), rows, (0.2, 0.8))]

    def _deviations(self) -> list[Flowable]:
        rows: list[list[Cell]] = []
        for one in self.case.batch.deviations if self.case.batch else ():
            told = [f"{_WORDS[a.name]} {moment(a.time)} by {a.event['caller']}" for a in one.acts]
            about = self._record(self.case.line(one.record), one.record)
            inquiry = ["OPEN"]
            if any(one.investigation):
                inquiry = self._record(self.case.line(one.investigation), one.investigation)
            rows.append([str(one.number), about, inquiry, told])
        columns = ("no.", "record", "investigation", "opened and closed")
        return [self._table(columns, rows, (0.05, 0.3, 0.3, 0.35))] if rows else []

    def _decisions(self) -> list[Flowable]:
        batch = self.case.batch
        rows = [self._decision(act) for act in _decided(batch)]
        if batch is not None and batch.state is BatchState.OPEN:
            rows.append(["none yet", "", speaks_against(self.case, batch), ""])
        columns = ("decision", "signed by", "records seen, certificate or reason", "time")
        return [self._table(columns, rows, (0.15, 0.35, 0.35, 0.15))] if rows else []

    def _decision(self, act: Act) -> list[Cell]:
        event = act.event
        if act.name == "ReleaseWithdrawn":
            who: Cell = [event["caller"], self.case.who(act.org)]
            seen = ""
        else:
            name = self._person(event["signer"], event["signerName"])
            who = ["APPROVAL", *name, self.case.who(act.org)]
            seen = f"up to number {event['seen']}"
        reason = explained(self.archive, event["record"]) or ""
        return [_WORDS[act.name], who, [part for part in (seen, reason) if part], moment(act.time)]

    def _records(self) -> list[Flowable]:
        rows: list[list[Cell]] = []
        for line in self.case.records.lines:
            form = str(line.form) if line.form else f"0x{line.statement.schema.hex()}"
            state = ["complete" if line.complete else "incomplete"]
            if any(line.successor):
                successor = self.case.line(line.successor)
                state = [f"amended by number {successor.sequence}" if successor else "amended"]
            state += ["LATE"] if line.event["late"] else []
            state += ["documents disposed of"] if line.disposed else []
            hashes = [f"id 0x{line.id.hex()}", f"content 0x{line.content.hex()}"]
            rows.append([str(line.sequence), form, state, self._author(line), self._signatures(line), hashes])
        columns = ("no.", "form", "state", "author and times", "signatures", "hashes")
        return [self._table(columns, rows, (0.04, 0.14, 0.12, 0.2, 0.2, 0.3))] if rows else []

    def _observations(self) -> list[Flowable]:
        if not self.findings:
            return [self._paragraph("none", self.text)]
        rows: list[list[Cell]] = [
            [str(number), one.code, one.kind, one.text] for number, one in enumerate(self.findings, 1)
        ]
        return [self._table(("no.", "paragraph", "kind", "observation"), rows, (0.05, 0.15, 0.12, 0.68))]

    # How it says it

    def _person(self, account: str, name: bytes) -> list[str]:
        found = printed(self.archive, name)
        return [found, account] if found else [account]

    def _table(
        self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[float]
    ) -> Table:
        cells = [[self._paragraph(name, self.head) for name in columns]] if columns else []
        for row in rows:
            cells.append([self._cell(cell) for cell in row])
        table = Table(
            cells,
            colWidths=[WIDTH * width for width in widths],
            repeatRows=1 if columns else 0,
            hAlign="LEFT",
        )
        style = [
            ("GRID", (0, 0), (-1, -1), 0.25, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
        if columns:
            style.append(("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke))
        table.setStyle(TableStyle(style))
        return table

    def _cell(self, cell: Cell) -> list[Paragraph]:
        lines = [cell] if isinstance(cell, str) else cell
        return [self._paragraph(line, self.small if "0x" in line else self.text) for line in lines]

    def _paragraph(self, text: str, style: ParagraphStyle) -> Paragraph:
        return Paragraph(escape(self._known(text)), style)

    def _known(self, text: str) -> str:
        """What the font cannot show, and what is no printable character, is spelled out."""
        return "".join(
            c if c.isprintable() and ord(c) in self.face.charToGlyph else c.encode("unicode_escape").decode()
            for c in text
        )


_WORDS = {
    "EvidenceAccepted": "accepted",
    "EvidenceRejected": "rejected",
    "RequirementWaived": "waived",
    "DeviationOpened": "opened",
    "DeviationClosed": "closed",
    "DeviationReopened": "opened again",
    "BatchReleased": "RELEASED",
    "BatchRejected": "REJECTED",
    "ReleaseWithdrawn": "RELEASE WITHDRAWN",
}


def write(
    case: Case, found: Sequence[Finding], archive: Archive | None, out: Path, font: Path | None = None
) -> None:
    """Write the PDF, replaced in one step. Raises `ReportError`."""
    data = BatchRecord(case, found, archive, font).pdf()
    try:
        write_atomically(out, data)
    except OSError as error:
        raise ReportError(f"{out}: {error.strerror or error}") from None


def _decided(batch: Batch | None) -> list[Act]:
    names = ("BatchReleased", "BatchRejected", "ReleaseWithdrawn")
    return [act for act in batch.acts if act.name in names] if batch is not None else []


def _quantity(millionths: int) -> str:
    whole, rest = divmod(millionths, 10**6)
    return f"{whole:,}" + (f".{rest:06}".rstrip("0") if rest else "")


@cache
def _fonts(file: Path | None) -> tuple[str, str]:
    """Names of a regular and a bold font; `ReportError` if the file is none."""
    if file is None:
        for name in ("Vera", "VeraBd"):
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
        return "Vera", "VeraBd"
    try:
        pdfmetrics.registerFont(TTFont(str(file), str(file)))
    except (TTFError, OSError) as error:
        raise ReportError(f"{file}: is no TrueType font: {error}") from None
    return str(file), str(file)
