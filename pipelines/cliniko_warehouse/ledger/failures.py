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
def record_failures(runs: Sequence[Run], what: str = "") -> Iterator[None]:
    """Catch whatever breaks the block, and record it on the runs.

    dlt and database drivers raise anything; a night without anybody must end in a report.
    """
    try:
        yield
    except OtherAccount:
        raise  # the key is another account's: nothing was begun
    except Exception as error:
        log.debug("the run broke: %s", trace(error))
        ours = cause(error)
        public = said(ours) if isinstance(ours, ClinikoError) else type(ours).__name__
        local_text, public_text = (": ".join(filter(None, (what, w))) for w in (said(ours), public))
        for run in runs:
            run.fail(local_text, public_text)
