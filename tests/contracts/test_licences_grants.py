"""Licences: who grants what to whom, how it ends, and how it is passed on or lent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.licences import MOST_HOURS, NOBODY, ONE, PERIOD, TOLERANCE, Made, Outcome
from tests.support import Forwarder, reverts
from tests.support.licensing import Licensing
from tests.support.words import Duty, EndOfLife, Kind
from tests.support.world import asset, happened

REASON = b"r" * 32
NONE = (bytes(32), 0, 0, 0, 0, 0, 0, 0, 0, False, False, False, 0, 0)
FIRST = 1


# ------------------------------------------------------------------------------------------------- granting


def test_the_contract_knows_its_world(licensing: Licensing) -> None:
    contract, world = licensing.contract, licensing.world
    assert contract.TWINS() == world.twins.address
    assert contract.LOTS() == world.lots.address
    assert contract.CONSORTIUM() == world.consortium.address
    assert contract.MAX_SEATS_PER_USER() == 8
    assert contract.MAX_BORROW_HOURS() == MOST_HOURS
    assert contract.REPORT_PERIOD() == PERIOD
    assert contract.CLOCK_TOLERANCE() == TOLERANCE
    assert contract.eip712Domain().name == "Goldthread Licences"
    assert contract.licenceOf(FIRST) == NONE
    assert contract.licenceCount() == 0


def test_interfaces_are_said(licensing: Licensing) -> None:
    for known in ("ad092b5c", "01ffc9a7"):
        assert licensing.contract.supportsInterface(bytes.fromhex(known))
    for other in ("ffffffff", "80ac58cd", "8c65f84d", "00000000"):
        assert not licensing.contract.supportsInterface(bytes.fromhex(other))


def test_an_owner_grants(licensing: Licensing) -> None:
    world, terms = licensing.world, licensing.terms()
    args = licensing.design, world.supplier.number, terms, 0
    assert licensing.contract.grant.call(*args, sender=world.maker.finance) == FIRST
    receipt = licensing.contract.grant(*args, sender=world.maker.finance)
    told = {"licence": FIRST, "design": licensing.design, "licensee": world.supplier.number}
    told |= {"org": world.maker.number, "caller": world.maker.finance, "terms": tuple(terms)}
    told |= {"issuedAt": world.now - 1, "supersedes": 0}
    [(name, fields)] = happened(receipt)
    assert name == "LicenceGranted"
    assert fields == told | {"issuedAt": fields["issuedAt"]}
    kept = licensing.contract.licenceOf(FIRST)
    assert (kept.design, kept.licensee, kept.revoked) == (licensing.design, world.supplier.number, False)
    assert kept.issuedAt == fields["issuedAt"]
    assert {name: getattr(kept, name) for name in fields["terms"]._fields} == fields["terms"]._asdict()
    assert licensing.contract.usageOf(FIRST) == (0, 0, 0, 0, 0, 0)
    assert licensing.contract.licenceCount() == 1


def test_licences_are_numbered(licensing: Licensing) -> None:
    assert [licensing.grant(), licensing.grant(to=licensing.world.carrier), licensing.grant()] == [1, 2, 3]
    licensing.shadow.check_all()


CALLS: dict[str, Any] = {
    "grant": lambda li: (li.design, li.world.supplier.number, li.terms(), 0),
    "revoke": lambda li: (FIRST, REASON),
}


@pytest.mark.parametrize("function", CALLS)
def test_only_the_owners_finance_grants_and_revokes(licensing: Licensing, function: str) -> None:
    world = licensing.world
    licensing.grant()
    call, args = getattr(licensing.contract, function), CALLS[function](licensing)
    owner, others = world.maker, ~Duty.FINANCE
    with reverts("UnknownAccount", world.stranger):
        call(*args, sender=world.stranger)
    with reverts("NotLicensor", licensing.design, world.supplier.number, owner.number):
        call(*args, sender=world.supplier.finance)
    machine = Forwarder.deploy(licensing.shadow.node, owner.finance)
    with reverts("UnknownAccount", machine.address):
        call(*args, sender=machine)
    world.hire(owner, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.FINANCE):
        call(*args, sender=machine)
    world.suspend(owner)
    with reverts("OrganisationSuspended", owner.number):
        call(*args, sender=owner.finance)
    world.suspend(owner, False)
    world.hire(owner, machine, Duty.FINANCE)
    [(_, fields)] = happened(call(*args, sender=machine))
    assert (fields["org"], fields["caller"]) == (owner.number, machine.address)


@pytest.mark.parametrize("kind", [Kind.PART, Kind.CONTAINER, Kind.ASSET])
def test_only_designs_are_licensed(licensing: Licensing, kind: Kind) -> None:
    world = licensing.world
    thing = world.register(asset("THING"), kind)
    with reverts("NotADesign", thing):
        licensing.contract.grant(thing, 2, licensing.terms(), 0, sender=world.maker.finance)
    with reverts("NotLicensor", REASON, world.maker.number, 0):
        licensing.contract.grant(REASON, 2, licensing.terms(), 0, sender=world.maker.finance)


def test_a_design_that_ended_is_licensed_no_more(licensing: Licensing) -> None:
    world, before = licensing.world, licensing.grant()
    world.retire(licensing.design, EndOfLife.DECOMMISSIONED)
    with reverts("NotADesign", licensing.design):
        licensing.contract.grant(licensing.design, 2, licensing.terms(), 0, sender=world.maker.finance)
    assert licensing.shadow.outcome(before, world.supplier.record) == Outcome.OK, "the old ones go on"


def test_a_licensee_is_an_organisation(licensing: Licensing) -> None:
    finance, design = licensing.world.maker.finance, licensing.design
    count = licensing.world.consortium.organisationCount()
    for org in (0, count + 1, 2**32 - 1):
        with reverts("NotAnOrganisation", org):
            licensing.contract.grant(design, org, licensing.terms(), 0, sender=finance)
    for org in (1, count):
        assert licensing.shadow.tell("grant", design, org, licensing.terms(), 0, sender=finance)


NO_SEATS = {"seats": 0, "seat_overdraft": 0, "seats_per_user": 0}
NO_UNITS = {"units": 0, "unit_overdraft": 0}
MANY, MUCH = 2**16 - 1, 2**96 - 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (NO_SEATS | NO_UNITS, ("NothingGranted",)),
        ({"seats": MANY, "seat_overdraft": 1}, ("OverdraftTooLarge", MANY, 1)),
        ({"seats": MANY, "seat_overdraft": MANY}, ("OverdraftTooLarge", MANY, MANY)),
        ({"units": MUCH, "unit_overdraft": 1}, ("OverdraftTooLarge", MUCH, 1)),
        ({"units": MUCH, "unit_overdraft": MUCH}, ("OverdraftTooLarge", MUCH, MUCH)),
        ({"seats_per_user": 0}, ("InvalidSeatsPerUser", 0)),
        ({"seats_per_user": 9}, ("InvalidSeatsPerUser", 9)),
        (NO_SEATS | {"seats_per_user": 1}, ("InvalidSeatsPerUser", 1)),
        ({"borrow_hours": MOST_HOURS + 1}, ("BorrowTooLong", MOST_HOURS + 1, MOST_HOURS)),
    ],
)
def test_terms_make_sense(licensing: Licensing, changes: dict[str, int], error: tuple[Any, ...]) -> None:
    args = licensing.design, 2, licensing.terms(**changes), 0
    assert not licensing.shadow.tell("grant", *args, sender=licensing.world.maker.finance)
    with reverts(*error):
        licensing.contract.grant(*args, sender=licensing.world.maker.finance)


@pytest.mark.parametrize(
    "changes",
    [
        NO_SEATS,
        NO_UNITS,
        NO_UNITS | {"seats": 0},
        NO_SEATS | {"units": 0},
        NO_SEATS | {"unit_overdraft": 0},
        {"seat_overdraft": 0},
        {"seats": MANY, "seat_overdraft": 0},
        {"seats": 0, "seat_overdraft": MANY},
        {"units": MUCH, "unit_overdraft": 0},
        {"units": 0, "unit_overdraft": MUCH},
        {"seats_per_user": 1},
        {"seats_per_user": 8},
        {"borrow_hours": MOST_HOURS},
        {"borrow_hours": 0},
        {"lendable": False},
        {"transferable": False},
        {"start": 0},
        {"end": 2**40 - 1},
    ],
)
def test_terms_that_do(licensing: Licensing, changes: dict[str, int]) -> None:
    licensing.grant(**changes)
    licensing.shadow.check_all()


def test_a_licence_ends_later_than_it_starts_and_than_now(licensing: Licensing) -> None:
    now, finance = licensing.world.now, licensing.world.maker.finance
    for start, end in ((now, now), (now + 9, now + 9), (now + 9, now + 8), (now - 9, now), (0, now - 1)):
        terms = licensing.terms(start=start, end=end)
        with reverts("InvalidTerm", start, end, now):
            licensing.contract.grant(licensing.design, 2, terms, 0, sender=finance)
    for start, end in ((now, now + 1), (now - 9, now + 1), (now + 8, now + 9)):
        licensing.shadow.node.timestamp = now
        licensing.grant(start=start, end=end)


# --------------------------------------------------------------------------------------------------- ending


def test_the_licensor_revokes_with_a_reason_once(licensing: Licensing) -> None:
    world, number = licensing.world, licensing.grant()
    receipt = licensing.contract.revoke(number, REASON, sender=world.maker.finance)
    told = {"licence": number, "design": licensing.design, "org": world.maker.number}
    assert happened(receipt) == [("LicenceRevoked", told | {"caller": world.maker.finance, "reason": REASON})]
    assert licensing.contract.licenceOf(number).revoked
    with reverts("Revoked", number):
        licensing.contract.revoke(number, REASON, sender=world.maker.finance)
    for unknown in (0, number + 1, 2**32 - 1):
        with reverts("UnknownLicence", unknown):
            licensing.contract.revoke(unknown, REASON, sender=world.maker.finance)
    with reverts("Revoked", number):
        licensing.contract.checkout(number, 0, sender=world.supplier.record)
    with reverts("Revoked", number):
        licensing.contract.consume(number, [], sender=world.supplier.register)


def test_what_is_revoked_is_nobody_elses(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    first, second = licensing.grant(), licensing.grant()
    assert shadow.tell("revoke", first, REASON, sender=world.maker.finance)
    assert shadow.outcome(first, world.supplier.record) == Outcome.REVOKED
    assert shadow.outcome(second, world.supplier.record) == Outcome.OK
    shadow.check_all()


def test_a_new_licence_supersedes_those_issued_before(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    clerk = world.supplier.record
    old = licensing.grant()
    node.warp(10)
    before = node.timestamp
    same_second = licensing.grant()
    other, elsewhere = licensing.grant(to=world.carrier), licensing.new_design("OTHER")
    node.timestamp = before
    another = licensing.grant(design=elsewhere)
    node.warp(10)
    new = licensing.grant(supersedes=before)
    assert licensing.contract.supersessionOf(licensing.design, world.supplier.number) == (before, new)
    assert shadow.outcome(old, clerk) == Outcome.SUPERSEDED
    for alive in (same_second, another, new):
        assert shadow.outcome(alive, clerk) == Outcome.OK
    assert shadow.outcome(other, world.carrier.record) == Outcome.OK
    with reverts("SupersededBy", old, new):
        licensing.contract.checkout(old, 0, sender=clerk)
    with reverts("SupersededBy", old, new):
        licensing.contract.transfer(old, world.carrier.number, sender=world.supplier.finance)
    with reverts("SupersededBy", old, new):
        licensing.contract.consume(old, [], sender=world.supplier.register)
    shadow.check_all()


def test_what_superseded_is_not_superseded_by_itself(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    finance, supplier = world.maker.finance, world.supplier
    now = node.timestamp
    args = licensing.design, supplier.number, licensing.terms()
    with reverts("SupersedesItself", now + 1, now):
        licensing.contract.grant(*args, now + 1, sender=finance)
    node.timestamp = now
    first = licensing.grant(supersedes=now)
    assert shadow.outcome(first, supplier.record) == Outcome.OK
    for before in (now, now - 1, 1):
        with reverts("AlreadySuperseded", licensing.design, supplier.number, now):
            licensing.contract.grant(*args, before, sender=finance)
    node.timestamp = now + 5
    second = licensing.grant(supersedes=now + 1)
    assert shadow.outcome(first, supplier.record) == Outcome.SUPERSEDED
    third = licensing.grant()
    assert shadow.tell("revoke", second, REASON, sender=finance)
    assert shadow.outcome(first, supplier.record) == Outcome.SUPERSEDED, "whatever becomes of the new one"
    assert shadow.outcome(third, supplier.record) == Outcome.OK
    shadow.check_all()


def test_a_licence_outlives_a_sale_of_the_design(licensing: Licensing) -> None:
    shadow, world, clerk = licensing.shadow, licensing.world, licensing.world.supplier.record
    number = licensing.grant()
    world.give_title(licensing.design, world.maker, world.retailer)
    shadow.catch_up()
    assert shadow.outcome(number, clerk) == Outcome.OK
    assert not shadow.tell("revoke", number, REASON, sender=world.maker.finance)
    with reverts("NotLicensor", licensing.design, world.maker.number, world.retailer.number):
        licensing.contract.revoke(number, REASON, sender=world.maker.finance)
    assert licensing.grant(supersedes=world.now) == number + 1
    assert shadow.tell("revoke", number, REASON, sender=world.retailer.finance)
    shadow.check_all()


# --------------------------------------------------------------------------------------------------- passing


def test_a_licensee_passes_it_on_with_what_is_left(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number = licensing.grant()
    part = licensing.part("1")
    assert licensing.make(number, Made(part))
    receipt = licensing.contract.transfer(number, world.carrier.number, sender=world.supplier.finance)
    told = {"licence": number, "org": world.supplier.number, "licensee": world.carrier.number}
    assert happened(receipt) == [("LicenceTransferred", told | {"caller": world.supplier.finance})]
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.licenceOf(number).licensee == world.carrier.number
    assert licensing.contract.usageOf(number).consumed == ONE
    assert shadow.outcome(number, world.supplier.record) == Outcome.NOT_LICENSEE
    assert shadow.outcome(number, world.carrier.record) == Outcome.OK
    shadow.check_all()


def test_only_the_licensees_finance_passes_on_and_lends(licensing: Licensing) -> None:
    world, node = licensing.world, licensing.shadow.node
    number = licensing.grant()
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("transfer", (number, world.carrier.number)),
        ("setUser", (number, world.carrier.record, 2**40)),
    ]
    for function, args in calls:
        call = getattr(licensing.contract, function)
        with reverts("NotLicensee", number, world.maker.number, world.supplier.number):
            call(*args, sender=world.maker.finance)
        with reverts("MissingDuty", world.supplier.record, Duty.RECORD, Duty.FINANCE):
            call(*args, sender=world.supplier.record)
        machine = Forwarder.deploy(node, world.supplier.finance)
        with reverts("UnknownAccount", machine.address):
            call(*args, sender=machine)
        world.hire(world.supplier, machine, Duty.FINANCE)
        here = node.snapshot()
        fields = happened(call(*args, sender=machine))[-1 if function == "setUser" else 0][1]
        assert (fields["org"], fields["caller"]) == (world.supplier.number, machine.address)
        node.revert(here)
        for unknown in (0, number + 1):
            with reverts("UnknownLicence", unknown):
                call(unknown, *args[1:], sender=world.supplier.finance)
    for unknown in (2**32 + number, 2**256 - 1):
        with reverts("UnknownLicence", unknown):
            licensing.contract.setUser(unknown, world.carrier.record, 1, sender=world.supplier.finance)


def test_what_may_not_be_passed_on_is_not(licensing: Licensing) -> None:
    world, finance = licensing.world, licensing.world.supplier.finance
    kept, lent = licensing.grant(transferable=False), licensing.grant(lendable=False)
    with reverts("NotTransferable", kept):
        licensing.contract.transfer(kept, world.carrier.number, sender=finance)
    with reverts("NotLendable", lent):
        licensing.contract.setUser(lent, world.carrier.record, 2**40, sender=finance)
    licensing.contract.transfer(lent, world.carrier.number, sender=finance)
    licensing.contract.setUser(kept, world.carrier.record, 2**40, sender=finance)
    count = world.consortium.organisationCount()
    number = licensing.grant()
    for org in (0, count + 1):
        with reverts("NotAnOrganisation", org):
            licensing.contract.transfer(number, org, sender=finance)


def test_it_is_passed_on_while_it_is_in_force(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    finance, to, now = world.supplier.finance, world.carrier.number, node.timestamp
    number = licensing.grant(start=now + 50, end=now + 60)
    node.timestamp = now + 49
    with reverts("NotStarted", number, now + 50, now + 49):
        licensing.contract.transfer(number, to, sender=finance)
    here = shadow.point()
    for second in (now + 50, now + 59):
        node.timestamp = second
        assert shadow.tell("transfer", number, to, sender=finance)
        shadow.back_to(here)
    node.timestamp = now + 60
    with reverts("Expired", number, now + 60, now + 60):
        licensing.contract.transfer(number, to, sender=finance)
    assert shadow.tell("revoke", number, REASON, sender=world.maker.finance)
    with reverts("Revoked", number):
        licensing.contract.transfer(number, to, sender=finance)


def test_seats_are_back_before_it_is_passed_on(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    finance, clerk, to = world.supplier.finance, world.supplier.record, world.carrier.number
    number = licensing.grant()
    assert shadow.tell("checkout", number, 0, sender=clerk)
    assert shadow.tell("checkout", number, 1, sender=clerk)
    with reverts("SeatsOut", number, 2):
        licensing.contract.transfer(number, to, sender=finance)
    assert shadow.tell("checkin", number, clerk, 0, sender=finance)
    with reverts("SeatsOut", number, 1):
        licensing.contract.transfer(number, to, sender=finance)
    node.warp(7200)
    assert shadow.tell("transfer", number, to, sender=finance)
    shadow.check_all()


def test_it_is_not_passed_on_to_whom_it_would_be_superseded(licensing: Licensing) -> None:
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    old = licensing.grant()
    issued = licensing.contract.licenceOf(old).issuedAt
    node.warp(10)
    here = shadow.point()
    by = licensing.grant(to=world.carrier, supersedes=issued + 1)
    with reverts("SupersededBy", old, by):
        licensing.contract.transfer(old, world.carrier.number, sender=world.supplier.finance)
    shadow.back_to(here)
    licensing.grant(to=world.carrier, supersedes=issued)
    assert shadow.tell("transfer", old, world.carrier.number, sender=world.supplier.finance)


# --------------------------------------------------------------------------------------------------- lending


def test_a_user_of_somebody_else_uses_it_until_its_time_is_over(licensing: Licensing) -> None:
    """ERC-4907: the user has the right and not the licence."""
    shadow, world, node = licensing.shadow, licensing.world, licensing.shadow.node
    number, guest, now = licensing.grant(), world.service.register, node.timestamp
    assert shadow.outcome(number, guest) == Outcome.NOT_LICENSEE
    with reverts("NotLicensee", number, world.service.number, world.supplier.number):
        licensing.contract.checkout(number, 0, sender=guest)
    receipt = licensing.contract.setUser(number, guest, now + 99, sender=world.supplier.finance)
    updated = {"tokenId": number, "user": guest, "expires": now + 99}
    lent = {"licence": number, "org": world.supplier.number, "user": guest}
    lent |= {"caller": world.supplier.finance, "expires": now + 99}
    assert happened(receipt) == [("UpdateUser", updated), ("LicenceLent", lent)]
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.userExpires(number) == now + 99
    assert shadow.tell("checkout", number, 0, sender=guest)
    assert shadow.outcome(number, world.service.record) == Outcome.NOT_LICENSEE, "one account is the user"
    for second, user, outcome in (
        (now + 99, guest, Outcome.OK),
        (now + 100, NOBODY, Outcome.NOT_LICENSEE),
    ):
        node.timestamp = second
        assert licensing.contract.userOf(number) == user
        assert shadow.outcome(number, guest) == outcome
    assert licensing.contract.userExpires(number) == now + 99
    with reverts("NotLicensee", number, world.service.number, world.supplier.number):
        licensing.contract.checkout(number, 0, sender=guest)
    assert shadow.tell("checkin", number, guest, 0, sender=guest)
    shadow.check_all()


def test_a_user_makes_things_of_its_own(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number, guest = licensing.grant(), world.maker.register
    assert shadow.tell("setUser", number, guest, 2**64 - 1, sender=world.supplier.finance)
    part, its = licensing.part("1", world.maker), licensing.part("2")
    assert licensing.make(number, Made(part), sender=guest)
    with reverts("NotMadeBy", its, world.maker.number):
        licensing.contract.consume(number, [Made(its)], sender=guest)
    assert shadow.tell("setUser", number, NOBODY, 0, sender=world.supplier.finance)
    assert licensing.contract.userOf(number) == NOBODY
    with reverts("NotLicensee", number, world.maker.number, world.supplier.number):
        licensing.contract.consume(number, [Made(part)], sender=guest)
    shadow.check_all()


def test_the_user_goes_with_the_transfer(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number, guest = licensing.grant(), world.service.record
    assert shadow.tell("setUser", number, guest, 2**64 - 1, sender=world.supplier.finance)
    receipt = licensing.contract.transfer(number, world.carrier.number, sender=world.supplier.finance)
    names = [name for name, _ in happened(receipt)]
    assert names == ["LicenceTransferred", "UpdateUser"]
    assert happened(receipt)[1][1] == {"tokenId": number, "user": NOBODY, "expires": 0}
    shadow.model.ledger = shadow.replay()
    assert licensing.contract.userOf(number) == NOBODY
    assert licensing.contract.userExpires(number) == 0
    assert shadow.outcome(number, guest) == Outcome.NOT_LICENSEE
    shadow.check_all()


def test_a_user_who_may_not_speak_uses_nothing(licensing: Licensing) -> None:
    shadow, world = licensing.shadow, licensing.world
    number = licensing.grant()
    for nobody in (world.stranger, NOBODY):
        assert shadow.tell("setUser", number, nobody, 2**64 - 1, sender=world.supplier.finance)
        assert shadow.outcome(number, nobody) == Outcome.NOT_LICENSEE
    assert licensing.contract.outcomeOf(0, NOBODY) == Outcome.UNKNOWN
    assert not licensing.contract.hasSeat(0, NOBODY)


def test_steps_are_bundled(licensing: Licensing) -> None:
    number = licensing.grant()
    clerk = licensing.world.supplier.record
    calls = [licensing.contract.checkout.encode(number, hours) for hours in (0, 1)]
    licensing.contract.multicall(calls, sender=clerk)
    assert licensing.contract.inUse(number) == 2
