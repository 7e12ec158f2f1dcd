"""`podkernel restore`: a data directory from a backup."""

import argparse

from kernel.cli.progress import show_progress
from kernel.store.copying import restore
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Check the file as a whole, then make the directory, which must be empty or missing."""
    target = arguments.target or arguments.data_dir
    show_progress(restore(arguments.file, target), "restoring")
    with StoreReader.open(target) as reader:
        print(f"{target} is at revision {reader.revision}")
    return 0
