"""Postgres as a destination: sessions, bulk copy, merge, locks and privileges."""
