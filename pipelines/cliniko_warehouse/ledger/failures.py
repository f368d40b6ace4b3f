"""What breaks in a run ends in its report, not in a traceback."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cliniko.errors import ClinikoError, OtherAccount
from cliniko_warehouse.error_text import cause, said, trace
from cliniko_warehouse.ledger.runs import Run

LEDGER_FAILED = "the ledger could not be written"

log = logging.getLogger("cliniko")


@contextmanager
def told(runs: Sequence[Run], what: str = "") -> Iterator[None]:
    """Whatever breaks ends the block, and the runs say so.

    dlt and database drivers raise anything; a night without anybody must end in a report.
    """
    try:
        yield
    except OtherAccount:
        raise  # nothing was begun
    except Exception as error:
        log.debug("the run broke: %s", trace(error))
        ours = cause(error)
        aloud = said(ours) if isinstance(ours, ClinikoError) else type(ours).__name__
        for run in runs:
            run.fail(*(": ".join(filter(None, (what, words))) for words in (said(ours), aloud)))
