"""The manager starts reconcilers in order, stops them in reverse, and restarts one alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from kernel.api.client import Client
from kernel.api.local import LocalClient
from kernel.clock import ManualClock
from kernel.control.manager import RESTART_SECONDS, Manager
from kernel.control.reconciler import Reconciler, Request, Source, Trigger, reconciler
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta

pytestmark = pytest.mark.anyio


def with_source(name: str, source: Source, calls: list[str] | None = None) -> Reconciler:
    """A reconciler of ConfigMaps that has one source."""

    @reconciler(ConfigMap, name=name, sources=[source])
    async def reconcile(request: Request, client: Client) -> None:
        if calls is not None:
            calls.append(f"{name} {request.name}")

    return reconcile


def noting_source(name: str, story: list[str]) -> Source:
    """A source that notes its start and its stop, which takes the longer the later its name."""

    @asynccontextmanager
    async def source(trigger: Trigger) -> AsyncIterator[None]:
        await anyio.lowlevel.checkpoint()
        story.append(f"{name} starts")
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                for _ in range(1 + 20 * "abc".index(name)):
                    await anyio.lowlevel.checkpoint()
            story.append(f"{name} stops")

    return source


ORDER = ["a starts", "b starts", "c starts", "body", "c stops", "b stops", "a stops"]


def managing(client: LocalClient, clock: ManualClock, story: list[str]) -> Manager:
    manager = Manager(client, clock)
    manager.add(with_source(name, noting_source(name, story)) for name in "abc")
    return manager


async def test_stops_in_the_reverse_order_of_the_start(
    client: LocalClient, clock: ManualClock
) -> None:
    story: list[str] = []
    async with managing(client, clock, story).running():
        story.append("body")
    assert story == ORDER


async def test_stops_in_order_when_it_is_cancelled_from_outside(
    client: LocalClient, clock: ManualClock
) -> None:
    story: list[str] = []
    with anyio.CancelScope() as scope:
        async with managing(client, clock, story).running():
            story.append("body")
            scope.cancel()
            await anyio.sleep_forever()
    assert story == ORDER


async def test_an_error_of_the_body_comes_out_as_it_is_after_the_stop(
    client: LocalClient, clock: ManualClock
) -> None:
    story: list[str] = []

    async def body() -> None:
        async with managing(client, clock, story).running():
            story.append("body")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await body()
    assert story == ORDER


async def test_a_source_that_fails_at_the_start_says_so_and_the_others_stop(
    client: LocalClient, clock: ManualClock
) -> None:
    story: list[str] = []

    @asynccontextmanager
    async def broken(trigger: Trigger) -> AsyncIterator[None]:
        raise OSError("no such socket")
        yield

    manager = Manager(client, clock)
    manager.add([with_source("a", noting_source("a", story)), with_source("broken", broken)])
    with pytest.raises(OSError, match="no such socket"):
        async with manager.running():
            story.append("body")
    assert story == ["a starts", "a stops"]


async def test_a_source_that_breaks_later_is_started_again_alone(
    client: LocalClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    starts = 0
    calls: list[str] = []
    break_now = anyio.Event()

    @asynccontextmanager
    async def fragile(trigger: Trigger) -> AsyncIterator[None]:
        nonlocal starts
        starts += 1

        async def watch_over() -> None:
            await break_now.wait()
            raise ConnectionError("lost")

        async with anyio.create_task_group() as tasks:
            if starts == 1:
                tasks.start_soon(watch_over)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def steady(trigger: Trigger) -> AsyncIterator[None]:
        yield

    manager = Manager(client, clock)
    manager.add([with_source("fragile", fragile, calls), with_source("steady", steady, calls)])
    await client.create(ConfigMap(metadata=ObjectMeta(name="old")))
    async with manager.running():
        await clock.advance(0)
        assert sorted(calls) == ["fragile old", "steady old"]
        calls.clear()
        break_now.set()
        await clock.advance(RESTART_SECONDS / 2)
        assert "fragile broke; starting it again" in caplog.text
        await client.create(ConfigMap(metadata=ObjectMeta(name="new")))
        await clock.advance(0)
        assert calls == ["steady new"], "the other one has noticed nothing"
        await clock.advance(RESTART_SECONDS / 2)
        assert starts == 2
        assert sorted(calls[1:]) == ["fragile new", "fragile old"], "what it missed is made up for"


async def test_a_reconcile_that_is_under_way_is_cancelled_at_the_stop(
    client: LocalClient, clock: ManualClock
) -> None:
    story: list[str] = []

    @reconciler(ConfigMap)
    async def endless(request: Request, client: Client) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            story.append("cancelled")

    manager = Manager(client, clock)
    manager.add([endless])
    await client.create(ConfigMap(metadata=ObjectMeta(name="one")))
    with anyio.fail_after(5):
        async with manager.running():
            await clock.advance(0)
    assert story == ["cancelled"]
