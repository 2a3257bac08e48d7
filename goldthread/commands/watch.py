"""`goldthread watch`: make every anchored segment again from its archive, and challenge lies."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.options import (
    FILE,
    deployment_option,
    json_option,
    open_deployment,
    rpc_option,
    sender_of,
    sender_options,
)
from goldthread.commands.output import FOUND, Failure, clean, print_json, progress

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment
    from goldthread.chain.send import Sender
    from goldthread.watch import Finding, Watch


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--state", "state_file", type=FILE, required=True, help="File that remembers what was seen.")
@click.option("--dry-run", is_flag=True, help="Say what would be proved; send nothing and remember nothing.")
@click.option(
    "--demand",
    "org",
    type=click.IntRange(1),
    metavar="ORGANISATION",
    help="Demand a reading of what the readings do not explain, against the bond of this organisation.",
)
@click.option("--confirmations", type=click.IntRange(0), default=0, help="Leave out so many newest blocks.")
@click.option("--every", type=click.IntRange(1), metavar="SECONDS", help="Go on for ever, looking so often.")
@deployment_option()
@rpc_option
@sender_options
@json_option
def watch(
    folder: Path,
    state_file: Path,
    dry_run: bool,
    org: int | None,
    confirmations: int,
    every: int | None,
    deployment_file: Path,
    rpc: str,
    account: str | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Make every anchored segment again from the readings in FOLDER, and prove those false that lie.

    FOLDER holds segment files, as `goldthread segment build` writes them. A lie is proved on chain, the
    device's key is ended and bonds that answer for the segment are taken. Segments without readings are
    looked for again each time. Can be interrupted at any moment and run again: nothing is done twice.
    Exit code 1 if a segment lies, or is not what its readings say.

    \b
    Example:
      goldthread watch archive/ --state watch.json --deployment deployments/31337.json --keystore me.json
    """
    from goldthread.watch import State, Watch

    deployment = open_deployment(deployment_file, rpc)
    sender = None if dry_run else sender_of(deployment, account, keystore, passphrase_file)
    if org is not None and "Challenges" not in deployment.manifest.contracts:
        raise Failure(f"{deployment_file}: has no Challenges to demand of")
    telemetry = deployment.manifest.address("Telemetry")
    state = State.load(state_file, telemetry, deployment.manifest.start_block)
    seen: Counter[str] = Counter()
    told: list[dict[str, Any]] = []
    looking = Watch(deployment, state, keep=not dry_run)
    while True:
        _look(looking, folder, sender, org, confirmations, seen, None if not as_json else told)
        if every is None:
            break
        time.sleep(every)
    if as_json:
        print_json({"ok": _good(seen), "seen": dict(seen), "findings": told, "waiting": len(state.waiting)})
    else:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(seen.items())) or "nothing new"
        click.echo(f"{counts}; {len(state.waiting)} wait for their readings")
    if not _good(seen):
        sys.exit(FOUND)


def _look(
    looking: Watch,
    folder: Path,
    sender: Sender | None,
    org: int | None,
    confirmations: int,
    seen: Counter[str],
    told: list[dict[str, Any]] | None,
) -> None:
    from goldthread.chain.eip712 import domain
    from goldthread.watch import Archive

    deployment = looking.deployment
    where = domain("Telemetry", deployment.chain.id, deployment.manifest.address("Telemetry"))
    archive = Archive.read(folder, where)
    last = deployment.chain.block_number() - confirmations
    with progress(told is not None) as display:
        task = display.add_task("  segments", total=None)
        for finding in looking.run(archive, last):
            seen[finding.verdict] += 1
            display.advance(task)
            done = _act(deployment, sender, org, finding)
            if finding.verdict == "true":
                continue
            if told is None:
                click.echo(clean(f"{_name(finding)}: {finding.verdict}: {finding.reason}{done}"))
                sys.stdout.flush()
            else:
                told.append(_json(finding, done))


def _act(deployment: Deployment, sender: Sender | None, org: int | None, finding: Finding) -> str:
    """What was done about a finding, in words."""
    from goldthread.watch import Verdict, demand, prove

    if finding.verdict is Verdict.FALSE:
        if sender is None and finding.proof is not None:
            return (
                f"; would send {finding.proof.function} to {finding.proof.to}: 0x{finding.proof.data.hex()}"
            )
        if sender is not None:
            return "; proved" if prove(deployment, sender, finding) else "; was proved before"
    elif sender is not None and org is not None and finding.verdict is not Verdict.TRUE:
        index = demand(deployment, sender, finding, org)
        return "" if index is None else f"; reading {index} demanded"
    return ""


def _name(finding: Finding) -> str:
    about = finding.anchored
    return f"device 0x{about.device.hex()}, quantity {about.quantity}, segment {about.seq}"


def _json(finding: Finding, done: str) -> dict[str, Any]:
    found = {**finding.anchored.to_json(), "verdict": str(finding.verdict), "reason": finding.reason}
    if finding.proof is not None:
        call = finding.proof
        found["proof"] = {"to": call.to, "function": call.function, "data": f"0x{call.data.hex()}"}
    return {**found, "done": done.removeprefix("; ")}


def _good(seen: Counter[str]) -> bool:
    return not seen["false"] and not seen["unlike"]
