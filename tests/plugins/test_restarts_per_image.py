"""The example of a projection: restarts counted by image and hour, whatever became of the Pods."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, strategies

from kernel import Container, Kernel, ManualClock, ObjectMeta, Pod, PodSpec, ProjectedEntry
from kernel.objects.name_syntax import subdomain_name_errors
from kernel.objects.pod_status import ContainerStatus
from plugins import restarts_per_image as plugin

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def pod(name: str, image: str, restarts: int) -> Pod:
    made = Pod(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=PodSpec(containers=[Container(name="c", image=image)]),
    )
    made.status.container_statuses = [ContainerStatus(name="c", restart_count=restarts)]
    return made


def update(before: int | None, after: int, *, time: datetime = NOON) -> ProjectedEntry[Pod]:
    previous = None if before is None else pod("p", "busybox", before)
    return ProjectedEntry(1, time, "update", pod("p", "busybox", after), previous)


def test_only_what_is_new_counts() -> None:
    state: dict[str, dict[str, int]] = {}
    for before, after in ((None, 0), (0, 1), (1, 1), (1, 3)):
        state = plugin.restarts_per_image(state, update(before, after))
    assert state == {"busybox": {"2026-03-01T12Z": 3}}


def test_old_hours_are_forgotten() -> None:
    state: dict[str, dict[str, int]] = {}
    for day in range(1, 4):
        for hour in range(24):
            moment = datetime(2026, 3, day, hour, tzinfo=UTC)
            state = plugin.restarts_per_image(state, update(0, 1, time=moment))
    assert len(state["busybox"]) == plugin.HOURS_MAX
    assert min(state["busybox"]) == "2026-03-02T00Z"


@given(strategies.text(min_size=1))
def test_every_image_has_a_name_that_an_object_may_have(image: str) -> None:
    assert subdomain_name_errors(plugin.object_name(image)) == []


def test_alike_images_have_names_of_their_own() -> None:
    assert plugin.object_name("a/b:1") != plugin.object_name("a-b:1")


@pytest.fixture
def anyio_backend() -> str:
    """Serving needs asyncio."""
    return "asyncio"


@asynccontextmanager
async def running(directory: Path, clock: ManualClock) -> AsyncIterator[Kernel]:
    async with Kernel.open(
        directory, runtime=None, plugins=[plugin], durability="process", clock=clock
    ) as kernel:
        yield kernel


def counts(times: int, found: plugin.ImageRestarts | None) -> bool:
    return found is not None and found.status.total == times


async def restart(kernel: Kernel, name: str, times: int) -> None:
    found = await kernel.client.get(Pod, name)
    found.status.container_statuses = [ContainerStatus(name="c", restart_count=times)]
    await kernel.client.update_status(found)


async def ask(kernel: Kernel, path: str, token: str = "") -> tuple[int, Any]:
    async with kernel.serving(tls=False) as server, aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {token or server.token}"}
        async with session.get(server.url + path, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.mark.anyio
async def test_the_count_outlives_pods_and_processes(tmp_path: Path) -> None:
    clock = ManualClock(start=NOON)
    async with running(tmp_path, clock) as kernel:
        await kernel.client.create(pod("p", "busybox", 0))
        await restart(kernel, "p", 2)
        await kernel.client.delete(Pod, "p")
        assert kernel.projection("restarts-per-image").state == {"busybox": {"2026-03-01T12Z": 2}}
    await clock.advance(3600)
    async with running(tmp_path, clock) as kernel:
        await kernel.client.create(pod("q", "busybox", 0))
        await restart(kernel, "q", 1)
        assert kernel.projection("restarts-per-image").state == {
            "busybox": {"2026-03-01T12Z": 2, "2026-03-01T13Z": 1}
        }


@pytest.mark.anyio
async def test_its_path_shows_it(tmp_path: Path) -> None:
    async with running(tmp_path, ManualClock(start=NOON)) as kernel:
        await kernel.client.create(pod("p", "busybox", 0))
        await restart(kernel, "p", 2)
        path = "/plugins/restarts-per-image"
        whole = {"busybox": {"2026-03-01T12Z": 2}}
        assert await ask(kernel, path) == (200, whole)
        assert await ask(kernel, path + "?image=busybox") == (200, whole)
        code, status = await ask(kernel, path + "?image=nginx")
        assert (code, status["reason"]) == (404, "NotFound")
        assert status["message"] == 'images "nginx" not found'
        code, status = await ask(kernel, path, token="wrong")
        assert (code, status["reason"]) == (401, "Unauthorized")
        code, status = await ask(kernel, "/plugins/another")
        assert (code, status["kind"]) == (404, "Status")


@pytest.mark.anyio
async def test_its_objects_show_it(tmp_path: Path) -> None:
    async with running(tmp_path, ManualClock(start=NOON)) as kernel:
        await kernel.client.create(pod("p", "busybox", 0))
        for times in (2, 5):
            await restart(kernel, "p", times)
            found = await kernel.client.wait(
                plugin.ImageRestarts,
                plugin.object_name("busybox"),
                partial(counts, times),
            )
        assert found is not None
        assert found.spec.image == "busybox"
        assert found.status == plugin.ImageRestartsStatus(
            total=5, latest_hour="2026-03-01T12Z", in_latest_hour=5, hours={"2026-03-01T12Z": 5}
        )
        path = "/apis/restarts.podkernel.dev/v1/imagerestarts"
        async with kernel.serving(tls=False) as server, aiohttp.ClientSession() as session:
            headers = {
                "Authorization": f"Bearer {server.token}",
                "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io",
            }
            async with session.get(server.url + path, headers=headers) as answer:
                table = await answer.json()
        names = [column["name"] for column in table["columnDefinitions"]]
        cells = dict(zip(names, table["rows"][0]["cells"], strict=True))
        assert cells["Image"] == "busybox"
        assert cells["Latest hour"] == "2026-03-01T12Z"
        assert cells["In that hour"] == 5
        assert cells["In all"] == 5
