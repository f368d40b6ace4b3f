"""Verification on demand: published against loaded, warehouse against account."""
