"""What a store must hold, by what was said of it."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from kernel.store.errors import StoreError
from kernel.store.schema import Verb
from kernel.store.store import StoreReader
from kernel.store.verification import verify


class Said(dict[int, str]):
    """Key and value by revision, as a writing process has said them."""

    def hear(self, line: str) -> None:
        """Take in `REVISION KEY VALUE`; nothing may be said twice in two ways."""
        number, rest = line.split(" ", 1)
        assert self.setdefault(int(number), rest) == rest, line


def find_broken_promise(directory: Path, said: Said) -> str:
    """What is not as it was said, or is no sound store at all; "" if all is well."""
    try:
        with StoreReader.open(directory) as reader:
            list(verify(reader))
            return _find_lost(reader, said) or _find_half_write(reader)
    except StoreError as error:
        return f"the store is damaged: {error}"


def _find_lost(reader: StoreReader, said: Said) -> str:
    entries, last = reader.entries(1, with_gaps=True)
    found = {entry.revision: f"{entry.key} {entry.value.decode()}" for entry in entries}
    for revision, rest in said.items():
        if revision > last:
            return f"revision {revision} is lost; the log ends at {last}"
        if found.get(revision, rest) != rest:
            return f"revision {revision} is {found[revision]!r} and not {rest!r}"
        if revision >= reader.oldest_revision and revision not in found:
            return f"revision {revision} is lost"
    return _find_lost_state(reader, said)


def _find_lost_state(reader: StoreReader, said: Said) -> str:
    """What was said last of each key must be so, if nothing was written to it since."""
    newest: dict[str, tuple[int, str]] = {}
    for revision, rest in sorted(said.items()):
        key, value = rest.split(" ", 1)
        newest[key] = (revision, value)
    for key, (revision, value) in newest.items():
        item = reader.get(key)
        history = reader.history(key)
        if history and history[-1] > revision:
            continue
        state = (item.revision, item.value.decode()) if item else None
        if state != ((revision, value) if value else None):
            return f"{key} is {state} and not {(revision, value)}"
    return ""


def _find_half_write(reader: StoreReader) -> str:
    """A write of two operations (see writing_process.py) is there with both or with none."""
    entries, _ = reader.entries(reader.oldest_revision)
    for before, entry in pairwise(entries):
        if entry.key.startswith("/pair/") and entry.verb is not Verb.DELETE:
            together = (before.actor, before.cause) == (entry.actor, entry.cause)
            # A delete of a key that was not there has left no entry.
            if not together and entry.cause % 7:
                return f"of the write of revision {entry.revision}, only that is there"
    return ""


def find_gap(watched: Iterable[int]) -> str:
    """Watched revisions follow one another."""
    before = None
    for revision in watched:
        if before is not None and revision != before + 1:
            return f"the watch has shown {revision} after {before}"
        before = revision
    return ""
