"""What can go wrong on the wire, on demand."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any, Literal

from cliniko_warehouse.sandbox.pages import PER_PAGE, Distortion, Params

Kind = Literal[
    "status", "reset", "truncated", "bad_json", "html", "empty", "hang", "throttled",
    "redirect", "huge", "distorted", "replaced", "slow_header", "endless_header", "continues",
    "slow_trailer",
]  # fmt: skip


RIGHT = Distortion()


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, `times` times, for requests whose path has `path` in it.

    path:       None matches every request; the path begins with /v1/
    number:     status, seconds of a hang, or bytes of a huge answer
    reset_in:   seconds until the reset that a 429 names; None leaves the header out
    target:     where a redirect goes
    above:      only requests for pages of more records than this
    holding:    only answers that hold these bytes, at any page size
    swaps:      bytes → what stands in their place, as pairs
    distortion: what is wrong with an otherwise right page
    """

    kind: Kind
    path: str | None = None
    times: int = 1
    number: float = 0
    reset_in: float | None = None
    target: str = ""
    above: int = 0
    holding: bytes = b""
    swaps: tuple[tuple[bytes, bytes], ...] = ()
    distortion: Distortion = RIGHT


def status(code: int, **where: Any) -> Fault:
    """An answer with that status, such as 500, 502, 503 or 504."""
    return Fault("status", number=code, **where)


def reset(**where: Any) -> Fault:
    """The connection is reset instead of an answer."""
    return Fault("reset", **where)


def truncated(**where: Any) -> Fault:
    """The body ends early: half of what Content-Length says."""
    return Fault("truncated", **where)


def bad_json(**where: Any) -> Fault:
    """A whole 200 answer whose JSON is cut off in the middle."""
    return Fault("bad_json", **where)


def html(**where: Any) -> Fault:
    """A 200 answer with a web page."""
    return Fault("html", **where)


def empty(**where: Any) -> Fault:
    """A 200 answer without a body."""
    return Fault("empty", **where)


def hang(seconds: float, **where: Any) -> Fault:
    """No answer for that many seconds of real time, then the right one."""
    return Fault("hang", number=seconds, **where)


def throttled(reset_in: float | None, **where: Any) -> Fault:
    """429; the header names a reset so many seconds from the account's now, or is missing."""
    return Fault("throttled", reset_in=reset_in, **where)


def replaced(*swaps: tuple[bytes, bytes], **where: Any) -> Fault:
    """The right answer with other bytes in place of some, valid JSON or not."""
    return Fault("replaced", swaps=swaps, **where)


def slow_header(seconds: float, **where: Any) -> Fault:
    """Bytes of a header, one every so many seconds, without an end."""
    return Fault("slow_header", number=seconds, **where)


def endless_header(**where: Any) -> Fault:
    """Header lines as fast as they are taken, without an end."""
    return Fault("endless_header", **where)


def continues(seconds: float, **where: Any) -> Fault:
    """`100 Continue`, one every so many seconds, without an end."""
    return Fault("continues", number=seconds, **where)


def slow_trailer(seconds: float, **where: Any) -> Fault:
    """A whole answer in chunks, then bytes of a trailer, one every so many seconds."""
    return Fault("slow_trailer", number=seconds, **where)


def redirect(target: str, **where: Any) -> Fault:
    """302 to another URL."""
    return Fault("redirect", target=target, **where)


def huge(size: int, **where: Any) -> Fault:
    """A valid JSON answer of at least that many bytes."""
    return Fault("huge", number=size, **where)


def next_link(url: str | int, **where: Any) -> Fault:
    """A page whose `links.next` is `url`, which may be none; `{self}` stands for its own."""
    return Fault("distorted", distortion=Distortion(next_link=url), **where)


def unsorted(**where: Any) -> Fault:
    """A page whose rows are in no order."""
    return Fault("distorted", distortion=Distortion(unsorted=True), **where)


def wrong_total(difference: int, **where: Any) -> Fault:
    """A page whose `total_entries` is off by `difference`."""
    return Fault("distorted", distortion=Distortion(total=difference), **where)


def refused_sort(column: str, **where: Any) -> Fault:
    """400 for a sort by that column."""
    return Fault("distorted", distortion=Distortion(refused_sort=column), **where)


def refused_filter(field: str, **where: Any) -> Fault:
    """400 for a filter on that field."""
    return Fault("distorted", distortion=Distortion(refused_filter=field), **where)


def lie(path: str | None = None, **what: Any) -> Fault:
    """A page that is wrong and looks right, in the ways that `Distortion` names."""
    return Fault("distorted", path, distortion=Distortion(**what))


class Faults:
    """The faults to come, first in first out; tests append from any thread."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._lasting: list[Fault] = []

    def last(self, *lies: Fault) -> None:
        """Let answers be wrong in these ways for good, in all of them together."""
        with self._lock:
            self._lasting.extend(lies)

    def lasting(self, path: str, params: Params) -> Distortion:
        """What is wrong with an answer for good."""
        with self._lock:
            found = [one.distortion for one in self._lasting if _concerns(one, path, params)]
        return reduce(or_, found, RIGHT)

    def append(self, fault: Fault) -> None:
        """Let one more thing go wrong."""
        with self._lock:
            self._waiting.append(fault)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Let several more things go wrong."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()
            self._lasting.clear()

    @property
    def look_inside(self) -> bool:
        """Whether a fault waits for answers that hold something."""
        with self._lock:
            return any(fault.holding for fault in self._waiting)

    def __len__(self) -> int:
        """How many wait; one that comes several times counts once."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[Fault]:
        """The faults that wait."""
        with self._lock:
            return iter(list(self._waiting))

    def take(self, path: str, params: Params, answer: bytes | None = None) -> Fault | None:
        """The fault for a request, if one waits; one of its times is used up.

        A fault for answers that hold some bytes is found only where the `answer` is given,
        and the others only where it is not.
        """
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.holding not in (answer or b"") or bool(fault.holding) != bool(answer):
                    continue
                if _concerns(fault, path, params):
                    if fault.times > 1:
                        self._waiting[place] = replace(fault, times=fault.times - 1)
                    else:
                        del self._waiting[place]
                    return fault
        return None


def _concerns(fault: Fault, path: str, params: Params) -> bool:
    """Whether a fault is meant for a request."""
    if fault.path is not None and fault.path not in path:
        return False
    if fault.above and int(dict(params).get("per_page", PER_PAGE)) <= fault.above:
        return False
    asked = {name: value for name, value in params if name == "sort"}.get("sort", "created_at")
    sorts = [part.partition(":")[0] for part in asked.split(",")]
    filters = [value.partition(":")[0] for name, value in params if name == "q[]"]
    column, field = fault.distortion.refused_sort, fault.distortion.refused_filter
    return (column is None or column in sorts) and (field is None or field in filters)
