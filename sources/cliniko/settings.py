"""The settings of one Cliniko account."""

import hashlib
import ipaddress
import re
from dataclasses import fields
from typing import Any, Literal, Optional, get_args
from urllib.parse import urlsplit

import dlt
from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import (
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
    ValueNotSecretException,
)
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from .errors import ConfigError, UnreadableSettings

KEY = re.compile(r"[A-Za-z0-9_=+/-]{4,1000}")
SHARD = re.compile(r"[a-z]{2}[0-9]{1,2}")
EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+"
)
APP_NAME = re.compile(r"[!-'*-~]([ -'*-~]{0,78}[!-'*-~])?")  # printable ASCII, no parentheses
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
FORBIDDEN_IN_URL = re.compile(r"[^!-~]|[\\@?#%]|/\.{1,2}(/|$)|(?<!:)//")

Profile = Literal["full", "pseudonymous", "minimal"]
"""How much of an account is kept; `privacy` says what that means."""

SchemaContract = Literal["evolve", "discard_value", "freeze"]
"""What becomes of a field that nobody described, in dlt's words."""

SECRETS = ("api_key", "privacy_salt")
SALT = 32  # characters that a salt has at least; fewer could be guessed
MODE = re.compile(r"0?[46][04]{2}")  # nobody executes it, and others do not write it
MODES = "like 600, 640 or 644: others may read the file, and nobody else may write it"

NUMBERS: dict[str, tuple[type[float], float, float]] = {
    "requests_per_minute": (int, 1, 1_000_000),
    "overlap_minutes": (float, 0, 525_600),
    "checkpoint_seconds": (float, 0, 86_400),
    "max_attempts": (int, 1, 20),
    "connect_timeout": (float, 0.001, 600),
    "read_timeout": (float, 0.001, 600),
    "answer_timeout": (float, 0.001, 3_600),
    "max_answer_bytes": (int, 1_024, 4_294_967_296),
}
"""What a number may be: whole or not, from, to."""


CHOICES = {"privacy_profile": Profile, "schema_contract": SchemaContract}
TEXT = "it must be a text"
_KINDS = {
    **{name: f"it must be {' or '.join(get_args(words))}" for name, words in CHOICES.items()},
    "forget_gone": "it must be true or false",
    "privacy_columns": 'it must be a table such as "patients.email" = "hash"',
}
"""What a setting that is no text has to be."""


@configspec
class ClinikoSettings(BaseConfiguration):
    """One account's settings, section `sources.cliniko` of dlt's configuration.

    api_key:              as Cliniko shows it, shard included
    contact_email:        whom Cliniko may write to about these requests
    app_name:             how they call themselves
    base_url:             where the API is; None for the key's own shard
    requests_per_minute:  the budget, shared by all keys of a user
    account:              the value of `_account` in every row
    overlap_minutes:      how far a run starts before its cursor
    checkpoint_seconds:   how long a run reads before it commits
    max_attempts:         tries of one request that fails in passing
    connect_timeout:      seconds to reach the API
    read_timeout:         seconds without a byte; Cliniko itself gives up after 30
    answer_timeout:       seconds for an answer as a whole
    max_answer_bytes:     the largest answer that is read, unpacked
    privacy_profile:      how much is kept: full, pseudonymous or minimal
    privacy_salt:         what hashes are keyed with
    privacy_columns:      `table.column` → keep, hash or drop, whatever the profile says
    schema_contract:      what becomes of new fields: evolve, discard_value or freeze
    forget_gone:          whether patients who are gone from the account are forgotten
    published_mode:       rights of the file that readers open, as chmod writes them
    """

    # With a section of its own, dlt never takes a bare API_KEY or BASE_URL that
    # was meant for another tool: the shortest names end in CLINIKO__API_KEY.
    __section__ = "cliniko"

    api_key: TSecretStrValue = None  # type: ignore[assignment]  # dlt: None means required
    contact_email: str = None  # type: ignore[assignment]  # dlt: None means required
    app_name: str = "cliniko-warehouse"
    base_url: Optional[str] = None  # noqa: UP045  # dlt's hint for "may be left out"
    requests_per_minute: int = 200
    account: str = "main"
    overlap_minutes: float = 10
    checkpoint_seconds: float = 60
    max_attempts: int = 6
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    answer_timeout: float = 120.0
    max_answer_bytes: int = 64 * 2**20
    privacy_profile: Profile = "full"
    privacy_salt: Optional[TSecretStrValue] = None  # noqa: UP045
    privacy_columns: Optional[dict[str, Any]] = None  # noqa: UP045
    schema_contract: SchemaContract = "evolve"
    forget_gone: bool = False
    published_mode: str = "600"

    @property
    def shard(self) -> str:
        """The part of Cliniko's world that the account lives in, from the key's end."""
        _, hyphen, suffix = self.api_key.rpartition("-")
        if not hyphen:
            return "au1"  # keys of before the shards
        if not SHARD.fullmatch(suffix):
            raise ConfigError(line("api_key", "its end is no shard such as -au1; is it complete?"))
        return suffix

    @property
    def root(self) -> str:
        """The API's base URL, without a slash at its end."""
        if not self.base_url:
            return f"https://api.{self.shard}.cliniko.com/v1"
        if wrong := _url_problem(self.base_url):
            raise ConfigError(line("base_url", wrong))
        return self.base_url.rstrip("/")

    @property
    def user_agent(self) -> str:
        """How requests introduce themselves, in the form that Cliniko asks for."""
        return f"{self.app_name} ({self.contact_email})"

    def on_resolved(self) -> None:
        """Refuse what cannot work; dlt calls this when every field has a value."""
        if wrong := problems(self):
            raise ConfigError("\n".join(wrong))

    def __repr__(self) -> str:
        """Which account this is; never its key."""
        return f"ClinikoSettings(account={self.account!r})"


