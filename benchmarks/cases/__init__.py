"""The cases that are measured, in the order in which they are."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cases import accounts, budget, lists, many, postgres, server, small
from benchmarks.runner import Lab

EVERYBODY = (
    "floor", "floor-equal", "ours", "dlt-equal", "dlt-parquet", "dlt-parallel", "singer",
    "airbyte", "pyairbyte", "dlt",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """Something that is measured.

    title:  a phrase for its heading
    note:   how it is measured, in a sentence or two
    long:   whether it is left out unless asked for
    """

    name: str
    title: str
    note: str
    play: Callable[[Lab], None]
    long: bool = False


NIGHTS = (
    "Every list of an account, one of them this long; 100 ms latency, 200 requests a minute. "
    "`load` fills the warehouse without latency and limit; `imports` is what it costs "
    "to import all modules that such a night has imported at its end."
)
SMALL_ONES = "1,000 rows each, 100 ms latency, 200 requests a minute for each account."
INTO_POSTGRES = "The server runs on the same two cores; its CPU is not counted."
ONE_LIST = "A first load, a night with none and one with 300 changed rows. No latency, no limit."

CASES = {
    one.name: one
    for one in (
        Case(
            "server",
            "The servers themselves",
            "Pages a second to a client that looks at nothing; the measured ones are far from it.",
            server.play,
        ),
        Case("load_20k", "One list, 20,000 rows", ONE_LIST, lists.load(20_000, 2, *EVERYBODY)),
        Case("load_100k", "One list, 100,000 rows", ONE_LIST, lists.load(100_000, 3, *EVERYBODY)),
        Case(
            "load_1m",
            "One list, 1,000,000 rows",
            f"{ONE_LIST} Of the peers only the fastest at 100,000 rows, told our columns and not.",
            lists.load(1_000_000, 2, "floor", "ours", "dlt-equal", "dlt-parquet"),
        ),
        Case(
            "load_10m",
            "One list, 10,000,000 rows",
            ONE_LIST,
            lists.load(10_000_000, 1, "floor", "ours"),
            long=True,
        ),
        Case(
            "account",
            "A whole account, 100,000 rows in 43 lists",
            "First load of every list. No latency, no limit. `least` is a page for each 100 rows "
            "of each list, and one for a list with fewer.",
            accounts.first_load(100_000, 3),
        ),
        Case("nights_100k", "Nights on 100,000 rows", NIGHTS, accounts.nights(100_000, 5)),
        Case("nights_1m", "Nights on 1,000,000 rows", NIGHTS, accounts.nights(1_000_000, 3)),
        Case(
            "nights_10m", "Nights on 10,000,000 rows", NIGHTS, accounts.nights(10_000_000, 3), True
        ),
        Case(
            "budget",
            "First loads under 200 requests a minute",
            "In real time, side by side, since they mostly wait. `account`: 50,000 rows, 60 % of "
            "them in one list; `rival`: another client takes half of the first minute's budget; "
            "`list`: 50,000 rows of one list. `in_them` is the share of the budget that was used "
            "in whole minutes from the first request on.",
            budget.play,
        ),
        Case(
            "many",
            "Many accounts by one command",
            SMALL_ONES,
            many.accounts(1, 10, 50),
        ),
        Case(
            "many_waiting",
            "Accounts that wait for their budget, by one command",
            "20,000 rows each, which is more than a minute's budget: 100 ms latency, 200 requests "
            "a minute for each account.",
            many.accounts(1, 50, rows=many.SOME),
        ),
        Case(
            "many_marts",
            "Many accounts by one command, with marts",
            f"{SMALL_ONES} dbt is installed, so a first load builds the marts too.",
            many.accounts(1, 50, installed="ours-marts"),
            long=True,
        ),
        Case(
            "many_200",
            "200 accounts by one command",
            SMALL_ONES,
            many.accounts(200),
            long=True,
        ),
        Case(
            "postgres",
            "One list into Postgres, 100,000 rows",
            f"{ONE_LIST} {INTO_POSTGRES}",
            postgres.load(100_000, 2),
        ),
        Case(
            "postgres_1m",
            "One list into Postgres, 1,000,000 rows",
            f"{ONE_LIST} {INTO_POSTGRES}",
            postgres.load(1_000_000, 1),
            long=True,
        ),
        Case("start", "Start-up", "From command to prompt.", small.start(5)),
        Case(
            "profiles",
            "Privacy profiles, 20,000 patients",
            "First load of one list. No latency, no limit.",
            small.profiles(20_000, 2),
        ),
    )
}
