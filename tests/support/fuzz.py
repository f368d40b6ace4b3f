"""`python tests/fuzz.py SECONDS [CORPUS]`: answers made up by atheris, led by what they reach.

It needs atheris (`pip install atheris`). The corpus begins with pages of the sandbox.
"""

import contextlib
import logging
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found]  # of an environment of its own

with atheris.instrument_imports(include=["cliniko"]):
    from hostile import NAMES, PROFILES, swallow

from cliniko_warehouse.sandbox import Account

logging.getLogger("cliniko").setLevel(logging.CRITICAL)


def sown(folder: Path) -> None:
    """A first corpus: a record of each list, as the sandbox serves it."""
    import orjson

    folder.mkdir(parents=True, exist_ok=True)
    account = Account(rows=60)
    for place, name in enumerate(NAMES):
        with contextlib.suppress(KeyError):
            records = list(account.rows(name))[:1]
            body = orjson.dumps({name: records, "total_entries": 1, "links": {}})
            (folder / f"seed-{name}").write_bytes(bytes([place, 0]) + body)


def once(data: bytes) -> None:
    """One answer: the first two bytes choose list and profile."""
    if len(data) > 2:
        swallow(data[2:], NAMES[data[0] % len(NAMES)], PROFILES[data[1] % len(PROFILES)])


def main() -> None:
    """Search until the time is over, or something breaks."""
    seconds, folder = sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "corpus")
    sown(folder)
    limits = [f"-max_total_time={seconds}", "-max_len=16384", "-rss_limit_mb=2048", "-timeout=30"]
    atheris.Setup([sys.argv[0], str(folder), *limits], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
