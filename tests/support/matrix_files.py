"""Rows of the matrix: other programs beside the published file, and links in its place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from file_client import Client
from matrix import Night, Row


def clients() -> list[Row]:
    """What other programs do with the published file."""
    return [
        Row("a client wrote into the published file and died", _client(Client.die)),
        Row("a client wrote into the published file and closed it", _client(Client.close)),
        Row("a client wrote into the published file and has it open", _client(lambda one: None)),
        Row("a client has the published file open and writes while it is replaced", _idle),
        Row("the published file is a link to a shared folder", _link),
        Row(
            "the published file is a link to a folder that is gone",
            _link_to_nowhere,
            refused="is a link to",
            code=3,
        ),
    ]


def _published(night: Night) -> Path:
    return night.files / "warehouse.duckdb"


def _client(ends: Callable[[Client], None]) -> Callable[[Night], None]:
    def around(night: Night) -> None:
        one = Client(_published(night))
        night.after.append(one.die)
        one.write("cliniko.contacts")
        ends(one)

    return around


@contextmanager
def _idle(night: Night) -> Iterator[None]:
    one = Client(_published(night))
    yield
    one.write("cliniko.contacts")
    assert night.differences() == []
    one.die()


@contextmanager
def _link(night: Night) -> Iterator[None]:
    target = night.files.parent / "shared" / "clinic.duckdb"
    target.parent.mkdir()
    _published(night).rename(target)
    _published(night).symlink_to(target)
    yield
    assert target.samefile(_published(night))


@contextmanager
def _link_to_nowhere(night: Night) -> Iterator[None]:
    _published(night).unlink()
    _published(night).symlink_to("unmounted/clinic.duckdb")
    yield
    _published(night).unlink()
