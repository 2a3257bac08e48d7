"""Goldthread: the golden thread of a manufactured thing, one tamper-evident record on any EVM chain."""
