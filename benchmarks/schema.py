"""What the peers are told of a list: its columns, as the catalogue has them."""

from typing import Any

from cliniko.endpoints import ENDPOINTS, schema
from cliniko.transform.types import SQL


def columns(name: str) -> list[dict[str, Any]]:
    """Name, SQL type and path in a record of every column that comes from Cliniko.

    `nested` columns lie deeper than the record itself; a `link` holds a URL.
    """
    endpoint = ENDPOINTS[name]
    [table, *_] = schema.tables(endpoint)
    links = {link.column: link.name for link in endpoint.links}
    made = []
    for column in table.columns:
        if column.name.startswith("_"):
            continue
        path = column.name.split("__")
        if column.name in links:
            path = [links[column.name], "links", "self"]
        made.append(
            {
                "name": column.name,
                "type": SQL[column.kind],
                "path": path,
                "nested": len(path) > 1,
                "link": column.name in links,
            }
        )
    return made
