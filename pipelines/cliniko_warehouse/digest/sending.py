"""The page, sent by apprise to the addresses that are set: e-mail, Teams, Slack and others."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cliniko.errors import ConfigError, Unavailable
from cliniko_warehouse.config import toml_files

VARIABLE = "CLINIKO__DIGEST_TO"
WHERE = (
    f"{VARIABLE}, or digest_to in [cliniko] of .dlt/secrets.toml: one or several addresses as "
    "apprise writes them (docs/digest.md)"
)


def addresses() -> list[str]:
    """Where to send to. Raises ConfigError if nothing is set, or what is set is no address."""
    found = toml_files.values(Path(".dlt") / "secrets.toml").get("cliniko", {})
    said = os.environ.get(VARIABLE) or (found.get("digest_to") if isinstance(found, dict) else None)
    given = said.split() if isinstance(said, str) else said
    if not given or not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ConfigError(f"no address to send to: set {WHERE}")
    return given


def send(to: Sequence[str], title: str, body: str, files: Sequence[Path]) -> list[str]:
    """Send a message with attachments; the addresses that did not take it, without secrets.

    Raises ConfigError for one that apprise does not know, Unavailable if none took it.
    """
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines may show an address
    asset = apprise.AppriseAsset(app_id="cliniko", app_desc="cliniko", plugin_paths=[])
    services = []
    for number, url in enumerate(to, 1):
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            raise ConfigError(f"address {number} of {len(to)} is none that apprise knows: {WHERE}")
        services.append((f"address {number} ({url.partition(':')[0]})", service))
    failed = [name for name, service in services if not _sent(service, title, body, files)]
    if len(failed) == len(services):
        raise Unavailable(f"the digest was not delivered to {' or '.join(failed)}")
    return failed


def _sent(service: Any, title: str, body: str, files: Sequence[Path]) -> bool:
    import apprise

    notifier = apprise.Apprise()
    notifier.add(service)
    attached = apprise.AppriseAttachment([str(file) for file in files])
    html = apprise.NotifyFormat.HTML
    return bool(notifier.notify(body, title=title, body_format=html, attach=attached))
