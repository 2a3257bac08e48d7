"""The story of a part, a pallet and a driver, told on a real node.

    make demo
    make demo INPUT=trip.csv        replays temperatures (time, value in degrees Celsius) or speeds (seconds, m/s)

Suppliers register parts, a maker packs them on a pallet, and the pallet passes from company to company while a
logger signs what it measures. A driver is charged for what the car recorded. What must not happen is tried as
well, and refused. In the end everything is rebuilt from the logs and compared with the contracts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from _story import Recording, Story, StoryError

from goldthread.chain.errors import ChainError
from goldthread.chain.node import LocalNode, NoNode
from goldthread.rules.readings import ReadingsError


@click.command(help=__doc__)
@click.option(
    "--input",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of temperatures (time, value) or of speeds (seconds, m/s; the title says m/s or speed).",
)
@click.option("--node", metavar="URL", help="Use this development node (chain 31337) and leave it running.")
@click.option("--deployments", type=click.Path(path_type=Path), default=Path("deployments"), show_default=True)
def cli(path: Path | None, node: str | None, deployments: Path) -> None:
    console = Console(highlight=False)
    try:
        # Read everything first: a wrong line stops the story before anything is sent.
        recording = Recording.load(path)
        if node is not None:
            Story(node, deployments, recording, console).tell()
        else:
            with LocalNode(accounts=24) as own:
                Story(own.url, deployments, recording, console).tell()
    except (ReadingsError, StoryError, ChainError, NoNode) as error:
        raise click.ClickException(str(error)) from None
