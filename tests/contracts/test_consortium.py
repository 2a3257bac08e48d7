"""Consortium: who may speak, with which duties, under which namespaces."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tests.models.consortium import ZERO, account_of
from tests.support import Forwarder, Node, Reverted, deploy, reverts
from tests.support.contract import Sender
from tests.support.words import Duty, Role
from tests.support.world import MAKER_PREFIX, SUPPLIER_PREFIX, Org, World, happened, person

LICENCE = b"l" * 32
ONE = "0x" + 39 * "0" + "1"
"""The smallest address that is somebody."""
NEW_ORG = 10


def authorize(world: World, account: str, roles: int = 0, duties: int = 0) -> int:
    org: int = world.consortium.authorize(account, roles, duties)
    return org


# Governance


def test_an_organisation_is_admitted(world: World) -> None:
    admin, roles, expiry = person("newcomer"), Role.AUDITOR | Role.SERVICE, world.now + 7
    args = "Newcomer GmbH", admin, roles, LICENCE, expiry
    assert world.consortium.admit.call(*args, sender=world.governor) == NEW_ORG
    mined = world.consortium.admit(*args, sender=world.governor)
    assert happened(mined) == [
        ("OrganisationAdmitted", {"org": NEW_ORG, "admin": admin, "name": "Newcomer GmbH"}),
        ("RolesSet", {"org": NEW_ORG, "roles": roles}),
        ("LicenceSet", {"org": NEW_ORG, "licence": LICENCE, "expiry": expiry}),
    ]
    assert world.consortium.organisation(NEW_ORG) == (admin, roles, expiry, False)
    assert world.consortium.licenceOf(NEW_ORG) == LICENCE
    assert world.consortium.candidateOf(NEW_ORG) == ZERO
    assert world.consortium.organisationCount() == NEW_ORG


def test_the_first_organisation_has_number_one(node: Node) -> None:
    manager = deploy(node, "AccessManager", node.accounts[0])
    consortium = deploy(node, "Consortium", manager)
    assert consortium.authority() == manager.address
    assert consortium.organisationCount() == 0
    for number in (1, 2):
        assert consortium.admit.call("", node.accounts[1], 0, LICENCE, 0, sender=node.accounts[0]) == number
        consortium.admit("", node.accounts[1], 0, LICENCE, 0, sender=node.accounts[0])


def test_an_admin_is_somebody(world: World) -> None:
    with reverts("ZeroAccount"):
        world.consortium.admit("nobody's", ZERO, 0, LICENCE, 0, sender=world.governor)
    world.consortium.admit("one's", ONE, 0, LICENCE, 0, sender=world.governor)
    assert world.consortium.organisation(NEW_ORG).admin == ONE


def test_roles_are_replaced(world: World) -> None:
    org, roles = world.carrier.number, Role.RECYCLER | Role.DISTRIBUTOR
    mined = world.consortium.setRoles(org, roles, sender=world.governor)
    assert happened(mined) == [("RolesSet", {"org": org, "roles": roles})]
    assert world.consortium.organisation(org) == (world.carrier.admin, roles, 0, False)


def test_the_newest_organisation_is_one_of_them(world: World) -> None:
    newest = world.orgs[-1].number
    assert newest == world.consortium.organisationCount()
    world.consortium.setRoles(newest, Role.AUDITOR, sender=world.governor)
    assert world.consortium.organisation(newest).roles == Role.AUDITOR


def test_a_licence_is_replaced(world: World) -> None:
    org, expiry = world.carrier.number, 2**40 - 1
    mined = world.consortium.setLicence(org, LICENCE, expiry, sender=world.governor)
    assert happened(mined) == [("LicenceSet", {"org": org, "licence": LICENCE, "expiry": expiry})]
    assert world.consortium.organisation(org) == (world.carrier.admin, Role.CARRIER, expiry, False)
    assert world.consortium.licenceOf(org) == LICENCE


@pytest.mark.parametrize("suspended", [True, False])
def test_an_organisation_is_silenced_and_may_speak_again(world: World, suspended: bool) -> None:
    org = world.carrier.number
    if not suspended:
        world.suspend(world.carrier)
    mined = world.consortium.setSuspended(org, suspended, sender=world.governor)
    assert happened(mined) == [("SuspensionSet", {"org": org, "suspended": suspended})]
    assert world.consortium.organisation(org) == (world.carrier.admin, Role.CARRIER, 0, suspended)


@pytest.mark.parametrize("org", [0, NEW_ORG, 2**32 - 1])
def test_only_what_was_admitted_is_governed(world: World, org: int) -> None:
    for function, args in (
        ("setRoles", (org, 0)),
        ("setLicence", (org, LICENCE, 0)),
        ("setSuspended", (org, True)),
        *([("assignNamespace", ("1234", org))] if org else []),
    ):
        with reverts("UnknownOrganisation", org):
            getattr(world.consortium, function)(*args, sender=world.governor)
    namespace = keccak(text=MAKER_PREFIX)
    with reverts("UnknownOrganisation", org):
        world.consortium.delegateNamespace(namespace, org, 0, sender=world.maker.admin)


def test_governance_frees_an_account_that_another_organisation_took(world: World) -> None:
    squatter, victim = world.carrier, world.maker
    world.hire(squatter, world.stranger, Duty.SHIP)
    with reverts("AccountOfAnotherOrganisation", world.stranger, squatter.number):
        world.hire(victim, world.stranger)
    mined = world.consortium.releaseAccount(world.stranger, sender=world.governor)
    fact = {"org": squatter.number, "account": world.stranger, "duties": 0, "signer": b""}
    assert happened(mined) == [("AccountSet", fact)]
    with reverts("UnknownAccount", world.stranger):
        authorize(world, world.stranger)
    with reverts("UnknownAccount", world.stranger):
        world.consortium.releaseAccount(world.stranger, sender=world.governor)
    world.hire(victim, world.stranger)
    assert authorize(world, world.stranger) == victim.number


GOVERNED = {
    "admit": ("", ONE, 0, LICENCE, 0),
    "setRoles": (1, 0),
    "setLicence": (1, LICENCE, 0),
    "setSuspended": (1, True),
    "assignNamespace": ("1234", 1),
    "releaseAccount": (person("maker SHIP"),),
}


@pytest.mark.parametrize("function", GOVERNED)
def test_only_governance_governs(world: World, function: str) -> None:
    call = getattr(world.consortium, function)
    machine = Forwarder.deploy(world.node, world.governor)
    callers: list[Sender] = [world.maker.admin, world.maker.all, world.stranger, machine]
    for caller in callers:
        address = caller.address if isinstance(caller, Forwarder) else caller
        with reverts("AccessManagedUnauthorized", address):
            call(*GOVERNED[function], sender=caller)
    call(*GOVERNED[function], sender=world.governor)


@pytest.mark.parametrize("function", GOVERNED)
def test_governance_gives_a_power_to_a_role_and_takes_it_back(world: World, function: str) -> None:
    """As the deployment does: one role for each power, through the AccessManager."""
    call, officer, role = getattr(world.consortium, function), world.stranger, 7
    selector = [call.selector]
    world.manager.setTargetFunctionRole(world.consortium, selector, role, sender=world.governor)
    world.manager.grantRole(role, officer, 0, sender=world.governor)
    call(*GOVERNED[function], sender=officer)
    with reverts("AccessManagedUnauthorized", world.governor):
        call(*GOVERNED[function], sender=world.governor)
    world.manager.revokeRole(role, officer, sender=world.governor)
    with reverts("AccessManagedUnauthorized", officer):
        call(*GOVERNED[function], sender=officer)


def test_every_function_has_a_known_authority(world: World) -> None:
    """What is neither governed nor the admin's does not exist."""
    changing = {
        entry["name"]
        for entry in world.consortium.abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    own = {"setAccount", "setSigner", "delegateNamespace", "offerAdmin", "acceptAdmin"}
    assert changing == {*GOVERNED, *own, "multicall", "setAuthority"}
    with reverts("AccessManagedUnauthorized", world.governor):
        world.consortium.setAuthority(world.manager, sender=world.governor)


# An organisation and its accounts


def test_the_admin_names_accounts(world: World) -> None:
    org, account = world.maker, world.stranger
    for duties in (Duty.SHIP, Duty.SHIP | Duty.RECORD, 2**32 - 1):
        mined = world.consortium.setAccount(org.number, account, duties, sender=org.admin)
        signer = bytes.fromhex(account[2:])
        fact = {"org": org.number, "account": account, "duties": duties, "signer": signer}
        assert happened(mined) == [("AccountSet", fact)]
        assert world.consortium.accountOf(account) == (org.number, duties)
    mined = world.consortium.setAccount(org.number, account, 0, sender=org.admin)
    fact = {"org": org.number, "account": account, "duties": 0, "signer": signer}
    assert happened(mined) == [("AccountSet", fact)]
    assert world.consortium.accountOf(account) == (0, 0)


SIGNERS = [
    bytes.fromhex(ONE[2:]),
    bytes.fromhex(ONE[2:]) + b"\x00",
    bytes.fromhex(ONE[2:]) + b"k" * 64,
]


@pytest.mark.parametrize("signer", SIGNERS)
def test_the_admin_names_signers(world: World, signer: bytes) -> None:
    org, account = world.maker, account_of(signer)
    args = org.number, signer, Duty.RECEIVE
    assert world.consortium.setSigner.call(*args, sender=org.admin) == account
    mined = world.consortium.setSigner(*args, sender=org.admin)
    fact = {"org": org.number, "account": account, "duties": Duty.RECEIVE, "signer": signer}
    assert happened(mined) == [("AccountSet", fact)]
    assert authorize(world, account, 0, Duty.RECEIVE) == org.number
    world.consortium.setSigner(org.number, signer, 0, sender=org.admin)
    assert world.consortium.accountOf(account) == (0, 0)


@pytest.mark.parametrize("length", [0, 1, 19])
def test_a_signer_has_at_least_the_length_of_an_address(world: World, length: int) -> None:
    with reverts("SignerTooShort", length):
        world.consortium.setSigner(world.maker.number, b"x" * length, 1, sender=world.maker.admin)


def test_an_account_is_somebody(world: World) -> None:
    org = world.maker
    with reverts("ZeroAccount"):
        world.consortium.setAccount(org.number, ZERO, 1, sender=org.admin)
    with reverts("ZeroAccount"):
        world.consortium.setSigner(org.number, bytes(20), 1, sender=org.admin)
    world.consortium.setAccount(org.number, ONE, 1, sender=org.admin)
    assert world.consortium.accountOf(ONE) == (org.number, 1)


def test_an_account_acts_for_one_organisation(world: World) -> None:
    account, old, new = world.maker.ship, world.maker, world.carrier
    for duties in (0, 1):
        with reverts("AccountOfAnotherOrganisation", account, old.number):
            world.consortium.setAccount(new.number, account, duties, sender=new.admin)
        with reverts("AccountOfAnotherOrganisation", account, old.number):
            signer = bytes.fromhex(account[2:])
            world.consortium.setSigner(new.number, signer, duties, sender=new.admin)
    world.hire(old, account, 0)
    world.hire(new, account, Duty.SHIP)
    assert authorize(world, account) == new.number


def test_only_the_admin_names_accounts(world: World) -> None:
    org = world.maker
    machine = Forwarder.deploy(world.node, org.admin)
    callers: list[Sender] = [org.all, world.carrier.admin, world.governor, world.stranger, machine]
    for caller in callers:
        address = caller.address if isinstance(caller, Forwarder) else caller
        with reverts("NotAdmin", org.number, address):
            world.consortium.setAccount(org.number, world.stranger, 1, sender=caller)
        with reverts("NotAdmin", org.number, address):
            world.consortium.setSigner(org.number, b"s" * 84, 1, sender=caller)
        with reverts("NotAdmin", org.number, address):
            world.consortium.offerAdmin(org.number, world.stranger, sender=caller)
        with reverts("NotAdmin", org.number, address):
            namespace = keccak(text=MAKER_PREFIX)
            world.consortium.delegateNamespace(namespace, 2, 1, sender=caller)


@pytest.mark.parametrize("org", [0, NEW_ORG])
def test_nobody_is_admin_of_what_does_not_exist(world: World, org: int) -> None:
    with reverts("NotAdmin", org, world.maker.admin):
        world.consortium.setAccount(org, world.stranger, 1, sender=world.maker.admin)


# A new admin


def test_the_administration_passes_in_two_steps(world: World) -> None:
    org, old, new = world.maker, world.maker.admin, person("next admin")
    mined = world.consortium.offerAdmin(org.number, new, sender=old)
    assert happened(mined) == [("AdminOffered", {"org": org.number, "admin": old, "candidate": new})]
    assert world.consortium.candidateOf(org.number) == new
    assert world.consortium.organisation(org.number).admin == old
    mined = world.consortium.acceptAdmin(org.number, sender=new)
    fact = {"org": org.number, "previousAdmin": old, "admin": new}
    assert happened(mined) == [("AdminChanged", fact)]
    assert world.consortium.organisation(org.number) == (new, Role.MANUFACTURER, 0, False)
    assert world.consortium.candidateOf(org.number) == ZERO
    with reverts("NotAdmin", org.number, old):
        world.consortium.setAccount(org.number, world.stranger, 1, sender=old)
    world.consortium.setAccount(org.number, world.stranger, 1, sender=new)
    with reverts("NotCandidate", org.number, new):
        world.consortium.acceptAdmin(org.number, sender=new)


def test_a_contract_is_an_admin(world: World) -> None:
    """Such as a multi-signature wallet; who started the transaction does not matter."""
    org, wallet = world.maker, Forwarder.deploy(world.node, world.stranger)
    world.consortium.offerAdmin(org.number, wallet.address, sender=org.admin)
    mined = world.consortium.acceptAdmin(org.number, sender=wallet)
    fact = {"org": org.number, "previousAdmin": org.admin, "admin": wallet.address}
    assert happened(mined) == [("AdminChanged", fact)]
    assert world.consortium.organisation(org.number).admin == wallet.address
    mined = world.consortium.offerAdmin(org.number, org.admin, sender=wallet)
    fact = {"org": org.number, "admin": wallet.address, "candidate": org.admin}
    assert happened(mined) == [("AdminOffered", fact)]


def test_only_the_last_candidate_becomes_admin(world: World) -> None:
    org, first, second = world.maker, person("first"), person("second")
    for nobody in (first, org.admin):
        with reverts("NotCandidate", org.number, nobody):
            world.consortium.acceptAdmin(org.number, sender=nobody)
    world.consortium.offerAdmin(org.number, first, sender=org.admin)
    world.consortium.offerAdmin(org.number, second, sender=org.admin)
    with reverts("NotCandidate", org.number, first):
        world.consortium.acceptAdmin(org.number, sender=first)
    with reverts("NotCandidate", world.carrier.number, second):
        world.consortium.acceptAdmin(world.carrier.number, sender=second)
    machine = Forwarder.deploy(world.node, second)
    with reverts("NotCandidate", org.number, machine.address):
        world.consortium.acceptAdmin(org.number, sender=machine)
    world.consortium.acceptAdmin(org.number, sender=second)


def test_an_offer_of_administration_is_withdrawn(world: World) -> None:
    org, candidate = world.maker, person("first")
    world.consortium.offerAdmin(org.number, candidate, sender=org.admin)
    mined = world.consortium.offerAdmin(org.number, ZERO, sender=org.admin)
    assert happened(mined) == [("AdminOffered", {"org": org.number, "admin": org.admin, "candidate": ZERO})]
    with reverts("NotCandidate", org.number, candidate):
        world.consortium.acceptAdmin(org.number, sender=candidate)


# Authorisation


def test_an_account_with_role_and_duty_may_speak(world: World) -> None:
    for org in world.orgs:
        for duty in Duty:
            assert authorize(world, org.with_duty(duty), org.roles, duty) == org.number
        assert authorize(world, org.all, 2**32 - 1, sum(Duty)) == org.number
        assert authorize(world, org.ship) == org.number  # no role and no duty wanted


def test_a_stranger_may_not(world: World) -> None:
    for account in (world.stranger, world.maker.admin, world.governor, ZERO, ONE):
        with reverts("UnknownAccount", account):
            authorize(world, account)


def test_one_of_the_wanted_roles_is_enough(world: World) -> None:
    both = Role.CARRIER | Role.RECYCLER
    assert authorize(world, world.carrier.all, both) == world.carrier.number
    with reverts("MissingRole", world.maker.number, Role.MANUFACTURER, both):
        authorize(world, world.maker.all, both)
    world.consortium.setRoles(world.maker.number, 0, sender=world.governor)
    with reverts("MissingRole", world.maker.number, 0, Role.MANUFACTURER):
        authorize(world, world.maker.all, Role.MANUFACTURER)


def test_all_of_the_wanted_duties_are_needed(world: World) -> None:
    both = Duty.RECEIVE | Duty.QUALITY
    with reverts("MissingDuty", world.maker.receive, Duty.RECEIVE, both):
        authorize(world, world.maker.receive, 0, both)
    world.hire(world.maker, world.stranger, both | Duty.SHIP)
    assert authorize(world, world.stranger, 0, both) == world.maker.number


def test_a_suspension_silences_everybody_of_the_organisation_and_nobody_else(world: World) -> None:
    world.suspend(world.maker)
    for account in (world.maker.all, world.maker.ship):
        with reverts("OrganisationSuspended", world.maker.number):
            authorize(world, account)
    assert authorize(world, world.carrier.all) == world.carrier.number
    world.suspend(world.maker, False)
    assert authorize(world, world.maker.all) == world.maker.number


@pytest.mark.parametrize("seconds", [0, 1])
def test_a_licence_is_valid_to_its_last_second(world: World, seconds: int) -> None:
    org, expiry = world.maker, world.now
    world.consortium.setLicence(org.number, LICENCE, expiry, sender=world.governor)
    world.node.warp(seconds)
    assert world.consortium.hasRole(org.number, Role.MANUFACTURER) == (not seconds)
    if seconds:
        with reverts("LicenceExpired", org.number, expiry):
            authorize(world, org.all)
        world.consortium.setLicence(org.number, LICENCE, 0, sender=world.governor)
    assert authorize(world, org.all) == org.number


def test_roles_of_others(world: World) -> None:
    has_role, carrier = world.consortium.hasRole, world.carrier.number
    assert has_role(carrier, Role.CARRIER)
    assert has_role(carrier, Role.CARRIER | Role.RECYCLER)
    assert not has_role(carrier, Role.RECYCLER)
    assert not has_role(carrier, 0)
    assert not has_role(0, 2**32 - 1)
    assert not has_role(99, 2**32 - 1)
    world.suspend(world.carrier)
    assert not has_role(carrier, Role.CARRIER)


# Namespaces


def assign(world: World, text: str, org: Org | None) -> None:
    world.consortium.assignNamespace(text, org.number if org else 0, sender=world.governor)


def owner(world: World, text: str) -> int:
    number: int = world.consortium.namespaceOwner(keccak(text=text))
    return number


NAMESPACES = ["1234", "123456789012", "https://acme.example/", "http://acme.example/", "urn:cage:1ABC2:"]


@pytest.mark.parametrize("text", NAMESPACES)
def test_a_namespace_is_assigned_passed_on_and_taken_back(world: World, text: str) -> None:
    for org in (world.maker, world.carrier, None, None, world.maker):
        number = org.number if org else 0
        mined = world.consortium.assignNamespace(text, number, sender=world.governor)
        fact = {"namespace": keccak(text=text), "org": number, "text": text}
        assert happened(mined) == [("NamespaceAssigned", fact)]
        assert owner(world, text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", "123", "1234567890123", "12345a", "1234/", ":1234", "/234", "12:4", "123٣"),
        *("https://acme.example", "https://acme.example/x", "http://", "urn:cage:1ABC2", "urn:cage:1ABC2:x"),
    ],
)
def test_what_is_no_namespace(world: World, text: str) -> None:
    for org in (world.maker, None):
        with reverts("NotANamespace", text):
            assign(world, text, org)


