"""`cliniko mcp`, asked by the official client: over stdin and stdout, or without a process."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hand_made
import marked_warehouse
import pytest
from conftest import Cliniko
from hostile_queries import QUERIES, WAYS

pytest.importorskip("fastmcp", reason="the extra mcp is not installed")
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError

from cliniko.setting_rules import Profile
from cliniko_warehouse.ask.server import server
from cliniko_warehouse.ask.session import Session

Calls = Sequence[tuple[str, dict[str, Any]]]
Spoken = list[tuple[str, Any]]


def _process(file: Path) -> StdioTransport:
    """The command, as an assistant starts it."""
    arguments = ["-m", "cliniko_warehouse", "mcp", "--state-dir", str(file.parent)]
    environment = dict(os.environ) | {"SOURCES__CLINIKO__API_KEY": "MARK-credential-key"}
    return StdioTransport(sys.executable, arguments, env=environment)


async def _spoken(at: Any, calls: Calls) -> Spoken:
    """How each call ended, and what it said."""
    found: Spoken = []
    async with Client(at) as client:
        found.append(("tools", [tool.name for tool in await client.list_tools()]))
        for tool, given in calls:
            try:
                found.append(("answer", (await client.call_tool(tool, given)).structured_content))
            except ToolError as error:
                found.append(("refused", str(error)))
    return found


@pytest.fixture
def speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spoken]:
    """Asks in a process of its own, or the same server here, with a profile."""

    def ask(make: Callable[[Path], Path], calls: Calls, profile: Profile | None = None) -> Spoken:
        file = tmp_path / "state" / "warehouse.duckdb"
        file.parent.mkdir(exist_ok=True)
        make(file)
        if profile is None:
            return asyncio.run(_spoken(_process(file), calls))
        monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", "MARK-credential-key")
        return asyncio.run(_spoken(server(Session(file, profile)), calls))

    return ask


def test_an_assistant_finds_tables_figures_and_rows(speak: Callable[..., Spoken]) -> None:
    figure = {"name": "completed_appointments", "period": "2026-02-18..2026-03-19"}
    ended = speak(
        hand_made.publish,
        [
            ("tables", {}),
            ("describe", {"name": "fct_appointments"}),
            ("describe", {"name": "dna_rate"}),
            ("describe", {"name": "nothing"}),
            ("metric", figure),
            ("metric", figure | {"by": ["practitioner"], "filters": {"business": "fitzroy"}}),
            ("metric", figure | {"name": "dna_rat"}),
            ("query", {"sql": "SELECT count(*) AS n FROM fct_appointments"}),
            ("query", {"sql": "DROP TABLE marts.fct_appointments"}),
            ("query", {"sql": "SELECT DISTINCT practitioner_name FROM marts.fct_appointments"}),
        ],
    )

    [tools, listed, table, metric, nothing, total, split, near, count, refused, names] = ended
    assert tools[1] == ["tables", "describe", "metric", "query"]
    assert listed[1]["tables"]["marts.fct_appointments"].startswith("One patient's place")
    assert "dna_rate" in listed[1]["metrics"]
    [named] = [c for c in table[1]["columns"] if c["column"] == "practitioner_name"]
    assert named["profile"] == "Hashed with the account's salt"
    assert metric[1]["definition"].startswith("`did_not_arrive / (completed")
    assert nothing == ("refused", "there is no table and no metric 'nothing': `tables` lists all")
    assert total[1]["rows"] == [{"account": "main", "value": 6}]
    assert [row["value"] for row in split[1]["rows"]] == [4, 1]
    assert near[0] == "refused"
    assert "did you mean dna_rate" in near[1]
    assert count[1] == {"columns": ["n"], "rows": [[17]], "whole": True}
    assert refused == ("refused", "only one SELECT is run here")
    assert all(len(name) == 32 for [name] in names[1]["rows"])


def test_the_owner_may_see_names(speak: Callable[..., Spoken]) -> None:
    sql = "SELECT DISTINCT practitioner_name FROM fct_appointments ORDER BY 1"

    [_, (_, answer)] = speak(hand_made.publish, [("query", {"sql": sql})], "full")

    assert answer["rows"] == [["Ana Lee"], ["Ben Cho"]]


def test_a_profile_counts_nothing_that_it_leaves_out(speak: Callable[..., Spoken]) -> None:
    asked = [("metric", {"name": "recall_conversion", "period": "2026-03"})]

    [_, (how, said)] = speak(hand_made.publish, asked, "minimal")

    assert how == "refused"
    assert "which the profile minimal leaves out" in said


def _hostile(speak: Callable[..., Spoken], queries: Sequence[str]) -> None:
    calls = [("query", {"sql": query.replace("{", "").replace("}", "")}) for query in queries]

    [_, *ended] = speak(marked_warehouse.make, calls)

    answered = [q for q, (how, _) in zip(queries, ended, strict=True) if how == "answer"]
    assert answered == []
    assert [said for _, said in ended if marked_warehouse.told(str(said))] == []


def test_hostile_queries_are_refused_by_the_server(speak: Callable[..., Spoken]) -> None:
    _hostile(speak, QUERIES[:: len(QUERIES) // 6])


def test_all_hostile_queries_are_refused_by_the_server(speak: Callable[..., Spoken]) -> None:
    _hostile(speak, QUERIES)


def test_no_marker_leaves_the_server(speak: Callable[..., Spoken]) -> None:
    calls = [("query", {"sql": sql}) for sql in WAYS[6:40:10]]
    calls += [("tables", {}), ("describe", {"name": "cliniko.patients"})]

    ended = speak(marked_warehouse.make, calls, "pseudonymous")

    assert marked_warehouse.told(str(ended)) == []
    assert "MARK-none" in str(ended)


def test_a_profile_that_does_not_exist_is_a_wrong_setting(cliniko: Cliniko, tmp_path: Path) -> None:
    ended = cliniko("mcp", "--profile", "none", "--state-dir", str(tmp_path))

    assert ended.code == 2
    assert ended.err == "cliniko: --profile 'none': there is full, pseudonymous, minimal\n"


def test_a_warehouse_that_is_not_there_is_said_at_the_start(
    cliniko: Cliniko, tmp_path: Path
) -> None:
    ended = cliniko("mcp", "--state-dir", str(tmp_path))

    where = tmp_path / "warehouse.duckdb"
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"cliniko: {where} is not there yet: run `cliniko sync` first\n"


def test_the_loaders_own_role_is_not_taken(cliniko: Cliniko, tmp_path: Path) -> None:
    ended = cliniko("mcp", "--destination", "postgres", "--state-dir", str(tmp_path))

    assert ended.code == 2
    assert "CLINIKO__MCP_CREDENTIALS" in ended.err
    assert "a role that only reads" in ended.err
