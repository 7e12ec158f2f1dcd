"""Pods coming up, as a person at a terminal sees them, or as plain lines for a file."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio

from kernel.api.client import Client, WatchEventType
from kernel.apiserver.rows.pods import PodSummary, pod_cells
from kernel.clock import Clock, now_datetime
from kernel.objects.pod import Pod

REFRESH_SECONDS = 1.0
_HEADINGS = ("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP")


@asynccontextmanager
async def showing_pods(client: Client, clock: Clock) -> AsyncIterator[None]:
    """Show all Pods while the context lasts: live on a terminal, else a line a change."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_show_live if sys.stdout.isatty() else _show_lines, client, clock)
        yield
        tasks.cancel_scope.cancel()


async def _show_lines(client: Client, clock: Clock) -> None:
    said: dict[tuple[str, str], str] = {}
    async with client.watch(Pod) as events:
        async for event in events:
            pod = event.object
            name = (pod.metadata.namespace, pod.metadata.name)
            if event.type is WatchEventType.DELETED:
                said.pop(name, None)
                print(f"pod {name[0]}/{name[1]} deleted", flush=True)
                continue
            summary = PodSummary(pod)
            line = f"{summary.reason} ({summary.ready}/{summary.total} ready)"
            if said.get(name) != line:
                said[name] = line
                print(f"pod {name[0]}/{name[1]} {line}", flush=True)


@contextmanager
def _log_lines_above() -> Iterator[None]:
    """Log through what the display has put in the place of sys.stderr: it prints above itself."""
    found = logging.getLogger().handlers
    handlers = [one for one in found if isinstance(one, logging.StreamHandler)]
    streams = [one.setStream(sys.stderr) for one in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, streams, strict=True):
            if stream is not None:
                handler.setStream(stream)


async def _show_live(client: Client, clock: Clock) -> None:
    from rich.live import Live
    from rich.table import Table

    pods: dict[tuple[str, str], Pod] = {}

    def table() -> Table:
        drawn = Table(box=None, pad_edge=False, header_style="bold")
        for heading in _HEADINGS:
            drawn.add_column(heading)
        now = now_datetime(clock)
        for (namespace, _), pod in sorted(pods.items()):
            name, ready, status, restarts, age, address, *_ = pod_cells(pod, now)
            drawn.add_row(namespace, *map(str, (name, ready, status, restarts, age, address)))
        return drawn

    # What goes to a file is not for the terminal.
    live_display = Live(table(), auto_refresh=False, redirect_stderr=sys.stderr.isatty())
    with live_display as live, _log_lines_above():

        async def refresh() -> None:
            while True:
                await clock.sleep(REFRESH_SECONDS)
                live.update(table(), refresh=True)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refresh)
            async with client.watch(Pod) as events:
                async for event in events:
                    key = (event.object.metadata.namespace, event.object.metadata.name)
                    if event.type is WatchEventType.DELETED:
                        pods.pop(key, None)
                    else:
                        pods[key] = event.object
                    live.update(table(), refresh=True)
