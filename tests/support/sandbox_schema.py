"""The documents' schema of each path, as JSON Schema: what the sandbox's answers must meet."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

DOCUMENT = Path(__file__).parents[3] / "shared" / "cliniko_api" / "openapi.yaml"


@cache
def document() -> dict[str, Any]:
    """The vendor's OpenAPI document; skips the test where it is absent."""
    if not DOCUMENT.exists():
        pytest.skip("the vendor's document lies in ../shared, which is not part of the repository")
    return yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)  # type: ignore[no-any-return]


def strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` as a type, Ruby's patterns as Python's."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/$defs/")}
    ready = {key: strict(part) for key, part in schema.items() if key != "nullable"}
    if isinstance(schema.get("pattern"), str):
        ready["pattern"] = "(?i)" + schema["pattern"].replace("\\h", "[0-9a-fA-F]")
    for word in ("Minimum", "Maximum"):  # booleans in OpenAPI 3.0
        if isinstance(ready.get(f"exclusive{word}"), bool):
            ready.pop(f"exclusive{word}")
    if isinstance(schema.get("properties"), dict):
        ready["type"] = "object"
    if schema.get("nullable") is True:
        ready = {"anyOf": [ready, {"type": "null"}]}
    return ready


@cache
def validator(path: str) -> jsonschema.Draft202012Validator:
    """What the 200 answer of a GET of `path` must look like."""
    answer = document()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    schema = strict(answer["schema"])
    return _checked({**schema, "$defs": definitions()})


@cache
def definitions() -> dict[str, Any]:
    return {name: strict(one) for name, one in document()["components"]["schemas"].items()}


def _checked(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    formats = jsonschema.FormatChecker(formats=())

    def int64(value: object) -> bool:
        return not isinstance(value, str) or -(2**63) <= int(value) < 2**63

    def decimal(value: object) -> bool:
        return not isinstance(value, str) or ("." in value and float(value) is not None)

    formats.checks("int64", raises=ValueError)(int64)
    formats.checks("decimal", raises=ValueError)(decimal)
    for name in ("date-time", "date", "ipv4", "uuid"):
        formats.checkers[name] = jsonschema.FormatChecker.checkers[name]
    return jsonschema.Draft202012Validator(schema, format_checker=formats)


def record_fields(schema: str) -> set[str]:
    """Names of the fields of one of the document's schemas, of all its variants."""
    found = document()["components"]["schemas"][schema]
    if "anyOf" in found:
        return set().union(
            *(record_fields(one["$ref"].rsplit("/", 1)[-1]) for one in found["anyOf"])
        )
    return set(found["properties"])
