"""Schedulers' files that start a nightly run of this installation."""
