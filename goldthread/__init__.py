"""Goldthread: the golden thread of a manufactured thing, one tamper-evident record on any EVM chain."""

from importlib.metadata import version

__version__ = version("goldthread")
