"""Drive insurance and its model, called side by side; see `tests.models.money_shadow`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from goldthread.audit import drive_insurance as audit
from tests.models.capital import Token
from tests.models.drive_insurance import DriveInsurance, Policy
from tests.models.money_shadow import MoneyShadow, address_of
from tests.support import Contract, Forwarder, Node, Receipt, Reverted
from tests.support.abi import Parameters, encode_values
from tests.support.contract import Sender
from tests.support.drive import DEVICE, FOREVER, VEHICLE, Drive, Quote, Reading, Usage
from tests.support.signers import Signer, Wallet
from tests.support.words import Duty, Role


class DriveShadow(MoneyShadow[DriveInsurance]):
    """Drive insurance beside its model."""

    audit = audit

    def __init__(self, node: Node, drive: Drive | None = None) -> None:
        self.drive = drive or Drive.create(node, capital=0)
        model = DriveInsurance(
            address=self.drive.insurance.address,
            chain_id=node.chain_id,
            now=node.timestamp,
            token=Token(),
            accounts={self.drive.underwriter: (self.drive.insurer, Role.INSURER, Duty.FINANCE)},
            device=(DEVICE, self.drive.box.name, VEHICLE, 0, FOREVER),
            signatures=self.drive.signed,
        )
        super().__init__(node, self.drive.insurance, self.drive.token, model)
        for account in (self.drive.treasury, self.drive.holder):
            self.model.token.balances[account] = self.drive.token.balanceOf(account)
        assert self.do("setUnderwriter", self.drive.underwriter, True, sender=self.drive.treasury)

    def fund(self, account: Sender, amount: int) -> None:
        """Give somebody tokens."""
        self.drive.fund(account, amount)
        self.model.token.balances[address_of(account)] += amount

    def open(self, quote: Quote, amount: int, *, signer: Signer | None = None, sender: Sender) -> bool:
        """Open a quote that the underwriter, or somebody else, has signed."""
        seal = signer or Wallet(self.drive.underwriter)
        return self.do("openPolicy", quote, amount, seal.name, self.drive.sign(quote, seal), sender=sender)

    def report(self, quote: Quote, usage: Usage, *, signer: Signer | None = None, sender: Sender) -> bool:
        """Report what the device, or somebody else, has signed."""
        box = signer or self.drive.box
        return self.do("report", quote, usage, box.name, self.drive.sign(usage, box), sender=sender)

    def reinstate(
        self, quote: Quote, amount: int, odometer: int, *, time: int | None = None, sender: Sender
    ) -> bool:
        """Reinstate with a reading that the device has signed."""
        box = self.drive.box
        reading = Reading(self.model.id(quote), self.node.timestamp if time is None else time, odometer)
        signature = self.drive.sign(reading, box)
        return self.do("reinstate", quote, amount, reading.time, odometer, box.name, signature, sender=sender)

    def next_usage(self, quote: Quote, driven: int = 0, **counted: Any) -> Usage:
        """A report of the next period as it should be, `driven` metres after the last reading."""
        policy = self.policy(quote)
        periods = policy.periods() or [(policy.cursor, policy.cursor + quote.terms.period)]
        id_ = self.model.id(quote)
        usage = Usage(id_, policy.number, *periods[0], policy.odometer + driven)
        return usage._replace(**counted)

    def policy(self, quote: Quote) -> Policy:
        """The model's policy."""
        return self.model.policies[self.model.id(quote)]

    def past(self) -> dict[bytes, list[tuple[int, int]]]:
        """The cover of all seconds before this one, by policy."""
        now, found = self.node.timestamp, {}
        for id_, policy in self.model.policies.items():
            ends = [*(s.until for s in policy.stretches[:-1]), policy.covered_until()]
            spans = [(s.since, min(end, now)) for s, end in zip(policy.stretches, ends, strict=True)]
            if covered := [(since, end) for since, end in spans if since < end]:
                found[id_] = covered
        return found

    def check_model(self) -> None:
        self.model.check()

    def check_policies(self) -> None:
        contract, model = self.contract, self.model
        for id_, policy in model.policies.items():
            assert contract.policyOf(id_)._asdict() == policy.view()
            assert contract.reportOf(id_) == policy.report_view()
            assert self._view("coveredUntil", policy.quote) == policy.covered_until()
            assert self._view("withdrawable", policy.quote) == policy.withdrawable(model.now)
            for number, claim in enumerate(policy.claims, 1):
                shown = (claim.amount, claim.approved, claim.until, claim.state)
                assert contract.claimOf(id_, number) == shown
            for index, stretch in enumerate(policy.stretches[:-1]):
                assert contract.stretchOf(id_, index) == (stretch.since, stretch.until)
            for number, root in policy.roots.items():
                assert contract.tripsRootOf(id_, number) == root

    def _call(self, function: str, args: tuple[Any, ...], sender: Sender) -> Receipt:
        """As `contract.function(*args, sender=sender)`, but a quote is encoded once and for all."""
        if not args or not isinstance(args[0], Quote) or function in ("openPolicy", "report", "reinstate"):
            found: Receipt = getattr(self.contract, function)(*args, sender=sender)
            return found
        inputs = _inputs(self.contract, function)[1:]
        data = getattr(self.contract, function).selector + _words(args[0]) + encode_values(inputs, args[1:])
        origin, to = sender, self.contract.address
        if isinstance(sender, Forwarder):
            origin, to, data = sender.owner, sender.address, bytes.fromhex(to[2:].zfill(64)) + data
        receipt = self.node.tx(origin, to, data)
        if not receipt.ok:
            raise Reverted.decoded(receipt.output, "", receipt)
        return receipt

    def _view(self, function: str, quote: Quote) -> int:
        data = getattr(self.contract, function).selector + _words(quote)
        return int.from_bytes(self.node.call(self.contract.address, data), "big")


def _inputs(contract: Contract, function: str) -> Parameters:
    (entry,) = (e for e in contract.abi if e["type"] == "function" and e["name"] == function)
    inputs: Parameters = entry["inputs"]
    return inputs


@lru_cache
def _words(quote: Quote) -> bytes:
    """A quote has a fixed size, so it stands among the arguments as it is."""
    words = [item for half in quote for item in half]
    return b"".join(_word(item) for item in words)


def _word(item: int | str | bytes) -> bytes:
    if isinstance(item, bytes):
        return item
    return (int(item, 16) if isinstance(item, str) else item).to_bytes(32, "big")
