"""Rows of `_files`: what is kept, what is due, and what goes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.transform.types import ARROW
from cliniko_warehouse.files.file_settings import ATTACHMENTS, SIGNATURES
from cliniko_warehouse.ledger.tables import FILES
from cliniko_warehouse.load.account_loader import AccountLoader

FORMS = "patient_forms"
SIGNED = (
    ("patient_forms__answers", "signature_id", "patient_form_id"),
    ("patient_forms__signatures", "signature_id", "patient_form_id"),
    (FORMS, "signatures_id", "id"),
)
"""Where ids of signatures stand: table, column, column of the form's id."""


@dataclass(frozen=True)
class Wanted:
    """A file that a record has.

    endpoint:    whose record it is
    parent:      of a signature its form
    size:        bytes, as the record says; None if it does not
    updated_at:  the record's version; None of signatures, which do not change
    is_hidden:   whether the record is archived
    """

    endpoint: str
    id: int
    parent: int | None = None
    size: int | None = None
    content_type: str = ""
    updated_at: datetime | None = None
    is_hidden: bool = False

    @property
    def path(self) -> str:
        """Where the API has it, made of ids alone."""
        if self.endpoint == ATTACHMENTS:
            return f"/{ATTACHMENTS}/{self.id}/content"
        return f"/{FORMS}/{self.parent}/{SIGNATURES}/{self.id}"


@dataclass(frozen=True)
class Kept:
    """A row of `_files`."""

    sha256: str
    bytes: int
    updated_at: datetime | None
    is_gone: bool


Key = tuple[str, int]
"""Endpoint and id."""


def kept(client: Any, account: str) -> dict[Key, Kept]:
    """The rows of an account; the table is there."""
    rows = client.execute_sql(
        "SELECT endpoint, id, sha256, bytes, record_updated_at, _gone_at IS NOT NULL "
        f"FROM {client.make_qualified_table_name(FILES.name)} WHERE _account = %s",
        account,
    )
    return {
        (endpoint, int(number)): Kept(digest, int(size), _utc(at), bool(gone))
        for endpoint, number, digest, size, at, gone in rows or ()
    }


def wanted(
    client: Any, account: str, kinds: Collection[str], there: Collection[str]
) -> Iterator[Wanted]:
    """The files of records that the account has, by id.

    there:  the tables that are there
    """
    if ATTACHMENTS in kinds and ATTACHMENTS in there:
        for number, size, kind, at, hidden in (
            client.execute_sql(
                "SELECT id, size, content_type, updated_at, archived_at IS NOT NULL FROM "
                f"{client.make_qualified_table_name(ATTACHMENTS)} WHERE _account = %s "
                "AND _gone_at IS NULL AND coalesce(processing_completed, TRUE) ORDER BY id",
                account,
            )
            or ()
        ):
            length = None if size is None else int(size)
            yield Wanted(
                ATTACHMENTS, int(number), None, length, kind or "", _utc(at), bool(hidden)
            )  # fmt: skip
    if SIGNATURES in kinds and FORMS in there:
        forms = client.make_qualified_table_name(FORMS)
        queries = [
            f"SELECT s.{column} AS id, s.{form} AS form FROM "
            f"{client.make_qualified_table_name(table)} AS s JOIN {forms} AS f "
            f"ON f._account = s._account AND f.id = s.{form} "
            f"WHERE s._account = %s AND s.{column} IS NOT NULL AND f._gone_at IS NULL"
            for table, column, form in SIGNED
            if table in there
        ]
        union = " UNION ".join(queries)
        sql = f"SELECT id, min(form) FROM ({union}) AS signed GROUP BY id ORDER BY id"
        for number, form in client.execute_sql(sql, *[account] * len(queries)) or ():
            yield Wanted(SIGNATURES, int(number), int(form))


def batch(account: str, rows: Sequence[Mapping[str, Any]]) -> Delivery:
    """Rows on their way into `_files`; none makes the table."""
    now = datetime.now(UTC)
    columns = {
        column.name: pa.array(
            [{"_account": account, "_read_at": now, **row}.get(column.name) for row in rows],
            ARROW[column.kind],
        )
        for column in FILES.columns
        if column.name != "_dlt_load_id"
    }
    batches = {FILES.name: [Batch(FILES, pa.table(columns))]}
    return Delivery(account, batches=dict(batches), tables=frozenset(batches))


def mark(client: Any, account: str, here: Collection[Key], known: Mapping[Key, Kept]) -> None:
    """Say of rows that the account has their records no more, or has them again."""
    now = datetime.now(UTC)
    for is_gone, when in ((False, now), (True, None)):
        found = [key for key, one in known.items() if one.is_gone is is_gone]
        for endpoint, number in found:
            if ((endpoint, number) in here) is is_gone:
                client.execute_sql(
                    f"UPDATE {client.make_qualified_table_name(FILES.name)} SET _gone_at = %s "
                    "WHERE _account = %s AND endpoint = %s AND id = %s",
                    when,
                    account,
                    endpoint,
                    number,
                )


def hashes(client: Any) -> set[str]:
    """The hashes that any row has, of whatever account; none before the table is there."""
    if not client.execute_sql(
        "SELECT 1 FROM information_schema.tables "
        f"WHERE table_schema = '{client.dataset_name}' AND table_name = '{FILES.name}'"
    ):
        return set()
    rows = client.execute_sql(
        f"SELECT DISTINCT sha256 FROM {client.make_qualified_table_name(FILES.name)}"
    )
    return {digest for [digest] in rows or ()}


def forget_files_sql(client: Any, endpoint: str, ids: Collection[int]) -> str:
    """What removes the files of records; its value is the account. Empty if they have none."""
    column = {ATTACHMENTS: "id", FORMS: "parent_id"}.get(endpoint)
    if column is None or not ids:
        return ""
    of = ATTACHMENTS if endpoint == ATTACHMENTS else SIGNATURES
    some = ", ".join(str(int(number)) for number in ids)
    table = client.make_qualified_table_name(FILES.name)
    return f"DELETE FROM {table} WHERE endpoint = '{of}' AND {column} IN ({some}) AND _account = %s"


def forget_all_sql(client: Any) -> str:
    """What removes all files of an account, which is its value."""
    return f"DELETE FROM {client.make_qualified_table_name(FILES.name)} WHERE _account = %s"


def is_there(loader: AccountLoader) -> bool:
    """Whether the table is."""
    return FILES.name in loader.tables()


def _utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None
