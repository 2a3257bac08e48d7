"""`goldthread device`: keys, attachments and capabilities of devices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from goldthread.commands.documents import prepared, sign, submit
from goldthread.commands.options import (
    FILE,
    Decorator,
    KeyChoice,
    Office,
    address_of,
    deployment_option,
    json_option,
    key_options,
    named,
    open_deployment,
    record_of,
    rpc_option,
    sends,
    signer_bytes,
    time_of,
    twin_of,
)
from goldthread.commands.output import Failure, Group, moment, print_fields, print_json, print_table

if TYPE_CHECKING:
    from goldthread.chain.contracts import Deployment

METHODS = ("identify", "configure", "network", "local-io", "update")

_device: Decorator = click.argument("device_id", metavar="DEVICE")
_capability: Decorator = click.argument("number", metavar="CAPABILITY", type=click.IntRange(1))
_signer_option: Decorator = click.option(
    "--signer", "signer_text", required=True, metavar="HEX", help="Its ERC-7913 signer: see `device signer`."
)
_reason_option: Decorator = click.option(
    "--reason", metavar="HASH", help="Hash of the record that explains it."
)
_reason_file_option: Decorator = click.option(
    "--reason-file", type=FILE, help="The record itself; its SHA-256 is the reason."
)
_resource_option: Decorator = click.option(
    "--resource", default="", metavar="NAME", help="A name, or 0x id (default: the whole device)."
)
_method_option: Decorator = click.option(
    "--method",
    "methods",
    multiple=True,
    required=True,
    type=click.Choice(METHODS),
    help="What may be done; give it several times for several.",
)
_to_org_option: Decorator = click.option(
    "--to-org", type=click.IntRange(1), help="Number of the organisation that gets it."
)
_to_account_option: Decorator = click.option("--to-account", metavar="ADDRESS", help="Account that gets it.")
_expires_option: Decorator = click.option(
    "--expires", required=True, metavar="TIME", help="Last second: unix seconds or ISO 8601."
)
_ref_option: Decorator = click.option("--ref", metavar="HASH", help="Hash or id of the command.")
_ref_file_option: Decorator = click.option(
    "--ref-file", type=FILE, help="The command itself; its SHA-256 is kept."
)


@click.group(cls=Group)
def device() -> None:
    """Enrol devices, attach them to things, and say who may do what with them.

    DEVICE is the twin of the device: a link, another URI, or an id.
    """


device.add_command(sign)
device.add_command(submit)


@device.command()
@key_options
@deployment_option(required=False)
@json_option
def signer(key: KeyChoice, deployment_file: Path | None, as_json: bool) -> None:
    """Print the signer of a key, as contracts know it, and the account that stands for it.

    \b
    Example:
      goldthread device signer --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --token logger
        --key-label device --pin-file pin.txt --deployment deployments/31337.json
    """
    from goldthread.chain.devices import account_of
    from goldthread.chain.manifest import Manifest

    manifest = None if deployment_file is None else Manifest.load(deployment_file)
    with key.open(manifest) as opened:
        found = opened.signer
    facts = {"signer": f"0x{found.hex()}", "account": account_of(found)}
    if as_json:
        print_json(facts)
    else:
        print_fields(list(facts.items()))


@device.command()
@_device
@_signer_option
@click.option("--model", "model_id", metavar="MODEL", help="Twin of its model.")
@sends
def enrol(office: Office, device_id: str, signer_text: str, model_id: str | None) -> None:
    """Give DEVICE its key, once. By its owner.

    \b
    Example:
      goldthread device enrol 8004/9506000LOGGER1 --signer 0x... --deployment deployments/31337.json
        --keystore admin.json
    """
    model = bytes(32) if model_id is None else twin_of("--model", model_id)
    id_, key = twin_of("DEVICE", device_id), signer_bytes("--signer", signer_text)
    office.send(office.deployment.devices.enrol(id_, key, model))
    office.tell("enrolled", device=f"0x{id_.hex()}", signer=f"0x{key.hex()}")


@device.command()
@_device
@_signer_option
@sends
def rotate(office: Office, device_id: str, signer_text: str) -> None:
    """Replace the key of DEVICE: only the new one signs from now on. By its owner.

    \b
    Example:
      goldthread device rotate 8004/9506000LOGGER1 --signer 0x... --deployment deployments/31337.json
        --keystore admin.json
    """
    id_, key = twin_of("DEVICE", device_id), signer_bytes("--signer", signer_text)
    office.send(office.deployment.devices.rotateKey(id_, key))
    office.tell("rotated", device=f"0x{id_.hex()}", signer=f"0x{key.hex()}")


@device.command()
@_device
@_reason_option
@_reason_file_option
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@sends
def revoke(office: Office, device_id: str, reason: str | None, reason_file: Path | None, yes: bool) -> None:
    """End DEVICE for good: no key signs for it any more. By its owner.

    \b
    Example:
      goldthread device revoke 8004/9506000LOGGER1 --reason-file theft.pdf
        --deployment deployments/31337.json --keystore admin.json
    """
    id_, why = twin_of("DEVICE", device_id), record_of("reason", reason, reason_file)
    if not yes:
        click.confirm("This cannot be taken back. Revoke the device?", abort=True, err=True)
    office.send(office.deployment.devices.revoke(id_, why))
    office.tell("revoked", device=f"0x{id_.hex()}", reason=f"0x{why.hex()}")


@device.command()
@_device
@click.argument("subject_id", metavar="SUBJECT")
@sends
def attach(office: Office, device_id: str, subject_id: str) -> None:
    """Attach DEVICE to the twin SUBJECT from now on. By its owner, who owns or holds SUBJECT.

    \b
    Example:
      goldthread device attach 8004/9506000LOGGER1 00/395060000000000016
        --deployment deployments/31337.json --keystore admin.json
    """
    id_, subject = twin_of("DEVICE", device_id), twin_of("SUBJECT", subject_id)
    (event,) = office.send(office.deployment.devices.attach(id_, subject))
    since = event["since"]
    office.tell(
        f"attached since {moment(since)}",
        device=f"0x{id_.hex()}",
        subject=f"0x{subject.hex()}",
        since=since,
    )


@device.command()
@_device
@sends
def detach(office: Office, device_id: str) -> None:
    """Detach DEVICE from what it measures. By its owner.

    \b
    Example:
      goldthread device detach 8004/9506000LOGGER1 --deployment deployments/31337.json
        --keystore admin.json
    """
    id_ = twin_of("DEVICE", device_id)
    (event,) = office.send(office.deployment.devices.detach(id_))
    subject, until = event["subject"], event["until"]
    office.tell(
        f"detached at {moment(until)}", device=f"0x{id_.hex()}", subject=f"0x{subject.hex()}", until=until
    )


@device.command()
@_device
@_method_option
@_resource_option
@_to_org_option
@_to_account_option
@_expires_option
@sends
def grant(
    office: Office,
    device_id: str,
    methods: tuple[str, ...],
    resource: str,
    to_org: int | None,
    to_account: str | None,
    expires: str,
) -> None:
    """Grant a capability on DEVICE to an organisation or an account. By the owner of the device.

    \b
    Example:
      goldthread device grant 8004/9506000LOGGER1 --method identify --method update --to-org 6
        --expires 2027-12-31T00:00:00Z --deployment deployments/31337.json --keystore admin.json
    """
    id_, what = twin_of("DEVICE", device_id), named("--resource", resource)
    to, until = _grantee(to_org, to_account), time_of("--expires", expires)
    call = office.deployment.capabilities.grant(id_, what, _bits(methods), to, until)
    (event,) = office.send(call)
    number = event["capability"]
    office.tell(f"granted: capability {number}", device=f"0x{id_.hex()}", capability=number)


@device.command()
@_device
@_capability
@_method_option
@_resource_option
@_to_org_option
@_to_account_option
@_expires_option
@sends
def delegate(
    office: Office,
    device_id: str,
    number: int,
    methods: tuple[str, ...],
    resource: str,
    to_org: int | None,
    to_account: str | None,
    expires: str,
) -> None:
    """Pass on CAPABILITY on DEVICE, or less of it. By who has it.

    \b
    Example:
      goldthread device delegate 8004/9506000LOGGER1 1 --method identify --resource port-1
        --to-account 0x... --expires 2027-06-30T00:00:00Z --deployment deployments/31337.json
        --keystore service.json
    """
    id_, what = twin_of("DEVICE", device_id), named("--resource", resource)
    to, until = _grantee(to_org, to_account), time_of("--expires", expires)
    call = office.deployment.capabilities.delegate(id_, number, what, _bits(methods), to, until)
    (event,) = office.send(call)
    new = event["capability"]
    office.tell(f"delegated: capability {new}", device=f"0x{id_.hex()}", capability=new, parent=number)


@device.command("revoke-grant")
@_device
@click.argument("number", metavar="[CAPABILITY]", type=click.IntRange(1), required=False)
@click.option("--all", "everything", is_flag=True, help="All capabilities on the device.")
@sends
def revoke_grant(office: Office, device_id: str, number: int | None, everything: bool) -> None:
    """Revoke CAPABILITY on DEVICE, and with it whatever was delegated from it.

    By the owner of the device, by who has it, or by who has one that it came from; --all by the owner.

    \b
    Example:
      goldthread device revoke-grant 8004/9506000LOGGER1 1 --deployment deployments/31337.json
        --keystore admin.json
    """
    if (number is None) == (not everything):
        raise Failure("CAPABILITY or --all: give one of the two")
    id_, contract = twin_of("DEVICE", device_id), office.deployment.capabilities
    office.send(contract.revokeAll(id_) if everything else contract.revoke(id_, number))
    told = "all capabilities" if everything else f"capability {number}"
    office.tell(f"revoked: {told}", device=f"0x{id_.hex()}", capability=number, all=everything)


@device.command()
@_device
@_capability
@_method_option
@_resource_option
@_ref_option
@_ref_file_option
@sends
def use(
    office: Office,
    device_id: str,
    number: int,
    methods: tuple[str, ...],
    resource: str,
    ref: str | None,
    ref_file: Path | None,
) -> None:
    """Put on record that CAPABILITY on DEVICE is used. Refused, with the cause, if it does not allow that.

    \b
    Example:
      goldthread device use 8004/9506000LOGGER1 2 --method update --ref-file command.json
        --deployment deployments/31337.json --keystore technician.json
    """
    id_, what = twin_of("DEVICE", device_id), named("--resource", resource)
    command = record_of("ref", ref, ref_file)
    office.send(office.deployment.capabilities.use(id_, what, number, _bits(methods), command))
    office.tell(
        f"used: capability {number}", device=f"0x{id_.hex()}", capability=number, ref=f"0x{command.hex()}"
    )


@device.command()
@_device
@_capability
@_method_option
@_resource_option
@_ref_option
@_ref_file_option
@click.option("--deadline", required=True, metavar="TIME", help="Last second at which it may be used.")
@deployment_option()
@click.option("--out", type=FILE, help="File to write (default: standard output).")
def invoke(
    device_id: str,
    number: int,
    methods: tuple[str, ...],
    resource: str,
    ref: str | None,
    ref_file: Path | None,
    deadline: str,
    deployment_file: Path,
    out: Path | None,
) -> None:
    """Prepare a use of CAPABILITY for a key that cannot send: sign it, and anyone submits it, once.

    \b
    Example:
      goldthread device invoke 8004/9506000LOGGER1 2 --method update --ref-file command.json
        --deadline 2027-06-30T00:00:00Z --deployment deployments/31337.json --out use.json
    """
    import secrets

    from goldthread.chain.manifest import Manifest

    message = {
        "device": twin_of("DEVICE", device_id),
        "resource": named("--resource", resource),
        "capability": number,
        "methods": _bits(methods),
        "ref": record_of("ref", ref, ref_file),
        "deadline": time_of("--deadline", deadline),
        "salt": secrets.token_bytes(32),
    }
    prepared("Invocation", Manifest.load(deployment_file), message, out)


@device.command()
@_device
@deployment_option()
@rpc_option
@json_option
def show(device_id: str, deployment_file: Path, rpc: str, as_json: bool) -> None:
    """Print what is known of DEVICE: owner, key, what it measures, firmware, and who may do what with it.

    \b
    Example:
      goldthread device show 8004/9506000LOGGER1 --deployment deployments/31337.json
    """
    from goldthread.chain.words import FirmwareState

    deployment = open_deployment(deployment_file, rpc)
    id_, block = twin_of("DEVICE", device_id), deployment.chain.block_number()
    devices, firmware = deployment.devices, deployment.firmware
    views = [devices.signerHash, devices.revoked, devices.subjectOf, deployment.twins.ownerOf]
    views += [firmware.stateOf, firmware.installationOf]
    key, revoked, subject, owner, known, installation = deployment.read_many(
        [view.prepare(id_) for view in views], block
    )
    state, installed = FirmwareState(known).name, installation.installed
    status = "revoked" if revoked else "enrolled" if any(key) else "not enrolled"
    capabilities = _capabilities(deployment, id_, owner, block)
    if as_json:
        facts: dict[str, Any] = {"device": f"0x{id_.hex()}", "owner": owner, "status": status}
        facts |= {"signerHash": f"0x{key.hex()}", "subject": f"0x{subject.hex()}" if any(subject) else None}
        facts |= {"firmware": state, "installed": installed, "capabilities": capabilities}
        print_json(facts)
        return
    print_fields(
        [
            ("device", f"0x{id_.hex()}"),
            ("owner", f"#{owner}" if owner else "nobody: there is no such twin"),
            ("status", status),
            ("signer", f"0x{key.hex()} (hash)" if any(key) else "none"),
            ("measures", f"0x{subject.hex()}" if any(subject) else "nothing"),
            ("firmware", f"{state}, sequence {installed}" if installed else state),
        ]
    )
    if capabilities:
        click.echo()
        columns = ("capability", "from", "to", "methods", "resource", "expires", "ended")
        print_table(columns, [_row(found) for found in capabilities])


def _capabilities(deployment: Deployment, device_id: bytes, owner: int, block: int) -> list[dict[str, Any]]:
    """All capabilities on a device; `ended` says why one does not count any more."""
    contract = deployment.capabilities
    book = contract.bookOf.at(block)(device_id)
    numbers = range(1, book.count + 1)
    calls = [contract.grantOf.prepare(device_id, number) for number in numbers]
    grants = deployment.read_many(calls, block)
    now = int(deployment.chain.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
    found: list[dict[str, Any]] = []
    for number, kept in zip(numbers, grants, strict=True):
        above = found[kept.parent - 1]["ended"] if kept.parent else None
        passed = not kept.parent and (number < book.first or book.owner != owner)
        ended = (
            "revoked"
            if kept.revoked
            else "expired"
            if now > kept.expiry
            else "title passed, or all revoked"
            if passed
            else f"with {kept.parent}"
            if above
            else None
        )
        to = int(kept.to, 16) if kept.toOrg else kept.to
        resource = f"0x{kept.resource.hex()}" if any(kept.resource) else None
        found.append(
            {
                "capability": number,
                "parent": kept.parent or None,
                "to": to,
                "methods": [name for bit, name in enumerate(METHODS) if kept.methods >> bit & 1],
                "resource": resource,
                "expiry": kept.expiry,
                "ended": ended,
            }
        )
    return found


def _row(found: dict[str, Any]) -> tuple[object, ...]:
    to = found["to"]
    return (
        found["capability"],
        found["parent"] or "owner",
        f"#{to}" if isinstance(to, int) else to,
        ", ".join(found["methods"]),
        found["resource"] or "whole device",
        moment(found["expiry"]),
        found["ended"] or "",
    )


def _bits(methods: tuple[str, ...]) -> int:
    return sum({1 << METHODS.index(name) for name in methods})


def _grantee(org: int | None, account: str | None) -> tuple[int, str]:
    if (org is None) == (account is None):
        raise Failure("--to-org or --to-account: give one of the two, to say who gets it")
    if account is not None:
        return 0, address_of("--to-account", account)
    return org or 0, "0x" + 40 * "0"
