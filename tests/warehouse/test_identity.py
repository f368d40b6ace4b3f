"""Another clinic's key on the rows of this one: refused before anything is written."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko
from harness import Warehouse, settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.errors import OtherAccount
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import run_accounts
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    serve,
    serve_all,
)

LISTS = ("businesses", "contacts")
SIZES = {"businesses": 3, "practitioners": 2, "contacts": 12}
KEYS = ("MS0xLW5vcnRo-au1", "MS0xLXNvdXRo-au1")
NORTH, SOUTH = KEYS


@pytest.fixture(scope="module")
def clinics() -> Iterator[dict[str, Served]]:
    with serve_all({k: Account(seed=n, rows=0, only=SIZES) for n, k in enumerate(KEYS)}) as served:
        yield served


@pytest.fixture
def read(clinics: dict[str, Served], warehouse: Warehouse) -> Warehouse:
    """A warehouse that holds the first clinic."""
    warehouse.begin(settings_for(clinics[NORTH]), *LISTS)
    return warehouse


def contents(warehouse: Warehouse) -> list[dict[str, Any]]:
    return warehouse.rows(
        "SELECT 'runs' AS what, count(*) AS rows, 0 AS gone FROM cliniko._runs UNION ALL "
        "SELECT 'contacts', count(*), count(_gone_at) FROM cliniko.contacts ORDER BY what"
    )


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_another_clinic_s_key_is_refused(read: Warehouse, clinics: dict[str, Served]) -> None:
    before = contents(read)

    with pytest.raises(OtherAccount, match=r"none of 3 businesses.*another --state-dir"):
        read.sync(settings_for(clinics[SOUTH]), *LISTS)

    assert contents(read) == before
    assert not list((read.state_dir / "work" / "running").glob("*/*/*"))
    assert read.sync(settings_for(clinics[NORTH]), *LISTS).status == "ok"


def test_the_command_ends_with_two_and_one_line(
    read: Warehouse, clinics: dict[str, Served], cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    configured(api_key=SOUTH, base_url=clinics[SOUTH].base_url)
    place = ["--state-dir", str(read.state_dir)]
    for command in (
        ("sync", *LISTS),
        ("reconcile", *LISTS),
        ("forget", "--patient", "12345"),
        ("verify", "--full"),
    ):
        ended = cliniko(*command, *place)

        assert ended.code == 2
        assert ended.err.count("\n") == 1
        assert "the API key is of another Cliniko account" in ended.err


def test_the_right_key_costs_no_request(read: Warehouse, clinics: dict[str, Served]) -> None:
    clinics[NORTH].log.clear()

    read.sync(settings_for(clinics[NORTH]), *LISTS)

    assert not [entry for entry in clinics[NORTH].log if "id%3A%3D" in entry.target]


@pytest.mark.parametrize("forbidden", [(), ("businesses",), ("businesses", "practitioners")])
def test_another_user_s_key_of_the_same_clinic_goes_on(
    forbidden: tuple[str, ...], clinics: dict[str, Served], warehouse: Warehouse
) -> None:
    warehouse.sync(settings_for(clinics[NORTH]), *LISTS)
    account = clinics[NORTH].account
    account.forbidden |= set(forbidden)
    try:
        with serve(account, api_key="MS0xLW90aGVy-au1") as other:
            run = warehouse.sync(settings_for(other), "contacts")
    finally:
        account.forbidden -= set(forbidden)
        account.base_url = clinics[NORTH].base_url

    assert run.status == "ok"


def test_a_key_whose_account_was_replaced_is_found_out_by_what_it_reads(
    tmp_path: Path,
) -> None:
    warehouse = Warehouse(tmp_path / "state")
    with ExitStack() as stack:
        first = stack.enter_context(serve(Account(seed=3, rows=0, only=SIZES)))
        settings = settings_for(first)
        warehouse.sync(settings, *LISTS)
        port = int(first.base_url.split(":")[2].split("/")[0])
    with serve(Account(seed=4, rows=0, only=SIZES), port=port), pytest.raises(OtherAccount):
        warehouse.sync(settings, *LISTS)
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == SIZES["contacts"]


def test_swapped_keys_of_a_group_are_named(clinics: dict[str, Served], tmp_path: Path) -> None:
    def night(**keys: str) -> list[Run]:
        work = [
            (settings_for(clinics[key], account=name), {n: ReadPlan(ENDPOINTS[n]) for n in LISTS})
            for name, key in keys.items()
        ]
        return run_accounts(work, "duckdb", tmp_path / "state", console())

    first = night(north=NORTH, south=SOUTH)
    swapped = night(north=SOUTH, south=NORTH)
    half = night(north=NORTH, south=NORTH)

    assert exit_codes.of_runs(first) == 0
    assert exit_codes.of_runs(swapped) == 2
    assert "kept here as south" in swapped[0].error
    assert "kept here as north" in swapped[1].error
    assert exit_codes.of_runs(half) == 3
    assert exit_codes.of_runs(night(north=NORTH, south=SOUTH)) == 0
