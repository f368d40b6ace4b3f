"""The settings of one Cliniko account."""

import hashlib
from dataclasses import fields
from typing import Any, Optional

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
from .setting_rules import (
    KINDS,
    MODE,
    MODES,
    NUMBERS,
    SHARD,
    TEXT,
    Profile,
    SchemaContract,
    line,
    number_problem,
    problems,
    text_problem,
    url_problem,
)

SECRETS = ("api_key", "privacy_salt")


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
        if wrong := url_problem(self.base_url):
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
        words = number_problem(None, unfit) if unfit in NUMBERS else KINDS.get(unfit, TEXT)
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
    if wrong := text_problem(mode, MODE, MODES):
        raise ConfigError(line("published_mode", wrong))
    return mode


def key_name(settings: ClinikoSettings) -> str:
    """A name for the key at its address; it tells neither."""
    return hashlib.sha256(f"{settings.root} {settings.api_key}".encode()).hexdigest()[:24]
