"""Files by the hash of their content, in one folder that nobody else reads."""

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cliniko.errors import Malformed
from cliniko_warehouse.paths import PART, private_folder

HASH = re.compile(r"[0-9a-f]{64}")


class WrongSize(Malformed):
    """A file that is not as long as its record says, or longer than it may be."""


class NoRoom(Exception):
    """The files take all the space that they may."""


@dataclass(frozen=True)
class Stored:
    """A file that is kept."""

    sha256: str
    bytes: int


@dataclass
class FileStore:
    """What is kept in a folder, of `most` bytes in all. Threads share it.

    A file's name is the hash of its content, so that nothing of an answer is part of a path,
    and what several records have is kept once.
    """

    folder: Path
    most: int
    _used: int = 0
    _is_open: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> None:
        """Make the folder if need be, and see what is there; once."""
        with self._lock:
            if not self._is_open:
                private_folder(self.folder)
                self._used = sum(file.stat().st_size for file in self._files())
                self._is_open = True

    def share(self, parts: int) -> None:
        """Take but a part of what is free: as many processes keep files here."""
        self.open()
        with self._lock:
            self.most = self._used + max(0, self.most - self._used) // parts

    def path(self, sha256: str) -> Path:
        """Where a file is, or would be."""
        if not HASH.fullmatch(sha256):
            raise ValueError("no hash")
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether a file is there, as long as it was."""
        try:
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def receive(self, chunks: Iterable[bytes], size: int | None, what: str) -> Stored:
        """Keep a file once all of it is there.

        size:  bytes that it has by its record; None if that does not say
        what:  names it in messages

        Raises WrongSize if it has another length, NoRoom if it does not fit.
        """
        room = self._reserve(size)
        try:
            kept = self._written(chunks, room, size, what)
        except BaseException:
            self._give_back(room)
            raise
        self._give_back(room - kept.bytes)
        return kept

    def _reserve(self, size: int | None) -> int:
        """Bytes for a file; half of what is left for one whose length is not known."""
        with self._lock:
            left = self.most - self._used
            room = left // 2 if size is None else size
            if room > left or (size is None and not room):
                raise NoRoom
            self._used += room
            return room

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def _written(self, chunks: Iterable[bytes], room: int, size: int | None, what: str) -> Stored:
        """Write a file beside and rename it; none is left if that breaks."""
        handle, name = tempfile.mkstemp(prefix=PART, dir=self.folder)  # mode 600
        part, digest, length = Path(name), hashlib.sha256(), 0
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    length += len(chunk)
                    if length > room:
                        raise WrongSize(f"{what} is longer than {room:,} bytes")
                    digest.update(chunk)
                    file.write(chunk)
                if size is not None and length != size:
                    raise WrongSize(f"{what} has {length:,} bytes, and should have {size:,}")
                file.flush()
                os.fsync(file.fileno())
            target = self.path(digest.hexdigest())
            private_folder(target.parent)
            with self._lock:
                was = target.stat().st_size if target.exists() else 0
                part.replace(target)
                self._used -= was
            return Stored(digest.hexdigest(), length)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def keep_only(self, hashes: Collection[str]) -> int:
        """Remove files that have none of these hashes; how many they were."""
        removed = 0
        for file in self._files():
            if file.name not in hashes:
                file.unlink()
                removed += 1
        return removed

    def _files(self) -> list[Path]:
        return [
            file for file in self.folder.glob("[0-9a-f][0-9a-f]/*") if HASH.fullmatch(file.name)
        ]
