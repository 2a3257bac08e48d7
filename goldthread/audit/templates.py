"""Rebuilds the state of Templates from its events: which rules stand under which name and version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from goldthread.audit.base import FoldError, View
from goldthread.chain.logs import Event
from goldthread.rules.templates import rules_hash, template_id


@dataclass
class State:
    """Everything that the contract stores, by its keys."""

    rules: dict[tuple[int, str], list[bytes]] = field(default_factory=dict)
    """By organisation and name: the hash of the rules of each version, in order."""


def rebuild(events: Iterable[Event]) -> State:
    """The state that these events of Templates, in their order, add up to; raises `FoldError`."""
    state = State()
    for event in events:
        fold(state, event)
    return state


def fold(state: State, event: Event) -> None:
    """Bring the state up to date with one more event of Templates; raises `FoldError`."""
    if event.name != "TemplateRegistered":
        raise FoldError(event, "nothing is known about this event")
    org, name, version = event["org"], event["name"], event["version"]
    versions = state.rules.setdefault((org, name), [])
    if version != len(versions) + 1:
        raise FoldError(event, f"version {version} follows {len(versions)}")
    if event["templateId"] != template_id(org, name, version):
        raise FoldError(event, "the id is not that of organisation, name and version")
    versions.append(rules_hash(list(event["rules"])))


def views(state: State) -> Iterator[View]:
    """What every view of the contract must return."""
    for (org, name), versions in state.rules.items():
        subject = f"template {name} of organisation {org}"
        yield View(subject, "newest", (org, name), len(versions))
        for version, expected in enumerate(versions, 1):
            identifier = template_id(org, name, version)
            yield View(f"{subject}, version {version}", "templateIdOf", (org, name, version), identifier)
            yield View(f"{subject}, version {version}", "rulesHash", (identifier,), expected)
