"""One dlt resource for each endpoint.

`cliniko_source()` is an ordinary dlt source: it needs nothing but dlt's settings. A run
in checkpoints passes its own readings, so that a walk goes on where it stopped, and a
`pause` that ends a checkpoint.
"""

import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.container import Container
from dlt.common.storages.load_package import LoadPackageStateInjectableContext
from dlt.extract import DltResource

from sources.cliniko.catalogue import REJECTED
from sources.cliniko.client import Client
from sources.cliniko.endpoints import ENDPOINTS
from sources.cliniko.errors import ClinikoError, Malformed, Unauthorized
from sources.cliniko.forgotten import FORGOTTEN, Forgotten
from sources.cliniko.model import Endpoint
from sources.cliniko.package import Package
from sources.cliniko.privacy import Rules, rules, stays
from sources.cliniko.reading import Reading, State
from sources.cliniko.repeats import Repeats
from sources.cliniko.settings import ClinikoSettings, resolve

UNEXPECTED = (ClinikoError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What an answer may lead to: what we expect of it, and what only a hostile one can."""

Pause = Callable[[], bool]

FEW = 2  # other walks at work; a big list is split once there are no more, and budget is left over


def never() -> bool:
    """The pause of an extract that reads to the end."""
    return False


@dataclass(frozen=True)
class Extract:
    """What the resources of one extract share.

    readings:   how each endpoint is read; None if nobody follows it
    rules:      what of it is kept
    forgotten:  records of patients who are to be forgotten
    begun:      those that were begun, if nobody follows them
    """

    settings: ClinikoSettings
    client: Client
    readings: Mapping[str, Reading] | None
    pause: Pause
    run_id: str
    rules: Rules
    forgotten: Forgotten
    begun: list[Reading] = field(default_factory=list)

    @property
    def locked_out(self) -> bool:
        """Whether the key was refused, so that nothing more can be read."""
        known = self.readings.values() if self.readings else ()
        return any(isinstance(reading.error, Unauthorized) for reading in known)

    def reading(self, endpoint: Endpoint) -> Reading:
        """Where the endpoint's reading stands; a new one if nobody follows it."""
        if self.readings:
            return self.readings[endpoint.name]
        self.begun.append(Reading(endpoint))
        return self.begun[-1]

    def is_idle(self, beside: Reading) -> bool:
        """Whether so little is read besides that budget is left over."""
        known = self.readings.values() if self.readings else self.begun
        others = (one for one in known if one is not beside and one.status == "unread")
        return self.client.leaves_budget and sum(one.at_once for one in others) <= FEW


@dlt.source(name="cliniko", section="cliniko")
def cliniko_source(
    settings: ClinikoSettings | None = None,
    *,
    client: Client | None = None,
    readings: Mapping[str, Reading] | None = None,
    pause: Pause = never,
    run_id: str = "",
    forgotten: Forgotten | None = None,
) -> Iterator[DltResource]:
    """The lists of one Cliniko account, as typed Arrow tables that dlt merges.

    settings:   the account's settings; without them they come from dlt's configuration,
                section `sources.cliniko`
    client:     what asks Cliniko; made from the settings if not given
    readings:   endpoint → how to read it. Exactly these are read, and how each one ended
                is written there; without them an endpoint that fails ends the extract
    pause:      asked after every page; the extract ends where it says true
    run_id:     stored beside rejected records
    forgotten:  records that are left out, but for a row in `_forgotten`

    No request is sent before rows are asked for. Select with `with_resources`;
    `bookings` has to be selected, the others are from the start.
    """
    settings = settings or resolve()
    asked = client or Client(settings)
    extract = Extract(settings, asked, readings, pause, run_id, rules(settings), forgotten or {})
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


def _rows(endpoint: Endpoint, extract: Extract) -> Iterator[Any]:
    """The rows of one endpoint, from where its reading stands to its end or to a pause.

    If it cannot be read to its end, what was read is kept. If somebody follows the
    reading, it says so there, and the other endpoints go on.
    """
    reading = extract.reading(endpoint)
    state: State = dlt.current.resource_state().setdefault(extract.settings.account, {})
    _mark(state, extract.rules.mark(endpoint))
    package = Package(
        endpoint,
        extract.settings.account,
        extract.run_id,
        _load_id(),
        state,
        extract.rules,
        extract.forgotten,
    )
    try:
        yield from _taken(reading, extract, package, state)
    except UNEXPECTED as error:
        # One list that is beyond understanding must not cost the others their night.
        known = error if isinstance(error, ClinikoError) else _strange(error)
        reading.end(known, state)
        if extract.readings is None and reading.error:
            raise
    missing = _missing(package)
    if endpoint.shape == "list" or not reading.offered:
        package.empty(missing)
        yield from package.batches(least=0)
    elif reading.status == "ok":
        changed = package.whole()
        if changed or missing or not reading.goes_on:
            yield from package.batches(least=0)


def _taken(reading: Reading, extract: Extract, package: Package, state: State) -> Iterator[Any]:
    """Put page after page into the package, and hand over what fills a batch."""
    if extract.locked_out:
        return
    if not extract.rules.reads(reading.endpoint):
        reading.leave_out(extract.rules.profile)
        return
    repeats = Repeats(state.setdefault("recent", {}))
    overlap = timedelta(minutes=extract.settings.overlap_minutes)
    try:
        idle = partial(extract.is_idle, reading)
        for page in reading.pages(extract.client, state, overlap, idle):
            if not package.fits(page):
                reading.hold(page)
                return
            reading.note(package.add(repeats.without(page) if reading.goes_on else page))
            reading.new_fields |= package.new_fields
            reading.left_out |= package.left_out
            reading.keep(page, state)
            if reading.endpoint.shape != "list":
                continue  # a list that is swapped in one step is handed over in one
            repeats.remember(page)
            yield from package.batches()
            if extract.pause() or extract.locked_out:
                return
        reading.done(state)
    finally:
        repeats.settle(package.refused)


def _strange(error: Exception) -> Malformed:
    """An error that no answer should lead to, without its text, which may quote one."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return Malformed(
        f"an answer that cannot be understood ({type(error).__name__} at "
        f"{Path(last.filename).name}:{last.lineno}); please report this"
    )


def _mark(state: State, mark: dict[str, Any]) -> None:
    """Note how the rows are treated from now on; if otherwise than before, read them again.

    Where values are only left out now, no reading is needed: see `pipelines.rewrite`.
    """
    if not stays(state.get("privacy"), mark):
        for name in ("cursors", "ranges", "recent", "content"):
            state.pop(name, None)
    state["privacy"] = mark


def _load_id() -> str:
    """The load package that the rows go into; none where somebody just looks at them."""
    container = Container()
    if LoadPackageStateInjectableContext not in container:
        return ""
    return container[LoadPackageStateInjectableContext].load_id


def _missing(package: Package) -> list[str]:
    """The endpoint's tables that no load has made yet."""
    made = dlt.current.source_schema().tables
    beside = (REJECTED, FORGOTTEN.name)
    return [name for name in package.tables if name not in beside and name not in made]
