"""Cargo insurance and its model, called side by side; see `tests.models.money_shadow`.

What the other modules say is read from them: each has a model of its own, which it is held to elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from goldthread.audit import cargo_insurance as audit
from tests.models.capital import Token
from tests.models.cargo_insurance import CargoInsurance, Policy, Recall, payment_of
from tests.models.conditions import Breach, policy_id
from tests.models.money_shadow import MoneyShadow, Point
from tests.support import Node
from tests.support.cargo import Cargo, CargoQuote
from tests.support.contract import Sender
from tests.support.signers import Signer
from tests.support.words import Duty, Role
from tests.support.world import World


@dataclass
class Chain:
    """The facts, from the views of the other modules."""

    world: World

    def __deepcopy__(self, memo: Any) -> Chain:
        return self

    def custodian(self, subject: bytes) -> int:
        found: int = self.world.twins.custodianOf(subject)
        return found

    def in_force(self, subject: bytes, setter: int) -> bytes:
        found: bytes = self.world.conditions.policyHash(policy_id(subject, setter))
        return found

    def breaches(self, subject: bytes, setter: int) -> int:
        found: int = self.world.conditions.policyState(policy_id(subject, setter)).breaches
        return found

    def disposition(self, subject: bytes, setter: int) -> int:
        found: int = self.world.conditions.policyState(policy_id(subject, setter)).disposition
        return found

    def breach(self, conditions: bytes, device: bytes, quantity: int, rule: int) -> Breach:
        return Breach(*self.world.conditions.breachUnder(conditions, device, quantity, rule))

    def recall_count(self) -> int:
        found: int = self.world.recalls.recallCount()
        return found

    def recall(self, number: int, subject: bytes) -> Recall:
        found = self.world.recalls.recallOf(number)
        return Recall(found.org, found.class_, self.world.recalls.isAffected(number, subject))


class CargoShadow(MoneyShadow[CargoInsurance]):
    """Cargo insurance beside its model."""

    audit = audit

    def __init__(self, node: Node, cargo: Cargo | None = None) -> None:
        self.cargo = cargo or Cargo.create(node, capital=0)
        world = self.cargo.world
        model = CargoInsurance(
            address=self.cargo.insurance.address,
            chain_id=node.chain_id,
            now=node.timestamp,
            token=Token(),
            accounts={self.cargo.underwriter: (world.insurer.number, Role.INSURER, Duty.FINANCE)},
            signatures=self.cargo.signed,
            facts=Chain(world),
        )
        super().__init__(node, self.cargo.insurance, self.cargo.token, model)
        for account in (self.cargo.treasury, self.cargo.holder):
            model.token.balances[account] = self.cargo.token.balanceOf(account)
        assert self.do("setUnderwriter", self.cargo.underwriter, True, sender=self.cargo.treasury)

    def fund(self, account: str, amount: int) -> None:
        """Give somebody tokens."""
        self.cargo.fund(account, amount)
        self.model.token.balances[account] += amount

    def open(self, quote: CargoQuote, *, signer: Signer | None = None, sender: Sender) -> bool:
        """Open a quote that the underwriter, or somebody else, has signed."""
        return self.do("openPolicy", quote, *self.cargo.sign(quote, signer), sender=sender)

    def claim(self, quote: CargoQuote, rule: int, sender: Sender) -> bool:
        """Prove a breach that the logger has shown."""
        return self.do("claimBreach", *self.cargo.breach(quote, rule), sender=sender)

    def policy(self, quote: CargoQuote) -> Policy:
        """The model's policy."""
        return self.model.policies[self.model.id(quote)]

    def check_model(self) -> None:
        self.model.check()

    def check_policies(self) -> None:
        for id_, policy in self.model.policies.items():
            assert self.contract.policyOf(id_) == policy.view()
            assert self.contract.policyIdOf(policy.quote) == id_
            shipment = policy.quote.shipment
            assert self.contract.paymentOf(shipment, policy.share) == payment_of(shipment, policy.share)

    def back_to(self, point: Point) -> None:
        """Return to a moment; the loggers' numbers as well."""
        super().back_to(point)
        stream = self.cargo.world.telemetry.stream(self.cargo.cold.logger.id, self.cargo.cold.pallet, 1)
        self.cargo.seq = stream.seq
