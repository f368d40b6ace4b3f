"""The command line: data on stdout, narration on stderr, an exit code that tells."""

from cliniko_warehouse.cli.app import app, main

__all__ = ["app", "main"]
