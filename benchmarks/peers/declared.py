"""The declarative manifest of one list, filled in with its columns."""

import json
from pathlib import Path
from typing import Any

import yaml

GIVEN = json.loads(Path("options.json").read_text())
NAME: str = GIVEN["list"]

KINDS = {
    "BIGINT": {"type": ["null", "integer"]},
    "TIMESTAMPTZ": {"type": ["null", "string"], "format": "date-time"},
    "BOOLEAN": {"type": ["null", "boolean"]},
}


def properties() -> dict[str, Any]:
    """The JSON schema of the list's fields; objects as they come, ids as texts."""
    fields: dict[str, Any] = {"id": {"type": "string"}}
    for column in GIVEN["columns"]:
        text = {"type": ["null", "string"]}
        whole = {"type": ["null", "object"], "additionalProperties": True}
        kind = whole if column["nested"] else KINDS.get(column["type"], text)
        fields.setdefault(column["path"][0], kind)
    return fields


def manifest() -> dict[str, Any]:
    """The manifest; with `workers`, slices of time side by side within a declared budget."""
    text = Path(__file__).with_name("manifest.yaml").read_text().replace("LIST", NAME)
    made: dict[str, Any] = yaml.safe_load(text)
    [stream] = made["streams"]
    stream["schema_loader"]["schema"]["properties"] = properties()
    if GIVEN.get("workers"):
        made["concurrency_level"]["default_concurrency"] = GIVEN["workers"]
        stream["incremental_sync"] |= {"step": "P30D", "cursor_granularity": "PT1S"}
    if GIVEN.get("budget"):
        made["api_budget"] = {
            "type": "HTTPAPIBudget",
            "ratelimit_reset_header": "X-RateLimit-Reset",
            "status_codes_for_ratelimit_hit": [429],
            "policies": [
                {
                    "type": "MovingWindowCallRatePolicy",
                    "rates": [{"type": "Rate", "limit": GIVEN["budget"], "interval": "PT1M"}],
                    "matchers": [{"type": "HttpRequestRegexMatcher"}],
                }
            ],
        }
    return made
