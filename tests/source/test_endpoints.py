"""The catalogue of endpoints against what is known of Cliniko's API, and against itself."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.billing import BILLING
from cliniko.endpoints.calendar import CALENDAR
from cliniko.endpoints.clinical import CLINICAL
from cliniko.endpoints.people import PEOPLE
from cliniko.endpoints.practice import PRACTICE
from cliniko.endpoints.spec import (
    Children,
    Endpoint,
    Field,
    Hidden,
    Link,
    Privacy,
)

FACTS = Path(__file__).parents[3] / "shared" / "cliniko_api" / "resources.yaml"

STAFF_LINK = "opens a video call of a patient, as the attendee's link does"
OPENAPI = "schema PatientForm…Question… of the vendor's document has it, its list of types does not"
NESTED = "a view of the row itself: its URL only repeats the row's id"
SAME_IDS = "the row's kind says which list; bookings holds all of them under the same ids"
UNPROVEN = "nobody has tried; a list is taken to accept them, and the walk copes where not"
NO_FIELD = "a filter by an id that the record does not show"
SHAPES = "questions of type address, full_name, pronouns and phone are answered by objects"
OLDER = "an older payload has a list of links; both are read"

DIFFERENCES = (
    ("individual_appointments", "telehealth_url is credential, not none", STAFF_LINK),
    ("group_appointments", "telehealth_url is credential, not none", STAFF_LINK),
    ("bookings", "telehealth_url is credential, not none", STAFF_LINK),
    (
        "patients",
        "invoice_extra_information is health, not personal",
        "the text that invoices repeat as patient_extra_information, which is health",
    ),
    (
        "invoice_items",
        "code is health, not financial",
        "names the treatment as well as invoice_items.name, which is health",
    ),
    ("individual_appointments", "link conflicts is many, not one", NESTED),
    ("group_appointments", "link conflicts is many, not one", NESTED),
    ("unavailable_blocks", "link conflicts is many, not one", NESTED),
    ("bookings", "link conflicts is many, not one", NESTED),
    ("patient_attachments", "link content is many, not one", NESTED),
    ("bookings", "link repeated_from leads to 'bookings', not to ''", SAME_IDS),
    (
        "products",
        "field product_supplier_id is missing",
        "the same column as the link product_supplier",
    ),
    ("treatment_notes", "children answers.answer is any, not text", SHAPES),
    ("patient_forms", "children answers.answer is any, not text", SHAPES),
    (
        "contacts",
        "type_code has codes that the facts lack",
        "0 and 1 stand in the vendor's examples of 2022, 2 is the one that is left",
    ),
    (
        "relationships",
        "relation has codes that the facts lack",
        "the order of the vendor's two lists suggests them; the meaning says so",
    ),
    ("attendees", "filter appointment_id has no column", NO_FIELD),
    ("invoice_items", "filter source_item_id has no column", NO_FIELD),
    ("recalls", "filter id is not known", UNPROVEN),
    ("recalls", "filter created_at is not known", UNPROVEN),
    ("recalls", "filter updated_at is not known", UNPROVEN),
    ("recall_types", "filter id is not known", UNPROVEN),
    ("recall_types", "filter created_at is not known", UNPROVEN),
    ("recall_types", "filter updated_at is not known", UNPROVEN),
    ("patient_forms", "children answers.options is extra", OPENAPI),
    ("patient_forms", "children answers.patient_field_connection is extra", OPENAPI),
    ("patient_form_templates", "children questions.options is extra", OPENAPI),
    ("patient_form_templates", "children questions.patient_field_connection is extra", OPENAPI),
    ("patient_forms", "children signatures is extra", OLDER),
)
"""Every deliberate difference between the catalogue and the facts: endpoint, what, why."""

KINDS = {
    "bigint_string": "id",
    "string": "text",
    "integer": "integer",
    "decimal_string": "decimal",
    "number": "decimal",
    "boolean": "boolean",
    "datetime": "instant",
    "date": "day",
    "time": "time",
    "uuid": "text",
    "array_of_bigint_string": "json",
    "array_of_string": "json",
    "json": "json",
}
FORMATS = {
    "id": "int64",
    "text": "string",
    "integer": "integer",
    "boolean": "boolean",
    "instant": "date-time",
    "day": "date",
    "json": "array",
}
FREE_FORM = ("content", "custom_fields", "patient_custom_fields_definition")

Fact = dict[str, Any]

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=lambda e: e.name)


@pytest.fixture(scope="session")
def facts() -> dict[str, Fact]:
    """What is known of each collection and singleton, by name."""
    if not FACTS.exists():
        pytest.skip(f"needs the collected facts about Cliniko's API, {FACTS}")
    resources = yaml.safe_load(FACTS.read_text())["resources"]
    return {r["name"]: r for r in resources if r["kind"] in ("collection", "singleton")}


def test_every_collection_and_singleton_is_described(facts: dict[str, Fact]) -> None:
    assert set(ENDPOINTS) == set(facts)


@every_endpoint
def test_it_says_what_is_known(endpoint: Endpoint, facts: dict[str, Fact]) -> None:
    deliberate = sorted(what for name, what, _ in DIFFERENCES if name == endpoint.name)

    found = sorted(differences(endpoint, facts[endpoint.name], set(facts)))

    assert found == deliberate


def test_every_difference_is_of_an_endpoint_and_has_a_reason() -> None:
    assert all(name in ENDPOINTS and what and reason for name, what, reason in DIFFERENCES)
    assert len({(name, what) for name, what, _ in DIFFERENCES}) == len(DIFFERENCES)


def differences(endpoint: Endpoint, fact: Fact, known: set[str]) -> Iterator[str]:
    """Where an endpoint says something else than its fact, a phrase each."""
    yield from of_the_whole(endpoint, fact)
    yield from of_fields(endpoint, flattened(fact["fields"]))
    yield from of_links(endpoint, fact["links"], known)
    yield from of_filters(endpoint, fact["filters"])
    yield from of_children(endpoint, fact)


def of_the_whole(endpoint: Endpoint, fact: Fact) -> Iterator[str]:
    """Differences of path and shape."""
    if endpoint.paths[0] != fact["path"]:
        yield f"path {endpoint.paths[0]}, not {fact['path']}"
    others = [path for path in fact.get("other_list_paths", ()) if "{" not in path]
    if endpoint.also != tuple(path for path in others if path.endswith("/inactive")):
        yield f"also {endpoint.also}"
    computed = not fact["fields"]
    shape = "singleton" if fact["kind"] == "singleton" else "computed" if computed else "list"
    if endpoint.shape != shape:
        yield f"shape {endpoint.shape}, not {shape}"


def flattened(fields: Fact) -> Fact:
    """The fields, with a small fixed object replaced by its own, arrays of objects left out."""
    flat: Fact = {}
    for name, field in fields.items():
        shape = field.get("shape")
        if isinstance(shape, list):
            continue
        if isinstance(shape, dict) and not is_free_form(name, fields):
            parts = {f"{name}__{part}": typed(kind) for part, kind in shape.items()}
            flat |= {part: {"pii": field["pii"], **kind} for part, kind in parts.items()}
        else:
            flat[name] = field
    return flat


def is_free_form(name: str, fields: Fact) -> bool:
    """Whether an object stays a document: free text inside, or a section of the settings."""
    return name in FREE_FORM or "terminology" in fields


def typed(kind: str) -> Fact:
    """`string enum(a, b)` of a shape as a field."""
    word = kind.partition(" ")[0]
    return {"type": word}


def of_fields(endpoint: Endpoint, known: Fact) -> Iterator[str]:
    """Differences of fields: names, kinds, privacy, codes, deprecation."""
    fields = {field.name: field for field in endpoint.columns}
    yield from (f"field {name} is missing" for name in known.keys() - fields.keys())
    yield from (f"field {name} is extra" for name in fields.keys() - known.keys())
    for name in known.keys() & fields.keys():
        yield from of_field(fields[name], known[name])


def of_field(field: Field, fact: Fact) -> Iterator[str]:
    """Differences of one field."""
    if field.kind != KINDS[fact["type"]]:
        yield f"{field.name} is {field.kind}, not {fact['type']}"
    if field.array != fact["type"].startswith("array_of"):
        yield f"{field.name} is {'' if field.array else 'no '}array"
    if field.privacy != fact["pii"]:
        yield f"{field.name} is {field.privacy}, not {fact['pii']}"
    if bool(field.deprecated) != fact.get("deprecated", False):
        yield f"{field.name} is {'' if field.deprecated else 'not '}deprecated"
    yield from of_codes(field, fact)


def of_codes(field: Field, fact: Fact) -> Iterator[str]:
    """Differences of the codes of a field; of a text only those that cannot come."""
    codes, labels = dict(field.codes), fact.get("enum_labels", {})
    if labels and codes != labels:
        yield f"{field.name} has other codes"
    if codes and not labels and not set(codes) <= set(fact.get("enum", ())):
        yield f"{field.name} has codes that cannot come"
    if codes and not labels and field.kind == "integer":
        yield f"{field.name} has codes that the facts lack"


def of_links(endpoint: Endpoint, known: Fact, endpoints: set[str]) -> Iterator[str]:
    """Differences of links: names, targets, how many rows they lead to, deprecation."""
    single = {link.name: link for link in endpoint.links}
    arrays = {child.name for child in endpoint.children if child.link}
    described = single.keys() | set(endpoint.many)
    for name, fact in known.items():
        one = fact["cardinality"] == "one"
        if "form" in fact:
            if name not in arrays:
                yield f"children {name} is missing"
        elif name not in described:
            yield f"link {name} is missing"
        elif (name in single) != one:
            yield f"link {name} is {'one' if name in single else 'many'}, not {fact['cardinality']}"
        elif one:
            yield from of_link(single[name], fact, endpoints)
    yield from (f"link {name} is extra" for name in described - known.keys())


def of_link(link: Link, fact: Fact, endpoints: set[str]) -> Iterator[str]:
    """Differences of a link to one record."""
    target = fact["target"] if fact["target"] in endpoints else ""
    if link.target != target:
        yield f"link {link.name} leads to {link.target!r}, not to {target!r}"
    if bool(link.deprecated) != fact.get("deprecated", False):
        yield f"link {link.name} is {'' if link.deprecated else 'not '}deprecated"


def of_filters(endpoint: Endpoint, known: dict[str, str]) -> Iterator[str]:
    """Differences of filters: names, what they take, marks of hidden rows."""
    implied = ("id", "created_at", "updated_at") if endpoint.shape == "list" else ()
    kinds = {field.name: field.kind for field in endpoint.columns}
    kinds |= {link.column: "id" for link in endpoint.links}
    for name in (*implied, *endpoint.filters):
        if name not in known:
            yield f"filter {name} is not known"
        elif name not in kinds:
            yield f"filter {name} has no column"
        elif FORMATS.get(kinds[name]) != known[name]:
            yield f"filter {name} takes a {known[name]}"
    missing = known.keys() - set(endpoint.filters) - set(implied)
    yield from (f"filter {name} is missing" for name in missing)
    hidden = {mark for mark in get_args(Hidden) if mark in known}
    if set(endpoint.hidden) != hidden:
        yield f"hidden {sorted(endpoint.hidden)}, not {sorted(hidden)}"


def of_children(endpoint: Endpoint, fact: Fact) -> Iterator[str]:
    """Differences of child tables: paths, fields, kinds, privacy."""
    expected = dict(lists(fact["fields"]))
    expected |= {(name,): None for name, link in fact["links"].items() if "form" in link}
    described = {child.steps: child for child in endpoint.children}
    yield from (f"children {steps} is missing" for steps in expected.keys() - described.keys())
    for steps, child in described.items():
        if steps not in expected:
            yield f"children {child.name} is extra"
        elif expected[steps] is not None:
            privacy = fact["fields"][steps[0]]["pii"]
            yield from of_child(child, shape_of(expected[steps]), privacy)


def lists(fields: Fact) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each list of objects in the fields: the steps to it, and its innermost elements."""
    for name, field in fields.items():
        shape = field.get("shape")
        if isinstance(shape, list):
            yield (name,), shape
        elif isinstance(shape, dict) and isinstance(shape.get("sections"), list):
            section = shape["sections"][0]
            inner = next(part for part, value in section.items() if isinstance(value, list))
            outer = {f"sections.{k}": [v] for k, v in section.items() if k != inner}
            yield (name, "sections", inner), [*section[inner], outer]


