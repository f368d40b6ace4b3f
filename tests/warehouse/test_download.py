"""Files come from where the API sends us; nobody else gets the key, and odd places nothing."""

from collections.abc import Iterable, Iterator

import pytest
from harness import settings_for
from storage_server import Storage, storage

from cliniko.api.client import Client
from cliniko.errors import ClinikoError, Malformed, Unavailable
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.files.download import Downloader
from cliniko_warehouse.sandbox import Account, Served, redirect, serve, status

PATH = "/patient_attachments/1/content"
DATA = bytes(range(256)) * 2_000


@pytest.fixture(scope="module")
def api() -> Iterator[Served]:
    with serve(Account(rows=50)) as served:
        yield served


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Storage]:
    with storage() as made:
        made.files |= {"/file": DATA, "/again": "/file", "/loop": "/loop", "/cut": DATA}
        made.files["/home"] = "http://10.1.2.3/file"
        made.short.add("/cut")
        yield made


def _received(chunks: Iterable[bytes], kind: str) -> tuple[bytes, str]:
    return b"".join(chunks), kind


def _fetched(api: Served, target: str) -> tuple[bytes, str]:
    api.faults.clear()
    api.faults.extend([redirect(target, path=PATH)])
    settings = settings_for(api, max_attempts=1)
    with Client(settings) as client:
        downloads = Downloader(client, settings)
        try:
            return downloads.fetch(PATH, [], _received)
        finally:
            downloads.close()


def test_a_redirect_is_followed_without_the_key_and_without_a_name(
    api: Served, elsewhere: Storage
) -> None:
    elsewhere.asked.clear()

    assert _fetched(api, f"{elsewhere.url}/again") == (DATA, "application/pdf")

    [first, second] = elsewhere.asked
    assert (first[0], second[0]) == ("/again", "/file")
    assert "authorization" in api.log[-1].headers
    for _, headers in elsewhere.asked:
        assert set(headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert "@" not in headers["user-agent"]


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/file", "https://10.0.0.1/file", "https://169.254.169.254/latest",
        "https://[::ffff:192.168.1.1]/", "https://[fe80::1%25lo]/", "http://8.8.8.8/file",
        "https://8.8.8.8/file", "file:///etc/passwd", "//127.0.0.1/x", "/etc/passwd", "..", "",
        "ftp://127.0.0.1/x", "http://user:word@127.0.0.1/x", "http://127.0.0.1/\x00",
        "http://localhost.example.com/x", "gopher://127.0.0.1", "https://",
    ],
)  # fmt: skip
def test_an_address_that_is_odd_or_not_of_this_machine_gets_no_request(
    api: Served, elsewhere: Storage, target: str
) -> None:
    elsewhere.asked.clear()

    with pytest.raises(ClinikoError) as caught:
        _fetched(api, target)

    assert isinstance(caught.value, Malformed | Unavailable)
    assert elsewhere.asked == []
    assert not target or target not in str(caught.value)


@pytest.mark.parametrize("path", ["/home", "/loop", "/none"])
def test_a_storage_that_leads_astray_is_followed_no_further(
    api: Served, elsewhere: Storage, path: str
) -> None:
    with pytest.raises(Malformed) as caught:
        _fetched(api, elsewhere.url + path)

    assert "127.0.0.1" not in str(caught.value)


def test_a_file_that_breaks_off_is_an_error_and_none_is_half(
    api: Served, elsewhere: Storage
) -> None:
    with pytest.raises(Unavailable, match="broke off"):
        _fetched(api, f"{elsewhere.url}/cut")


def test_an_answer_of_the_api_that_passes_is_tried_again(api: Served, elsewhere: Storage) -> None:
    api.faults.clear()
    api.faults.extend([status(503, path=PATH), redirect(f"{elsewhere.url}/file", path=PATH)])
    settings = settings_for(api, max_attempts=2)
    with Client(settings, sleep=lambda _: None) as client:
        found = Downloader(client, settings).fetch(PATH, [], _received)
        assert client.requests[PATH] == 2

    assert found == (DATA, "application/pdf")


@pytest.mark.parametrize(
    ("address", "may"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.0.0.1", False),
     ("::1", False), ("::ffff:10.0.0.1", False), ("100.64.0.1", False), ("224.0.0.1", False),
     ("0.0.0.0", False), ("fd00::1", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_beside_the_real_api_only_public_addresses_are_connected_to(
    address: str, may: bool
) -> None:
    settings: ClinikoSettings = resolve(api_key="unused-au1", contact_email="a@example.com")
    with Client(settings) as client:
        downloads = Downloader(client, settings)
        try:
            connected = downloads._address(address, 443)
        except OSError:
            connected = ""
        downloads.close()

    assert bool(connected) is may
