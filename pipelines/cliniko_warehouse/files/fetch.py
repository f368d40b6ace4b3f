"""Fetch the files behind records that are new or changed, as far as a night's requests go."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import dlt

from cliniko.api import filters
from cliniko.api.client import Client
from cliniko.errors import (
    ClinikoError,
    Malformed,
    NotFound,
    Refused,
    Stopped,
    Unauthorized,
)
from cliniko.extract.delivery import Delivery
from cliniko.settings import ClinikoSettings
from cliniko_warehouse import paths
from cliniko_warehouse.files import file_rows
from cliniko_warehouse.files.download import MEDIA_TYPE, Downloader
from cliniko_warehouse.files.file_rows import FORMS, Wanted
from cliniko_warehouse.files.file_settings import ATTACHMENTS, FileSettings, file_settings
from cliniko_warehouse.files.file_store import FileStore, NoRoom, Stored
from cliniko_warehouse.ledger.runs import Files, Run
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.warehouse.connection import connection

THREADS = 4
BATCH = 50  # files until their rows are loaded: what a kill costs
AGAIN = timedelta(days=6.5)  # until a file is asked for again that cannot be had
PATIENCE = 5  # files in a row without an answer; then the night's others wait, too
DATA = re.compile(r"data:([^,;]{0,160})((?:;[^,;]{1,80})*),(.*)", re.DOTALL)

Outcome = dict[str, Any] | Exception
"""A row of `_files`, or why there is none."""


def fetch_files(
    loader: AccountLoader,
    run: Run,
    client: Client,
    settings: ClinikoSettings,
    store: FileStore,
    halted: Callable[[], bool] = lambda: False,
) -> None:
    """Fetch what is due. Only under the profile `full`: no other keeps what files hold.

    store:  where they are kept; accounts that are read side by side share it
    """
    wanted = file_settings().of(run.readings)
    if not wanted.kinds or settings.privacy_profile != "full":
        return
    store.open()
    run.files = Files()
    downloads = Downloader(client, settings, halted)
    try:
        Fetching(loader, client, downloads, store, wanted, run.files).all()
    finally:
        downloads.close()
    if run.files.failed:
        words = f"{run.files.failed} files could not be fetched"
        run.fail(f"{words}: {run.files.first}", words)


def follow_profile(loader: AccountLoader, settings: ClinikoSettings) -> None:
    """Take an account's files out under a profile that keeps none; see `remove_unreferenced`."""
    if settings.privacy_profile != "full" and file_rows.is_there(loader):
        with loader.writer() as client:
            client.execute_sql(file_rows.forget_all_sql(client), loader.account)


def remove_unreferenced(flow: dlt.Pipeline, state_dir: Path) -> None:
    """Remove the files that no row refers to, once nobody fetches any.

    Where this state directory fills several destinations, each knows its own rows alone:
    then files stay.
    """
    folder = paths.files(state_dir)
    if folder.exists() and len([*paths.pipelines(state_dir).iterdir()]) == 1:
        with connection(flow) as client:
            keep = file_rows.hashes(client)
        FileStore(folder, 0).keep_only(keep)


