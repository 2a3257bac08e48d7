"""The sortable spreadsheet of 21 CFR 1.1455(c)(3)(ii), from the chain and the documents behind its events.

    sheet = Spreadsheet.read(deployment, Kept(store))
    sheet.choose(tlcs=[...])                # or foods and dates
    write(path, sheet.sheets(), written=now)

What happened, to which lot, how much and when is told by the chain; the rest is in the documents of the
events (JSON of the shape of EPCIS 2.0), which the chain knows by the SHA-256 of their bytes. Beside what
EPCIS has, a document says in an object `fsma` which critical tracking event it is (`event`) and whatever else
the rule asks for, by the names of `goldthread.rules.fsma`. What is not there is an empty cell, and a row of
the tab Missing.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from goldthread.audit.base import ZERO32, short
from goldthread.chain import logs
from goldthread.gs1 import IdError, identify, twin_id
from goldthread.rules.fsma import (
    ASSIGNING,
    ELEMENTS,
    KEEPING,
    LOCATION_COLUMNS,
    PRODUCT_COLUMNS,
    Element,
    Event,
    event_of,
)
from goldthread.workbooks import Sheet

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.records.store import Store

MAX_DOCUMENT = 4 << 20
"""Bytes of the largest document."""

_MOVING = (Event.HARVEST, Event.COOL, Event.SHIP, Event.RECEIVE, Event.RECEIVE_EXEMPT)
"""What a document may call the movement of a quantity."""

TRANSACTIONS = {"bol": "bill of lading", "desadv": "ASN", "inv": "invoice", "po": "purchase order"}
"""Business transaction types of the Core Business Vocabulary, as reference document types."""

_CONTRACTS = ("Twins", "Lots", "Lineage")


class Documents(Protocol):
    """Where documents are found by the SHA-256 of their bytes."""

    def get(self, digest: bytes) -> bytes:
        """The bytes; an exception of this package that says why there are none."""


@dataclass(frozen=True)
class Kept:
    """Documents in a content-addressed store, each under its own SHA-256."""

    store: Store

    def get(self, digest: bytes) -> bytes:
        """Raises `StoreError`, also for a copy that was changed."""
        return self.store.get(digest, digest.hex())


class Missing(NamedTuple):
    """A key data element that is not there, or a rule that is not kept."""

    tab: str
    row: int | None
    """In its tab, with the titles as row 1; none where it is about no row."""
    tlc: str
    paragraph: str
    what: str
    why: str


@dataclass
class Line:
    """A row of a tab: what the chain says, and the document behind it."""

    event: Event
    lot: bytes
    block: int
    time: int
    """When it happened, unix seconds."""
    known: dict[str, str]
    """Key data elements by field, as the chain has them."""
    document: Mapping[str, Any] | None
    doubt: str
    """Why there is no document."""
    changed: str = ""
    """How the traceability lot code was changed; empty: it was not."""

    def value(self, element: Element) -> str:
        """The cell of an element; empty if it is not known."""
        return self.known.get(element.field) or _from_document(self.document or {}, element.field)


@dataclass
class Lot:
    """What the chain says of a traceability lot."""

    uri: str
    org: int
    unit: str
    quantity: int
    assigned: Event
    """Where its code was assigned."""

    @property
    def tlc(self) -> str:
        """The traceability lot code: the lot number of its GS1 link, of another URI all of it."""
        _, found, number = self.uri.partition("/10/")
        return number if found else self.uri

    @property
    def gtin(self) -> str:
        """The GTIN of its GS1 link, or nothing."""
        _, found, rest = self.uri.partition("/01/")
        return rest.partition("/")[0] if found else ""


@dataclass
class Spreadsheet:
    """All critical tracking events up to a block."""

    documents: Documents
    lots: dict[bytes, Lot] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    """Of organisations."""
    block: int = -1
    _inside: dict[bytes, dict[bytes, int]] = field(default_factory=lambda: defaultdict(dict))
    """By container and lot, how much is inside."""
    _inputs: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=lambda: defaultdict(list))
    _outputs: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    _told: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Of each process, how many inputs and outputs had an event behind them."""
    _read: dict[bytes, tuple[Mapping[str, Any] | None, str]] = field(default_factory=dict)
    _first: dict[bytes, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Of each lot what the document says with which its code was assigned."""

    @classmethod
    def read(
        cls,
        deployment: Deployment,
        documents: Documents,
        *,
        last: int | None = None,
        progress: logs.Progress | None = None,
    ) -> Spreadsheet:
        """Read the logs of lots, containers and transformations up to block `last` (the newest)."""
        from goldthread.audit.history import organisation_names

        sheet = cls(documents)
        sheet.block = deployment.chain.block_number() if last is None else last
        sheet.names = organisation_names(deployment, sheet.block)
        for event in logs.events(deployment, list(_CONTRACTS), last=sheet.block, progress=progress):
            sheet.fold(event)
        return sheet

    # --------------------------------------------------------------------------------------------- folding

    def fold(self, event: logs.Event) -> None:
        """One more event of Twins, Lots or Lineage, in its order."""
        match event.contract, event.name:
            case "Lots", "LotCommissioned":
                self._commissioned(event)
            case "Lots", "QuantityOffered":
                self._moved(event, Event.SHIP, event["lot"], event["quantity"], event["to"])
            case "Lots", "QuantityAccepted":
                self._moved(event, Event.RECEIVE, event["lot"], event["quantity"], event["from"])
            case "Lots", "QuantityPacked":
                self._pack(event["lot"], event["container"], event["quantity"])
            case "Lots", "LeafUnpacked":
                leaf = event["leaf"]
                self._pack(leaf.lot, event["container"], -leaf.quantity)
                if leaf.childRoot != ZERO32:
                    self._pack(leaf.lot, leaf.child, leaf.quantity)
            case "Twins", "Offered" | "HandedOver":
                self._container(event, Event.SHIP, event["to"])
                if event.name == "HandedOver":
                    self._container(event, Event.RECEIVE, event["org"])
            case "Twins", "Accepted":
                self._container(event, Event.RECEIVE, event["from"])
            case "Lineage", "InputAdded":
                self._inputs[event["process"]].append((event["lot"], event["quantity"]))
            case "Lineage", "OutputAdded":
                self._outputs[event["process"]].append(event["product"])
            case "Lineage", "Transformed":
                self._transformed(event)

    def _commissioned(self, event: logs.Event) -> None:
        item, made = event["item"], event["process"] != ZERO32
        document, doubt = self._document(event["ref"])
        told = _told_event(document)
        kind = told or (Event.TRANSFORM if made else Event.PACK)
        unit = item.unit.rstrip(b"\0").decode("ascii", "replace")
        lot = Lot(item.uri, event["org"], unit, item.quantity, kind)
        self.lots[event["lot"]] = lot
        self._note(event["lot"], document)
        if not made:
            known = {"tlc": lot.tlc, "quantity": _amount(item.quantity, unit), **self._dates(event, kind)}
            self._add(kind, event, event["lot"], known, document, doubt)

    def _moved(self, event: logs.Event, kind: Event, lot: bytes, quantity: int, other: int) -> None:
        document, doubt = self._document(event["ref"])
        told = _told_event(document)
        facts = self.lots.get(lot)
        if told is None and facts is not None and facts.assigned in (Event.HARVEST, Event.COOL):
            # What is not packed yet has no code, and its movements are no critical tracking events.
            return
        kind = told if told in _MOVING else kind
        known = {"quantity": _amount(quantity, facts.unit if facts else ""), **self._dates(event, kind)}
        known["tlc"] = facts.tlc if facts else short(lot)
        party = "source" if kind in (Event.RECEIVE, Event.RECEIVE_EXEMPT) else "recipient"
        first = self._first.get(lot, {})
        for name, value in (
            (party, self.names.get(other, "")),
            ("product", first.get("product", "")),
            ("tlcSource", first.get("place", "")),
        ):
            if not _from_document(document or {}, name):
                known[name] = value
        self._add(kind, event, lot, known, document, doubt)
        self.lines[-1].changed = _changed(kind, lot, document)

    def _container(self, event: logs.Event, kind: Event, other: int) -> None:
        """What is in a container moves with it."""
        for lot, quantity in self._inside.get(event["id"], {}).items():
            if quantity > 0:
                self._moved(event, kind, lot, quantity, other)

    def _pack(self, lot: bytes, container: bytes, quantity: int) -> None:
        inside = self._inside[container]
        inside[lot] = inside.get(lot, 0) + quantity

    def _transformed(self, event: logs.Event) -> None:
        """A row for each lot that came out and each that went in, in all events of the process so far."""
        process = event["process"]
        document, doubt = self._document(event["ref"])
        kind = _told_event(document) or Event.TRANSFORM
        inputs, outputs = self._inputs[process], self._outputs[process]
        before = self._told.get(process, (0, 0))
        self._told[process] = len(inputs), len(outputs)
        new_inputs, new_outputs = inputs[before[0] :], outputs[before[1] :]
        pairs = [(lot, product) for product in new_outputs for lot in (inputs or [(ZERO32, 0)])]
        pairs += [(lot, product) for product in outputs[: before[1]] for lot in new_inputs]
        for (lot, quantity), product in pairs:
            made, used = self.lots.get(product), self.lots.get(lot)
            self._note(product, document)
            known = self._dates(event, kind)
            if made:
                known |= {"tlc": made.tlc, "quantity": _amount(made.quantity, made.unit)}
            if used:
                amount = _amount(quantity, used.unit)
                known |= {"inputTlc": used.tlc, "inputQuantity": amount, "received": amount}
                if not _from_document(document or {}, "inputProduct"):
                    known["inputProduct"] = self._first.get(lot, {}).get("product", "")
            self._add(kind, event, product, known, document, doubt)

    def _note(self, lot: bytes, document: Mapping[str, Any] | None) -> None:
        for name in ("product", "place"):
            if value := _from_document(document or {}, name):
                self._first[lot].setdefault(name, value)

    def _dates(self, event: logs.Event, kind: Event) -> dict[str, str]:
        day = datetime.fromtimestamp(_time(event), UTC).date().isoformat() if _time(event) else ""
        return {"harvestDate" if kind == Event.HARVEST else "date": day}

    def _add(
        self,
        kind: Event,
        event: logs.Event,
        lot: bytes,
        known: dict[str, str],
        document: Mapping[str, Any] | None,
        doubt: str,
    ) -> None:
        self.lines.append(Line(kind, lot, event.block, _time(event), known, document, doubt))

    def _document(self, ref: Any) -> tuple[Mapping[str, Any] | None, str]:
        """The document of an event, or why there is none."""
        if ref.docHash == ZERO32:
            return None, "the event names no document"
        if ref.docHash not in self._read:
            self._read[ref.docHash] = _load(self.documents, ref.docHash)
        return self._read[ref.docHash]

    # -------------------------------------------------------------------------------------------- choosing

    def choose(
        self,
        tlcs: Sequence[bytes] = (),
        foods: Sequence[str] = (),
        first: date | None = None,
        last: date | None = None,
    ) -> None:
        """Leave what is about one of these lots (ids), or about one of these foods (a GTIN, or words of the
        product description) from the first to the last day, both included.
        """
        wanted = set(tlcs)
        self.lines = [
            line
            for line in self.lines
            if (not wanted or self._is_about(line, wanted))
            and (not foods or self._is_food(line, foods))
            and _within(line.time, first, last)
        ]

    def _is_about(self, line: Line, wanted: set[bytes]) -> bool:
        used = {self.lots[lot].tlc for lot in wanted if lot in self.lots}
        return line.lot in wanted or line.known.get("inputTlc") in used

    def _is_food(self, line: Line, foods: Sequence[str]) -> bool:
        lot = self.lots.get(line.lot)
        fields = ("product", "commodity", "inputProduct")
        texts = [_from_document(line.document or {}, name).casefold() for name in fields]
        return any(
            (lot is not None and lot.gtin == food) or any(food.casefold() in text for text in texts)
            for food in foods
        )

    # --------------------------------------------------------------------------------------------- writing

    def sheets(self) -> list[Sheet]:
        """A tab for each critical tracking event, Locations, Products, and Missing."""
        tabs = [self._tab(event) for event in Event]
        missing = [[*each] for each in self.missing()]
        return [
            *tabs,
            Sheet("Locations", LOCATION_COLUMNS, self._masters("locations", _LOCATION)),
            Sheet("Products", PRODUCT_COLUMNS, self._masters("products", _PRODUCT)),
            Sheet("Missing", ("Tab", "Row", "TLC", "Paragraph", "Element", "Why"), missing),
        ]

    def missing(self) -> list[Missing]:
        """Every element that is not known, with tab, row and paragraph; and every rule that is not kept."""
        found = []
        for event in Event:
            for row, line in enumerate(self._lines(event), 2):
                tlc = line.known.get("tlc", "")
                for element in ELEMENTS[event]:
                    if not line.value(element) and _applies(line, element):
                        why = line.doubt or "the document does not say"
                        section = f"{event.section.partition('(')[0]}{element.paragraph}"
                        found.append(Missing(event.tab, row, tlc, section, element.title, why))
        return [*found, *self.broken()]

    def broken(self) -> list[Missing]:
        """The rules about traceability lot codes that are not kept."""
        found = []
        for event in KEEPING:
            for row, line in enumerate(self._lines(event), 2):
                if line.changed:
                    tlc = line.known.get("tlc", "")
                    found.append(Missing(event.tab, row, tlc, "1.1320", "TLC", line.changed))
        moved = {line.lot for line in self.lines if line.event in KEEPING}
        for lot in sorted(moved):
            facts = self.lots.get(lot)
            if facts is not None and facts.assigned not in ASSIGNING:
                why = f"assigned at {facts.assigned.word}: 1.1320 allows it at packing, landing, "
                why += "transformation, and receipt from who is exempt"
                found.append(Missing(facts.assigned.tab, None, facts.tlc, "1.1320", "TLC", why))
        return found

    def _lines(self, event: Event) -> list[Line]:
        return [line for line in self.lines if line.event == event]

    def _tab(self, event: Event) -> Sheet:
        elements = ELEMENTS[event]
        rows = [
            [*(line.value(element) or None for element in elements), line.block]
            for line in self._lines(event)
        ]
        return Sheet(event.tab, [*(element.header for element in elements), "Block"], rows)

    def _masters(self, name: str, fields: Sequence[str]) -> list[list[str | None]]:
        """What the documents say of locations or products, each once."""
        found: dict[str, list[str | None]] = {}
        for line in self.lines:
            for each in _list(_fsma(line.document or {}).get(name)):
                cells = [_text(each.get(key)) or None for key in fields]
                if cells[0]:
                    found.setdefault(cells[0], cells)
        return [found[key] for key in sorted(found)]


_LOCATION = ("id", "name", "phone", "address", "city", "state", "zip", "country")
_PRODUCT = ("id", "name", "brand", "commodity", "variety", "size", "style")


def _load(documents: Documents, digest: bytes) -> tuple[Mapping[str, Any] | None, str]:
    try:
        data = documents.get(digest)
    except Exception as error:
        # Whatever a store says on purpose is why; anything else is a mistake of ours.
        if type(error).__module__.startswith("goldthread."):
            return None, f"the document cannot be read: {error}"
        raise
    if hashlib.sha256(data).digest() != digest:
        return None, f"the document was changed: its SHA-256 is not 0x{digest.hex()}"
    if len(data) > MAX_DOCUMENT:
        return None, f"the document has {len(data)} bytes, at most {MAX_DOCUMENT} are read"
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None, "the document is no JSON"
    events = _list(_object(_object(found).get("epcisBody")).get("eventList"))
    if len(events) > 1:
        return None, "the document has several events"
    found = events[0] if events else found
    return (found, "") if isinstance(found, dict) else (None, "the document is no event")


def _told_event(document: Mapping[str, Any] | None) -> Event | None:
    return event_of(_text(_fsma(document or {}).get("event")))


def _from_document(document: Mapping[str, Any], name: str) -> str:
    """A key data element: from the object `fsma`, or from where EPCIS has it."""
    told = _text(_fsma(document).get(name))
    if told:
        return told
    if name == "place":
        return _text(_object(document.get("readPoint")).get("id")) or _text(
            _object(document.get("bizLocation")).get("id")
        )
    if name == "recipient":
        return _party(document.get("destinationList"), "destination")
    if name == "source":
        return _party(document.get("sourceList"), "source")
    if name == "document":
        return "\n".join(filter(None, map(_transaction, _list(document.get("bizTransactionList")))))
    if name == "trip":
        ilmd = _object(document.get("ilmd"))
        days = [_text(ilmd.get(f"cbvmda:harvest{end}Date")) for end in ("Start", "End")]
        area = _text(ilmd.get("cbvmda:catchArea"))
        return ", ".join(filter(None, [" to ".join(filter(None, days)), area]))
    return ""


def _party(listed: Any, kind: str) -> str:
    """The location of a source or destination, or else the party that has it."""
    found = {_word(each.get("type")): _text(each.get(kind)) for each in _list(listed)}
    return found.get("location") or found.get("possessing_party") or found.get("owning_party") or ""


def _transaction(each: Mapping[str, Any]) -> str:
    kind = _word(each.get("type"))
    number = _text(each.get("bizTransaction"))
    return f"{TRANSACTIONS.get(kind, kind)} {number}".strip() if number else ""


def _word(value: Any) -> str:
    """A word of the Core Business Vocabulary without its namespace."""
    return _text(value).rpartition(":")[2].rpartition("-")[2]


def _changed(kind: Event, lot: bytes, document: Mapping[str, Any] | None) -> str:
    """Shipping and receiving leave the code as it is: the document names the lot that the chain moved."""
    if kind not in KEEPING or document is None:
        return ""
    named = [_lot_id(_text(each.get("epcClass"))) for each in _quantities(document)]
    codes = [each for each in named if each is not None]
    if not codes or lot in codes:
        return ""
    return "the document names another lot than the chain: a TLC does not change"


def _quantities(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"):
        yield from _list(document.get(name))


def _lot_id(epc_class: str) -> bytes | None:
    """The id of the lot that an EPC class names; none for a class without a lot."""
    try:
        found = identify(epc_class).uri
    except IdError:
        return None
    return twin_id(found) if "/10/" in found or not found.startswith("https://id.gs1.org/") else None


def _applies(line: Line, element: Element) -> bool:
    """What applies to some foods only is missed where the document says that the food is one of them."""
    if not element.when:
        return True
    kinds = _fsma(line.document or {}).get("applies")
    return isinstance(kinds, list) and element.when in kinds


def _fsma(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(document.get("fsma"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _time(event: logs.Event) -> int:
    return int(event["ref"].stamp) >> 24


def _amount(quantity: int, unit: str) -> str:
    number = f"{Decimal(quantity).scaleb(-6):f}"
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}".strip()


def _within(time: int, first: date | None, last: date | None) -> bool:
    day = datetime.fromtimestamp(time, UTC).date()
    return (first is None or day >= first) and (last is None or day <= last)


def tlcs_of(sheet: Spreadsheet, texts: Iterable[str]) -> list[bytes]:
    """The ids of lots named by link, id, or lot number alone; `LookupError` that names one that is none."""
    found = []
    for text in texts:
        matches = [
            identifier
            for identifier, lot in sheet.lots.items()
            if text in (lot.tlc, lot.uri, f"0x{identifier.hex()}") or identifier == _lot_id(text)
        ]
        if not matches:
            raise LookupError(text)
        found += matches
    return found
