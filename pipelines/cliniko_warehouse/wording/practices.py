"""What practices are called: the account's name in Cliniko's settings."""

import json
from collections.abc import Callable
from typing import Any

Ask = Callable[[str], list[dict[str, Any]]]

TABLES = ("settings_public", "settings")
HELD = """
SELECT table_name AS name FROM information_schema.columns
WHERE table_schema = 'cliniko' AND table_name IN ('settings_public', 'settings')
  AND column_name = 'account'"""


def practices(ask: Ask) -> dict[str, str]:
    """Account → the name of the practice, as far as the warehouse has it."""
    held = {row["name"] for row in ask(HELD)}
    found: dict[str, str] = {}
    for table in (name for name in TABLES if name in held):
        for row in ask(f"SELECT _account AS key, account FROM cliniko.{table}"):
            if name := _name(row["account"]):
                found.setdefault(row["key"], name)
    return found


def _name(account: object) -> str:
    """The name in the settings of an account; empty where a privacy profile leaves it out."""
    try:
        settings = json.loads(account) if isinstance(account, str) else account
    except ValueError:
        return ""
    name = settings.get("name") if isinstance(settings, dict) else None
    return name.strip() if isinstance(name, str) else ""
