"""Damage found and repaired: dlt's files, dropped tables, cursors."""
