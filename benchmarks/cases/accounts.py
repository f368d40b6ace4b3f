"""A whole account: its first load, and its nights on top of many rows."""

import json
import math
from pathlib import Path

from benchmarks import environments
from benchmarks.cases.lists import CHANGES, LIST, Play
from benchmarks.measure import Failed, clean
from benchmarks.runner import Lab
from benchmarks.serving import serving
from benchmarks.subjects import UNLIMITED, environment

BUDGET = 200  # requests a minute, as Cliniko has it
ROWS = 10_000  # of the lists around a long one
PROBE = """
import atexit, json, sys
from pathlib import Path
atexit.register(lambda: Path("modules.json").write_text(json.dumps(list(sys.modules))))
from cliniko_warehouse.cli import main
sys.argv = ["cliniko", "sync", "--json"]
main()
"""  # a night that notes which modules it has imported at its end, in their order
IMPORTS = """
import importlib, json
from contextlib import suppress
from pathlib import Path
from cliniko_warehouse.cli.app import collect_rarely
collect_rarely()
for name in json.loads(Path("modules.json").read_text()):
    with suppress(Exception):
        importlib.import_module(name)
"""


def sync(env: str = "ours") -> list[str]:
    """The command that copies a whole account, in one of our environments."""
    return [str(environments.python(env).with_name("cliniko")), "sync", "--json"]


def least(counts: dict[str, int]) -> int:
    """The requests that no client can do without: a page for each 100 rows of each list."""
    return sum(max(1, math.ceil(rows / 100)) for rows in counts.values())


def first_load(rows: int, rounds: int) -> Play:
    """A case: every list of an account, into nothing."""

    def play(lab: Lab) -> None:
        with serving(rows=lab.size(rows)) as server:
            counts = server.tell("count")
            env = environment(server.url, requests_per_minute=UNLIMITED)
            for _ in lab.times(rounds):
                with lab.place() as place:
                    sample, said = lab.measure("ours", "load", sync(), place, env, server)
                    file = place / "state" / "warehouse.duckdb"
                    lab.note(
                        sample,
                        rows=_loaded(said, counts),
                        least=least(counts),
                        file_mb=round(file.stat().st_size / 1e6, 1),
                    )

    return play


def _loaded(said: str, counts: dict[str, int]) -> int:
    """Rows that were read. Raises Failed if a list lacks some."""
    run = json.loads(said)
    short = [n for n, rows in counts.items() if run["endpoints"].get(n, {}).get("rows", 0) < rows]
    if run["status"] != "ok" or short:
        raise Failed(f"the run is {run['status']}, short of {short}")
    return sum(counts.values())


def nights(rows: int, rounds: int) -> Play:
    """A case: quiet nights and nights with changes, with so many rows of one list in place."""

    def play(lab: Lab) -> None:
        with serving(rows=ROWS, name=LIST, size=lab.size(rows)) as server, lab.place() as place:
            env = environment(server.url, requests_per_minute=UNLIMITED)
            sample, said = lab.measure("ours", "load", sync(), place, env, server)
            lab.note(sample, rows=_loaded(said, server.tell("count")))
            python = str(environments.python("ours"))
            lab.measure("ours", "probe", [python, "-c", PROBE], place, env, server)
            server.tell("latency", ms=100)
            server.tell("limit", most=BUDGET)
            env = environment(server.url, requests_per_minute=BUDGET)
            for _ in lab.times(rounds):
                imports = [python, "-c", IMPORTS]
                lab.note(lab.measure("ours", "imports", imports, place, clean())[0])
                sample, _ = lab.measure("ours", "quiet", sync(), place, env, server)
                lab.note(sample, file_mb=_size(place))
            for _ in lab.times(rounds):
                server.tell("change", count=CHANGES, everywhere=True)
                sample, said = lab.measure("ours", "night", sync(), place, env, server)
                if json.loads(said)["rows"] < CHANGES:
                    raise Failed(f"only {json.loads(said)['rows']} rows read")
                lab.note(sample, rows=CHANGES, file_mb=_size(place))

    return play


def _size(place: Path) -> float:
    return round((place / "state" / "warehouse.duckdb").stat().st_size / 1e6, 1)
