"""Worker processes: each reads accounts, and one process alone writes what all of them read."""