def test_prefixes_do_not_overlap(world: World) -> None:
    namespace = keccak(text=MAKER_PREFIX)
    for longer in (MAKER_PREFIX + "0", MAKER_PREFIX + "12345"):
        with reverts("PrefixOverlap", longer, namespace):
            assign(world, longer, world.maker)
    for shorter in ("9506", "950600"):
        with reverts("PrefixOverlap", shorter, keccak(text=shorter)):
            assign(world, shorter, world.carrier)
    for other in ("9506001", "950601", "9507", "8506000"):
        assign(world, other, world.carrier)
        assert owner(world, other) == world.carrier.number


def test_a_prefix_is_free_when_all_around_it_are(world: World) -> None:
    assign(world, "9506001", world.maker)
    for text in (MAKER_PREFIX, MAKER_PREFIX):  # the second time nothing is left to take back
        assign(world, text, None)
        with reverts("PrefixOverlap", "9506", keccak(text="9506")):
            assign(world, "9506", world.carrier)
    assign(world, "9506001", world.carrier)  # passed on, still one
    assign(world, "9506001", None)
    assign(world, "9506", world.carrier)
    with reverts("PrefixOverlap", MAKER_PREFIX, keccak(text="9506")):
        assign(world, MAKER_PREFIX, world.maker)
    assign(world, "9506", None)
    assign(world, MAKER_PREFIX, world.maker)


