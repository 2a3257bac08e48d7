"""Documents behind the records on chain: canonical, committed to field by field, sealed, kept."""
