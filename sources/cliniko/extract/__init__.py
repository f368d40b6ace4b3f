"""Incremental extraction of an endpoint: state, progress, load packages."""
