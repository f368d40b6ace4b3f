"""Runs: one account, a night of several, the demo, and how they are stopped."""
