"""What a query may be: one SELECT, of the tables that it names, with functions for questions."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb

FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
"""Functions that may stand in FROM: none of them reads anything."""
REFUSED = re.compile(
    r"(duckdb|pragma|read|write|getenv|getvariable|current_setting|json_execute|json_serialize_plan"
    r"|sleep|query|which_secret|sniff|glob|icu_|sql_auto|nextval|currval|txid|set_)\w*|"
    r"(current|last)_(query|profile)\w*|in_search_path|error|version"
)
"""Scalar functions that are of no use to a question; the locks hold without this list."""
NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "CTE_NODE", "RECURSIVE_CTE_NODE"})
INSIDE = re.compile(r"(duckdb|pragma|pg|sqlite)_\w*", re.IGNORECASE)


class RefusedQuery(Exception):
    """The query is not one that is run here; the text says why."""


def read(
    db: duckdb.DuckDBPyConnection, sql: str, there: Mapping[str, Any], schemas: Sequence[str]
) -> tuple[list[str], set[str] | None]:
    """The tables that a query names, and its words if columns can be told by them.

    schemas:  where a table may be that is named without its schema

    Only speed rests on it: a table that it does not see is not copied, so the query fails.
    Raises RefusedQuery for what is not run here.
    """
    tree = _tree(db, sql)
    names: set[str] = set()
    aliases: set[str] = set()
    all_columns = False
    for node in _nodes(tree):
        _refuse(node)
        if node.get("type") == "BASE_TABLE":
            table = str(node.get("table_name", "")).lower()
            schema = str(node.get("schema_name", "")).lower()
            names.update(f"{s}.{table}" for s in ([schema] if schema else schemas))
            aliases.update((table, str(node.get("alias", "")).lower()))
        all_columns = (
            all_columns or node.get("class") == "STAR" or node.get("ref_type") == "NATURAL"
        )
    bare = {
        str(n["column_names"][0]).lower()
        for n in _nodes(tree)
        if n.get("class") == "COLUMN_REF" and len(n.get("column_names", ())) == 1
    }
    words = None if all_columns or bare & aliases else set(re.findall(r"\w+", sql.lower()))
    lower = {name.lower(): name for name in there}
    return [lower[name] for name in sorted(names) if name in lower], words


def _tree(db: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The query as DuckDB's own parser has it. Raises RefusedQuery unless it is one SELECT."""
    statements = db.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise RefusedQuery("only one SELECT is run here")
    [(text,)] = db.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(text)
    if tree.get("error") or len(tree["statements"]) != 1:
        raise RefusedQuery("only one SELECT is run here")
    return tree["statements"]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _refuse(node: Mapping[str, Any]) -> None:
    """Raise RefusedQuery for what no question needs, with words of our own."""
    kind = str(node.get("type", ""))
    name = str(node.get("function_name", "")).lower()
    inner = node.get("function")
    if kind == "TABLE_FUNCTION" and isinstance(inner, dict):
        called = str(inner.get("function_name", "")).lower()
        if called not in FUNCTIONS:
            raise RefusedQuery(f"the function {called} is not offered in FROM")
    if name and node.get("class") == "FUNCTION" and REFUSED.fullmatch(name):
        raise RefusedQuery(f"the function {name} is not offered")
    if kind.endswith("_NODE") and kind not in NODES:
        raise RefusedQuery("only SELECT is run here")
    if kind == "SHOW_REF":
        raise RefusedQuery("the tools tables and describe say what there is")
    if kind == "BASE_TABLE" and INSIDE.fullmatch(str(node.get("table_name", ""))):
        raise RefusedQuery("the database's own tables are not offered")
