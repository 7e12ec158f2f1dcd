"""`podkernel why`: the chain of causes that led to an object's latest state.

Every entry names the revision that its writer was reacting to. Following that from the newest
entry of an object leads back to the person, program or observation where it began.
"""

import argparse
from typing import Any

import msgspec

from kernel.cli.log import local_time
from kernel.cli.lookup import find_key, parse_object_name
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader

CHANGES_SHOWN_MAX = 6
VALUE_WIDTH_MAX = 60
_NOISE = ("metadata.generation", "metadata.managedFields")
_NOISE_AT_THE_END = ("lastTransitionTime", "containerID")


def run(arguments: argparse.Namespace) -> int:
    """Print the chain, the newest entry first."""
    name = parse_object_name(arguments.object)
    with StoreReader.open(arguments.data_dir) as reader:
        key = find_key(reader, name, arguments.namespace)
        chain = causal_chain(reader, reader.history(key)[-1])
        print(f"{key} is as it is because, newest first:")
        for entry in chain:
            print(_headline(entry))
            for line in _changes(reader, entry):
                print(f"             {line}")
        last = chain[-1]
        if last.cause:
            print(f"    the cause, revision {last.cause}, is no longer in the log")
        else:
            print(f"    {last.actor} acted of its own accord")
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


def _headline(entry: Entry) -> str:
    time = local_time(entry.time_nanoseconds)
    return f"{entry.revision:>8}  {time}  {entry.actor} {entry.verb.name.lower()}d {entry.key}"


def _changes(reader: StoreReader, entry: Entry) -> list[str]:
    """What an entry changed, a line a field: `status.phase` before what is deeper in the status."""
    if entry.verb is Verb.DELETE:
        return []
    previous = reader.entry(entry.previous_revision) if entry.previous_revision else None
    if previous is None:
        return []
    before = dict(_flatten(msgspec.json.decode(previous.value)))
    after = dict(_flatten(msgspec.json.decode(entry.value)))
    lines = [
        f"{path}: {_short(before.get(path))} → {_short(after.get(path))}"
        for path in sorted(before.keys() | after.keys(), key=_depth_and_path)
        if before.get(path) != after.get(path) and not _is_noise(path)
    ]
    if len(lines) > CHANGES_SHOWN_MAX:
        hidden = len(lines) - CHANGES_SHOWN_MAX
        lines = [*lines[:CHANGES_SHOWN_MAX], f"… and {hidden} more"]
    return lines


def _depth_and_path(path: str) -> tuple[int, str]:
    return path.count("."), path


def _is_noise(path: str) -> bool:
    return path.startswith(_NOISE) or path.endswith(_NOISE_AT_THE_END)


def _flatten(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """The leaves of a document with their paths: `spec.containers[0].image`. Items of a list
    that have a name or type of their own go by it, so that an insertion moves nothing."""
    if isinstance(value, dict) and value:
        return [
            leaf
            for name, item in value.items()
            for leaf in _flatten(item, f"{path}.{name}" if path else name)
        ]
    if isinstance(value, list) and value:
        return [
            leaf
            for index, item in enumerate(value)
            for leaf in _flatten(item, f"{path}[{_item_name(item, index)}]")
        ]
    return [(path, value)]


def _item_name(item: Any, index: int) -> str:
    if isinstance(item, dict):
        return str(item.get("name") or item.get("type") or index)
    return str(index)


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= VALUE_WIDTH_MAX else text[: VALUE_WIDTH_MAX - 1] + "…"
