"""The rules of the contracts as pure functions: for quotes, for gateways, and to check what a chain says."""
