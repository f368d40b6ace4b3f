"""Link tables: who offers what where, whole list by whole list, and nothing on a mere outage."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import Warehouse, settings_for

from cliniko.endpoints import ALL_ENDPOINTS, LINK_TABLES
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served, serve, status
from cliniko_warehouse.verification.account_check import verify_account
from cliniko_warehouse.verification.certificate import Certificate
from cliniko_warehouse.warehouse.warehouse import warehouse

TYPES, PLACES = LINK_TABLES
LISTS = ("practitioners", "businesses", TYPES, PLACES)
SIZES = {"practitioners": 6, "appointment_types": 40, "businesses": 3}

Pairs = set[tuple[str, str]]


@dataclass(frozen=True)
class Night:
    """A run, the lists below single records that it asked for, and what was there after it."""

    run: Run
    asked: list[str]
    types: Pairs
    places: Pairs


class Clinic:
    """A clinic with practitioners who offer things, and where that is loaded."""

    def __init__(self, served: Served, place: Warehouse) -> None:
        self.account, self.served, self.place = served.account, served, place
        self.settings = settings_for(served, max_attempts=1)

    def night(self, *names: str, days: float = 0, accept_gone: bool = False) -> Night:
        """A run, so many days from now; a day passes for the clinic."""
        self.account.pass_seconds(86_400)
        self.served.log.clear()
        later = timedelta(days=days)
        terms = ReconcileOptions(60, accept_gone, lambda: datetime.now(UTC) + later)
        plans = {name: ReadPlan(ALL_ENDPOINTS[name]) for name in names or LISTS}
        where = (self.place.destination, self.place.state_dir, console())
        run = nightly.run_account(self.settings, plans, *where, terms)
        paths = (entry.target.partition("?")[0].removeprefix("/v1") for entry in self.served.log)
        asked = sorted(path for path in paths if path.count("/") > 2)
        pairs = [self._live(name) if name in plans else set() for name in (TYPES, PLACES)]
        return Night(run, asked, *pairs)

    def _live(self, table: str) -> Pairs:
        first, second = ALL_ENDPOINTS[table].key
        sql = f"SELECT {first} AS a, {second} AS b FROM cliniko.{table} WHERE _gone_at IS NULL"
        return {(str(row["a"]), str(row["b"])) for row in self.place.rows(sql)}

    def ids(self, name: str) -> list[str]:
        """The ids of a list's records."""
        return [record["id"] for record in self.account.rows(name)]

    def verified(self, code: int | None = None) -> Certificate:
        """Both link tables against the account, which may answer with a code instead."""
        store, found = warehouse(self.place.destination, self.place.state_dir), Certificate()
        self.served.log.clear()
        if code:
            self.served.faults.append(status(code, path="/practitioners", times=99))
        with store.opened():
            verify_account(self.settings, LINK_TABLES.values(), store, self.place.state_dir, found)
        self.served.faults.clear()
        return found

    def told(self) -> list[tuple[str, str, str]]:
        """What the change feed has of links, in its order."""
        sql = "SELECT endpoint, id, columns FROM cliniko._changes ORDER BY number"
        rows = [(r["endpoint"], str(r["id"]), r["columns"]) for r in self.place.rows(sql)]
        return [one for one in rows if one[2] and ("types" in one[2] or "practit" in one[2])]

    def part(self, who: str, *kinds: str, joined: bool = False) -> None:
        """Let a practitioner no longer offer some types, or offer them again."""
        for kind in kinds:
            self.account.join("practitioners", who, "appointment_types", kind, joined)
        self.account.update("practitioners", who, label=f"changed at {self.account.now}")


