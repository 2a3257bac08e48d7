"""Rebuild the state of every contract from its logs, and compare each field with what the contract says.

`rebuild` reads the logs in block ranges and folds them; `compare` asks the contracts' views, all as of the
same block. Nothing is trusted but the node's logs and calls. A node that leaves out a step of a twin is
found out, because every head of a history depends on all steps before it; one that leaves out everything
about a thing is found out by whoever asks for that thing (`goldthread history`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from goldthread.audit import (
    batch_release,
    capabilities,
    cargo_insurance,
    challenges,
    closure_claims,
    compliance,
    conditions,
    conflict_minerals,
    consortium,
    delivery_exceptions,
    design_control,
    devices,
    drive_insurance,
    exposures,
    firmware,
    licences,
    lineage,
    logger_reports,
    lots,
    recalls,
    records,
    telemetry,
    templates,
    title_deed,
    twins,
    usage_meters,
    verification,
)
from goldthread.audit.base import Difference, FoldError, View, differences
from goldthread.chain import abi, logs
from goldthread.chain.contracts import Contract, Deployment
from goldthread.chain.errors import ChainError, ContractError
from goldthread.chain.logs import Event

Progress = Callable[[int, int], None]
"""Called with the last block done and the number of logs in the range."""

READ_AT_ONCE = 2_000
"""Views asked for before their answers are compared: bounds the memory, not the batch of a request."""


class ChainMoved(ChainError):
    """The chain was reorganised while it was being read; ask again."""


@dataclass
class System:
    """The rebuilt state of every contract, as of a block."""

    block: int = 0
    block_hash: str = ""
    logs: int = 0
    consortium: consortium.State = field(default_factory=consortium.State)
    twins: twins.State = field(default_factory=twins.State)
    lots: lots.State = field(default_factory=lots.State)
    records: records.State = field(default_factory=records.State)
    lineage: lineage.State = field(default_factory=lineage.State)
    recalls: recalls.State = field(default_factory=recalls.State)
    licences: licences.State = field(default_factory=licences.State)
    usage_meters: usage_meters.State = field(default_factory=usage_meters.State)
    verification: verification.State = field(default_factory=verification.State)
    delivery_exceptions: delivery_exceptions.State = field(default_factory=delivery_exceptions.State)
    design_control: design_control.State = field(default_factory=design_control.State)
    challenges: challenges.State = field(default_factory=challenges.State)
    title_deed: title_deed.State = field(default_factory=title_deed.State)
    devices: devices.State = field(default_factory=devices.State)
    capabilities: capabilities.State = field(default_factory=capabilities.State)
    firmware: firmware.State = field(default_factory=firmware.State)
    telemetry: telemetry.State = field(default_factory=telemetry.State)
    conflict_minerals: conflict_minerals.State = field(default_factory=conflict_minerals.State)
    conditions: conditions.State = field(default_factory=conditions.State)
    exposures: exposures.State = field(default_factory=exposures.State)
    logger_reports: logger_reports.State = field(default_factory=logger_reports.State)
    templates: templates.State = field(default_factory=templates.State)
    compliance: compliance.State = field(default_factory=compliance.State)
    batch_release: batch_release.State = field(default_factory=batch_release.State)
    drive_insurance: drive_insurance.State = field(default_factory=drive_insurance.State)
    closure_claims: closure_claims.State = field(default_factory=closure_claims.State)
    cargo_insurance: cargo_insurance.State = field(default_factory=cargo_insurance.State)
    problems: dict[str, FoldError] = field(default_factory=dict)
    """For each contract the first event that cannot have happened; what follows it is not folded any more."""

    def add(self, event: Event) -> None:
        """Bring the state of the contract that emitted the event up to date, or note why that is not
        possible.
        """
        self.logs += 1
        if event.contract in self.problems:
            return
        try:
            self.fold(event)
        except FoldError as error:
            self.problems[event.contract] = error

    def fold(self, event: Event) -> None:
        """Bring the state of the contract that emitted the event up to date; raises `FoldError`."""
        match event.contract:
            case "Consortium":
                consortium.fold(self.consortium, event)
            case "Twins":
                twins.fold(self.twins, event)
            case "Lots":
                lots.fold(self.lots, event)
            case "Records":
                records.fold(self.records, event)
            case "Lineage":
                lineage.fold(self.lineage, event)
            case "Recalls":
                recalls.fold(self.recalls, event)
            case "Licences":
                licences.fold(self.licences, event)
            case "UsageMeters":
                usage_meters.fold(self.usage_meters, event)
            case "Verification":
                verification.fold(self.verification, event)
            case "DeliveryExceptions":
                delivery_exceptions.fold(self.delivery_exceptions, event)
            case "DesignControl":
                design_control.fold(self.design_control, event)
            case "TitleDeed":
                title_deed.fold(self.title_deed, event)
            case "Devices":
                devices.fold(self.devices, event)
            case "Capabilities":
                capabilities.fold(self.capabilities, event)
            case "Firmware":
                firmware.fold(self.firmware, event)
            case "Telemetry":
                telemetry.fold(self.telemetry, event)
            case "Conditions":
                conditions.fold(self.conditions, event, self.telemetry)
            case "Exposures":
                exposures.fold(self.exposures, event)
            case "ConflictMinerals":
                conflict_minerals.fold(self.conflict_minerals, event)
            case "LoggerReports":
                logger_reports.fold(self.logger_reports, event)
            case "Templates":
                templates.fold(self.templates, event)
            case "Compliance":
                compliance.fold(self.compliance, event)
            case "BatchRelease":
                batch_release.fold(self.batch_release, event)
            case "Challenges":
                challenges.fold(self.challenges, event)
            case "DriveInsurance":
                drive_insurance.fold(self.drive_insurance, event)
            case "ClosureClaims":
                closure_claims.fold(self.closure_claims, event)
            case "CargoInsurance":
                cargo_insurance.fold(self.cargo_insurance, event)
            case _:
                raise FoldError(event, "nothing is known about this contract")

    def views(self, contract: str) -> Iterator[View]:
        """What every view of a contract must return; nothing if its logs do not add up."""
        if contract in self.problems:
            return
        match contract:
            case "Consortium":
                yield from consortium.views(self.consortium)
            case "Twins":
                yield from twins.views(self.twins)
            case "Lots":
                yield from lots.views(self.lots)
            case "Records":
                yield from records.views(self.records, self.lots)
            case "Lineage":
                yield from lineage.views(self.lineage)
            case "Recalls":
                yield from recalls.views(self.recalls)
            case "Licences":
                yield from licences.views(self.licences)
            case "UsageMeters":
                yield from usage_meters.views(self.usage_meters)
            case "Verification":
                yield from verification.views(self.verification)
            case "DeliveryExceptions":
                yield from delivery_exceptions.views(self.delivery_exceptions)
            case "DesignControl":
                yield from design_control.views(self.design_control)
            case "TitleDeed":
                yield from title_deed.views(self.title_deed, self.twins, self.consortium)
            case "Devices":
                yield from devices.views(self.devices)
            case "Capabilities":
                yield from capabilities.views(self.capabilities)
            case "Firmware":
                yield from firmware.views(self.firmware)
            case "Telemetry":
                yield from telemetry.views(self.telemetry)
            case "Conditions":
                yield from conditions.views(self.conditions)
            case "Exposures":
                yield from exposures.views(self.exposures)
            case "ConflictMinerals":
                yield from conflict_minerals.views(self.conflict_minerals)
            case "LoggerReports":
                yield from logger_reports.views(self.logger_reports)
            case "Templates":
                yield from templates.views(self.templates)
            case "Compliance":
                yield from compliance.views(self.compliance)
            case "BatchRelease":
                yield from batch_release.views(self.batch_release)
            case "Challenges":
                yield from challenges.views(self.challenges)
            case "DriveInsurance":
                yield from drive_insurance.views(self.drive_insurance)
            case "ClosureClaims":
                yield from closure_claims.views(self.closure_claims)
            case "CargoInsurance":
                yield from cargo_insurance.views(self.cargo_insurance)


def contracts(deployment: Deployment) -> list[str]:
    """The contracts of a deployment whose state can be rebuilt."""
    return [name for name in abi.CONTRACTS if name in deployment.manifest.contracts]


def rebuild(
    deployment: Deployment,
    *,
    first: int | None = None,
    last: int | None = None,
    span: int = logs.SPAN,
    progress: Progress | None = None,
) -> System:
    """The state of every contract after block `last` (the newest), from the logs since `first` (the
    deployment).
    """
    chain = deployment.chain
    system = System(block=chain.block_number() if last is None else last)
    system.block_hash = _block_hash(deployment, system.block)
    found = logs.events(
        deployment, contracts(deployment), first=first, last=system.block, span=span, progress=progress
    )
    for event in found:
        system.add(event)
    if system.twins.batch:
        error = FoldError(system.twins.batch[0], "the events of its things are missing")
        system.problems.setdefault("Twins", error)
    return system


def compare(
    deployment: Deployment, system: System, progress: Callable[[int], None] | None = None
) -> list[Difference]:
    """Every field in which logs and views disagree, and of each contract the first impossible event.

    `progress` is called with the number of views read since the last time. Raises `ChainMoved` if the block
    that was rebuilt is not the one on the chain any more.
    """
    found = [
        Difference(
            p.event.contract, f"block {p.event.block}, log {p.event.index}", p.event.name, p.rule, "emitted"
        )
        for p in system.problems.values()
    ]
    for name in contracts(deployment):
        views = system.views(name)
        while part := _take(views, READ_AT_ONCE):
            found += _compare(deployment, name, part, system.block, progress)
    owed = {
        "DriveInsurance": system.drive_insurance.obligations,
        "UsageMeters": system.usage_meters.obligations,
    }
    for name, amount in owed.items():
        if name in contracts(deployment) and name not in system.problems:
            found += _compare_tokens(deployment, name, amount, system.block)
    if _block_hash(deployment, system.block) != system.block_hash:
        raise ChainMoved(f"block {system.block} was replaced by another while it was read; run this again")
    return found


def count_views(deployment: Deployment, system: System) -> int:
    """How many views `compare` will ask."""
    return sum(1 for name in contracts(deployment) for _ in system.views(name))


def _compare(
    deployment: Deployment,
    name: str,
    views: Sequence[View],
    block: int,
    progress: Callable[[int], None] | None,
) -> list[Difference]:
    contract = deployment.contract(name)
    calls = [getattr(contract, view.function).prepare(*view.args) for view in views]
    try:
        answers = deployment.read_many(calls, block, progress)
    except ContractError:
        # One of them reverts, which no view may: find out which.
        answers = []
        for call in calls:
            try:
                answers.append(call.simulate(block=block))
            except ContractError as error:
                answers.append(error)
    found: list[Difference] = []
    for view, answer in zip(views, answers, strict=True):
        if isinstance(answer, ContractError):
            found.append(Difference(name, view.subject, view.function, view.expected, str(answer)))
        else:
            found += differences(name, view, answer)
    return found


def _compare_tokens(deployment: Deployment, name: str, owed: int, block: int) -> list[Difference]:
    """A contract must hold the tokens that it owes. It may hold more: anybody can send it some."""
    contract = deployment.contract(name)
    token = contract.TOKEN.at(block)()
    balance_of = Contract(deployment.chain, "token", token, _BALANCE_OF).balanceOf.at(block)
    balance = balance_of(contract.address)
    if balance >= owed:
        return []
    return [Difference(name, f"token {token}", "balanceOf", owed, balance)]


_BALANCE_OF = [
    {
        "type": "function",
        "name": "balanceOf",
        "stateMutability": "view",
        "inputs": [{"name": "account", "type": "address"}],
        "outputs": [{"name": "", "type": "uint256"}],
    }
]


def _take(views: Iterator[View], most: int) -> list[View]:
    part = []
    for view in views:
        part.append(view)
        if len(part) == most:
            break
    return part


def _block_hash(deployment: Deployment, block: int) -> str:
    found = deployment.chain.rpc("eth_getBlockByNumber", hex(block), False)
    if found is None:
        raise ChainMoved(f"the chain has no block {block}")
    return str(found["hash"])
