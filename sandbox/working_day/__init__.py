"""A working day at the clinic: what comes, what changes and what goes."""
