"""Rules under a name and a version: what the standards ask of a cold chain, ready to be put into a policy.

Each template is a JSON file of this folder. Each rule names its source. Values are in the unit that people
use, durations in days, hours, minutes or seconds (`30 d`, `10 h`, `600 min`, `45 s`). A reading at a limit is
beyond it; where a standard allows the limit itself, the template has the next hundredth.

A file never changes once it is registered on chain (contract Templates): a change is a new version, in a file
of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from goldthread.hashing import keccak
from goldthread.rules.conditions import MAX_RULES, Kind, Rule
from goldthread.rules.readings import quantity
from goldthread.rules.summaries import Limit

FOLDER = Path(__file__).parent
MAX_NAME = 64
"""Most bytes of a name."""

SEVERITIES = {"minor": 1, "major": 2, "critical": 3}
SECONDS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}

_FIELDS = {"kind", "quantity", "side", "limit", "upper", "window", "duration", "times", "severity", "source"}


class TemplateError(ValueError):
    """A template that cannot be used. The message names the file, the rule and the reason."""


@dataclass(frozen=True)
class Template:
    """A named, versioned list of rules. `sources` says for each where its numbers are from."""

    name: str
    version: int
    title: str
    source: str
    rules: tuple[Rule, ...]
    sources: tuple[str, ...]

    @property
    def words(self) -> list[int]:
        """The rules as the contracts take them."""
        return [rule.pack() for rule in self.rules]

    @property
    def rules_hash(self) -> bytes:
        """What the contract Templates keeps of it."""
        return rules_hash(self.words)

    def id(self, org: int) -> bytes:
        """Its id on chain, if this organisation registered it."""
        return template_id(org, self.name, self.version)


def rules_hash(words: list[int]) -> bytes:
    """Hash of the packed rules of a template or of a policy."""
    return keccak(b"".join(word.to_bytes(32, "big") for word in words))


def template_id(org: int, name: str, version: int) -> bytes:
    """The id of a template in the contract Templates: keccak256(abi.encode(org, name, version))."""
    text = name.encode()
    head = (org, 96, version, len(text))
    return keccak(b"".join(word.to_bytes(32, "big") for word in head) + text + bytes(-len(text) % 32))


@cache
def templates() -> Mapping[str, Template]:
    """The templates of this package by name, each in its newest version."""
    found: dict[str, Template] = {}
    for path in sorted(FOLDER.glob("*.json")):
        template = read(path)
        if template.version > (found[template.name].version if template.name in found else 0):
            found[template.name] = template
    return found


def followed_by(words: list[int]) -> Template | None:
    """The template of this package that has these rules."""
    return next((one for one in templates().values() if one.words == words), None)


def read(path: Path) -> Template:
    """A template from a file; `TemplateError` if it is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise TemplateError(f"{path}: is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise TemplateError(f"{path}: must be an object with name, version, title, source and rules")
    name, version, rows = data.get("name"), data.get("version"), data.get("rules")
    if not isinstance(name, str) or not 1 <= len(name.encode()) <= MAX_NAME:
        raise TemplateError(f"{path}: name {name!r}: must have 1 to {MAX_NAME} bytes")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise TemplateError(f"{path}: version {version!r}: must be a whole number from 1")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_RULES:
        raise TemplateError(f"{path}: rules: must be a list of 1 to {MAX_RULES}")
    rules = []
    for place, row in enumerate(rows):
        try:
            rules.append(_rule(row))
        except (ValueError, KeyError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else error
            raise TemplateError(f"{path}: rule {place}: {reason}") from None
    title, source = str(data.get("title", name)), str(data.get("source", ""))
    return Template(name, version, title, source, tuple(rules), tuple(str(row["source"]) for row in rows))


def _rule(row: Any) -> Rule:
    if not isinstance(row, dict):
        raise ValueError("must be an object")
    if unknown := sorted(set(row) - _FIELDS):
        raise ValueError(f"{', '.join(unknown)}: is none of {', '.join(sorted(_FIELDS))}")
    if not row["source"]:
        raise ValueError("source: must say where the numbers are from")
    kind = Kind[_one_of("kind", row["kind"], Kind.__members__)]
    of = quantity(str(row["quantity"]))
    high = _one_of("side", row.get("side", "low"), ("low", "high")) == "high"
    upper = of.whole(str(row["upper"])) if "upper" in row else int(row.get("window") is True)
    counted = row.get("times", 0) if kind is Kind.COUNT else _seconds(row.get("duration", "0 s"))
    severity = SEVERITIES[_one_of("severity", row["severity"], SEVERITIES)]
    rule = Rule(kind, of.number, Limit(high, of.whole(str(row.get("limit", "0")))), counted, severity, upper)
    rule.pack()
    return rule


def _one_of(field: str, value: Any, names: Any) -> str:
    if value not in names:
        raise ValueError(f"{field} {value!r}: must be one of {', '.join(names)}")
    return str(value)


def _seconds(text: Any) -> int:
    found = re.fullmatch(r"([0-9]+) (d|h|min|s)", str(text))
    if found is None:
        raise ValueError(f"duration {text!r}: must be a number and d, h, min or s")
    return int(found[1]) * SECONDS[found[2]]
