"""Undecodable text: it costs its value or its record, what came is kept, the page loads."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko, both
from harness import Warehouse, settings_for

from cliniko.api.json_codec import tolerant
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    serve,
)

ALWAYS = 1_000

# name → what comes in place of the text of one record's field, and whether its value is lost
ODD: dict[str, tuple[bytes, bool]] = {
    "half a surrogate": (rb'"a\ud83d"', True),
    "the other half": (rb'"\udc00a"', True),
    "a latin-1 byte": (b'"caf\xe9"', True),
    "a surrogate in UTF-8": (b'"\xed\xa0\xbd"', True),
    "an escape that is none": (rb'"\x41"', True),
    "a NUL": (b'"a\x00b"', True),
    "an escaped NUL": (rb'"a\u0000b"', True),
    "NaN": (b"NaN", True),
    "Infinity": (b"-Infinity", True),
    "a number beyond all": (b"1e400", True),
    "deep arrays": (b"[" * 3_000 + b"]" * 3_000, True),
    "a line break": (b'"a\nb"', False),
    "a tab": (b'"a\tb"', False),
}
BROKEN = {"a number with a leading zero": b"007", "a word": b"nul", "an open quote": b'"a'}


def clinic(field: str = "notes", **more: Any) -> Account:
    """Contacts, of each of which one field holds its own place."""
    account = Account(rows=0, only={"contacts": 0})
    for place in range(len(ODD) + 2):
        account.create("contacts", **{field: f"odd-{place}"}, **more)
    return account


def swaps(shape: str = '"odd-{}"') -> list[tuple[bytes, bytes]]:
    """Each oddity in a record of its own."""
    return [(shape.format(n).encode(), text) for n, (text, _) in enumerate(ODD.values())]


LOST = [name for name, (_, is_lost) in ODD.items() if is_lost]


@both
def test_an_undecodable_value_costs_itself_until_it_is_mended(warehouse: Warehouse) -> None:
    account = clinic()
    with serve(account) as served:
        served.faults.append(faults.replaced(*swaps(), path="/contacts", times=ALWAYS))

        first = warehouse.sync(settings_for(served), "contacts")
        rejected = warehouse.rows("SELECT * FROM cliniko._rejected ORDER BY id")
        stored = warehouse.rows("SELECT id, notes FROM cliniko.contacts ORDER BY id")
        served.faults.clear()
        for record in list(account.rows("contacts")):
            account.update("contacts", record["id"])
        second = warehouse.sync(settings_for(served), "contacts")

    assert (first.status, second.status) == ("ok", "ok")
    assert len(stored) == account.count("contacts")
    notes = [row["notes"] for row in stored]
    expected = [None if lost else json.loads(t, strict=False) for t, lost in ODD.values()]
    assert notes == [*expected, f"odd-{len(ODD)}", f"odd-{len(ODD) + 1}"]
    assert [row["field"] for row in rejected] == ["notes"] * len(LOST)
    assert [row["id"] for row in rejected] == [
        row["id"] for row, (_, lost) in zip(stored, ODD.values(), strict=False) if lost
    ]
    kept = [json.loads(row["raw"])["notes"] for row in rejected]
    assert kept[:6] == [r"a\ud83d", r"\udc00a", r"caf\udce9", r"\udced\udca0\udcbd",
                        r"\udc5cx41", r"a\u0000b"]  # fmt: skip
    assert kept[7:10] == [r"\udc00NaN", r"\udc00-Infinity", r"\udc001e400"]
    assert warehouse.rows("SELECT * FROM cliniko._rejected") == []
    assert {row["notes"] for row in warehouse.rows("FROM cliniko.contacts")} == {
        f"odd-{place}" for place in range(len(ODD) + 2)
    }


@both
def test_a_record_that_is_no_json_costs_itself(warehouse: Warehouse) -> None:
    account = clinic()
    broken = [(f'"odd-{n}"'.encode(), text) for n, text in enumerate(list(BROKEN.values())[:2])]
    ids = [record["id"] for record in account.rows("contacts")]
    with serve(account) as served:
        served.faults.append(faults.replaced(*broken, path="/contacts", times=ALWAYS))
        run = warehouse.sync(settings_for(served), "contacts")
        rejected = warehouse.rows("SELECT id, field, raw FROM cliniko._rejected ORDER BY id")
        stored = warehouse.value("SELECT count(*) FROM cliniko.contacts WHERE _gone_at IS NULL")
        served.faults.clear()
        for number in ids[:2]:
            account.update("contacts", number)
        warehouse.sync(settings_for(served), "contacts")

    assert run.status == "ok"
    assert stored == account.count("contacts") - 2
    assert [str(row["id"]) for row in rejected] == ids[:2]
    assert '"notes":007' in json.loads(rejected[0]["raw"])["_undecodable"]
    assert warehouse.value("SELECT count(*) FROM cliniko._rejected") == 0
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == len(ids)


PLACES: dict[str, tuple[bytes, bytes, list[str]]] = {
    "an inner list": (b'"number":"5"', rb'"number":"\ud83d"', ["phone_numbers.number"]),
    "a new field inside": (b'"number":"5"', b'"number":"5","new":NaN', ["phone_numbers.new"]),
    "a new field": (b'"odd-0"', b'"odd-0","unheard":"\xe9"', ["unheard"]),
    "a new object": (b'"odd-0"', b'"odd-0","unheard":{"a":["\xe9"]}', ["unheard"]),
    "a key": (b'"odd-0"', b'"odd-0","key\xe9":1', []),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_undecodable_text_anywhere_costs_no_row(name: str, tmp_path: Path) -> None:
    old, new, fields = PLACES[name]
    warehouse = Warehouse(tmp_path / "state")
    account = clinic(phone_numbers=[{"phone_type": "Home", "number": "5"}])
    with serve(account) as served:
        served.faults.append(faults.replaced((old, new), path="/contacts", times=ALWAYS))
        run = warehouse.sync(settings_for(served), "contacts")

    assert run.status == "ok"
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == account.count("contacts")
    if fields:
        found = warehouse.rows("SELECT DISTINCT field FROM cliniko._rejected")
        assert [row["field"] for row in found] == fields
    else:
        assert warehouse.value("SELECT max(key_udce9) FROM cliniko.contacts") == 1


def test_an_undecodable_link_costs_the_link_alone(tmp_path: Path) -> None:
    warehouse, account = Warehouse(tmp_path / "state"), Account(rows=60)
    [first, *others] = account.rows("medical_alerts")
    with serve(account) as served:
        patient = b'/patients/%b"' % first["patient"]["links"]["self"].rpartition("/")[2].encode()
        odd = (patient, patient[:-1] + b'\xe9"')
        served.faults.append(faults.replaced(odd, path="/medical_alerts", times=ALWAYS))
        run = warehouse.sync(settings_for(served), "medical_alerts")

    assert run.status == "ok"
    rows = warehouse.rows("SELECT patient_id FROM cliniko.medical_alerts")
    assert len(rows) == len(others) + 1
    assert None in [row["patient_id"] for row in rows]
    assert warehouse.value("SELECT max(field) FROM cliniko._rejected") == "patient_id"


def test_an_undecodable_id_costs_its_record_alone(tmp_path: Path) -> None:
    warehouse, account = Warehouse(tmp_path / "state"), clinic()
    first = next(iter(account.rows("contacts")))["id"].encode()
    with serve(account) as served:
        odd = (b'"id":"%b"' % first, b'"id":"%b\xe9"' % first)
        served.faults.append(faults.replaced(odd, path="/contacts", times=ALWAYS))
        run = warehouse.sync(settings_for(served), "contacts")

    assert run.readings["contacts"].status == "ok"
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == account.count("contacts") - 1
    [row] = warehouse.rows("FROM cliniko._rejected")
    assert (row["id"], row["field"]) == (None, "id")


def test_a_cut_answer_with_undecodable_text_is_tried_again(tmp_path: Path) -> None:
    warehouse, account = Warehouse(tmp_path / "state"), clinic()
    with serve(account) as served:
        cut = faults.replaced((b'"odd-5"', b'"\xe9'), (b"]", b""), (b"}", b""), path="/contacts")
        served.faults.append(cut)
        run = warehouse.sync(settings_for(served), "contacts")

    assert run.status == "ok"
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == account.count("contacts")
    assert run.readings["contacts"].rejected == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"\xe9", b"<p>\xe9</p>", b'{"a":"\xe9"', b'{"a":"\xe9', b'{"l":[{"a":01},{"b":"]}'],
)
def test_what_was_cut_or_is_no_json_stays_unreadable(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        tolerant(body)


def test_a_byte_order_mark_is_read(connected: Served, cliniko: Cliniko) -> None:
    connected.faults.append(faults.replaced((b'{"taxes"', b'\xef\xbb\xbf{"taxes"'), times=ALWAYS))

    ended = cliniko("get", "/taxes")

    assert ended.code == 0
    assert ended.data["taxes"]
