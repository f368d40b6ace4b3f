"""A month is closed once: ten nights of back-dated changes, deletions and moves to other zones
change none of its figures. The nights are those of closed_nights.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from closed_nights import AFTER, CLOSED, FEW, NOW, five_nights, ten_nights
from mart_builds import Row, once, shared

MARCH, APRIL, MAY, JUNE = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)


LIVED = {"five": (five_nights, FEW), "ten": (ten_nights, AFTER)}
COURSES = (("five", "duckdb"), ("ten", "duckdb"), ("ten", "postgres"))


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return once(five_nights, "duckdb", shared(tmp_path_factory))


def _of(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_month_is_closed_by_the_first_build_after_its_end(seen: Any) -> None:
    may = seen["may is over"][MAY]

    assert may["is_closed"]
    assert _of(may, "as_of", "time_zone") == (
        datetime(2026, 5, 31, 14, tzinfo=UTC),
        "Australia/Sydney",
    )
    assert _of(may, "appointments", "completed", "did_not_arrive", "cancelled") == (4, 2, 1, 1)
    # Patient 2 was new; 1 was here in April, 3 in March, and 4 has a visit on 1 June.
    assert _of(may, "new_patients", "active_patients") == (1, 4)
    # Mondays 4, 11, 18, 25 May, two hours each; three half hours were kept.
    assert may["utilisation"] == pytest.approx(90 / 480)
    assert _of(may, "revenue_net", "revenue_gross") == (200, 200)
    # 1 was closed on 2 May, 2 on 4 May, 4 on 1 June in Sydney.
    assert _of(may, "closed_net", "closed_gross") == (200, 200)
    # 3, and 4, which was paid an hour after the month's end.
    assert _of(may, "open_gross_amount", "debtors") == (100, 1)


@pytest.mark.parametrize(("number", "destination"), COURSES)
def test_closed_months_never_move(
    number: str, destination: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    live, after = LIVED[number]
    seen = once(live, destination, shared(tmp_path_factory))
    closed: dict[date, tuple[Any, ...]] = {}
    moved = []

    for night in ("opened", "may is over", *(one.name for one in after)):
        for month, row in seen[night].items():
            if row["is_closed"]:
                told = closed.setdefault(month, _of(row, *CLOSED))
                moved += [(night, month)] if _of(row, *CLOSED) != told else []
        assert set(closed) <= set(seen[night])

    assert moved == []
    assert set(closed) == {APRIL, MAY, JUNE}
    # The same nights change what is told of May as it stands, until nothing is known of it.
    course = [_of(seen[night.name][MAY], *NOW) for night in after]
    assert len(set(course)) >= len(after) - 4
    assert course[-1] == (None, None, 0, 0)


def test_what_the_month_is_now_stands_beside_it(seen: Any) -> None:
    assert _of(seen["may is over"][MAY], *NOW) == (200, 200, 2, 1)
    # Invoice 20 came, 3 was closed in May, 2 went. Visit 20 came, 2 went, 4 was kept after all.
    assert _of(seen["changed afterwards"][MAY], *NOW) == (170, 170, 3, 0)


def test_a_month_before_history_is_not_closed(seen: Any) -> None:
    opened, over = seen["opened"], seen["may is over"]

    for march in (opened[MARCH], over[MARCH]):
        assert _of(march, "is_closed", "is_before_history", "completed") == (False, True, 1)
        assert _of(march, "new_patients", "active_patients", "debtors") == (1, None, None)
    assert over[APRIL]["is_closed"]
    assert _of(over[APRIL], "revenue_net", "open_gross_amount", "new_patients") == (100, 100, 1)
    assert _of(over[APRIL], "closed_net", "completed") == (0, 1)


def test_the_next_month_is_closed_in_the_zone_that_holds_then(seen: Any) -> None:
    june = seen["moved to Perth"][JUNE]

    assert _of(june, "time_zone", "as_of") == (
        "Australia/Perth",
        datetime(2026, 6, 30, 16, tzinfo=UTC),
    )
    assert _of(june, "completed", "new_patients", "revenue_net") == (1, 0, 0)
    assert Decimal(0) <= june["open_gross_amount"]


def test_each_change_is_a_version(seen: Any) -> None:
    assert seen["history"] == {
        "snap_invoices": 4,  # 2 and then archived; 3 and then closed
        "snap_invoice_items": 0,
        "snap_patients": 2,  # in use, then merged
        "snap_month_end": 3,  # April, May, June
    }


def test_a_business_that_moves_keeps_the_days_of_its_past(seen: Any) -> None:
    mover = seen["mover"]

    # By the clock of Perth it all was on 30 April.
    assert set(mover) == {MAY}
    assert _of(mover[MAY], "is_closed", "time_zone") == (True, "Australia/Sydney")
    assert _of(mover[MAY], "completed", "completed_now") == (1, 1)
    assert _of(mover[MAY], "closed_net", "closed_net_now", "revenue_net_now") == (50, 50, 50)


def test_a_shop_without_appointments_closes_its_months(seen: Any) -> None:
    shop = seen["shop"]

    assert set(shop) == {MARCH, APRIL, MAY, JUNE}
    names = ("is_closed", "is_before_history", "revenue_net", "closed_net", "open_gross_amount")
    assert _of(shop[MARCH], *names) == (False, True, 10, 10, None)
    assert _of(shop[APRIL], *names) == (True, False, 100, 0, 100)
    assert _of(shop[MAY], *names) == (True, False, 70, 100, 70)
    assert _of(shop[JUNE], *names) == (True, False, 0, 0, 70)
    assert _of(shop[MAY], "debtors", "completed", "new_patients") == (1, 0, 0)