def names() -> set[str]:
    """The names of all settings."""
    return {field.name for field in fields(ClinikoSettings) if field.name[0] != "_"}


def resolve(section: str = "", **given: Any) -> ClinikoSettings:
    """The settings by dlt's configuration; what is `given` and not None wins.

    section:  below `sources.cliniko`, where errors tell to set what is missing

    Raises ConfigError that names everything missing or malformed, a line each.
    """
    wrong = [f"there is no setting {name}" for name in sorted(given.keys() - names())]
    values = {name: value for name, value in given.items() if value is not None}
    for _ in names():
        settings = ClinikoSettings()
        unfit = _fill(settings, values)
        if unfit is None:
            break
        words = _number_problem(None, unfit) if unfit in NUMBERS else _KINDS.get(unfit, TEXT)
        wrong.append(line(unfit, words, section))
        values[unfit] = getattr(ClinikoSettings, unfit)  # dlt stops at it; go on for the others
    if wrong := wrong + problems(settings, section):
        raise ConfigError("\n".join(wrong))
    return settings


def _fill(settings: ClinikoSettings, values: dict[str, Any]) -> str | None:
    """Let dlt set the fields; the name of one whose value has not the field's type."""
    try:
        resolve_configuration(
            settings, sections=("sources",), explicit_value=values, accept_partial=True
        )
    except ConfigValueCannotBeCoercedException as error:
        return error.field_name
    except ValueNotSecretException as error:
        name = next((name for name in SECRETS if name in str(error)), SECRETS[0])
        raise ConfigError(line(name, "it belongs into secrets.toml")) from None
    except ConfigurationException as error:
        raise unreadable(error) from None
    except UnreadableSettings:
        raise
    except ConfigError:
        return None  # of `on_resolved`; the caller looks for itself
    return None


def unreadable(error: ConfigurationException) -> ConfigError:
    """What to say where dlt cannot read its files; its own words would show their lines."""
    words = "dlt cannot read its configuration; are the files in .dlt valid TOML?"
    return ConfigError(f"{words} ({type(error).__name__})")


def published_mode() -> str:
    """The setting of that name alone, for what needs no key. Raises ConfigError."""
    mode = dlt.config.get("sources.cliniko.published_mode", str) or ClinikoSettings.published_mode
    if wrong := _text_problem(mode, MODE, MODES):
        raise ConfigError(line("published_mode", wrong))
    return mode


