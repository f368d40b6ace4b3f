"""The words in which an endpoint is described.

A description is data: `endpoints/` writes it and all other code reads it. What a word
means in Arrow and in a database is said in `tables`, what it means in a request in `walk`.
"""

from dataclasses import dataclass
from typing import Any, Literal

Record = dict[str, Any]
"""A JSON object as Cliniko sends it."""

Kind = Literal[
    "id", "text", "integer", "decimal", "boolean", "instant", "day", "time", "json", "any"
]
"""What a value is, however its JSON looks.

id       a 64-bit number that Cliniko sends as a string
text     a string; "" stays ""
integer  a whole number
decimal  an exact number, sent as a string or as a JSON number
boolean  true or false
instant  a moment: UTC, whole seconds
day      a calendar day
time     a wall-clock time without a date, HH:MM
json     an object or an array, kept as it is
any      a string as it is, or the JSON text of whatever else comes
"""

Privacy = Literal["none", "personal", "health", "financial", "credential"]
"""Whom a value is about; a credential gives access to whoever holds it."""

Reveals = Literal["", "name", "birth", "words"]
"""What a value says of somebody, where its class and kind do not tell.

name   it names somebody: a name, or a number that stands for one
birth  a day of birth
words  free words, in which anything may stand
"""

Hidden = Literal["archived_at", "cancelled_at", "deleted_at"]
"""A mark whose rows a list leaves out unless the request opts in (`archived_at:*`)."""

Shape = Literal["list", "computed", "singleton", "links"]
"""What an endpoint answers with.

list       pages of records that have `id`, `created_at` and `updated_at`
computed   pages of records without any of them: read whole, swapped in one step
singleton  one object: read whole, swapped in one step
links      below each record of the first link's list, pages of records of the second link's;
           what is stored is the pair of their ids
"""

Codes = tuple[tuple[int | str, str], ...]
"""What each code of a field stands for, in Cliniko's order."""


@dataclass(frozen=True)
class Field:
    """A value of a record, and the column that holds it.

    name:        the column: Cliniko's name, steps into an object joined by `__`
    kind:        what the value is
    meaning:     a phrase; with the codes it becomes the column's comment
    privacy:     whom the value is about
    codes:       what each code stands for
    deprecated:  what to use instead; empty while the field is current
    array:       whether a `json` value is an array of plain values
    of:          the endpoint whose ids an array holds
    reveals:     what the value says of somebody, where class and kind do not tell
    choices:     the only texts that it may be, where Cliniko names them all
    source:      in a child table, `<step>.<name>` of the enclosing list's element that
                 holds the value; empty for a value of the element itself
    """

    name: str
    kind: Kind
    meaning: str
    privacy: Privacy = "none"
    codes: Codes = ()
    deprecated: str = ""
    array: bool = False
    of: str = ""
    reveals: Reveals = ""
    choices: tuple[str, ...] = ()
    source: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """All that it may be: its choices, or its codes."""
        return self.choices or tuple(str(code) for code, _ in self.codes)


@dataclass(frozen=True)
class Link:
    """A link to one other record, stored as the column `<name>_id`.

    name:        as Cliniko spells it
    target:      the endpoint whose row it leads to; empty where the API has no such list
    meaning:     a phrase; it becomes the column's comment
    deprecated:  what to use instead; empty while the link is current
    owner:       whether the record belongs to the other one, and goes when that is forgotten
    may:         a field, its value and the endpoint that it then leads to, where no single one
    """

    name: str
    target: str
    meaning: str
    deprecated: str = ""
    owner: bool = False
    may: tuple[str, str, str] | None = None

    @property
    def column(self) -> str:
        """The column that holds the other record's id."""
        return f"{self.name}_id"


