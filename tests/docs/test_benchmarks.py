"""The harness measures what it says, and its pages follow from the figures alone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks import (
    environments,
    goals,
    report,
    scale,
)
from benchmarks.__main__ import main
from benchmarks.cases import CASES, budget
from benchmarks.environments import ROOT
from benchmarks.measure import Failed, clean, cost
from benchmarks.results import FOLDER, Outcome, Results, Sample, keep, kept
from benchmarks.runner import Lab
from benchmarks.schema import columns
from benchmarks.serving import Use, serving
from benchmarks.subjects import CONTENDERS

LIST = "individual_appointments"
HIDDEN = ["archived_at:*", "cancelled_at:*", "deleted_at:*"]


@pytest.fixture
def results() -> Results:
    """A run in which we took 3 s for a million rows, and the floor 2 s."""
    about = dict.fromkeys(("cpu", "memory", "system", "date", "revision", "python"), "some")
    samples = [
        Sample("floor", "load", 2.0, 1.0, 300.0, 10_000),
        Sample("ours", "load", 3.0, 1.4, 350.0, 10_003, more={"refused": 0.0}),
        Sample("ours", "load", 9.0, 9.0, 350.0, 10_003, more={"refused": 0.0}),
        Sample("ours", "load", 1.0, 0.4, 350.0, 10_003, more={"refused": 0.0}),
    ]
    outcome = Outcome("load_1m", "r1", 5.0, samples, {"singer": "no such package"})
    return Results(about | {"run": "r1"}, {"load_1m": outcome})


@pytest.fixture
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contenders run in this very environment; theirs cost minutes to make."""
    monkeypatch.setattr(environments, "python", lambda name: Path(sys.executable))
    monkeypatch.setattr("benchmarks.subjects.environments.python", lambda _: Path(sys.executable))


def test_a_command_is_measured_with_its_children(tmp_path: Path) -> None:
    busy = (
        "x = bytearray(60_000_000); import time; end = time.process_time() + 0.3\n"
        "while time.process_time() < end: pass"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]); print(1)"

    used = cost([sys.executable, "-c", parent], tmp_path, clean())

    assert used.said == "1\n"
    assert used.cpu >= 0.3
    assert used.wall >= 0.3
    assert used.peak >= 60


def test_pages_that_processes_share_count_once(tmp_path: Path) -> None:
    forked = (
        "import os, time\nx = os.urandom(100_000_000)\n"
        "for _ in range(3):\n    if not os.fork():\n        break\n"
        "time.sleep(1.5)"
    )

    used = cost([sys.executable, "-c", forked], tmp_path, clean())

    assert 100 < used.peak < 200


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('there is no such thing')"]

    with pytest.raises(Failed, match="exit code 1: there is no such thing"):
        cost(command, tmp_path, clean())


def test_nobody_is_measured_with_what_slows_python_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", "of-somebody")

    assert {"PYTHONDONTWRITEBYTECODE", "SOURCES__CLINIKO__API_KEY"}.isdisjoint(clean())


def test_a_contender_that_does_not_exist_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--peers", "floor, nobody", "--render"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert str(ended.value) == (
        f"--peers: no contender 'nobody'; there are {', '.join(CONTENDERS)}"
    )


