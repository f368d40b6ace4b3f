"""Every list of a new account: which rows there are, and when they changed."""

from array import array
from collections.abc import Iterator, Mapping

from cliniko_warehouse.sandbox.clinic import ARRIVED, Clinic
from cliniko_warehouse.sandbox.columns import (
    columns,
    sorted_with_parents,
    span,
    steady,
)
from cliniko_warehouse.sandbox.history.visits import IMPORT_DAYS, IMPORTED, appointments
from cliniko_warehouse.sandbox.lists import LISTS
from cliniko_warehouse.sandbox.roster import leave
from cliniko_warehouse.sandbox.row_counts import SETUP, sizes
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import DAY

FREE = (4,)  # types that are not billed, as places in APPOINTMENT_TYPES: reviews by telephone
UNWRITTEN = (3, 4)  # types after which no note is written

# Days since an invoice was made → of 1,000, how many are still open.
OPEN = ((7, 450), (14, 300), (30, 150), (60, 80), (90, 50))
NEVER_PAID = 15  # of 1,000

SETUP_LISTS = {
    *SETUP,
    "practitioners",
    "users",
    "practitioner_reference_numbers",
    "daily_availabilities",
}

# Of 1,000 rows of a list, how many are archived; lists that are not named have one in forty.
ARCHIVED = {"patients": 45, "invoices": 12, "attendees": 20, "communications": 4}


def clinic(seed: int, rows: int, only: Mapping[str, int], end: int, quirks: bool) -> Clinic:
    """A clinic of about `rows` rows whose history ends before the second `end`."""
    made = Clinic(seed, sizes(rows, only), span(end), quirks)
    for name, count in made.sizes.items():
        if name in SETUP_LISTS:
            _setup(made, name, count)
    away = made.sizes["unavailable_blocks"]
    made.leave = leave(
        away, made.salts["unavailable_blocks"], made.roster.now, made.roster.practitioners
    )
    appointments(made, made.sizes["individual_appointments"])
    for name in LISTS:
        if name in made.sizes and name not in made.columns and name not in _PARENTS:
            _plain(made, name, made.sizes[name])
    for name, pairs in _PARENTS.items():
        _children(made, name, made.sizes[name], iter(pairs(made, made.sizes[name])))
    return made


def _setup(made: Clinic, name: str, count: int) -> None:
    """A list that was filled before the first day; its last row may be archived."""
    first = made.span.first_day * DAY - 30 * DAY
    seed = made.salts[name]
    created = [first + place * 3600 + mix(seed, place) % 3000 for place in range(count)]
    updated = [when + mix(seed, when) % (400 * DAY) for when in created]
    hidden = {}
    if "archived_at" in LISTS[name].marks and count > 3:
        hidden[count - 1] = updated[-1]
    made.columns[name] = columns(name, created, updated, hidden, setup=True)


def _plain(made: Clinic, name: str, count: int) -> None:
    """A list whose rows come evenly over the whole time."""
    seed = made.salts[name]
    created = steady(count, seed, made.span)
    if name == "patients":
        early = int(count * IMPORTED)
        days = span(made.span.first_day * DAY + (IMPORT_DAYS + 2) * DAY, IMPORT_DAYS - 1)
        opened = steady(max(1, early), seed, days)
        created = sorted(opened[:early] + steady(count - early, seed, made.span))
    _finish(made, name, created)


def _finish(made: Clinic, name: str, created: list[int]) -> None:
    """Add when each row changed last, and which are archived."""
    seed, end = made.salts[name], made.span.end
    rate = ARCHIVED.get(name, 25)
    updated: list[int] = []
    hidden: dict[int, int] = {}
    for place, when in enumerate(created):
        bits = mix(seed, place)
        if bits >> 5 & 3 == 0:  # one in four was changed some time after its creation
            when = min(when + (bits >> 8) % (200 * DAY), end - 1 - (bits >> 8) % (30 * DAY))
        changed = max(when, created[place])
        if (bits >> 40) % 1000 < rate:
            changed = hidden[place] = min(changed + (bits >> 50) % 9000, end - 1)
        updated.append(changed)
    made.columns[name] = columns(name, created, updated, hidden)


