"""The command line: data on stdout, narration on stderr, an exit code that tells."""

from pipelines.cli.program import app, main

__all__ = ["app", "main"]
