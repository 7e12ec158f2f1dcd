"""`podkernel backup`: the log in one file, taken while it is served."""

import argparse

from kernel.cli.progress import show_progress
from kernel.store.backup import back_up
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Write the file; it has its name only once it is whole and on disk."""
    with StoreReader.open(arguments.data_dir) as reader:
        entries = show_progress(back_up(reader, arguments.file), "backing up")
    size_bytes = arguments.file.stat().st_size
    print(f"{arguments.file} holds {entries} entries ({size_bytes} bytes)")
    return 0
