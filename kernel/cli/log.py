"""`podkernel log`: the event log as text or as JSON lines, also while a server writes it."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kernel.cli.entries import cause_of, changes_of, update_lines
from kernel.cli.lookup import find_key, parse_object_name
from kernel.cli.moments import local_time
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.field_changes import ABSENT
from kernel.store.schema import Entry, verify_entry
from kernel.store.store import StoreReader

BATCH_ENTRIES = 1024


def run(arguments: argparse.Namespace) -> int:
    """Print the entries of one object, or of all, and go on with new ones under --follow."""
    name = parse_object_name(arguments.object) if arguments.object else None
    with StoreReader.open(arguments.data_dir) as reader:
        key = find_key(reader, name, arguments.namespace) if name else ""
        if not arguments.json:
            print(_own_row(*_OWN_HEADINGS) if key else _row(*_HEADINGS))
        for entry in _entries(reader, key, arguments):
            for line in _lines(reader, entry, of_one=bool(key), as_json=arguments.json):
                print(line, flush=arguments.follow)
    return 0


def _entries(reader: StoreReader, key: str, arguments: argparse.Namespace) -> Iterator[Entry]:
    last_revision = reader.revision
    if key:
        for revision in reader.history(key):
            entry = reader.entry(revision)
            if entry is not None and revision <= last_revision:
                yield entry
    else:
        yield from _between(reader, 1, last_revision)
    if arguments.follow:
        for entry in _following(reader, last_revision, arguments.data_dir):
            if key in ("", entry.key):
                yield entry


def _between(reader: StoreReader, first_revision: int, last_revision: int = 0) -> Iterator[Entry]:
    """The entries from one revision to another (by default the newest) that the log has.
    Raises `CorruptEntry`."""
    revision = first_revision
    while True:
        entries, looked_at = reader.entries(
            revision, last_revision=last_revision, scan_limit=BATCH_ENTRIES, with_gaps=True
        )
        if looked_at < revision:
            return
        for entry in entries:
            verify_entry(entry.revision, entry.record)
            yield entry
        revision = looked_at + 1


def _following(reader: StoreReader, last_revision: int, data_directory: Path) -> Iterator[Entry]:
    """Entries after a revision as another process writes them, without end."""
    import watchfiles

    # LMDB writes to its file with system calls, so that every commit is a change of the file.
    changes = watchfiles.watch(
        data_directory / "log", debounce=20, step=10, rust_timeout=1000, yield_on_timeout=True
    )
    for _ in changes:
        for entry in _between(reader, last_revision + 1):
            last_revision = entry.revision
            yield entry


def _lines(reader: StoreReader, entry: Entry, *, of_one: bool, as_json: bool) -> Iterator[str]:
    if as_json:
        yield msgspec.json.encode(_document(reader, entry, of_one=of_one)).decode()
        return
    revision, time = str(entry.revision), local_time(entry.time_nanoseconds)
    verb = entry.verb.name.lower()
    if not of_one:
        cause = str(entry.cause) if entry.cause else ""
        yield _row(revision, time, verb, entry.key, entry.actor, cause)
        return
    yield _own_row(revision, time, verb, entry.actor, cause_of(reader, entry))
    for line in update_lines(reader, entry):
        yield f"          {line}"


_HEADINGS = ("REVISION", "TIME", "VERB", "KEY", "ACTOR", "CAUSE")
_OWN_HEADINGS = ("REVISION", "TIME", "VERB", "ACTOR", "CAUSE")


def _row(revision: str, time: str, verb: str, key: str, actor: str, cause: str) -> str:
    return f"{revision:>8}  {time:<23}  {verb:<6}  {key:<44}  {actor:<28}  {cause}".rstrip()


def _own_row(revision: str, time: str, verb: str, actor: str, cause: str) -> str:
    return f"{revision:>8}  {time:<23}  {verb:<6}  {actor:<28}  {cause}".rstrip()


def _document(reader: StoreReader, entry: Entry, *, of_one: bool) -> dict[str, Any]:
    moment = datetime.fromtimestamp(entry.time_nanoseconds / NANOSECONDS_PER_SECOND, UTC)
    document = {
        "revision": entry.revision,
        "time": moment,
        "verb": entry.verb.name.lower(),
        "key": entry.key,
        "previousRevision": entry.previous_revision,
        "actor": entry.actor,
        "cause": entry.cause,
        "object": msgspec.Raw(entry.value),
    }
    changes = changes_of(reader, entry) if of_one else None
    if changes is not None:
        document["changes"] = [
            {
                name: value
                for name, value in (
                    ("path", change.path),
                    ("before", change.before),
                    ("after", change.after),
                )
                if value is not ABSENT
            }
            for change in changes
        ]
    return document
