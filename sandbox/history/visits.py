"""The individual appointments of the history: which places are taken, by whom, and how it went.

Places that are asked for most go first, until there are as many appointments as the account
is to have; when each was made follows from its start.
"""

from cliniko_warehouse.sandbox.clinic import ARRIVED, CANCELLED, MINUTES, MISSED, SERIES, Clinic
from cliniko_warehouse.sandbox.columns import OPEN_SECONDS, OPENS, columns
from cliniko_warehouse.sandbox.roster import AHEAD, Place
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import DAY, date_text

NAME = "individual_appointments"

IMPORTED = 0.25  # share of the patients that came from an older system in the first days
IMPORT_DAYS = 14
RECENT = 0.06  # share of the patients that are in treatment at a time

# How much each month is asked for, in percent, from January on.
_MONTHS = (78, 100, 105, 90, 105, 110, 100, 108, 100, 105, 104, 72)
_HOLIDAYS = {"12-25", "12-26", "01-01", "01-26", "04-25"}

# Days before its start at which an appointment is made.
_LEADS = (0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 7, 7, 8, 9, 10, 12, 13, 14, 14, 14,
          15, 18, 20, 21, 21, 24, 28, 35)  # fmt: skip

# Hours before its start at which an appointment is cancelled.
_NOTICE = (1, 2, 3, 5, 18, 20, 22, 26, 30, 46, 50, 72, 96, 120, 168, 240)

# Of 1,000 appointments
CANCELLED_SHARE = 110
MISSED_SHARE = 55

_INDEX = 24  # low bits of a key: the place in a list


