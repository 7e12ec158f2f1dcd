"""metrics.k8s.io: rates between two samples, served for reading alone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel.apiserver.metrics import Metrics
from kernel.apiserver.usage_samples import UsageSampler, rate_between
from kernel.clock import ManualClock
from kernel.cri.measuring import ContainerUsage
from kernel.cri.runtime import ContainerConfig, RuntimeFailure, SandboxConfig
from kernel.cri.simulated.runtime import SimulatedContainer, SimulatedRuntime
from kernel.objects.pod import Pod
from tests.apiserver.conftest import Answered, Served, pod, serving

ROOT = "/apis/metrics.k8s.io/v1beta1"
SECOND = 1_000_000_000


def usage(measured_at: int, cpu_nanoseconds: int) -> ContainerUsage:
    return ContainerUsage("id", {}, measured_at, cpu_nanoseconds, memory_bytes=2048)


@pytest.mark.parametrize(
    ("earlier", "later", "nanocores"),
    [
        (usage(0, 0), usage(2 * SECOND, SECOND), SECOND // 2),
        (usage(5 * SECOND, SECOND), usage(6 * SECOND, SECOND), 0),
        (usage(5 * SECOND, SECOND), usage(6 * SECOND, 0), None),
        (usage(SECOND, 0), usage(SECOND, SECOND), None),
    ],
)
def test_a_rate_needs_time_and_a_counter_that_grows(
    earlier: ContainerUsage, later: ContainerUsage, nanocores: int | None
) -> None:
    rate = rate_between(earlier, later)
    assert (rate.cpu_nanocores if rate else None) == nanocores


class Measured:
    """A server with simulated containers behind it."""

    def __init__(self, directory: Path):
        self.clock = ManualClock()
        self.runtime = SimulatedRuntime(self.clock)
        self.directory = directory
        self.served: Served

    async def run_pod(self, name: str, script: SimulatedContainer, **metadata: Any) -> None:
        """A Pod with the container `c`, which runs."""
        runtime = self.runtime
        sandbox = SandboxConfig(name, "default", name, 0, log_directory=str(self.directory))
        sandbox_id = await runtime.run_sandbox(sandbox)
        image = f"{name}:1"
        runtime.script(image, script)
        await runtime.pull_image(image)
        container = ContainerConfig("c", 0, image)
        container_id = await runtime.create_container(sandbox_id, container, sandbox)
        await runtime.start_container(container_id)
        await self.served.post("/api/v1/namespaces/default/pods", pod(name, **metadata))
        status: dict[str, Any] = {
            "name": "c",
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
        status |= {"ready": True, "restartCount": 0, "image": image, "imageID": image}
        status |= {"containerID": f"simulated://{container_id}"}
        await self.served.ask(
            "PATCH",
            f"/api/v1/namespaces/default/pods/{name}/status",
            {"status": {"containerStatuses": [status]}},
            Content_Type="application/merge-patch+json",
        )

    async def get(self, path: str) -> Answered:
        """The answer, with the second in which it samples gone by."""
        answers: list[Answered] = []

        async def ask() -> None:
            answers.append(await self.served.get(f"{ROOT}{path}"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            with anyio.fail_after(10):
                while not answers:
                    if self.clock.seconds_to_next_sleeper is not None:
                        await self.clock.advance(1)
                    await anyio.sleep(0.001)
        return answers[0]

    async def names(self, path: str) -> list[str]:
        return [item["metadata"]["name"] for item in (await self.get(path)).json["items"]]


@pytest.fixture
async def measured(tmp_path: Path) -> AsyncIterator[Measured]:
    measured = Measured(tmp_path)
    sampler = UsageSampler(measured.runtime, measured.clock)
    async with serving(
        tmp_path,
        clock=measured.clock,
        metrics_of=lambda api: Metrics(api, sampler, "node1"),
    ) as measured.served:
        yield measured


pytestmark = pytest.mark.anyio


async def test_what_a_pod_uses(measured: Measured) -> None:
    busy = SimulatedContainer(cpu_cores=0.25, memory_bytes=3 << 20)
    await measured.run_pod("web", busy, labels={"app": "shop"})
    await measured.run_pod("idle", SimulatedContainer())
    metrics = (await measured.get("/namespaces/default/pods/web")).json
    assert metrics["kind"] == "PodMetrics"
    assert metrics["metadata"]["labels"] == {"app": "shop"}
    assert metrics["window"] == "1s"
    assert metrics["timestamp"] == "2026-01-01T00:00:01Z"
    (container,) = metrics["containers"]
    assert container == {"name": "c", "usage": {"cpu": "250000000n", "memory": "3072Ki"}}
    listed = (await measured.get("/pods")).json
    assert (listed["kind"], listed["apiVersion"]) == ("PodMetricsList", "metrics.k8s.io/v1beta1")
    assert await measured.names("/pods?labelSelector=app%3Dshop") == ["web"]
    assert await measured.names("/namespaces/default/pods") == ["idle", "web"]
    assert await measured.names("/namespaces/other/pods") == []


async def test_a_pod_has_no_metrics_before_it_was_seen_twice(measured: Measured) -> None:
    await measured.run_pod("old", SimulatedContainer())
    assert await measured.names("/pods") == ["old"]
    await measured.run_pod("new", SimulatedContainer())
    await measured.clock.advance(16)
    assert await measured.names("/pods") == ["old"]
    missing = await measured.get("/namespaces/default/pods/new")
    assert missing.status == 404
    assert missing.json["message"] == 'podmetrics.metrics.k8s.io "default/new" not found'
    await measured.clock.advance(16)
    assert await measured.names("/pods") == ["new", "old"]
    window = (await measured.get("/namespaces/default/pods/new")).json["window"]
    assert window == "16s"


async def test_nothing_is_measured_while_nobody_asks(measured: Measured) -> None:
    await measured.run_pod("web", SimulatedContainer(cpu_cores=1))
    await measured.get("/pods")
    assert measured.clock.seconds_to_next_sleeper is None
    await measured.clock.advance(3600)
    metrics = (await measured.get("/namespaces/default/pods/web")).json
    assert metrics["window"] == "1s", "an hour ago says nothing of now"


async def test_what_the_node_uses(measured: Measured) -> None:
    for name in ("node1", "elsewhere"):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await measured.served.post("/api/v1/nodes", node)
    (item,) = (await measured.get("/nodes")).json["items"]
    assert item["metadata"]["name"] == "node1"
    assert item["usage"]["memory"].endswith("Ki")
    missing = await measured.get("/nodes/elsewhere")
    assert missing.json["message"] == 'nodemetrics.metrics.k8s.io "elsewhere" not found'


async def test_a_runtime_that_is_away_is_said(measured: Measured) -> None:
    measured.runtime.fail("usage", RuntimeFailure("gone"))
    answer = await measured.get("/pods")
    assert (answer.status, answer.json["reason"]) == (503, "ServiceUnavailable")
    assert answer.json["message"] == "nothing can be measured: gone"


async def test_metrics_are_discovered_and_can_only_be_read(measured: Measured) -> None:
    groups = (await measured.served.get("/apis")).json["groups"]
    assert "metrics.k8s.io" in {group["name"] for group in groups}
    resources = (await measured.served.get(ROOT)).json["resources"]
    assert [(one["name"], one["kind"], one["verbs"]) for one in resources] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
    for method in ("POST", "DELETE"):
        answer = await measured.served.ask(method, f"{ROOT}/namespaces/default/pods", {})
        assert answer.status == 405
    assert (await measured.served.get(f"{ROOT}/nodes/node1/status")).status == 404
    assert measured.served.api.list(Pod).items == []


async def test_without_a_node_there_are_no_metrics(served: Served) -> None:
    assert (await served.get(ROOT)).status == 404
    assert (await served.get(f"{ROOT}/pods")).status == 404
