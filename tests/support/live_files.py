"""How files come: statuses, kinds and whether lengths fit, never a value, an address or a name."""

import re
from collections.abc import Iterable, Iterator

import httpx

from cliniko.api.client import Client
from cliniko.errors import ClinikoError
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.files.download import Downloader

LISTS = "/patient_attachments", "/patient_forms"
DATA = re.compile(r"data:([a-z0-9.+/-]*)((?:;[^,;]*)*),")


def attachment(settings: ClinikoSettings) -> Iterator[str]:
    """How the newest attachment's content comes."""
    with Client(settings) as client:
        found = client.get(LISTS[0], [("per_page", "20"), ("sort", "updated_at:desc")])
        ready = [one for one in found.body["patient_attachments"] if one.get("content")]
        if not ready:
            yield "content: no attachment is there"
            return
        path = f"{LISTS[0]}/{int(ready[0]['id'])}/content"

        def come(response: httpx.Response) -> str:
            where = "to another address" if response.is_redirect else "with a body"
            return f"content: {response.status_code} {where}"

        def length(chunks: Iterable[bytes], kind: str) -> int:
            return sum(map(len, chunks))

        downloads = Downloader(client, settings)
        try:
            yield client.fetch(path, [], come)
            fits = downloads.fetch(path, [], length) == ready[0].get("size")
            yield f"file: {'as long as the record says' if fits else 'of another length'}"
        except ClinikoError as error:
            yield f"file: {error}"
        finally:
            downloads.close()


def signature(settings: ClinikoSettings) -> Iterator[str]:
    """How a signature's image comes."""
    with Client(settings) as client:
        asked = [("per_page", "100"), ("sort", "updated_at:desc")]
        for form in client.get(LISTS[1], asked).body["patient_forms"]:
            for number in re.findall(r"/signatures/(\d+)", str(form.get("signatures"))):
                path = f"{LISTS[1]}/{int(form['id'])}/signatures/{int(number)}"
                image = str(client.get(path).body.get("image"))
                known = DATA.match(image)
                packed = "base64" if known and ";base64" in known[2] else "percent-encoded"
                said = f"a data URI, {known[1]}, {packed}" if known else "no data URI"
                yield f"signature: {said}"
                return
        yield "signature: none is there"
