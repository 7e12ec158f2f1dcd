"""Power cuts, simulated: what a file system could leave of a data file that was being written.

A writing process runs with recorded_writes.c loaded before libc, which records each write to the
data file, each sync of it, and each acknowledgement. A cut is a point in that record. What was
synced before it is on disk; of each later write, and of the one under way, any of its sectors of
512 bytes may be there or not.
"""

import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kernel.store.store import LOG_DIRECTORY_NAME
from tests.store.acknowledgements import Said, find_broken_promise

SECTOR_BYTES = 512
SOURCE = Path(__file__).with_name("recorded_writes.c")
PROGRAM = Path(__file__).with_name("writing_process.py")
_HEAD = struct.Struct("=cb6xqq")


@dataclass(frozen=True)
class Call:
    """What the process did: (w)rite, (s)ync, (t)runcate, or (a)cknowledge."""

    kind: str
    synced: bool
    offset: int
    data: bytes


def missing_for_recording() -> str:
    """Why writes can't be recorded here; "" if they can."""
    return "" if shutil.which("gcc") else "needs gcc, to record what LMDB writes"


def record(place: Path, durability: str, *, acknowledgements: int, compacting: str) -> list[Call]:
    """Run a writing process in `place` until it has acknowledged so much."""
    library, recording = place / "recorded_writes.so", place / "recording"
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True
    )
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(place / "written"), durability, "4", "-1", compacting],
        stdout=subprocess.PIPE,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LD_PRELOAD": str(library),
            "RECORDED_NAME": "/data.mdb",
            "RECORD_FILE": str(recording),
        },
    ) as process:
        assert process.stdout is not None
        for _ in range(acknowledgements):
            assert process.stdout.readline(), "it must not end by itself"
        process.kill()
    return recorded_calls(place)


def recorded_calls(place: Path) -> list[Call]:
    """What `record` has recorded in `place`."""
    return list(_calls((place / "recording").read_bytes()))


def _calls(recorded: bytes) -> Iterator[Call]:
    position = 0
    while position + _HEAD.size <= len(recorded):
        kind, synced, offset, length = _HEAD.unpack_from(recorded, position)
        position += _HEAD.size
        data = recorded[position : position + length]
        position += length
        if len(data) == length:  # else it was killed in the middle of recording it
            yield Call(kind.decode(), bool(synced), offset, data)


class Disk:
    """A file as it is on disk, and what has been written to it since it was synced."""

    def __init__(self) -> None:
        self.synced = bytearray()
        self.pending: list[Call] = []

    def do(self, call: Call) -> None:
        if call.kind == "s":
            for one in self.pending:
                _apply(self.synced, one.offset, one.data)
            self.pending = []
        elif call.kind == "w" and call.synced:
            _apply(self.synced, call.offset, call.data)
        elif call.kind == "w":
            self.pending.append(call)
        else:
            assert call.kind != "t", "LMDB is not known to truncate"

    def cut(self, under_way: Call, chance: random.Random) -> bytes:
        """What is there after the power was cut during the call `under_way`."""
        left = bytearray(self.synced)
        share = chance.choice((0.0, 0.5, 0.9, 1.0))  # from nothing to all
        for call in (*self.pending, under_way):
            if call.kind != "w":
                continue
            for start in range(0, len(call.data), SECTOR_BYTES):
                if chance.random() < share:
                    data = call.data[start : start + SECTOR_BYTES]
                    _apply(left, call.offset + start, data)
        return bytes(left)


def _apply(image: bytearray, offset: int, data: bytes) -> None:
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset : offset + len(data)] = data


def broken_promises(calls: list[Call], place: Path, cuts: int, seed: str) -> Iterator[str]:
    """What each of some cuts leaves unkept; nothing where all is as it was acknowledged."""
    chance = random.Random(seed)
    chosen = set(chance.sample(range(len(calls)), min(cuts, len(calls))))
    disk, acknowledged = Disk(), Said()
    for number, call in enumerate(calls):
        if number in chosen:
            directory = place / f"cut-{number}"
            path = directory / LOG_DIRECTORY_NAME
            path.mkdir(parents=True)
            (path / "data.mdb").write_bytes(disk.cut(call, chance))
            promise = find_broken_promise(directory, acknowledged)
            if promise and acknowledged:  # before the first, there need be no store at all
                yield f"cut at {number}: {promise}"
            shutil.rmtree(directory)
        if call.kind == "a":
            acknowledged.hear(call.data.decode().removeprefix("a ").removesuffix("\n"))
        else:
            disk.do(call)


if __name__ == "__main__":
    # Apart from the tests' process: LMDB may not survive to read a file that is no sound one.
    for broken in broken_promises(
        recorded_calls(Path(sys.argv[1])), Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    ):
        print(broken, flush=True)  # noqa: T201