def test_the_long_list_pages_like_the_api() -> None:
    with serving(name=LIST, size=250) as server:
        asked: dict[str, str | list[str]] = {
            "per_page": "100",
            "sort": "updated_at:asc",
            "q[]": HIDDEN,
        }
        pages = [_page(server.url, asked | {"page": str(number)}) for number in (1, 2, 3)]
        rows = [row for page in pages for row in page[LIST]]
        since = rows[200]["updated_at"]
        later = _page(server.url, asked | {"q[]": [*HIDDEN, f"updated_at:>={since}"]})
        last = _page(server.url, asked | {"sort": "updated_at:desc", "page": "3"})
        undated = _page(server.url, asked | {"q[]": [*HIDDEN, "created_at:!?"]})
        server.tell("change", count=10)
        again = [_page(server.url, asked | {"page": str(number)}) for number in (1, 2, 3)]
        same = _page(server.url, asked | {"sort": "id:asc", "page": "1"})

    assert [len(page[LIST]) for page in pages] == [100, 100, 50]
    assert ["next" in page["links"] for page in pages] == [True, True, False]
    assert len({row["id"] for row in rows}) == 250
    assert rows == sorted(rows, key=lambda row: row["updated_at"])
    assert [row["id"] for row in later[LIST]] == [row["id"] for row in rows[200:]]
    assert last[LIST] == rows[:50][::-1]
    assert undated[LIST] == []
    changed = [row for page in again for row in page[LIST]]
    assert {row["id"] for row in changed} == {row["id"] for row in rows}
    assert changed == sorted(changed, key=lambda row: row["updated_at"])
    assert len({row["updated_at"] for row in changed[-10:]}) == 1
    assert [row["id"] for row in same[LIST]] == [row["id"] for row in rows[:100]]


