"""Imports run one way: the way the data runs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ORDER = [
    {
        "sources.cliniko.errors",
        "sources.cliniko.model",
        "sources.cliniko.decode",
        "sources.cliniko.capacity",
    },
    {"sources.cliniko.settings"},
    {"sources.cliniko.accounts"},
    {
        "sources.cliniko.baton",
        "sources.cliniko.throttle",
        "sources.cliniko.shred",
        "sources.cliniko.connections",
    },
    {"sources.cliniko.client"},
    {"sources.cliniko.filters"},
    {"sources.cliniko.endpoints"},
    {"sources.cliniko.catalogue", "sources.cliniko.values"},
    {"sources.cliniko.ranges", "sources.cliniko.drift", "sources.cliniko.state"},
    {"sources.cliniko.privacy", "sources.cliniko.forgotten"},
    {"sources.cliniko.page", "sources.cliniko.search"},
    {"sources.cliniko.listed"},
    {"sources.cliniko.partitions", "sources.cliniko.together"},
    {"sources.cliniko.again", "sources.cliniko.keyset", "sources.cliniko.links"},
    {"sources.cliniko.split"},
    {"sources.cliniko.walk"},
    {"sources.cliniko.walks"},
    {"sources.cliniko.tables"},
    {"sources.cliniko.reading"},
    {"sources.cliniko.package"},
    {"sources.cliniko.repeats", "sources.cliniko.marked"},
    {"sources.cliniko.extract"},
    {"sources.cliniko.source"},
    {
        "pipelines.settings_files",
        "pipelines.out_of_memory",
        "pipelines.memory",
        "pipelines.place",
        "pipelines.wording",
        "pipelines.foreign_objects",
        "pipelines.lock_holders",
        "pipelines.postgres_session",
        "pipelines.rights",
        "pipelines.upserts",
    },
    {"pipelines.documented_settings", "pipelines.loaded_rows"},
    {"pipelines.commit"},
    {"pipelines.postgres_sql"},
    {"pipelines.copying"},
    {"pipelines.spool"},
    {"pipelines.checkpoints"},
    {"pipelines.attempts", "pipelines.console", "pipelines.logs", "pipelines.outgoing"},
    {"pipelines.postgres", "pipelines.elsewhere", "pipelines.working_file"},
    {"pipelines.marts.engine"},
    {"pipelines.destinations", "pipelines.lock", "pipelines.ledger", "pipelines.stopping"},
    {"pipelines.readers"},
    {"pipelines.past", "pipelines.alerts", "pipelines.concerns"},
    {"pipelines.usual"},
    {"pipelines.beside", "pipelines.compact", "pipelines.staging"},
    {"pipelines.flows", "pipelines.killed", "pipelines.leftovers", "pipelines.dlt_files"},
    {"pipelines.schema_repair"},
    {"pipelines.recovery", "pipelines.damage"},
    {"pipelines.record", "pipelines.agreement", "pipelines.shelf", "pipelines.failures"},
    {"pipelines.landing", "pipelines.counting"},
    {"pipelines.group"},
    {"pipelines.rewrite", "pipelines.identity", "pipelines.lost_rows"},
    {"pipelines.erasure"},
    {"pipelines.comments"},
    {"pipelines.keys"},
    {"pipelines.proof"},
    {"pipelines.compare"},
    {"pipelines.whole"},
    {"pipelines.sync"},
    {"pipelines.reconcile"},
    {"pipelines.marts.project", "pipelines.marts.connection"},
    {"pipelines.marts.environment", "pipelines.marts.session", "pipelines.marts.meanings"},
    {"pipelines.marts.dbt", "pipelines.marts.data_warnings"},
    {"pipelines.marts.history", "pipelines.marts.stamp", "pipelines.marts.swap"},
    {"pipelines.marts.build"},
    {"pipelines.marts.turn", "pipelines.marts.inspection"},
    {"pipelines.content_hash"},
    {"pipelines.verify", "pipelines.side_files"},
    {"pipelines.publish", "pipelines.parquet", "pipelines.report"},
    {"pipelines.certificate", "pipelines.row_differences"},
    {"pipelines.loaded_check"},
    {"pipelines.account_check"},
    {"pipelines.nightly", "pipelines.cursors", "pipelines.forget"},
    {"pipelines.watch"},
    {"pipelines.schedules.plan", "pipelines.schedules.written"},
    {
        "pipelines.schedules.cron",
        "pipelines.schedules.launchd",
        "pipelines.schedules.location",
        "pipelines.schedules.systemd",
        "pipelines.schedules.workflow",
    },
    {"pipelines.freshness", "pipelines.dotdlt"},
    {"pipelines.surroundings", "pipelines.dagster_definitions"},
    {"pipelines.checks", "pipelines.listing", "pipelines.demo"},
    {"pipelines.diagrams"},
    {"pipelines.dictionary"},
    {"notebooks.reader", "notebooks.look", "notebooks.cards", "notebooks.periods"},
    {"notebooks.selection", "notebooks.words", "notebooks.axes"},
    {
        "notebooks.appointments",
        "notebooks.billing",
        "notebooks.definitions",
        "notebooks.freshness",
        "notebooks.patients",
        "notebooks.charts",
        "notebooks.heatmaps",
    },
    {"notebooks.first_look", "notebooks.clinic_overview"},
    {"notebooks.served"},
    {
        "pipelines.cli.exits",
        "pipelines.cli.output",
        "pipelines.cli.arguments",
        "pipelines.cli.documented",
        "pipelines.cli.early",
        "pipelines.cli.streams",
    },
    {"pipelines.cli.profiles"},
    {"pipelines.cli.watching"},
    {
        "pipelines.cli.ages",
        "pipelines.cli.schedules",
        "pipelines.cli.work",
        "pipelines.cli.looks",
        "pipelines.cli.cursors",
        "pipelines.cli.marts",
        "pipelines.cli.overview",
        "pipelines.cli.erase",
        "pipelines.cli.trials",
        "pipelines.cli.verify",
    },
    {"pipelines.cli.setup"},
    {"pipelines.cli.program"},
    {"pipelines.cli"},
]
"""Every module, by what it may import: only what stands before it."""

PLACE = {name: step for step, names in enumerate(ORDER) for name in names}


def _modules(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def _imported(path: Path) -> set[str]:
    """The modules of this project that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            names |= {name if name in PLACE else node.module for name in inner}
    return names


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:3] if "endpoints" in parts else parts)


@pytest.mark.parametrize("path", _modules("sources/cliniko", "pipelines", "notebooks"), ids=_name)
def test_a_module_imports_only_what_stands_before_it(path: Path) -> None:
    name = _name(path)
    if name.endswith(("__init__", "__main__")) and "endpoints" not in path.parts:
        return

    assert name in PLACE, "a new module has to be placed in the order"
    behind = {other for other in _imported(path) if PLACE.get(other, -1) >= PLACE[name]}
    assert behind - {name} == set()


@pytest.mark.parametrize("path", _modules("sandbox"), ids=_name)
def test_the_sandbox_knows_only_itself(path: Path) -> None:
    ours = {name for name in _imported(path) if name.split(".")[0] in ("sources", "pipelines")}

    assert ours == set()


@pytest.mark.parametrize(
    "path", _modules("sources", "pipelines", "notebooks", "sandbox"), ids=_name
)
def test_no_module_hides_its_annotations_from_dlt(path: Path) -> None:
    assert "__future__" not in _imported(path)
