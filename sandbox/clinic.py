"""The invented clinic: what follows from a seed and holds for a row's whole life."""

from array import array
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from cliniko_warehouse.sandbox.columns import Columns, Span
from cliniko_warehouse.sandbox.lists import LISTS
from cliniko_warehouse.sandbox.names import (
    BUSINESSES,
    FIRST_NAMES,
    LAST_NAMES,
    PLACES,
)
from cliniko_warehouse.sandbox.sample_catalog import APPOINTMENT_TYPES, CLASSES
from cliniko_warehouse.sandbox.seeded_random import mix, pick, salt
from cliniko_warehouse.sandbox.timestamps import DAY, offset

BOOKED, ARRIVED, MISSED, CANCELLED = range(4)  # what became of an appointment

KEPT_LINKS = 200_000

SERIES = 4  # appointments of a repeating series
EVERY = 16  # of so many appointments, the first SERIES are one series

# How often each appointment type is booked, as places in APPOINTMENT_TYPES.
_TYPES = (
    0,
    0,
    0,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    2,
    2,
    2,
    3,
    3,
    3,
    3,
    4,
    4,
    5,
    5,
    5,
    8,
    1,
    1,
    1,
    0,
    9,
    1,
)


def full_name(bits: int) -> tuple[str, str]:
    """First and last name of the person with that chance."""
    return pick(FIRST_NAMES, bits >> 3), pick(LAST_NAMES, bits >> 23)


_MINUTES = tuple(kind[1] for kind in APPOINTMENT_TYPES)


class Visit(NamedTuple):
    """Who meets whom: ordinals in their lists, and how long it takes."""

    patient: int
    practitioner: int
    business: int
    type: int
    minutes: int
    first: int  # ordinal of the appointment that this one repeats, or its own


@dataclass
class Clinic:
    """Everything that the records of an account are made of.

    seed, sizes: what the account was made with; sizes are rows at its making
    span:        the time the clinic has existed
    base_url:    where its API is served, without a slash at the end
    columns:     the index values of every stored list
    starts, visits, fates, invoiced, noted, attendee_of:
                 of each individual appointment at the making: second of its start,
                 who takes part (packed), what became of it, status of invoice and of note
                 (0: none), its attendee
    invoice_of:  ordinal of the invoice of an individual appointment
    latest_of:   ordinal of the appointment that a patient made last
    """

    seed: int
    sizes: dict[str, int]
    span: Span
    quirks: bool = False
    base_url: str = "http://127.0.0.1/v1"
    columns: dict[str, Columns] = field(default_factory=dict)
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    visits: "array[int]" = field(default_factory=lambda: array("q"))
    fates: bytearray = field(default_factory=bytearray)
    invoiced: bytearray = field(default_factory=bytearray)
    noted: bytearray = field(default_factory=bytearray)
    attendee_of: "array[int]" = field(default_factory=lambda: array("q"))
    invoice_of: dict[int, int] = field(default_factory=dict)
    latest_of: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each list a seed of its own."""
        self.salts = {name: salt(self.seed, name) for name in LISTS}
        self._links: dict[tuple[str, int], dict[str, dict[str, str]]] = {}
        self._names: dict[int, str] = {}
        self.zones = [PLACES[place][3] for _, place, _ in BUSINESSES]

    def bits(self, name: str, ordinal: int) -> int:
        """64 bits of chance of one row."""
        return mix(self.salts[name], ordinal)

    @cached_property
    def ids(self) -> dict[str, "array[int]"]:
        """The ids of every list, by ordinal."""
        return {name: columns.ids for name, columns in self.columns.items()}

    def id(self, name: str, ordinal: int) -> int:
        """The id of a row; ordinals beyond the list wrap around."""
        ids = self.columns[name].ids
        return ids[ordinal % len(ids)]

    def link(self, name: str, ordinal: int) -> dict[str, dict[str, str]]:
        """The link to a row. Links are shared between records: do not change one."""
        found = self._links.get((name, ordinal))
        if found is None:
            if len(self._links) >= KEPT_LINKS:
                self._links.clear()
            found = self.url(f"{name}/{self.id(name, ordinal)}")
            self._links[name, ordinal] = found
        return found

    def patient_name(self, ordinal: int) -> str:
        """First and last name of a patient."""
        if ordinal not in self._names:
            bits = self.bits("patients", ordinal)
            self._names[ordinal] = " ".join(full_name(bits))
        return self._names[ordinal]

    def serve_at(self, url: str) -> None:
        """Let all links begin with another URL."""
        self.base_url = url
        self._links.clear()

    def link_to(self, path: str, name: str, ordinal: int) -> dict[str, dict[str, str]]:
        """The link to a row under the path of another list that has the same ids."""
        return self.url(f"{path}/{self.id(name, ordinal)}")

    def url(self, path: str) -> dict[str, dict[str, str]]:
        """The link to a path below the API's root."""
        return {"links": {"self": f"{self.base_url}/{path}"}}

    def visit(self, ordinal: int) -> Visit:
        """Who takes part in an individual appointment."""
        if ordinal < len(self.visits):
            packed = self.visits[ordinal]
            kind = packed >> 12 & 15
            return Visit(
                packed >> 16,
                packed & 255,
                packed >> 8 & 15,
                kind,
                _MINUTES[kind],
                ordinal - ordinal % EVERY if ordinal % EVERY < SERIES else ordinal,
            )
        return self._arranged(ordinal)

    def remember(self, visit: Visit) -> None:
        """Keep who takes part in the next individual appointment, since it is asked for often."""
        people = visit.patient << 16 | visit.practitioner
        self.visits.append(people | visit.type << 12 | visit.business << 8)

    def _arranged(self, ordinal: int) -> Visit:
        """Work out who takes part in an individual appointment."""
        place = ordinal % EVERY
        first = ordinal - place if place < SERIES else ordinal
        bits = mix(self.salts["individual_appointments"], first)
        sizes = self.sizes
        known = min(1.0, 0.25 + 0.75 * first / sizes["individual_appointments"])
        staff = sizes["practitioners"]
        practitioner = (bits >> 26) % staff
        if practitioner == staff - 1 and known > 0.7:
            practitioner = 0  # the last one has left
        business = practitioner % 2 if (bits >> 40) & 15 else 2
        kind = _TYPES[(bits >> 20) & 31]
        patient = bits % (int(sizes["patients"] * known) or 1)
        return Visit(patient, practitioner, business, kind, APPOINTMENT_TYPES[kind][1], first)

    def start(self, ordinal: int, created: int, business: int) -> int:
        """When an appointment made at `created` starts: some day later, in working hours."""
        bits = mix(self.salts["bookings"], ordinal)
        place = ordinal % EVERY
        later = 7 * place if place < SERIES else 0
        day = created // DAY + 1 + (bits >> 8) % 21 + later
        if (day + 3) % 7 == 6:  # 1970-01-01 was a Thursday; nobody works on Sundays
            day += 1
        wall = 8 * 3600 + ((bits >> 16) % 19) * 1800
        return day * DAY + wall - offset(self.zones[business], day)

    def group(self, ordinal: int) -> tuple[int, int, int]:
        """Practitioner, business and appointment type of a group appointment."""
        bits = self.bits("group_appointments", ordinal)
        return (bits >> 8) % (self.sizes["practitioners"] - 1), bits % 3, CLASSES[bits >> 4 & 1]

    def seat(self, group: int, seat: int) -> int:
        """The patient in a seat of a group appointment; each seat has another one."""
        patients = self.sizes["patients"]
        return (self.bits("group_appointments", group) % patients + seat) % patients
