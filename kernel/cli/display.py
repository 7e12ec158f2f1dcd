"""Pods coming up, as a person at a terminal sees them, or as plain lines for a file."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from kernel.api.client import Client, WatchEventType
from kernel.apiserver.pod_row import PodSummary, pod_cells
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

    with Live(table(), auto_refresh=False, transient=False) as live:

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
