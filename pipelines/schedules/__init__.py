"""Files that start a run every night, for this installation."""