def _spread(options: list[int], count: int) -> Iterator[int]:
    """`count` of the options in their order, evenly; some twice if there are too few."""
    return (options[place * len(options) // count] for place in range(count))


def _attended(made: Clinic) -> list[int]:
    """Ordinals of the appointments that took place."""
    return [place for place, fate in enumerate(made.fates) if fate == ARRIVED]


def _of_appointments(
    made: Clinic, count: int, after: int, without: tuple[int, ...]
) -> Iterator[tuple[int, int]]:
    """Times of creation and parents of what is written up to `after` seconds after a visit.

    without:  types of appointments after which it is not written, as far as others are enough
    """
    starts, visits, last = made.starts, made.visits, made.span.end - 60
    attended = _attended(made)
    usual = [place for place in attended if visits[place] >> 12 & 15 not in without]
    for ordinal in _spread((usual if len(usual) >= count else attended) or [0], count):
        yield min(starts[ordinal] + 1500 + mix(ordinal, after) % after, last), ordinal


def _invoices(made: Clinic, count: int) -> Iterator[tuple[int, int]]:
    return _of_appointments(made, count, 7200, FREE)


def _notes(made: Clinic, count: int) -> Iterator[tuple[int, int]]:
    for created, ordinal in _of_appointments(made, count, 20_000, UNWRITTEN):
        made.noted[ordinal] = 10 if mix(made.seed, ordinal) % 9 == 0 else 90
        yield created, ordinal


def _items(made: Clinic, count: int) -> Iterator[tuple[int, int]]:
    created = made.columns["invoices"].created
    before = -1
    for invoice in _spread(list(range(len(created))), count):
        yield created[invoice] + (invoice == before), invoice  # a second later than the first
        before = invoice


def _attendees(made: Clinic, count: int) -> Iterator[tuple[int, int]]:
    """One for each individual appointment, as far as `count` reaches; then the group's seats."""
    individual = made.columns["individual_appointments"].created
    groups = made.columns["group_appointments"].created
    seats = min(count // 2, 4 * len(groups))
    for ordinal in range(count - seats):
        yield individual[ordinal % len(individual)], (ordinal % len(individual)) << 1
    for place in range(seats):
        yield groups[place >> 2] + 60 * (place & 3), (place >> 2) << 3 | (place & 3) << 1 | 1


def _of_bookings(made: Clinic, count: int) -> Iterator[tuple[int, int]]:
    created = made.columns["individual_appointments"].created
    last = made.span.end - 60
    for ordinal in _spread(list(range(len(created))), count):
        yield min(created[ordinal] + 60 + mix(ordinal, 5) % 40_000, last), ordinal


_PARENTS = {
    "attendees": _attendees,
    "invoices": _invoices,
    "invoice_items": _items,
    "treatment_notes": _notes,
    "communications": _of_bookings,
    "patient_forms": _of_bookings,
}


def _children(made: Clinic, name: str, count: int, pairs: Iterator[tuple[int, int]]) -> None:
    """A list whose rows each belong to a row of another list."""
    created, parents = sorted_with_parents(list(pairs))
    if name == "invoices":
        _bill(made, created, parents)
    if name == "attendees":
        _follow(made, created, parents)
    else:
        _finish(made, name, created)
    made.columns[name].parents.extend(parents)


def _bill(made: Clinic, created: list[int], parents: "array[int]") -> None:
    """Which invoices are paid, and which take back that of another day.

    Most of the open ones are new; few are never paid.
    """
    for place, parent in enumerate(parents):
        original = made.reversed_by(place)
        if original is not None:
            parents[place] = parents[original]
            continue
        age = (made.span.end - created[place]) // DAY
        open_share = next((share for days, share in OPEN if age < days), NEVER_PAID)
        made.invoiced[parent] = 10 if mix(made.seed, parent) % 1000 < open_share else 20
        made.invoice_of[parent] = place


def _follow(made: Clinic, created: list[int], parents: "array[int]") -> None:
    """Attendees of individual appointments share the fate of their appointment."""
    booked = made.columns["individual_appointments"]
    _finish(made, "attendees", created)
    mine = made.columns["attendees"]
    made.attendee_of = array("q", [-1]) * len(booked.ids)
    for place, parent in enumerate(parents):
        if parent & 1:
            _cancel_seat(made, place)
            continue
        made.attendee_of[parent >> 1] = place
        mine.updated[place] = booked.updated[parent >> 1]
        for mark, seconds in mine.marks.items():
            seconds.pop(place, None)
            if parent >> 1 in booked.marks[mark]:
                seconds[place] = booked.marks[mark][parent >> 1]


def _cancel_seat(made: Clinic, place: int) -> None:
    """One in fifteen attendees of group appointments cancels."""
    mine = made.columns["attendees"]
    if mix(made.salts["attendees"], place) % 15 == 0:
        mine.marks["cancelled_at"][place] = mine.updated[place]
