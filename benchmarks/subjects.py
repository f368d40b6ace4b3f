"""Who is measured: ourselves, the floor, and the peers, each with what it is told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import environments
from benchmarks.measure import clean
from benchmarks.schema import columns

PEERS = Path(__file__).with_name("peers")
START = "2024-01-01T00:00:00Z"  # before the first row that any server has
UNLIMITED = 1_000_000  # requests a minute


@dataclass(frozen=True)
class Contender:
    """A program that copies a list into DuckDB.

    title:    as the tables name it
    env:      the environment it runs in
    script:   in `peers/`; empty for ourselves
    options:  what the script is told besides
    needs:    other environments that it calls
    file:     where its tables are
    columns:  which columns it makes
    slow:     whether it runs in the first round only, where a round takes minutes
    resumes:  whether a later run goes on from the first; if not, its nights are loads
    """

    name: str
    title: str
    env: str
    script: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    file: str = "out.duckdb"
    columns: str = "all of the record's, objects as JSON"
    slow: bool = True
    resumes: bool = True


EVERY_FIELD = "all of the record's, objects flattened"
PLAIN = "plain fields, typed"
OURS = "ours: typed, links as ids"

CONTENDERS = {
    one.name: one
    for one in (
        Contender("floor", "floor", "floor", "floor.py", columns=PLAIN, slow=False),
        Contender(
            "floor-equal",
            "floor, equal columns",
            "floor",
            "floor.py",
            {"equal": True},
            columns=OURS,
            slow=False,
        ),
        Contender(
            "ours", "cliniko", "ours", file="state/warehouse.duckdb", columns=OURS, slow=False
        ),
        Contender("dlt", "dlt rest_api, defaults", "dlt", "dlt_rest.py", columns=EVERY_FIELD),
        Contender(
            "dlt-parquet",
            "dlt rest_api, parquet",
            "dlt",
            "dlt_rest.py",
            {"parquet": True},
            columns=EVERY_FIELD,
        ),
        Contender(
            "dlt-parallel",
            "dlt rest_api, parquet, 2 normalize workers",
            "dlt",
            "dlt_rest.py",
            {"parquet": True, "workers": 2},
            columns=EVERY_FIELD,
        ),
        Contender(
            "dlt-equal",
            "dlt rest_api, parquet, equal columns",
            "dlt",
            "dlt_rest.py",
            {"parquet": True, "equal": True},
            columns=OURS,
        ),
        Contender(
            "singer",
            "Singer SDK tap, target-duckdb",
            "singer",
            "singer.sh",
            needs=("target-duckdb",),
        ),
        Contender(
            "airbyte",
            "Airbyte CDK command line, read_json",
            "airbyte-cdk",
            "airbyte_cli.py",
            columns=PLAIN,
        ),
        Contender(
            "airbyte-workers",
            "Airbyte CDK, date slices, 8 workers",
            "airbyte-cdk",
            "airbyte_cli.py",
            {"workers": 8},
            columns=PLAIN,
        ),
        Contender(
            "pyairbyte", "PyAirbyte into DuckDB", "pyairbyte", "airbyte_python.py", resumes=False
        ),
    )
}


def command(who: Contender, folder: Path, url: str, name: str, **more: Any) -> list[str]:
    """What to start in the folder, with its options laid there. Raises NotInstalled."""
    python = environments.python(who.env)
    for other in who.needs:
        environments.python(other)
    if not who.script:
        return [str(python.with_name("cliniko")), "sync", "--json", name]
    given = {"url": url, "list": name, "columns": columns(name), "start": START}
    (folder / "options.json").write_text(json.dumps(given | dict(who.options) | more))
    script = str(PEERS / who.script)
    return [str(python), script] if script.endswith(".py") else ["bash", script]


def environment(url: str, **settings: Any) -> dict[str, str]:
    """The environment that everybody runs in; the settings are ours."""
    given = {"API_KEY": "bench-au1", "CONTACT_EMAIL": "bench@example.com", "BASE_URL": url}
    given |= {name.upper(): str(value) for name, value in settings.items()}
    ours = {f"SOURCES__CLINIKO__{name}": value for name, value in given.items()}
    logs = {"AIRBYTE_LOGGING_ROOT": "logs", "ENVS": str(environments.FOLDER)}
    return clean(ours | logs)
