"""Extracted rows into the warehouse: checkpoints, spooling, multi-account batches."""