@dataclass(frozen=True)
class Children:
    """A list inside a record, stored as the table `<endpoint>__<name>`.

    name:     the table's last part
    meaning:  a sentence: what a row is
    parent:   the column that holds the parent's id; empty where the parent has none
    fields:   the values of an element
    link:     what an element leads to, where the element is itself a link
    path:     the steps from the record down to the elements, through objects and lists;
              empty means the record's own array of that name
    """

    name: str
    meaning: str
    parent: str
    fields: tuple[Field, ...] = ()
    link: Link | None = None
    path: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps from the record down to the elements."""
        return self.path or (self.name,)


@dataclass(frozen=True)
class Endpoint:
    """A list that Cliniko serves, and the table that holds it.

    name:        the table; also the list's key in an answer
    meaning:     a sentence: what a row is; it becomes the table's comment
    fields:      the values, besides those that every list has
    links:       its links to one other record each
    many:        its links to lists and to computed views: known, not stored
    children:    its lists of objects
    filters:     what `q[]` accepts, besides `id`, `created_at` and `updated_at`
    hidden:      marks whose rows a request must opt in
    shape:       what it answers with
    path:        where it is served; `/<name>` unless said; of links `{id}` is the record's
    also:        paths of lists with its other rows (`/practitioners/inactive`)
    apart:       the flag that says which of these lists a row is in; it may turn without a
                 new `updated_at`
    key:         the columns that tell two rows of an account apart
    optional:    whether a 404 means "not offered by this account"
    by_default:  whether a sync without names reads it
    minimal:     whether it is calendar or money, which the profile `minimal` reads
    note:        what a reader of the table should know
    """

    name: str
    meaning: str
    fields: tuple[Field, ...] = ()
    links: tuple[Link, ...] = ()
    many: tuple[str, ...] = ()
    children: tuple[Children, ...] = ()
    filters: tuple[str, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    shape: Shape = "list"
    path: str = ""
    also: tuple[str, ...] = ()
    apart: str = ""
    key: tuple[str, ...] = ("id",)
    optional: bool = False
    by_default: bool = True
    minimal: bool = False
    note: str = ""

    def __hash__(self) -> int:
        """By the name alone: what follows from an endpoint is kept, and looked up all the time."""
        return hash(self.name)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that serves rows of this table."""
        return (self.path or f"/{self.name}", *self.also)

    @property
    def columns(self) -> tuple[Field, ...]:
        """Every field with those that each list has: `id` first, its times last."""
        return (ID, *self.fields, CREATED_AT, UPDATED_AT) if self.shape == "list" else self.fields


def text(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """A string."""
    return Field(name, "text", meaning, privacy, **more)


def record_id(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """The id of a record that is not linked."""
    return Field(name, "id", meaning, privacy, **more)


def count(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """A whole number, or a numbered code."""
    return Field(name, "integer", meaning, privacy, **more)


def number(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """An exact number that is no money: a quantity, a rate."""
    return Field(name, "decimal", meaning, privacy, **more)


def money(name: str, meaning: str, **more: Any) -> Field:
    """An amount in the account's currency."""
    return Field(name, "decimal", meaning, "financial", **more)


def flag(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """True or false."""
    return Field(name, "boolean", meaning, privacy, **more)


def instant(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """A moment, UTC."""
    return Field(name, "instant", meaning, privacy, **more)


def day(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """A calendar day."""
    return Field(name, "day", meaning, privacy, **more)


def clock(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """A wall-clock time without a date."""
    return Field(name, "time", meaning, privacy, **more)


def answer(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """What was filled in: mostly a string, for some questions an object."""
    return Field(name, "any", meaning, privacy, **more)


def document(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """An object of free form."""
    return Field(name, "json", meaning, privacy, **more)


def array(name: str, meaning: str, privacy: Privacy = "none", **more: Any) -> Field:
    """An array of plain values."""
    return Field(name, "json", meaning, privacy, array=True, **more)


ID = record_id("id", "Cliniko's number of the record, unique within its list and account")
CREATED_AT = instant("created_at", "When the record was created")
UPDATED_AT = instant("updated_at", "When Cliniko last changed the record")
ARCHIVED_AT = instant("archived_at", "When it was archived; null while it is in use")
CANCELLED_AT = instant("cancelled_at", "When it was cancelled; null while it stands")
DELETED_AT = instant(
    "deleted_at", "When it was archived, under the name of older versions; null while it is in use"
)
