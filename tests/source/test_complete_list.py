"""All of a list or nothing: counted, and in an order that is checked where it is long."""

from collections.abc import Iterator

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import Malformed
from cliniko.pagination.complete_list import complete_ids
from cliniko.pagination.list_request import ListRequest
from cliniko_warehouse.sandbox import Account, Fault, Served, lie, serve, unsorted, wrong_total

PATH = "/appointment_types"


@pytest.fixture(scope="module")
def long() -> Iterator[Served]:
    with serve(Account(rows=500, only={"appointment_types": 230})) as served:
        yield served


def _read(served: Served) -> set[int]:
    with Client(settings_for(served, max_attempts=1)) as client:
        return complete_ids(ListRequest(client, ENDPOINTS["appointment_types"], PATH, []))


def test_a_list_of_several_pages_is_read_by_ids_archived_records_too(long: Served) -> None:
    long.log.clear()

    assert _read(long) == {int(one["id"]) for one in long.account.rows("appointment_types")}
    assert len(long.log) == 4  # to find it too long, and three pages


def test_a_list_of_one_page_is_one_request(served: Served) -> None:
    assert _read(served) == {int(one["id"]) for one in served.account.rows("appointment_types")}
    assert len(served.log) == 1


@pytest.mark.parametrize(
    "fault",
    [unsorted(path=PATH), wrong_total(-1, path=PATH), wrong_total(5, path=PATH),
     lie(PATH, ignored=("id",))],
    ids=["in no order", "a count too low", "a count too high", "a filter without effect"],
)  # fmt: skip
def test_what_is_not_known_to_be_all_is_nothing(long: Served, fault: Fault) -> None:
    if fault.distortion.ignored:
        long.faults.last(fault)
    else:
        long.faults.extend([wrong_total(0, path=PATH), fault])

    with pytest.raises(Malformed):
        _read(long)
    long.faults.clear()
