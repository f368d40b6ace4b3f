"""Every payload of the vendor's documentation: over HTTP, through a real run, back from DuckDB.

What is expected is read from the payload alone, never by way of `tables`.
"""

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import SHARED
from harness import connected, fetched, tables

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS, schema
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.settings import resolve
from cliniko.source import delivered
from cliniko.transform.privacy import rules
from cliniko_warehouse.load.checkpoints import extract_all
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.warehouse import warehouse

EXAMPLES = SHARED / "examples"

SKIPPED = {
    "available_times": "a view of one practitioner's free times on chosen days",
    "legacy/available_times": "a view of one practitioner's free times on chosen days",
    "individual_appointment_conflicts": "a view of one appointment",
    "legacy/conflicts": "a view of one appointment",
    "patient_referral_source": "a view of one patient; referral_sources lists the same records",
    "signatures": "served for one signature only; the API has no list of them",
}
SINGLETONS = {
    "settings": "settings",
    "settings_public": "settings_public",
    "user": "user",
    "legacy/settings": "settings",
    "legacy/public_settings": "settings_public",
    "legacy/authenticated_user": "user",
}
HELD = {
    f"{table.name}.{column.name}": "keep"
    for endpoint in ENDPOINTS.values()
    for table in schema.tables(endpoint)
    for column in table.columns
    if column.privacy == "credential"
}
"""Links that work for whoever holds them are stored only where they are named."""
IN_SECTIONS = {
    "treatment_notes": "answers",
    "patient_forms": "answers",
    "treatment_note_templates": "questions",
    "patient_form_templates": "questions",
    "patients": "custom_fields",
    "settings": "custom_fields",
    "settings_public": "custom_fields",
}
"""Where the elements of a document's sections are found as rows."""

FILES = (
    sorted(
        path.relative_to(EXAMPLES).with_suffix("").as_posix() for path in EXAMPLES.rglob("*.json")
    )
    if EXAMPLES.exists()
    else []
)
READ = [name for name in FILES if name not in SKIPPED]
NEW = [name for name in READ if not name.startswith("legacy/")]
LEGACY = [name for name in READ if name.startswith("legacy/")]

WITHOUT_ID = ["legacy/deleted_patients", "legacy/referral_sources"]

pytestmark = pytest.mark.skipif(not FILES, reason=f"the vendor's examples are not at {EXAMPLES}")

Record = dict[str, Any]


@dataclass
class Loaded:
    """What was served as which account, and the rows that came of it."""

    served: dict[tuple[str, str], tuple[str, str, list[Record]]] = field(default_factory=dict)
    rows: dict[str, list[Record]] = field(default_factory=dict)
    types: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, table: str, account: str) -> list[Record]:
        return [row for row in self.rows.get(table, []) if row["_account"] == account]


def payload(name: str) -> tuple[str, list[Record]]:
    """The endpoint of a file, and its records."""
    whole = json.loads((EXAMPLES / f"{name}.json").read_text())
    if name in SINGLETONS:
        return SINGLETONS[name], [whole]
    [key] = [key for key, value in whole.items() if isinstance(value, list)]
    return key, whole[key]


