"""ape runs on a node with the rules of osaka and its gas cap, which ape-foundry cannot ask Anvil for."""

from __future__ import annotations

import os

from tests.support import AnvilNode

# ape reads this when it connects, which is after conftest files are loaded.
if "APE_FOUNDRY_HOST" not in os.environ:
    os.environ["APE_FOUNDRY_HOST"] = AnvilNode().url
