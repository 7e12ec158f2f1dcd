"""`podkernel replay`: what the reconcilers of plugins would have written, fed an old log."""

import argparse
from collections.abc import Iterator

import anyio

from kernel.assembly import Kernel
from kernel.cli.entries import change_lines, short_key
from kernel.cli.failure import CommandFailure
from kernel.cli.progress import showing_progress
from kernel.control.plugin import load_entry_points, load_path
from kernel.control.replay import ReplayedWrite, ReplayReport
from kernel.store.snapshot import Progress

_AS_IN = {"create": "created", "update": "updated", "delete": "deleted"}


def run(arguments: argparse.Namespace) -> int:
    """Replay, and print what differs; the code is 1 where anything does."""
    report = anyio.run(_replay, arguments)
    for line in _lines(report, everything=arguments.all):
        print(line)
    return 0 if report.agrees else 1


async def _replay(arguments: argparse.Namespace) -> ReplayReport:
    plugins = load_entry_points()
    for path in arguments.plugins:
        plugins += load_path(path)
    if not any(plugin.reconcilers for plugin in plugins):
        raise CommandFailure("no plugin with a reconciler is loaded; name one by --plugin")
    with showing_progress("replaying") as report:
        return await Kernel.replay(
            arguments.data,
            plugins=plugins,
            from_revision=arguments.from_revision,
            progress=lambda done, total: report(Progress(done, total)),
        )


def _lines(report: ReplayReport, *, everything: bool) -> Iterator[str]:
    for write in report.writes if everything else report.differing:
        yield _headline(write)
        if not write.agrees:
            yield from (f"          {line}" for line in change_lines(write.differences))
    for failure in report.failures:
        request = "/".join(
            part for part in (failure.request.namespace, failure.request.name) if part
        )
        yield f"{failure.revision:>8}  {failure.reconciler} failed for {request}: {failure.error}"
    for missing in report.missing:
        yield (
            f"{missing.revision:>8}  {missing.reconciler} {_AS_IN[missing.verb]} "
            f"{short_key(missing.key)} in the log, and not in the replay"
        )
    yield (
        f"revisions {report.first_revision} to {report.last_revision}: {report.entries} entries, "
        f"{report.calls} calls, {len(report.writes)} writes ({len(report.differing)} differ), "
        f"{len(report.failures)} failures, {len(report.missing)} missing"
    )


def _headline(write: ReplayedWrite) -> str:
    deed = f"{write.reconciler} would have {_AS_IN[write.verb]} {short_key(write.key)}"
    if write.agrees:
        return f"{write.revision:>8}  {deed}, as in revision {write.logged_revision}"
    if not write.logged_revision:
        return f"{write.revision:>8}  {deed}; in the log it never did"
    how = "with these differences" if write.same_verb else "otherwise"
    return f"{write.revision:>8}  {deed}; revision {write.logged_revision} has that {how}"
