"""A process that writes as fast as it can, and says what has been acknowledged, until it is killed.

Arguments: directory, durability, number of writers. One line for each acknowledged write on
standard output: revision, key, value.
"""

import os
import sys
from pathlib import Path
from typing import get_args

import anyio

from kernel.clock import SystemClock
from kernel.store.log import Operation, Write
from kernel.store.store import Durability, Store


async def write(store: Store, writer: int) -> None:
    """Set, set again, and delete keys, one or two in a write."""
    number = 0
    while True:
        number += 1
        key, value = f"/w/{writer}/{number % 5}", b"%d" % number
        operations = [Operation(key, None if number % 7 == 0 else value)]
        if number % 3 == 0:
            operations.append(Operation(f"/pair/{writer}", value))
        entries = await store.commit(Write(operations, f"writer-{writer}", cause=number))
        for entry in entries:
            line = f"{entry.revision} {entry.key} {entry.value.decode()}\n"
            os.write(1, line.encode())  # one system call, so that no line is written in part


async def main(directory: str, durability: str, writers: str) -> None:
    """Write until killed."""
    (chosen,) = (one for one in get_args(Durability) if one == durability)
    opening = Store.open_writer(Path(directory), clock=SystemClock(), durability=chosen)
    async with opening as store, anyio.create_task_group() as tasks:
        for writer in range(int(writers)):
            tasks.start_soon(write, store, writer)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3])
