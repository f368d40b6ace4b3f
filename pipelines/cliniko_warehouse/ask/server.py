"""The MCP server: four tools that read, for an assistant on this machine."""

import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import Annotated, Any

from pydantic import Field

from cliniko.endpoints import ALL_ENDPOINTS, schema
from cliniko.endpoints.schema import Table
from cliniko.errors import ClinikoError, ConfigError
from cliniko.transform.masking import EFFECTS
from cliniko.transform.types import SQL
from cliniko_warehouse.ask.session import Session
from cliniko_warehouse.ask.treatments import Seen, is_strict
from cliniko_warehouse.ledger.tables import LEDGER
from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.metrics import answer
from cliniko_warehouse.metrics.catalogue import described
from cliniko_warehouse.metrics.periods import FORMS
from cliniko_warehouse.metrics.question import Question
from cliniko_warehouse.paths import DATASET, MARTS

Tool = Callable[..., Any]

INSTRUCTIONS = """
The warehouse of a clinic's Cliniko account, to read. Take `metric` for figures: they are counted
as the clinic's definitions say. `tables` and `describe` say what else there is; `query` runs one
SELECT of DuckDB's SQL over the schemas marts (figures) and cliniko (raw lists). Never add up
accounts, and never average rates: add numerators and denominators. Privacy profile: {profile}.
"""


def serve(session: Session) -> None:
    """Answer on stdin and stdout until stdin ends."""
    server(session).run(transport="stdio", show_banner=False, log_level="ERROR")


def needed() -> None:
    """Import the library, with settings of our own. Raises ModuleNotFoundError."""
    for name in [name for name in os.environ if name.startswith("FASTMCP_")]:
        del os.environ[name]  # of another program
    os.environ["FASTMCP_ENV_FILE"] = os.devnull  # nor does a `.env` change anything
    os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"
    import fastmcp  # noqa: F401


def server(session: Session) -> Any:
    """The server of a session, not running yet."""
    needed()
    from fastmcp import FastMCP

    made = FastMCP(
        "cliniko",
        instructions=INSTRUCTIONS.format(profile=session.profile).strip(),
        mask_error_details=True,  # other errors than ours may quote a value
    )
    for tool in (tables, describe, metric, query):
        made.tool(_bound(tool, session), annotations={"readOnlyHint": True, "openWorldHint": False})
    return made


def _bound(tool: Tool, session: Session) -> Tool:
    """The tool for one session, as the protocol shows it: errors of ours in their own words."""
    from fastmcp.exceptions import ToolError

    @wraps(tool)
    def call(**arguments: Any) -> Any:
        try:
            return tool(session, **arguments)
        except ClinikoError as error:
            raise ToolError(str(error)) from None

    signature = inspect.signature(tool)
    own = [p for name, p in signature.parameters.items() if name != "session"]
    call.__signature__ = signature.replace(parameters=own)  # type: ignore[attr-defined]
    call.__annotations__ = {k: v for k, v in tool.__annotations__.items() if k != "session"}
    return call


def tables(session: Session) -> dict[str, Any]:
    """List the tables that can be queried, and the metrics that can be asked for, with meanings."""
    meanings = _meanings()
    return {
        "profile": session.profile,
        "tables": {name: meanings.get(name, "") for name in session.tables()},
        "metrics": {name: one.meaning for name, one in described().items()},
    }


def describe(
    session: Session,
    name: Annotated[str, Field(description="A table such as marts.fct_appointments, or a metric")],
) -> dict[str, Any]:
    """Say what a table's columns mean, or how a metric is defined and what it can be split by."""
    if name in described():
        one = described()[name]
        return {
            "metric": name,
            "meaning": one.meaning,
            "definition": one.definition,
            "unit": one.unit,
            "by": list(one.by),
            "period": "none: as of the build" if one.grain == "build" else f"by {one.grain}",
            "needs": list(one.needs),
        }
    there = session.tables()
    full = name if "." in name else next((n for n in there if n.endswith(f".{name}")), name)
    if full not in there:
        raise ConfigError(f"there is no table and no metric {name!r}: `tables` lists all")
    return {
        "table": full,
        "meaning": _meanings().get(full, ""),
        "columns": [_column(session, full, column) for column in there[full]],
    }


def metric(
    session: Session,
    name: Annotated[str, Field(description="A metric, as `tables` lists them")],
    period: Annotated[str, Field(description=f"Days: {FORMS}; empty for what is as of now")] = "",
    by: Annotated[
        list[str] | None, Field(description="Splits, such as practitioner or month")
    ] = None,
    filters: Annotated[
        dict[str, Any] | None,
        Field(description='Such as {"business": "Fitzroy"}; a value or a list, names or ids'),
    ] = None,
) -> dict[str, Any]:
    """Work out a figure as the clinic's definitions say; rows of several accounts stay apart."""
    found = answer.metric(session.ask, name, period, by or (), filters)
    if lacking := _left_out(session, found.question):
        raise ConfigError(f"{name} needs {lacking}, which the profile {session.profile} leaves out")
    return found.as_json()


def query(
    session: Session,
    sql: Annotated[str, Field(description="One SELECT in DuckDB's SQL")],
) -> dict[str, Any]:
    """Run one SELECT on a copy of the tables that it names; it cannot change or open anything."""
    return session.query(sql)


def _left_out(session: Session, asked: Question) -> str:
    """The first column that a figure rests on and the session does not show; empty if none."""
    formula = asked.formula
    known = {**formula.basis.times, **formula.basis.dimensions}
    keys = [known[name].key for name in (*asked.by, *asked.filters) if name in known]
    words = set(re.findall(r"\w+", " ".join([formula.numerator, formula.denominator, *keys])))
    for table in asked.tables:
        for column, (effect, _) in session.treatments[f"{MARTS}.{table}"].items():
            if effect == "drop" and column in words:
                return f"{table}.{column}"
    return ""


def _column(session: Session, table: str, column: str) -> dict[str, str]:
    """What a column means, and what the session's profile does to it."""
    kind, meaning = _columns().get(f"{table}.{column}", ("", ""))
    otherwise: Seen = ("drop" if is_strict(session.profile) else "keep", ())
    effect, _ = session.treatments[table].get(column, otherwise)
    told = {"column": column, "type": kind, "meaning": meaning}
    return told | ({"profile": EFFECTS[effect]} if effect != "keep" else {})


@cache
def _columns() -> Mapping[str, tuple[str, str]]:
    """Type and meaning of every column, by its full name."""
    raw = {
        f"{DATASET}.{table.name}.{column.name}": (SQL[column.kind], column.meaning)
        for table in _raw_tables()
        for column in table.columns
    }
    return raw | {
        f"{MARTS}.{mart.name}.{column.name}": (column.kind, column.meaning)
        for mart in marts()
        for column in mart.columns
    }


def _raw_tables() -> Iterator[Table]:
    """The tables of Cliniko's lists, and the ledger's."""
    for endpoint in ALL_ENDPOINTS.values():
        yield from schema.tables(endpoint)
    yield from LEDGER


@cache
def _meanings() -> Mapping[str, str]:
    """Each table's meaning, by its full name."""
    raw = {f"{DATASET}.{table.name}": table.meaning for table in _raw_tables()}
    return raw | {f"{MARTS}.{mart.name}": mart.meaning for mart in marts()}
