"""The assets in a real Superset: every metric is the number that the warehouse's own is."""

from datetime import date
from pathlib import Path

import duckdb
import hand_made
import pytest
import superset_server

from cliniko_warehouse.metrics import superset
from cliniko_warehouse.metrics.catalogue import METRICS
from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.metrics.question import Question
from cliniko_warehouse.metrics.superset_datasets import Dataset, datasets

pytestmark = pytest.mark.skipif(
    not superset_server.PLACE, reason="CLINIKO_TEST_SUPERSET names no environment with Superset"
)
ALWAYS = Period(date(2000, 1, 1), date(2050, 12, 31))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return superset_server.prepared(tmp_path_factory.mktemp("superset") / "home")


@pytest.fixture
def environment(made: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return superset_server.copied(made, tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return hand_made.publish(tmp_path / "warehouse.duckdb")


def _own(db: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, float]:
    """What the dataset's metrics are, asked as `metric` asks."""
    found = {}
    for name, formula in dataset.formulas.items():
        period = None if formula.basis.grain == "build" else ALWAYS
        result = db.execute(Question(METRICS[name], formula, period, (), {}).sql)
        place = [column[0] for column in result.description].index("value")
        found[name] = sum(float(row[place] or 0) for row in result.fetchall())
    return found


def _compare(served: superset_server.Superset, file: Path) -> int:
    numbers, there = 0, served.datasets()
    with duckdb.connect(str(file), read_only=True) as db:
        db.execute("SET TimeZone = 'UTC'")
        for dataset in datasets():
            own = _own(db, dataset)
            seen = served.numbers(there[dataset.name], list(own))
            assert {n: float(v or 0) for n, v in seen.items()} == pytest.approx(own), dataset.name
            numbers += sum(1 for value in own.values() if value)
    return numbers


def test_metrics_of_the_published_file(
    environment: dict[str, str], file: Path, tmp_path: Path
) -> None:
    superset.archive(tmp_path / "made.zip", f"duckdb:///{file}")

    with superset_server.running(environment, tmp_path / "made.zip") as served:
        assert _compare(served, file) >= 30
        hand_made.publish(file, hand_made.WALK_IN)  # a new night, without a restart
        assert _compare(served, file) >= 30


def test_metrics_of_postgres(
    environment: dict[str, str], database: str, file: Path, tmp_path: Path
) -> None:
    hand_made.fill_postgres(database, file)
    superset.archive(tmp_path / "made.zip", database.replace("postgresql:", "postgresql+psycopg2:"))

    with superset_server.running(environment, tmp_path / "made.zip") as served:
        assert _compare(served, file) >= 30