def _page(url: str, params: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/{LIST}", params=params).json()
    return found


def test_the_server_counts_and_refuses_for_each_key() -> None:
    with serving(rows=500, requests_per_minute=2) as server:
        first = server.url.replace("/v1", "/a1/v1")
        answers = [httpx.get(f"{first}/businesses") for _ in range(3)]
        other = httpx.get(f"{server.url}/businesses")
        used = server.used()

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "x-ratelimit-reset" in answers[2].headers
    assert other.status_code == 200
    assert answers[0].json()["links"]["self"].startswith(first)
    assert {key: one.requests for key, one in used.items()} == {"/a1": 3, "": 1}


def test_the_floor_s_columns_are_the_catalogue_s() -> None:
    found = {column["name"]: column for column in columns(LIST)}

    assert found["patient_id"]["path"] == ["patient", "links", "self"]
    assert found["starts_at"]["type"] == "TIMESTAMPTZ"
    assert not any(name.startswith("_") for name in found)


@pytest.mark.usefixtures("_here")
def test_a_case_is_played_from_server_to_page(tmp_path: Path) -> None:
    lab = Lab(Outcome("load_20k", "r2"), 1, frozenset({"floor", "ours"}), 100, tmp_path / "work")

    CASES["load_20k"].play(lab)
    keep(lab.outcome, {}, tmp_path)
    page = report.markdown(kept(tmp_path))

    assert lab.outcome.skipped == {}
    assert [(one.who, one.step) for one in lab.outcome.samples] == [
        (who, step) for who in ("floor", "ours") for step in ("load", "quiet", "night")
    ]
    assert lab.outcome.samples[0].requests == 2
    assert all(one.requests and one.cpu and one.peak > 20 for one in lab.outcome.samples)
    assert all(one.more["yardstick"] > 0 for one in lab.outcome.samples)
    assert "- The same fixed work took " in page
    assert page.count("| cliniko | ") == 4


def test_medians_and_ratios_are_those_of_the_samples(results: Results) -> None:
    page = report.markdown(results)

    assert "| load | cliniko | 3 | 1.50 | 1.00 | 1.40 | 1.40 | 350 | 10,003 | 0 | – |" in page
    assert "| load | floor | 2 | 1.00 | 0.67 | 1 | 1.00 | 300 | 10,000 | – | – |" in page
    assert "- Not run: Singer SDK tap, target-duckdb: no such package" in page


def test_ratios_are_of_rounds_and_drift_is_the_machine_s() -> None:
    """It slows down threefold: each round says 2 times."""
    rounds = [(1.0, 2.0, 0.1), (2.0, 4.0, 0.2), (6.0, 12.0, 0.3)]
    samples = [
        Sample(who, "load", wall, wall, 0.0, more={"yardstick": speed * slower})
        for floor, ours, speed in rounds
        for who, wall, slower in (("floor", floor, 1.0), ("ours", ours, 1.1))
    ]
    found = Results({}, {"load_1m": Outcome("load_1m", "r", samples=samples)})

    assert found.ratio("load_1m", "ours", "floor", "load", "wall") == 2.0
    assert goals.to_floor("load_1m", "wall")(found) == 2.0
    assert found.ratio("load_1m", "dlt", "floor", "load", "wall") is None
    page = report.markdown(found)
    assert "| load | floor | 2 | 1.00 | 0.50 | 2 | 1.00 | 0 | 0 | – | 0.95 |" in page
    assert "| load | cliniko | 4 | 2.00 | 1.00 | 4 | 2.00 | 0 | 0 | – | 1.05 |" in page
    assert "- The same fixed work took 100 to 330 ms between its commands." in page


def test_a_goal_is_met_or_not_by_its_figure(results: Results) -> None:
    verdicts = {goal.words: goal.verdict(results) for goal in goals.GOALS}

    assert verdicts["1 M rows of one list: wall, times the floor"].startswith("**not met**")
    assert verdicts["1 M rows of one list: CPU, times the floor"] == "met"
    assert verdicts["1 M rows of one list: memory"] == "met"
    assert verdicts["10 M rows of one list: memory"] == "not measured"


def test_what_a_step_takes_beyond_another_is_found_round_by_round() -> None:
    seconds = [(1.0, 1.5), (2.0, 3.0), (3.0, 3.7)]  # the machine slows down
    samples = [
        Sample("ours", step, 0.0, cpu, 0.0)
        for pair in seconds
        for step, cpu in zip(("imports", "quiet"), pair, strict=True)
    ]
    results = Results(outcomes={"nights": Outcome("nights", "run", samples=samples)})

    found = goals.beyond("nights", "quiet", "imports", "cpu")(results)

    assert found == pytest.approx(0.7)
    assert goals.beyond("nights", "night", "imports", "cpu")(results) is None


def test_every_goal_looks_at_a_case_that_there_is() -> None:
    asked: list[tuple[str, str, str, str]] = []

    class Asked(Results):
        def median(self, case: str, who: str, step: str, what: str) -> float:
            asked.append((case, who, step, what))
            return 1.0

        def samples(self, case: str, who: str, step: str) -> list[Sample]:
            asked.append((case, who, step, ""))
            return []

    for goal in goals.GOALS:
        goal.figure(Asked())

    assert {case for case, *_ in asked} <= CASES.keys()
    assert {who for _, who, *_ in asked} <= CONTENDERS.keys() | {"server"}


def test_figures_of_another_run_are_told_apart(results: Results) -> None:
    results.outcomes["start"] = Outcome("start", "r0")

    assert "Some cases are of other runs: r0" in report.markdown(results)


def test_the_use_of_a_budget_counts_whole_minutes() -> None:
    full = [n * 60.2 + k * 0.05 for n in range(2) for k in range(200)]
    sluggish = [float(n) for n in range(130)]

    assert budget.used(Use((*full, 121.0)))["in_them"] == 1.0
    assert budget.used(Use(tuple(sluggish)))["in_them"] == 0.3
    assert "in_them" not in budget.used(Use((0.0, 1.0)))


def test_scale_follows_from_the_figures(results: Results) -> None:
    night = Sample("ours", "night", 4.0, 2.0, 250.0, 100, 1_000_000)
    results.outcomes["nights_100k"] = Outcome("nights_100k", "r1", 1.0, [night])
    blank = "a\n<!-- accounts -->\nold\n<!-- /accounts -->\nb\n"

    filled = scale.filled(blank, results)

    assert "| requests of a night | n × night_requests | 1,000 | 100,000 | 1,000,000 |" in filled
    assert "| warehouse | n × rows × row_bytes | – | – | – |" in filled
    assert filled.startswith("a\n")
    assert filled.endswith("-->\nb\n")
    assert "old" not in filled


def test_the_pages_in_the_repository_are_made_from_its_results() -> None:
    measured = kept(FOLDER)
    chart = (FOLDER.parent / report.CHART).exists()

    assert (FOLDER.parent / "RESULTS.md").read_text() == report.markdown(measured, chart=chart)
    assert scale.FILE.read_text() == scale.filled(scale.FILE.read_text(), measured)


def test_the_command_says_what_can_be_chosen() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout

    assert all(name in said for name in CASES)
