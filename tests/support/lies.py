"""The ways in which a server lies for good: answers that look right and are wrong."""

from typing import Any

LIES: dict[str, dict[str, Any]] = {
    "ignores sort": {"ignores_sort": True},
    "shuffles": {"shuffled": True},
    "ignores ids": {"ignored": ("id",)},
    "ignores changes": {"ignored": ("updated_at",)},
    "ignores creation": {"ignored": ("created_at",)},
    "ignores page": {"ignores_page": True},
    "repeats pages": {"repeats": True},
    "links for ever": {"endless": True},
    "counts too many": {"total": 5},
    "counts too few": {"total": -5},
    "counts millions": {"raw_total": "99999999"},
    "counts nothing": {"raw_total": "null"},
    "counts in text": {"raw_total": '"12"'},
    "shuffles and links for ever": {"shuffled": True, "endless": True},
    "shuffles and counts too few": {"shuffled": True, "total": -5},
    "shuffles and counts too many": {"shuffled": True, "total": 5},
    "shuffles and counts nothing": {"shuffled": True, "raw_total": "null"},
    "shuffles and ignores ids": {"shuffled": True, "ignored": ("id",)},
    "ignores sort and ids and page": {
        "ignores_sort": True, "ignored": ("id",), "ignores_page": True,
    },
    "shuffles and ignores changes": {"shuffled": True, "ignored": ("updated_at",)},
}  # fmt: skip
"""What is wrong → the arguments of `sandbox.lie`."""
