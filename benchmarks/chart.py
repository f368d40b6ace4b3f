"""The chart of the results, drawn in an environment of its own."""

import json
import subprocess
from pathlib import Path

from benchmarks import environments
from benchmarks.measure import clean
from benchmarks.report import CHART
from benchmarks.results import Results
from benchmarks.subjects import CONTENDERS

CASE = "load_100k"
FIGURES = {"wall": "wall, s", "cpu": "CPU, s", "peak": "memory, MB"}


def figures(results: Results) -> list[dict[str, object]]:
    """A line for each contender and figure of the first load."""
    return [
        {
            "who": CONTENDERS[who].title,
            "figure": words,
            "value": results.median(CASE, who, step, what),
        }
        for step, who in results.steps(CASE)
        for what, words in FIGURES.items()
        if step == "load"
    ]


def draw(results: Results, folder: Path) -> Path | None:
    """Draw it; None if there is nothing to draw. Raises NotInstalled."""
    if not (drawn := figures(results)):
        return None
    script = str(Path(__file__).with_name("peers") / "draw.py")
    command = [str(environments.python("chart")), script, str(folder / CHART)]
    subprocess.run(command, input=json.dumps(drawn), text=True, check=True, env=clean())
    return folder / CHART
