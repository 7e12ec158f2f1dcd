"""`podkernel fork`: a new data directory that begins where another one was."""

import argparse

from kernel.assembly import set_apart
from kernel.cli.moments import revision_at
from kernel.cli.progress import show_progress
from kernel.clock import SystemClock
from kernel.store.copying import fork
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Copy the log up to a moment; beside a running server too."""
    source, clock = arguments.source or arguments.data_dir, SystemClock()
    with StoreReader.open(source) as reader:
        at = revision_at(reader, arguments.at, clock) if arguments.at else reader.revision
        entries = show_progress(fork(reader, arguments.target, at=at), "copying")
    set_apart(arguments.target, clock)
    print(f"{arguments.target} goes on from revision {at} of {source} ({entries} entries)")
    return 0
