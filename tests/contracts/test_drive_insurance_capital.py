"""The insurer's side: capital, underwriters, credits, and tokens that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account as EthAccount

from tests.support import Contract, Forwarder, Node, decode_logs, deploy, reverts
from tests.support.contract import Sender
from tests.support.drive import DAY, USD, Drive, Reading
from tests.support.signers import Wallet
from tests.support.words import Duty, Role
from tests.support.world import person

UINT128_MAX = 2**128 - 1


@pytest.fixture
def drive(node: Node) -> Drive:
    return Drive.create(node)


@pytest.fixture
def hostile(node: Node) -> Drive:
    """With a token that misbehaves on demand."""
    return Drive.create(node, deploy(node, "HostileToken"))


HONEST, FEE, BONUS, FALSE, LIE, CALL = range(6)


def test_what_it_is_built_of(drive: Drive) -> None:
    insurance = drive.insurance
    assert insurance.CONSORTIUM() == drive.consortium.address
    assert insurance.DEVICES() == drive.devices.address
    assert insurance.TOKEN() == drive.token.address
    domain = insurance.eip712Domain()
    assert (domain.name, domain.version) == ("Goldthread DriveInsurance", "1")
    assert (domain.chainId, domain.verifyingContract) == (drive.node.chain_id, insurance.address)


# Capital


def test_a_treasury_provides_and_withdraws(drive: Drive) -> None:
    treasury, insurance = person("rich"), drive.insurance
    drive.fund(treasury, 100)
    receipt = insurance.provideCapital(60, sender=treasury)
    moved = {"from": treasury, "to": insurance.address, "value": 60}
    assert [(e.name, e.args) for e in decode_logs(receipt)] == [
        ("CapitalProvided", {"treasury": treasury, "amount": 60}),
        ("Transfer", moved),
    ]
    assert insurance.poolOf(treasury) == (60, 0)
    insurance.provideCapital(40, sender=treasury)
    assert insurance.poolOf(treasury) == (100, 0)
    receipt = insurance.withdrawCapital(70, sender=treasury)
    assert insurance.events(receipt) == [{"treasury": treasury, "amount": 70}]
    assert insurance.poolOf(treasury) == (30, 0)
    assert drive.token.balanceOf(treasury) == 70
    insurance.withdrawCapital(30, sender=treasury)
    assert insurance.poolOf(treasury) == (0, 0)


def test_nobody_withdraws_more_than_is_free_and_theirs(drive: Drive) -> None:
    drive.open(drive.quote(sumInsured=400_000 * USD))
    with reverts("InsufficientCapital", drive.treasury, 600_000 * USD, 600_000 * USD + 1):
        drive.insurance.withdrawCapital(600_000 * USD + 1, sender=drive.treasury)
    with reverts("InsufficientCapital", drive.underwriter, 0, 1):
        drive.insurance.withdrawCapital(1, sender=drive.underwriter)
    drive.insurance.withdrawCapital(600_000 * USD, sender=drive.treasury)
    assert drive.insurance.poolOf(drive.treasury) == (0, 400_000 * USD)


def test_a_contract_may_be_the_treasury(drive: Drive) -> None:
    vault = Forwarder.deploy(drive.node, person("vault owner"))
    drive.fund(vault, 100)
    drive.insurance.provideCapital(100, sender=vault)
    drive.insurance.setUnderwriter(drive.underwriter, True, sender=vault)
    assert drive.insurance.poolOf(vault.address) == (100, 0)
    assert drive.insurance.isUnderwriter(vault.address, drive.underwriter)
    receipt = drive.insurance.withdrawCapital(100, sender=vault)
    assert drive.insurance.events(receipt) == [{"treasury": vault.address, "amount": 100}]
    assert drive.token.balanceOf(vault.address) == 100


def test_a_treasury_names_underwriters(drive: Drive) -> None:
    insurance, account = drive.insurance, person("new underwriter")
    for allowed in (True, False):
        receipt = insurance.setUnderwriter(account, allowed, sender=drive.treasury)
        assert [(e.name, e.args) for e in decode_logs(receipt)] == [
            ("UnderwriterSet", {"treasury": drive.treasury, "account": account, "allowed": allowed})
        ]
        assert insurance.isUnderwriter(drive.treasury, account) == allowed
    assert not insurance.isUnderwriter(account, drive.treasury)


def test_no_credit_no_payment(drive: Drive) -> None:
    with reverts("NoCredit", drive.keeper):
        drive.insurance.withdrawCredit(sender=drive.keeper)


def paid_claim(drive: Drive, holder: Sender, amount: int = 5 * USD) -> None:
    """The holder has this much on credit."""
    address = getattr(holder, "address", holder)
    quote = drive.quote(holder=address)
    drive.open(quote, sender=holder)
    drive.insurance.submitClaim(quote, 0, drive.now, amount, bytes(32), sender=holder)
    drive.insurance.decideClaim(quote, 1, amount, bytes(32), sender=drive.treasury)
    drive.insurance.payClaim(quote, 1, sender=drive.keeper)


def test_a_payee_withdraws_all_its_credit_once(drive: Drive) -> None:
    machine = Forwarder.deploy(drive.node, person("machine owner"))
    drive.fund(machine, 1000 * USD)
    for payee in (drive.holder, machine):
        address = getattr(payee, "address", payee)
        paid_claim(drive, payee)
        paid_claim(drive, payee, 7 * USD)
        assert drive.insurance.creditOf(address) == 12 * USD
        assert drive.insurance.withdrawCredit.call(sender=payee) == 12 * USD
        before = drive.token.balanceOf(address)
        receipt = drive.insurance.withdrawCredit(sender=payee)
        moved = {"from": drive.insurance.address, "to": address, "value": 12 * USD}
        assert [(e.name, e.args) for e in decode_logs(receipt)] == [
            ("CreditWithdrawn", {"account": address, "amount": 12 * USD}),
            ("Transfer", moved),
        ]
        assert drive.token.balanceOf(address) == before + 12 * USD
        assert drive.insurance.creditOf(address) == 0
        with reverts("NoCredit", address):
            drive.insurance.withdrawCredit(sender=payee)


def test_capital_is_bounded_by_its_type(hostile: Drive) -> None:
    hostile.token.mint(hostile.treasury, UINT128_MAX, sender=hostile.governor)
    hostile.insurance.provideCapital(UINT128_MAX - 1_000_000 * USD, sender=hostile.treasury)
    with reverts("Panic", 0x11):
        hostile.insurance.provideCapital(1, sender=hostile.treasury)


# Permit


def permit_of(drive: Drive, owner: Any, amount: int, deadline: int) -> tuple[int, int, int, bytes, bytes]:
    domain = {
        "name": "Test dollar",
        "version": "1",
        "chainId": drive.node.chain_id,
        "verifyingContract": drive.token.address,
    }
    fields = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256"}
    types = {"Permit": [{"name": n, "type": t} for n, t in (fields | {"deadline": "uint256"}).items()]}
    message = {
        "owner": owner,
        "spender": drive.insurance.address,
        "value": amount,
        "nonce": drive.token.nonces(owner),
        "deadline": deadline,
    }
    signed = EthAccount.sign_typed_data(owner.key, domain, types, message)
    return amount, deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_a_permit_and_what_it_is_for_are_one_transaction(drive: Drive) -> None:
    treasury = person("without allowance")
    drive.token.mint(treasury, 100, sender=drive.governor)
    permit = permit_of(drive, treasury, 100, drive.now)
    calls = [drive.insurance.permit.encode(*permit), drive.insurance.provideCapital.encode(100)]
    drive.insurance.multicall(calls, sender=treasury)
    assert drive.insurance.poolOf(treasury) == (100, 0)


def test_a_permit_that_somebody_has_sent_already_does_no_harm(drive: Drive) -> None:
    treasury = person("without allowance")
    drive.token.mint(treasury, 100, sender=drive.governor)
    amount, deadline, v, r, s = permit_of(drive, treasury, 100, drive.now)
    drive.token.permit(treasury, drive.insurance, amount, deadline, v, r, s, sender=drive.keeper)
    calls = [
        drive.insurance.permit.encode(amount, deadline, v, r, s),
        drive.insurance.provideCapital.encode(100),
    ]
    drive.insurance.multicall(calls, sender=treasury)
    assert drive.insurance.poolOf(treasury) == (100, 0)


def test_a_permit_of_another_account_gives_nothing(drive: Drive) -> None:
    victim = person("without allowance")
    permit = permit_of(drive, victim, 100, drive.now)
    drive.insurance.permit(*permit, sender=drive.keeper)
    assert drive.token.allowance(victim, drive.insurance) == 0
    assert drive.token.allowance(drive.keeper, drive.insurance) == 0


def test_a_permit_is_that_of_the_caller_and_not_of_who_sent_the_transaction(drive: Drive) -> None:
    owner = person("vault owner")
    vault = Forwarder.deploy(drive.node, owner)
    drive.insurance.permit(*permit_of(drive, owner, 100, drive.now), sender=vault)
    assert drive.token.allowance(owner, drive.insurance) == 0


def test_capital_and_underwriters_are_those_of_the_caller(drive: Drive) -> None:
    owner = person("vault owner")
    vault = Forwarder.deploy(drive.node, owner)
    drive.fund(vault, 100)
    drive.insurance.setUnderwriter(drive.underwriter, True, sender=vault)
    drive.insurance.provideCapital(100, sender=vault)
    assert drive.insurance.isUnderwriter(vault.address, drive.underwriter)
    assert not drive.insurance.isUnderwriter(owner, drive.underwriter)
    assert drive.insurance.poolOf(vault.address) == (100, 0)
    assert drive.insurance.poolOf(owner) == (0, 0)


def test_a_token_without_permit_is_no_obstacle(hostile: Drive) -> None:
    calls = [
        hostile.insurance.permit.encode(1, hostile.now, 27, bytes(32), bytes(32)),
        hostile.insurance.provideCapital.encode(5),
    ]
    hostile.token.mint(hostile.treasury, 5, sender=hostile.governor)
    hostile.insurance.multicall(calls, sender=hostile.treasury)
    assert hostile.insurance.poolOf(hostile.treasury).free == 1_000_000 * USD + 5


# Tokens that misbehave


def taking(drive: Drive) -> dict[str, tuple[Callable[[], Any], int]]:
    """Every function that takes tokens, ready to be called, and what it takes."""
    opened, lapsed, unopened = drive.quote(), drive.quote(), drive.quote(treasury=drive.treasury)
    drive.open(opened)
    drive.open(lapsed, amount=150 * USD)
    drive.insurance.withdraw(lapsed, 0, sender=drive.holder)
    drive.node.warp(30 * DAY)
    drive.report(lapsed)
    drive.node.warp(lapsed.cover.disputeWindow + 1)
    drive.insurance.settle(lapsed, sender=drive.keeper)
    unopened = unopened._replace(cover=unopened.cover._replace(deadline=drive.now))
    return {
        "provideCapital": (lambda: drive.insurance.provideCapital(10, sender=drive.treasury), 10),
        "deposit": (lambda: drive.insurance.deposit(opened, 11, sender=drive.holder), 11),
        "openPolicy": (lambda: drive.open(unopened, 150 * USD), 150 * USD),
        "reinstate": (lambda: drive.reinstate(lapsed, 150 * USD, 10_000_000), 150 * USD),
    }


TAKING = ["provideCapital", "deposit", "openPolicy", "reinstate"]


@pytest.mark.parametrize("function", TAKING)
def test_a_token_that_delivers_another_amount_is_refused(hostile: Drive, function: str) -> None:
    hostile.token.mint(hostile.treasury, 100, sender=hostile.governor)
    call, amount = taking(hostile)[function]
    before = hostile.token.balanceOf(hostile.insurance)
    for mode, received in ((FEE, amount - 1), (BONUS, amount + 1), (LIE, 0)):
        hostile.token.misbehave(mode, hostile.token, b"", sender=hostile.governor)
        with reverts("UnexpectedAmount", received, amount):
            call()
    hostile.token.misbehave(FALSE, hostile.token, b"", sender=hostile.governor)
    with reverts("SafeERC20FailedOperation", hostile.token.address):
        call()
    assert hostile.token.balanceOf(hostile.insurance) == before
    hostile.token.misbehave(HONEST, hostile.token, b"", sender=hostile.governor)
    call()


@pytest.mark.parametrize("function", TAKING)
def test_nobody_pays_for_somebody_else(drive: Drive, function: str) -> None:
    """The caller pays: without tokens of its own, nothing happens."""
    drive.token.mint(drive.treasury, 100, sender=drive.governor)
    call, amount = taking(drive)[function]
    for account in (drive.holder, drive.treasury):
        drive.token.approve(drive.insurance, amount - 1, sender=account)
    with reverts("ERC20InsufficientAllowance", drive.insurance.address, amount - 1, amount):
        call()


def paying(drive: Drive) -> dict[str, Callable[[], Any]]:
    """Every function that pays tokens out, ready to be called."""
    quote = drive.quote()
    drive.open(quote)
    paid_claim(drive, drive.holder)
    return {
        "withdrawCapital": lambda: drive.insurance.withdrawCapital(3, sender=drive.treasury),
        "withdraw": lambda: drive.insurance.withdraw(quote, 3, sender=drive.holder),
        "withdrawCredit": lambda: drive.insurance.withdrawCredit(sender=drive.holder),
    }


PAYING = ["withdrawCapital", "withdraw", "withdrawCredit"]


@pytest.mark.parametrize("function", PAYING)
def test_a_payment_that_fails_changes_nothing(hostile: Drive, function: str) -> None:
    call = paying(hostile)[function]
    hostile.token.misbehave(FALSE, hostile.token, b"", sender=hostile.governor)
    state = hostile.insurance.poolOf(hostile.treasury), hostile.insurance.creditOf(hostile.holder)
    with reverts("SafeERC20FailedOperation", hostile.token.address):
        call()
    assert state == (
        hostile.insurance.poolOf(hostile.treasury),
        hostile.insurance.creditOf(hostile.holder),
    )


def guarded(drive: Drive) -> dict[str, bytes]:
    """Calldata of every function that moves tokens."""
    quote, seal, insurance = drive.quote(), Wallet(drive.underwriter), drive.insurance
    return {
        "provideCapital": insurance.provideCapital.encode(1),
        "withdrawCapital": insurance.withdrawCapital.encode(1),
        "withdrawCredit": insurance.withdrawCredit.encode(),
        "openPolicy": insurance.openPolicy.encode(quote, 1, seal.name, b""),
        "deposit": insurance.deposit.encode(quote, 1),
        "withdraw": insurance.withdraw.encode(quote, 1),
        "reinstate": insurance.reinstate.encode(quote, 1, 0, 0, seal.name, b""),
    }


@pytest.mark.parametrize("function", [*TAKING, *PAYING])
def test_no_token_gets_back_in(hostile: Drive, function: str) -> None:
    """While tokens move, none of the functions that move tokens can be called again."""
    hostile.token.mint(hostile.treasury, 100, sender=hostile.governor)
    call = taking(hostile)[function][0] if function in TAKING else paying(hostile)[function]
    for calldata in guarded(hostile).values():
        hostile.token.misbehave(CALL, hostile.insurance, calldata, sender=hostile.governor)
        with reverts("ReentrancyGuardReentrantCall"):
            call()
    hostile.token.misbehave(HONEST, hostile.token, b"", sender=hostile.governor)
    call()


def test_two_guarded_calls_may_follow_each_other(drive: Drive) -> None:
    drive.token.mint(drive.treasury, 2, sender=drive.governor)
    calls = [drive.insurance.provideCapital.encode(2), drive.insurance.withdrawCapital.encode(1)]
    drive.insurance.multicall(calls, sender=drive.treasury)
    assert drive.insurance.poolOf(drive.treasury).free == 1_000_000 * USD + 1


# Who speaks for an insurer


def decide(drive: Drive, sender: Sender) -> None:
    """Somebody decides a claim."""
    quote = drive.quote()
    drive.open(quote)
    drive.insurance.submitClaim(quote, 0, drive.now, 1, bytes(32), sender=drive.holder)
    drive.insurance.decideClaim(quote, 1, 1, bytes(32), sender=sender)


def test_underwriters_need_the_consortium(drive: Drive) -> None:
    decide(drive, drive.treasury)
    decide(drive, drive.underwriter)
    drive.consortium.setSuspended(drive.insurer, True, sender=drive.governor)
    quote = drive.quote()
    with reverts("OrganisationSuspended", drive.insurer):
        drive.open(quote)
    drive.consortium.setSuspended(drive.insurer, False, sender=drive.governor)
    drive.open(quote)
    drive.insurance.submitClaim(quote, 0, drive.now, 1, bytes(32), sender=drive.holder)
    drive.consortium.setSuspended(drive.insurer, True, sender=drive.governor)
    for call in (
        lambda: drive.insurance.decideClaim(quote, 1, 1, bytes(32), sender=drive.underwriter),
        lambda: drive.insurance.cancel(quote, sender=drive.underwriter),
    ):
        with reverts("OrganisationSuspended", drive.insurer):
            call()
    drive.insurance.decideClaim(quote, 1, 1, bytes(32), sender=drive.treasury)
    drive.insurance.payClaim(quote, 1, sender=drive.keeper)
    drive.insurance.withdrawCredit(sender=drive.holder)
    drive.insurance.cancel(quote, sender=drive.treasury)
    free = drive.insurance.poolOf(drive.treasury).free
    drive.insurance.withdrawCapital(free, sender=drive.treasury)


def test_role_and_duty_are_asked_for(drive: Drive) -> None:
    consortium, insurance = drive.consortium, drive.insurance
    clerk, carrier_clerk, carrier_admin = person("clerk"), person("carrier clerk"), person("carrier admin")
    stranger = person("stranger")
    carrier = consortium.admit.call("C", carrier_admin, Role.CARRIER, bytes(32), 0, sender=drive.governor)
    consortium.admit("C", carrier_admin, Role.CARRIER, bytes(32), 0, sender=drive.governor)
    consortium.setAccount(drive.insurer, clerk, ~Duty.FINANCE, sender=drive.admin)
    consortium.setAccount(carrier, carrier_clerk, Duty.FINANCE, sender=carrier_admin)
    quote = drive.quote()
    drive.open(quote)
    for account in (clerk, carrier_clerk, stranger):
        with reverts("NotUnderwriter", drive.treasury, account):
            insurance.cancel(quote, sender=account)
        insurance.setUnderwriter(account, True, sender=drive.treasury)
    with reverts("MissingDuty", clerk, (~Duty.FINANCE) & 0xFFFFFFFF, Duty.FINANCE):
        insurance.cancel(quote, sender=clerk)
    with reverts("MissingRole", carrier, Role.CARRIER, Role.INSURER):
        insurance.cancel(quote, sender=carrier_clerk)
    with reverts("UnknownAccount", stranger):
        insurance.cancel(quote, sender=stranger)


def test_a_contract_may_be_the_underwriter(drive: Drive) -> None:
    machine = Forwarder.deploy(drive.node, person("machine owner"))
    drive.consortium.setAccount(drive.insurer, machine.address, Duty.FINANCE, sender=drive.admin)
    drive.insurance.setUnderwriter(machine.address, True, sender=drive.treasury)
    decide(drive, machine)
    vault = Forwarder.deploy(drive.node, person("vault owner"))
    drive.fund(vault, 20_000 * USD)
    drive.insurance.provideCapital(20_000 * USD, sender=vault)
    drive.insurance.setUnderwriter(drive.underwriter, True, sender=vault)
    quote = drive.quote(treasury=vault.address)
    drive.open(quote)
    drive.insurance.submitClaim(quote, 0, drive.now, 1, bytes(32), sender=drive.holder)
    drive.insurance.decideClaim(quote, 1, 1, bytes(32), sender=vault)


def test_the_reading_has_a_type_of_its_own(drive: Drive) -> None:
    """A signature over a report, a quote or a reading is none over another, whatever it says."""
    quote = drive.quote()
    reading = Reading(drive.id(quote), drive.now, 0)
    assert len({drive.digest(quote), drive.digest(reading), drive.id(quote)}) == 2


def test_the_token_for_tests(node: Node) -> None:
    token: Contract = deploy(node, "TestToken", "Test dollar", "TUSD", 6)
    assert (token.name(), token.symbol(), token.decimals()) == ("Test dollar", "TUSD", 6)
    token.mint(node.accounts[1], 5, sender=node.accounts[2])
    assert token.balanceOf(node.accounts[1]) == token.totalSupply() == 5
