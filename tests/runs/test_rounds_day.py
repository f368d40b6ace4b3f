"""A day of rounds against a clinic that changes: nothing is missed, and each version told once."""

from datetime import UTC, datetime
from pathlib import Path

from simulated_day import Day, Plan, day, morning

from cliniko_warehouse.sandbox import Account, serve

START = datetime(2026, 6, 1, tzinfo=UTC)
WARM = 2  # hours until a process has opened all that it keeps: 283, 296, 302 MB were seen
GROWTH = 1.1  # of memory, from its first hour after that to its last


def lived(tmp_path: Path, plan: Plan, account: Account) -> Day:
    """The day, and what holds after each."""
    deaths = len(plan.kills)
    with serve(account) as served:
        found = Day(served, tmp_path / "state", plan)
        found.live()
    wanted = {(change.endpoint, change.id, change.kind) for change in found.changes}
    told = found.told()
    missed, twice = wanted - set(told), [one for one, times in told.items() if times > 1]
    assert (missed, twice, set(told) - wanted) == (set(), [], set())
    assert found.unread() == []
    assert found.lives == deaths + 1
    assert found.pace.most_in_a_minute([*plan.outages, *found.deaths]) <= 100
    assert found.pace.refused == 0
    return found


def test_a_morning_of_rounds_misses_nothing_and_tells_each_version_once(tmp_path: Path) -> None:
    start = START.replace(hour=2)
    account = Account(rows=0, only={"contacts": 60, "medical_alerts": 60}, now=start)

    found = lived(tmp_path, morning(), account)

    assert "ok" in {line["status"] for line in found.rounds}
    asked = [at - min(found.pace.asked) for at in found.pace.asked]
    [(begins, ends)] = found.plan.outages
    assert any(begins <= at < ends for at in asked)  # a round may outlast it by its tries
    assert [line["compared"] for line in found.rounds].count(True) >= 2  # the first, the night's


def test_a_day_of_rounds_misses_nothing_and_is_readable_in_two(tmp_path: Path) -> None:
    found = lived(tmp_path, day(), Account(rows=20_000, now=START))

    assert len(found.changes) == 10_000
    assert len(found.late()) <= 0.05 * len(found.changes)
    first, *_, last = found.hourly_memory(found.lives)[WARM:]
    assert last <= GROWTH * first
