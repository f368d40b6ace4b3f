"""The source in somebody's own script: plain dlt, and what its extract does with errors."""

import gc
import warnings
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed
from harness import settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ConfigError
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.settings import ClinikoSettings
from cliniko.source import cliniko_source
from cliniko_warehouse.sandbox import Account, Served, faults

LASTING = 1_000  # times of a fault that does not pass


@pytest.fixture
def script(tmp_path: Path) -> dlt.Pipeline:
    """A pipeline as a script makes one."""
    return dlt.pipeline(
        "mine",
        destination=dlt.destinations.duckdb(str(tmp_path / "script.duckdb")),
        dataset_name="mine",
        pipelines_dir=str(tmp_path / "pipelines"),
    )


def value(pipeline: dlt.Pipeline, sql: str) -> Any:
    with pipeline.sql_client() as client:
        [[found]] = client.execute_sql(sql) or ()
    return found


def cursors(pipeline: dlt.Pipeline, name: str) -> Any:
    resources = pipeline.state.get("sources", {}).get("cliniko", {}).get("resources", {})
    return resources.get(name, {}).get("main", {}).get("cursors", {})


def test_making_a_source_sends_nothing(served: Served, settings: ClinikoSettings) -> None:
    cliniko_source(settings)

    assert len(served.log) == 0


def test_every_list_is_selected_but_those_that_repeat_others(settings: ClinikoSettings) -> None:
    source = cliniko_source(settings)

    assert set(source.resources) == set(ENDPOINTS)
    assert set(source.resources) - set(source.selected_resources) == {"bookings"}


def test_a_script_reads_what_it_selects_and_then_only_the_overlap(
    account: Account, served: Served, script: dlt.Pipeline
) -> None:
    settings = settings_for(served)
    script.run(cliniko_source(settings).with_resources("patients"))
    before = len(served.log)

    script.run(cliniko_source(settings).with_resources("patients"))

    assert value(script, "SELECT count(*) FROM patients") == account.count("patients")
    assert {entry.target.partition("?")[0] for entry in served.log} == {"/v1/patients"}
    assert ["updated_at%3A%3E%3D" in e.target for e in list(served.log)[before:]] == [True]


def test_settings_come_from_dlts_configuration_alone(
    account: Account, served: Served, script: dlt.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", served.api_key)
    monkeypatch.setenv("SOURCES__CLINIKO__BASE_URL", served.base_url)
    monkeypatch.setenv("SOURCES__CLINIKO__CONTACT_EMAIL", "tests@example.com")
    monkeypatch.setenv("SOURCES__CLINIKO__ACCOUNT", "north")

    script.run(cliniko_source().with_resources("taxes"))

    assert value(script, "SELECT count(*) FROM taxes WHERE _account = 'north'") == 3


def test_a_missing_setting_is_said_when_the_source_is_made() -> None:
    with pytest.raises(ConfigError, match="api_key: it is missing"):
        cliniko_source()


def test_in_a_script_an_error_ends_the_extract_and_moves_no_cursor(
    account: Account, settings: ClinikoSettings, script: dlt.Pipeline
) -> None:
    account.forbidden.add("users")

    with pytest.raises(PipelineStepFailed, match="403"):
        script.extract(cliniko_source(settings).with_resources("users", "taxes"))

    assert not script.has_pending_data
    assert cursors(script, "taxes") == {}


def test_a_followed_reading_says_its_error_and_the_others_go_on(
    account: Account, settings: ClinikoSettings, script: dlt.Pipeline
) -> None:
    account.forbidden.add("users")
    readings = begin_reads({name: ReadPlan(ENDPOINTS[name]) for name in ("users", "taxes")})

    script.extract(cliniko_source(settings, readings=readings))

    assert {n: r.status for n, r in readings.items()} == {"users": "not_permitted", "taxes": "ok"}
    assert cursors(script, "taxes") != {}


def test_a_refused_key_is_not_tried_on_every_list(
    served: Served, settings: ClinikoSettings, script: dlt.Pipeline
) -> None:
    served.faults.append(faults.status(401, times=LASTING))
    readings = begin_reads({name: ReadPlan(endpoint) for name, endpoint in ENDPOINTS.items()})

    script.extract(cliniko_source(settings, readings=readings), workers=4)

    assert len(served.log) < len(ENDPOINTS) / 2


def test_a_refused_key_ends_the_others_after_their_page_and_keeps_it(
    account: Account, served: Served, script: dlt.Pipeline
) -> None:
    def refuse(path: str, params: Any) -> None:
        if path == "/attendees":
            served.faults.append(faults.status(401, times=LASTING))

    account.before_answer.append(refuse)
    readings = begin_reads(
        {name: ReadPlan(ENDPOINTS[name]) for name in ("attendees", "communications")}
    )
    script.extract(cliniko_source(settings_for(served), readings=readings))
    script.normalize()
    script.load()

    assert readings["attendees"].rows == 100
    assert value(script, "SELECT count(*) FROM attendees") == 100


def test_rows_can_be_looked_at_without_a_pipeline(
    account: Account, settings: ClinikoSettings
) -> None:
    tables = list(cliniko_source(settings).with_resources("taxes"))

    assert sum(table.num_rows for table in tables) == account.count("taxes")


def test_the_connections_of_a_source_close_with_it(settings: ClinikoSettings) -> None:
    source = cliniko_source(settings).with_resources("taxes")
    assert len(list(source)) > 0

    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        del source
        gc.collect()

    assert unclosed == []


def test_an_empty_list_has_its_tables(settings: ClinikoSettings, script: dlt.Pipeline) -> None:
    readings = begin_reads({"patient_forms": ReadPlan(ENDPOINTS["patient_forms"])})

    script.extract(cliniko_source(settings, readings=readings))
    script.normalize()

    tables = set(script.default_schema.tables)
    assert {"patient_forms", "patient_forms__answers", "patient_forms__signatures"} <= tables