def facts() -> dict[str, dict[str, str]]:
    """Endpoint → field → type, as known of the API."""
    known = yaml.load(
        (SHARED / "resources.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return {
        one["name"]: {name: fact["type"] for name, fact in one["fields"].items()}
        for one in known["resources"]
    }


def filled(kinds: dict[str, str], records: list[Record], numbers: Iterator[int]) -> list[Record]:
    """The records with believable values where the vendor wrote "string" for no text."""
    result = copy.deepcopy(records)
    for record in result:
        for name, value in record.items():
            link = record.get(name.removesuffix("_id")) if name.endswith("_id") else None
            kind = "bigint_string" if name == "id" else kinds.get(name, "string")
            if value != "string" or kind == "string":
                continue
            if kind == "bigint_string":
                record[name] = last(link) if link else str(next(numbers))
            else:
                record[name] = f"{next(numbers) % 9973}.{next(numbers) % 89 + 10}"
    return result


def accounts() -> dict[tuple[str, str], tuple[str, str, list[Record]]]:
    """(file, version) → account, endpoint, records. No account has two records of one id."""
    numbers = count(9_007_199_254_740_993_001)
    kinds = facts()
    result: dict[tuple[str, str], tuple[str, str, list[Record]]] = {}
    taken: set[tuple[str, str, str]] = set()
    for name in READ:
        endpoint, records = payload(name)
        versions = {"as it is": records}
        if name in NEW:
            better = filled(kinds.get(endpoint, {}), records, numbers)
            versions = {"filled": better} | ({"as it is": records} if better != records else {})
        for version, some in versions.items():
            whole = ENDPOINTS[endpoint].shape != "list"
            ids = {"" if whole else str(record.get("id")) for record in some}
            account = next(
                f"account{n}"
                for n in count()
                if not any((f"account{n}", endpoint, one) in taken for one in ids)
            )
            taken |= {(account, endpoint, one) for one in ids}
            result[name, version] = account, endpoint, some
        if name in NEW:
            result.setdefault((name, "as it is"), result[name, "filled"])
    return result


def answers(served: dict[tuple[str, str], tuple[str, str, list[Record]]]) -> dict[str, bytes]:
    """Path → answer."""
    lists: dict[tuple[str, str], list[Record]] = {}
    for account, served_as, records in served.values():
        known = lists.setdefault((account, served_as), [])
        known += [record for record in records if record not in known]
    bodies = {}
    for (owner, name), records in lists.items():
        endpoint = ENDPOINTS[name]
        first, *others = endpoint.paths
        records.sort(key=lambda record: record.get("updated_at", ""))
        body = records[0] if endpoint.shape == "singleton" else listed(name, records)
        bodies[f"/{owner}/v1{first}"] = json.dumps(body).encode()
        for path in others:
            bodies[f"/{owner}/v1{path}"] = json.dumps(listed(name, [])).encode()
    return bodies


def listed(name: str, records: list[Record]) -> Record:
    return {name: records, "total_entries": len(records), "links": {}}


@contextmanager
def http(bodies: dict[str, bytes]) -> Iterator[str]:
    """A server on loopback that knows these answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies.get(self.path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, where: str) -> Iterator[Loaded]:
    """Everything, served and loaded: an extract for each account, then one load."""
    state_dir = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", where)
        patch.chdir(state_dir)
        result = Loaded(accounts())
        store = warehouse("postgres" if where else "duckdb", state_dir)
        flow = pipeline(store, "main", state_dir)
        with http(answers(result.served)) as root:
            for account in sorted({account for account, _, _ in result.served.values()}):
                extract(flow, root, account, result)
        flow.normalize()
        flow.load()
        with connected(where or store.file or "") as db:
            read(db, result)
        yield result


def extract(flow: Any, root: str, account: str, loaded: Loaded) -> None:
    settings = resolve(
        api_key="examples-au1",
        base_url=f"{root}/{account}/v1",
        account=account,
        contact_email="tests@example.com",
        requests_per_minute=100_000,
        privacy_columns=HELD,
    )
    names = {endpoint for owner, endpoint, _ in loaded.served.values() if owner == account}
    readings = begin_reads({name: ReadPlan(ENDPOINTS[name]) for name in names})
    with Client(settings) as client:
        extract = EndpointExtractor(settings, client, rules(settings), readings, "one")
        flow.extract(delivered([extract_all(extract, {}, ())]))
    assert {name: r.message for name, r in readings.items() if r.status != "ok"} == {}


def read(db: Any, loaded: Loaded) -> None:
    """Every table, with the types of its columns."""
    for name, types in tables(db).items():
        if not name.startswith("_dlt"):
            loaded.types[name] = types
            loaded.rows[name] = fetched(db, f'FROM cliniko."{name}"')


def last(link: Any) -> str:
    """What stands last in the path of a link."""
    return str(link["links"]["self"]).partition("?")[0].rstrip("/").rpartition("/")[2]


def is_link(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"links"}


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def same(stored: Any, sent: Any, kind: str) -> bool:
    """Whether a column of that type holds what was sent, in that type's own way."""
    if sent is None or (sent == "" and kind != "VARCHAR"):
        return stored is None
    if isinstance(sent, (dict, list)):
        return isinstance(stored, str) and json.loads(stored) == sent
    if isinstance(sent, bool) or isinstance(stored, bool):
        return stored is sent
    if isinstance(stored, datetime):
        return bool(stored == datetime.fromisoformat(sent)) and stored.utcoffset() is not None
    if isinstance(stored, date):
        return bool(stored.isoformat() == sent)
    if isinstance(stored, time):
        return bool(stored.strftime("%H:%M") == sent)
    if isinstance(stored, (int, Decimal)):
        return stored == Decimal(str(sent))
    return stored == sent and not INSTANT.fullmatch(sent)


class Comparison:
    """Looks for each value of a record, and writes down what is not found as it was sent."""

    def __init__(self, loaded: Loaded, account: str, endpoint: str) -> None:
        self.loaded, self.account, self.endpoint = loaded, account, endpoint
        self.missing: list[str] = []
        self.compared = 0

    def record(self, sent: Record) -> list[str]:
        rows = self.loaded.of(self.endpoint, self.account)
        if ENDPOINTS[self.endpoint].shape == "list":
            rows = [row for row in rows if row["id"] == int(sent["id"])]
        if len(rows) != 1:
            return [f"{len(rows)} rows"]
        for name, value in sent.items():
            self.field(name, value, rows[0], sent)
        return self.missing

    def field(self, name: str, value: Any, row: Record, sent: Record) -> None:
        if name == "links":
            self.missing += [f"links.{key}" for key in value if key != "self"]
        elif is_link(value):
            if last(value).isdigit():
                self.value(f"{name}_id", int(last(value)), row)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            self.children(name, [self.plain(name, one) for one in value], sent)
        elif isinstance(value, dict) and name not in row:
            for inner, one in value.items():
                self.value(f"{name}__{inner}", one, row)
        else:
            self.value(name, value, row)
            if isinstance(value, dict) and "sections" in value:
                self.children(IN_SECTIONS[self.endpoint], list(in_sections(value)), sent)

    def plain(self, name: str, element: Record) -> Record:
        """An element as a row; one that is itself a link has its id."""
        return {f"{name.removesuffix('s')}_id": last(element)} if is_link(element) else element

    def children(self, name: str, elements: list[Record], sent: Record) -> None:
        table = f"{self.endpoint}__{name}"
        rows = self.loaded.of(table, self.account)
        if ENDPOINTS[self.endpoint].shape == "list":
            parent = next(name for name in self.loaded.types[table] if name.endswith("_id"))
            rows = [row for row in rows if row[parent] == int(sent["id"])]
        rows.sort(key=lambda row: int(row["position"]))
        if [row["position"] for row in rows] != list(range(len(elements))):
            self.missing.append(f"{table}: {len(rows)} rows for {len(elements)}")
            return
        for row, element in zip(rows, elements, strict=True):
            for inner, value in element.items():
                self.value(inner, value, row, table)

    def value(self, column: str, sent: Any, row: Record, table: str = "") -> None:
        self.compared += 1
        types = self.loaded.types[table or self.endpoint]
        kind = types.get(column, "no column")
        if sent is not None and not same(row.get(column), sent, kind):
            self.missing.append(f"{table} {column} ({kind}): {sent!r} became {row.get(column)!r}")
        if sent is None and row.get(column) is not None:
            self.missing.append(f"{table} {column}: null became {row[column]!r}")


def in_sections(document: Record) -> Iterator[Record]:
    """The elements of a document's sections, with what is said of the section."""
    for section in document["sections"]:
        [elements] = [value for value in section.values() if isinstance(value, list)]
        around = {
            f"section_{key}".removesuffix("_name"): value
            for key, value in section.items()
            if not isinstance(value, list)
        }
        for element in elements:
            yield around | element


def differences(loaded: Loaded, name: str, version: str) -> list[str]:
    account, endpoint, records = loaded.served[name, version]
    return [
        problem
        for sent in records
        for problem in Comparison(loaded, account, endpoint).record(sent)
    ]


def whole_among_rejected(loaded: Loaded, account: str, endpoint: str, sent: Record) -> bool:
    """Whether the record is in `_rejected` as it was sent."""
    rejected = [r for r in loaded.of("_rejected", account) if r["endpoint"] == endpoint]
    return any(json.loads(row["raw"]) == sent for row in rejected)


@pytest.mark.parametrize("name", NEW)
def test_an_example_is_in_the_warehouse_value_by_value(loaded: Loaded, name: str) -> None:
    problems = differences(loaded, name, "filled")

    assert problems == []


@pytest.mark.parametrize("name", [name for name in LEGACY if name not in WITHOUT_ID])
def test_an_older_example_is_in_the_warehouse_value_by_value(loaded: Loaded, name: str) -> None:
    problems = differences(loaded, name, "as it is")

    assert problems == []


def test_nothing_with_a_usable_id_is_rejected_but_for_the_user_with_placeholders(
    loaded: Loaded,
) -> None:
    rejected = loaded.rows["_rejected"]

    fields = {(row["endpoint"], row["field"]) for row in rejected if row["field"] != "id"}
    users = [row["field"] for row in rejected if row["endpoint"] == "user"]

    assert fields == set()
    assert users == ["id"]


@pytest.mark.parametrize("name", NEW)
def test_an_example_with_placeholders_is_whole_among_the_rejected(
    loaded: Loaded, name: str
) -> None:
    account, endpoint, records = loaded.served[name, "as it is"]

    impossible = [record for record in records if record.get("id") == "string"]
    rejected = [whole_among_rejected(loaded, account, endpoint, one) for one in impossible]

    assert all(rejected)
    assert bool(impossible) == (endpoint not in ("settings", "settings_public", "services"))


def test_every_row_of_a_list_is_that_of_a_record_with_an_id(loaded: Loaded) -> None:
    lists = [(a, e, r) for a, e, r in loaded.served.values() if ENDPOINTS[e].shape == "list"]
    sent = {(a, e, str(one.get("id"))) for a, e, records in lists for one in records}
    usable = {key for key in sent if key[2].isdigit()}

    names = {endpoint for _, endpoint, _ in lists}
    rows = {(row["_account"], n, str(row["id"])) for n in names for row in loaded.rows[n]}

    assert rows == usable


@pytest.mark.parametrize("name", WITHOUT_ID)
def test_an_older_example_without_an_id_is_among_the_rejected(loaded: Loaded, name: str) -> None:
    account, endpoint, records = loaded.served[name, "as it is"]

    [record] = records

    assert whole_among_rejected(loaded, account, endpoint, record)


def test_every_example_is_read_or_left_out_for_a_reason() -> None:
    known = set(ENDPOINTS)

    endpoints = {payload(name)[0] for name in READ}

    assert endpoints <= known
    assert set(SKIPPED) <= set(FILES)


def test_the_comparison_notices_a_value_that_changed(loaded: Loaded) -> None:
    account, endpoint, [sent] = loaded.served["patients", "filled"]
    changed = sent | {"first_name": "Somebody", "date_of_birth": "1999-12-31"}

    problems = Comparison(loaded, account, endpoint).record(changed)

    assert len(problems) == 2


def test_the_examples_are_taken_apart_into_many_values(loaded: Loaded) -> None:
    compared = 0

    for account, endpoint, records in loaded.served.values():
        comparison = Comparison(loaded, account, endpoint)
        for sent in records:
            if str(sent.get("id")).isdigit():
                comparison.record(sent)
        compared += comparison.compared

    assert compared > 1_000


def test_instants_came_back_in_utc(loaded: Loaded) -> None:
    [sent] = loaded.served["individual_appointments", "filled"][2]
    [row] = [r for r in loaded.rows["individual_appointments"] if str(r["id"]) == sent["id"]]

    starts_at = row["starts_at"]

    assert starts_at == datetime(2019, 8, 24, 14, 15, 22, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(SKIPPED))
def test_a_view_has_no_list_of_its_own(name: str) -> None:
    if name not in FILES:
        pytest.skip("not among the vendor's examples")

    stem = Path(name).name

    assert stem not in ENDPOINTS
