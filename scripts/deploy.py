"""Deploy the system, or compare what is deployed with what the manifest says.

    ape run deploy --network ethereum:local:foundry
    ape run deploy --network ethereum:sepolia:node --account plant --token 0x... --governance 0x...
    ape run deploy --network ethereum:sepolia:node --verify-only

Running it again goes on where it was interrupted, and changes nothing when everything is there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from ape import accounts
from ape.api import AccountAPI, ProviderAPI
from ape.cli import ConnectedProviderCommand, account_option
from eth_utils.address import is_address, to_checksum_address

sys.path.insert(0, str(Path(__file__).parent))
from _ape import chain_of, sender_of

from goldthread.chain.deploy import Deployer, DeployError, verify
from goldthread.chain.errors import ChainError
from goldthread.chain.manifest import Manifest, ManifestError, manifest_path


def address(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """An address with its checksum, or a message that names the option."""
    if value is not None and not is_address(value):
        raise click.BadParameter(f"{value!r} is no address", param=parameter)
    return None if value is None else to_checksum_address(value)


HELP = (__doc__ or "").replace("\n\n    ", "\n\n\b\n    ")
"""click keeps the lines of a paragraph that begins with a backspace."""


@click.command(cls=ConnectedProviderCommand, help=HELP)
@account_option(prompt=False)
@click.option("--token", callback=address, help="ERC-20 token of the insurance; a local chain needs none.")
@click.option("--governance", callback=address, help="Gets all powers; the deployer keeps none.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Default: deployments/<chain id>.json.")
@click.option(
    "--verify-only", is_flag=True, help="Send nothing; compare code hashes on chain with the manifest."
)
def cli(
    provider: ProviderAPI,
    account: AccountAPI | None,
    token: str | None,
    governance: str | None,
    manifest: Path | None,
    verify_only: bool,
) -> None:
    """Deploy, or verify; exit with 1 and one line if that fails."""
    chain = chain_of(provider)
    path = manifest or manifest_path(chain.id)
    try:
        if verify_only:
            differences = verify(chain, Manifest.load(path))
            for line in differences:
                click.echo(line)
            click.echo(f"{path}: {len(differences)} differences on chain {chain.id}")
            raise SystemExit(1 if differences else 0)
        if account is None:
            if not chain.is_local:
                raise click.UsageError(f"chain {chain.id} is not local: name the --account that deploys")
            account = accounts.test_accounts[0]
        network = f"{provider.network.ecosystem.name}:{provider.network.name}"
        sender = sender_of(account, chain)
        Deployer(sender, path, network=network, token=token, governance=governance).run(click.echo)
        click.echo(f"{path}: complete on chain {chain.id}")
    except (DeployError, ManifestError, ChainError) as error:
        raise click.ClickException(str(error)) from None
