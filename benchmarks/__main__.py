"""`python -m benchmarks`: measure, and write `RESULTS.md`."""

import argparse
import secrets
import time
from pathlib import Path
from typing import Any

from benchmarks import (
    chart,
    environments,
    report,
    results,
    scale,
)
from benchmarks.cases import CASES, Case
from benchmarks.environments import NotInstalled
from benchmarks.measure import Failed
from benchmarks.results import Outcome
from benchmarks.runner import Lab, machine, revision
from benchmarks.subjects import CONTENDERS

PACKAGES = (
    "dlt",
    "duckdb",
    "httpx",
    "singer-sdk",
    "target-duckdb",
    "airbyte-cdk",
    "airbyte",
    "pyarrow",
)
QUICK = 50  # what --quick divides every size by


def main() -> None:
    """Play the chosen cases, keep each as it is done, and render what there is."""
    given = _arguments()
    folder: Path = given.results
    if not given.render:
        about = _about(given, folder)
        done = results.kept(folder).outcomes
        for case in _chosen(given):
            if not (given.resume and case.name in done and done[case.name].run == about["run"]):
                results.keep(_play(case, given, about["run"]), about, folder)
                _render(folder)
    _render(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--case", action="append", choices=list(CASES), help="only this case; may be repeated")
    add("--peers", help="only these contenders, with commas: " + ", ".join(CONTENDERS))
    add("--rounds", type=int, help="so many rounds of every case")
    add("--long", action="store_true", help="the cases of 10 M rows as well")
    add("--quick", action="store_true", help=f"try it: one round, every size divided by {QUICK}")
    add("--resume", action="store_true", help="go on with the run before, leave out what it did")
    add("--render", action="store_true", help="measure nothing, write RESULTS.md anew")
    add("--results", type=Path, default=results.FOLDER, help="where the figures are kept")
    given = parser.parse_args()
    if wrong := sorted(set(_names(given)) - CONTENDERS.keys()):
        unknown, known = ", ".join(map(repr, wrong)), ", ".join(CONTENDERS)
        raise SystemExit(f"--peers: no contender {unknown}; there are {known}")
    return given


def _names(given: argparse.Namespace) -> list[str]:
    """The contenders that are to be measured."""
    if given.peers is None:
        return list(CONTENDERS)
    return [name.strip() for name in given.peers.split(",")]


def _chosen(given: argparse.Namespace) -> list[Case]:
    """The cases to play: those named, or all but the long ones."""
    if given.case:
        return [CASES[name] for name in given.case]
    return [case for case in CASES.values() if given.long or not case.long]


def _about(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The run: the one before, or a new one."""
    before = results.kept(folder).about
    if given.resume and before:
        return before
    made = {"run": time.strftime("%Y%m%d-%H%M-", time.gmtime()) + secrets.token_hex(2)}
    return {**made, **machine(), "scale": QUICK if given.quick else 1, "versions": _versions(given)}


def _versions(given: argparse.Namespace) -> dict[str, str]:
    """Environment → the versions that count; makes the environments."""
    found: dict[str, str] = {}
    for one in (CONTENDERS[name] for name in _names(given)):
        try:
            packages: dict[str, str] = {}
            for env in (one.env, *one.needs):
                packages |= environments.versions(env)
            found[one.env] = ", ".join(f"{p} {packages[p]}" for p in PACKAGES if p in packages)
        except NotInstalled as error:
            found[one.env] = f"not installed: {error}"
    return found


def _play(case: Case, given: argparse.Namespace, run: str) -> Outcome:
    """One case. Whatever it cannot do, it says, and the others go on."""
    print(f"{case.name}: {case.title}", flush=True)
    lab = Lab(
        Outcome(case.name, run, revision=revision()),
        rounds=given.rounds or (1 if given.quick else None),
        peers=frozenset(_names(given)) if given.peers is not None else None,
        scale=QUICK if given.quick else 1,
    )
    began = time.monotonic()
    try:
        case.play(lab)
    except (Failed, NotInstalled, OSError) as error:
        lab.skip("the rest of this case", str(error))
    lab.outcome.seconds = round(time.monotonic() - began, 1)
    for who, why in lab.outcome.skipped.items():
        print(f"  not run: {who}: {why}", flush=True)
    return lab.outcome


def _render(folder: Path) -> None:
    """Write the page, the chart and the figures in docs/scale.md."""
    measured = results.kept(folder)
    page = folder.parent if folder == results.FOLDER else folder
    try:
        drawn = chart.draw(measured, page)
    except NotInstalled as error:
        print(f"no chart: {error}")
        drawn = None
    (page / "RESULTS.md").write_text(report.markdown(measured, chart=drawn is not None))
    if folder == results.FOLDER:
        scale.FILE.write_text(scale.filled(scale.FILE.read_text(), measured))


if __name__ == "__main__":
    main()
