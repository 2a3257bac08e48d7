"""A machine whose use is counted and paid for, through `MeterShadow`."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from tests.models.licence_shadow import MeterShadow
from tests.models.usage_meters import MeterReading, MeterTerms
from tests.support.licensing import Licensing
from tests.support.signers import Signer, Wallet
from tests.support.world import person

PRICE = 100


class Metering(Licensing):
    """The maker meters what the supplier's machine does. The payer is the supplier's finance account."""

    shadow: MeterShadow

    def __init__(self, shadow: MeterShadow) -> None:
        super().__init__(shadow)
        self.meters = shadow.meters
        self.number = [self.grant() for _ in range(3)][-1]
        self.machine: Signer = Wallet(person("a machine"))
        self.payer = self.licensee.finance
        self.payee = person("payee")

    def terms_of(self, **changes: Any) -> MeterTerms:
        """The machine's own key, a price of 100 a step."""
        terms = MeterTerms(
            self.number, keccak(text="machine"), keccak(self.machine.name), self.payee, PRICE, start=7
        )
        return terms._replace(**changes)

    def open(self, amount: int = 0, **changes: Any) -> bytes:
        """A meter, and so much paid in; its id."""
        terms = self.terms_of(**changes)
        assert self.shadow.meter("openMeter", terms, sender=self.licensor.finance)
        if amount:
            assert self.shadow.meter("fund", terms.id, amount, sender=self.payer)
        return terms.id

    def signed(
        self, meter: bytes, counter: int, time: int | None = None, signer: Signer | None = None
    ) -> tuple[MeterReading, bytes, bytes]:
        """A reading that the machine signed."""
        reading = MeterReading(meter, counter, self.world.now if time is None else time)
        key = signer or self.machine
        return reading, key.name, self.shadow.sign_reading(reading, key)

    def record(self, meter: bytes, counter: int, time: int | None = None) -> bool:
        """Bring a reading, by anyone."""
        return self.shadow.meter("record", *self.signed(meter, counter, time), sender=self.world.stranger)
