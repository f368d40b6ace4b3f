"""Which privacy profile an installation is to have."""

import secrets
from enum import StrEnum

import typer

from cliniko_warehouse.cli.support.output import say

SETTING, SALT = "privacy_profile", "privacy_salt"


class Privacy(StrEnum):
    """How much of the account is kept."""

    FULL = "full"
    PSEUDONYMOUS = "pseudonymous"
    MINIMAL = "minimal"


def asked() -> Privacy:
    """The profile that a person chooses, told what each of them keeps."""
    from cliniko.transform.privacy import PROFILES

    say("How much of the account is to be kept:")
    for name, meaning in PROFILES.items():
        say(f"  {name}: {meaning}")
    say("Take pseudonymous if others than the owner will connect.")
    while True:
        typed = typer.prompt("Privacy profile", default=Privacy.FULL.value, err=True).strip()
        if typed in list(Privacy):
            return Privacy(typed)
        say(f"{typed!r} is none of {', '.join(Privacy)}")


def salt(profile: Privacy | None, there: bool) -> str:
    """A new salt where the profile hashes and there is none; empty where none is needed.

    A salt that is there stays: with another one, hashes would no longer match.
    """
    return secrets.token_hex(32) if profile == Privacy.PSEUDONYMOUS and not there else ""
