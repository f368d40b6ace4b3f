"""Clinics by chance, for figures that nobody has chosen: raw rows of one account a seed.

Each has businesses in zones whose clocks change in different weeks, in either direction, and
one by half an hour; appointments on both sides of every change, over midnight and over days.
Now is odd_rows.NOW.
"""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from odd_rows import NOW, Rows, own

SEEDS = (1, 2, 3, 4)
ZONES = (
    *("Australia/Sydney", "Australia/Perth", "Europe/London", "America/New_York"),
    *("Australia/Lord_Howe", "Pacific/Auckland"),
)
CURRENCIES = ("£", "$", "€")
QUIET = 8  # patients who are seldom seen, after the first fourteen
CHANGES = (datetime(2026, 4, 5, tzinfo=UTC), datetime(2026, 10, 4, tzinfo=UTC))


def account(seed: int) -> str:
    return f"random-{seed}"


def rows(seed: int) -> Rows:
    """The rows of one clinic."""
    draw = random.Random(seed)
    name = account(seed)
    yield from _places(draw, name)
    yield from _people(draw, name)
    yield from _calendar(draw, name)
    visits = list(_appointments(draw, name))
    yield from visits
    yield from _seldom(draw, name)
    yield from _classes(draw, name)
    yield from _money(draw, name)
    yield from _paperwork(draw, name)
    yield from _forms(draw, name, {row["id"]: row["starts_at"] for _, row in visits})


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _sometimes(draw: random.Random, chance: float, value: Any) -> Any:
    return value if draw.random() < chance else None


def _places(draw: random.Random, name: str) -> Rows:
    said = {"currency_symbol": draw.choice(CURRENCIES)}
    said |= {"time_zone_identifier": draw.choice(ZONES)} if draw.random() < 0.5 else {}
    yield "settings_public", {"_account": name, "account": json.dumps(said)}
    for number, zone in enumerate(draw.sample(ZONES, 3), start=1):
        yield "businesses", own(name, number, business_name="B", time_zone_identifier=zone)
    label = draw.choice(("Sydney", "Eastern Time (US & Canada)", "Nowhere"))
    yield "businesses", own(name, 4, business_name="L", time_zone=label)


def _people(draw: random.Random, name: str) -> Rows:
    for number in range(1, 5):
        yield "practitioners", own(name, number, label="P", active=number != 4)
    for number, (minutes, places) in enumerate(((30, 1), (60, 1), (45, 5)), start=1):
        kind = {"duration_in_minutes": minutes, "max_attendees": places}
        yield "appointment_types", own(name, number, name="T", **kind)
    for number in range(1, 15 + QUIET):
        # Merges go to smaller numbers, and sometimes on from there.
        merged = _sometimes(draw, 0.2, draw.randrange(1, number)) if number > 1 else None
        kept = {"archived_at": _sometimes(draw, 0.2, _text(NOW - timedelta(days=9)))}
        old = _sometimes(draw, 0.3, "old-1")
        fields = {"merged_with_patient_id": merged, "old_reference_id": old, **kept}
        yield "patients", own(name, number, label=f"N{number}", **fields)
        if draw.random() < 0.7:
            told = {"patient_id": number, "referral_source_type_id": draw.choice((1, 2, 9))}
            when = _text(NOW - timedelta(days=draw.randrange(200)))
            yield "referral_sources", own(name, number, created_at=when, **told)
    yield "referral_source_types", own(name, 1, name="Search")
    yield "referral_source_types", own(name, 2, name="Doctor")


def _calendar(draw: random.Random, name: str) -> Rows:
    for number in range(1, 13):
        where = _where(draw)
        yield "daily_availabilities", own(name, number, day_of_week=draw.randint(0, 7), **where)
        for position in range(draw.randint(1, 2)):
            starts = 7 + 5 * position
            ends = draw.choice((starts + 3, starts + 4, 0, 2, starts))
            hours = {"starts_at": f"{starts:02}:15", "ends_at": f"{ends:02}:15" if ends else "0:00"}
            place = {"daily_availability_id": number, "position": position}
            yield (
                "daily_availabilities__availabilities",
                {"_account": name, **place, **hours},
            )
    for number in range(1, 9):
        where = _where(draw)
        begins, stops = _stretch(draw, draw.choice((60, 180, 900, 3000)))
        rule = {
            "repeat_rule__repeat_type": draw.choice((None, "Daily", "Weekly")),
            "repeat_rule__repeating_interval": draw.choice((None, 1, 2)),
            "repeat_rule__number_of_repeats": draw.choice((None, 0, 3, 200)),
        }
        block = {"starts_at": begins, "ends_at": stops, **where}
        yield "availability_blocks", own(name, number, **block, **rule)
        where["business_id"] = draw.choice((None, where["business_id"]))
        begins, stops = _stretch(draw, draw.choice((45, 300, 20_000)))
        gone = {"archived_at": _sometimes(draw, 0.2, _text(NOW))}
        block = {"starts_at": begins, "ends_at": stops, **where, **gone}
        yield "unavailable_blocks", own(name, number, **block)


