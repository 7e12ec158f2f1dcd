"""`podkernel diff`: what differs between two states of one object."""

import argparse

from kernel.cli.entries import change_lines, deed, document_changes
from kernel.cli.lookup import find_key, parse_object_name
from kernel.cli.moments import local_time, revision_at
from kernel.clock import SystemClock
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Print the two states' entries, and a line for each field that differs."""
    name, clock = parse_object_name(arguments.object), SystemClock()
    with StoreReader.open(arguments.data_dir) as reader:
        key = find_key(reader, name, arguments.namespace)
        before = revision_at(reader, arguments.before, clock)
        after = revision_at(reader, arguments.after, clock) if arguments.after else reader.revision
        print(f"--- {_state(reader, key, before)}")
        print(f"+++ {_state(reader, key, after)}")
        changes = document_changes(key, _value(reader, key, before), _value(reader, key, after))
        for line in change_lines(changes, shown_max=None, width=None) or ["(no difference)"]:
            print(line)
    return 0


def _value(reader: StoreReader, key: str, revision: int) -> bytes:
    item = reader.get(key, at=revision)
    return b"{}" if item is None else item.value


def _state(reader: StoreReader, key: str, revision: int) -> str:
    """Which entry a state is of."""
    item = reader.get(key, at=revision)
    entry = reader.entry(item.revision) if item else None
    if entry is None:
        return f"{key} at {revision}: it did not exist"
    time = local_time(entry.time_nanoseconds)
    return f"{key} at {revision}: {entry.revision}  {time}  {deed(entry, key='it')}"
