"""Many accounts by one command, each at its own budget."""

from pathlib import Path

from benchmarks.cases.accounts import BUDGET, sync
from benchmarks.cases.lists import Play
from benchmarks.measure import Failed
from benchmarks.runner import Lab
from benchmarks.serving import serving
from benchmarks.subjects import environment

FEW = 1_000  # rows of each account: a first load fits into one window
SOME = 20_000  # rows: it takes a second one, so that an account waits for its budget
LATENCY = 100  # ms


def accounts(*numbers: int, rows: int = FEW, installed: str = "ours") -> Play:
    """A case: a first load and a quiet night of so many accounts with so many rows each.

    installed:  the environment that they are read in
    """

    def play(lab: Lab) -> None:
        for number in (max(1, n // lab.scale) for n in numbers):
            with (
                serving(rows=rows, latency=LATENCY, requests_per_minute=BUDGET) as server,
                lab.place() as place,
            ):
                env = environment(server.url, requests_per_minute=BUDGET)
                if number > 1:
                    _settings(place, server.url, number)
                    env = {k: v for k, v in env.items() if not k.endswith(("API_KEY", "BASE_URL"))}
                try:
                    for step in ("load", "quiet"):
                        sample, _ = lab.measure(
                            "ours", f"{step} {number}", sync(installed), place, env, server
                        )
                        lab.note(sample, accounts=number, keys=len(server.used()))
                        if len(server.used()) != number:
                            raise Failed(f"{len(server.used())} of {number} accounts were read")
                except Failed as error:
                    lab.skip(f"{number} accounts", str(error))

    return play


def _settings(place: Path, url: str, number: int) -> None:
    """The settings of so many accounts, in the file that keeps secrets."""
    root = url.removesuffix("/v1")
    lines = [
        f'[sources.cliniko.accounts.a{one}]\napi_key = "bench{one}-au1"\n'
        f'base_url = "{root}/a{one}/v1"\n'
        for one in range(1, number + 1)
    ]
    (place / ".dlt").mkdir()
    (place / ".dlt" / "secrets.toml").write_text("\n".join(lines))
