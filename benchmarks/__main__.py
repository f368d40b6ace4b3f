"""`python -m benchmarks`: a first load of one big list, and a night without changes."""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Cost, cost, environment, sandbox, sync

LIST = "individual_appointments"
FLOOR = Path(__file__).with_name("floor.py")


def main() -> None:
    """Measure, and print a line for each case: the median of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    first_load(given.rounds, given.rows)
    quiet_night(given.rounds)


def first_load(rounds: int, rows: int) -> None:
    """One list of many rows into an empty DuckDB file, and the floor; no limit, no latency."""
    costs, floors = [], []
    with sandbox(rows=2_000, only={LIST: rows}) as (url, _):
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                env = environment(url, requests_per_minute=1_000_000)
                costs.append(sync(Path(folder), env, LIST))
                assert json.loads(costs[-1].said)["rows"] >= rows
                command = [sys.executable, str(FLOOR), url, LIST, "floor.duckdb"]
                floors.append(cost(command, Path(folder), env))
                assert int(floors[-1].said) == rows
    _line(f"floor, {rows:,} {LIST}", floors, rows)
    ratio = statistics.median(
        ours.wall / least.wall for ours, least in zip(costs, floors, strict=True)
    )
    print(f"ratio to the floor: {ratio:.1f}")
    _line(f"first load, {rows:,} {LIST}", costs, rows)


def quiet_night(rounds: int) -> None:
    """Every list again with nothing changed: 200 requests a minute, 100 ms latency."""
    costs = []
    with tempfile.TemporaryDirectory() as folder, sandbox(rows=10_000, latency=100) as (url, _):
        sync(Path(folder), environment(url, requests_per_minute=1_000_000))
        for _ in range(rounds):
            costs.append(sync(Path(folder), environment(url)))
    _line("a night without changes, all lists", costs, 0)


def _line(case: str, costs: list[Cost], rows: int) -> None:
    wall = statistics.median(cost.wall for cost in costs)
    speed = f", {rows / wall:,.0f} rows/s" if rows else ""
    print(
        f"{case}: wall {wall:.1f} s{speed}, CPU "
        f"{statistics.median(cost.cpu for cost in costs):.1f} s, peak "
        f"{max(cost.peak for cost in costs):.0f} MB ({len(costs)} rounds)"
    )


if __name__ == "__main__":
    main()
