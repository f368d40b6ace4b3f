"""One list: a first load, a night with 300 changes, a night with none; everybody takes part."""

from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.environments import NotInstalled
from benchmarks.measure import Failed
from benchmarks.runner import Lab, counted, right
from benchmarks.serving import Server, serving
from benchmarks.subjects import (
    UNLIMITED,
    Contender,
    command,
    environment,
)

LIST = "individual_appointments"
CHANGES = 300
SMALL = 50_000  # rows up to which slow contenders run in every round

Play = Callable[[Lab], None]


def load(rows: int, rounds: int, *names: str) -> Play:
    """A case: so many rows; slow contenders run in the first round of a large list only."""

    def play(lab: Lab) -> None:
        size = lab.size(rows)
        with serving(name=LIST, size=size) as server:
            for turn in lab.times(rounds):
                for who in lab.chosen(*names):
                    late = who.slow and turn and rows > SMALL and lab.rounds is None
                    if not late and who.name not in lab.outcome.skipped:
                        again = who.resumes or rows <= SMALL
                        nights = again and (not turn or not who.slow)
                        _all_of(lab, who, server, size, nights=nights)

    return play


def _all_of(lab: Lab, who: Contender, server: Server, size: int, *, nights: bool) -> None:
    """A contender's first load, and its nights; whoever fails is not asked again."""
    changes = min(CHANGES, size // 2)
    try:
        with lab.place() as place:
            server.tell("reset")
            line = command(who, place, server.url, LIST)
            env = environment(server.url, requests_per_minute=UNLIMITED)
            for step in ("load", "quiet", "night") if nights else ("load",):
                since = datetime.now(UTC)
                if step == "night":
                    server.tell("change", count=changes)
                sample, _ = lab.measure(who.name, step, line, place, env, server)
                if step != "quiet":
                    changed = changes if step == "night" else 0
                    right(counted(who, place, LIST, since.replace(microsecond=0)), size, changed)
                lab.note(sample, rows={"load": size, "quiet": 0, "night": changes}[step])
    except (Failed, NotInstalled) as error:
        lab.skip(who.name, str(error))
