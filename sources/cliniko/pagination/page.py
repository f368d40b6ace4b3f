"""A page of a list, as an answer holds it."""

import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..api.answer import Answer
from ..api.columnar import ColumnarRecords, values
from ..api.json_codec import fingerprint, json_text
from ..endpoints.spec import Record
from ..errors import Malformed
from ..transform.convert import moment
from .partitions import Partitioning

SECOND = timedelta(seconds=1)  # Cliniko shows its times in whole seconds
NUMERIC = re.compile(r"[-+]?[\d.]{1,20}", re.ASCII)


@dataclass(frozen=True)
class Page:
    """Up to 100 records, in the order in which they came.

    path:     the list that they come from
    read_at:  when they were received, UTC, later than that of any page before
    cursor:   how far the list has been read once this page is kept; None if that is
              known only at the end
    left:     how many records its list has behind it, as Cliniko counts
    split:    where a list that is read in ranges stands once this page is kept
    whole:    the keys of all that the list has, if it was read whole and counted
    rewinds:  whether pages before it were in no order, so that `cursor` is how far the list is read
    """

    path: str
    records: Sequence[Record]
    read_at: datetime
    cursor: datetime | None
    left: int = 0
    split: Partitioning | None = None
    whole: frozenset[str] | None = None
    rewinds: bool = False


class UnorderedResponse(Exception):
    """The answers do not keep the order that the walk rests on."""


def records(answer: Answer, path: str, name: str) -> Sequence[Record]:
    """The answer's records. Raises Malformed if it lacks the list that it promises."""
    found = answer.body.get(name)
    if isinstance(found, ColumnarRecords):
        return found
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise Malformed(f"GET {path} answered without its list {name!r}")
    return found


def next_link(answer: Answer) -> str | None:
    """Where the answer says that the list goes on. Raises Malformed if that is no text."""
    links = answer.body.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    if link is not None and not isinstance(link, str):
        raise Malformed("links.next is no link")
    return link


def count(answer: Answer) -> int | None:
    """How many records the list has by the answer's own count; None if that is no count."""
    found = answer.body.get("total_entries")
    return found if type(found) is int and found >= 0 else None


def total(answer: Answer) -> int:
    """The same; 0 if the answer does not say."""
    return count(answer) or 0


def odd_total(answer: Answer) -> str:
    """What stands in place of a count, in words that quote nothing but a number."""
    if "total_entries" not in answer.body:
        return "missing"
    found = answer.body["total_entries"]
    if found is None or isinstance(found, bool | int | float):
        return json_text(found)
    if isinstance(found, str):
        return f'the text "{found}"' if NUMERIC.fullmatch(found) else "a text"
    return "an array" if isinstance(found, list) else "an object"


def leads_on(answer: Answer) -> bool:
    """Whether the answer says that the list goes on, be it by a link that is none."""
    links = answer.body.get("links")
    return isinstance(links, dict) and links.get("next") is not None


def fits(answer: Answer, found: Sequence[Record]) -> bool:
    """Whether the answer is all of what was asked for, so that its order does not matter."""
    return not leads_on(answer) and count(answer) == len(found)


def is_empty(answer: Answer, found: Sequence[Record], *, first: bool = False) -> bool:
    """Whether nothing came; UnorderedResponse if there should have been something.

    The count is asked only for the `first` answer of a walk: it may be wrong, but not
    if it says alone that a list is there. Nor is a link believed that leads on from
    nothing, and that the count contradicts.
    """
    if found:
        return False
    goes_on = next_link(answer) is not None and count(answer) != 0
    if goes_on or (first and total(answer) > 0):
        raise UnorderedResponse("an empty page came where records should be")
    return True


def key(record: Record) -> str:
    """What tells a record from the others of its list: its id, or all of it."""
    return str(record.get("id") or fingerprint(record))


def ids(found: Sequence[Record], after: int) -> list[int]:
    """The records' ids; UnorderedResponse if they are not ascending from behind `after` on."""
    try:
        numbers = [int(number) for number in values(found, "id")]
    except (KeyError, TypeError, ValueError) as error:
        raise UnorderedResponse("a record has no usable id") from error
    if any(a >= b for a, b in zip([after, *numbers], numbers, strict=False)):
        raise UnorderedResponse("records of one second came unsorted")
    return numbers


def changes(
    found: Sequence[Record], since: datetime | None, *, ordered: bool = True
) -> tuple[datetime, datetime]:
    """When the first and the last record changed.

    Raises UnorderedResponse if one changed before `since`, or if they do not ascend where
    they should be `ordered`.
    """
    texts = values(found, "updated_at")
    try:
        # Texts of one form sort as their times do; to read a hundred takes twice as long.
        alike = set(map(len, texts)) == {20} and {text[10::9] for text in texts} == {"TZ"}
        times = [second_of(text) for text in ((texts[0], texts[-1]) if alike else texts)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnorderedResponse("a record has no usable updated_at") from error
    came: list[Any] = list(texts if alike else times)
    if came != sorted(came):
        if ordered:
            raise UnorderedResponse("records came unsorted")
        times = sorted(map(second_of, texts))
    if since and since > times[0]:
        raise UnorderedResponse("records came that changed before the time asked for")
    return times[0], times[-1]


def moments(found: Sequence[Record], name: str) -> list[datetime | None]:
    """The second that a field of each record says, UTC; None where it says none."""
    return [_moment(text) for text in values(found, name)]


def _moment(text: Any) -> datetime | None:
    try:
        return second_of(text)
    except (AttributeError, OverflowError, TypeError, ValueError):
        return None


def newest(found: Sequence[Record], before: datetime) -> datetime:
    """The latest change of the records that say when, or `before` if that is later."""
    for record in found:
        with suppress(KeyError, TypeError, ValueError, OverflowError):
            before = max(before, second_of(record["updated_at"]))
    return before


def second_of(text: str) -> datetime:
    """The second of a time that has a zone."""
    return second(moment(text))


def second(when: datetime) -> datetime:
    """A moment's second, UTC: Cliniko shows its times in whole seconds."""
    if when.tzinfo is UTC and not when.microsecond:
        return when  # as it is for every record, and the rest costs a page half a millisecond
    return when.astimezone(UTC).replace(microsecond=0)


def earlier(when: datetime, by: timedelta) -> datetime:
    """A moment so much earlier, but never before there is any."""
    return when - by if when.replace(tzinfo=None) - datetime.min > by else when


_clock_lock = threading.Lock()
_latest = datetime.min.replace(tzinfo=UTC)


def next_read_at() -> datetime:
    """Now, UTC, and later than any time given before in this process."""
    global _latest
    with _clock_lock:
        _latest = max(datetime.now(UTC), _latest + timedelta(microseconds=1))
        return _latest
