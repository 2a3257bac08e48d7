"""Fixtures for tests of contracts."""

from __future__ import annotations

import pytest

from tests.models.licence_shadow import LicenceShadow
from tests.support import Node
from tests.support.coldchain import ColdChain
from tests.support.licensing import Licensing
from tests.support.world import World


@pytest.fixture
def world(node: Node) -> World:
    """Nine organisations on a fresh chain, nothing registered yet."""
    return World.create(node)


@pytest.fixture
def cold(node: Node) -> ColdChain:
    """The same organisations, a logger on a pallet, and the contracts that judge its readings."""
    return ColdChain.create(node)


@pytest.fixture
def licensing(node: Node) -> Licensing:
    """The maker licenses a design to the supplier; contract and model are compared."""
    return Licensing(LicenceShadow(node))
