"""`podkernel why`: the chain of causes that led to an object's state, or to one field's value.

Every entry names the revision that its writer was reacting to. Following that from the newest
entry of an object, or from the last one that changed the field, leads back to the person, program
or observation where it began.
"""

import argparse
import difflib
from collections.abc import Sequence

import msgspec

from kernel.cli.entries import change_lines, changes_of, deed, shown, update_lines
from kernel.cli.lookup import LookupFailure, find_key, kind_of_key, parse_object_name
from kernel.cli.moments import local_time, revision_at
from kernel.clock import SystemClock
from kernel.objects.field_changes import FieldChange, covers, field_changes, locate
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Print the chain, the newest entry first."""
    wanted, _, field = arguments.object.partition(":")
    name = parse_object_name(wanted)
    with StoreReader.open(arguments.data_dir) as reader:
        key = find_key(reader, name, arguments.namespace)
        at = revision_at(reader, arguments.at, SystemClock()) if arguments.at else reader.revision
        entries = _history(reader, key, at)
        then, verb = (f" at revision {at}", "was") if arguments.at else ("", "is")
        if field:
            document = msgspec.json.decode(entries[0].value)
            path, value = locate(document, field, kind_of_key(key))
            origin, changes = _last_change(reader, entries, path)
            print(f"{path} of {key}{then} {verb} {shown(value)} because, newest first:")
            lines = change_lines(changes)
        else:
            origin = entries[0]
            print(f"{key}{then} {verb} as it {verb} because, newest first:")
            lines = update_lines(reader, origin)
        _print_chain(causal_chain(reader, origin.revision), reader, lines)
    return 0


def causal_chain(reader: StoreReader, revision: int) -> list[Entry]:
    """The entry at `revision`, the entry that caused it, and so on to the first one known.

    A cause is always older than its effect, so the chain ends.
    """
    chain: list[Entry] = []
    entry = reader.entry(revision)
    while entry is not None:
        chain.append(entry)
        entry = reader.entry(entry.cause) if 0 < entry.cause < entry.revision else None
    return chain


def _history(reader: StoreReader, key: str, at: int) -> list[Entry]:
    """The object's entries up to a revision, the newest first. Raises `LookupFailure`."""
    found = [reader.entry(revision) for revision in reversed(reader.history(key)) if revision <= at]
    entries = [entry for entry in found if entry is not None]
    if not entries:
        raise LookupFailure(f"{key} did not exist yet at revision {at}")
    return entries


def _last_change(
    reader: StoreReader, entries: Sequence[Entry], path: str
) -> tuple[Entry, list[FieldChange]]:
    """The newest of an object's entries that changed a field, and what it changed in it. Of the
    entries of an object that was deleted and made again, the newer object's count."""
    for entry in entries:
        changes = changes_of(reader, entry)
        if changes is None:  # whatever it changed, it is the oldest that is known of the object
            return entry, []
        of_field = [one for one in changes if covers(path, one.path) or covers(one.path, path)]
        if of_field:
            return entry, of_field
        if entry.verb is Verb.CREATE:
            break
    near = _nearest_field(entries[0], path)
    hint = f', did you mean "{near}"?' if near else ""
    raise LookupFailure(f"{path} has never been set in {entries[0].key}{hint}")


def _nearest_field(entry: Entry, path: str) -> str | None:
    leaves = field_changes({}, msgspec.json.decode(entry.value), kind_of_key(entry.key))
    paths = {leaf.path for leaf in leaves}
    fields = paths | {path.rpartition(".")[0] for path in paths}
    near = difflib.get_close_matches(path, sorted(fields), n=1)
    return near[0] if near else None


def _print_chain(chain: Sequence[Entry], reader: StoreReader, lines: Sequence[str]) -> None:
    """A headline an entry and what it changed; `lines` are those of the first one."""
    for position, entry in enumerate(chain):
        time = local_time(entry.time_nanoseconds)
        print(f"{entry.revision:>8}  {time}  {deed(entry, key=entry.key)}")
        for line in update_lines(reader, entry) if position else lines:
            print(f"             {line}")
    last = chain[-1]
    if last.cause:
        print(f"    the cause, revision {last.cause}, is no longer in the log")
    else:
        print(f"    {last.actor} acted of its own accord")
