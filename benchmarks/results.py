"""What was measured: a JSON file for each case, all of one run."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Sample:
    """One measured command.

    step:      what it did: `load`, `night` (300 changes), `quiet` (none) …
    wall, cpu: seconds; cpu of all its processes, user and system
    peak:      most memory of all its processes at one moment, MB
    requests:  as the server counted them, refused ones too
    bytes:     of the answers' bodies
    more:      what only this case knows; `yardstick`, the speed of the machine before it
    """

    who: str
    step: str
    wall: float
    cpu: float
    peak: float
    requests: int = 0
    bytes: int = 0
    more: dict[str, float] = field(default_factory=dict)


@dataclass
class Outcome:
    """A case as it was measured.

    run:       the run that it belongs to
    revision:  of the program; a case that was measured again has one of its own
    skipped:   who was not run, and why
    """

    case: str
    run: str
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    revision: str = "unknown"


@dataclass
class Results:
    """All outcomes at hand.

    about:  the run: id, date, machine, versions
    """

    about: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def samples(self, case: str, who: str, step: str) -> list[Sample]:
        """What was measured of somebody; may be nothing."""
        outcome = self.outcomes.get(case)
        found = outcome.samples if outcome else []
        return [one for one in found if one.who == who and one.step == step]

    def median(self, case: str, who: str, step: str, what: str) -> float | None:
        """The median of a figure, also of one in `more`; None if it was not measured."""
        figures = [
            value
            for one in self.samples(case, who, step)
            if (value := one.more.get(what, getattr(one, what, None))) is not None
        ]
        return statistics.median(figures) if figures else None

    def ratio(self, case: str, who: str, other: str, step: str, what: str) -> float | None:
        """The median of the ratios of two in the same round; of their medians if rounds lack one.

        Rounds take turns, so that the two of a pair meet the machine at the same speed.
        """
        one, two = (
            [float(getattr(s, what)) for s in self.samples(case, w, step)] for w in (who, other)
        )
        if not all(one) or not all(two) or not one or not two:
            return None
        if len(one) == len(two):
            return statistics.median(a / b for a, b in zip(one, two, strict=True))
        return statistics.median(one) / statistics.median(two)

    def speeds(self, case: str, who: str = "", step: str = "") -> list[float]:
        """Seconds that the same fixed work took before each command, of all or of one's step."""
        outcome = self.outcomes.get(case)
        return [
            one.more["yardstick"]
            for one in (outcome.samples if outcome else [])
            if "yardstick" in one.more and (one.who, one.step) == (who or one.who, step or one.step)
        ]

    def steps(self, case: str) -> Iterator[tuple[str, str]]:
        """Every step and who took it, as they were measured."""
        outcome = self.outcomes.get(case)
        seen = dict.fromkeys((one.step, one.who) for one in (outcome.samples if outcome else []))
        yield from seen


def keep(outcome: Outcome, about: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write a case down, and what the run is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    (folder / f"case_{outcome.case}.json").write_text(json.dumps(asdict(outcome), indent=1) + "\n")


def kept(folder: Path = FOLDER) -> Results:
    """What is written down."""
    about = folder / "about.json"
    results = Results(json.loads(about.read_text()) if about.exists() else {})
    for file in sorted(folder.glob("case_*.json")):
        written = json.loads(file.read_text())
        written["samples"] = [Sample(**one) for one in written["samples"]]
        results.outcomes[written["case"]] = Outcome(**written)
    return results
