"""UsageMeters: who opens a meter, who pays in, what a signed counter costs, and how the rest comes back."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.models.licence_shadow import MUCH, MeterShadow
from tests.models.usage_meters import NOBODY, NOTICE, OVERDRAWN, TOLERANCE, MeterReading, MeterTerms
from tests.support import Forwarder, Node, deploy, reverts
from tests.support.contract import Contract
from tests.support.metering import PRICE, Metering
from tests.support.signers import SecureElement, Wallet
from tests.support.words import Duty, Kind
from tests.support.world import asset, happened, person

UNKNOWN = b"u" * 32
NONE = (NOBODY, 0, NOBODY, 0, 0, False, 0, 0, 0, 0, bytes(32), bytes(32))


@pytest.fixture
def metering(node: Node) -> Metering:
    return Metering(MeterShadow(node))


# ------------------------------------------------------------------------------------------------- opening


def test_the_contract_knows_its_world(metering: Metering) -> None:
    meters, world = metering.meters, metering.world
    assert meters.CONSORTIUM() == world.consortium.address
    assert meters.LICENCES() == world.licences.address
    assert meters.DEVICES() == world.devices.address
    assert meters.TWINS() == world.twins.address
    assert meters.TOKEN() == world.token.address
    assert meters.NOTICE_PERIOD() == NOTICE
    assert meters.CLOCK_TOLERANCE() == TOLERANCE
    assert meters.eip712Domain().name == "Goldthread UsageMeters"
    assert meters.meterOf(UNKNOWN) == NONE


def test_a_licensor_opens_a_meter(metering: Metering) -> None:
    terms, maker = metering.terms_of(), metering.world.maker
    assert metering.meters.meterId(terms) == terms.id
    assert metering.meters.openMeter.call(terms, sender=maker.finance) == terms.id
    receipt = metering.meters.openMeter(terms, sender=maker.finance)
    told = {"meter": terms.id, "licence": metering.number, "org": maker.number, "caller": maker.finance}
    assert happened(receipt) == [("MeterOpened", told | {"terms": tuple(terms)})]
    who = terms.payee, terms.price, NOBODY, 0, metering.number, False
    kept = (*who, 0, 7, 0, 0, terms.instance, terms.signer_hash)
    assert metering.meters.meterOf(terms.id) == kept
    with reverts("MeterExists", terms.id):
        metering.meters.openMeter(terms, sender=maker.finance)
    metering.open(salt=b"s" * 32)


def test_only_the_owner_of_the_design_opens(metering: Metering) -> None:
    world, terms, design = metering.world, metering.terms_of(), metering.design
    with reverts("UnknownAccount", world.stranger):
        metering.meters.openMeter(terms, sender=world.stranger)
    with reverts("NotLicensor", design, world.supplier.number, world.maker.number):
        metering.meters.openMeter(terms, sender=world.supplier.finance)
    machine = Forwarder.deploy(metering.shadow.node, world.maker.finance)
    with reverts("UnknownAccount", machine.address):
        metering.meters.openMeter(terms, sender=machine)
    others = ~Duty.FINANCE
    world.hire(world.maker, machine, others)
    with reverts("MissingDuty", machine.address, others, Duty.FINANCE):
        metering.meters.openMeter(terms, sender=machine)
    world.hire(world.maker, machine, Duty.FINANCE)
    [(_, told)] = happened(metering.meters.openMeter(terms, sender=machine))
    assert told["caller"] == machine.address


def test_a_meter_has_a_licence_a_payee_and_a_price(metering: Metering) -> None:
    finance = metering.world.maker.finance
    for unknown in (0, metering.number + 1):
        with reverts("UnknownLicence", unknown):
            metering.meters.openMeter(metering.terms_of(licence=unknown), sender=finance)
    for payee, price in ((NOBODY, PRICE), (metering.payee, 0), (NOBODY, 0)):
        with reverts("InvalidMeter", payee, price):
            metering.meters.openMeter(metering.terms_of(payee=payee, price=price), sender=finance)
    metering.open(price=1)
    metering.open(price=2**96 - 1, payee="0x" + 39 * "0" + "1")
    metering.shadow.check_meters()


# -------------------------------------------------------------------------------------------------- paying


def test_the_licensee_pays_in(metering: Metering) -> None:
    meter, payer, token = metering.open(), metering.payer, metering.world.token
    receipt = metering.meters.fund(meter, 1_000, sender=payer)
    funded = {"meter": meter, "licence": metering.number, "payer": payer, "amount": 1_000, "settled": 0}
    moved = {"from": payer, "to": metering.meters.address, "value": 1_000}
    assert happened(receipt) == [("MeterFunded", funded), ("Transfer", moved)]
    assert token.balanceOf(metering.meters) == 1_000
    found = metering.meters.meterOf(meter)
    assert (found.payer, found.balance, found.debt) == (payer, 1_000, 0)
    metering.meters.fund(meter, 1, sender=payer)
    assert metering.meters.meterOf(meter).balance == 1_001


def test_who_pays_in_first_is_the_payer(metering: Metering) -> None:
    world, meter, supplier = metering.world, metering.open(), metering.world.supplier
    with reverts("UnknownAccount", world.stranger):
        metering.meters.fund(meter, 1, sender=world.stranger)
    with reverts("NotLicensee", metering.number, world.maker.number, supplier.number):
        metering.meters.fund(meter, 1, sender=world.maker.finance)
    with reverts("MissingDuty", supplier.record, Duty.RECORD, Duty.FINANCE):
        metering.meters.fund(meter, 1, sender=supplier.record)
    machine = Forwarder.deploy(metering.shadow.node, supplier.finance)
    with reverts("UnknownAccount", machine.address):
        metering.meters.fund(meter, 1, sender=machine)
    assert metering.shadow.meter("fund", meter, 1, sender=supplier.finance)
    with reverts("NotPayer", meter, supplier.all, supplier.finance):
        metering.meters.fund(meter, 1, sender=supplier.all)
    world.hire(supplier, machine, Duty.FINANCE)
    with reverts("NotPayer", meter, machine.address, supplier.finance):
        metering.meters.fund(meter, 1, sender=machine)
    world.suspend(supplier)
    assert metering.shadow.meter("fund", meter, 5, sender=supplier.finance), "and asks nobody any more"


def test_a_contract_pays_in_its_own_name(metering: Metering) -> None:
    world, meter = metering.world, metering.open()
    machine = Forwarder.deploy(metering.shadow.node, world.stranger)
    world.hire(world.supplier, machine, Duty.FINANCE)
    world.token.mint(machine.address, 9, sender=world.stranger)
    world.token.approve(metering.meters, 9, sender=machine)
    told = happened(metering.meters.fund(meter, 9, sender=machine))[0][1]
    assert told["payer"] == machine.address
    assert metering.meters.meterOf(meter).payer == machine.address
    [(_, told)] = happened(metering.meters.giveNotice(meter, sender=machine))
    assert told["payer"] == machine.address
    metering.shadow.node.warp(NOTICE)
    [(_, told)] = happened(metering.meters.closeMeter(meter, sender=machine))
    assert (told["caller"], told["payer"]) == (machine.address, machine.address)
    assert metering.meters.creditOf(machine.address) == 9


def test_something_is_paid_in(metering: Metering) -> None:
    meter = metering.open()
    with reverts("NothingPaid", meter):
        metering.meters.fund(meter, 0, sender=metering.payer)
    with reverts("MeterNotOpen", UNKNOWN):
        metering.meters.fund(UNKNOWN, 1, sender=metering.payer)


# -------------------------------------------------------------------------------------------------- counting


def test_each_step_is_paid_from_the_balance(metering: Metering) -> None:
    meter, now, anyone = metering.open(1_000), metering.world.now, metering.world.stranger
    receipt = metering.meters.record(*metering.signed(meter, 10, now), sender=anyone)
    told = {"meter": meter, "licence": metering.number, "instance": keccak(text="machine"), "caller": anyone}
    told |= {"counter": 10, "time": now, "steps": 3, "paid": 300, "debt": 0}
    assert happened(receipt) == [("UsageRecorded", told)]
    found = metering.meters.meterOf(meter)
    assert (found.balance, found.counter, found.time, found.debt) == (700, 10, now, 0)
    assert metering.meters.creditOf(metering.payee) == 300
    machine = Forwarder.deploy(metering.shadow.node, anyone)
    [(_, told)] = happened(metering.meters.record(*metering.signed(meter, 17, now), sender=machine))
    assert (told["steps"], told["paid"], told["caller"]) == (7, 700, machine.address)
    assert metering.meters.meterOf(meter).balance == 0


def test_a_counter_only_rises(metering: Metering) -> None:
    meter, anyone = metering.open(1_000), metering.world.stranger
    for counter in (0, 6, 7):
        with reverts("CounterNotRisen", meter, counter, 7):
            metering.meters.record(*metering.signed(meter, counter), sender=anyone)
    signed = metering.signed(meter, 8)
    assert metering.shadow.meter("record", *signed, sender=anyone)
    with reverts("CounterNotRisen", meter, 8, 8):
        metering.meters.record(*signed, sender=anyone)


def test_its_clock_only_rises_and_is_at_most_a_day_ahead(metering: Metering) -> None:
    shadow, meter, now, anyone = metering.shadow, metering.open(1_000), metering.world.now, person("anyone")
    ahead = now + TOLERANCE
    with reverts("ClockAhead", meter, ahead + 1, now):
        metering.meters.record(*metering.signed(meter, 8, ahead + 1), sender=anyone)
    shadow.node.timestamp = now
    assert metering.record(meter, 8, ahead)
    with reverts("OlderReading", meter, ahead - 1, ahead):
        metering.meters.record(*metering.signed(meter, 9, ahead - 1), sender=anyone)
    shadow.node.timestamp = now
    assert metering.record(meter, 9, ahead)
    assert metering.meters.meterOf(meter).time == ahead
    old = metering.open(salt=b"o" * 32)
    assert metering.record(old, 8, 0), "a machine may have been off line for long"


def test_what_the_balance_does_not_cover_is_owed(metering: Metering) -> None:
    shadow, meter, anyone = metering.shadow, metering.open(250), metering.world.stranger
    receipt = metering.meters.record(*metering.signed(meter, 10), sender=anyone)
    where = {"meter": meter, "licence": metering.number, "instance": keccak(text="machine")}
    alert = {"subject": metering.design, "code": OVERDRAWN, "org": metering.world.maker.number}
    alert |= {"severity": 1, "ref": meter}
    assert keccak(text="OVERDRAWN")[:4] == OVERDRAWN
    recorded, *rest = happened(receipt)
    assert (recorded[1]["paid"], recorded[1]["debt"]) == (250, 50)
    assert rest == [("MeterOverdrawn", where | {"missing": 50}), ("Alert", alert)]
    receipt = metering.meters.record(*metering.signed(meter, 11), sender=anyone)
    recorded, *rest = happened(receipt)
    assert (recorded[1]["paid"], recorded[1]["debt"]) == (0, 150)
    assert rest == [("MeterOverdrawn", where | {"missing": 100})], "one alert for a debt"
    assert metering.meters.meterOf(meter).debt == 150
    assert metering.meters.creditOf(metering.payee) == 250
    shadow.metering.ledger.apply(("UsageRecorded", happened(receipt)[0][1] | {"counter": 11}))


def test_a_single_base_unit_is_paid_and_comes_back(metering: Metering) -> None:
    meter = metering.open(2, price=1)
    assert metering.record(meter, 8)
    assert metering.meters.creditOf(metering.payee) == 1
    assert metering.shadow.meter("closeMeter", meter, sender=metering.payee)
    assert metering.meters.creditOf(metering.payer) == 1


@pytest.mark.parametrize("amount", [1, 149, 150, 151, 1_000])
def test_what_is_paid_in_later_pays_debts_first(metering: Metering, amount: int) -> None:
    meter = metering.open(250)
    assert metering.record(meter, 11)
    receipt = metering.meters.fund(meter, amount, sender=metering.payer)
    settled = min(150, amount)
    assert happened(receipt)[0][1]["settled"] == settled
    found = metering.meters.meterOf(meter)
    assert (found.debt, found.balance) == (150 - settled, amount - settled)
    assert metering.meters.creditOf(metering.payee) == 250 + settled
    assert metering.world.token.balanceOf(metering.meters) == 250 + amount


def test_a_debt_that_was_paid_alerts_again(metering: Metering) -> None:
    meter = metering.open(100)
    assert metering.record(meter, 9)
    assert metering.shadow.meter("fund", meter, 99, sender=metering.payer)
    receipt = metering.meters.record(*metering.signed(meter, 10), sender=metering.payer)
    assert [name for name, _ in happened(receipt)] == ["UsageRecorded", "MeterOverdrawn"]
    metering.meters.fund(meter, 101, sender=metering.payer)
    receipt = metering.meters.record(*metering.signed(meter, 11), sender=metering.payer)
    assert [name for name, _ in happened(receipt)] == ["UsageRecorded", "MeterOverdrawn", "Alert"]


def test_the_highest_counter_at_the_highest_price(metering: Metering) -> None:
    shadow, dear = metering.shadow, metering.open(price=2**96 - 1, start=0)
    assert metering.record(dear, 2**64 - 2)
    assert metering.record(dear, 2**64 - 1)
    assert metering.meters.meterOf(dear).debt == (2**64 - 1) * (2**96 - 1)
    assert shadow.meter("fund", dear, MUCH, sender=metering.payer)
    shadow.check_meters()


def test_what_a_licence_allows_is_not_asked(metering: Metering) -> None:
    meter = metering.open(1_000)
    sender = metering.world.maker.finance
    assert metering.shadow.tell("revoke", metering.number, UNKNOWN, sender=sender)
    assert metering.record(meter, 9)


# ---------------------------------------------------------------------------------------------------- signing


def test_only_the_instance_signs(metering: Metering) -> None:
    meter, anyone = metering.open(1_000), metering.world.stranger
    thief = Wallet(person("thief"))
    with reverts("WrongMeterSigner", meter, thief.name):
        metering.meters.record(*metering.signed(meter, 9, signer=thief), sender=anyone)
    reading, name, _ = metering.signed(meter, 9)
    digest = reading.digest(metering.meters.address, metering.shadow.node.chain_id)
    assert metering.meters.readingDigest(reading) == digest
    with reverts("InvalidReading", digest, name):
        metering.meters.record(reading, name, thief.sign(digest), sender=anyone)


@pytest.mark.parametrize(
    "changes", [{"counter": 10}, {"time": 1}, {"meter": None}], ids=lambda changes: next(iter(changes))
)
def test_no_other_reading_counts_than_what_was_signed(metering: Metering, changes: dict[str, Any]) -> None:
    meter, other = metering.open(1_000), metering.open(salt=b"o" * 32)
    reading, name, signature = metering.signed(meter, 9)
    if "meter" in changes:
        changes = {"meter": other}
    changed: MeterReading = reading._replace(**changes)
    digest = changed.digest(metering.meters.address, metering.shadow.node.chain_id)
    with reverts("InvalidReading", digest, name):
        metering.meters.record(changed, name, signature, sender=metering.world.stranger)


def test_a_device_signs_with_its_key_of_today(metering: Metering) -> None:
    shadow, world, anyone = metering.shadow, metering.world, metering.world.stranger
    device = world.register(asset("PRINTER"), Kind.ASSET)
    shadow.catch_up()
    first, second = (SecureElement(world.p256_verifier, secret) for secret in (1, 2))
    meter = metering.open(1_000, instance=device, signer_hash=bytes(32))
    with reverts("WrongMeterSigner", meter, first.name):
        metering.meters.record(*metering.signed(meter, 8, signer=first), sender=anyone)
    admin = world.maker.device_admin
    assert shadow.equip("enrol", device, first.name, bytes(32), sender=admin)
    assert shadow.meter("record", *metering.signed(meter, 8, signer=first), sender=anyone)
    assert shadow.equip("rotateKey", device, second.name, sender=admin)
    with reverts("WrongMeterSigner", meter, first.name):
        metering.meters.record(*metering.signed(meter, 9, signer=first), sender=anyone)
    assert shadow.meter("record", *metering.signed(meter, 9, signer=second), sender=anyone)
    assert shadow.equip("revoke", device, bytes(32), sender=admin)
    with reverts("WrongMeterSigner", meter, second.name):
        metering.meters.record(*metering.signed(meter, 10, signer=second), sender=anyone)
    shadow.check_meters()


def test_a_key_of_its_own_comes_before_that_of_the_device(metering: Metering) -> None:
    shadow, world = metering.shadow, metering.world
    device = world.register(asset("PRINTER"), Kind.ASSET)
    shadow.catch_up()
    key = Wallet(person("printer"))
    assert shadow.equip("enrol", device, key.name, bytes(32), sender=world.maker.device_admin)
    meter = metering.open(instance=device)
    assert metering.record(meter, 8)
    with reverts("WrongMeterSigner", meter, key.name):
        metering.meters.record(*metering.signed(meter, 9, signer=key), sender=world.stranger)


# ---------------------------------------------------------------------------------------------------- leaving


def test_the_payer_leaves_after_notice(metering: Metering) -> None:
    shadow, meter, payer, world = metering.shadow, metering.open(1_000), metering.payer, metering.world
    assert metering.record(meter, 8)
    with reverts("NotYet", 0):
        metering.meters.closeMeter(meter, sender=payer)
    now = world.now
    receipt = metering.meters.giveNotice(meter, sender=payer)
    where = {"meter": meter, "licence": metering.number, "payer": payer}
    assert happened(receipt) == [("MeterNoticeGiven", where | {"noticeAt": now})]
    with reverts("AlreadyGiven", now):
        metering.meters.giveNotice(meter, sender=payer)
    world.suspend(world.supplier)
    shadow.node.timestamp = now + NOTICE - 1
    with reverts("NotYet", now + NOTICE):
        metering.meters.closeMeter(meter, sender=payer)
    metering.meters.record(*metering.signed(meter, 9), sender=payer)
    shadow.node.timestamp = now + NOTICE
    receipt = metering.meters.closeMeter(meter, sender=payer)
    assert happened(receipt) == [("MeterClosed", where | {"caller": payer, "rest": 800, "debt": 0})]
    assert metering.meters.meterOf(meter).closed
    assert metering.meters.meterOf(meter).balance == 0
    assert metering.meters.creditOf(payer) == 800
    assert metering.meters.creditOf(metering.payee) == 200
    metering.meters.withdrawCredit(sender=payer)
    metering.meters.withdrawCredit(sender=metering.payee)
    assert world.token.balanceOf(payer) == MUCH - 200
    assert world.token.balanceOf(metering.payee) == 200
    assert world.token.balanceOf(metering.meters) == 0


def test_the_payee_closes_at_any_time(metering: Metering) -> None:
    shadow, payee = metering.shadow, metering.payee
    meter, unpaid, indebted = (
        metering.open(1_000),
        metering.open(salt=b"1" * 32),
        metering.open(50, salt=b"2" * 32),
    )
    metering.world.hire(metering.world.carrier, payee, Duty.FINANCE)
    metering.world.suspend(metering.world.carrier)
    receipt = metering.meters.closeMeter(meter, sender=payee)
    told = happened(receipt)[0][1]
    assert (told["caller"], told["payer"], told["rest"]) == (payee, metering.payer, 1_000)
    assert metering.meters.creditOf(metering.payer) == 1_000
    shadow.metering.ledger.apply(("MeterClosed", told))
    assert shadow.meter("closeMeter", unpaid, sender=payee)
    assert metering.record(indebted, 8)
    [(_, told)] = happened(metering.meters.closeMeter(indebted, sender=payee))
    assert (told["rest"], told["debt"]) == (0, 50)
    shadow.metering.ledger.apply(("MeterClosed", told))
    assert metering.meters.creditOf(NOBODY) == 0
    assert metering.meters.meterOf(indebted).debt == 50, "it stays on record"


def test_nobody_else_gives_notice_or_closes(metering: Metering) -> None:
    world, meter = metering.world, metering.open(1_000)
    machine = Forwarder.deploy(metering.shadow.node, metering.payer)
    lookalike = Forwarder.deploy(metering.shadow.node, metering.payee)
    for nobody in (world.stranger, world.supplier.all, world.maker.finance, machine, lookalike):
        address = nobody.address if isinstance(nobody, Forwarder) else nobody
        with reverts("NotPayer", meter, address, metering.payer):
            metering.meters.giveNotice(meter, sender=nobody)
        with reverts("NotPayer", meter, address, metering.payer):
            metering.meters.closeMeter(meter, sender=nobody)
    with reverts("NotPayer", meter, metering.payee, metering.payer):
        metering.meters.giveNotice(meter, sender=metering.payee)
    unpaid = metering.open(salt=b"1" * 32)
    with reverts("NotPayer", unpaid, metering.payer, NOBODY):
        metering.meters.giveNotice(unpaid, sender=metering.payer)


def test_nothing_happens_to_a_closed_meter(metering: Metering) -> None:
    meter = metering.open(1_000)
    signed = metering.signed(meter, 8)
    assert metering.shadow.meter("closeMeter", meter, sender=metering.payee)
    for closed in (meter, UNKNOWN):
        calls: list[tuple[str, tuple[Any, ...]]] = [
            ("fund", (closed, 1)),
            ("record", (signed[0]._replace(meter=closed), *signed[1:])),
            ("giveNotice", (closed,)),
            ("closeMeter", (closed,)),
        ]
        for function, args in calls:
            with reverts("MeterNotOpen", closed):
                getattr(metering.meters, function)(*args, sender=metering.payer)
    with reverts("MeterExists", meter):
        metering.meters.openMeter(metering.terms_of(), sender=metering.world.maker.finance)
    metering.shadow.check_meters()


# ------------------------------------------------------------------------------------------------------ token


FEE, BONUS, CALL = 1, 2, 5


@pytest.fixture
def hostile(metering: Metering) -> tuple[Contract, Contract, MeterTerms]:
    """A meter in a token that can misbehave."""
    world, node = metering.world, metering.shadow.node
    token = deploy(node, "HostileToken")
    meters = deploy(node, "UsageMeters", world.consortium, world.licences, world.devices, token)
    token.mint(metering.payer, 1_000, sender=metering.payer)
    token.approve(meters, 2**256 - 1, sender=metering.payer)
    terms = metering.terms_of(payee=metering.payer)
    meters.openMeter(terms, sender=world.maker.finance)
    return meters, token, terms


def test_a_token_that_delivers_another_amount_is_refused(
    metering: Metering, hostile: tuple[Contract, Contract, MeterTerms]
) -> None:
    meters, token, terms = hostile
    for mode, received in ((FEE, 99), (BONUS, 101)):
        token.misbehave(mode, NOBODY, b"", sender=metering.payer)
        with reverts("UnexpectedAmount", received, 100):
            meters.fund(terms.id, 100, sender=metering.payer)


def test_no_token_gets_back_in(metering: Metering, hostile: tuple[Contract, Contract, MeterTerms]) -> None:
    meters, token, terms = hostile
    payer = metering.payer
    inside = [meters.fund.encode(terms.id, 1), meters.withdrawCredit.encode()]
    for data in inside:
        token.misbehave(CALL, meters, data, sender=payer)
        with reverts("ReentrancyGuardReentrantCall"):
            meters.fund(terms.id, 100, sender=payer)
    token.misbehave(0, NOBODY, b"", sender=payer)
    meters.fund(terms.id, 100, sender=payer)
    meters.closeMeter(terms.id, sender=payer)
    for data in inside:
        token.misbehave(CALL, meters, data, sender=payer)
        with reverts("ReentrancyGuardReentrantCall"):
            meters.withdrawCredit(sender=payer)
    token.misbehave(0, NOBODY, b"", sender=payer)
    meters.withdrawCredit(sender=payer)
    with reverts("NoCredit", payer):
        meters.withdrawCredit(sender=payer)


def test_steps_are_bundled(metering: Metering) -> None:
    meter = metering.open(1_000)
    readings = [metering.meters.record.encode(*metering.signed(meter, counter)) for counter in (8, 9)]
    metering.meters.multicall(readings, sender=metering.world.stranger)
    assert metering.meters.meterOf(meter).balance == 800
