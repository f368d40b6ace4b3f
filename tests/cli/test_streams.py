"""stdin, stdout and stderr that are closed or full, and the object of every ending."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko

from cliniko_warehouse.sandbox import Served

PROGRAM = shlex.join([sys.executable, "-c", "from cliniko_warehouse.cli import main; main()"])
ROOT = Path(__file__).resolve().parents[2]


def shell(command: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """A command line in which CLINIKO is the program."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = command.replace("CLINIKO", PROGRAM)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        capture_output=True, text=True, env=environment, timeout=120, check=False, **how,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        (">&-", 1, "cliniko: stdout cannot be written: it is closed\n"),
        (">/dev/full", 1, "cliniko: stdout cannot be written: No space left on device\n"),
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        ("| head -c0", 0, ""),
        (">&- 2>&- <&-", 1, ""),
    ],
)
def test_closed_and_full_streams_leave_a_clean_ending(streams: str, code: int, said: str) -> None:
    ended = shell(f"CLINIKO endpoints --json {streams}")

    assert (ended.returncode, ended.stderr) == (code, said)
    if streams in ("2>&-", "2>/dev/full"):
        assert json.loads(ended.stdout)


def test_a_run_with_all_streams_closed_loads_and_publishes(
    connected: Served, tmp_path: Path
) -> None:
    ended = shell(f"CLINIKO sync taxes --state-dir {tmp_path}/state >&- 2>&- <&-")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (tmp_path / "state" / "warehouse.duckdb").exists()


RUN: dict[str, Any] = {"run_id": None, "rows": 0, "requests": 0, "endpoints": {}}


@pytest.mark.parametrize(
    ("command", "code", "keys"),
    [
        (("sync", "--json"), 2, RUN),
        (("sync", "--json", "--log-format", "json"), 2, RUN),
        (("sync", "--json", "--bogus"), 2, RUN),
        (("sync", "--json", "pateints"), 2, RUN),
        (("reconcile", "--json", "--max-requests", "many"), 2, RUN),
        (("check", "--json", "--bogus"), 2, {"ok": False}),
        (("check", "--json"), 2, {"ok": False}),
        (("status", "--json"), 1, {"ok": False, "endpoints": {}}),
        (("status", "--json", "--max-age", "soon"), 2, {"ok": False}),
        (("status", "--json", "--destination", "nowhere"), 2, {"ok": False}),
        (("state", "show", "--json", "--destination", "nowhere"), 2, {}),
        (("forget", "--json", "--patient", "x"), 2, {"tables": {}}),
        (("marts", "build", "--json"), 1, {"failed": [], "warned": []}),
        (("marts", "test", "--json", "--bogus"), 2, {"passed": 0}),
        (("endpoints", "--json", "--bogus"), 2, {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_early_failure_is_one_object_too(
    command: tuple[str, ...], code: int, keys: dict[str, Any], cliniko: Cliniko
) -> None:
    ended = cliniko(*command)

    assert ended.code == code, ended.err
    assert ended.data.items() >= keys.items()
    assert ended.data["message"]
    assert "Traceback" not in ended.err
    if command != ("check", "--json"):
        assert ended.data["status"] == "failed"


def test_a_run_that_finds_another_at_work_is_an_object(
    connected: Served, cliniko: Cliniko, tmp_path: Path
) -> None:
    from cliniko_warehouse.warehouse.file_locks import hold_place

    (tmp_path / "state").mkdir()
    with hold_place(tmp_path / "state"):
        ended = cliniko("sync", "taxes", "--json", "--state-dir", str(tmp_path / "state"))

    assert (ended.code, ended.data["status"], ended.data["run_id"]) == (75, "failed", None)
    assert "another run is at work" in ended.data["message"]


def test_sigterm_outside_a_run_ends_with_an_object(tmp_path: Path) -> None:
    listens = tmp_path / "fifo"
    os.mkfifo(listens)  # settings that never come to an end
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").symlink_to(listens)
    command = [
        sys.executable,
        "-c",
        "from cliniko_warehouse.cli import main; main()",
        "sync",
        "--json",
    ]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with running, listens.open("wb"):  # as soon as the program reads them
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=60)

    assert (running.returncode, err) == (1, "cliniko: ended by SIGTERM\n")
    assert json.loads(out)["message"] == "ended by SIGTERM"


def test_what_libraries_print_past_python_is_no_part_of_the_data() -> None:
    code = "import os; from cliniko_warehouse.cli.support.streams import ensure_standard_streams"
    code += "; ensure_standard_streams(); os.write(1, b'32% done'); print('data', flush=True)"
    code += "; os.system('echo a child')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("data\n", "32% donea child\n")
