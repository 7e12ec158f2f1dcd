"""The LMDB environment: opened, checked, and its errors told in the store's words."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import lmdb

from kernel.store import schema
from kernel.store.errors import (
    DirectoryUnusable,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreReadOnly,
    UnknownFormat,
)

MAP_SIZE_BYTES = 256 * 1024**3  # address space, not memory: the file grows with what is written
READERS_MAX = 1024
READERS_FILE_BYTES = READERS_MAX * 64 + 4096  # LMDB has a cache line for each, and a header
NEARLY_FULL_BYTES = 64 * 1024**2  # below this, an interrupted write is put down to a full disk
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DATA_FILE_NAME = "data.mdb"
LOCK_FILE_NAME = "lock.mdb"


class Environment:
    """One directory's databases. Raises `DirectoryUnusable`, `StoreDamaged`, `UnknownFormat`."""

    def __init__(
        self,
        directory: Path,
        *,
        readonly: bool = False,
        sync: bool = True,
        map_size_bytes: int = MAP_SIZE_BYTES,
    ):
        self.directory = directory
        try:
            if not readonly:
                _reserve_readers_file(directory)
            self._lmdb = lmdb.open(
                str(directory),
                map_size=map_size_bytes,
                max_dbs=len(schema.DATABASES),
                max_readers=READERS_MAX,
                readonly=readonly,
                create=not readonly,
                sync=sync,
                metasync=sync,
                mode=0o600,
            )
        except (lmdb.Error, OSError) as error:
            raise DirectoryUnusable(f"{directory}: no event log can be opened: {error}") from error
        self.closed = False
        try:
            self._require_whole_file()
            if self._lmdb.stat()["entries"] == 0 and not readonly:
                self._make_databases()
            self._open_databases()
            if not readonly:
                # What killed readers have left would keep old pages from being used again.
                self._lmdb.reader_check()
        except lmdb.NotFoundError as error:
            self._lmdb.close()
            raise DirectoryUnusable(f"{directory}: not an event log") from error
        except lmdb.Error as error:
            self._lmdb.close()
            raise DirectoryUnusable(f"{directory}: not an event log: {error}") from error
        except StoreError:
            self._lmdb.close()
            raise

    def _require_whole_file(self) -> None:
        """Reading a page that is not in the file any more would kill the process."""
        info, stat = self._lmdb.info(), self._lmdb.stat()
        size_bytes = self.size_bytes
        needed_bytes = (info["last_pgno"] + 1) * stat["psize"]
        if info["last_txnid"] and size_bytes < needed_bytes:
            raise StoreDamaged(
                f"{self.directory / DATA_FILE_NAME} is cut short: it has {size_bytes} bytes of "
                f"{needed_bytes}"
            )

    def _make_databases(self) -> None:
        """Make all or, where the process is killed meanwhile, none."""
        with self._lmdb.begin(write=True) as transaction:
            meta = self._lmdb.open_db(b"meta", transaction)
            transaction.put(schema.META_FORMAT, str(schema.FORMAT).encode(), db=meta)
            for name in ("log", "head", "idempotency", "projections"):
                self._lmdb.open_db(name.encode(), transaction)
            self._lmdb.open_db(b"history", transaction, dupsort=True, dupfixed=True)

    def _open_databases(self) -> None:
        self.meta = self._lmdb.open_db(b"meta", create=False)
        with self._lmdb.begin(db=self.meta) as transaction:
            found = transaction.get(schema.META_FORMAT) or b"none"
        if found != str(schema.FORMAT).encode():
            raise UnknownFormat(
                f"{self.directory} has format {found.decode(errors='replace')}; "
                f"this podkernel knows format {schema.FORMAT}"
            )
        self.log = self._lmdb.open_db(b"log", create=False)
        self.head = self._lmdb.open_db(b"head", create=False)
        self.history = self._lmdb.open_db(b"history", create=False)
        self.idempotency = self._lmdb.open_db(b"idempotency", create=False)
        self.projections = self._lmdb.open_db(b"projections", create=False)

    @property
    def size_bytes(self) -> int:
        """The size of the file on disk."""
        return (self.directory / DATA_FILE_NAME).stat().st_size

    def close(self) -> None:
        """Reads and writes raise `StoreClosed` from here on."""
        self.closed = True
        self._lmdb.close()

    def sync(self) -> None:
        """Have everything on disk that was committed without it."""
        self._lmdb.sync(True)

    def reading(self) -> Reading:
        """A snapshot: `with environment.reading() as transaction`."""
        if self.closed:
            raise StoreClosed("the store has been closed")
        return Reading(self._lmdb.begin(), self.directory)

    @contextmanager
    def writing(self) -> Iterator[lmdb.Transaction[bytes]]:
        """A transaction, durable at its end where the environment is synced.

        Raises `StoreFull`, `StoreReadOnly` or `StoreError`; then nothing of it has happened.
        """
        if self.closed:
            raise StoreClosed("the store has been closed")
        try:
            with self._lmdb.begin(write=True) as transaction:
                yield transaction
        except (lmdb.Error, OSError) as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> StoreError:
        code = getattr(error, "code", None) or getattr(error, "errno", None)
        if isinstance(error, lmdb.MapFullError):
            return StoreFull(f"{self.directory}: the map is full: no space left for the write")
        if code == errno.EROFS:
            return StoreReadOnly(f"{self.directory}: the file system is read-only")
        if code in _NO_ROOM or (code == errno.EIO and self._nearly_full()):
            return StoreFull(f"{self.directory}: no space left for the write")
        return StoreError(f"{self.directory}: {error}")

    def _nearly_full(self) -> bool:
        """EIO is LMDB's answer when the kernel took the first part of a write only."""
        status = os.statvfs(self.directory)
        room_bytes = status.f_bavail * status.f_frsize
        limit_bytes, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        if limit_bytes != resource.RLIM_INFINITY:
            size_bytes = (self.directory / DATA_FILE_NAME).stat().st_size
            room_bytes = min(room_bytes, limit_bytes - size_bytes)
        return room_bytes < NEARLY_FULL_BYTES

    def revision_in_meta(self, transaction: lmdb.Transaction[bytes], name: bytes) -> int:
        """A revision that the meta database keeps; 0 where it keeps none."""
        return int(transaction.get(name, db=self.meta) or 0)


class Reading:
    """A read transaction as a context manager; LMDB's complaints become `StoreDamaged`."""

    __slots__ = ("_directory", "_transaction")

    def __init__(self, transaction: lmdb.Transaction[bytes], directory: Path):
        self._transaction = transaction
        self._directory = directory

    def __enter__(self) -> lmdb.Transaction[bytes]:
        return self._transaction

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._transaction.abort()
        if isinstance(error, lmdb.Error):
            raise StoreDamaged(f"{self._directory} is damaged: {error}") from error


def _reserve_readers_file(directory: Path) -> None:
    """Give LMDB's table of readers its room on disk. LMDB would make a file with a hole and write
    to it through memory, which on a full disk kills the process instead of raising an error."""
    file = os.open(directory / LOCK_FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(file, 0, os.fstat(file).st_size or READERS_FILE_BYTES)
    finally:
        os.close(file)
