"""HTTP/1.1 on one connection: a request without a body, and the answer to it.

RFC 9112, as strictly as a client may be: whatever is not as it says ends the connection.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import httpcore

MOST = 100 * 1024  # bytes of an answer's head, or of what follows its last chunk
AT_ONCE = 64 * 1024  # bytes that are taken from the network
BODILESS = (204, 304)

STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: ([^\r\n\0]*))?\r\n")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)\r\n")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?\r\n")
LENGTH = re.compile(rb"[0-9]{1,18}")
TARGET = re.compile(rb"[!-~]+")

Field = tuple[bytes, bytes]
Timeouts = Mapping[str, float | None]
"""Seconds to `connect`, to `read`, to `write`, or for the `pool`; None waits."""


@dataclass(frozen=True)
class Head:
    """What an answer begins with.

    minor:   of the version 1.x
    fields:  its headers, as they came
    """

    minor: int
    status: int
    reason: bytes
    fields: Sequence[Field]

    def values(self, name: bytes) -> list[bytes]:
        """What a header says, item by item, in small letters."""
        found = [value for key, value in self.fields if key.lower() == name]
        return [item.strip(b" \t").lower() for value in found for item in value.split(b",")]


def request(method: bytes, target: bytes, fields: Sequence[Field]) -> bytes:
    """A request as it is sent. Raises LocalProtocolError if it would be another one."""
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % field for field in fields)]
    text = b"\r\n".join([*lines, b"", b""])
    ends = len(lines) + 1
    if not TARGET.fullmatch(target) or b"\0" in text:
        raise httpcore.LocalProtocolError
    if text.count(b"\r") != ends or text.count(b"\n") != ends:
        raise httpcore.LocalProtocolError
    return text


class Connection:
    """Asks one thing after another on one stream.

    origin:     scheme, host and port that it leads to
    idle_from:  when it was asked last, by the clock of who keeps it
    is_spent:   whether nothing more can be asked, as far as is known
    """

    def __init__(self, stream: httpcore.NetworkStream, origin: object, timeouts: Timeouts) -> None:
        self.stream, self.origin, self.idle_from = stream, origin, 0.0
        self.is_spent = True
        self._timeouts, self._came = timeouts, b""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has come that nobody asked for, such as an end."""
        return self.is_silent and not self.stream.get_extra_info("is_readable")

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come behind what was asked for."""
        return not self._came

    def ask(self, text: bytes) -> Head:
        """Send a request; what its answer begins with."""
        self.is_spent = True
        with suppress(httpcore.WriteError):  # it may have been answered before it was heard out
            self.stream.write(text, self._timeouts.get("write"))
        while (head := self._head()).status < 200:
            if head.status == 101:  # nobody asked for another protocol
                _broken()
        return head

    def body(self, head: Head) -> Iterator[bytes]:
        """What follows the head, as it comes. Once it has ended, the next may be asked."""
        goes_on = head.minor > 0 and b"close" not in head.values(b"connection")
        codings, lengths = head.values(b"transfer-encoding"), head.values(b"content-length")
        if head.status not in BODILESS:
            if codings:
                if codings != [b"chunked"]:
                    _broken()
                yield from self._chunks()
                goes_on = goes_on and not lengths  # who says both may mean either
            elif lengths:
                if len(set(lengths)) > 1 or not LENGTH.fullmatch(lengths[0]):
                    _broken()
                yield from self._exactly(int(lengths[0]))
            else:
                goes_on = False
                yield from self._until_the_end()
        self.is_spent = not goes_on

    def close(self) -> None:
        """End it."""
        self.is_spent = True
        self.stream.close()

    def _head(self) -> Head:
        seen = 0
        while (end := self._came.find(b"\r\n\r\n", seen)) < 0:
            seen = max(0, len(self._came) - 3)
            self._more(MOST)
        head, self._came = self._came[: end + 2], self._came[end + 4 :]
        first = STATUS.match(head)
        if not first:
            _broken()
        at, fields = first.end(), list[Field]()
        while at < len(head):
            field = FIELD.match(head, at)
            if not field:
                _broken()
            fields.append((field[1], field[2].strip(b" \t")))
            at = field.end()
        return Head(int(first[1]), int(first[2]), first[3] or b"", fields)

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            if not self._came:
                self._more()
            piece, self._came = self._came[:left], self._came[left:]
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while True:
            size = CHUNK.fullmatch(self._line())
            if not size:
                _broken()
            if not int(size[1], 16):
                break
            yield from self._exactly(int(size[1], 16))
            if self._line() != b"\r\n":
                _broken()
        more = 0
        while (line := self._line()) != b"\r\n":
            more += len(line)
            if more > MOST or not FIELD.fullmatch(line):
                _broken()

    def _until_the_end(self) -> Iterator[bytes]:
        while piece := self._came or self._read():
            self._came = b""
            yield piece

    def _line(self) -> bytes:
        seen = 0
        while (end := self._came.find(b"\r\n", seen)) < 0:
            seen = max(0, len(self._came) - 1)
            self._more(MOST)
        line, self._came = self._came[: end + 2], self._came[end + 2 :]
        return line

    def _more(self, most: int | None = None) -> None:
        """Take what has come; nothing is an answer that breaks off, too much is none."""
        if most is not None and len(self._came) > most:
            _broken()
        piece = self._read()
        if not piece:
            _broken()
        self._came += piece

    def _read(self) -> bytes:
        return self.stream.read(AT_ONCE, self._timeouts.get("read"))


def _broken() -> NoReturn:
    """Its text would quote the answer."""
    raise httpcore.RemoteProtocolError
