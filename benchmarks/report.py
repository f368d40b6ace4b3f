"""`RESULTS.md`: goals first, then a table for each case, all computed from the results."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.goals import GOALS, Goal
from benchmarks.results import Results
from benchmarks.subjects import CONTENDERS

FILE = Path(__file__).with_name("RESULTS.md")
CHART = "results.svg"
HIDDEN = {"rows", "refused", "yardstick"}  # figures that a table shows in another way
DEFAULTS = (
    "step",
    "who",
    "wall s",
    "× floor",
    "× ours",
    "CPU s",
    "× floor",
    "peak MB",
    "requests",
    "429",
    "drift",
)


def markdown(results: Results, *, chart: bool = True) -> str:
    """The whole page."""
    parts = ["# Results", _about(results), "## Goals", _goals(results)]
    if chart:
        parts.append(f"![One list, 100,000 rows: wall and CPU seconds]({CHART})")
    for name, case in CASES.items():
        parts += [f"## {case.title}", case.note]
        if name in results.outcomes:
            parts += [_table(results, name), _remarks(results, name)]
        else:
            asked = "--long" if case.long else f"--case {name}"
            parts.append(f"Not measured in this run: `python -m benchmarks {asked}`.")
    parts += ["## Who is measured", _contenders(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _about(results: Results) -> str:
    about = results.about
    if not about:
        return "Nothing has been measured yet."
    machine = ", ".join(f"{about[key]}" for key in ("cpu", "memory", "system"))
    mixed = {one.run for one in results.outcomes.values()} - {about["run"]}
    lines = [
        f"Made by `python -m benchmarks`, run `{about['run']}`, {about['date']}, revision "
        f"`{about['revision']}`: {machine}, Python {about['python']}. Whole processes, medians "
        "of the rounds; server and client share the machine. `× floor` and `× ours` are medians "
        "of the ratios of each round; memory is that of all processes of a command, pages that "
        "several of them share once. `drift` is how much longer the same fixed work took before "
        "this line's commands than before the case's others: the machine was so much slower "
        "then. Every case says at which revision it was measured.",
    ]
    if about.get("scale", 1) != 1:
        lines.append(f"**Only a try: every size is divided by {about['scale']}.**")
    if mixed:
        lines.append(f"**Some cases are of other runs: {', '.join(sorted(mixed))}.**")
    return "\n\n".join(lines)


def _goals(results: Results) -> str:
    return listed(
        ("goal", "figure", "wanted", "verdict"),
        ((g.words, _figure(g, results), _wanted(g), g.verdict(results)) for g in GOALS),
    )


def _figure(goal: Goal, results: Results) -> str:
    found = goal.figure(results)
    return "–" if found is None else f"{written(found)} {goal.unit}".strip()


def _wanted(goal: Goal) -> str:
    return f"{goal.bound} {written(goal.limit)} {goal.unit}".strip()


def _table(results: Results, name: str) -> str:
    """A line for each step and who took it."""
    extra = sorted({key for one in results.outcomes[name].samples for key in one.more} - HIDDEN)
    rows = (_row(results, name, step, who, extra) for step, who in _sorted(results, name))
    return listed((*DEFAULTS, *extra), rows)


def _sorted(results: Results, name: str) -> list[tuple[str, str]]:
    """Steps as they came, within them the fastest first."""
    steps = list(results.steps(name))
    order = list(dict.fromkeys(step for step, _ in steps))
    return sorted(
        steps, key=lambda one: (order.index(one[0]), results.median(name, one[1], one[0], "wall"))
    )


def _row(results: Results, case: str, step: str, who: str, extra: Sequence[str]) -> list[str]:
    def figure(what: str) -> float | None:
        return results.median(case, who, step, what)

    def times(other: str, what: str) -> str:
        found = results.ratio(case, who, other, step, what)
        return "–" if found is None else f"{found:.2f}"

    return [
        step,
        CONTENDERS[who].title if who in CONTENDERS else who,
        written(figure("wall")),
        times("floor", "wall"),
        times("ours", "wall"),
        written(figure("cpu")),
        times("floor", "cpu"),
        written(figure("peak")),
        written(figure("requests")),
        written(figure("refused")),
        _drift(results, case, step, who),
        *(written(figure(what)) for what in extra),
    ]


def _remarks(results: Results, case: str) -> str:
    """Who was not run and why, and how long the case took."""
    outcome = results.outcomes[case]
    lines = [
        f"- Not run: {CONTENDERS[who].title if who in CONTENDERS else who}: {why.replace('|', '/')}"
        for who, why in outcome.skipped.items()
    ]
    if speeds := results.speeds(case):
        slow, fast = max(speeds) * 1_000, min(speeds) * 1_000
        lines.append(
            f"- The same fixed work took {fast:.0f} to {slow:.0f} ms between its commands."
        )
    return "\n".join([*lines, f"- Measured in {outcome.seconds:,.0f} s, at `{outcome.revision}`."])


def _contenders(results: Results) -> str:
    versions = results.about.get("versions", {})
    return listed(
        ("who", "columns", "versions"),
        ((one.title, one.columns, versions.get(one.env, "")) for one in CONTENDERS.values()),
    )


def listed(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(figure: float | None) -> str:
    """A figure with as many digits as it deserves."""
    if figure is None:
        return "–"
    if abs(figure) >= 100 or figure == int(figure):
        return f"{figure:,.0f}"
    return f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def _drift(results: Results, case: str, step: str, who: str) -> str:
    """How slow the machine was before somebody's commands, beside the case's median."""
    here, all_ = results.speeds(case, who, step), results.speeds(case)
    return f"{statistics.median(here) / statistics.median(all_):.2f}" if here else "–"
