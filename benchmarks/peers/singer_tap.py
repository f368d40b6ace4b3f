"""A Singer tap by singer-sdk: one list, incremental by `updated_at`."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BasicAuthenticator
from singer_sdk.pagination import BaseHATEOASPaginator

GIVEN = json.loads(Path("options.json").read_text())

KINDS = {
    "BIGINT": th.IntegerType,
    "TIMESTAMPTZ": th.DateTimeType,
    "DATE": th.DateType,
    "BOOLEAN": th.BooleanType,
}


def schema() -> dict[str, Any]:
    """The list's fields; objects as they come, ids as texts."""
    fields: dict[str, Any] = {"id": th.Property("id", th.StringType, required=True)}
    for column in GIVEN["columns"]:
        first = column["path"][0]
        kind = th.ObjectType() if column["nested"] else KINDS.get(column["type"], th.StringType)
        fields.setdefault(first, th.Property(first, kind))
    made: dict[str, Any] = th.PropertiesList(*fields.values()).to_dict()
    return made


class Links(BaseHATEOASPaginator):
    """Follows `links.next`."""

    def get_next_url(self, response: Any) -> str | None:
        """The next page; None at the end."""
        return response.json()["links"].get("next")


class List(RESTStream):
    """The list."""

    name = GIVEN["list"]
    path = f"/{GIVEN['list']}"
    url_base = GIVEN["url"]
    records_jsonpath = f"$.{GIVEN['list']}[*]"
    primary_keys = ("id",)
    replication_key = "updated_at"
    is_sorted = True
    schema = schema()

    @property
    def authenticator(self) -> BasicAuthenticator:
        """The key, without a password."""
        return BasicAuthenticator(username="bench", password="")

    @property
    def http_headers(self) -> dict[str, str]:
        """How requests introduce themselves."""
        return {"User-Agent": "singer (bench@example.com)", "Accept": "application/json"}

    def get_new_paginator(self) -> Links:
        """Pages by their links."""
        return Links()

    def get_url_params(self, context: Any, next_page_token: Any) -> Any:
        """The filters, or the link that came."""
        if next_page_token:
            return parse_qs(next_page_token.query)
        filters = ["archived_at:*", "cancelled_at:*", "deleted_at:*"]
        since = self.get_starting_timestamp(context)
        if since:
            filters.append(f"updated_at:>={since:%Y-%m-%dT%H:%M:%SZ}")
        return {"per_page": "100", "sort": "updated_at:asc", "q[]": filters}


class TapList(Tap):
    """The tap of that list."""

    name = "tap-list"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[List]:
        """The one stream."""
        return [List(self)]


if __name__ == "__main__":
    TapList.cli()
