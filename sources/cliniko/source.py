"""One dlt resource for each endpoint.

`cliniko_source()` is an ordinary dlt source: it needs nothing but dlt's settings.
`delivered()` yields batches that a run has extracted already, so that it can read on while
dlt loads them.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.extract import DltResource

from .api.client import Client
from .dlt_hints import expect_json_texts, marked
from .endpoints import ENDPOINTS
from .endpoints.spec import Endpoint
from .extract.batches import joined
from .extract.delivery import Delivery
from .extract.extractor import EndpointExtractor
from .extract.progress import ReadProgress, State
from .settings import ClinikoSettings, resolve
from .transform.privacy import rules


@dlt.source(name="cliniko", section="cliniko")
def cliniko_source(
    settings: ClinikoSettings | None = None,
    *,
    client: Client | None = None,
    readings: Mapping[str, ReadProgress] | None = None,
) -> Iterator[DltResource]:
    """The lists of one Cliniko account, as typed Arrow tables that dlt merges.

    settings:   the account's settings; without them they come from dlt's configuration,
                section `sources.cliniko`
    client:     what asks Cliniko; made from the settings if not given
    readings:   endpoint → its progress, in which the outcome is written. Only these are
                read; without them the first endpoint that fails ends the extract

    No request is sent before rows are asked for. Select with `with_resources`;
    `bookings` has to be selected, the others are from the start.
    """
    expect_json_texts()
    settings = settings or resolve()
    asked = client or Client(settings)
    extract = EndpointExtractor(settings, asked, rules(settings), readings)
    if client is None:
        weakref.finalize(extract, asked.close)  # nobody else knows when the last row was read
    for endpoint in [r.endpoint for r in readings.values()] if readings else ENDPOINTS.values():
        resource = dlt.resource(
            _rows,
            name=endpoint.name,
            selected=readings is not None or endpoint.by_default,
            parallelized=True,
        )
        yield resource(endpoint, extract)


def _rows(endpoint: Endpoint, extract: EndpointExtractor) -> Iterator[Any]:
    """The rows of one endpoint, which dlt asks for."""
    state: State = dlt.current.resource_state().setdefault(extract.settings.account, {})
    for batch in extract.rows(endpoint, state, dlt.current.source_schema().tables):
        yield marked(batch, load_id())


@dlt.source(name="cliniko", section="cliniko")
def delivered(deliveries: Sequence[Delivery], *, stateful: bool = True) -> Iterator[DltResource]:
    """What was read already, of one account or of several.

    stateful:  whether their cursors go into the state of the pipeline that loads them
    """
    for name in sorted(set[str]().union(*(one.endpoints for one in deliveries))):
        yield dlt.resource(_delivered, name=name)(name, deliveries, stateful)


def _delivered(name: str, deliveries: Sequence[Delivery], stateful: bool) -> Iterator[Any]:
    """The rows of one endpoint, and what is kept of it."""
    for delivery in deliveries:
        if stateful and name in delivery.states:
            dlt.current.resource_state()[delivery.account] = delivery.states[name]
    for batch in joined(b for one in deliveries for b in one.batches.get(name, ())):
        yield marked(batch, load_id())


def load_id() -> str:
    """The load package that the rows go into; none where somebody just looks at them."""
    container = Container()
    if LoadPackageStateInjectableContext not in container:
        return ""
    return container[LoadPackageStateInjectableContext].load_id
