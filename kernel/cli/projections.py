"""`podkernel projections`: how far the projections of plugins have come; build one anew."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import anyio
import msgspec

from kernel.api.changes import ChangeLog
from kernel.cli.failure import CommandFailure
from kernel.cli.progress import showing_progress
from kernel.clock import SystemClock
from kernel.control.plugin import Plugin, check_names, load_entry_points, load_path, upcasters_of
from kernel.control.projection_run import Projections, SavedState
from kernel.store import schema
from kernel.store.snapshot import Progress, open_snapshot
from kernel.store.store import Store, StoreReader

_HEADINGS = ("NAME", "VERSION", "REVISION", "BEHIND", "SINCE", "BYTES")
_WIDTHS = (40, 8, 10, 10, 10, 0)


def run(arguments: argparse.Namespace) -> int:
    """List what is saved, or build one projection anew."""
    with StoreReader.open(arguments.data_dir) as reader:
        if not arguments.rebuild:
            return _list(reader)
    plugins = load_entry_points()
    for path in arguments.plugins:
        plugins += load_path(path)
    check_names(plugins)
    _require_known(arguments.rebuild, plugins)
    anyio.run(_rebuild, arguments.data_dir, arguments.rebuild, plugins)
    return 0


def _list(reader: StoreReader) -> int:
    """SINCE is the revision from which on its state holds everything: 0, or a compaction point."""
    with open_snapshot(reader.environment) as snapshot:
        rows = [
            (name.decode(), *schema.decode_projection(packed))
            for name, packed in snapshot.projections()
        ]
        newest = snapshot.extent.revision
    if not rows:
        print("no projection has been saved in this log")
        return 0
    print(_line(_HEADINGS))
    for name, revision, version, state in rows:
        since = _since(state)
        print(
            _line(
                (name, str(version), str(revision), str(newest - revision), since, str(len(state)))
            )
        )
    return 0


def _since(state: bytes) -> str:
    try:
        return str(msgspec.json.decode(state, type=SavedState).since_revision)
    except msgspec.DecodeError:
        return "?"


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _require_known(name: str, plugins: Sequence[Plugin]) -> None:
    known = [one.name for plugin in plugins for one in plugin.projections]
    if name not in known:
        listed = f"those that are loaded: {', '.join(known)}" if known else "name it by --plugin"
        raise CommandFailure(f"no plugin brings a projection named {name}; {listed}")


async def _rebuild(directory: Path, name: str, plugins: Sequence[Plugin]) -> None:
    clock = SystemClock()
    async with Store.open_writer(directory, clock=clock) as store:
        projections = Projections(
            [one for plugin in plugins for one in plugin.projections],
            ChangeLog(store, upcasters_of(plugins)),
            clock,
        )
        with showing_progress("building") as report:
            await projections.rebuild(name, lambda done, total: report(Progress(done, total)))
        saved = store.projection(name)
        assert saved is not None
    print(f"{name} is built anew, up to revision {saved.revision}: {len(saved.state)} bytes")
