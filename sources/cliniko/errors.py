"""What can go wrong, grouped by what to do next.

ClinikoError
├── ConfigError       stop   a setting or an argument is missing or malformed: the user's turn
│   ├── OtherAccount          the key is of another account than the rows that are there
│   ├── UnreadableSettings    a whole file of settings cannot be read
│   └── NothingLoaded         there is no warehouse to look at yet
├── Refused           stop   a 4xx or 3xx answer; asking again changes nothing
│   ├── Unauthorized  stop   401: the key is not accepted, nothing at all can be read
│   ├── Forbidden     go on  403: the key's user lacks the right to this list
│   └── NotFound      go on  404: no such path, or a record that is hidden
├── Malformed         stop   an answer whose shape we do not know, or that leads elsewhere
│   ├── NewFields     stop   a field that nobody described, where none may come
│   └── TooLarge      less   an answer with more bytes than are read; a smaller page may do
├── Unavailable       retry  no answer, 5xx, or a 200 that is no JSON
│   ├── Overloaded    less   no answer in time, or a gateway's word; a smaller page may do
│   └── Throttled     retry  429; `retry_after` says in how many seconds
├── Stopped           stop   the run was told to end; nothing more is asked
└── Locked            later  another run is at work
"""

ADVICE = {
    301: "redirects are not followed; is the shard at the key's end right, or base_url?",
    401: "is the key complete, is it of this shard, and is its user still active?",
    403: "the key acts with its user's rights, and this user may not read it",
}
"""What to check after an answer that is the user's turn, by status; 301 stands for every 3xx."""


class ClinikoError(Exception):
    """Anything that this package raises on purpose; its text is one that a user can read."""


class ConfigError(ClinikoError):
    """Wrong settings or wrong usage, all that is wrong at once, a line each."""


class OtherAccount(ConfigError):
    """The key is of another account than the rows that are there."""


class UnreadableSettings(ConfigError):
    """A file of settings that cannot be read: which one, where in it, and why."""


class NothingLoaded(ConfigError):
    """Nothing was ever loaded there, so that there is nothing to look at."""


class Refused(ClinikoError):
    """An answer that says no, for good.

    status:  the HTTP status
    path:    what was asked, without its query
    detail:  the API's own words, cleaned and cut; empty if it gave none
    """

    def __init__(self, status: int, path: str, detail: str = "") -> None:
        """Put what was asked, what came and what to check into one line."""
        said = f" ({detail})" if detail else ""
        advice = ADVICE.get(301 if 300 <= status < 400 else status)
        super().__init__(f"GET {path}: {status}{said}" + (f": {advice}" if advice else ""))
        self.status = status
        self.path = path
        self.detail = detail

    def __reduce__(self) -> tuple[type["Refused"], tuple[int, str, str]]:
        """How to build it again, in another process."""
        return type(self), (self.status, self.path, self.detail)


class Unauthorized(Refused):
    """401: the key is wrong, so every request would end like this."""


class Forbidden(Refused):
    """403: this list is not permitted to the key's user; others may be."""


class NotFound(Refused):
    """404: the path is not served, or the record is archived or not there."""


class Malformed(ClinikoError):
    """An answer that we cannot trust: an unknown shape, far too large, or a link to elsewhere."""


class NewFields(Malformed):
    """Fields that nobody described, where the settings say that none may come."""

    def __init__(self, names: set[str]) -> None:
        """Say which, and what to do."""
        super().__init__(
            f"new fields: {', '.join(sorted(names))}; schema_contract is freeze, so the list is "
            "not read further: evolve would store them, discard_value would leave them out"
        )
        self.names = names

    def __reduce__(self) -> tuple[type["NewFields"], tuple[set[str]]]:
        """How to build it again, in another process."""
        return type(self), (self.names,)


class TooLarge(Malformed):
    """An answer with more bytes than are read."""


class Unavailable(ClinikoError):
    """No usable answer this time: the network, a 5xx, a time-out, or a 200 that is no JSON."""


class Overloaded(Unavailable):
    """No answer in time, or a gateway that gave up; asking for less may help.

    patience:  how often the same is asked for before less is
    """

    def __init__(self, message: str, patience: int = 1) -> None:
        """Keep how often it is worth trying beside the message."""
        super().__init__(message)
        self.patience = patience

    def __reduce__(self) -> tuple[type["Overloaded"], tuple[str, int]]:
        """How to build it again, in another process."""
        return type(self), (str(self), self.patience)


class Throttled(Unavailable):
    """429: too many requests.

    retry_after:  seconds until the API answers again; None if it did not say
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """Keep the seconds beside the message."""
        super().__init__(message)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type["Throttled"], tuple[str, float | None]]:
        """How to build it again, in another process."""
        return type(self), (str(self), self.retry_after)


class Stopped(ClinikoError):
    """The run was told to end before this was read; what was read is kept."""

    def __init__(self, message: str = "stopped before its end; what was read is kept") -> None:
        """Say the same wherever it is met."""
        super().__init__(message)


class Locked(ClinikoError):
    """Another run holds the lock; come back when it is done."""


def refusal(status: int, path: str, detail: str = "") -> Refused:
    """The error that a 3xx or 4xx answer stands for."""
    kinds = {401: Unauthorized, 403: Forbidden, 404: NotFound}
    return kinds.get(status, Refused)(status, path, detail)
