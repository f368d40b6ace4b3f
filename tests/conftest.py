"""Fixtures that several test files share: a sandbox account, its server, and a place to load to."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from first_nights import KEPT
from harness import Warehouse, settings_for
from postgres_server import NAMED, Server, execute, running

from cliniko.settings import ClinikoSettings
from cliniko_warehouse import cli
from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.sandbox import Account, Served, serve

KEY = "MS0xLWFiY2RlZg-au1"
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A job in the background ignores Ctrl-C, and so would the commands that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cliniko_api"

SERVERS = {"postgres", "database", "own_server"}  # fixtures that start a Postgres server
SLOW = frozenset(
    [
        "alerts",
        "benchmarks",
        "bi",
        "change_webhook",
        "changes",
        "checkpoints",
        "cli",
        "clocks",
        "closed_months",
        "commit",
        "dagster",
        "damaged_files",
        "dashboard",
        "dask",
        "decode",
        "definitions",
        "destinations",
        "dictionary",
        "digest",
        "disk",
        "docs_site",
        "dlt_init",
        "documented_settings",
        "doubtful_nights",
        "examples",
        "faults",
        "figure_cases",
        "figures",
        "files",
        "fleet",
        "forget",
        "freshness",
        "group",
        "hostile",
        "identity",
        "kill",
        "ledger",
        "lies",
        "link_tables",
        "lists_by_name",
        "load_package",
        "loaded_rows_on_postgres",
        "locked_queries",
        "logs",
        "lost_rows",
        "lying_nights",
        "markers",
        "markers_elsewhere",
        "mart_checks",
        "mart_commands",
        "mart_environment",
        "mart_swap",
        "marts",
        "marts_ahead",
        "matrix",
        "mcp",
        "metrics",
        "model",
        "money_marts",
        "night",
        "nightly_marts",
        "nights",
        "notebooks",
        "overview_equals_marts",
        "overview_pages",
        "overview_seen",
        "odd_instants",
        "odd_rows",
        "page_size",
        "partitions",
        "postgres",
        "postgres_foreign_objects",
        "postgres_locks",
        "postgres_sessions",
        "questions_on_postgres",
        "privacy",
        "publish",
        "reconcile",
        "recount",
        "rewrite",
        "rolling_contents",
        "rounds",
        "rounds_day",
        "row_history",
        "row_volume",
        "sandbox_faults",
        "schedules",
        "schema_contract",
        "schema_repair",
        "settings_files",
        "setup",
        "side_files",
        "signals",
        "state",
        "state_commands",
        "streams",
        "superset",
        "surroundings",
        "sync",
        "telemetry",
        "unread_lists",
        "verify",
        "verify_command",
        "workers",
        "working_file",
    ]
)
"""Files, without `test_`, of which one test or the whole takes more than a few seconds."""


AGAIN = re.compile(
    r"test_matrix\.py::.*\[(?!nothing at all|a client wrote into the published file and closed|"
    r"somebody's open report|variables of)"
    r"|test_examples\.py::.*\[postgres"
    r"|test_group\.py::test_(a_field_that_two|accounts_that_are_read|a_group_agrees)"
    r".*\[(?!kinds3-postgres).*\]"
    r"|test_group\.py::test_(one_load_takes|an_account_that_was_read_by|cursors_of).*\[postgres\]"
    r"|test_group\.py::test_the_next_night.*\[duckdb\]"
    r"|test_changes\.py::test_a_death.*\[(after-postgres|within-duckdb)\]"
    r"|test_kill\.py::.*\[(contacts-contacts|services-services)\]"
    r"|test_forget\.py::test_what_the_account_still_has.*\[duckdb\]"
    r"|test_schema_repair\.py::.*\[(a key|another.*|a column of.*|schemas|loads|a staging.*|cursors"
    r")\]"
    r"|test_damaged_files\.py::.*\[(half a state|a folder for|an empty schema|a file for the m)"
    r"|test_working_file\.py::.*\[(cut within|another kind|garbage in its|missing with).*"
    r"|test_signals\.py::.*\[Ctrl-C\]"
    r"|test_postgres_foreign_objects\.py::.*\[(a check|a trigger inside|a column without|SET NULL)"
    r"|test_postgres_locks\.py::test_a_lock_of_somebody.*\[(a staging|the schema)"
    r"|test_postgres_locks\.py::test_a_run_that_waits.*\[the ledger\]"
    r"|test_odd_instants\.py::test_rows_with.*\[(duckdb-created|postgres-updated)"
    r"|test_documented_settings\.py::test_a_folder.*\[\[(load|runtime|cliniko_main)"
    r"|test_verify\.py::test_a_(working_file.*\[another|night_that_cannot.*\[unmounted)"
    r"|test_change_webhook\.py::test_what_is_not_taken.*\[500\]"
    r"|test_decode\.py::test_undecodable_text.*\[(an inner|a new field|a new object).*"
    r"|test_decode\.py::test_(a_record_that_is.*\[postgres|an_undecodable_value.*\[duckdb)"
    r"|test_identity\.py::test_another_user.*\[forbidden1\]"
    r"|test_rewrite\.py::test_the_published_file.*\[(640|644)"
    r"|test_sync\.py::test_(pauses_in|a_run_that_pauses|a_range|what_was_read_before|a_run_that_is"
    r"|a_swapped_list_that_cannot|a_record_that_is_rejected).*\[duckdb\]"
    r"|test_sync\.py::test_(what_was_left|a_new_machine|what_a_first|what_a_killed|two_accounts)"
    r".*\[postgres\]"
    r"|test_sync\.py::test_a_full_run.*\[duckdb\]"
    r"|test_rounds\.py::test_rounds_go_into.*\[duckdb\]"
    r"|test_markers\.py::.*_(failed_runs|kills)\[(full|minimal)\]"
    r"|test_markers\.py::.*_good_runs\[full\]"
    r"|test_markers_elsewhere\.py::test_nothing_that_is_left_out.*\[(full|minimal)\]"
    r"|test_markers_elsewhere\.py::test_a_stricter_profile.*\[minimal-full\]"
    r"|test_recount\.py::test_figures_of_clinics_by_chance\[(?!1-duckdb|2-postgres)"
    r"|test_doubtful_nights\.py::test_a_record_without_an_id.*\[(?!None|9223)"
    r"|test_doubtful_nights\.py::test_an_odd_total.*\[(12|-3|true|.many|...$|..-an)"
    r"|test_state_commands\.py::test_what_cannot_be_done.*-postgres\]"
    r"|test_state_commands\.py::test_after_a_re(set|wind).*(here-postgres|machine-duckdb)\]"
    r"|test_postgres_locks\.py::test_a_lock_of_somebody.*\[(a table inside|the loads|the whole)"
    r"|test_rewrite\.py::test_a_stricter_profile.*\[minimal-"
    r"|test_disk\.py::.*\[while it is read\]"
    r"|test_benchmarks\.py::test_a_case_is_played"
    r"|test_mcp\.py::test_all_hostile"
    r"|test_streams\.py::test_closed_and_full_streams.*\[>&- 2>&- <&--1-\]"
    r"|test_dashboard\.py::test_charts_have.*\[others"
    r"|test_overview_seen\.py::test_nothing_keeps.*\[more lists"
    r"|test_closed_months\.py::.*\[ten"
    r"|test_marts\.py::.*\[the sandbox's"
    r"|test_figure_cases\.py::.*postgres"
    r"|test_markers\.py::.*_good_runs\[full\]"
    r"|test_files\.py::.*\[two thousand\]"
    r"|test_locked_queries\.py::test_nothing_of_a_full_night"
    r"|test_rounds_day\.py::test_a_day"
    r"|test_reconcile\.py::test_a_swap_that_counts.*\[duckdb\]"
    r"|test_reconcile\.py::test_(equal_sides|a_first_load|an_account_that_says|an_outage|a_wrong"
    r"|a_spent|inactive|there_too_(nothing|an_empty|a_reading)|a_comparison).*\[duckdb\]"
    r"|test_reconcile\.py::test_(a_practitioner|after_years|a_list_that_cannot"
    r"|there_too_a_row|a_mark_that_was|a_mark_that_did.*archived).*postgres\]"
    r"|test_reconcile\.py::test_(a_row_that|what_was_accepted|a_mark_that_did.*cancelled).*duckdb\]"
    r"|test_rolling_contents\.py::test_a_clinic"
)
"""Tests that try what another test tries with one more value, and take long: `-m exhaustive`."""

FIRST = (
    "dask",
    "marts",
    "nightly_marts",
    "figure_cases",
    "odd_rows",
    "sync",
    "reconcile",
    "group",
    "matrix",
)
"""Files whose tests take longest, so that no worker is left with one of them at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, what needs Postgres and what needs a browser, so that no test has to.

    A file is one worker's: what its tests share is made once, and nobody waits for it.
    """
    items.sort(key=lambda item: FIRST.index(_stem(item)) if _stem(item) in FIRST else len(FIRST))
    for item in items:
        if AGAIN.search(item.nodeid):
            item.add_marker("exhaustive")
        needs = set(getattr(item, "fixturenames", ()))
        if needs & SERVERS:
            item.add_marker("postgres")
        if "browser" in needs:
            item.add_marker("browser")
        if needs & {*SERVERS, "browser"} or _stem(item) in SLOW:
            item.add_marker("slow")


def _stem(item: pytest.Item) -> str:
    return item.path.stem.removeprefix("test_")


@pytest.fixture(scope="session", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a module's own fixtures find, which are made before those of its tests."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        surround(patch, home)
        # dbt's parsed project is the same for all tests, and takes seconds
        patch.setattr(dbt_runner, "cache", lambda: home.parent.parent / "parsed")
        patch.setattr(KEPT, "folder", tmp_path_factory.mktemp("first_nights"))
        yield


def surround(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Hide the settings of whoever runs the tests, and where they keep theirs."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DESTINATION__", "DLT_", "CLINIKO_", "OTEL_")):
            patch.delenv(name)
    # Else each of hundreds of processes compiles all that it imports.
    patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    patch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
    patch.setenv("CLINIKO__MARTS", "false")  # they take seconds: tests of them turn them on
    patch.setenv("HOME", str(home / "home"))
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of whoever runs it, nor writes where they keep theirs."""
    surround(monkeypatch, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    # As in a new process: whoever needs dlt's settings makes it, which takes 10 ms.
    if PluggableRunContext in Container():
        del Container()[PluggableRunContext]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """What it printed on stdout, which has to be one JSON object and nothing else."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Cliniko = Callable[..., Ended]


@pytest.fixture
def cliniko(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cliniko:
    def call(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["cliniko", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture
def account() -> Account:
    """A small clinic whose clock stands still."""
    return Account(rows=2_000)


@pytest.fixture
def served(account: Account) -> Iterator[Served]:
    """The clinic behind HTTP on loopback, without a rate limit."""
    with serve(account) as server:
        yield server


@pytest.fixture
def settings(served: Served) -> ClinikoSettings:
    """Settings that lead to the clinic."""
    return settings_for(served)


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def configure(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)

    configure(api_key=KEY, contact_email="tests@example.com", requests_per_minute="100000")
    return configure


@pytest.fixture(name="connected")
def _connected(configured: Callable[..., None], served: Served) -> Served:
    configured(api_key=served.api_key, base_url=served.base_url)
    return served


both = pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
"""For tests of what holds wherever the rows are."""


@pytest.fixture
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    """An empty state directory, and an empty destination: DuckDB unless said."""
    if getattr(request, "param", "duckdb") == "duckdb":
        return Warehouse(tmp_path / "state")
    return Warehouse(tmp_path / "state", request.getfixturevalue("database"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A Postgres server."""
    with running() as server:
        yield server
        KEPT.drop()


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def where(request: pytest.FixtureRequest) -> Iterator[str]:
    """For fixtures of a whole module: the URL of a database, empty for DuckDB."""
    if request.param == "duckdb":
        yield ""
        return
    server = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def database(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database of its own, where the settings lead to."""
    url = postgres.create()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    yield url
    postgres.drop(url)


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose files hold one test's rows alone; the settings lead to it."""
    if NAMED:
        pytest.skip("the files of a named server cannot be read")
    with running() as server:
        # It would take files away while they are read.
        execute(server.url, "ALTER SYSTEM SET autovacuum = off")
        execute(server.url, "SELECT pg_reload_conf()")
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", server.url)
        yield server
