"""What the machine itself can do, measured in the same run as what is held against it."""

import tempfile
import time
from pathlib import Path

import lmdb

VALUE = b"x" * 400


def synced_puts_per_second(puts: int) -> float:
    """Bare LMDB: one put a transaction, each synced to the disk of the working directory."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as directory:
        environment = lmdb.open(directory, map_size=2**30)
        started_at = time.perf_counter()
        for number in range(puts):
            with environment.begin(write=True) as transaction:
                transaction.put(number.to_bytes(8, "big"), VALUE)
        elapsed = time.perf_counter() - started_at
        environment.close()
    return puts / elapsed
