"""`goldthread firmware`: signers of models, releases, minima, assignments and confirmations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from goldthread.commands.documents import prepared, sign, submit
from goldthread.commands.options import (
    FILE,
    Decorator,
    Office,
    deployment_option,
    json_option,
    named,
    open_deployment,
    record_of,
    rpc_option,
    sends,
    signer_bytes,
    time_of,
    twin_of,
)
from goldthread.commands.output import Failure, Group, moment, print_fields, print_json

_class_option: Decorator = click.option(
    "--class", "board", default="", metavar="NAME", help="Hardware class: a name, or 0x id; none: one class."
)
_out_option: Decorator = click.option("--out", type=FILE, help="File to write (default: standard output).")
_sequence_option: Decorator = click.option(
    "--sequence", type=click.IntRange(1), required=True, help="Number of the manifest."
)


@click.group(cls=Group)
def firmware() -> None:
    """Release firmware for models, assign it to devices, and see what they run.

    A model is a twin of the kind DESIGN. Releases, minima and sets of signers are prepared as files, signed
    (`sign`) wherever the keys are, and brought to the chain (`submit`) by an account of the model's owner.
    """


firmware.add_command(sign)
firmware.add_command(submit)


@firmware.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--signer", "signers", multiple=True, required=True, metavar="HEX", help="ERC-7913 signer.")
@click.option(
    "--threshold", type=click.IntRange(1), required=True, help="How many of them must sign a release."
)
@deployment_option()
@rpc_option
@_out_option
def model(
    model_id: str,
    signers: tuple[str, ...],
    threshold: int,
    deployment_file: Path,
    rpc: str,
    out: Path | None,
) -> None:
    """Prepare the set of signers of MODEL.

    The first set needs no signature: submit it. Every later one is signed by a threshold of the set before
    and a threshold of itself.

    \b
    Example:
      goldthread firmware model 8004/9506000MODEL --signer 0xaa.. --signer 0xbb.. --signer 0xcc..
        --threshold 2 --deployment deployments/31337.json --out signers.json
    """
    from goldthread.hashing import keccak

    deployment = open_deployment(deployment_file, rpc)
    id_ = twin_of("MODEL", model_id)
    chosen = sorted({signer_bytes("--signer", text) for text in signers}, key=keccak)
    if threshold > len(chosen):
        raise Failure(f"--threshold {threshold}: there are {len(chosen)} signers")
    version = deployment.firmware.signerSetOf(id_).version + 1
    message = {"model": id_, "version": version, "threshold": threshold, "signers": chosen}
    prepared("SignerSet", deployment.manifest, message, out)


@firmware.command()
@click.argument("model_id", metavar="MODEL")
@_class_option
@_sequence_option
@click.option("--version", required=True, help="What people call it.")
@click.option("--image", metavar="HASH", help="SHA-256 of the image.")
@click.option("--image-file", type=FILE, help="The image itself.")
@click.option("--manifest", metavar="HASH", help="SHA-256 of the manifest.")
@click.option("--manifest-file", type=FILE, help="The manifest itself (SUIT envelope or another document).")
@click.option("--not-before", metavar="TIME", help="When it may first be installed (default: at once).")
@click.option("--expires", metavar="TIME", required=True, help="Until when it is current.")
@deployment_option()
@_out_option
def release(
    model_id: str,
    board: str,
    sequence: int,
    version: str,
    image: str | None,
    image_file: Path | None,
    manifest: str | None,
    manifest_file: Path | None,
    not_before: str | None,
    expires: str,
    deployment_file: Path,
    out: Path | None,
) -> None:
    """Prepare a release for MODEL, without a network.

    TIME is unix seconds or ISO 8601. Sign it with `goldthread firmware sign`.

    \b
    Example:
      goldthread firmware release 8004/9506000MODEL --class board-a --sequence 7 --version 2.4.1
        --image-file logger.bin --manifest-file logger.suit --expires 2027-12-31T00:00:00Z
        --deployment deployments/31337.json --out release.json
    """
    from goldthread.chain.manifest import Manifest

    first = 0 if not_before is None else time_of("--not-before", not_before)
    last = time_of("--expires", expires)
    if first > last:
        raise Failure(f"--expires {expires}: is before --not-before {not_before}")
    message = {
        "model": twin_of("MODEL", model_id),
        "hardwareClass": named("--class", board),
        "sequence": sequence,
        "version": version,
        "imageHash": record_of("image", image, image_file),
        "manifestHash": record_of("manifest", manifest, manifest_file),
        "notBefore": first,
        "expiry": last,
    }
    prepared("Release", Manifest.load(deployment_file), message, out)


@firmware.command()
@click.argument("model_id", metavar="MODEL")
@_class_option
@_sequence_option
@deployment_option()
@_out_option
def minimum(model_id: str, board: str, sequence: int, deployment_file: Path, out: Path | None) -> None:
    """Prepare a higher minimum for MODEL: lower sequences are not good enough any more.

    One above the newest release withdraws all there is.

    \b
    Example:
      goldthread firmware minimum 8004/9506000MODEL --class board-a --sequence 7
        --deployment deployments/31337.json --out minimum.json
    """
    from goldthread.chain.manifest import Manifest

    message = {
        "model": twin_of("MODEL", model_id),
        "hardwareClass": named("--class", board),
        "sequence": sequence,
    }
    prepared("Minimum", Manifest.load(deployment_file), message, out)


@firmware.command()
@click.argument("device_id", metavar="DEVICE")
@click.argument("model_id", metavar="MODEL")
@_class_option
@_sequence_option
@sends
def assign(office: Office, device_id: str, model_id: str, board: str, sequence: int) -> None:
    """Tell DEVICE which release of MODEL to install. By its owner.

    \b
    Example:
      goldthread firmware assign 8004/9506000LOGGER1 8004/9506000MODEL --class board-a --sequence 7
        --deployment deployments/31337.json --keystore admin.json
    """
    device, model_ = twin_of("DEVICE", device_id), twin_of("MODEL", model_id)
    office.send(office.deployment.firmware.assign(device, model_, named("--class", board), sequence))
    office.tell(f"assigned sequence {sequence}", device=f"0x{device.hex()}", sequence=sequence)


@firmware.command()
@click.argument("device_id", metavar="DEVICE")
@click.argument("model_id", metavar="MODEL")
@_class_option
@_sequence_option
@click.option("--image", metavar="HASH", help="SHA-256 of the image that runs.")
@click.option("--image-file", type=FILE, help="The image itself.")
@click.option("--time", "when", metavar="TIME", help="When the device looked (default: now).")
@deployment_option()
@_out_option
def confirm(
    device_id: str,
    model_id: str,
    board: str,
    sequence: int,
    image: str | None,
    image_file: Path | None,
    when: str | None,
    deployment_file: Path,
    out: Path | None,
) -> None:
    """Prepare what DEVICE says it runs, without a network. The device's key signs it.

    \b
    Example:
      goldthread firmware confirm 8004/9506000LOGGER1 8004/9506000MODEL --class board-a --sequence 7
        --image-file logger.bin --deployment deployments/31337.json --out word.json
    """
    from goldthread.chain.manifest import Manifest

    message = {
        "device": twin_of("DEVICE", device_id),
        "model": twin_of("MODEL", model_id),
        "hardwareClass": named("--class", board),
        "sequence": sequence,
        "imageHash": record_of("image", image, image_file),
        "time": int(time.time()) if when is None else time_of("--time", when),
    }
    prepared("Confirmation", Manifest.load(deployment_file), message, out)


@firmware.command()
@click.argument("thing", metavar="DEVICE|MODEL")
@_class_option
@deployment_option()
@rpc_option
@json_option
def status(thing: str, board: str, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print what a device was told to run and says it runs, or what was released for a model.

    \b
    Example:
      goldthread firmware status 8004/9506000LOGGER1 --deployment deployments/31337.json
    """
    from goldthread.chain.words import FirmwareState, Kind

    deployment = open_deployment(deployment_file, rpc)
    id_, contract = twin_of("DEVICE|MODEL", thing), deployment.firmware
    fields: list[tuple[str, object]]
    if deployment.twins.twin(id_).kind == Kind.DESIGN:
        found, line = (
            contract.signerSetOf(id_),
            contract.lineOf(contract.lineId(id_, named("--class", board))),
        )
        fields = [
            ("model", f"0x{id_.hex()}"),
            ("signers", f"set {found.version}, {found.threshold} must sign"),
            ("newest", line.newest),
            ("minimum", line.minimum),
        ]
        facts: dict[str, Any] = {"signerSet": found.version, "threshold": found.threshold}
        facts |= {"newest": line.newest, "minimum": line.minimum}
    else:
        state = FirmwareState(contract.stateOf(id_)).name
        told = contract.installationOf(id_)
        fields = [
            ("device", f"0x{id_.hex()}"),
            ("state", state),
            ("assigned", told.assigned or "nothing"),
            ("runs", told.installed or "not known"),
            ("looked", moment(told.confirmedAt) if told.installed else ""),
            ("expires", moment(told.expiry) if told.installed else ""),
        ]
        facts = {"state": state, "assigned": told.assigned, "installed": told.installed}
        facts |= {"confirmedAt": told.confirmedAt, "expiry": told.expiry, "line": f"0x{told.line.hex()}"}
    if as_json:
        print_json({"id": f"0x{id_.hex()}", **facts})
    else:
        print_fields(fields)
