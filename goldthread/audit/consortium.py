"""Rebuilds the state of Consortium from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import ZERO32, ZERO_ADDRESS, FoldError, View
from goldthread.chain.devices import account_of
from goldthread.chain.logs import Event
from goldthread.hashing import keccak


@dataclass
class Organisation:
    """What the consortium knows of an organisation."""

    name: str
    admin: str
    roles: int = 0
    licence: bytes = ZERO32
    licence_expiry: int = 0
    suspended: bool = False
    candidate: str = ZERO_ADDRESS


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    authority: str = ZERO_ADDRESS
    organisations: dict[int, Organisation] = field(default_factory=dict)
    accounts: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Organisation and duties of each account; both 0 for one that was let go."""
    signers: dict[str, bytes] = field(default_factory=dict)
    """The ERC-7913 signer behind each account."""
    namespaces: dict[bytes, int] = field(default_factory=dict)
    texts: dict[bytes, str] = field(default_factory=dict)
    """What each namespace is the hash of."""
    assignments: dict[bytes, int] = field(default_factory=dict)
    """How often each namespace was assigned."""
    delegations: dict[tuple[bytes, int, int], int] = field(default_factory=dict)
    """Expiry by namespace, the assignment under which it was given, and the delegate."""

    def name_of(self, org: int) -> str:
        """An organisation's name with its number, for people."""
        known = self.organisations.get(org)
        return f"{known.name} (#{org})" if known else f"#{org}"


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Consortium; raises `FoldError`."""
    args = event.args
    match event.name:
        case "AuthorityUpdated":
            state.authority = args["authority"]
        case "OrganisationAdmitted":
            if args["org"] != len(state.organisations) + 1:
                raise FoldError(event, f"organisation {args['org']} follows {len(state.organisations)}")
            state.organisations[args["org"]] = Organisation(args["name"], args["admin"])
        case "RolesSet":
            _organisation(state, event).roles = args["roles"]
        case "LicenceSet":
            organisation = _organisation(state, event)
            organisation.licence, organisation.licence_expiry = args["licence"], args["expiry"]
        case "SuspensionSet":
            _organisation(state, event).suspended = args["suspended"]
        case "AdminOffered":
            _organisation(state, event).candidate = args["candidate"]
        case "AdminChanged":
            organisation = _organisation(state, event)
            if organisation.candidate != args["admin"]:
                raise FoldError(event, f"{args['admin']} was not offered the administration")
            organisation.admin, organisation.candidate = args["admin"], ZERO_ADDRESS
        case "AccountSet":
            _set_account(state, event)
        case "NamespaceAssigned":
            if keccak(args["text"].encode()) != args["namespace"]:
                raise FoldError(event, f"{args['text']!r} does not have this hash")
            state.namespaces[args["namespace"]] = args["org"]
            state.assignments[args["namespace"]] = state.assignments.get(args["namespace"], 0) + 1
            state.texts[args["namespace"]] = args["text"]
        case "NamespaceDelegated":
            if state.namespaces.get(args["namespace"], 0) != args["org"]:
                raise FoldError(event, f"organisation {args['org']} does not own the namespace")
            key = (args["namespace"], state.assignments[args["namespace"]], args["delegate"])
            state.delegations[key] = args["expiry"]
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    yield View("governance", "authority", (), state.authority)
    yield View("organisations", "organisationCount", (), len(state.organisations))
    for number, found in state.organisations.items():
        subject = f"organisation {number}"
        expected = {
            "admin": found.admin,
            "roles": found.roles,
            "licenceExpiry": found.licence_expiry,
            "suspended": found.suspended,
        }
        yield View(subject, "organisation", (number,), expected)
        yield View(subject, "licenceOf", (number,), found.licence)
        yield View(subject, "candidateOf", (number,), found.candidate)
    for account, (org, duties) in state.accounts.items():
        yield View(f"account {account}", "accountOf", (account,), {"org": org, "duties": duties})
    for namespace, owner in state.namespaces.items():
        yield View(f"namespace {state.texts[namespace]}", "namespaceOwner", (namespace,), owner)
    for namespace, delegate in sorted({(n, d) for n, _, d in state.delegations}):
        # A delegation ends with the assignment under which it was given.
        expiry = state.delegations.get((namespace, state.assignments[namespace], delegate), 0)
        subject = f"namespace {state.texts[namespace]}, delegate {delegate}"
        yield View(subject, "delegationExpiry", (namespace, delegate), expiry)


def _organisation(state: State, event: Event) -> Organisation:
    found = state.organisations.get(event["org"])
    if found is None:
        raise FoldError(event, f"organisation {event['org']} was never admitted")
    return found


def _set_account(state: State, event: Event) -> None:
    account, org, duties = event["account"], event["org"], event["duties"]
    _organisation(state, event)
    # Governance releases an account without knowing the signer behind it.
    if duties and account_of(event["signer"]) != account:
        raise FoldError(event, f"{account} does not stand for the signer")
    if state.accounts.get(account, (0, 0))[0] not in (0, org):
        raise FoldError(event, f"{account} acts for another organisation")
    state.accounts[account] = (org, duties) if duties else (0, 0)
    if event["signer"]:
        state.signers[account] = event["signer"]