def test_the_owner_delegates_to_the_last_second(world: World) -> None:
    maker, supplier, expiry = world.maker, world.supplier, world.now + 1
    namespace = keccak(text=MAKER_PREFIX)
    args = namespace, supplier.number, expiry
    mined = world.consortium.delegateNamespace(*args, sender=maker.admin)
    fact = {"namespace": namespace, "org": maker.number, "delegate": supplier.number, "expiry": expiry}
    assert happened(mined) == [("NamespaceDelegated", fact)]
    assert world.consortium.delegationExpiry(namespace, supplier.number) == expiry
    assert world.consortium.delegationExpiry(namespace, world.carrier.number) == 0
    world.node.warp(1)
    assert world.consortium.authorizeUnder(supplier.register, namespace) == supplier.number
    world.consortium.requireNamespace(supplier.number, namespace)
    world.node.warp(1)
    refusal = "NotNamespaceOwner", namespace, supplier.number, maker.number
    with reverts(*refusal):
        world.consortium.authorizeUnder(supplier.register, namespace)
    with reverts(*refusal):
        world.consortium.requireNamespace(supplier.number, namespace)


def test_a_delegation_is_taken_back(world: World) -> None:
    namespace, supplier = keccak(text=MAKER_PREFIX), world.supplier.number
    world.consortium.delegateNamespace(namespace, supplier, 2**40 - 1, sender=world.maker.admin)
    world.consortium.delegateNamespace(namespace, supplier, 0, sender=world.maker.admin)
    with reverts("NotNamespaceOwner", namespace, supplier, world.maker.number):
        world.consortium.requireNamespace(supplier, namespace)


