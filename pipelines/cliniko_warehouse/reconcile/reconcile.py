"""Compare with the account: mark what has gone, fetch what is missing or differs."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from cliniko.api.client import Client
from cliniko.api.cpu_lock import holding_cpu
from cliniko.errors import Refused
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, State
from cliniko.pagination.list_request import PER_PAGE, ListRequest
from cliniko.pagination.page import Page, next_read_at
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse.ledger.runs import Checked, Run
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import extract_all
from cliniko_warehouse.reconcile.absence_proof import Budget
from cliniko_warehouse.reconcile.count_batcher import Count
from cliniko_warehouse.reconcile.diff import Comparison, diff_full_list
from cliniko_warehouse.reconcile.not_compared import bounded, doubt, reason_of
from cliniko_warehouse.reconcile.rolling_check import (
    EPOCH,
    USUAL,
    Round,
    left_for_pages,
    row_by_row,
)
from cliniko_warehouse.reconcile.row_contents import RowContents
from cliniko_warehouse.reconcile.row_counts import WarehouseRows, count, states
from cliniko_warehouse.warehouse.connection import exclusive_writes

THREADS = 8


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ReconcileOptions:
    """What a reconciliation may do.

    requests:     for searching and row by row, beyond the counts
    accept_gone:  whether to mark however many rows seem gone
    now:          what time it is, aware
    """

    requests: int = USUAL
    accept_gone: bool = False
    now: Callable[[], datetime] = _now


DEFAULTS = ReconcileOptions()


def reconcile(
    loader: AccountLoader,
    run: Run,
    client: Client,
    settings: ClinikoSettings,
    terms: ReconcileOptions,
    *,
    count: Count = count,
    exact: bool = False,
) -> None:
    """Count both sides of every list that was read, and mend what differs.

    count:  counts whole lists of the warehouse
    exact:  whether it gives values back as they were loaded, so that these are compared too

    A list that cannot be compared says so, stays as it is and makes the run partial; an
    answer that fails, or that says the list is empty, never marks a row. What is found is
    counted in the readings and in `run.checked`.
    """
    budget = Budget(terms.requests)
    kept, read = loader.states(), rules(settings)
    with loader.client() as connection:
        if exact:  # in a zone of the east, DuckDB cannot hand over the last hours of 9999
            connection.execute_sql("SET TimeZone = 'UTC'")
        comparisons = {
            name: Comparison(
                [
                    ListRequest(client, r.endpoint, path, r.notes, r.capacity)
                    for path in r.endpoint.paths
                ],
                WarehouseRows(
                    connection,
                    r.endpoint,
                    settings.account,
                    _until(kept.get(name, {})),
                    forgotten=bool(run.forgotten.get(name)),
                    left_out=frozenset(r.capacity.unreadable),
                    tells=exact,
                ),
                budget,
                terms.accept_gone,
            )
            for name, r in run.readings.items()
            if r.status == "ok" and r.offered and r.plan.moves_cursor and r.endpoint.shape == "list"
            if read.reads(r.endpoint)
        }
        count([one.rows_there for one in comparisons.values()])
        for name, comparison in comparisons.items():
            if kept.get(name, {}).get("rejected"):
                comparison.without_id = comparison.rows_there.without_id()
        seen = _count(comparisons, run)
        every = comparisons | seen
        for name, comparison in seen.items():
            with bounded(run, name, comparison):
                diff_full_list(comparison, run.readings[name].everything or ())
        _skip_suspiciously_empty(every, run, terms)
        before = {name: one.held() for name, one in every.items()}
        _search(comparisons, run)
        if exact:
            for name, comparison in comparisons.items():
                comparison.contents = RowContents.of(
                    comparison.rows_there, kept.get(name, {}), read, run.forgotten
                )
        sent = client.requests.total()
        budget.left = min(budget.left, left_for_pages(run, comparisons, sent, terms.requests))
        rolled = row_by_row(comparisons, kept, terms.now(), run)
        for name, comparison in every.items():
            _mark(comparison, run.readings[name], run, terms)
        _load(loader, comparisons, rolled, client, settings, run, kept)
        mended = [one.rows_there for one in comparisons.values() if one.records]
        for rows_there in mended:
            rows_there.recount()
        count(mended)
        for name, comparison in comparisons.items():
            with bounded(run, name, comparison):
                _settle(comparison, name, run)
        for name, comparison in every.items():
            rolled.note(comparison, run.readings[name], read_whole=name in seen)
            after = comparison.held()
            run.checked += [
                Checked(name, state, number, before[name][state], after[state])
                for state, number in comparison.counts.items()
            ]


def _settle(comparison: Comparison, name: str, run: Run) -> None:
    """See that both sides are equal now, or say so.

    Records without an id that are known no longer, since all that the account counts is
    here, are forgotten.
    """
    for state in comparison.counts:
        if comparison.doubted:
            return
        if not comparison.explains(state, comparison.counts[state]):
            comparison.counts[state] = comparison.count(state)  # it may have changed meanwhile
        there, here = comparison.counts[state], comparison.rows_there.count(state)
        if state == "all" and comparison.without_id and there == here:
            with exclusive_writes(comparison.rows_there.client):
                comparison.rows_there.forget_nameless()
            comparison.without_id = 0
        elif not comparison.explains(state, there):
            words = f"Cliniko counts {there} rows ({state}), and {here} are here"
            doubt(run, name, comparison, words)


def _until(state: State) -> datetime:
    """How far the list is read: what is created later is not expected to be here."""
    return datetime.fromisoformat(max(state.get("cursors", {}).values(), default=EPOCH.isoformat()))


def _count(comparisons: dict[str, Comparison], run: Run) -> dict[str, Comparison]:
    """The account's counts, side by side; lists that cannot be counted are left out.

    Those of them that were read whole are returned. A very first reading that has found
    just what Cliniko counted when it began needs no other count.
    """
    readings = run.readings
    here = {
        n: c.rows_there.count() for n, c in comparisons.items() if readings[n].expected is not None
    }

    def ask(name: str) -> None:
        expected = readings[name].expected
        if expected is not None and expected == here[name]:
            comparisons[name].counts["all"] = expected
            return
        with holding_cpu():
            for state in states(readings[name].endpoint):
                comparisons[name].counts[state] = comparisons[name].count(state)

    with ThreadPoolExecutor(THREADS) as threads:
        counted = {name: threads.submit(ask, name) for name in comparisons}
    seen: dict[str, Comparison] = {}
    for name, outcome in counted.items():
        error = outcome.exception()
        if error is None:
            continue
        if _is_unfiltered(error) and readings[name].everything is not None:
            seen[name] = comparisons.pop(name)
            continue
        if _is_unfiltered(error) and _has_as_many(comparisons[name]):
            del comparisons[name]  # more cannot be asked for without reading all of it
            continue
        doubt(run, name, comparisons[name], f"not compared with the account: {reason_of(error)}",
               "not compared with the account")  # fmt: skip
        del comparisons[name]
    return seen


def _has_as_many(comparison: Comparison) -> bool:
    """Whether a list that cannot be filtered has as many records as there are rows."""
    try:
        return comparison.explains("all", comparison.count_all())
    except Exception:  # whatever its answer leads to: then it is not known to be equal
        return False


def _is_unfiltered(error: BaseException | None) -> bool:
    """Whether an error says that the list cannot be filtered."""
    return isinstance(error, Refused) and error.status == 400


def _skip_suspiciously_empty(
    comparisons: Mapping[str, Comparison], run: Run, terms: ReconcileOptions
) -> None:
    """A list that is said to be empty, and was not, is left as it is."""
    for name, comparison in comparisons.items():
        if not comparison.counts["all"] and comparison.rows_there.count() and not terms.accept_gone:
            run.fail(f"{name}: the account says it is empty, so nothing was compared{ASK}")
            comparison.doubted = True
            comparison.counts.clear()
            comparison.gone.clear()


def _search(comparisons: Mapping[str, Comparison], run: Run) -> None:
    """Where counts differ, find out which rows."""
    for name, comparison in comparisons.items():
        with bounded(run, name, comparison):
            for state, number in comparison.counts.items():
                if not comparison.explains(state, number):
                    comparison.search(state, number)


ASK = "; if that is right, run `cliniko reconcile --accept-gone`"


def _mark(comparison: Comparison, reading: ReadProgress, run: Run, terms: ReconcileOptions) -> None:
    """Mark what is gone, unless it is so much that somebody has to look."""
    name, gone = reading.endpoint.name, len(comparison.gone)
    if comparison.is_much(gone) and not terms.accept_gone:
        comparison.doubted = True
        run.fail(f"{name}: {gone} rows seem gone from the account and are not marked{ASK}")
        return
    if gone:  # to take a turn is a call to another process, for each list of each account
        with exclusive_writes(comparison.rows_there.client):
            comparison.rows_there.mark_gone(comparison.gone, terms.now())
    reading.deleted = gone


def _load(
    loader: AccountLoader,
    comparisons: Mapping[str, Comparison],
    rolled: Round,
    client: Client,
    settings: ClinikoSettings,
    run: Run,
    kept: Mapping[str, State],
) -> None:
    """Load the records that were missing or differed, and keep where each list stands."""
    readings = {
        name: ReadProgress(
            ReadPlan(comparison.rows_there.endpoint, full=True),
            preset_pages=_pages(comparison),
            state_update=rolled.kept(name),
        )
        for name, comparison in comparisons.items()
        if comparison.records or rolled.places[name] != kept.get(name, {}).get("compared")
    }
    if not readings:
        return
    for name, comparison in comparisons.items():
        run.readings[name].filled = len(comparison.edited)
        run.readings[name].repaired = len(comparison.records) - len(comparison.edited)
    extract = EndpointExtractor(
        settings, client, rules(settings), readings, run.run_id, run.forgotten
    )
    loader.load(extract_all(extract, dict(kept), loader.tables()))
    for name, reading in readings.items():
        run.readings[name].new_fields |= reading.new_fields
        if reading.error:  # a new field under `schema_contract = "freeze"`, for example
            doubt(run, name, comparisons[name], reason_of(reading.error))


def _pages(comparison: Comparison) -> list[Page]:
    """The records in pages."""
    records = list(comparison.records.values())
    path = comparison.lists[0].path
    return [
        Page(path, records[at : at + PER_PAGE], next_read_at(), None)
        for at in range(0, len(records), PER_PAGE)
    ]
