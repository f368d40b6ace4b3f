"""What the settings of an account may be, and a line for each that is wrong."""

import ipaddress
import re
from typing import Literal, get_args
from urllib.parse import urlsplit

from dlt.common.configuration.specs import BaseConfiguration

SHORTEST_KEY = 4  # characters
KEY = re.compile(rf"[A-Za-z0-9_=+/-]{{{SHORTEST_KEY},1000}}")
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
KINDS = {
    **{name: f"it must be {' or '.join(get_args(words))}" for name, words in CHOICES.items()},
    "forget_gone": "it must be true or false",
    "privacy_columns": 'it must be a table such as "patients.email" = "hash"',
}
"""What a setting that is no text has to be."""


def problems(settings: BaseConfiguration, section: str = "") -> list[str]:
    """A line for each setting that cannot work, saying what to do; none shows the key."""
    found = {
        "api_key": _key_problem(settings["api_key"], bool(settings["base_url"])),
        "contact_email": text_problem(settings["contact_email"], EMAIL, "an e-mail address"),
        "app_name": text_problem(settings["app_name"], APP_NAME, "plain text without parentheses"),
        "base_url": url_problem(settings["base_url"]) if settings["base_url"] else "",
        "account": text_problem(settings["account"], ACCOUNT, "like main: a-z, 0-9, _ and -"),
        **{name: number_problem(settings[name], name) for name in NUMBERS},
        **{name: _choice_problem(settings[name], name) for name in CHOICES},
        "privacy_columns": _columns_problem(settings["privacy_columns"]),
        "privacy_salt": _salt_problem(settings),
        "forget_gone": "" if isinstance(settings["forget_gone"], bool) else KINDS["forget_gone"],
        "published_mode": text_problem(settings["published_mode"], MODE, MODES),
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
    if not isinstance(key, str):
        return "it must be a text in quotes"
    if key.strip() and len(key) < SHORTEST_KEY:
        return f"it has {len(key)} characters, and no key is as short; copy it again"
    if not KEY.fullmatch(key):
        return "it holds white space or another character that no key has; copy it again"
    suffix = key.rpartition("-")[2] if "-" in key else "au1"
    known = elsewhere or SHARD.fullmatch(suffix)
    return "" if known else "its end is no shard such as -au1; is it complete?"


def text_problem(value: object, pattern: re.Pattern[str], words: str) -> str:
    """What is wrong with a text."""
    if value is None or value == "":
        return "it is missing"
    return "" if isinstance(value, str) and pattern.fullmatch(value) else f"it must be {words}"


def number_problem(value: object, name: str) -> str:
    """What is wrong with a number."""
    kind, low, high = NUMBERS[name]
    right = isinstance(value, int | kind) and not isinstance(value, bool)
    if right and isinstance(value, int | float) and low <= value <= high:
        return ""
    whole = "whole " if kind is int else ""
    return f"it must be a {whole}number from {_written(low)} to {_written(high)}"


def _written(number: float) -> str:
    """A number as people write it: 1,000,000 and not 1e+06."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def _choice_problem(value: object, name: str) -> str:
    """What is wrong with one of several words."""
    return "" if value in get_args(CHOICES[name]) else KINDS[name]


def _columns_problem(columns: object) -> str:
    """What is wrong with the rules for single columns; their names are looked at later."""
    right = columns is None or isinstance(columns, dict)
    return "" if right else KINDS["privacy_columns"]


def _salt_problem(settings: BaseConfiguration) -> str:
    """What is wrong with the salt; without hashes none is needed."""
    salt, columns = settings["privacy_salt"], settings["privacy_columns"]
    own = columns.values() if isinstance(columns, dict) else ()
    make = "`openssl rand -hex 32` makes one"
    if salt:
        return "" if len(salt) >= SALT else f"it must have {SALT} characters or more; {make}"
    hashes = settings["privacy_profile"] == "pseudonymous" or "hash" in own
    return f"it is missing, and hashes need one; {make}" if hashes else ""


def url_problem(url: str) -> str:
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
