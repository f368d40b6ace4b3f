"""What takes no server of size: start-up times, and the cost of a privacy profile."""

from benchmarks import environments
from benchmarks.cases.lists import Play
from benchmarks.runner import Lab
from benchmarks.serving import serving
from benchmarks.subjects import UNLIMITED, environment

LIST = "patients"  # the list with the most that a profile changes


def start(rounds: int) -> Play:
    """A case: `cliniko --help`, `cliniko status`, and Python alone."""

    def play(lab: Lab) -> None:
        python = environments.python("ours")
        cliniko = str(python.with_name("cliniko"))
        with serving(rows=1_000) as server, lab.place() as place:
            env = environment(server.url, requests_per_minute=UNLIMITED)
            lab.measure("ours", "load", [cliniko, "sync"], place, env)
            for _ in lab.times(rounds):
                for step, line in {
                    "python": [str(python), "-c", "pass"],
                    "--help": [cliniko, "--help"],
                    "status": [cliniko, "status"],
                }.items():
                    lab.note(lab.measure("ours", step, line, place, env)[0])

    return play


def profiles(rows: int, rounds: int) -> Play:
    """A case: a first load with each privacy profile."""

    def play(lab: Lab) -> None:
        cliniko = str(environments.python("ours").with_name("cliniko"))
        with serving(name=LIST, size=lab.size(rows)) as server:
            for _ in lab.times(rounds):
                for profile in ("full", "pseudonymous"):
                    settings = {"privacy_profile": profile, "privacy_salt": "benchmarks-" * 4}
                    env = environment(server.url, requests_per_minute=UNLIMITED, **settings)
                    with lab.place() as place:
                        line = [cliniko, "sync", "--json", LIST]
                        sample, _ = lab.measure("ours", profile, line, place, env, server)
                        lab.note(sample, rows=lab.size(rows))

    return play