def _where(draw: random.Random) -> dict[str, Any]:
    return {"practitioner_id": draw.randint(1, 4), "business_id": draw.randint(1, 4)}


def _stretch(draw: random.Random, minutes: int) -> tuple[str, str]:
    """From a quarter of an hour near a change of clocks, or near now."""
    near = draw.choice((*CHANGES, NOW - timedelta(days=20), NOW, NOW))
    hours = draw.choice((30, 24 * 30))
    begins = near + timedelta(minutes=15 * draw.randint(-4 * hours, 4 * hours))
    return _text(begins), _text(begins + timedelta(minutes=minutes))


def _booking(draw: random.Random, begins: str) -> dict[str, Any]:
    """When it was made and what became of it; a cancellation may come late."""
    starts = datetime.fromisoformat(begins)
    made = starts - timedelta(hours=draw.choice((1, 20, 30, 200, 900)))
    cut = starts + timedelta(hours=draw.choice((-400, -30, -12, -1, 2, 500)))
    cancelled = _sometimes(draw, 0.2, _text(max(cut, made)))
    reason = {
        "cancellation_reason": draw.choice((None, 10, 30, 60, 99)),
        "cancellation_reason_description": draw.choice((None, "", "Childcare")),
    }
    return {
        **{"created_at": _text(made), "updated_at": _text(made), "cancelled_at": cancelled},
        **(reason if cancelled else {}),
    }


def _appointments(draw: random.Random, name: str) -> Rows:
    for number in range(1, 90):
        minutes = draw.choice((15, 30, 30, 45, 60, 60, 90, 600, 3000, -30))
        begins, stops = _stretch(draw, minutes)
        who = {"patient_id": draw.choice((None, *range(1, 15)))}
        who |= {"appointment_type_id": draw.choice((1, 1, 2, None))}
        who |= {"practitioner_id": draw.choice((1, 1, 2, 3, 4, None))}
        who |= {"business_id": draw.choice((1, 2, 3, 4, None))}
        came = draw.choice((True, False, False))
        marks: dict[str, Any] = {
            "patient_arrived": came,
            "did_not_arrive": not came and draw.random() < 0.4,
        }
        marks |= {"treatment_note_status": draw.choice((None, 10, 90, 90, 50))}
        marks |= {"invoice_status": draw.choice((None, None, None, 10, 20))}
        gone = {"archived_at": _sometimes(draw, 0.1, _text(NOW - timedelta(days=5)))}
        times = {"starts_at": begins, "ends_at": stops, **_booking(draw, begins)}
        yield (
            "individual_appointments",
            own(name, number, **who, **marks, **gone, **times, **_more(draw)),
        )


def _seldom(draw: random.Random, name: str) -> Rows:
    """One visit or two of patients who are hardly here, so that some have lapsed."""
    number = 100
    for patient in range(15, 15 + QUIET):
        for _ in range(draw.choice((1, 1, 2))):
            number += 1
            days = draw.choice((0, 1, 44, 45, 46, 179, 180, 181, 182, 300))
            starts = NOW - timedelta(days=days, hours=draw.choice((2, 4)))
            times = {"starts_at": _text(starts), "ends_at": _text(starts + timedelta(hours=1))}
            booked = {"created_at": _text(starts - timedelta(days=1)), **_where(draw)}
            booked |= {"updated_at": booked["created_at"], "patient_id": patient}
            yield "individual_appointments", own(name, number, **times, **booked)


def _classes(draw: random.Random, name: str) -> Rows:
    seat = 0
    for number in range(200, 212):
        begins, stops = _stretch(draw, draw.choice((45, 60)))
        what: dict[str, Any] = {
            "practitioner_id": draw.randint(1, 3),
            "business_id": draw.randint(1, 4),
        }
        what |= {"appointment_type_id": 3, "max_attendees": draw.choice((None, 4))}
        times = {"starts_at": begins, "ends_at": stops}
        made = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        yield "group_appointments", own(name, number, **what, **times, **made)
        for patient in draw.sample(range(1, 15), draw.randint(0, 4)):
            seat += 1
            who = {"booking_id": number, "patient_id": patient}
            marks = {"arrived": draw.choice((None, True, False))}
            more = {**_booking(draw, begins), **_more(draw)}
            yield "attendees", own(name, seat, **who, **marks, **more)


def _more(draw: random.Random) -> dict[str, Any]:
    """How a place was booked, and its case."""
    return {
        "online_booking_policy_accepted": draw.choice((None, None, None, True, False)),
        "booking_ip_address": _sometimes(draw, 0.1, "192.0.2.1"),
        "patient_case_id": _sometimes(draw, 0.4, draw.randint(1, 12)),
    }


