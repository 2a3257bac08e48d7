"""The model of `Records`, written from IRecords: a book for each subject, in which pages are only added.

The ledger keeps every page as it was written, and beside it, what others added: who signed, what superseded
it, whether its documents are gone. What the contract numbers and packs into words, the model keeps by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.consortium import Consortium, account_of
from tests.models.devices import Devices, signer_hash
from tests.models.lots import Lots
from tests.models.rules import Fact, Objections
from tests.models.trees import leads_to
from tests.models.twins import Twins
from tests.support.words import Duty, Role

NOTHING = bytes(32)
NOBODY = to_checksum_address(bytes(20))
FOREVER = 2**40 - 1
MAX_COUNTERSIGNERS = 15
NAME_LENGTHS = range(1, 65)
LATE = keccak(text="LATE")[:4]
MINOR = 1
DOMAIN_TYPE = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
STATEMENT = (
    "Statement(bytes32 subject,bytes32 schema,bytes32 content,uint32 documents,uint40 effectiveAt,"
    "bytes32 original,bytes32 signerName,bytes data,string uri)"
)
SIGNED_STATEMENT = (
    "SignedStatement(Statement statement,bytes32 supersedes,bytes32 reason,bytes32 device,uint32 sequence,"
    "uint40 deadline)"
)
COUNTERSIGNATURE = "Countersignature(bytes32 record,bytes32 content,uint8 meaning,bytes32 signerName)"
SIGNED_COUNTERSIGNATURE = "SignedCountersignature(Countersignature item,uint40 deadline)"


class Meaning(IntFlag):
    """What a signature means (library `Meaning`)."""

    AUTHORSHIP = 1
    REVIEW = 2
    APPROVAL = 4
    RESPONSIBILITY = 8


QUALITY_MEANINGS = Meaning.REVIEW | Meaning.APPROVAL


class Authority(IntEnum):
    """`IRecords.Authority`."""

    ANYONE_ALLOWED = 0
    OWNER_OR_CUSTODIAN = 1
    MAKER = 2


class Authors(IntEnum):
    """`IRecords.Authors`."""

    PERSONS = 0
    DEVICES = 1
    PERSONS_AND_DEVICES = 2


class Retention(NamedTuple):
    """`IRecords.Retention`."""

    after_record: int = 0
    after_expiry: int = 0
    without_expiry: int = 1


class Terms(NamedTuple):
    """`IRecords.Terms`."""

    definition: bytes = keccak(text="definition")
    roles: int = 0
    duties: int = 0
    signer_roles: int = 0
    max_lag: int = 0
    second_persons: int = 0
    meanings: int = 0
    authority: int = Authority.ANYONE_ALLOWED
    authors: int = Authors.PERSONS
    rule: str = NOBODY
    retention: Retention = Retention()


class Statement(NamedTuple):
    """`IRecords.Statement`."""

    subject: bytes
    schema: bytes
    content: bytes
    documents: int = 1
    effective_at: int = 0
    original: bytes = NOTHING
    signer_name: bytes = NOTHING
    data: bytes = b""
    uri: str = ""

    @property
    def hash(self) -> bytes:
        """EIP-712 hashStruct."""
        kinds = ["bytes32"] * 4 + ["uint32", "uint40"] + ["bytes32"] * 4
        fields = *self[:7], keccak(self.data), keccak(text=self.uri)
        return keccak(encode(kinds, [keccak(text=STATEMENT), *fields]))


class Authorship(NamedTuple):
    """`IRecords.Authorship`."""

    sequence: int
    deadline: int
    signer: bytes
    signature: bytes


class Countersignature(NamedTuple):
    """`IRecords.Countersignature`."""

    record: bytes
    content: bytes
    meaning: int
    signer_name: bytes = NOTHING


def schema_id(org: int, name: str, version: int) -> bytes:
    return keccak(encode(["uint32", "string", "uint16"], [org, name, version]))


def record_id(subject: bytes, sequence: int) -> bytes:
    return keccak(encode(["bytes32", "uint32"], [subject, sequence]))


def document_leaf(index: int, digest: bytes) -> bytes:
    return keccak(b"\x05" + index.to_bytes(4, "big") + digest)


def digest_of_statement(
    domain: bytes,
    statement: Statement,
    supersedes: bytes,
    reason: bytes,
    device: bytes,
    sequence: int,
    deadline: int,
) -> bytes:
    kinds = ["bytes32"] * 5 + ["uint32", "uint40"]
    type_ = keccak(text=SIGNED_STATEMENT + STATEMENT)
    values = [type_, statement.hash, supersedes, reason, device, sequence, deadline]
    return keccak(b"\x19\x01" + domain + keccak(encode(kinds, values)))


def digest_of_countersignature(domain: bytes, item: Countersignature, deadline: int) -> bytes:
    inner = encode(
        ["bytes32", "bytes32", "bytes32", "uint8", "bytes32"], [keccak(text=COUNTERSIGNATURE), *item]
    )
    type_ = keccak(text=SIGNED_COUNTERSIGNATURE + COUNTERSIGNATURE)
    outer = encode(["bytes32", "bytes32", "uint40"], [type_, keccak(inner), deadline])
    return keccak(b"\x19\x01" + domain + keccak(outer))


def domain_of(contract: str, chain_id: int) -> bytes:
    names = keccak(text="Goldthread Records"), keccak(text="1")
    kinds = ["bytes32", "bytes32", "bytes32", "uint256", "address"]
    return keccak(encode(kinds, [DOMAIN_TYPE, *names, chain_id, contract]))


@dataclass(frozen=True)
class Page:
    """A record as it was written; nothing of it ever changes."""

    statement: Statement
    author: str
    org: int
    device: bytes
    time: int
    late: bool


@dataclass
class RecordsLedger:
    """What the events of a Records contract add up to."""

    schemas: dict[bytes, tuple[int, str, int, Terms]] = field(default_factory=dict)
    """Organisation, name, version and terms."""
    books: dict[bytes, tuple[Page, ...]] = field(default_factory=dict)
    """The records of a subject, the first one first."""
    successors: dict[bytes, bytes] = field(default_factory=dict)
    signatures: dict[tuple[bytes, str], int] = field(default_factory=dict)
    """What an account signed a record for."""
    turns: dict[str, int] = field(default_factory=dict)
    """Of an account: its last statement that somebody else brought."""
    holds: frozenset[tuple[bytes, int, bytes]] = frozenset()
    """Of a record or subject: by whom, and why."""
    disposed: frozenset[bytes] = frozenset()

    def copy(self) -> RecordsLedger:
        return RecordsLedger(
            dict(self.schemas),
            dict(self.books),
            dict(self.successors),
            dict(self.signatures),
            dict(self.turns),
            self.holds,
            self.disposed,
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        match name:
            case "SchemaDefined":
                terms = Terms(*a["terms"])
                terms = terms._replace(retention=Retention(*terms.retention))
                self.schemas[a["schema"]] = a["org"], a["name"], a["version"], terms
            case "RecordWritten":
                self._written(a)
            case "RecordSuperseded":
                self.successors[a["record"]] = a["successor"]
            case "Countersigned":
                key = a["record"], a["signer"]
                self.signatures[key] = self.signatures.get(key, 0) | a["meaning"]
            case "LegalHoldSet":
                self.holds |= {(a["object"], a["org"], a["reason"])}
            case "LegalHoldLifted":
                self.holds -= {(a["object"], a["holder"], a["reason"])}
            case "RecordDisposed":
                self.disposed |= {a["record"]}
            case "Alert":
                assert a["code"] == LATE
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _written(self, a: Mapping[str, Any]) -> None:
        statement = Statement(*a["statement"])
        page = Page(statement, a["author"], a["org"], a["device"], a["time"], a["late"])
        book = self.books.get(statement.subject, ())
        assert a["sequence"] == len(book) + 1, "the records of a subject have no gap"
        assert a["record"] == record_id(statement.subject, a["sequence"])
        self.books[statement.subject] = (*book, page)
        if a["signed"]:
            assert a["signed"] == self.turns.get(a["author"], 0) + 1
            self.turns[a["author"]] = a["signed"]

    # Questions

    def records(self) -> Iterator[tuple[bytes, int, Page]]:
        """Every record: id, number and page."""
        for subject, book in self.books.items():
            for sequence, page in enumerate(book, 1):
                yield record_id(subject, sequence), sequence, page

    def page(self, record: bytes) -> Page | None:
        return next((page for id_, _, page in self.records() if id_ == record), None)

    def terms(self, schema: bytes) -> Terms:
        return self.schemas[schema][3]

    def newest(self, org: int, name: str) -> int:
        versions = [v for o, n, v, _ in self.schemas.values() if (o, n) == (org, name)]
        return max(versions, default=0)

    def outdated(self, schema: bytes) -> bool:
        org, name, version, _ = self.schemas[schema]
        return version != self.newest(org, name)

    def signers(self, record: bytes) -> dict[str, int]:
        return {account: bits for (id_, account), bits in self.signatures.items() if id_ == record}

    def meanings(self, record: bytes) -> int:
        found = 0
        for bits in self.signers(record).values():
            found |= bits
        return found

    def complete(self, record: bytes) -> bool:
        page = self.page(record)
        if page is None or record in self.successors:
            return False
        terms = self.terms(page.statement.schema)
        enough = len(self.signers(record)) >= terms.second_persons
        return enough and not terms.meanings & ~self.meanings(record)

    def held(self, thing: bytes) -> int:
        return sum(held == thing for held, _, _ in self.holds)

    def view(self, record: bytes) -> tuple[Any, ...]:
        """What `recordOf` returns."""
        for id_, sequence, page in self.records():
            if id_ == record:
                s = page.statement
                return (
                    s.subject,
                    s.schema,
                    s.content,
                    page.author,
                    page.org,
                    page.device,
                    sequence,
                    s.effective_at,
                    page.time,
                    page.late,
                    s.original != NOTHING,
                    s.documents > 1,
                    record in self.successors.values(),
                    record in self.disposed,
                    self.meanings(record),
                    len(self.signers(record)),
                    self.complete(record),
                    self.successors.get(record, NOTHING),
                )
        return (NOTHING,) * 3 + (NOBODY, 0, NOTHING, 0, 0, 0) + (False,) * 5 + (0, 0, False, NOTHING)


Verdict = Callable[[Statement], bytes | None]
"""What a rule answers when it refuses; None: it accepts."""


class Records:
    """The rules. Every function is called as that of the contract and returns the events that follow."""

    def __init__(
        self,
        ledger: RecordsLedger,
        consortium: Consortium,
        twins: Twins,
        devices: Devices,
        lots: Lots,
        domain: bytes,
    ) -> None:
        self.ledger = ledger
        self.consortium = consortium
        self.twins = twins
        self.devices = devices
        self.lots = lots
        self.domain = domain
        self.signatures: dict[bytes, tuple[bytes, bytes]] = {}
        """Signer and digest of every signature that was really made."""
        self.rules: dict[str, Verdict] = {}
        """By the address of the contract."""

    @property
    def now(self) -> int:
        return self.consortium.now

    def defineSchema(self, name: str, version: int, terms: Terms, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(len(name.encode()) not in NAME_LENGTHS, "SchemaNameLength", len(name.encode()))
        expected = self.ledger.newest(org, name) + 1
        no.when(version != expected, "NotNextSchema", org, name, expected, version)
        least = terms.retention.after_record + terms.retention.without_expiry
        wrong = terms.definition == NOTHING or terms.meanings > sum(Meaning) or least == 0
        wrong = wrong or terms.second_persons > MAX_COUNTERSIGNERS
        values = terms.definition, terms.meanings, terms.second_persons, least
        no.when(wrong, "WrongTerms", *values)
        no.when(terms.rule != NOBODY and terms.rule not in self.rules, "NotAContract", terms.rule)
        fact = {"schema": schema_id(org, name, version), "org": org, "caller": sender}
        return self._happened(
            no, ("SchemaDefined", fact | {"name": name, "version": version, "terms": terms})
        )

    def write(self, statement: Statement, *, sender: str) -> list[Fact]:
        return self._write(Objections(), statement, sender, sender)

    def writeSigned(  # noqa: N802
        self, statement: Statement, authorship: Authorship, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        author = self._signer(no, statement, NOTHING, NOTHING, authorship)
        return self._write(no, statement, author, sender, authorship.sequence)

    def writeByDevice(  # noqa: N802
        self, statement: Statement, device: bytes, authorship: Authorship, *, sender: str
    ) -> list[Fact]:
        no, a, s = Objections(), authorship, statement
        terms = self._open(no, s.schema)
        no.when(terms.authors == Authors.PERSONS, "WrongAuthor", s.schema, terms.authors, device)
        twin = self.twins.ledger.twins.get(device)
        org = 0 if twin is None else twin.owner
        may = self.consortium.has_role(org, terms.roles or 2**32 - 1)
        no.when(not may, "DeviceOrganisation", device, org, terms.roles)
        author = self._turn(no, s.subject, a)
        digest = digest_of_statement(self.domain, s, NOTHING, NOTHING, device, a.sequence, a.deadline)
        if s.subject in self.lots.ledger.lots:
            if device not in self.devices.ledger.signers:
                no.final("NotEnrolled", device)
            theirs = signer_hash(self.devices.ledger, device)
            no.when(keccak(a.signer) != theirs, "WrongSigner", device, a.signer)
            self._made(no, digest, a.signer, a.signature)
            self._related(no, s.subject, org, Authority.OWNER_OR_CUSTODIAN)
        elif s.subject in self.twins.ledger.twins:
            time = s.effective_at
            self.devices.verify(no, device, s.subject, time, time, digest, a.signer, a.signature)
        return self._add(no, s, terms, author, sender, org, device, NOTHING, a.sequence)

    def amend(self, statement: Statement, supersedes: bytes, reason: bytes, *, sender: str) -> list[Fact]:
        return self._amend(Objections(), statement, supersedes, reason, sender, sender)

    def amendSigned(  # noqa: N802
        self, statement: Statement, supersedes: bytes, reason: bytes, authorship: Authorship, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        author = self._signer(no, statement, supersedes, reason, authorship)
        return self._amend(no, statement, supersedes, reason, author, sender, authorship.sequence)

    def countersign(self, item: Countersignature, *, sender: str) -> list[Fact]:
        return self._countersign(Objections(), item, sender, sender)

    def countersignSigned(  # noqa: N802
        self, item: Countersignature, deadline: int, signer: bytes, signature: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        no.when(self.now > deadline, "DeadlinePassed", item.record, deadline, self.now)
        self._made(no, digest_of_countersignature(self.domain, item, deadline), signer, signature)
        return self._countersign(no, item, account_of(signer), sender)

    def setLegalHold(self, object_: bytes, reason: bytes, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(reason == NOTHING, "NoReason", object_)
        page = self.ledger.page(object_)
        owner = self._owner(page.statement.subject if page else object_)
        if owner == 0:
            no.final("UnknownSubject", object_)
        concerned = {owner} | ({page.org} if page else set())
        may = org in concerned or self.consortium.has_role(org, Role.REGULATOR)
        no.when(not may, "MayNotHold", object_, org)
        no.when((object_, org, reason) in self.ledger.holds, "AlreadyHeld", object_, org, reason)
        fact = {"object": object_, "org": org, "reason": reason, "caller": sender}
        return self._happened(no, ("LegalHoldSet", fact))

    def liftLegalHold(  # noqa: N802
        self, object_: bytes, holder: int, reason: bytes, *, sender: str
    ) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        theirs = self.consortium.ledger.orgs.get(holder)
        regulators = theirs is not None and bool(theirs.roles & Role.REGULATOR)
        may = org == holder or (self.consortium.has_role(org, Role.REGULATOR) and not regulators)
        no.when(not may, "MayNotRelease", object_, org, holder)
        unknown = (object_, holder, reason) not in self.ledger.holds
        no.when(unknown, "NoSuchHold", object_, holder, reason)
        fact = {"object": object_, "org": org, "reason": reason, "holder": holder, "caller": sender}
        return self._happened(no, ("LegalHoldLifted", fact))

    def dispose(self, record: bytes, protocol: bytes, *, sender: str) -> list[Fact]:
        no = Objections()
        org = self.consortium.authorize(no, sender, Duty.QUALITY)
        no.when(protocol == NOTHING, "NoReason", record)
        page = self._kept(no, record)
        no.when(org != page.org, "NotRecordOrganisation", record, org, page.org)
        until = self.retain_until(record)
        no.when(self.now <= until, "Retained", record, until, self.now)
        successor = self.ledger.successors.get(record)
        kept = successor is not None and successor not in self.ledger.disposed
        no.when(kept, "SuccessorKept", record, successor)
        fact = {"record": record, "org": org, "protocol": protocol, "caller": sender}
        return self._happened(no, ("RecordDisposed", fact | {"content": page.statement.content}))

    # Questions

    def retain_until(self, record: bytes) -> int:
        page = self.ledger.page(record)
        if page is None:
            return 0
        subject = page.statement.subject
        if self.ledger.held(record) or self.ledger.held(subject):
            return FOREVER
        terms = self.ledger.terms(page.statement.schema).retention
        lot = self.lots.ledger.lots.get(self.lots.ledger.units.get(subject, subject))
        times = [page.time + terms.after_record]
        if lot is not None and lot.expiry:
            times.append(lot.expiry + terms.after_expiry)
        else:
            times.append(page.time + terms.without_expiry)
        return min(max(times), FOREVER)

    def is_document(self, record: bytes, index: int, digest: bytes, proof: list[bytes]) -> bool:
        page = self.ledger.page(record)
        if page is None:
            return False
        if page.statement.documents == 1:
            return (index, digest, proof) == (0, page.statement.content, [])
        return leads_to(page.statement.content, document_leaf(index, digest), proof)

    # What functions share

    def _write(self, no: Objections, s: Statement, author: str, sender: str, signed: int = 0) -> list[Fact]:
        terms = self._open(no, s.schema)
        no.when(terms.authors == Authors.DEVICES, "WrongAuthor", s.schema, terms.authors, NOTHING)
        org = self.consortium.authorize(no, author, terms.duties, terms.roles)
        return self._add(no, s, terms, author, sender, org, NOTHING, NOTHING, signed)

    def _amend(
        self, no: Objections, s: Statement, old: bytes, reason: bytes, author: str, sender: str,
        signed: int = 0,
    ) -> list[Fact]:  # fmt: skip
        no.when(reason == NOTHING, "NoReason", old)
        page = self._valid(no, old)
        subject, schema = page.statement.subject, page.statement.schema
        no.when(s.subject != subject, "OtherSubject", old, subject, s.subject)
        heir = s.schema in self.ledger.schemas and not self.ledger.outdated(s.schema)
        heir = heir and self.ledger.schemas[s.schema][:2] == self.ledger.schemas[schema][:2]
        if s.schema != schema and not heir:
            no.final("OtherSchema", old, schema, s.schema)
        terms = self.ledger.terms(s.schema)
        org = self.consortium.authorize(no, author, terms.duties, terms.roles)
        no.when(org != page.org, "NotRecordOrganisation", old, org, page.org)
        superseded = {"record": old, "org": org, "author": author, "reason": reason}
        return self._add(no, s, terms, author, sender, org, NOTHING, old, signed, superseded)

    def _add(
        self, no: Objections, s: Statement, terms: Terms, author: str, sender: str, org: int, device: bytes,
        old: bytes, signed: int, superseded: Mapping[str, Any] | None = None,
    ) -> list[Fact]:  # fmt: skip
        no.when(s.content == NOTHING or s.documents == 0, "NoContent", s.content, s.documents)
        no.when(s.effective_at > self.now, "EffectiveInFuture", s.effective_at, self.now)
        if s.subject not in self.lots.ledger.lots and s.subject not in self.twins.ledger.twins:
            no.final("UnknownSubject", s.subject)
        self._related(no, s.subject, org, terms.authority)
        if terms.rule != NOBODY:
            answer = self.rules[terms.rule](s)
            no.when(answer is not None, "RuleRefused", s.schema, terms.rule, s.data, answer)
        sequence = len(self.ledger.books.get(s.subject, ())) + 1
        record, late = record_id(s.subject, sequence), self.now - s.effective_at > terms.max_lag
        fact = {"record": record, "subject": s.subject, "org": org, "author": author, "caller": sender}
        fact |= {"device": device, "sequence": sequence, "late": late, "time": self.now, "signed": signed}
        facts: list[Fact] = [("RecordWritten", fact | {"statement": s})]
        if late:
            alert = {"subject": s.subject, "code": LATE, "org": org, "severity": MINOR, "ref": record}
            facts.append(("Alert", alert))
        if superseded is not None:
            facts.append(("RecordSuperseded", _with(superseded, successor=record)))
        return self._happened(no, *facts)

    def _countersign(self, no: Objections, item: Countersignature, signer: str, sender: str) -> list[Fact]:
        record, meaning = item.record, item.meaning
        page = self._valid(no, record)
        s = page.statement
        no.when(item.content != s.content, "OtherContent", record, s.content, item.content)
        no.when(meaning not in list(Meaning), "UnknownMeaning", meaning)
        terms = self.ledger.terms(s.schema)
        duties = Duty.QUALITY if meaning & QUALITY_MEANINGS else terms.duties
        org = self.consortium.authorize(no, signer, duties)
        no.when(signer == page.author, "SamePerson", record, signer)
        may = org == page.org or self.consortium.has_role(org, terms.signer_roles)
        no.when(not may, "MayNotSign", record, org, terms.signer_roles)
        signers = self.ledger.signers(record)
        no.when(bool(signers.get(signer, 0) & meaning), "AlreadySigned", record, signer, meaning)
        full = len(signers) == MAX_COUNTERSIGNERS and signer not in signers
        no.when(full, "TooManyCountersigners", record)
        fact = {"record": record, "org": org, "signer": signer, "caller": sender, "meaning": meaning}
        return self._happened(
            no, ("Countersigned", fact | {"signerName": item.signer_name, "time": self.now})
        )

    def _open(self, no: Objections, schema: bytes) -> Terms:
        if schema not in self.ledger.schemas:
            no.final("UnknownSchema", schema)
        no.when(self.ledger.outdated(schema), "SchemaSuperseded", schema)
        return self.ledger.terms(schema)

    def _kept(self, no: Objections, record: bytes) -> Page:
        page = self.ledger.page(record)
        if page is None:
            no.final("UnknownRecord", record)
        no.when(record in self.ledger.disposed, "Disposed", record)
        return page

    def _valid(self, no: Objections, record: bytes) -> Page:
        page = self._kept(no, record)
        successor = self.ledger.successors.get(record)
        no.when(successor is not None, "Superseded", record, successor)
        return page

    def _signer(self, no: Objections, s: Statement, supersedes: bytes, reason: bytes, a: Authorship) -> str:
        account = self._turn(no, s.subject, a)
        digest = digest_of_statement(self.domain, s, supersedes, reason, NOTHING, a.sequence, a.deadline)
        self._made(no, digest, a.signer, a.signature)
        return account

    def _turn(self, no: Objections, subject: bytes, a: Authorship) -> str:
        no.when(self.now > a.deadline, "DeadlinePassed", subject, a.deadline, self.now)
        account = account_of(a.signer)
        expected = self.ledger.turns.get(account, 0) + 1
        no.when(a.sequence != expected, "WrongSequence", account, expected, a.sequence)
        return account

    def _made(self, no: Objections, digest: bytes, signer: bytes, signature: bytes) -> None:
        no.when(self.signatures.get(signature) != (signer, digest), "InvalidSignature", digest, signer)

    def _related(self, no: Objections, subject: bytes, org: int, authority: int) -> None:
        lot = self.lots.ledger.lots.get(subject)
        if lot is not None:
            have = self.lots.ledger.have.items()
            near = {lot.maker} | {holder for (of, holder), quantity in have if of == subject and quantity}
            maker = lot.maker
        else:
            twin = self.twins.ledger.twins[subject]
            near, maker = {twin.owner, self.twins.ledger.custodian(subject)}, twin.maker
        may = {
            Authority.ANYONE_ALLOWED: True,
            Authority.OWNER_OR_CUSTODIAN: org in near,
            Authority.MAKER: org == maker,
        }
        no.when(not may[Authority(authority)], "NoAuthorityOver", subject, org, authority)

    def _owner(self, subject: bytes) -> int:
        lot, twin = self.lots.ledger.lots.get(subject), self.twins.ledger.twins.get(subject)
        return lot.maker if lot else twin.owner if twin else 0

    def _happened(self, no: Objections, *facts: Fact) -> list[Fact]:
        no.settle()
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def _with(fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**fields, **more}
