"""Another program that has a DuckDB file open for writing, in a process of its own."""

import subprocess
import sys
from pathlib import Path

CLIENT = """
import duckdb, os, sys
db = duckdb.connect(sys.argv[1])
for line in sys.stdin:
    try:
        print(db.execute(line).fetchall(), flush=True)
    except duckdb.Error:
        print("refused", flush=True)
"""


class Client:
    """One client."""

    def __init__(self, file: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.ask("SELECT 1")

    def ask(self, sql: str) -> str:
        """What it answers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{sql}\n")
        return self._process.stdout.readline().strip()

    def write(self, table: str = "cliniko.t") -> str:
        """Change rows, and remove some; what the last statement answers."""
        self.ask(f"UPDATE {table} SET _account = 'wrong' WHERE id % 3 = 0")
        return self.ask(f"DELETE FROM {table} WHERE id % 3 = 1")

    def die(self) -> None:
        """End without a word; its log stays."""
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        """End in an orderly way, which writes its log into the file."""
        self._process.communicate()
