"""What a run does with a field that nobody described: `schema_contract`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Cliniko, Ended

from cliniko_warehouse.sandbox import Account, Served

LIST = "contacts"


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={LIST: 30, "taxes": 3})


@pytest.fixture
def sync(
    served: Served,
    tmp_path: Path,
    cliniko: Cliniko,
    configured: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Ended]:
    configured(api_key=served.api_key, base_url=served.base_url)

    def run(contract: str, *names: str) -> Ended:
        monkeypatch.setenv("SOURCES__CLINIKO__SCHEMA_CONTRACT", contract)
        named = names or (LIST, "taxes")
        return cliniko("sync", *named, "--json", "--state-dir", str(tmp_path / "state"))

    return run


@pytest.fixture
def sizes(tmp_path: Path, cliniko: Cliniko) -> Callable[[], list[Any]]:
    """The values of the new field, as a reader sees them; none where there is no column."""

    def read() -> list[Any]:
        with duckdb.connect(str(tmp_path / "state" / "warehouse.duckdb"), read_only=True) as db:
            cursor = db.execute(f"SELECT * FROM cliniko.{LIST}")
            place = [name for name, *_ in cursor.description or ()].index
            try:
                at = place("shoe_size")
            except ValueError:
                return []
            return [float(row[at]) for row in cursor.fetchall() if row[at] is not None]

    return read


def grow(account: Account, size: int) -> None:
    """Let a record have a field that nobody described."""
    account.pass_seconds(3600)
    record = next(account.rows(LIST))
    account.update(LIST, record["id"])
    [changed] = [one for one in account.rows(LIST) if one["id"] == record["id"]]
    account.put(LIST, {**changed, "shoe_size": size})


def test_new_fields_are_stored_left_out_or_refused(account: Account, sync: Any, sizes: Any) -> None:
    sync("evolve")
    grow(account, 42)

    left_out = sync("discard_value")
    assert (left_out.code, sizes()) == (0, [])
    assert "left out: shoe_size" in left_out.err

    grow(account, 43)
    frozen = sync("freeze")
    assert (frozen.code, sizes()) == (3, [])
    assert frozen.data["endpoints"][LIST]["status"] == "failed"
    assert frozen.data["endpoints"]["taxes"]["status"] == "ok"
    assert "new fields: shoe_size; schema_contract is freeze" in frozen.err

    stored = sync("evolve")
    assert (stored.code, sizes()) == (0, [43.0])


def test_another_word_is_refused(sync: Any) -> None:
    ended = sync("ignore")

    assert ended.code == 2
    assert "schema_contract: it must be evolve or discard_value or freeze" in ended.err
