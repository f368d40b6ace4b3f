"""Reconciliation: the account against the warehouse, by counts and id ranges."""
