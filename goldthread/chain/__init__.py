"""Everything that talks to a chain, or prepares what a contract will read."""
