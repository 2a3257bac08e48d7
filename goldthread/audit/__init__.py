"""For auditors: rebuild what the contracts store from their logs alone, and compare."""