def shape_of(elements: list[Any]) -> dict[str, set[str]]:
    """The kinds that a value of each name may have, over all variants of an element."""
    variants = [e for e in elements if "one_of" not in e]
    for element in elements:
        variants += [fields for v in element.get("one_of", ()) for fields in v.values()]
    kinds: dict[str, set[str]] = {}
    for variant in variants:
        for name, value in variant.items():
            word = value[0] if name.startswith("sections.") else value
            kind = KINDS[word.partition(" ")[0]] if isinstance(word, str) else "json"
            kinds.setdefault(name, set()).add(kind)
    return kinds


def of_child(child: Children, known: dict[str, set[str]], privacy: Privacy) -> Iterator[str]:
    """Differences of one child table; where kinds differ between variants, it has texts."""
    fields = {field.source or field.name: field for field in child.fields}
    at = f"children {child.name}"
    yield from (f"{at}.{name} is missing" for name in known.keys() - fields.keys())
    yield from (f"{at}.{name} is extra" for name in fields.keys() - known.keys())
    for name in known.keys() & fields.keys():
        kind = next(iter(known[name])) if len(known[name]) == 1 else "text"
        if fields[name].kind != kind:
            yield f"{at}.{name} is {fields[name].kind}, not {kind}"
    strictest = max((field.privacy for field in child.fields), key=get_args(Privacy).index)
    if strictest != privacy:
        yield f"{at} is {strictest}, not {privacy}"