@dataclass(frozen=True)
class Story:
    """Some nights, the practitioners of whom something changed, and what each offered."""

    clinic: Clinic
    first: Night
    quiet: Night
    failing: Night
    week: Night
    much: Night
    accepted: Night
    equal: Certificate
    different: Certificate
    barred: dict[int, Certificate]
    asked: int
    who: list[str]
    offered: dict[str, list[str]]
    businesses: list[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Six nights of one clinic: what changes, and what goes wrong."""
    with serve(Account(rows=1_000, only=SIZES)) as served:
        clinic = Clinic(served, Warehouse(tmp_path_factory.mktemp("links") / "state"))
        who, businesses = clinic.ids("practitioners"), clinic.ids("businesses")
        first = clinic.night()
        offered = {one: sorted(kind for other, kind in first.types if other == one) for one in who}
        for name in ("practitioners", "businesses"):
            for one in clinic.ids(name):
                clinic.account.update(name, one, touch=False, nickname=f"the {one}")
        quiet = clinic.night(days=6)
        for one in who[1:3]:
            clinic.part(one, offered[one][0])
        clinic.account.archive("businesses", businesses[0])
        clinic.account.update("businesses", businesses[1], display_name="changed")
        served.faults.append(status(500, path=f"/{who[1]}/appointment_types", times=9))
        served.faults.append(status(404, path=f"/{businesses[1]}/practitioners", times=9))
        failing = clinic.night()
        served.faults.clear()
        clinic.account.delete("businesses", businesses[2])
        week = clinic.night(days=6.9)
        clinic.part(who[3], *offered[who[3]])
        clinic.part(who[1], offered[who[1]][0], joined=True)
        much = clinic.night("practitioners", TYPES)
        accepted = clinic.night("practitioners", TYPES, accept_gone=True)
        equal, asked = clinic.verified(), len(served.log)
        clinic.account.join("practitioners", who[0], "appointment_types", offered[who[0]][0], False)
        clinic.place.change(f"DELETE FROM cliniko.{PLACES} WHERE business_id = {businesses[1]}")
        different = clinic.verified()
        barred = {code: clinic.verified(code) for code in (401, 403)}
        yield Story(
            clinic, first, quiet, failing, week, much, accepted, equal, different, barred, asked,
            who, offered, businesses,
        )  # fmt: skip


def test_the_first_night_has_every_pair(story: Story) -> None:
    assert story.first.run.status == "ok"
    assert {one for one, _ in story.first.types} == set(story.who)
    assert {who for _, who in story.first.places} == set(story.who)  # inactive ones, too
    assert story.first.run.report()["endpoints"][TYPES]["rows"] == len(story.first.types) > 50


def test_a_night_without_other_versions_asks_for_none_of_them_although_all_is_read_again(
    story: Story,
) -> None:
    again = story.quiet.run.readings["practitioners"]
    assert again.filled == SIZES["practitioners"] - len(again.endpoint.paths)  # and the newest
    assert story.quiet.asked == []
    assert story.quiet.run.report()["endpoints"][TYPES] == {
        "status": "ok", "rows": 0, "requests": 0, "rejected": 0, "cursor": None, "gone": 0,
        "message": "",
    }  # fmt: skip


def test_lists_of_nobody_who_changed_are_read_again_within_a_week(story: Story) -> None:
    of = [path for path in story.week.asked if path.startswith("/practitioners/")]
    assert len(set(of)) == SIZES["practitioners"]


def test_a_list_that_fails_costs_itself_and_is_read_by_the_next_night(story: Story) -> None:
    [_, one, other, *_] = story.who
    run = story.failing.run
    assert (run.status, run.readings[TYPES].status) == ("partial", "failed")
    assert "1 of 2 lists" in run.readings[TYPES].message
    assert story.failing.types == story.first.types - {(other, story.offered[other][0])}

    assert story.week.run.status == "ok"
    lost = {(who, story.offered[who][0]) for who in (one, other)}
    assert story.week.types == story.first.types - lost
    assert story.week.run.report()["endpoints"][TYPES]["gone"] == 1


def test_what_is_archived_or_not_served_keeps_its_links_and_what_is_gone_loses_them(
    story: Story,
) -> None:
    assert "not served for 1 businesses" in story.failing.run.readings[PLACES].message
    assert story.failing.run.readings[PLACES].status == "ok"
    assert story.failing.places == story.first.places

    gone = story.businesses[2]
    assert story.week.places == {(one, who) for one, who in story.first.places if one != gone}
    assert not [path for path in story.week.asked if f"businesses/{story.businesses[0]}/" in path]


def test_much_that_seems_gone_is_marked_only_once_somebody_accepts_it(story: Story) -> None:
    assert len(story.offered[story.who[3]]) > 20
    assert story.much.run.status == "partial"
    assert "--accept-gone" in story.much.run.error
    back = (story.who[1], story.offered[story.who[1]][0])
    assert story.much.types == story.week.types | {back}

    assert story.accepted.run.status == "ok"
    left = {(one, kind) for one, kind in story.much.types if one != story.who[3]}
    assert story.accepted.types == left


def test_each_link_that_comes_or_goes_is_told_once_as_a_change_of_the_record_that_has_it(
    story: Story,
) -> None:
    [_, one, other, last, *_] = story.who
    assert story.clinic.told() == [
        ("practitioners", number, '["appointment_types"]') for number in (other, one, one, last)
    ]


def test_they_are_verified_against_the_account_for_a_request_a_list(story: Story) -> None:
    equal, found = story.equal, story.different
    assert (equal.status, equal.tables, equal.failures) == ("equal", 2, [])
    pairs = len(story.accepted.types) + sum(
        one == story.businesses[1] for one, _ in story.week.places
    )
    assert equal.rows == pairs
    assert story.asked <= SIZES["practitioners"] + 2 + 3  # one business is left; whose key it is

    assert {(one.table, one.kind, one.id) for one in found.differences} == {
        (TYPES, "extra", int(story.who[0])),
        (PLACES, "missing", int(story.businesses[1])),
    }


def test_only_a_list_that_is_not_permitted_is_no_failure_of_a_verification(story: Story) -> None:
    wrong, forbidden = story.barred[401], story.barred[403]

    assert (wrong.status, wrong.tables, wrong.notes) == ("failed", 0, [])
    assert [line.partition(":")[0] for line in wrong.failures] == [TYPES, PLACES]
    assert all("401" in line and "is the key complete" in line for line in wrong.failures)
    assert (forbidden.status, forbidden.tables, forbidden.failures) == ("equal", 0, [])
    assert all("not compared" in line and "403" in line for line in forbidden.notes)


def test_a_key_that_may_not_read_them_is_told_and_costs_one_request(
    story: Story, tmp_path: Path
) -> None:
    other = Clinic(story.clinic.served, Warehouse(tmp_path / "state"))
    story.clinic.served.faults.append(status(403, path="/appointment_types", times=99))

    night = other.night("practitioners", TYPES)

    story.clinic.served.faults.clear()
    assert (night.run.status, night.run.readings[TYPES].status) == ("ok", "not_permitted")
    assert (len(night.asked), night.types) == (1, set())


@pytest.mark.parametrize("warehouse", ["postgres"], indirect=True)
def test_a_link_that_goes_is_asked_for_twice_and_comes_back(warehouse: Warehouse) -> None:
    with serve(Account(rows=500, only={"practitioners": 2})) as served:
        clinic = Clinic(served, warehouse)
        before = clinic.night("practitioners", TYPES).types
        who, lost = min(before)
        clinic.part(who, lost)
        gone = clinic.night("practitioners", TYPES)
        clinic.part(who, lost, joined=True)
        back = clinic.night("practitioners", TYPES)

    assert gone.asked == [f"/practitioners/{who}/appointment_types"] * 2
    assert gone.types == before - {(who, lost)}
    assert back.types == before
    assert clinic.told() == [("practitioners", who, '["appointment_types"]')] * 2
    assert warehouse.value(f"SELECT count(*) FROM cliniko.{TYPES}") == len(before)
