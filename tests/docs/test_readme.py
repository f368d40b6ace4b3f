"""README and docs say what the code does."""

import ast
import re
from pathlib import Path

import duckdb
import pytest

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.cli import app
from cliniko_warehouse.install import cron, systemd
from cliniko_warehouse.install.installation import Installation, Timetable, machine_zone
from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.monitoring.alerts import AlertSettings
from cliniko_warehouse.reference import catalog

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = {file.name: file.read_text() for file in sorted((ROOT / "docs").glob("*.md"))}
DOCS = "\n".join([README, *PAGES.values()])
MARKDOWN = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def _between(mark: str) -> str:
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", DOCS, re.DOTALL)
    assert found, mark
    return found[1].strip()


def test_the_table_of_endpoints_is_the_catalogue() -> None:
    assert _between("endpoints") == catalog.markdown()


@pytest.mark.parametrize("line", [
    "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/cliniko demo",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/pytest",
])  # fmt: skip
def test_the_two_promised_lines_are_there(line: str) -> None:
    assert f"    {line}\n" in README


def test_every_command_is_listed() -> None:
    names = {
        command.name or getattr(command.callback, "__name__", "")
        for command in app.registered_commands
    }

    assert {name for name in names if f"| `cliniko {name}" not in PAGES["commands.md"]} == set()


def test_every_default_of_a_setting_is_the_code_s() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `SOURCES__CLINIKO__(\w+)` \| ([^|]+) \|$", PAGES["settings.md"], re.M
    )

    assert len(rows) > 5
    for name, variable, said in rows:
        assert variable == name.upper()
        default = getattr(ClinikoSettings, name)
        if default is not None:
            assert said.strip(" `").startswith(str(default)), name


def test_the_first_query_runs_on_the_published_tables(tmp_path: Path) -> None:
    query, *_ = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)

    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA cliniko")
        db.execute(
            "CREATE TABLE cliniko.individual_appointments (_account VARCHAR, practitioner_id "
            "BIGINT, did_not_arrive BOOLEAN, cancelled_at TIMESTAMPTZ)"
        )
        db.execute(
            "CREATE TABLE cliniko.practitioners (_account VARCHAR, id BIGINT, "
            "first_name VARCHAR, last_name VARCHAR)"
        )
        db.execute(query)


def test_every_mart_is_listed() -> None:
    section = PAGES["marts.md"]
    listed = [name for line in re.findall(r"^\| (`.*?) \|", section, re.M) for name in _names(line)]

    assert sorted(listed) == sorted(mart.name for mart in marts())


def _names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_queries_on_marts_run() -> None:
    query, *_ = re.findall(r"```sql\n(.*?)```", PAGES["marts.md"], re.DOTALL)
    [history] = re.findall(r"^    (SELECT count.*?)\n\n", PAGES["marts.md"], re.DOTALL | re.M)

    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA marts")
        for mart in marts():
            columns = ", ".join(f'"{column.name}" {column.kind}' for column in mart.columns)
            db.execute(f"CREATE TABLE marts.{mart.name} ({columns})")
        assert db.execute(query).fetchall() == []
        assert db.execute(history).fetchall() == [(0,)]


def test_every_python_example_is_python() -> None:
    for example in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL):
        ast.parse(example)


def test_what_starts_a_night_is_what_the_command_prints() -> None:
    srv = Path("/srv/cliniko")
    here = Installation(
        "cliniko", [f"{srv}/.venv/bin/cliniko"], srv, srv / "state", "duckdb", user="cliniko"
    )
    units = systemd.units(here, Timetable(2, 30, "Europe/London"), system=True)
    line = cron.line(here, Timetable(2, 30, machine_zone())).text.splitlines()[1]

    shown = PAGES["nightly.md"].replace("\n    ", "\n")
    assert {text for text in (line, *(unit.text for unit in units)) if text not in shown} == set()


def test_what_stays_up_is_what_the_command_prints() -> None:
    srv = Path("/srv/cliniko")
    program = [f"{srv}/.venv/bin/cliniko"]
    here = Installation(
        "cliniko", program, srv, srv / "state", "duckdb", user="cliniko", every="5m"
    )
    [unit] = systemd.units(here, Timetable(2, 30, machine_zone()), system=True)

    assert unit.text in PAGES["rounds.md"].replace("\n    ", "\n")


def test_every_setting_of_the_alerts_is_listed() -> None:
    said = dict(re.findall(r"^\| `(\w+)` \| `ALERTS__(\w+)` \|", PAGES["nightly.md"], re.M))

    assert said.keys() == AlertSettings().keys()
    assert all(variable == name.upper() for name, variable in said.items())


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if ":" not in link]
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)

    assert broken == []


def _anchors(page: Path) -> set[str]:
    """The names of a page's headings, as Markdown viewers make them."""
    text = page.read_text()
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    named = {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}
    return named | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150
