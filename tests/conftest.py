"""Fixtures and profiles for all tests; tests/support/README.md says how to use them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support import AnvilNode, Counters, GasBook, Node, nodes
from tests.support.counters import UnseenError

settings.register_profile("quick", deadline=None, max_examples=20, stateful_step_count=15)
settings.register_profile("ci", deadline=None, max_examples=100, stateful_step_count=30, derandomize=True)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=3000,
    stateful_step_count=50,
    print_blob=True,
    phases=[phase for phase in Phase if phase is not Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")

ROUNDS = 5
"""How often a test looks for what it has to have seen."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--evm anvil` runs the same tests on a real node."""
    parser.addoption(
        "--evm", choices=["revm", "anvil"], default="revm", help="the chain behind the node fixture"
    )
    parser.addoption("--gas-report", type=Path, help="write what the gas fixture recorded to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    """Tell tests.support which chain was chosen."""
    nodes.use(config.getoption("--evm"))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Examples are the same in every run of the same code, and others after any change of it: what did not
    happen in them is looked for in others, and counted together.
    """
    try:
        return (yield)
    except UnseenError as unseen:
        missed = unseen
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    usual = settings()
    settings.register_profile("other examples", usual, derandomize=False, database=None)
    settings.load_profile("other examples")
    try:
        for _ in range(ROUNDS - 1):
            try:
                pyfuncitem.obj(**arguments)
            except UnseenError as unseen:
                missed = unseen
            else:
                return True
    finally:
        settings.register_profile("usual", usual)
        settings.load_profile("usual")
    raise missed


@pytest.fixture
def node() -> Node:
    """A fresh chain."""
    return nodes.fresh()


@pytest.fixture
def anvil() -> Iterator[AnvilNode]:
    """A real node with osaka rules, whatever --evm says: for gas, the P-256 precompile and
    reorganisations.
    """
    yield nodes.shared_anvil()


@pytest.fixture(scope="session")
def gas(pytestconfig: pytest.Config) -> Iterator[GasBook]:
    """Where what transactions cost is written down and held to a ceiling; measure on `anvil`."""
    book = GasBook()
    yield book
    report: Path | None = pytestconfig.getoption("--gas-report")
    if report is not None:
        report.write_text(json.dumps([asdict(measured) for measured in book.measurements]))


@pytest.fixture
def counters() -> Counters:
    """How often each action of a stateful test succeeded."""
    return Counters()