def _paperwork(draw: random.Random, name: str) -> Rows:
    """Recalls, cases and forms, many of them on a day that decides."""
    today = NOW.date()
    for number in range(1, 25):
        day = today + timedelta(days=draw.choice((-200, -60, -31, -30, -2, -1, 0, 1, 2, 40)))
        made = {"created_at": _text(NOW - timedelta(days=400)), "recall_type_id": 1}
        gone = {"_gone_at": _sometimes(draw, 0.1, _text(NOW))}
        patient = draw.choice((None, *range(1, 15 + QUIET)))
        yield "recalls", own(name, number, patient_id=patient, recall_at=day, **made, **gone)
    for number in range(1, 13):
        last = today + timedelta(days=draw.choice((-30, -29, -28, -27, 27, 28, 29, 30)))
        made = {"created_at": _text(NOW - timedelta(hours=draw.randrange(4000)))}
        yield (
            "patient_cases",
            own(
                *(name, number),
                **made,
                patient_id=draw.randint(1, 14),
                max_sessions=draw.choice((None, 1, 2, 3, 4, 6)),
                expiry_date=_sometimes(draw, 0.6, last),
                closed_at=_sometimes(draw, 0.2, _text(NOW)),
                archived_at=_sometimes(draw, 0.1, _text(NOW)),
                include_cancelled_attendees=draw.choice((None, True, False)),
                include_dna_attendees=draw.choice((None, True, False)),
            ),
        )


def _forms(draw: random.Random, name: str, visits: dict[int, str]) -> Rows:
    """Forms of individual visits, named by the visit or the place in it."""
    for number, visit in enumerate(draw.sample(sorted(visits), 40), start=1):
        starts = datetime.fromisoformat(visits[visit])
        done = starts + timedelta(minutes=draw.choice((-3000, -1, 0, 1, 3000)))
        seat = draw.choice((None, SEAT + visit))
        yield (
            "patient_forms",
            own(
                *(name, number),
                patient_id=draw.randint(1, 14),
                attendee_id=seat,
                booking_id=visit if seat is None else draw.choice((None, visit)),
                created_at=_text(starts - timedelta(days=5)),
                completed_at=_sometimes(draw, 0.6, _text(min(done, NOW))),
                archived_at=_sometimes(draw, 0.1, _text(NOW)),
            ),
        )


def _money(draw: random.Random, name: str) -> Rows:
    """Invoices of visits and of nothing, with lines that say less, as much or nothing."""
    for number in range(1, 90):
        seat: dict[str, Any] = {
            "booking_id": number,
            "invoice_status": draw.choice((None, None, 20)),
        }
        yield "attendees", own(name, SEAT + number, **seat)
    for number, kind in enumerate(("Service", "Other", "Product"), start=1):
        yield "billable_items", own(name, number, name="I", item_type=kind)
    line = 0
    for number in range(1, 80):
        day = NOW - timedelta(days=draw.randrange(250))
        who: dict[str, Any] = {"patient_id": draw.randint(1, 14)}
        who |= {"practitioner_id": draw.choice((None, 1, 2))}
        who |= {"attendee_id": draw.choice((None, *range(1, 9), *range(SEAT + 1, SEAT + 90)))}
        who |= {"invoice_to": draw.choice(PAYERS).format(draw.randint(1, 14))}
        state: dict[str, Any] = {"status": draw.choice((None, 10, 20, 30, 40))}
        state |= {"issue_date": _sometimes(draw, 0.95, day.date().isoformat())}
        state |= {"closed_at": _sometimes(draw, 0.5, _text(day + timedelta(hours=9)))}
        state |= {"archived_at": _sometimes(draw, 0.1, _text(NOW))}
        state |= {"original_invoice_id": _sometimes(draw, 0.1, 1)}
        where = {"business_id": draw.choice((None, 1, 2, 3))}
        nets = [draw.randrange(-900, 9_000) for _ in range(draw.choice((0, 1, 1, 2, 3)))]
        for net in nets:
            line += 1
            yield "invoice_items", own(name, line, invoice_id=number, **_line(draw, net))
        net = sum(nets) + draw.choice((0, 0, -500, 1_000))
        amounts: dict[str, Any] = _amounts("net_amount", "total_amount", net)
        amounts |= {"discounted_amount": draw.choice((None, "5", "12.5"))}
        yield "invoices", own(name, number, number=number, **amounts, **who, **state, **where)
    yield "products", own(name, 1, name="Band", stock_level="5.5")
    yield "products", own(name, 2, name="Old", stock_level="1", archived_at=_text(NOW))


SEAT = 5_000  # attendees of individual appointments begin after it
PAYERS = ("N{}\n1 Road", "n{}", "Insurer\r\n2 Road", "", "\nN{}")


def _line(draw: random.Random, net: int) -> dict[str, Any]:
    product = _sometimes(draw, 0.3, draw.randint(1, 2))
    return {
        **_amounts("net_price", "total_including_tax", net),
        "quantity": "1",
        "name": draw.choice((None, "Review", "Band")),
        "product_id": product,
        "billable_item_id": None if product else draw.choice((None, 1, 1, 2, 3, 9)),
        "discounted_amount": draw.choice((None, "5")),
        "archived_at": _sometimes(draw, 0.1, _text(NOW)),
    }


def _amounts(net: str, gross: str, cents: int) -> dict[str, Any]:
    return {net: f"{cents / 100}", gross: f"{cents * 11 // 10 / 100}"}
