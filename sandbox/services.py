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


def partners(tables: Mapping[str, Table], parent: str, number: str, child: str) -> set[str]:
    """Ids of the records of `child` that services join with one record of `parent`."""
    found: set[str] = set()
    for service in services(tables):
        ids = {
            "businesses": {_id(service["business"])},
            "appointment_types": {_id(service["appointment_type"])},
            "practitioners": {_id(link) for link in service["practitioners"] or ()},
        }
        if number in ids[parent]:
            found |= ids[child]
    return found


def _id(link: Record) -> str:
    return str(link["links"]["self"]).rsplit("/", 1)[-1]