class Places:
    """Every place that a visit could take.

    keys:     larger the less the place is asked for; the low bits are its index
    weeks:    the week of each
    staff:    the practitioner of each
    places:   weekday, second of the start, and whether a series begins there
    chances:  64 bits of chance for each
    room:     how many visits they hold
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.keys: list[int] = []
        self.weeks: list[int] = []
        self.staff: list[int] = []
        self.places: list[Place] = []
        self.chances: list[int] = []
        self.room = 0


def appointments(made: Clinic, count: int) -> None:
    """Fill the calendar, and decide the fate of each appointment."""
    places = Places()
    layer = 0
    while places.room < count:  # more than once where there are more appointments than hours
        _offer(made, layer, places)
        layer += 1
    places.keys.sort()
    order, starts, taken = _taken(made, places, count)
    created = [entry >> _INDEX for entry in order]
    chances = _seat(made, order, starts, taken, places)
    updated, cancelled, archived = _outcomes(made, created, chances)
    made.columns[NAME] = columns(NAME, created, updated, archived)
    made.columns[NAME].marks["cancelled_at"].update(cancelled)
    made.invoiced, made.noted = bytearray(count), bytearray(count)


def _offer(made: Clinic, layer: int, found: Places) -> None:
    """Add all places of all weeks."""
    roster, seed, end = made.roster, made.salts["bookings"] + layer, made.span.end
    away = set(made.leave.values())
    weeks, mondays = _demand(made), _Mondays(made)
    drawn = 0
    for who, first, last in roster.spans():
        liked = 94 + 4 * (who * 5 % 4)
        places = [(place, place.second // DAY, place.asked * liked) for place in roster.places(who)]
        for week in range(max(1, first), last):
            if week not in weeks or (who, week) in away:
                continue
            demand, is_open = weeks[week], week >= roster.now
            is_mid_series = roster.every == 1 and week % SERIES != 0
            for place, weekday, asked in places:
                weight = asked * demand[weekday] // 1000
                if not weight or (place.is_series and is_mid_series):
                    continue
                drawn += 1
                bits = mix(seed, drawn)
                if is_open:
                    start = mondays[week, place.business] + place.second
                    if _made_at(made, start, bits) >= end - SERIES:
                        continue
                found.keys.append(((bits & 0xFFFFF) << 10) // weight << _INDEX | len(found.keys))
                found.weeks.append(week)
                found.staff.append(who)
                found.places.append(place)
                found.chances.append(bits)
                found.room += SERIES if place.is_series else 1


def _demand(made: Clinic) -> dict[int, list[int]]:
    """Week → how much each of its weekdays is asked for; weeks without visits are left out."""
    roster = made.roster
    found = {}
    for week in range((roster.now + 1) % roster.every, roster.now + AHEAD, roster.every):
        dates = [date_text(roster.monday(week) + day)[5:] for day in range(5)]
        found[week] = [0 if day in _HOLIDAYS else _MONTHS[int(day[:2]) - 1] for day in dates]
    return found


class _Mondays(dict[tuple[int, int], int]):
    """Week and business → the second at which the week begins there.

    The clock does not change from Monday to Friday.
    """

    def __init__(self, made: Clinic) -> None:
        super().__init__()
        self._made = made

    def __missing__(self, key: tuple[int, int]) -> int:
        week, business = key
        begins = self._made.instant(self._made.roster.monday(week), DAY, business) - DAY
        self[key] = begins
        return begins


def _made_at(made: Clinic, start: int, bits: int) -> int:
    """When an appointment was made: some days before its start, while somebody answers."""
    day = start // DAY - _LEADS[bits >> 20 & 31]
    made_at = day * DAY + OPENS + (bits >> 25) % OPEN_SECONDS
    if made_at >= start - 1800:
        made_at = start - 1800 - (bits >> 25) % 5400
    opened = (made.span.first_day + 2) * DAY + OPENS
    return made_at if made_at > opened else opened + (bits >> 25) % (3 * DAY)


def _taken(made: Clinic, places: Places, count: int) -> tuple[list[int], list[int], list[int]]:
    """The first `count` appointments, in the order of their making.

    Gives when each was made with its number, in that order; the start by number; and the
    index into `places` by number.
    """
    order: list[int] = []
    starts: list[int] = []
    indexes: list[int] = []
    mondays, mask = _Mondays(made), (1 << _INDEX) - 1
    for key in places.keys:
        index = key & mask
        week, place = places.weeks[index], places.places[index]
        start = mondays[week, place.business] + place.second
        when = _made_at(made, start, places.chances[index])
        order.append(when << _INDEX | len(indexes))
        starts.append(start)
        indexes.append(index)
        if place.is_series:
            for later in range(1, min(SERIES, count - len(indexes) + 1)):
                order.append(when + later << _INDEX | len(indexes))  # a second each
                starts.append(mondays[week + later, place.business] + place.second)
                indexes.append(index)
        if len(indexes) >= count:
            break
    order.sort()
    return order, starts, indexes


def _seat(
    made: Clinic, order: list[int], starts: list[int], taken: list[int], places: Places
) -> list[int]:
    """Decide who takes part in each appointment; gives 64 bits of chance for each."""
    seed, visits, latest_of, firsts = made.salts[NAME], made.visits, made.latest_of, made.firsts
    first_day, mask = made.span.first_day, (1 << _INDEX) - 1
    known = _Known(made)
    first_of: dict[int, int] = {}
    chances = [mix(seed, ordinal) for ordinal in range(len(order))]
    made.starts.extend([starts[entry & mask] for entry in order])
    for ordinal, entry in enumerate(order):
        chosen = taken[entry & mask]
        place = places.places[chosen]
        first = -1
        if place.is_series:
            first = first_of.setdefault(chosen, ordinal)
            if first != ordinal:
                packed = visits[first]
                firsts.append(first)
                visits.append(packed)
                latest_of[packed >> 16] = ordinal
                continue
        firsts.append(first)
        who, bits = places.staff[chosen], chances[ordinal]
        day = ((entry >> _INDEX) - DAY // 2) // DAY - first_day
        patient = _patient(known[day], made.roster.practitioners, who, bits)
        kind = made.kind(who, place.is_long, bits, early=day < 300)
        visits.append(patient << 16 | kind << 12 | place.business << 8 | who)
        latest_of[patient] = ordinal
    return chances


class _Known(dict[int, tuple[int, int]]):
    """Day of the history → patients that the clinic knows, and how many of them are recent."""

    def __init__(self, made: Clinic) -> None:
        super().__init__()
        self._patients = made.sizes["patients"]
        self._days = made.span.end // DAY - made.span.first_day + 1

    def __missing__(self, day: int) -> tuple[int, int]:
        imported = IMPORTED * min(1.0, max(0, day - 1) / IMPORT_DAYS)
        since = (1 - IMPORTED) * max(0, day - 1) / self._days
        known = max(1, int(self._patients * (imported + since)) - 1)
        self[day] = known, max(1, int(self._patients * RECENT))
        return self[day]


def _patient(known: tuple[int, int], shared: int, who: int, bits: int) -> int:
    """Mostly somebody who came to the clinic lately, and often one who knows the practitioner."""
    patients, recent = known
    share, drawn = bits & 7, bits >> 3 & 0xFFFFFFFF
    if share == 7:  # one who comes back after a long time, or comes for the first time
        return drawn % patients
    back = drawn % recent
    if share < 5:  # one of those whom the practitioners share among them
        back -= back % shared - (patients - 1 - who) % shared
    return patients - 1 - back if back < patients else 0


def _outcomes(
    made: Clinic, created: list[int], chances: list[int]
) -> tuple[list[int], dict[int, int], dict[int, int]]:
    """Decide the fate of each appointment.

    Gives the second of its last change; of those that were cancelled or archived: when.
    """
    end, fates = made.span.end, bytearray(len(created))
    updated: list[int] = []
    cancelled: dict[int, int] = {}
    archived: dict[int, int] = {}
    for ordinal, (last, start, visit, bits) in enumerate(
        zip(created, made.starts, made.visits, chances, strict=True)
    ):
        ends = start + 60 * MINUTES[visit >> 12 & 15]
        share, chance = (bits >> 46) % 1000, bits & 0xFFFFFF
        if share < CANCELLED_SHARE:
            notice = _NOTICE[chance & 15] * 3600 + (chance >> 4) % 3600
            gone = max(start - notice, last + (start - last) // 3)
            if gone < end:
                last = cancelled[ordinal] = gone
                fates[ordinal] = CANCELLED
        elif ends + 900 < end:
            fates[ordinal] = MISSED if share < CANCELLED_SHARE + MISSED_SHARE else ARRIVED
            last = ends + chance % 900
        if share < 8 or share % 50 == 7:
            last = archived[ordinal] = min(last + (bits >> 10) % DAY, end - 1)
        updated.append(last)
    made.fates = fates
    return updated, cancelled, archived
