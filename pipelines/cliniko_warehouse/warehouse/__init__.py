"""Destinations: DuckDB by default, Postgres, or any other that dlt knows."""
