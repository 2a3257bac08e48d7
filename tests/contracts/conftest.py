"""Fixtures for tests of contracts."""

from __future__ import annotations

import pytest

from tests.support import Node
from tests.support.world import World


@pytest.fixture
def world(node: Node) -> World:
    """Nine organisations on a fresh chain, nothing registered yet."""
    return World.create(node)
