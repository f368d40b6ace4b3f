"""The tables that endpoints become: columns, keys and meanings, before any row is read."""

from dataclasses import dataclass
from functools import cache

from .spec import (
    Children,
    Endpoint,
    Field,
    Kind,
    Link,
    Privacy,
    Reveals,
)

REJECTED = "_rejected"


@dataclass(frozen=True)
class Column:
    """A column of the warehouse.

    leads_to:  the table whose `id` it holds; empty if it is no foreign key
    reveals:   what a value says of somebody, where class and kind do not tell
    choices:   the only texts that it may hold, where Cliniko names them all
    """

    name: str
    kind: Kind
    meaning: str
    privacy: Privacy = "none"
    deprecated: str = ""
    leads_to: str = ""
    reveals: Reveals = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of the warehouse.

    primary:  what tells two rows apart; of two in one package the later read stays
    merge:    what a package replaces: every row with the same values goes first
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()


ACCOUNT = Column("_account", "text", "The Cliniko account, as named in the settings")
READ_AT = Column("_read_at", "instant", "When the row was received from Cliniko")
GONE_AT = Column(
    "_gone_at",
    "instant",
    "When the account was found to lack the row; null while it is there",
)
REMOVED = Column("_removed", "boolean", "Always null: marks rows on their way to be deleted")
LOAD_ID = Column("_dlt_load_id", "text", "The load that brought the row, as in _dlt_loads")
POSITION = Column("position", "integer", "Place in the parent's list, from 0")

REJECTIONS = Table(
    REJECTED,
    "What Cliniko sent and could not be stored where it belongs",
    (
        ACCOUNT,
        Column("endpoint", "text", "The list that the record came from"),
        Column("record", "text", "The record's id, or a hash of the record if it has none"),
        Column(
            "field",
            "text",
            "The column whose value does not fit; id if the row is left out",
        ),
        Column("id", "id", "The record's id; null if it has none that is usable"),
        Column("reason", "text", "Why, in words"),
        Column(
            "raw",
            "json",
            "The whole record as Cliniko sent it; what is no text is spelled out, as in \\udce9",
            "health",
        ),
        Column("run", "text", "The run that read it, as in _runs"),
        READ_AT,
        REMOVED,
        LOAD_ID,
    ),
    primary=("_account", "endpoint", "record", "field"),
    merge=("_account", "endpoint", "record"),
)


@cache
def tables(endpoint: Endpoint) -> tuple[Table, ...]:
    """The endpoint's own table, then those of the lists inside its records."""
    is_keyed = endpoint.shape in ("list", "links")
    note = f". {endpoint.note}" if endpoint.note else ""
    own = Table(
        endpoint.name,
        endpoint.meaning + note,
        (
            ACCOUNT,
            *map(_field, endpoint.columns),
            *map(_link, endpoint.links),
            READ_AT,
            GONE_AT if is_keyed else REMOVED,
            LOAD_ID,
        ),
        primary=("_account", *endpoint.key) if is_keyed else (),
        merge=() if is_keyed else ("_account",),
    )
    return (own, *(_child(endpoint, children) for children in endpoint.children))


def filter_kinds(endpoint: Endpoint) -> dict[str, Kind]:
    """What `q[]` accepts on the endpoint, and what each value is."""
    kinds = {field.name: field.kind for field in endpoint.columns}
    names = ("id", "created_at", "updated_at") if endpoint.shape == "list" else ()
    return {name: kinds.get(name, "id") for name in (*names, *endpoint.filters)}


def child_table(endpoint: Endpoint, children: Children) -> str:
    """The table that holds a list inside the endpoint's records."""
    return f"{endpoint.name}__{children.name}"


def parent_columns(endpoint: Endpoint, children: Children) -> tuple[str, ...]:
    """The columns of a child table that name its parent, besides `_account`."""
    return (children.parent,) if children.parent else endpoint.key


def _child(endpoint: Endpoint, children: Children) -> Table:
    parents = parent_columns(endpoint, children)
    own = {column.name: column for column in (*map(_link, endpoint.links),)}
    keys = [
        own.get(name) or Column(name, "id", "The row it belongs to", leads_to=endpoint.name)
        for name in parents
    ]
    return Table(
        child_table(endpoint, children),
        children.meaning,
        (
            ACCOUNT,
            *keys,
            POSITION,
            *map(_field, children.fields),
            *([_link(children.link)] if children.link else []),
            REMOVED,
            READ_AT,
            LOAD_ID,
        ),
        merge=("_account", *parents) if endpoint.shape == "list" else ("_account",),
    )


def _field(field: Field) -> Column:
    codes = ", ".join(f"{code} {meaning}" for code, meaning in field.codes)
    meaning = f"{field.meaning}: {codes}" if codes else field.meaning
    return Column(
        field.name,
        field.kind,
        meaning,
        field.privacy,
        field.deprecated,
        reveals=field.reveals,
        choices=field.words if field.kind == "text" else (),
    )


def _link(link: Link) -> Column:
    return Column(
        link.column,
        "id",
        link.meaning,
        deprecated=link.deprecated,
        leads_to=link.target,
    )