def test_no_subject_repeats_an_endpoint() -> None:
    subjects = (*PEOPLE, *CALENDAR, *BILLING, *CLINICAL, *PRACTICE)

    repeated = [name for name, times in Counter(e.name for e in subjects).items() if times > 1]

    assert not repeated
    assert len(ENDPOINTS) == len(subjects)


@every_endpoint
def test_every_meaning_is_a_phrase_without_a_full_stop(endpoint: Endpoint) -> None:
    phrases = dict(meanings(endpoint))

    assert [at for at, phrase in phrases.items() if not is_a_phrase(phrase)] == []


@every_endpoint
def test_a_note_is_made_of_whole_sentences(endpoint: Endpoint) -> None:
    assert not endpoint.note or (endpoint.note.endswith(".") and endpoint.note[0].isupper())


def meanings(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Every meaning of an endpoint, with the place it stands."""
    yield endpoint.name, endpoint.meaning
    for field in endpoint.columns:
        yield f"{endpoint.name}.{field.name}", field.meaning
    for link in endpoint.links:
        yield f"{endpoint.name}.{link.column}", link.meaning
    for child in endpoint.children:
        yield f"{endpoint.name}__{child.name}", child.meaning
        for field in child.fields:
            yield f"{endpoint.name}__{child.name}.{field.name}", field.meaning
        if child.link:
            yield f"{endpoint.name}__{child.name}.{child.link.column}", child.link.meaning


def is_a_phrase(meaning: str) -> bool:
    """Whether a meaning is written as all of them are."""
    words = " ".join(meaning.split())
    return words == meaning != "" and not words[0].islower() and words[-1] not in ".,;:"


@every_endpoint
def test_no_column_comes_twice(endpoint: Endpoint) -> None:
    repeated = {
        table: [name for name, times in Counter(columns).items() if times > 1]
        for table, columns in tables(endpoint)
    }

    assert not any(repeated.values()), repeated


def tables(endpoint: Endpoint) -> Iterator[tuple[str, list[str]]]:
    """Each table of an endpoint with its columns."""
    fields = [field.name for field in endpoint.columns]
    yield endpoint.name, [*fields, *(link.column for link in endpoint.links)]
    for child in endpoint.children:
        own = [field.name for field in child.fields]
        linked = [child.link.column] if child.link else []
        yield f"{endpoint.name}__{child.name}", [child.parent, "position", *own, *linked]


def test_no_table_comes_twice() -> None:
    names = [table for endpoint in ENDPOINTS.values() for table, _ in tables(endpoint)]

    assert [name for name, times in Counter(names).items() if times > 1] == []


@every_endpoint
def test_a_child_names_the_parent_that_has_an_id(endpoint: Endpoint) -> None:
    irregular = {"daily_availabilities": "daily_availability"}
    singular = irregular.get(endpoint.name, endpoint.name.removesuffix("s"))
    parent = f"{singular}_id" if endpoint.shape == "list" else ""

    assert {child.parent for child in endpoint.children} <= {parent}


@every_endpoint
def test_every_hidden_mark_can_be_filtered_and_is_a_column(endpoint: Endpoint) -> None:
    instants = {field.name for field in endpoint.columns if field.kind == "instant"}

    assert set(endpoint.hidden) <= set(endpoint.filters) & instants


@every_endpoint
def test_every_link_leads_to_an_endpoint_or_nowhere(endpoint: Endpoint) -> None:
    links = (*endpoint.links, *(child.link for child in endpoint.children if child.link))

    assert {link.target for link in links} <= {*ENDPOINTS, ""}


@every_endpoint
def test_every_key_column_exists(endpoint: Endpoint) -> None:
    columns = dict(tables(endpoint))[endpoint.name]

    assert set(endpoint.key) <= set(columns)
    assert bool(endpoint.key) == (endpoint.shape != "singleton")


@every_endpoint
def test_what_is_optional_or_left_out_is_explained(endpoint: Endpoint) -> None:
    assert endpoint.note or (endpoint.by_default and not endpoint.optional)


@every_endpoint
def test_a_value_from_an_enclosing_list_names_a_step_before_the_last(endpoint: Endpoint) -> None:
    for child in endpoint.children:
        sources = {field.source.partition(".")[0] for field in child.fields if field.source}

        assert sources <= set(child.steps[:-1])


@every_endpoint
def test_a_document_is_as_private_as_its_child_table(endpoint: Endpoint) -> None:
    strict = get_args(Privacy).index
    documents = {field.name: field for field in endpoint.columns if field.kind == "json"}

    for child in endpoint.children:
        if child.steps[0] in documents:
            assert all(
                strict(field.privacy) <= strict(documents[child.steps[0]].privacy)
                for field in child.fields
            )
