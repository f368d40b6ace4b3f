"""What is odd in the data, as figures: the rows that a warning of the marts counts."""

import re

from cliniko_warehouse.metrics.spec import Basis, counted
from cliniko_warehouse.overview.figures.facts import Fact
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.queries import Question

KEY = "warning-"
ELSEWHERE = "marts_staging."  # what stands there is not copied from Postgres
WARNING = """
SELECT table_name, meaning, query FROM marts.mart_data_warnings
WHERE _account = $account AND warning = $warning"""


def can_be_listed(query: str) -> bool:
    """Whether the rows of a warning's query are in the marts themselves."""
    return ELSEWHERE not in query


def warning(question: Question, key: str) -> Figure | None:
    """The figure of a warning; None if this night has no such one."""
    named = key.removeprefix(KEY)
    found = question.ask(WARNING, warning=named).fetchall() if named != key else []
    if not found or not can_be_listed(found[0][2]):
        return None
    [(table, meaning, query)] = found
    _, _, condition = query.partition(" AS found WHERE ")
    basis = Basis(table, "build", where=re.sub(r"\bfound\.", "f.", condition))
    return Figure(key, f"{meaning[:1].upper()}{meaning[1:]}", Fact(basis), counted(basis))
