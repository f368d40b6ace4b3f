"""Errors in words that tell nothing of a patient."""

import duckdb
import pyarrow as pa
import pytest

from cliniko.errors import Malformed
from cliniko_warehouse.error_text import cause, said, trace

NAME = 'O\'Brien, "Mary"'


def broken() -> Exception:
    """A database's error that quotes what it stumbled over."""
    with duckdb.connect() as db, pytest.raises(duckdb.Error) as raised:
        db.execute("SELECT CAST(? AS INTEGER)", [NAME])
    return raised.value


def test_a_value_that_an_error_quotes_is_not_told() -> None:
    with pytest.raises(pa.ArrowInvalid) as raised:
        pa.array([NAME]).cast(pa.int64())

    for error in (broken(), raised.value):
        assert "Brien" in str(error)
        assert "Brien" not in said(error)
        assert "Mary" not in said(error)


def test_a_table_s_name_is_told() -> None:
    error = ValueError('Table with name "patients" has no column "first_name"')

    assert said(error) == 'Table with name "patients" has no column "first_name"'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no value 'Ann' in patients", "no value … in patients"),
        ("can't read 'Ann' or 'Bob'", "can't read …"),
        ('key "Ann\'s dog" exists', "key … exists"),
        ("first\nsecond 'Ann'", "first"),
        ("", "ValueError"),
    ],
)
def test_what_is_left_of_an_error(text: str, told: str) -> None:
    assert said(ValueError(text)).strip() == told.strip()


def test_an_error_of_ours_is_told_whole() -> None:
    assert said(Malformed("GET /a answered without 'b'")) == "GET /a answered without 'b'"


def test_a_trace_shows_where_without_what() -> None:
    try:
        try:
            raise broken()
        except duckdb.Error as error:
            raise RuntimeError(f"while loading '{NAME}'") from error
    except RuntimeError as error:
        shown = trace(error)

    assert "test_wording.py" in shown
    assert "which led to" in shown
    assert "Brien" not in shown.replace(NAME, "")
    assert "RuntimeError: while loading …" in shown


def test_an_error_of_ours_is_the_cause_of_those_around_it() -> None:
    ours = Malformed("odd")
    try:
        try:
            raise ValueError("x") from ours
        except ValueError as error:
            raise RuntimeError("y") from error
    except RuntimeError as error:
        found = cause(error)

    assert found is ours
