"""Whom to tell of a run: a chat's webhook where something is wrong, a monitor's ping always."""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Optional

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

from cliniko.errors import ConfigError
from cliniko_warehouse.outgoing.webhook import Undelivered, post, problem

MOST = 3_000  # characters of a message; Slack cuts at 4,000
ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}  # Slack reads these three as its own


@configspec
class AlertSettings(BaseConfiguration):
    """Where to send to, section `alerts` of dlt's configuration; both hold a secret.

    webhook_url:  takes JSON with a `text`: Slack, Mattermost, Rocket.Chat, Google Chat
    ping_url:     called after a good run, with /fail behind it after another
    """

    __section__ = "alerts"

    webhook_url: Optional[TSecretStrValue] = None  # noqa: UP045  # dlt's hint for "may be left out"
    ping_url: Optional[TSecretStrValue] = None  # noqa: UP045

    def __repr__(self) -> str:
        """What is set; never the addresses."""
        return f"AlertSettings(webhook={bool(self.webhook_url)}, ping={bool(self.ping_url)})"


def resolve() -> AlertSettings:
    """The settings by dlt's configuration. Raises ConfigError for an address of no use."""
    settings = AlertSettings()
    try:
        resolve_configuration(settings)
    except ConfigurationException as error:
        raise ConfigError(
            "alerts: webhook_url and ping_url belong into secrets.toml, section [alerts]"
        ) from error
    urls = {"webhook_url": settings.webhook_url, "ping_url": settings.ping_url}
    wrong = [
        f"alerts.{name}: {what} (see docs/nightly.md)"
        for name, url in urls.items()
        if url and (what := problem(url))
    ]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return settings


@dataclass(frozen=True)
class Alerts:
    """The receivers, and how they are told.

    say:    where to narrate what could not be delivered
    """

    settings: AlertSettings
    say: Callable[[str], object]
    sleep: Callable[[float], None] = time.sleep

    def tell(self, head: str, concerns: Sequence[str]) -> None:
        """Send a message, if a webhook is set."""
        if self.settings.webhook_url:
            text = "\n".join([f"cliniko on {socket.gethostname()}: {head}", *_listed(concerns)])
            for plain, escaped in ESCAPED.items():
                text = text.replace(plain, escaped)
            self._send("the alert", self.settings.webhook_url, {"text": text[:MOST]})

    def ping(self, *, well: bool) -> None:
        """Say that a run has ended, if a monitor waits for it."""
        if url := self.settings.ping_url:
            self._send("the ping", url if well else f"{url.rstrip('/')}/fail")

    def _send(self, what: str, url: str, message: dict[str, str] | None = None) -> None:
        """What cannot be delivered is said, and changes nothing else."""
        try:
            post(url, message, sleep=self.sleep)
        except Undelivered as error:
            self.say(f"{what} was not delivered: {error}")


def _listed(concerns: Sequence[str]) -> list[str]:
    return [f"• {concern}" for concern in concerns]
