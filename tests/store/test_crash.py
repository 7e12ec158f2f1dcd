"""`kill -9` during a stream of writes: what was acknowledged is there, the views match the log."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import lmdb
import pytest

from kernel.store import schema
from kernel.store.schema import Entry, Verb
from kernel.store.store import StoreReader

KILLS = 50
WRITERS = 8
PROGRAM = Path(__file__).with_name("writing_process.py")


def write_until_killed(directory: Path, durability: str, seconds: float) -> list[str]:
    """Let a process write for `seconds` after its first write, kill it; answers what it said."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(directory), durability, str(WRITERS)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
        assert process.wait() == -signal.SIGKILL, "it must not have ended by itself"
    return [first, *rest.splitlines(keepends=True)]


@pytest.mark.parametrize("durability", ["disk", "process"])
def test_no_acknowledged_write_is_lost(tmp_path: Path, durability: str) -> None:
    chance = random.Random(durability)
    directory = tmp_path / "data"
    acknowledged: dict[int, str] = {}
    for _ in range(KILLS):
        for line in write_until_killed(directory, durability, chance.uniform(0, 0.03)):
            assert line.endswith("\n")
            number, rest = line.rstrip("\n").split(" ", 1)
            assert int(number) not in acknowledged
            acknowledged[int(number)] = rest
    assert len(acknowledged) > KILLS * WRITERS
    with StoreReader.open(directory) as reader:
        entries = read_all(reader)
        by_revision = {entry.revision: entry for entry in entries}
        for revision, said in acknowledged.items():
            entry = by_revision[revision]
            assert f"{entry.key} {entry.value.decode()}" == said
            assert revision in reader.history(entry.key)
        require_views_match(reader, entries)
        require_whole_writes(entries)
    require_undamaged(directory)


def read_all(reader: StoreReader) -> list[Entry]:
    """The whole log, whose revisions must be without a gap."""
    entries, last = reader.entries(1)
    assert [entry.revision for entry in entries] == list(range(1, last + 1))
    return entries


def require_undamaged(directory: Path) -> None:
    """Verify every record as it is on disk."""
    with lmdb.open(str(directory / "log"), max_dbs=6, readonly=True) as environment:
        log = environment.open_db(b"log", create=False)
        with environment.begin(db=log) as transaction:
            for revision, record in transaction.cursor():
                schema.verify_entry(schema.unpack_revision(revision), record)


def require_views_match(reader: StoreReader, entries: list[Entry]) -> None:
    """Rebuild head and history from the log and compare."""
    head: dict[str, tuple[int, bytes]] = {}
    history: dict[str, list[int]] = {}
    for entry in entries:
        assert entry.previous_revision == head.get(entry.key, (0, b""))[0]
        history.setdefault(entry.key, []).append(entry.revision)
        if entry.verb is Verb.DELETE:
            del head[entry.key]
        else:
            assert (entry.verb is Verb.UPDATE) == (entry.key in head)
            head[entry.key] = (entry.revision, entry.value)
    items, revision = reader.scan("/")
    assert revision == len(entries)
    assert {item.key: (item.revision, item.value) for item in items} == head
    assert {key: reader.history(key) for key in history} == history


def require_whole_writes(entries: list[Entry]) -> None:
    """A write of two operations (see writing_process.py) is there with both or with none."""
    for entry in entries:
        if entry.key.startswith("/pair/"):
            before = entries[entry.revision - 2]
            together = (before.actor, before.cause) == (entry.actor, entry.cause)
            # A delete of a key that was not there has left no entry.
            assert together or entry.cause % 7 == 0
