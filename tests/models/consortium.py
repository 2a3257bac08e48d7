"""The model of `Consortium`, written from IConsortium: who may speak, and under which namespace."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tests.models.ids import authority_of
from tests.models.rules import Fact, Objections
from tests.support.words import Duty

ZERO = to_checksum_address(bytes(20))
PREFIX = re.compile(r"[0-9]{4,12}")


@dataclass(frozen=True)
class Organisation:
    admin: str
    roles: int = 0
    licence: bytes = bytes(32)
    expiry: int = 0
    suspended: bool = False
    candidate: str = ZERO


@dataclass
class ConsortiumLedger:
    """What the events of a consortium add up to."""

    orgs: dict[int, Organisation] = field(default_factory=dict)
    accounts: dict[str, tuple[int, int]] = field(default_factory=dict)
    owners: dict[bytes, int] = field(default_factory=dict)
    texts: dict[bytes, str] = field(default_factory=dict)
    assignments: dict[bytes, int] = field(default_factory=dict)
    """How often a namespace was assigned."""
    delegations: dict[tuple[bytes, int, int], int] = field(default_factory=dict)
    """(namespace, number of the assignment, delegate): last second."""

    authority: str = ZERO
    """The AccessManager."""

    def copy(self) -> ConsortiumLedger:
        return ConsortiumLedger(
            dict(self.orgs),
            dict(self.accounts),
            dict(self.owners),
            dict(self.texts),
            dict(self.assignments),
            dict(self.delegations),
            self.authority,
        )

    def apply(self, fact: Fact) -> None:
        name, a = fact
        org = a.get("org", 0)
        match name:
            case "AuthorityUpdated":
                self.authority = a["authority"]
            case "OrganisationAdmitted":
                self.orgs[org] = Organisation(a["admin"])
            case "RolesSet":
                self._change(org, roles=a["roles"])
            case "LicenceSet":
                self._change(org, licence=a["licence"], expiry=a["expiry"])
            case "SuspensionSet":
                self._change(org, suspended=a["suspended"])
            case "NamespaceAssigned":
                self.owners[a["namespace"]] = org
                self.texts[a["namespace"]] = a["text"]
                self.assignments[a["namespace"]] = self.assignments.get(a["namespace"], 0) + 1
            case "NamespaceDelegated":
                assignment = self.assignments[a["namespace"]]
                self.delegations[a["namespace"], assignment, a["delegate"]] = a["expiry"]
            case "AdminOffered":
                self._change(org, candidate=a["candidate"])
            case "AdminChanged":
                self._change(org, admin=a["admin"], candidate=ZERO)
            case "AccountSet":
                self.accounts[a["account"]] = (org, a["duties"]) if a["duties"] else (0, 0)
            case _:
                raise LookupError(f"the ledger does not know the event {name}")

    def _change(self, org: int, **fields: Any) -> None:
        self.orgs[org] = replace(self.orgs[org], **fields)


class Consortium:
    """The rules. `now` is the second of the next block."""

    def __init__(self, ledger: ConsortiumLedger, governor: str, now: int) -> None:
        self.ledger = ledger
        self.governor = governor
        self.now = now

    # Governance

    def admit(
        self, name: str, admin: str, roles: int, licence: bytes, expiry: int, *, sender: str
    ) -> list[Fact]:
        no = self._governed(sender)
        no.when(admin == ZERO, "ZeroAccount")
        no.settle()
        org = len(self.ledger.orgs) + 1
        return self._happened(
            ("OrganisationAdmitted", {"org": org, "admin": admin, "name": name}),
            ("RolesSet", {"org": org, "roles": roles}),
            ("LicenceSet", {"org": org, "licence": licence, "expiry": expiry}),
        )

    def setRoles(self, org: int, roles: int, *, sender: str) -> list[Fact]:  # noqa: N802
        self._known(self._governed(sender), org)
        return self._happened(("RolesSet", {"org": org, "roles": roles}))

    def setLicence(self, org: int, licence: bytes, expiry: int, *, sender: str) -> list[Fact]:  # noqa: N802
        self._known(self._governed(sender), org)
        return self._happened(("LicenceSet", {"org": org, "licence": licence, "expiry": expiry}))

    def setSuspended(self, org: int, suspended: bool, *, sender: str) -> list[Fact]:  # noqa: N802
        self._known(self._governed(sender), org)
        return self._happened(("SuspensionSet", {"org": org, "suspended": suspended}))

    def assignNamespace(self, text: str, org: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._governed(sender)
        no.when(org != 0 and org not in self.ledger.orgs, "UnknownOrganisation", org)
        namespace = keccak(text=text)
        prefix = PREFIX.fullmatch(text) is not None
        authority = text != "" and authority_of(text) == text.encode()
        no.when(not prefix and not authority, "NotANamespace", text)
        if prefix and org != 0 and self.owner(namespace) == 0:
            for other in self._assigned_prefixes():
                if other.startswith(text):
                    no.when(True, "PrefixOverlap", text, namespace)
                elif text.startswith(other):
                    no.when(True, "PrefixOverlap", text, keccak(text=other))
        no.settle()
        return self._happened(("NamespaceAssigned", {"namespace": namespace, "org": org, "text": text}))

    def releaseAccount(self, account: str, *, sender: str) -> list[Fact]:  # noqa: N802
        no = self._governed(sender)
        org, _ = self.ledger.accounts.get(account, (0, 0))
        no.when(org == 0, "UnknownAccount", account)
        no.settle()
        return self._happened(("AccountSet", {"org": org, "account": account, "duties": 0, "signer": b""}))

    # An organisation's admin

    def delegateNamespace(  # noqa: N802
        self, namespace: bytes, delegate: int, expiry: int, *, sender: str
    ) -> list[Fact]:
        org = self.owner(namespace)
        no = self._administered(org, sender)
        self._active(no, org)
        self._known(no, delegate)
        fact = {"namespace": namespace, "org": org, "delegate": delegate, "expiry": expiry}
        return self._happened(("NamespaceDelegated", fact))

    def offerAdmin(self, org: int, candidate: str, *, sender: str) -> list[Fact]:  # noqa: N802
        self._administered(org, sender).settle()
        return self._happened(("AdminOffered", {"org": org, "admin": sender, "candidate": candidate}))

    def acceptAdmin(self, org: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        known = self.ledger.orgs.get(org, Organisation(ZERO))
        no.when(sender != known.candidate, "NotCandidate", org, sender)
        no.settle()
        return self._happened(("AdminChanged", {"org": org, "previousAdmin": known.admin, "admin": sender}))

    def setAccount(self, org: int, account: str, duties: int, *, sender: str) -> list[Fact]:  # noqa: N802
        return self._set_account(org, account, duties, bytes.fromhex(account[2:]), sender, Objections())

    def setSigner(self, org: int, signer: bytes, duties: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        no.when(len(signer) < 20, "SignerTooShort", len(signer))
        return self._set_account(org, account_of(signer), duties, signer, sender, no)

    # Questions

    def owner(self, namespace: bytes) -> int:
        return self.ledger.owners.get(namespace, 0)

    def authorize(self, no: Objections, account: str, duties: int, roles: int = 0) -> int:
        """The organisation of the account, and what speaks against its speaking."""
        org, has = self.ledger.accounts.get(account, (0, 0))
        if org == 0:
            no.final("UnknownAccount", account)
        facts = self.ledger.orgs[org]
        self._active(no, org)
        no.when(roles != 0 and not facts.roles & roles, "MissingRole", org, facts.roles, roles)
        no.when(has & duties != duties, "MissingDuty", account, has, duties)
        return org

    def authorize_under(self, no: Objections, account: str, namespace: bytes) -> int:
        """The same for registering under a namespace."""
        org = self.authorize(no, account, Duty.REGISTER)
        self.require_namespace(no, org, namespace)
        return org

    def require_namespace(self, no: Objections, org: int, namespace: bytes) -> None:
        """Does the namespace belong to the organisation, or to one that delegates it?"""
        owner = self.owner(namespace)
        if org == owner:
            return
        if self.now > self.delegated(namespace, org):
            no.final("NotNamespaceOwner", namespace, org, owner)
        self._active(no, owner)

    def delegated(self, namespace: bytes, delegate: int) -> int:
        """The last second of a delegation; 0: none."""
        assignment = self.ledger.assignments.get(namespace, 0)
        return self.ledger.delegations.get((namespace, assignment, delegate), 0)

    def has_role(self, org: int, roles: int) -> bool:
        facts = self.ledger.orgs.get(org)
        return (
            facts is not None
            and bool(facts.roles & roles)
            and not facts.suspended
            and not self._expired(facts)
        )

    def _active(self, no: Objections, org: int) -> None:
        facts = self.ledger.orgs.get(org)
        if facts is not None:
            no.when(facts.suspended, "OrganisationSuspended", org)
            no.when(self._expired(facts), "LicenceExpired", org, facts.expiry)

    def _expired(self, facts: Organisation) -> bool:
        return facts.expiry != 0 and self.now > facts.expiry

    def _assigned_prefixes(self) -> list[str]:
        texts = (text for namespace, text in self.ledger.texts.items() if self.owner(namespace))
        return [text for text in texts if PREFIX.fullmatch(text)]

    def _set_account(
        self, org: int, account: str, duties: int, signer: bytes, sender: str, no: Objections
    ) -> list[Fact]:
        no.when(not self._is_admin(org, sender), "NotAdmin", org, sender)
        no.when(account == ZERO, "ZeroAccount")
        current = self.ledger.accounts.get(account, (0, 0))[0]
        no.when(current not in (0, org), "AccountOfAnotherOrganisation", account, current)
        no.settle()
        fact = {"org": org, "account": account, "duties": duties, "signer": signer}
        return self._happened(("AccountSet", fact))

    def _governed(self, sender: str) -> Objections:
        no = Objections()
        no.when(sender != self.governor, "AccessManagedUnauthorized", sender)
        return no

    def _administered(self, org: int, sender: str) -> Objections:
        no = Objections()
        no.when(not self._is_admin(org, sender), "NotAdmin", org, sender)
        return no

    def _is_admin(self, org: int, sender: str) -> bool:
        return org in self.ledger.orgs and self.ledger.orgs[org].admin == sender

    def _known(self, no: Objections, org: int) -> None:
        no.when(org not in self.ledger.orgs, "UnknownOrganisation", org)
        no.settle()

    def _happened(self, *facts: Fact) -> list[Fact]:
        for fact in facts:
            self.ledger.apply(fact)
        return list(facts)


def account_of(signer: bytes) -> str:
    """The account that an ERC-7913 signer stands for."""
    return to_checksum_address(signer if len(signer) == 20 else keccak(signer)[-20:])
