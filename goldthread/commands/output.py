"""How commands write: results to standard output, progress and errors to standard error.

Text from a chain can hold anything, terminal control sequences included, so it is cleaned before it is shown.
Colours are left out where NO_COLOR is set or where nobody looks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click

FOUND = 1
"""Exit code where a command has found something wrong: a difference, a bad signature, an incomplete
history.
"""

FAILED = 2
"""Exit code where a command could not do its work: wrong usage, unreadable input, no node."""


class Failure(click.ClickException):
    """An error of one line."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        """One line on standard error, whatever the message holds."""
        click.echo(f"goldthread: {clean(self.message)}", err=True)


class Group(click.Group):
    """A group whose commands' expected errors become one line, and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            # What this package raises on purpose says what is wrong; anything else is a mistake of ours.
            if type(error).__module__.startswith("goldthread."):
                raise Failure(str(error)) from None
            raise


def print_json(data: Any) -> None:
    """A result for programs."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A table for people."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title) or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    for row in rows:
        table.add_row(*(escape(clean(str(cell))) for cell in row))
    # A file or a pipe has no width; lines must not be cut there.
    width = None if sys.stdout.isatty() else 400
    Console(file=click.get_text_stream("stdout"), width=width, highlight=False).print(table)


def print_fields(fields: Sequence[tuple[str, object]]) -> None:
    """Names and values, one pair in a line."""
    longest = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{name.ljust(longest)}  {clean(str(value))}".rstrip())


@contextmanager
def progress(quiet: bool = False) -> Iterator[Any]:
    """A progress display on standard error, where somebody looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as display:
        yield display


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; one line of error for anything else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise Failure(f"{path}: is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise Failure(f"{path}: must hold a JSON object")
    return data


def write_json(out: Path | None, document: dict[str, Any]) -> None:
    """A document into a file, replaced in one step, or to standard output."""
    from goldthread.chain.manifest import write_atomically

    text = json.dumps(document, indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_atomically(out, text)


def clean(text: str) -> str:
    """The text with everything that is no printable character spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def moment(seconds: int, offset: int = 0) -> str:
    """A second in ISO 8601, in UTC or at an offset in minutes."""
    zone = timezone(timedelta(minutes=offset)) if offset else UTC
    try:
        return datetime.fromtimestamp(seconds, zone).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"