@pytest.mark.parametrize("new_owner", ["carrier", None])
def test_a_delegation_ends_with_the_ownership(world: World, new_owner: str | None) -> None:
    """Nobody registers under the prefix of a company by the word of its former owner."""
    namespace, supplier = keccak(text=MAKER_PREFIX), world.supplier.number
    world.consortium.delegateNamespace(namespace, supplier, 2**40 - 1, sender=world.maker.admin)
    org: Org | None = getattr(world, new_owner) if new_owner else None
    assign(world, MAKER_PREFIX, org)
    with reverts("NotNamespaceOwner", namespace, supplier, org.number if org else 0):
        world.consortium.requireNamespace(supplier, namespace)
    assert world.consortium.delegationExpiry(namespace, supplier) == 0
    assign(world, MAKER_PREFIX, world.maker)  # and it does not come back with the former owner
    with reverts("NotNamespaceOwner", namespace, supplier, world.maker.number):
        world.consortium.requireNamespace(supplier, namespace)
    world.consortium.delegateNamespace(namespace, supplier, world.now, sender=world.maker.admin)
    world.consortium.requireNamespace(supplier, namespace)


def test_the_delegate_of_a_silenced_owner_is_silenced_under_its_namespace(world: World) -> None:
    namespace, supplier = keccak(text=MAKER_PREFIX), world.supplier
    world.consortium.delegateNamespace(namespace, supplier.number, 2**40 - 1, sender=world.maker.admin)
    start = world.node.snapshot()
    world.suspend(world.maker)
    silenced = [("OrganisationSuspended", world.maker.number)]
    for _ in range(2):
        with reverts(*silenced[-1]):
            world.consortium.authorizeUnder(supplier.register, namespace)
        with reverts(*silenced[-1]):
            world.consortium.delegateNamespace(namespace, supplier.number, 1, sender=world.maker.admin)
        world.consortium.requireNamespace(world.maker.number, namespace)  # whose it is, whoever may speak
        assert authorize(world, supplier.register) == supplier.number
        world.node.revert(start)
        expiry = world.now - 1
        world.consortium.setLicence(world.maker.number, LICENCE, expiry, sender=world.governor)
        silenced.append(("LicenceExpired", world.maker.number, expiry))


