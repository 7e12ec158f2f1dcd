"""What the store refuses, and why."""


class StoreError(Exception):
    """The base of all that the store raises on its own account; the message is one clear line."""


class PreconditionFailed(StoreError):
    """A key is not at the revision that the write expects; nothing of the write has happened.

    `actual_revision` is 0 where the key does not exist.
    """

    def __init__(self, key: str, expected_revision: int, actual_revision: int):
        super().__init__(f"{key} is at revision {actual_revision}, not {expected_revision}")
        self.key = key
        self.expected_revision = expected_revision
        self.actual_revision = actual_revision


class DirectoryHeld(StoreError):
    """Another process has the directory open for writing."""


class DirectoryUnusable(StoreError):
    """The directory can't be made, read or written, or holds something else than a store."""


class UnknownFormat(StoreError):
    """The directory was written in a format that this version does not know."""


class Compacted(StoreError):
    """The log no longer reaches back to the revision asked for."""

    def __init__(self, revision: int, oldest_revision: int):
        super().__init__(
            f"revision {revision} has been compacted away; the oldest is {oldest_revision}"
        )
        self.revision = revision
        self.oldest_revision = oldest_revision


class FutureRevision(StoreError):
    """The revision asked for has not been written yet."""

    def __init__(self, revision: int, newest_revision: int):
        super().__init__(f"revision {revision} is not written yet; the newest is {newest_revision}")
        self.revision = revision
        self.newest_revision = newest_revision


class StoreDamaged(StoreError):
    """What is on disk is not what was written."""


class StoreFull(StoreError):
    """There is no room for the write, on the disk or in the map; nothing of it has happened."""


class StoreReadOnly(StoreFull):
    """The file system takes no writes; nothing of the write has happened."""


class StoreClosed(StoreError):
    """The store has been closed, or is just closing."""
