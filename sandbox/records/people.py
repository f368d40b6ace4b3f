"""Names, addresses, phones and e-mail of invented people."""

import unicodedata
from functools import lru_cache

from cliniko_warehouse.sandbox.names import PLACES, STREETS
from cliniko_warehouse.sandbox.records.row import Record
from cliniko_warehouse.sandbox.seeded_random import pick

PHONE_KINDS = ("Mobile", "Home", "Work", "Other", "Fax")


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """The name in ASCII letters, for an e-mail address."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in bare.lower() if letter.isalnum()) or "x"


def email(first: str, last: str, number: int) -> str:
    """An address that reaches nobody: example.com is reserved."""
    return f"{_plain(first)}.{_plain(last)}{number}@example.com"


def phones(bits: int, count: int) -> list[Record]:
    """Phone numbers from the range kept free for invented people (Australia)."""
    listed = []
    for place in range(count):
        digits = f"{(bits >> (place * 9)) % 1000:03}"
        listed.append(
            {
                "phone_type": PHONE_KINDS[(place + (bits >> 50) % 3) % 5],
                "number": f"0491 570 {digits}",
                "normalized_number": f"61491570{digits}",
            }
        )
    return listed


def address(bits: int) -> Record:
    """Street, city, state, post code and country."""
    city, state, code, _ = pick(PLACES, bits >> 9)
    unit = f"Unit {bits % 30 + 1}" if bits & 7 == 0 else None
    street = f"{(bits >> 12) % 240 + 1} {pick(STREETS, bits >> 33)}"
    return {
        "address_1": unit or street,
        "address_2": street if unit else None,
        "city": city,
        "state": state,
        "post_code": code,
        "country": "Australia",
    }
