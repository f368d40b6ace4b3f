"""Questions of an assistant after a Postgres warehouse, by a role that only reads."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from postgres_server import execute

from cliniko_warehouse.ask.session import RefusedQuery, Session

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "mcp.md").read_text()


@pytest.fixture
def reader(database: str) -> Iterator[str]:
    """The URL of the guide's role; one column of names is not even granted to it."""
    owner = urlsplit(database).username or "postgres"
    execute(database, "DROP ROLE IF EXISTS assistant")
    execute(database, "CREATE SCHEMA cliniko")
    execute(database, "CREATE SCHEMA marts")
    execute(
        database,
        "CREATE TABLE marts.dim_patients AS SELECT 'main'::text AS _account, "
        "9007199254740993::bigint AS patient_id, 'MARK-personal'::text AS patient_name, "
        "'MARK-city'::text AS city, 12345678901234.56::numeric(18,2) AS revenue_net, "
        "DATE '2026-03-04' AS first_visit_on, now() AS created_at",
    )
    execute(database, "CREATE TABLE cliniko.secrets AS SELECT 'MARK-x'::text AS what")
    [sql] = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    name = urlsplit(database).path[1:]
    for line in (
        sql.replace("DATABASE clinic", f"DATABASE {name}")
        .replace("ROLE loader", f"ROLE {owner}")
        .split(";\n")[:-1]
    ):
        execute(database, line)
    columns = "_account, patient_id, patient_name, revenue_net, first_visit_on, created_at"
    execute(database, "REVOKE SELECT ON marts.dim_patients FROM assistant")
    execute(database, f"GRANT SELECT ({columns}) ON marts.dim_patients TO assistant")
    with closing(psycopg2.connect(database)) as connection:
        where = connection.get_dsn_parameters()
    place = f"port={where['port']}&host={where['host']}"
    yield f"postgresql://assistant:choose-one@/{name}?{place}"
    execute(database, "DROP OWNED BY assistant")
    execute(database, "DROP ROLE assistant")


def test_a_query_has_exact_values_and_no_names(reader: str, tmp_path: Path) -> None:
    session = Session(tmp_path / "none.duckdb", postgres=reader)

    [row] = session.ask("SELECT * FROM marts.dim_patients")

    assert (row["patient_id"], row["revenue_net"]) == (9007199254740993, 12345678901234.56)
    assert row["first_visit_on"] == date(2026, 3, 4).isoformat()
    assert len(row["patient_name"]) == 32
    assert "city" not in row  # the role may not read it, and the rest is answered


def test_what_is_not_offered_is_not_there(reader: str, tmp_path: Path) -> None:
    session = Session(tmp_path / "none.duckdb", postgres=reader)

    assert list(session.tables()) == ["marts.dim_patients"]
    for sql in ("SELECT * FROM cliniko.secrets", "SELECT pg_read_file('/etc/passwd')"):
        with pytest.raises(RefusedQuery, match="does not exist"):
            session.query(sql)
