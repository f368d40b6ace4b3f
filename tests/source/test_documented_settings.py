"""Documented settings count, whatever other programs have put into the environment or files."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from conftest import Cliniko
from dlt.common.configuration import resolve as resolver
from dlt.common.configuration.specs import BaseConfiguration
from equality import unlike
from harness import Warehouse, connected, fetched, tables

from cliniko.source import cliniko_source
from cliniko_warehouse.config.providers import is_documented, only_documented
from cliniko_warehouse.sandbox import Account, Served

LISTS = ("contacts", "referral_source_types")
ADDRESS = re.compile(r" object at 0x[0-9a-f]+")
Path_ = tuple[str, ...]


class Asked:
    """What dlt asks for while it resolves its configuration.

    names:  every name that it would look for, a section a step
    specs:  the kinds of configuration
    """

    def __init__(self) -> None:
        self.names: set[Path_] = set()
        self.specs: dict[tuple[type[BaseConfiguration], Path_], None] = {}

    def hear(self, patch: pytest.MonkeyPatch) -> None:
        look, fill = resolver.resolve_single_provider_value, resolver._resolve_configuration

        def looking(
            provider: Any,
            key: str,
            hint: Any,
            pipeline: str = "",
            section: str = "",
            sections: Path_ = (),
            embedded: Path_ = (),
        ) -> Any:
            for path in resolver._build_section_lookup_paths(sections, embedded, section, True):
                self.names.add(tuple(part for part in (pipeline, *path, key) if part))
            return look(provider, key, hint, pipeline, section, sections, embedded)

        def filling(config: Any, sections: Path_, embedded: Path_, *rest: Any) -> Any:
            if not embedded:
                self.specs[type(config), sections] = None
            return fill(config, sections, embedded, *rest)

        patch.setattr(resolver, "resolve_single_provider_value", looking)
        patch.setattr(resolver, "_resolve_configuration", filling)

    def foreign(self) -> set[str]:
        """The variables among them that no document of ours names."""
        return {"__".join(p).upper() for p in self.names if not is_documented(p)}


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={"contacts": 30, "referral_source_types": 5})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    with monkeypatch.context() as patch:
        found = Asked()
        found.hear(patch)
        yield found


def differences(account: Account, warehouse: Warehouse) -> list[str]:
    place = warehouse.url or warehouse.state_dir / "warehouse.duckdb"
    with connected(place, **({} if warehouse.url else {"read_only": True})) as db:
        found = {name: fetched(db, f'FROM cliniko."{name}"') for name in tables(db)}
    return [line for name in LISTS for line in unlike(name, list(account.rows(name)), found)]


@pytest.mark.parametrize("warehouse", ["duckdb", "postgres"], indirect=True)
def test_no_name_that_dlt_asks_for_changes_a_night_but_documented_ones(
    warehouse: Warehouse,
    served: Served,
    configured: Callable[..., None],
    cliniko: Cliniko,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured(api_key=served.api_key, base_url=served.base_url)
    options = ["--destination", warehouse.destination, "--state-dir", str(warehouse.state_dir)]
    assert cliniko("sync", *LISTS, *options).code == 0
    served.account.create("contacts", first_name="New")
    for command in (["check"], ["status"], ["state", "show"], ["reconcile", *LISTS], ["publish"]):
        assert cliniko(*command, *options).code == 0
    clean = {one: _values(*one) for one in asked.specs}

    foreign = asked.foreign()
    for name in foreign:
        monkeypatch.setenv(name, "hostile")
    ended = cliniko("sync", *LISTS, *options, "--json")

    assert len(foreign) > 600
    assert {"DEV_MODE", "REFRESH", "WORKERS", "ALERTS", "NORMALIZE__WORKERS"} < foreign
    assert (ended.code, ended.data["status"], "hostile" in ended.err) == (0, "ok", False), ended.err
    assert differences(served.account, warehouse) == []
    assert {one: found for one in clean if (found := _values(*one)) != clean[one]} == {}


def _values(spec: type[BaseConfiguration], sections: Path_) -> dict[str, str]:
    """The fields of a configuration as our commands resolve it."""
    with only_documented():
        try:
            made = resolver.resolve_configuration(spec(), sections=sections, accept_partial=True)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:200]}
        return {name: ADDRESS.sub("", str(value)) for name, value in dict(made).items()}


@pytest.mark.parametrize(
    "text",
    [
        'dev_mode = true\nrefresh = "drop_sources"\nworkers = 0\nstaging = "1"',
        '[load]\nworkers = 0\n[normalize]\nworkers = 0\n[schema]\nnaming = "direct"',
        '[runtime]\nlog_level = "DEBUG"\npipeline_name = "x"\n[pipelines]\ndev_mode = true',
        '[destination]\ndataset_name_layout = "x_%s"\n[destination.duckdb]\ncredentials = "x.db"',
        "[cliniko_main]\ndev_mode = true\n[sources.data_writer]\nfile_max_items = 1",
    ],
    ids=lambda text: text.split("\n")[0],
)
def test_a_folder_shared_with_another_dlt_project_changes_nothing(
    text: str, warehouse: Warehouse, connected: Served, cliniko: Cliniko
) -> None:
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text(text)

    ended = cliniko("sync", *LISTS, "--state-dir", str(warehouse.state_dir), "--json")

    assert (ended.code, ended.data["status"]) == (0, "ok")
    assert differences(connected.account, warehouse) == []


def test_dlts_own_variables_lead_to_no_other_project(
    warehouse: Warehouse,
    connected: Served,
    cliniko: Cliniko,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / "other" / ".dlt"
    other.mkdir(parents=True)
    (other / "config.toml").write_text('[sources.cliniko]\naccount = "another"')
    monkeypatch.setenv("DLT_PROJECT_DIR", str(other.parent))
    monkeypatch.setenv("DLT_DATA_DIR", str(other.parent))

    ended = cliniko("sync", *LISTS, "--state-dir", str(warehouse.state_dir), "--json")

    assert (ended.code, ended.data["account"]) == (0, "main")
    assert sorted(path.name for path in other.parent.iterdir()) == [".dlt"]


def test_a_pipeline_of_somebody_else_keeps_dlts_settings(
    connected: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATASET_NAME_LAYOUT", "mine_%s")
    with only_documented():
        assert dlt.config.get("dataset_name_layout") is None

    pipeline = dlt.pipeline(
        "other", str(tmp_path / "p"), destination=dlt.destinations.duckdb(str(tmp_path / "o.db")),
        dataset_name="cliniko",
    )  # fmt: skip
    pipeline.run(cliniko_source().with_resources("referral_source_types"))

    assert pipeline.dataset_name == "mine_cliniko"


def test_documented_names_are_found_in_both_files_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".dlt").mkdir()
    Path(".dlt/config.toml").write_text('[sources.cliniko]\napp_name = "from-file"')
    Path(".dlt/secrets.toml").write_text('[alerts]\nping_url = "https://ping.example/1"')
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", "s3://bucket")
    monkeypatch.setenv("RUNTIME__SENTRY_DSN", "https://sentry.example")
    with only_documented():
        assert dlt.config["sources.cliniko.app_name"] == "from-file"
        assert dlt.secrets["alerts.ping_url"] == "https://ping.example/1"
        assert dlt.config["destination.filesystem.bucket_url"] == "s3://bucket"
        assert dlt.config["runtime.sentry_dsn"] == "https://sentry.example"
        assert dlt.config["runtime.log_level"] == "CRITICAL"
        assert dlt.config["runtime.dlthub_telemetry"] is False
    assert os.environ["RUNTIME__SENTRY_DSN"]
