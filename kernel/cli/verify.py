"""`podkernel verify`: whether the log and its views are what was written."""

import argparse

from kernel.cli.progress import show_progress
from kernel.store.snapshot import open_snapshot
from kernel.store.store import StoreReader
from kernel.store.verification import verify


def run(arguments: argparse.Namespace) -> int:
    """Check everything; the first thing that is wrong is the failure."""
    with StoreReader.open(arguments.data_dir) as reader:
        with open_snapshot(reader.environment) as snapshot:
            extent = snapshot.extent
        show_progress(verify(reader), "checking")
        objects = reader.count("/")
    print(
        f"{arguments.data_dir} is sound: {extent.entries} entries, "
        f"revisions {max(extent.compacted, 1)} to {extent.revision}, {objects} objects"
    )
    return 0
