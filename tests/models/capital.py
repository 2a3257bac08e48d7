"""The model of what insurance modules share: capital, credits and signed quotes, from ICapital and IPurse."""

from __future__ import annotations

from collections import Counter as Bag
from collections import defaultdict
from dataclasses import dataclass, field

from eth_utils.address import to_checksum_address

from tests.models.rules import Fact, Objections
from tests.support.words import Duty, Role


@dataclass
class Token:
    """A plain token; everybody trusts the insurance with all of it."""

    balances: Bag[str] = field(default_factory=Bag)


@dataclass(kw_only=True)
class Capital:
    """What a treasury, its underwriters and payees have, and what they may do."""

    address: str
    chain_id: int
    now: int
    token: Token
    accounts: dict[str, tuple[int, int, int]]
    """Of the consortium: organisation, its roles, duties; no organisation is silenced."""
    signatures: dict[bytes, tuple[bytes, bytes]]
    """Every signature that was made: by whom, over what."""
    free: Bag[str] = field(default_factory=Bag)
    locked: Bag[str] = field(default_factory=Bag)
    credit: Bag[str] = field(default_factory=Bag)
    underwriters: set[tuple[str, str]] = field(default_factory=set)
    paid_out: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Tokens that left, by who got them."""

    def setUnderwriter(self, account: str, allowed: bool, *, sender: str) -> list[Fact]:  # noqa: N802
        pair = (sender, account)
        self.underwriters = self.underwriters | {pair} if allowed else self.underwriters - {pair}
        return [("UnderwriterSet", {"treasury": sender, "account": account, "allowed": allowed})]

    def provideCapital(self, amount: int, *, sender: str) -> list[Fact]:  # noqa: N802
        transfer = self._pull(Objections(), sender, amount)
        self.free[sender] += amount
        return [("CapitalProvided", {"treasury": sender, "amount": amount}), transfer]

    def withdrawCapital(self, amount: int, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        no.when(amount > self.free[sender], "InsufficientCapital", sender, self.free[sender], amount)
        no.settle()
        self.free[sender] -= amount
        return [("CapitalWithdrawn", {"treasury": sender, "amount": amount}), self._push(sender, amount)]

    def withdrawCredit(self, *, sender: str) -> list[Fact]:  # noqa: N802
        no = Objections()
        amount = self.credit[sender]
        no.when(amount == 0, "NoCredit", sender)
        no.settle()
        self.credit[sender] = 0
        return [("CreditWithdrawn", {"account": sender, "amount": amount}), self._push(sender, amount)]

    def capital(self) -> int:
        """What the books say belongs to treasuries and payees."""
        return sum(self.free.values()) + sum(self.locked.values()) + sum(self.credit.values())

    # Inside

    def _quoted(
        self, no: Objections, id_: bytes, treasury: str, signer: bytes, signature: bytes
    ) -> tuple[int, str]:
        """Has an underwriter of the treasury signed the quote? Its organisation, and its account."""
        underwriter = to_checksum_address(signer)
        named = (treasury, underwriter) in self.underwriters
        no.when(not named, "NotUnderwriter", treasury, underwriter)
        org = self._authorize(no, underwriter)
        valid = self.signatures.get(signature) == (signer, id_)
        no.when(not valid, "InvalidQuoteSignature", id_, underwriter)
        return org, underwriter

    def _coverable(self, no: Objections, treasury: str, wanted: int) -> None:
        free = self.free[treasury]
        no.when(free < wanted, "InsufficientCapital", treasury, free, wanted)

    def _lock(self, treasury: str, amount: int) -> None:
        self.free[treasury] -= amount
        self.locked[treasury] += amount

    def _insurer(self, no: Objections, treasury: str, account: str) -> None:
        if account != treasury:
            no.when((treasury, account) not in self.underwriters, "NotUnderwriter", treasury, account)
            self._authorize(no, account)

    def _authorize(self, no: Objections, account: str) -> int:
        """May the account speak on an insurer's money? Its organisation, or 0."""
        if account not in self.accounts:
            no.when(True, "UnknownAccount", account)
            return 0
        org, roles, duties = self.accounts[account]
        no.when(not roles & Role.INSURER, "MissingRole", org, roles, Role.INSURER)
        no.when(not duties & Duty.FINANCE, "MissingDuty", account, duties, Duty.FINANCE)
        return org

    def _pull(self, no: Objections, sender: str, amount: int) -> Fact:
        """Last of the objections: does the sender have the tokens?"""
        balance = self.token.balances[sender]
        no.when(balance < amount, "ERC20InsufficientBalance", sender, balance, amount)
        no.settle()
        self.token.balances[sender] -= amount
        self.token.balances[self.address] += amount
        return "Transfer", {"from": sender, "to": self.address, "value": amount}

    def _push(self, to: str, amount: int) -> Fact:
        self.token.balances[self.address] -= amount
        self.token.balances[to] += amount
        self.paid_out[to] += amount
        return "Transfer", {"from": self.address, "to": to, "value": amount}
