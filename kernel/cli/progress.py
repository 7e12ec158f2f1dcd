"""How far a long piece of work has come, on standard error: nothing in the first second, then a
bar on a terminal, or a line now and then elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kernel.clock import Clock, SystemClock
from kernel.store.snapshot import Progress

QUIET_SECONDS = 1.0
LINE_SECONDS = 5.0

Report = Callable[[Progress], None]


@contextmanager
def showing_progress(doing: str, clock: Clock | None = None) -> Iterator[Report]:
    """Yields what is to be called with how far the work has come. `doing` is shown: "copying"."""
    used = clock or SystemClock()
    quiet_until = used.monotonic_seconds() + QUIET_SECONDS
    show: Report | None = None
    with ExitStack() as stack:

        def report(progress: Progress) -> None:
            nonlocal show
            if show is None and used.monotonic_seconds() >= quiet_until:
                show = _bar(stack, doing) if sys.stderr.isatty() else _lines(doing, used)
            if show is not None:
                show(progress)

        yield report


def show_progress(work: Iterator[Progress], doing: str) -> int:
    """Do the work by iterating it; answers of how many entries it was."""
    total = 0
    with showing_progress(doing) as report:
        for progress in work:
            total = progress.total
            report(progress)
    return total


def _bar(stack: ExitStack, doing: str) -> Report:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TimeRemainingColumn

    columns: list[Any] = ["{task.description}", BarColumn(), MofNCompleteColumn()]
    columns += ["entries", TimeRemainingColumn()]
    bar = stack.enter_context(Bar(*columns, console=Console(stderr=True), transient=True))
    task = bar.add_task(doing)

    def show(report: Progress) -> None:
        bar.update(task, completed=report.done, total=report.total)

    return show


def _lines(doing: str, clock: Clock) -> Report:
    due_seconds = clock.monotonic_seconds()

    def show(report: Progress) -> None:
        nonlocal due_seconds
        if clock.monotonic_seconds() >= due_seconds:
            due_seconds = clock.monotonic_seconds() + LINE_SECONDS
            percent = 100 * report.done // max(report.total, 1)
            line = f"{doing}: {report.done} of {report.total} entries ({percent} %)"
            print(line, file=sys.stderr, flush=True)

    return show
