"""`podkernel export --json`: the log as lines of JSON, also while it is served."""

import argparse
import sys
from collections.abc import Iterator
from typing import BinaryIO

from kernel.cli.exported import FORMAT, Heading, encode_entry, encode_heading
from kernel.cli.failure import CommandFailure
from kernel.cli.progress import show_progress
from kernel.store.snapshot import PROGRESS_ENTRIES, Progress, open_snapshot
from kernel.store.store import StoreReader


def run(arguments: argparse.Namespace) -> int:
    """Write all entries to a file, or to standard output."""
    with StoreReader.open(arguments.data_dir) as reader:
        if arguments.file is None:
            show_progress(_write(reader, sys.stdout.buffer), "exporting")
            sys.stdout.buffer.flush()
            return 0
        try:
            with arguments.file.open("wb") as stream:
                entries = show_progress(_write(reader, stream), "exporting")
        except OSError as error:  # writing, unlike opening, does not say to which file
            raise CommandFailure(f"{arguments.file}: {error.strerror}") from error
    print(f"{arguments.file} holds {entries} entries")
    return 0


def _write(reader: StoreReader, stream: BinaryIO) -> Iterator[Progress]:
    with open_snapshot(reader.environment) as snapshot:
        extent = snapshot.extent
        oldest = max(extent.compacted, 1)
        stream.write(encode_heading(Heading(FORMAT, oldest, extent.revision, extent.entries)))
        for done, entry in enumerate(snapshot.entries(), start=1):
            stream.write(encode_entry(entry))
            if done % PROGRESS_ENTRIES == 0:
                yield Progress(done, extent.entries)
        yield Progress(extent.entries, extent.entries)
