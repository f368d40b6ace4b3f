"""The figures of definitions.md as questions: a name, a period, a split, filters."""
