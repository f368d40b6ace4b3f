"""The errors: their tree, their text, and what they keep."""

import pickle

import pytest

from cliniko import errors
from cliniko.errors import (
    ClinikoError,
    ConfigError,
    Forbidden,
    Locked,
    Malformed,
    NotFound,
    Overloaded,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    refusal,
)


@pytest.mark.parametrize("kind", [ConfigError, Refused, Malformed, Unavailable, Locked])
def test_every_group_is_a_cliniko_error(kind: type[Exception]) -> None:
    assert issubclass(kind, ClinikoError)


def test_only_what_is_worth_retrying_is_unavailable() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]

    retried = {kind for kind in kinds if issubclass(kind, Unavailable)}

    assert retried == {Unavailable, Throttled, Overloaded}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type)]

    missing = [name for name in kinds if name not in (errors.__doc__ or "")]

    assert missing == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(302, Refused), (400, Refused), (401, Unauthorized), (403, Forbidden), (404, NotFound)],
)
def test_a_refusal_is_named_by_its_status(status: int, kind: type[Refused]) -> None:
    error = refusal(status, "/patients", "no")

    assert type(error) is kind
    assert (error.status, error.path, error.detail) == (status, "/patients", "no")
    assert str(error).startswith(f"GET /patients: {status} (no)")


@pytest.mark.parametrize(("status", "hint"), [(401, "key"), (301, "shard"), (403, "rights")])
def test_a_refusal_that_is_the_users_turn_says_what_to_check(status: int, hint: str) -> None:
    error = refusal(status, "/patients")

    assert hint in str(error)


@pytest.mark.parametrize("error", [refusal(404, "/x", "gone"), Throttled("429", 3.0)])
def test_an_error_survives_a_trip_to_another_process(error: ClinikoError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
