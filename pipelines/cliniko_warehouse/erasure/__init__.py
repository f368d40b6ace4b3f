"""Erasure of patients, and rows brought in line with a changed privacy profile."""
