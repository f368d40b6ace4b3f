"""Instants as the API writes them, and as whole seconds since 1970 (UTC)."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400  # seconds

_TIMES = [f"T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}Z" for s in range(DAY)]


@lru_cache(maxsize=8192)
def date_text(day: int) -> str:
    """The date of a day, counted from 1970-01-01, as `YYYY-MM-DD`."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("%Y-%m-%d")


def text(second: int) -> str:
    """An instant as the API writes it: UTC, whole seconds, a trailing Z."""
    return date_text(second // DAY) + _TIMES[second % DAY]


def second_of(written: object) -> int | None:
    """The whole second of an instant that the API wrote; None if it cannot be read."""
    if isinstance(written, datetime):
        return int(written.timestamp())
    if not isinstance(written, str) or len(written) < 11:
        return None
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())


@lru_cache(maxsize=8192)
def offset(zone: str, day: int) -> int:
    """Seconds that noon of a UTC day in `zone` is ahead of UTC."""
    noon = datetime.fromtimestamp(day * DAY + DAY // 2, UTC)
    ahead = noon.astimezone(ZoneInfo(zone)).utcoffset()
    return int(ahead.total_seconds()) if ahead else 0