def problems(settings: ClinikoSettings, section: str = "") -> list[str]:
    """A line for each setting that cannot work, saying what to do; none shows the key."""
    found = {
        "api_key": _key_problem(settings.api_key, bool(settings.base_url)),
        "contact_email": _text_problem(settings.contact_email, EMAIL, "an e-mail address"),
        "app_name": _text_problem(settings.app_name, APP_NAME, "plain text without parentheses"),
        "base_url": _url_problem(settings.base_url) if settings.base_url else "",
        "account": _text_problem(settings.account, ACCOUNT, "like main: a-z, 0-9, _ and -"),
        **{name: _number_problem(settings[name], name) for name in NUMBERS},
        **{name: _choice_problem(settings[name], name) for name in CHOICES},
        "privacy_columns": _columns_problem(settings.privacy_columns),
        "privacy_salt": _salt_problem(settings),
        "forget_gone": "" if isinstance(settings.forget_gone, bool) else _KINDS["forget_gone"],
        "published_mode": _text_problem(settings.published_mode, MODE, MODES),
    }
    return [line(name, what, section) for name, what in found.items() if what]


def line(name: str, what: str, section: str = "") -> str:
    """A problem of a setting and its cure."""
    place = ".".join(filter(None, ("sources.cliniko", section, name)))
    variable = place.upper().replace(".", "__")
    return (
        f"{name}: {what} (set {place}, or the environment variable {variable};"
        " see docs/settings.md)"
    )


def _key_problem(key: object, elsewhere: bool) -> str:
    """What is wrong with the key; `elsewhere` if its shard does not matter."""
    if key is None or key == "":
        return "it is missing"
    if not isinstance(key, str) or not KEY.fullmatch(key):
        return "it holds white space or another character that no key has; copy it again"
    suffix = key.rpartition("-")[2] if "-" in key else "au1"
    known = elsewhere or SHARD.fullmatch(suffix)
    return "" if known else "its end is no shard such as -au1; is it complete?"


def _text_problem(value: object, pattern: re.Pattern[str], words: str) -> str:
    """What is wrong with a text."""
    if value is None or value == "":
        return "it is missing"
    return "" if isinstance(value, str) and pattern.fullmatch(value) else f"it must be {words}"


def _number_problem(value: object, name: str) -> str:
    """What is wrong with a number."""
    kind, low, high = NUMBERS[name]
    right = isinstance(value, int | kind) and not isinstance(value, bool)
    if right and isinstance(value, int | float) and low <= value <= high:
        return ""
    return f"it must be a {'whole ' if kind is int else ''}number from {low:g} to {high:g}"


def _choice_problem(value: object, name: str) -> str:
    """What is wrong with one of several words."""
    return "" if value in get_args(CHOICES[name]) else _KINDS[name]


def _columns_problem(columns: object) -> str:
    """What is wrong with the rules for single columns; their names are looked at later."""
    right = columns is None or isinstance(columns, dict)
    return "" if right else _KINDS["privacy_columns"]


def _salt_problem(settings: ClinikoSettings) -> str:
    """What is wrong with the salt; without hashes none is needed."""
    salt, columns = settings.privacy_salt, settings.privacy_columns
    own = columns.values() if isinstance(columns, dict) else ()
    make = "`openssl rand -hex 32` makes one"
    if salt:
        return "" if len(salt) >= SALT else f"it must have {SALT} characters or more; {make}"
    hashes = settings.privacy_profile == "pseudonymous" or "hash" in own
    return f"it is missing, and hashes need one; {make}" if hashes else ""


def _url_problem(url: str) -> str:
    """What is wrong with a base URL."""
    if not isinstance(url, str) or FORBIDDEN_IN_URL.search(url):
        return "it must be a plain URL, without user, query, fragment or escapes"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("https", "http") or not host:
        return "it must be like https://api.au1.cliniko.com/v1"
    if parts.scheme == "http" and not _loopback(host):
        return "plain http would show the key to the network; it must be https"
    return ""


def _loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def key_name(settings: ClinikoSettings) -> str:
    """A name for the key at its address; it tells neither."""
    return hashlib.sha256(f"{settings.root} {settings.api_key}".encode()).hexdigest()[:24]
