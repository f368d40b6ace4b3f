"""A Cliniko account that runs on your machine: for the demo, tests and benchmarks."""

from sandbox.account import Account
from sandbox.faults import (
    Fault,
    bad_json,
    empty,
    hang,
    html,
    huge,
    next_link,
    redirect,
    refused_filter,
    refused_sort,
    reset,
    status,
    throttled,
    truncated,
    unsorted,
    wrong_total,
)
from sandbox.server import Served, run, serve, serve_all

__all__ = [
    "Account",
    "Fault",
    "Served",
    "bad_json",
    "empty",
    "hang",
    "html",
    "huge",
    "next_link",
    "redirect",
    "refused_filter",
    "refused_sort",
    "reset",
    "run",
    "serve",
    "serve_all",
    "status",
    "throttled",
    "truncated",
    "unsorted",
    "wrong_total",
]