def test_a_delegate_does_not_delegate(world: World) -> None:
    namespace, supplier = keccak(text=MAKER_PREFIX), world.supplier
    args = namespace, supplier.number, 2**40 - 1
    world.consortium.delegateNamespace(*args, sender=world.maker.admin)
    with reverts("NotAdmin", world.maker.number, supplier.admin):
        world.consortium.delegateNamespace(namespace, world.carrier.number, 1, sender=supplier.admin)
    with reverts("NotAdmin", 0, supplier.admin):
        world.consortium.delegateNamespace(bytes(32), world.carrier.number, 1, sender=supplier.admin)


def test_registering_needs_the_duty_and_the_namespace(world: World) -> None:
    maker, namespace = world.maker, keccak(text=MAKER_PREFIX)
    assert world.consortium.authorizeUnder(maker.register, namespace) == maker.number
    with reverts("MissingDuty", maker.ship, Duty.SHIP, Duty.REGISTER):
        world.consortium.authorizeUnder(maker.ship, namespace)
    with reverts("UnknownAccount", world.stranger):
        world.consortium.authorizeUnder(world.stranger, namespace)
    foreign = keccak(text=SUPPLIER_PREFIX)
    with reverts("NotNamespaceOwner", foreign, maker.number, world.supplier.number):
        world.consortium.authorizeUnder(maker.register, foreign)
    with reverts("NotNamespaceOwner", bytes(32), 0, 0):
        world.consortium.requireNamespace(0, bytes(32))


def test_calls_can_be_bundled(world: World) -> None:
    maker, calls = world.maker, []
    for account in (world.stranger, ONE):
        calls.append(world.consortium.setAccount.encode(maker.number, account, Duty.SHIP))
    world.consortium.multicall(calls, sender=maker.admin)
    assert authorize(world, ONE) == authorize(world, world.stranger) == maker.number
    with pytest.raises(Reverted) as refused:
        world.consortium.multicall(calls, sender=maker.all)
    assert (refused.value.error, tuple(refused.value.values)) == ("NotAdmin", (maker.number, maker.all))
