"""How a real account differs from what we believe: names, counts and kinds, never a value."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx

from cliniko.api import filters
from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.errors import Forbidden, NotFound, Refused
from cliniko.settings import ClinikoSettings
from cliniko.transform.schema_drift import Drift
from cliniko.transform.tables import typed

PAGE = [("per_page", "100"), ("sort", "updated_at:desc")]


class Recorder(httpx.BaseTransport):
    """Real requests; remembers which headers came back."""

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()
        self.headers: dict[int, set[str]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        names = {name.lower() for name in response.headers}
        self.headers.setdefault(response.status_code, set()).update(names)
        return response

    def close(self) -> None:
        self._inner.close()


def differences(settings: ClinikoSettings) -> Iterator[str]:
    """Every difference, a line each; about three requests a list."""
    recorder = Recorder()
    with Client(settings, transport=recorder) as client:
        for endpoint in ENDPOINTS.values():
            yield from (f"{endpoint.name}: {line}" for line in _of(client, endpoint))
    for status, names in sorted(recorder.headers.items()):
        told = sorted(n for n in names if "rate" in n or "retry" in n)
        yield f"answers {status} carry the headers {told or 'without a rate limit'}"


def _of(client: Client, endpoint: Endpoint) -> Iterator[str]:
    opted = filters.query(filters.anything(mark) for mark in endpoint.hidden)
    params = [] if endpoint.shape != "list" else [*opted, *PAGE]
    try:
        body = client.get(endpoint.paths[0], params).body
    except (Forbidden, NotFound) as error:
        yield f"answers {error.status}"
        return
    except Refused as error:
        yield f"refuses our request: {error.detail}"
        body = client.get(endpoint.paths[0]).body
    records = [body] if endpoint.shape == "singleton" else body.get(endpoint.name, [])
    if not records:
        yield "is empty, so nothing can be compared"
        return
    yield from _fields(endpoint, records)
    if endpoint.shape == "list":
        yield from _times(endpoint, records)
        yield from _counts(client, endpoint)
        yield from _finer(client, endpoint)


def _fields(endpoint: Endpoint, records: list[Record]) -> Iterator[str]:
    """Fields that nobody described, fields that never come, values of another kind."""
    found: Drift = {}
    result = typed(endpoint, records, "live", datetime.now(UTC), found)
    for table, columns in found.items():
        for column, kind in columns.values():
            yield f"new field {table}.{column} ({kind})"
    for rejection in {(r.field, r.reason) for r in result.rejected}:
        yield f"{rejection[0]}: {rejection[1]}"
    steps = {field.name.partition("__")[0] for field in endpoint.columns}
    for step in sorted(steps - {key for record in records for key in record}):
        yield f"field {step} is in none of {len(records)} records"


def _times(endpoint: Endpoint, records: list[Record]) -> Iterator[str]:
    """Whether marks move `updated_at`, and whether its times are finer than a second."""
    if any("." in str(record.get("updated_at")) for record in records):
        yield "updated_at has fractions of a second"
    for mark in endpoint.hidden:
        marked = [r for r in records if r.get(mark)]
        late = sum(str(r[mark]) > str(r["updated_at"]) for r in marked)
        if marked:
            yield f"{late} of {len(marked)} records have {mark} after updated_at"
    both = [r for r in records if "deleted_at" in r and "archived_at" in r]
    unlike = sum(r["deleted_at"] != r["archived_at"] for r in both)
    if unlike:
        yield f"{unlike} of {len(both)} records have deleted_at unlike archived_at"


def _counts(client: Client, endpoint: Endpoint) -> Iterator[str]:
    """What each opt-in shows alone, and all of them together."""
    if len(endpoint.hidden) < 2:
        return
    choices = [(), *((mark,) for mark in endpoint.hidden), endpoint.hidden]
    counts = {" + ".join(marks) or "none": _count(client, endpoint, *marks) for marks in choices}
    yield f"opt-ins → total_entries: {counts}"


def _count(client: Client, endpoint: Endpoint, *marks: str) -> object:
    params = [*filters.query(filters.anything(mark) for mark in marks), ("per_page", "1")]
    try:
        return client.get(endpoint.paths[0], params).body.get("total_entries")
    except Refused as error:
        return f"{error.status} {error.detail}"


def _finer(client: Client, endpoint: Endpoint) -> Iterator[str]:
    """Whether a filter takes fractions of a second; asked of one list only."""
    if endpoint.name != "patients":
        return
    try:
        client.get("/patients", [("q[]", "updated_at:>=2020-01-01T00:00:00.5Z"), ("per_page", "1")])
        yield "a filter takes fractions of a second"
    except Refused as error:
        yield f"a filter refuses fractions of a second: {error.detail}"