@dataclass
class Fetching:
    """The files of one account in one run; `report` moves on with them."""

    loader: AccountLoader
    client: Client
    downloads: Downloader
    store: FileStore
    settings: FileSettings
    report: Files
    failed: dict[str, dict[str, str]] = field(default_factory=dict)

    def all(self) -> None:
        """Fetch what is due, some files at a time, until it is done or the budget is used up."""
        if not file_rows.is_there(self.loader):
            self.loader.load(file_rows.batch(self.loader.account, []))
        due = self._due()
        begun, silent = self.client.requests.total(), 0
        with ThreadPoolExecutor(THREADS) as threads:
            while due:
                left = self.settings.requests - (self.client.requests.total() - begun)
                some, due = due[: max(0, min(left, BATCH))], due[max(0, min(left, BATCH)) :]
                if not some:
                    break
                outcomes = dict(zip(some, threads.map(self._one, some), strict=True))
                self._keep(outcomes)
                errors = [one for one in outcomes.values() if isinstance(one, Exception)]
                silent = 0 if len(errors) < len(some) else silent + len(errors)
                if any(isinstance(e, Stopped | Unauthorized | NoRoom) for e in errors):
                    break
                if silent >= PATIENCE:
                    break
        self.report.left = len(due) + self.report.full

    def _due(self) -> list[Wanted]:
        """The files that are not here as their records are now; what failed lately comes later."""
        account, there = self.loader.account, set(self.loader.tables())
        states = self.loader.states()
        for name in (ATTACHMENTS, FORMS):
            self.failed[name] = dict(states.get(name, {}).get("files", {}))
        with self.loader.writer() as client:
            known = file_rows.kept(client, account)
            here = {
                (one.endpoint, one.id): one
                for one in file_rows.wanted(client, account, self.settings.kinds, there)
            }
            asked = {key: one for key, one in known.items() if key[0] in self.settings.kinds}
            file_rows.mark(client, account, here.keys(), asked)
        current = {_failure(one) for one in here.values()}
        for name, noted in self.failed.items():
            self.failed[name] = {key: at for key, at in noted.items() if key in current}
        return [one for key, one in here.items() if self._is_due(one, known.get(key))]

    def _is_due(self, one: Wanted, known: file_rows.Kept | None) -> bool:
        """Whether a file is to be fetched."""
        if known and known.updated_at == one.updated_at:
            return not self.store.has(known.sha256, known.bytes)
        at = self.failed[_list_of(one)].get(_failure(one))
        return not at or datetime.fromisoformat(at) < datetime.now(UTC) - AGAIN

    def _one(self, one: Wanted) -> Outcome:
        """Fetch one file; its row, or why there is none."""
        try:
            if one.endpoint == ATTACHMENTS:
                stored, kind = self._attachment(one)
            else:
                stored, kind = self._signature(one)
        except (ClinikoError, NoRoom) as error:
            return error
        return {
            "endpoint": one.endpoint,
            "id": one.id,
            "parent_id": one.parent,
            "sha256": stored.sha256,
            "bytes": stored.bytes,
            "content_type": kind,
            "fetched_at": datetime.now(UTC),
            "record_updated_at": one.updated_at,
        }

    def _attachment(self, one: Wanted) -> tuple[Stored, str]:
        """The file of an attachment, with its type as the record says it, or else its storage."""

        def receive(chunks: Iterable[bytes], kind: str) -> tuple[Stored, str]:
            return self.store.receive(chunks, one.size, f"file {one.id}"), kind

        opted = filters.query([filters.anything("archived_at")]) if one.is_hidden else []
        stored, kind = self.downloads.fetch(one.path, opted, receive)
        said = one.content_type.strip().lower()
        return stored, said if MEDIA_TYPE.fullmatch(said) else kind

    def _signature(self, one: Wanted) -> tuple[Stored, str]:
        """A signature, which is an image within a record."""
        record = self.client.get(one.path).body
        if str(record.get("id")) != str(one.id):
            raise Malformed(f"GET {one.path}: another signature came than was asked for")
        found = DATA.fullmatch(str(record.get("image") or ""))
        if not found:
            raise Malformed(f"GET {one.path}: the image is no data URI")
        kind, options, text = found.groups()
        content = unquote_to_bytes(text)
        try:
            if ";base64" in options:
                content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise Malformed(f"GET {one.path}: the image is cut off") from None
        stored = self.store.receive([content], len(content), f"signature {one.id}")
        return stored, kind if MEDIA_TYPE.fullmatch(kind) else ""

    def _keep(self, outcomes: Mapping[Wanted, Outcome]) -> None:
        """Load the rows of files that are here, and note those that cannot be had for now."""
        rows = [one for one in outcomes.values() if isinstance(one, dict)]
        for one, outcome in outcomes.items():
            noted = self.failed[_list_of(one)]
            if isinstance(outcome, dict):
                noted.pop(_failure(one), None)
                self.report.fetched += 1
                self.report.bytes += outcome["bytes"]
            elif isinstance(outcome, NoRoom):
                self.report.full += 1
            elif not isinstance(outcome, Stopped):
                self._note(one, outcome, noted)
        if rows:
            self.loader.load(file_rows.batch(self.loader.account, rows))
        states = self.loader.states()
        changed = {
            name: states[name] | {"files": self.failed[name]}
            for name in (ATTACHMENTS, FORMS)
            if name in states and states[name].get("files", {}) != self.failed[name]
        }
        self.loader.load(Delivery(self.loader.account, changed))

    def _note(self, one: Wanted, error: Exception, noted: dict[str, str]) -> None:
        """Count what failed; what would fail again is left alone for a week."""
        if isinstance(error, Refused | Malformed) and not isinstance(error, Unauthorized):
            noted[_failure(one)] = datetime.now(UTC).isoformat()
        if isinstance(error, NotFound):
            self.report.missing += 1
            return
        self.report.failed += 1
        self.report.first = self.report.first or str(error)


def _list_of(one: Wanted) -> str:
    """The list whose state has what failed."""
    return ATTACHMENTS if one.endpoint == ATTACHMENTS else FORMS


def _failure(one: Wanted) -> str:
    """What a failed file is noted by: another version of its record is tried anew."""
    at = one.updated_at.isoformat() if one.updated_at else ""
    return f"{one.id} {at}"
