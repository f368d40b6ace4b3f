"""What the API answers to a path and its parameters."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.filters import (
    Filter,
    Refusal,
    parse,
    value_of,
)
from cliniko_warehouse.sandbox.index import Order
from cliniko_warehouse.sandbox.lists import (
    BOOKINGS,
    LISTS,
    NESTED,
    UNDOCUMENTED,
    Listing,
)
from cliniko_warehouse.sandbox.pages import (
    Distortion,
    Params,
    body,
    sort,
    wanted,
)
from cliniko_warehouse.sandbox.query import (
    Place,
    Query,
    indexed,
    scanned,
)
from cliniko_warehouse.sandbox.records import Record
from cliniko_warehouse.sandbox.records.files import address
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.services import partners, services
from cliniko_warehouse.sandbox.settings import public_settings, settings

NOT_FOUND = "The requested resource could not be found"


class Missing(Exception):
    """The path names nothing, or nothing that is shown."""


@dataclass(frozen=True)
class Answer:
    """Status, body and extra headers of an answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def message(status: int, words: str) -> Answer:
    """An answer that says what is wrong."""
    return Answer(status, orjson.dumps({"message": words}))


class Desk:
    """Answers requests out of one account."""

    def __init__(self, account: Account) -> None:
        """Answer for that account."""
        self.account = account
        self._asked = 0
        self._found: dict[Any, tuple[tuple[int, ...], Order[Place]]] = {}

    def answer(self, path: str, params: Params, distortion: Distortion | None = None) -> Answer:
        """The answer to a GET of a path below `/v1`."""
        with self.account.lock:
            self._asked += 1
            try:
                return self._route(path.strip("/").split("/"), params, distortion or Distortion())
            except Refusal as refusal:
                return message(400, str(refusal))
            except Missing:
                return message(404, NOT_FOUND)

    def _route(self, parts: list[str], params: Params, distortion: Distortion) -> Answer:
        """Find what the path names. Raises Missing if it names nothing."""
        path = "/".join(parts)
        if path in self.account.forbidden or parts[0] in self.account.forbidden:
            return Answer(403, b"")
        if parts[0] in UNDOCUMENTED and not self.account.recalls:
            raise Missing(path)
        single = self._singleton(path)
        if single is not None:
            return Answer(200, orjson.dumps(single))
        if parts[0] not in LISTS and parts[0] != "appointments":
            raise Missing(path)
        if len(parts) == 1 and path in LISTS:
            return self._list(LISTS[path], path, params, distortion)
        if path == "practitioners/inactive":
            return self._list(LISTS[parts[0]], path, params, distortion, inactive=True)
        if path == "patient_cases/active":
            still_open = Filter("closed_at", "time", "!?", None)
            return self._list(LISTS[parts[0]], path, params, distortion, (still_open,))
        if len(parts) == 2 and parts[0] in LISTS:
            return self._record(LISTS[parts[0]], parts[1], params)
        return self._below(parts, path, params, distortion)

    def _singleton(self, path: str) -> Record | None:
        clinic = self.account.clinic
        if path == "settings":
            return settings(clinic)
        if path == "settings/public":
            return public_settings(clinic)
        if path == "user":
            return self.account.tables["users"].record(clinic.sizes["practitioners"])
        return None

    def _record(self, listing: Listing, number: str, params: Params) -> Answer:
        """A record by its id; hidden ones need the opt-ins that the list needs."""
        if not listing.by_id:
            raise Missing(number)
        allowed = dict.fromkeys(listing.unhiding, "time")
        filters = tuple(parse(value, allowed) for name, value in params if name in ("q[]", "q"))
        for name in BOOKINGS if listing.name == "bookings" else (listing.name,):
            table = self.account.tables[name]
            slot = table.rows.slot(number)
            if slot is None:
                continue
            query = Query(listing, filters, (("id", False),))
            state = table.rows.states.get(slot, 0)
            shown = state in (0, 8) or state in query.states(table, "id")
            record = table.record(slot)
            if not shown or not all(f.test(record.get(f.field)) for f in filters):
                break
            return Answer(200, self._json(listing, (table, slot)))
        raise Missing(number)

    def _below(self, parts: list[str], path: str, params: Params, distortion: Distortion) -> Answer:
        """A list or a singleton below a record."""
        if len(parts) < 3:
            raise Missing(path)
        parent, number, child = parts[:3]
        home = "individual_appointments" if parent == "appointments" else parent
        table = self.account.tables.get(home)
        if table is None or table.rows.slot(number) is None:
            raise Missing(path)
        if child == "conflicts" and parent in BOOKINGS and len(parts) == 3:
            return Answer(200, orjson.dumps({"conflicts": {"exist": False}}))
        if (parent, child) == ("patient_attachments", "content") and len(parts) == 3:
            return self._content(number)
        if (parent, child) == ("patients", "referral_source"):
            return self._referral_source(number)
        if (parent, child) == ("patient_forms", "signatures") and len(parts) == 4:
            return self._signature(number, parts[3])
        inactive = parts[3:] == ["inactive"] and child == "practitioners"
        if (len(parts) > 3 and not inactive) or (parent, child) not in NESTED:
            raise Missing(path)
        fixed = Filter(NESTED[parent, child], "id", "=", [int(number)])
        if child in ("practitioners", "appointment_types"):
            joined = partners(self.account.tables, parent, number, child, self.account.joins)
            fixed = Filter("id", "id", "=", [*map(int, joined), -1, -2])
        return self._list(LISTS[child], path, params, distortion, (fixed,), inactive=inactive)

    def _referral_source(self, patient: str) -> Answer:
        table = self.account.tables["referral_sources"]
        query = Query(
            table.listing, (Filter("patient_id", "id", "=", [int(patient)]),), (("id", False),)
        )
        found = scanned(query, [table]).page(0, 1, None)
        if not found:
            raise Missing(patient)
        return Answer(200, table.json(found[0][1]))

    def _content(self, number: str) -> Answer:
        """The way to a file, which is elsewhere; nothing while it is not processed."""
        record = self.account.record("patient_attachments", number)
        if not record["content"]:
            raise Missing(number)
        origin = self.account.base_url.removesuffix("/v1")
        location = address(origin, number, int(record["size"]))
        return Answer(302, b"", {"Location": location})

    def _signature(self, form: str, number: str) -> Answer:
        record = self.account.record("patient_forms", form)
        if number != str(int(form) + 1) or not record["completed_at"]:
            raise Missing(number)
        signature = {
            "id": number,
            "created_at": record["created_at"],
            "updated_at": record["updated_at"],
            "image": "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E",
            "links": {"self": f"{self.account.base_url}/signatures/{number}"},
            "user": self.account.clinic.link("users", 0),
        }
        return Answer(200, orjson.dumps(signature))

    def _list(
        self,
        listing: Listing,
        path: str,
        params: Params,
        distortion: Distortion,
        fixed: tuple[Filter, ...] = (),
        *,
        inactive: bool = False,
    ) -> Answer:
        """A page of a list; `fixed` are filters that the path stands for."""
        at = wanted(f"{self.account.base_url}/{path}", params)
        filters = [parse(value, listing.filters) for name, value in params if name in ("q[]", "q")]
        if any(one.field == distortion.refused_filter for one in filters):
            raise Refusal(f"{distortion.refused_filter} is not filterable")
        filters = [one for one in filters if one.field not in distortion.ignored]
        columns = sort(params, listing, distortion)
        offset = at.offset(distortion)
        if listing.name == "services":
            records = self._services(fixed)
            total, records = len(records), records[offset : offset + at.per_page]
        else:
            order, exact = self._order(Query(listing, (*filters, *fixed), columns, inactive))
            ties = None if exact else mix(self.account.clinic.seed, self._asked)
            if distortion.shuffled:
                places = order.page(0, order.total, None)
                Random(self._asked).shuffle(places)
                places = places[offset : offset + at.per_page]
            else:
                places = order.page(offset, at.per_page, ties)
            total, records = order.total, [self._json(listing, place) for place in places]
        return Answer(200, body(listing.name, records, total, at, distortion))

    def _services(self, fixed: tuple[Filter, ...]) -> list[bytes]:
        """The computed list, whole or of one business."""
        whole = services(self.account.tables)
        passing = [one for one in whole if all(f.test(value_of(one, f.field)) for f in fixed)]
        return [orjson.dumps(one) for one in passing]

    def _order(self, query: Query) -> tuple[Order[Place], bool]:
        """The rows asked for, and whether their order leaves no ties."""
        names = BOOKINGS if query.listing.name == "bookings" else (query.listing.name,)
        tables = [self.account.tables[name] for name in names]
        exact = any(column == "id" for column, _ in query.sort)
        order = indexed(query, tables)
        if order is None:
            versions = tuple(table.rows.version for table in tables)
            key = (query.listing.name, repr(query.filters), query.sort, query.inactive)
            known = self._found.get(key)
            if known is None or known[0] != versions:
                if len(self._found) >= 16:
                    self._found.clear()
                known = self._found[key] = versions, scanned(query, tables)
            order = known[1]
        return order, exact

    def _json(self, listing: Listing, place: Place) -> bytes:
        """A record's JSON; a booking's own link goes below /bookings."""
        table, slot = place
        found = table.json(slot)
        if listing.own_records:
            return found
        tail = f'/{table.columns.ids[slot]}"'.encode()
        home = f'"links":{{"self":"{self.account.base_url}/'.encode()
        return found.replace(home + table.name.encode() + tail, home + b"bookings" + tail)
