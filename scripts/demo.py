"""The story of a part, a pallet and a driver, told on a real node.

    make demo
    make demo INPUT=trip.csv      replays temperatures (time, value in °C) or speeds (seconds, m/s)
    make demo INPUT=report.txt    has the report of a Fridge-tag 2 verified on chain

Suppliers register parts, a maker packs them on a pallet, and the pallet passes from company to company while
a logger signs what it measures. A driver is charged for what the car recorded. A batch of tablets is recorded
step by step and released by a passkey, a pump passes the gates of its design, and a product is asked for its
smelters. What must not happen is tried as well, and refused. In the end everything is rebuilt from the logs
and compared with the contracts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from _story import Story
from _telling import ACCOUNTS, Recording, StoryError

from goldthread.chain.deploy import DeployError
from goldthread.chain.errors import ChainError
from goldthread.chain.manifest import ManifestError, manifest_path
from goldthread.chain.node import LocalNode, NoNode
from goldthread.rules.fridge_tag import ReportError
from goldthread.rules.readings import ReadingsError

HELP = (__doc__ or "").replace("\n\n    ", "\n\n\b\n    ")
"""click keeps the lines of a paragraph that begins with a backspace."""


@click.command(help=HELP)
@click.option(
    "--input",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of temperatures (time, value) or of speeds (seconds, m/s; the title says m/s or speed), or "
    "the report of a Fridge-tag 2.",
)
@click.option("--node", metavar="URL", help="Use this development node (chain 31337) and leave it running.")
def cli(path: Path | None, node: str | None) -> None:
    """Tell the story."""
    console = Console(highlight=False)
    try:
        # Read everything first: a wrong line stops the story before anything is sent.
        recording = Recording.load(path)
        if node is not None:
            Story(node, manifest_path(31337), recording, console).tell()
            console.print(f"The node goes on; the addresses are in {manifest_path(31337)}")
            return
        with TemporaryDirectory() as folder, LocalNode(accounts=ACCOUNTS, start=recording.start) as own:
            Story(own.url, manifest_path(31337, folder), recording, console).tell()
    except (ReadingsError, ReportError, StoryError, ChainError, DeployError, ManifestError, NoNode) as error:
        raise click.ClickException(str(error)) from None
