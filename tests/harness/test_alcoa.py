"""The tests that docs/alcoa.md names are there."""

from __future__ import annotations

import ast
import re

from goldthread.build import ROOT

NAMED = re.compile(r"(\w+/test_\w+)\.py::(test_\w+)")


def test_every_test_that_is_named_is_there() -> None:
    named = set(NAMED.findall((ROOT / "docs" / "alcoa.md").read_text()))
    assert len(named) > 20
    for file, name in named:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (file, name)


def test_every_letter_has_one() -> None:
    rows = [line for line in (ROOT / "docs" / "alcoa.md").read_text().splitlines() if line.startswith("| **")]
    assert "".join(row[4] for row in rows) == "ALCOACCEA"
    assert all(NAMED.search(row) for row in rows)
