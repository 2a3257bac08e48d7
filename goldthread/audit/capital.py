"""What the rebuilding of every insurance module shares: pools, underwriters and credits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import FoldError, View
from goldthread.chain.logs import Event


@dataclass
class Capital:
    """What treasuries and payees have, in units of the token."""

    free: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    locked: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    credits: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    underwriters: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By treasury and account."""

    @property
    def capital(self) -> int:
        """All of it, in units."""
        return sum(self.free.values()) + sum(self.locked.values()) + sum(self.credits.values())

    def lock(self, event: Event, treasury: str, amount: int) -> None:
        """A policy is opened by an underwriter of the treasury."""
        if not self.underwriters.get((treasury, event["underwriter"])):
            raise FoldError(event, f"{event['underwriter']} is no underwriter of {treasury}")
        take(event, self.free, treasury, amount)
        self.locked[treasury] += amount

    def unlock(self, event: Event, treasury: str, amount: int) -> None:
        """What backed a policy is free again."""
        take(event, self.locked, treasury, amount)
        self.free[treasury] += amount

    def pay(self, event: Event, treasury: str, payee: str, amount: int) -> None:
        """A claim is paid."""
        take(event, self.locked, treasury, amount)
        self.credits[payee] += amount


def fold(state: Capital, event: Event) -> None:
    """Bring the state up to date with one more event of ICapital or IPurse; raises `FoldError`."""
    args = event.args
    match event.name:
        case "UnderwriterSet":
            state.underwriters[args["treasury"], args["account"]] = args["allowed"]
        case "CapitalProvided":
            state.free[args["treasury"]] += args["amount"]
        case "CapitalWithdrawn":
            take(event, state.free, args["treasury"], args["amount"])
        case "CreditWithdrawn":
            take(event, state.credits, args["account"], args["amount"])
            expect(event, "rest", state.credits[args["account"]], 0)
        case _:
            raise FoldError(event, "nothing is known about this event")


def views(state: Capital) -> Iterator[View]:
    """What the views of ICapital and IPurse must return."""
    for treasury in sorted({*state.free, *state.locked}):
        pool = {"free": state.free.get(treasury, 0), "locked": state.locked.get(treasury, 0)}
        yield View(f"treasury {treasury}", "poolOf", (treasury,), pool)
    for (treasury, account), allowed in state.underwriters.items():
        subject = f"treasury {treasury}, underwriter {account}"
        yield View(subject, "isUnderwriter", (treasury, account), allowed)
    for account, amount in state.credits.items():
        yield View(f"account {account}", "creditOf", (account,), amount)


def take(event: Event, amounts: defaultdict[str, int], owner: str, amount: int) -> None:
    """Take an amount from what its owner has; `FoldError` if that is less."""
    if amounts[owner] < amount:
        raise FoldError(event, f"{owner} has {amounts[owner]}, not {amount}")
    amounts[owner] -= amount


def expect(event: Event, what: str, named: int, follows: int) -> None:
    """`FoldError` unless the event names what follows."""
    if named != follows:
        raise FoldError(event, f"{what} is {named}, but {follows} follows from the events before")
