"""First loads under Cliniko's real budget, in real time, all of them at once.

They wait nearly all the time, so they do not disturb one another: nothing is scaled, and
the case takes no longer than its longest load.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from benchmarks import environments
from benchmarks.cases.accounts import BUDGET, sync
from benchmarks.cases.lists import LIST
from benchmarks.measure import Failed
from benchmarks.runner import Lab
from benchmarks.serving import Use, serving
from benchmarks.subjects import CONTENDERS, command, environment

WINDOW = 60  # seconds
REST, LONGEST = 20_000, 30_000  # rows of all other lists, and of the one with 60 %
ONE_LIST = 50_000  # rows, where peers are compared
SCALE = 2  # rows are never divided by more: a load has to last for some windows
RIVAL = [150, 5, 45]  # requests a minute, from and to second: half of the first window


def play(lab: Lab) -> None:
    """Everything side by side: whole accounts, one list by us and by the best peer, a rival."""
    scale = min(lab.scale, SCALE)
    loads: list[Callable[[], None]] = [
        partial(_account, lab, f"account {latency} ms", scale, latency=latency)
        for latency in (100, 300, 800)
    ]
    loads.append(partial(_account, lab, "account, rival", scale, latency=300, rivals=[RIVAL]))
    for who in lab.chosen("ours", "airbyte-workers"):
        loads += [partial(_list, lab, who.name, latency, scale) for latency in (300, 800)]
        environments.python(who.env)
    with ThreadPoolExecutor(len(loads)) as threads:
        for load in [threads.submit(load) for load in loads]:
            load.result()


def _account(lab: Lab, step: str, scale: int, **how: Any) -> None:
    """A whole account of which one list holds 60 % of the rows."""
    sizes = {"rows": REST // scale, "name": LIST, "size": LONGEST // scale}
    with serving(**sizes, requests_per_minute=BUDGET, **how) as server, lab.place() as place:
        env = environment(server.url, requests_per_minute=BUDGET)
        sample, _ = lab.measure("ours", step, sync(), place, env, server)
        lab.note(sample, **used(server.use()))


def _list(lab: Lab, name: str, latency: int, scale: int) -> None:
    """One list, by us or by a peer that keeps the budget as well."""
    size, who = ONE_LIST // scale, CONTENDERS[name]
    given: dict[str, Any] = {"name": LIST, "size": size, "latency": latency}
    with serving(**given, requests_per_minute=BUDGET) as server, lab.place() as place:
        try:
            line = command(who, place, server.url, LIST, budget=BUDGET)
            env = environment(server.url, requests_per_minute=BUDGET)
            sample, _ = lab.measure(name, f"list {latency} ms", line, place, env, server)
            lab.note(sample, **used(server.use()))
        except (Failed, environments.NotInstalled) as error:
            lab.skip(f"{name}, {latency} ms", str(error))


def used(use: Use) -> dict[str, float]:
    """How much of the budget went out.

    windows:   whole minutes since the first request
    in_them:   share of their budget that was used
    least:     minutes that the requests take at full budget
    took:      minutes that they took
    second:    share used of the second minute: after a rival has gone in the first
    """
    last = max(use.served, default=0.0)
    windows = int(last // WINDOW)
    inside = [
        sum(n * WINDOW <= when < (n + 1) * WINDOW for when in use.served) for n in range(windows)
    ]
    found = {
        "windows": float(windows),
        "least": len(use.served) / BUDGET,
        "took": last / WINDOW,
    }
    if windows:
        found["in_them"] = sum(inside) / (BUDGET * windows)
    if windows > 1:
        found["second"] = inside[1] / BUDGET
    return {name: round(value, 3) for name, value in found.items()}
