"""The figures in `docs/scale.md`: measured ones, and what follows from them by plain arithmetic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.environments import ROOT
from benchmarks.report import listed, written
from benchmarks.results import Results

FILE = ROOT / "docs" / "scale.md"
ACCOUNTS = (10, 1_000, 10_000)

Figures = Mapping[str, float | None]

ASSUMED: dict[str, tuple[float, str]] = {
    "rows": (100_000, "rows of an account"),
    "changes": (300, "rows that change in a day"),
    "budget": (200, "requests a minute that Cliniko allows a key"),
    "cores": (2, "cores of a machine, as the one measured"),
    "hours": (4, "hours of a night in which all accounts are to be read"),
    "side": (50, "accounts that a process reads side by side"),
}
"""Name → what is assumed, and what it is."""


@dataclass(frozen=True)
class Line:
    """A line of a table: what it is, how it is worked out, and from what."""

    words: str
    formula: str
    work: Callable[..., float]
    unit: str = ""


def measured(results: Results) -> dict[str, float | None]:
    """Name → the measured figures that the rest follows from; None if not measured."""

    def figure(case: str, step: str, what: str) -> float | None:
        return results.median(case, "ours", step, what)

    def each(what: str) -> float | None:
        """What one more account costs of a command that reads 50."""
        many, one = figure("many", "quiet 50", what), figure("many", "quiet 1", what)
        return None if many is None or one is None else (many - one) / 49

    loaded, file = figure("account", "load", "rows"), figure("account", "load", "file_mb")
    cpu, sent = figure("account", "load", "cpu"), figure("account", "load", "bytes")
    return {
        "night_requests": figure("nights_100k", "night", "requests"),
        "night_bytes": figure("nights_100k", "night", "bytes"),
        "night_cpu": figure("nights_100k", "night", "cpu"),
        "night_peak": figure("nights_100k", "night", "peak"),
        "night_wall": figure("nights_100k", "night", "wall"),
        "more_cpu": each("cpu"),
        "more_peak": each("peak"),
        "load_cpu": cpu / loaded if cpu and loaded else None,
        "load_bytes": sent / loaded if sent and loaded else None,
        "load_requests": _per_row(figure("account", "load", "requests"), loaded),
        "row_bytes": file * 1e6 / loaded if file and loaded else None,
    }


def _per_row(requests: float | None, rows: float | None) -> float | None:
    return requests / rows if requests and rows else None


SOURCES = {
    "night_requests": ("requests of a night with changes", "nights_100k, night"),
    "night_bytes": ("bytes that it downloads", "nights_100k, night"),
    "night_cpu": ("CPU seconds of it, in a process of its own", "nights_100k, night"),
    "night_peak": ("memory of that process, MB", "nights_100k, night"),
    "night_wall": ("seconds of it at 100 ms latency", "nights_100k, night"),
    "more_cpu": ("CPU seconds of one more account of a command that reads 50", "many, quiet"),
    "more_peak": ("memory of one more account there, MB", "many, quiet"),
    "load_cpu": ("CPU seconds of a first load, per row", "account, load"),
    "load_bytes": ("bytes of a first load, per row", "account, load"),
    "load_requests": ("requests of a first load, per row", "account, load"),
    "row_bytes": ("bytes of the published DuckDB file, per row", "account, load"),
}

LINES = (
    Line("requests of a night", "n × night_requests", lambda n, f: n * f("night_requests")),
    Line("download of a night", "n × night_bytes", lambda n, f: n * f("night_bytes") / 1e9, "GB"),
    Line(
        "CPU of a night, a process each",
        "n × night_cpu ÷ 3600",
        lambda n, f: n * f("night_cpu") / 3600,
        "h",
    ),
    Line(
        "machines, a process each",
        "n × night_cpu ÷ (3600 × cores × hours), rounded up",
        lambda n, f: -(-n * f("night_cpu") // (3600 * f("cores") * f("hours"))),
    ),
    Line(
        "machines, `side` accounts a process",
        "n × (night_cpu ÷ side + more_cpu) ÷ (3600 × cores × hours), rounded up",
        lambda n, f: (
            -(-n * (f("night_cpu") / f("side") + f("more_cpu")) // (3600 * f("cores") * f("hours")))
        ),
    ),
    Line(
        "memory of such a process",
        "night_peak + (side − 1) × more_peak",
        lambda n, f: f("night_peak") + (min(n, f("side")) - 1) * f("more_peak"),
        "MB",
    ),
    Line(
        "warehouse",
        "n × rows × row_bytes",
        lambda n, f: n * f("rows") * f("row_bytes") / 1e9,
        "GB",
    ),
    Line(
        "first load: requests",
        "n × rows × load_requests",
        lambda n, f: n * f("rows") * f("load_requests"),
    ),
    Line(
        "first load: wait for one account's budget",
        "rows × load_requests ÷ budget",
        lambda n, f: f("rows") * f("load_requests") / f("budget"),
        "min",
    ),
    Line(
        "first load: download",
        "n × rows × load_bytes",
        lambda n, f: n * f("rows") * f("load_bytes") / 1e9,
        "GB",
    ),
    Line(
        "first load: CPU",
        "n × rows × load_cpu ÷ 3600",
        lambda n, f: n * f("rows") * f("load_cpu") / 3600,
        "h",
    ),
)

LIMITS = (
    Line(
        "accounts a night by CPU, a process each",
        "3600 × cores × hours ÷ night_cpu",
        lambda n, f: 3600 * f("cores") * f("hours") // f("night_cpu"),
    ),
    Line(
        "accounts a night by CPU, `side` a process",
        "3600 × cores × hours ÷ (night_cpu ÷ side + more_cpu)",
        lambda n, f: 3600 * f("cores") * f("hours") // (f("night_cpu") / f("side") + f("more_cpu")),
    ),
    Line(
        "rows in 100 GB of DuckDB files",
        "100 GB ÷ row_bytes",
        lambda n, f: 100e9 // f("row_bytes"),
    ),
)


def filled(text: str, results: Results) -> str:
    """The document with its tables made anew."""
    figures: dict[str, float | None] = measured(results)
    figures |= {name: value for name, (value, _) in ASSUMED.items()}
    run = results.about.get("run", "none yet")
    blocks = {
        "assumed": listed(
            ("name", "what", "assumed"),
            ((f"`{name}`", words, written(value)) for name, (value, words) in ASSUMED.items()),
        ),
        "measured": f"Run `{run}`.\n\n"
        + listed(
            ("name", "what", "case", "measured"),
            ((f"`{n}`", what, where, _exact(figures[n])) for n, (what, where) in SOURCES.items()),
        ),
        "accounts": listed(
            ("n accounts", "worked out as", *(f"{n:,}" for n in ACCOUNTS)),
            (
                (one.words, one.formula, *(_worked(one, n, figures) for n in ACCOUNTS))
                for one in LINES
            ),
        ),
        "limits": listed(
            ("one machine", "worked out as", "figure"),
            ((one.words, one.formula, _worked(one, 1, figures)) for one in LIMITS),
        ),
    }
    for name, block in blocks.items():
        if f"<!-- {name} -->" not in text:
            continue
        before, _, rest = text.partition(f"<!-- {name} -->")
        _, _, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}<!-- {name} -->\n{block}\n<!-- /{name} -->{after}"
    return text


class _Unknown(Exception):
    """A figure was not measured."""


def _worked(line: Line, accounts: int, figures: Figures) -> str:
    def figure(name: str) -> float:
        value = figures[name]
        if value is None:
            raise _Unknown(name)
        return value

    try:
        return f"{written(line.work(accounts, figure))} {line.unit}".strip()
    except _Unknown:
        return "–"


def _exact(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:,.4g}" if abs(figure) < 1_000 else f"{figure:,.0f}"
