"""`podkernel log`: the event log as text or as JSON lines, also while a server writes it."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from kernel.cli.lookup import ObjectName, find_key, parse_object_name
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.store.schema import Entry
from kernel.store.store import StoreReader

BATCH_ENTRIES = 1024
_HEADINGS = ("REVISION", "TIME", "VERB", "KEY", "ACTOR", "CAUSE")


def run(arguments: argparse.Namespace) -> int:
    """Print the entries of one object, or of all, and go on with new ones under --follow."""
    name = parse_object_name(arguments.object) if arguments.object else None
    with StoreReader.open(arguments.data_dir) as reader:
        key = _key_of(reader, name, arguments.namespace)
        if not arguments.json:
            print(_row(_HEADINGS), flush=True)
        entries = _follow(reader, arguments.data_dir) if arguments.follow else _present(reader)
        for entry in entries:
            if key is None or entry.key == key:
                print(_json(entry) if arguments.json else _text(entry), flush=True)
    return 0


def _key_of(reader: StoreReader, name: ObjectName | None, namespace: str) -> str | None:
    return None if name is None else find_key(reader, name, namespace)


def _present(reader: StoreReader, first_revision: int | None = None) -> Iterator[Entry]:
    """All entries from a revision (by default the oldest) to the newest."""
    revision = reader.oldest_revision if first_revision is None else first_revision
    while True:
        entries, looked_at = reader.entries(revision, scan_limit=BATCH_ENTRIES)
        if looked_at < revision:
            return
        yield from entries
        revision = looked_at + 1


def _follow(reader: StoreReader, data_directory: Path) -> Iterator[Entry]:
    """All entries, then new ones as another process writes them."""
    import watchfiles

    last_revision = 0
    for entry in _present(reader):
        last_revision = entry.revision
        yield entry
    # LMDB writes to its file with system calls, so that every commit is a change of the file.
    changes = watchfiles.watch(
        data_directory / "log", debounce=20, step=10, rust_timeout=1000, yield_on_timeout=True
    )
    for _ in changes:
        for entry in _present(reader, last_revision + 1):
            last_revision = entry.revision
            yield entry


def local_time(nanoseconds: int) -> str:
    """Wall time of this machine, to the millisecond."""
    moment = datetime.fromtimestamp(nanoseconds / NANOSECONDS_PER_SECOND).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def _row(cells: tuple[str, ...]) -> str:
    revision, time, verb, key, actor, cause = cells
    return f"{revision:>8}  {time:<23}  {verb:<6}  {key:<44}  {actor:<28}  {cause}".rstrip()


def _text(entry: Entry) -> str:
    cause = str(entry.cause) if entry.cause else ""
    verb = entry.verb.name.lower()
    time = local_time(entry.time_nanoseconds)
    return _row((str(entry.revision), time, verb, entry.key, entry.actor, cause))


def _json(entry: Entry) -> str:
    moment = datetime.fromtimestamp(entry.time_nanoseconds / NANOSECONDS_PER_SECOND, UTC)
    line = {
        "revision": entry.revision,
        "time": moment,
        "verb": entry.verb.name.lower(),
        "key": entry.key,
        "previousRevision": entry.previous_revision,
        "actor": entry.actor,
        "cause": entry.cause,
        "object": msgspec.Raw(entry.value),
    }
    return msgspec.json.encode(line).decode()
