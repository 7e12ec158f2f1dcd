"""`podkernel import`: a data directory from what `podkernel export` has written."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import BinaryIO

from kernel.cli.exported import decode_lines
from kernel.cli.failure import CommandFailure
from kernel.cli.progress import show_progress
from kernel.store.copying import import_entries
from kernel.store.errors import StoreDamaged
from kernel.store.store import StoreReader
from kernel.store.verification import verify


def run(arguments: argparse.Namespace) -> int:
    """Read a file or standard input; the data directory must be empty or missing."""
    target: Path = arguments.data_dir
    if arguments.file is None:
        _import(sys.stdin.buffer, "standard input", target)
    else:
        with arguments.file.open("rb") as stream:
            _import(stream, str(arguments.file), target)
    with StoreReader.open(target) as reader:
        print(f"{target} is at revision {reader.revision}")
    return 0


def _import(stream: BinaryIO, name: str, target: Path) -> None:
    heading, entries = decode_lines(stream, name)
    work = import_entries(
        entries, target, oldest_revision=heading.oldest_revision, total=heading.entries
    )
    show_progress(work, "importing")
    try:
        with StoreReader.open(target) as reader:
            show_progress(verify(reader), "checking")
    except StoreDamaged as error:
        shutil.rmtree(target)
        raise CommandFailure(f"{name} holds no log that can be: {error}") from error
