"""The structure holds: imports run one way, packages stay small, annotations stay visible."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("sources/cliniko", "pipelines/cliniko_warehouse", "sandbox", "notebooks")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
PACKAGES = sorted({path.parent for path in FILES if path.name == "__init__.py"})


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_run_the_way_the_data_runs() -> None:
    """In a process of its own: import-linter disables every logger of the one it runs in."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_module_hides_its_annotations_from_dlt(path: Path) -> None:
    tree = ast.parse(path.read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert "__future__" not in modules


@pytest.mark.parametrize("package", PACKAGES, ids=_name)
def test_a_package_can_be_taken_in_at_a_glance(package: Path) -> None:
    modules = [path for path in package.glob("*.py") if not path.name.startswith("__")]

    assert len(modules) <= MOST.get(_name(package), 10)


MOST = {"sandbox": 27}
