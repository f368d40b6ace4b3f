"""The list that Cliniko computes: who offers what where."""

from collections.abc import Mapping

from cliniko_warehouse.sandbox.records import Record
from cliniko_warehouse.sandbox.rows import HIDDEN
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.table import Table


def services(tables: Mapping[str, Table]) -> list[Record]:
    """One record for each visible appointment type and business, with its practitioners."""
    clinic = tables["businesses"].clinic
    found: list[Record] = []
    for place in _visible(tables["businesses"]):
        for kind in _visible(tables["appointment_types"]):
            if mix(place, kind) % 5 == 0:
                continue
            staff = [who for who in _visible(tables["practitioners"]) if mix(who, kind) % 3]
            found.append(
                {
                    "business": clinic.link("businesses", place),
                    "appointment_type": clinic.link("appointment_types", kind),
                    "practitioners": [clinic.link("practitioners", who) for who in staff] or None,
                }
            )
    return found


def _visible(table: Table) -> list[int]:
    hidden = HIDDEN["inactive"] | HIDDEN["archived_at"]
    return [slot for slot in table.rows.slots() if not table.rows.states.get(slot, 0) & hidden]


Joins = dict[tuple[str, str, str, str], bool]
"""List, id, list below it, id in that → whether somebody joined the two, or parted them."""


def partners(
    tables: Mapping[str, Table], parent: str, number: str, child: str, changed: Joins
) -> set[str]:
    """Ids of the records of `child`, hidden ones too, that are joined with one of `parent`."""
    names = ("businesses", "appointment_types", "practitioners")
    ids = {name: tables[name].columns.ids for name in names}
    found = {
        str(ids[child][one[child]])
        for place in range(len(ids["businesses"]))
        for kind in range(len(ids["appointment_types"]))
        if mix(place, kind) % 5
        for who in range(len(ids["practitioners"]))
        if mix(who, kind) % 3
        for one in ({"businesses": place, "appointment_types": kind, "practitioners": who},)
        if str(ids[parent][one[parent]]) == number
    }
    for (home, home_id, below, other), joined in changed.items():
        if (home, home_id, below) == (parent, number, child):
            (found.add if joined else found.discard)(other)
    return found
