"""What `nodes/NAME/proxy` answers: of what a kubelet serves, the part that can be told here."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.apiserver.answers import encode, json_answer, text_answer
from kernel.apiserver.metrics import Metrics, running_containers
from kernel.apiserver.proxying.addresses import ServiceUnavailable
from kernel.apiserver.reads import list_document
from kernel.apiserver.usage_samples import Rate, Window
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.pod import Pod

_SERVED = ("/healthz", "/metrics/cadvisor", "/pods", "/stats/summary")


class NodePaths:
    """Answers for the one node of this kernel; without `metrics` there is none."""

    def __init__(self, api: ObjectApi, metrics: Metrics | None):
        self._api = api
        self._metrics = metrics
        self._by_path: dict[str, Callable[[Metrics], Awaitable[web.Response]]] = {
            "/healthz": self._health,
            "/metrics/cadvisor": self._container_metrics,
            "/pods": self._pods,
            "/stats/summary": self._summary,
        }

    async def answer(self, node_name: str, path: str) -> web.Response:
        """A GET of a path of the node's. Raises `ServiceUnavailable` for nodes that have no agent
        here, and where nothing can be measured."""
        metrics = self._metrics
        if metrics is None or metrics.node_name != node_name:
            raise ServiceUnavailable(
                f'error trying to reach service: node "{node_name}" has no agent in this process'
            )
        make = self._by_path.get(path.rstrip("/") or "/")
        if make is None:
            served = ", ".join(_SERVED)
            return text_answer(f"404 page not found: of a node, {served} are served", status=404)
        return await make(metrics)

    async def _health(self, metrics: Metrics) -> web.Response:
        return text_answer("ok")

    async def _pods(self, metrics: Metrics) -> web.Response:
        page = self._api.list(Pod, field_selector=f"spec.nodeName={metrics.node_name}")
        items = [stored.wire() for stored in page.items]
        return json_answer(list_document("PodList", "v1", page, items))

    async def _summary(self, metrics: Metrics) -> web.Response:
        window = await metrics.window()
        pods = self._running_pods(metrics.node_name)
        return json_answer(msgspec.json.format(encode(summary(metrics.node_name, window, pods))))

    async def _container_metrics(self, metrics: Metrics) -> web.Response:
        window = await metrics.window()
        return text_answer(container_metrics(window, self._running_pods(metrics.node_name)))

    def _running_pods(self, node_name: str) -> list[Pod]:
        page = self._api.list(Pod, field_selector=f"spec.nodeName={node_name}")
        return [pod for pod in (stored.decode() for stored in page.items) if _runs(pod)]


def _runs(pod: Pod) -> bool:
    return bool(running_containers(pod))


def summary(node_name: str, window: Window, pods: Iterable[Pod]) -> dict[str, Any]:
    """The kubelet's Summary, with what is measured: processor time and memory (pure)."""
    node: dict[str, Any] = {"nodeName": node_name}
    machine, later = window.machine(), window.later.machine
    if machine is not None:
        node |= _usage(machine, later.cpu_nanoseconds)
        node["memory"]["availableBytes"] = later.memory_available_bytes
    return {"node": node, "pods": [_pod_stats(pod, window) for pod in pods]}


def _pod_stats(pod: Pod, window: Window) -> dict[str, Any]:
    metadata = pod.metadata
    reference = {"name": metadata.name, "namespace": metadata.namespace, "uid": metadata.uid}
    containers, cpu, memory = [], 0, 0
    for name, container_id in running_containers(pod):
        rate, usage = window.container(container_id), window.later.containers.get(container_id)
        if rate is None or usage is None:
            continue
        cpu, memory = cpu + rate.cpu_nanocores, memory + rate.memory_bytes
        containers.append({"name": name, **_usage(rate, usage.cpu_nanoseconds)})
    time = _time(window.later.machine.measured_at)
    return {
        "podRef": reference,
        "startTime": pod.status.start_time,
        "containers": containers,
        "cpu": {"time": time, "usageNanoCores": cpu},
        "memory": {"time": time, "workingSetBytes": memory},
    }


def _usage(rate: Rate, cpu_nanoseconds: int) -> dict[str, Any]:
    time = _time(rate.measured_at)
    return {
        "cpu": {
            "time": time,
            "usageNanoCores": rate.cpu_nanocores,
            "usageCoreNanoSeconds": cpu_nanoseconds,
        },
        "memory": {"time": time, "workingSetBytes": rate.memory_bytes},
    }


def container_metrics(window: Window, pods: Iterable[Pod]) -> str:
    """What containers use, as Prometheus reads it, under cAdvisor's names (pure)."""
    seconds, memory = [], []
    for pod in pods:
        for name, container_id in running_containers(pod):
            usage = window.later.containers.get(container_id)
            if usage is None:
                continue
            # None of these needs escaping: they are names of objects.
            labels = f'container="{name}",namespace="{pod.metadata.namespace}"'
            labels += f',pod="{pod.metadata.name}"'
            at = usage.measured_at // 1_000_000
            used = usage.cpu_nanoseconds / NANOSECONDS_PER_SECOND
            seconds.append(f"container_cpu_usage_seconds_total{{{labels}}} {used} {at}")
            memory.append(
                f"container_memory_working_set_bytes{{{labels}}} {usage.memory_bytes} {at}"
            )
    lines = (
        "# HELP container_cpu_usage_seconds_total Processor time that a container has used.",
        "# TYPE container_cpu_usage_seconds_total counter",
        *seconds,
        "# HELP container_memory_working_set_bytes Memory that can't be taken away without harm.",
        "# TYPE container_memory_working_set_bytes gauge",
        *memory,
    )
    return "\n".join((*lines, ""))


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_SECOND, UTC)
