"""A list that could not be compared: said in the report, and the run is partial."""

from collections.abc import Iterator
from contextlib import contextmanager

from cliniko.errors import ClinikoError
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.reconcile.absence_proof import BudgetExhausted
from cliniko_warehouse.reconcile.diff import Comparison, Unproven


def doubt(run: Run, name: str, comparison: Comparison, words: str, aloud: str = "") -> None:
    """Say of a list that it is not known to be equal; the run is partial.

    aloud:  the same without words of an answer
    """
    comparison.doubted = True
    run.readings[name].notes.append(words)
    run.fail(f"{name}: {words}", f"{name}: {aloud or words}")


def reason_of(error: BaseException) -> str:
    """What broke a comparison; of an error that is not ours its name alone."""
    return str(error) if isinstance(error, ClinikoError) else type(error).__name__


@contextmanager
def bounded(
    run: Run, name: str, comparison: Comparison, *, rolling: bool = False
) -> Iterator[None]:
    """A comparison that ends early says why and costs no other list; what it found holds.

    rolling:  whether it is done in turn, so that a page may wait for its next turn
    """
    try:
        yield
    except Unproven as unproven:
        words = f"{unproven.rows} rows seem gone; they are asked for by their ids next time"
        doubt(run, name, comparison, words)
    except BudgetExhausted:
        if not rolling:
            words = "differs from the account; the search goes on next time"
            doubt(run, name, comparison, words)
    except Exception as error:  # whatever a list's answers lead to
        words = "the comparison with the account broke off"
        doubt(run, name, comparison, f"{words}: {reason_of(error)}", words)
