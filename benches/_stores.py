"""Stores of a wanted size, made once in a run and shared by what measures them."""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kernel.store.copying import import_entries
from kernel.store.schema import Entry, Verb

VALUE = b"x" * 400


@functools.cache
def store_of(entries: int, keys: int) -> Path:
    """A directory with a store of that many entries, which set `keys` keys again and again. It is
    shared: whoever changes it takes `own_store_of`."""
    return own_store_of(entries, keys)


def own_store_of(entries: int, keys: int) -> Path:
    """The same, made anew and for one user."""
    parent = Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".bench-"))
    atexit.register(shutil.rmtree, parent)
    directory = parent / "store"
    for _ in import_entries(_entries(entries, keys), directory):
        pass
    return directory


def _entries(entries: int, keys: int) -> Iterator[Entry]:
    for revision in range(1, entries + 1):
        previous = max(revision - keys, 0)
        verb = Verb.UPDATE if previous else Verb.CREATE
        key = f"/core/pods/default/web-{revision % keys:06}"
        yield Entry.make(revision, revision * 1000, verb, key, VALUE, previous, "bench", 0)
