"""What the measured programs read, in a process of its own: `python -m benchmarks.server '{…}'`.

Cliniko's answers come from the sandbox's account, rendered before the first request; one
long list comes from `tiled`. The HTTP around them is our own, so that the server costs
less than any client. Every key `/a1`, `/a2`, … in front of `/v1` has a budget of its own
and the same account behind it.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.minimal_server import Budget, Front, Rival
from benchmarks.synthetic_lists import Tiled
from cliniko_warehouse.sandbox import Account
from cliniko_warehouse.sandbox.filters import Refusal
from cliniko_warehouse.sandbox.pages import Params
from cliniko_warehouse.sandbox.routes import Answer, Desk, message

HOST = "127.0.0.1"


class Serving:
    """An account, a long list, and who has asked for what.

    rows:                 of the account; 0 serves the long list alone
    name, size:           the long list
    latency:              milliseconds before each answer
    requests_per_minute:  of each key; None allows all
    rivals:               others who use the key: requests a minute, from and to second
    """

    def __init__(
        self,
        base_url: str,
        *,
        rows: int = 0,
        name: str = "",
        size: int = 0,
        latency: float = 0.0,
        requests_per_minute: int | None = None,
        rivals: list[list[float]] | None = None,
    ) -> None:
        """Render everything that can be asked for."""
        now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self.base_url, self.latency, self.most = base_url, latency / 1000, requests_per_minute
        self.rivals = [Rival(*one) for one in rivals or []]
        self.keys: dict[str, Budget] = {}
        self.tiled = Tiled(name, size, now=now, base_url=base_url) if size else None
        self.account = Account(rows=rows or 1_000, now=now, running=True)
        self.account.base_url = base_url
        if rows:
            self.account.prepare(*self.account.tables)
        self._desk = Desk(self.account)

    def budget(self, prefix: str) -> Budget:
        """What a key has used."""
        if prefix not in self.keys:
            self.keys[prefix] = Budget(self.most, self.rivals)
        return self.keys[prefix]

    def answer(self, prefix: str, path: str, params: Params) -> Answer:
        """The answer to one request."""
        if self.tiled and path.strip("/") == self.tiled.name:
            try:
                answer = self.tiled.answer(params)
            except Refusal as refusal:
                return message(400, str(refusal))
        else:
            answer = self._desk.answer(path, params)
        if not prefix:
            return answer
        ours = self.base_url.encode()
        theirs = ours.replace(b"/v1", prefix.encode() + b"/v1")
        return Answer(answer.status, answer.body.replace(ours, theirs), answer.headers)

    def control(self, order: dict[str, Any]) -> object:
        """Do what the harness asks; what it is told then."""
        match order.pop("do"):
            case "used":
                return {key: vars_of(budget) for key, budget in self.keys.items()}
            case "forget":
                self.keys.clear()
            case "reset" if self.tiled:
                self.tiled.reset()
            case "change":
                return self.change(order["count"], order.get("everywhere", False))
            case "count":
                return self.count()
            case "latency":
                self.latency = order["ms"] / 1000
            case "limit":
                self.most = order["most"]
        return None

    def count(self) -> dict[str, int]:
        """Rows of each list, hidden ones too."""
        own = {name: self.account.count(name) for name in self.account.tables}
        return own | ({self.tiled.name: self.tiled.size} if self.tiled else {})

    def change(self, count: int, everywhere: bool) -> dict[str, int]:
        """Change rows: of the long list, or spread over all lists."""
        now = datetime.now(UTC)
        if self.tiled and not everywhere:
            self.tiled.change(count, now)
            return {self.tiled.name: count}
        self.account.now = now
        names = sorted(self.account.tables)
        done = dict.fromkeys(names, 0)
        numbers = {name: [r["id"] for r in self.account.rows(name)] for name in names}
        for turn in range(count):
            name = names[turn % len(names)]
            ids = numbers[name]
            self.account.update(name, ids[turn * 7919 % len(ids)])
            done[name] += 1
        if self.tiled and (mine := done.get(self.tiled.name)):
            self.tiled.change(mine, now)
        for name in names:
            self.account.prepare(name)
        return done


def vars_of(budget: Budget) -> dict[str, Any]:
    """What a key has used, as JSON takes it."""
    return {"served": budget.served, "refused": budget.refused, "bytes": budget.sent}


async def serve(given: dict[str, Any]) -> None:
    """Serve until stdin closes; the address is the first line on stdout."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: front(), HOST, 0)
    port = listener.sockets[0].getsockname()[1]
    serving = Serving(f"http://{HOST}:{port}/v1", **given)

    def front() -> Front:
        return Front(serving.answer, serving.budget, serving.control, serving.latency)

    over = asyncio.Event()
    loop.add_reader(sys.stdin, over.set)
    print(serving.base_url, flush=True)
    await over.wait()
    listener.close()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
