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
    PROFESSIONS,
)
from cliniko_warehouse.sandbox.roster import WEEK, Place, Roster
from cliniko_warehouse.sandbox.sample_catalog import APPOINTMENT_TYPES, CLASSES
from cliniko_warehouse.sandbox.seeded_random import mix, pick, salt
from cliniko_warehouse.sandbox.timestamps import DAY, offset

BOOKED, ARRIVED, MISSED, CANCELLED = range(4)  # what became of an appointment

KEPT_LINKS = 200_000

CREDIT = 60  # of so many invoices, one takes back another
SERIES = 4  # appointments of a repeating series

# What is booked in long places and in short ones, as places in APPOINTMENT_TYPES.
_LONG = (0, 0, 0, 0, 0, 2, 2, 8)
_SHORT = (1, 1, 1, 1, 1, 1, 4, 4)
_ONLY = {PROFESSIONS.index("Psychologist"): 5, PROFESSIONS.index("Remedial Massage Therapist"): 3}
_OLD, _NEW = 9, 2  # a type that was given up, and what has been booked instead since


def full_name(bits: int) -> tuple[str, str]:
    """First and last name of the person with that chance."""
    return pick(FIRST_NAMES, bits >> 3), pick(LAST_NAMES, bits >> 23)


MINUTES = tuple(kind[1] for kind in APPOINTMENT_TYPES)


class Visit(NamedTuple):
    """Who meets whom: ordinals in their lists, and how long it takes."""

    patient: int
    practitioner: int
    business: int
    type: int
    minutes: int
    first: int  # ordinal of the first appointment of its series, or -1


class Lesson(NamedTuple):
    """A group appointment: second of its start, and ordinals."""

    start: int
    practitioner: int
    business: int
    type: int


@dataclass
class Clinic:
    """Everything that the records of an account are made of.

    seed, sizes: what the account was made with; sizes are rows at its making
    span:        the time the clinic has existed
    base_url:    where its API is served, without a slash at the end
    columns:     the index values of every stored list
    starts, visits, firsts, fates, invoiced, noted, attendee_of:
                 of each individual appointment at the making: second of its start,
                 who takes part (packed), the first one of its series (-1: none), what
                 became of it, status of invoice and of note (0: none), its attendee
    leave:       ordinal of an unavailable block → practitioner and week that it closes
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
    firsts: "array[int]" = field(default_factory=lambda: array("q"))
    leave: dict[int, tuple[int, int]] = field(default_factory=dict)
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
        self.roster = Roster(self.sizes, self.span)
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
                MINUTES[kind],
                self.firsts[ordinal],
            )
        who, place, bits = self._arranged(ordinal)
        kind = self.kind(who, place.is_long, bits)
        patient = (bits >> 20) % self.sizes["patients"]
        return Visit(patient, who, place.business, kind, MINUTES[kind], -1)

    def kind(self, practitioner: int, is_long: bool, bits: int, *, early: bool = False) -> int:
        """Place of an appointment's type: by profession, and by how much time there is."""
        only = _ONLY.get(practitioner % len(PROFESSIONS))
        if only is not None:
            return only
        kind = (_LONG if is_long else _SHORT)[bits >> 43 & 7]
        return _OLD if early and kind == _NEW else kind

    def _arranged(self, ordinal: int) -> tuple[int, Place, int]:
        """Practitioner and place of an appointment that is made after the history."""
        bits = mix(self.salts["individual_appointments"], ordinal)
        who = bits % self.roster.practitioners
        places = self.roster.places(who)
        return who, places[(bits >> 8) % len(places)], bits

    def start(self, ordinal: int, created: int) -> int:
        """When an appointment made after the history starts: in the coming four weeks."""
        _, place, bits = self._arranged(ordinal)
        monday = (created // DAY + 3) // 7 * 7 - 3 + 7 * (bits >> 50 & 3)
        start = self.instant(monday, place.second, place.business)
        return start if start > created + 1800 else start + WEEK

    def instant(self, monday: int, second: int, business: int) -> int:
        """An instant by the wall of a business, in the week that begins with a day."""
        day = monday + second // DAY
        return day * DAY + second % DAY - offset(self.zones[business], day)

    def lesson(self, ordinal: int, created: int) -> Lesson:
        """When and where a group appointment is, who gives it, and its type."""
        left = self.sizes["group_appointments"] - 1 - ordinal
        week, who, second, business = self.roster.lesson(max(0, left))
        monday = self.roster.monday(week)
        if left < 0:  # made after the history
            monday = (created // DAY + 3) // 7 * 7 - 3 + 14
        kind = CLASSES[ordinal & 1]
        return Lesson(self.instant(monday, second, business), who, business, kind)

    def lines_of(self, invoice: int) -> range:
        """Ordinals of the lines of an invoice of the history."""
        bills, lines = self.sizes["invoices"], self.sizes["invoice_items"]
        if invoice >= bills:
            return range(0)
        return range(-(-invoice * lines // bills), -(-(invoice + 1) * lines // bills))

    def reversed_by(self, invoice: int) -> int | None:
        """The invoice that one of the history takes back: one of some days before, if any."""
        if invoice % CREDIT != CREDIT - 1 or invoice >= self.sizes["invoices"]:
            return None
        lines = len(self.lines_of(invoice))
        before = range(invoice - 20, invoice - 24, -1)
        return next((one for one in before if len(self.lines_of(one)) == lines), before[0])

    def seat(self, group: int, seat: int) -> int:
        """The patient in a seat of a group appointment; each seat has another one."""
        patients = self.sizes["patients"]
        return (self.bits("group_appointments", group) % patients + seat) % patients
