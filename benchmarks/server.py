"""A sandbox in a process of its own: `python -m benchmarks.server '{"rows": 10000}'`."""

import json
import sys

from sandbox import Account, serve


def main() -> None:
    """Serve until stdin closes; the address is the first line on stdout."""
    given = json.loads(sys.argv[1])
    how = {name: given.pop(name) for name in ("latency", "requests_per_minute") if name in given}
    with serve(Account(**given), **how) as served:
        # Rendered ahead: what is measured is the client, not this server.
        served.account.prepare(*given.get("only", ()))
        print(served.base_url, flush=True)
        for line in sys.stdin:
            if line.strip() == "day":
                print(json.dumps(served.account.pass_day()), flush=True)


if __name__ == "__main__":
    main()
