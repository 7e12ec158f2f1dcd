"""GET of PodMetrics and NodeMetrics, which `kubectl top` shows: measured, not stored.

As with metrics-server, a Pod has no metrics before each of its running containers was measured
twice.
"""

from datetime import UTC, datetime
from typing import cast

from aiohttp import web

from kernel.api.errors import ApiError, NotFound
from kernel.api.object_api import ObjectApi
from kernel.apiserver.answers import encode, json_answer
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.targets import Target
from kernel.apiserver.usage_samples import Rate, UsageSampler, Window
from kernel.clock import NANOSECONDS_PER_SECOND, now_timestamp
from kernel.cri.runtime import RuntimeFailure
from kernel.objects.durations import format_duration
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.metrics import ContainerMetrics, NodeMetrics, PodMetrics
from kernel.objects.node import Node
from kernel.objects.pod import Pod

_BYTES_PER_KIBIBYTE = 1024


class MetricsUnavailable(ApiError):
    """The runtime can't be asked now."""

    reason, code = "ServiceUnavailable", 503


class Metrics:
    """Answers for the kinds of `metrics.k8s.io`, about the Pods of one node and the node."""

    def __init__(self, api: ObjectApi, sampler: UsageSampler, node_name: str):
        self._api = api
        self._sampler = sampler
        self.node_name = node_name

    async def list(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Of all objects that the selectors choose and that were measured."""
        page = self._api.list(
            _measured_kind(target),
            namespace=target.namespace,
            label_selector=parameters.text("labelSelector"),
            field_selector=parameters.text("fieldSelector"),
        )
        objects = [stored.decode() for stored in page.items]
        window = await self.window()
        found = [self._metrics_of(obj, window) for obj in objects]
        return json_answer(
            encode(
                {
                    "kind": f"{target.info.kind}List",
                    "apiVersion": target.info.api_version,
                    "metadata": {},
                    "items": [metrics for metrics in found if metrics is not None],
                }
            )
        )

    async def get(
        self, request: web.BaseRequest, target: Target, parameters: Parameters
    ) -> web.StreamResponse:
        """Of one object. Raises `NotFound` also where it was not measured yet."""
        kind = _measured_kind(target)
        obj = self._api.get(kind, target.one_namespace, target.name).decode()
        metrics = self._metrics_of(obj, await self.window())
        if metrics is None:
            full_name = f"{target.namespace}/{target.name}" if target.namespace else target.name
            raise NotFound(f'{target.info.singular}.{target.info.group} "{full_name}" not found')
        return json_answer(encode(metrics))

    async def window(self) -> Window:
        """What was measured last. Raises `MetricsUnavailable`."""
        try:
            return await self._sampler.window()
        except RuntimeFailure as failure:
            raise MetricsUnavailable(f"nothing can be measured: {failure}") from failure

    def _metrics_of(self, obj: Kind, window: Window) -> Kind | None:
        if isinstance(obj, Pod):
            return self._pod_metrics(obj, window)
        if obj.metadata.name != self.node_name:
            return None
        rate = window.machine()
        if rate is None:
            return None
        return NodeMetrics(
            metadata=self._metadata(obj),
            timestamp=_time(rate.measured_at),
            window=_window_text(rate.window_nanoseconds),
            usage=_usage(rate),
        )

    def _pod_metrics(self, pod: Pod, window: Window) -> PodMetrics | None:
        rates: dict[str, Rate] = {}
        for name, container_id in running_containers(pod):
            if not window.is_measured(container_id):
                continue
            rate = window.container(container_id)
            if rate is None:
                return None
            rates[name] = rate
        if not rates:
            return None
        earliest = min(rates.values(), key=lambda rate: rate.measured_at)
        return PodMetrics(
            metadata=self._metadata(pod),
            timestamp=_time(earliest.measured_at),
            window=_window_text(earliest.window_nanoseconds),
            containers=[
                ContainerMetrics(name=name, usage=_usage(rate)) for name, rate in rates.items()
            ],
        )

    def _metadata(self, obj: Kind) -> ObjectMeta:
        return ObjectMeta(
            name=obj.metadata.name,
            namespace=obj.metadata.namespace,
            creation_timestamp=now_timestamp(self._api.clock),
            labels=obj.metadata.labels,
        )


def _measured_kind(target: Target) -> type[Kind]:
    """What the metrics of a kind are about."""
    return cast(type[Kind], Pod if target.kind is PodMetrics else Node)


def running_containers(pod: Pod) -> list[tuple[str, str]]:
    """The names and ids, as the runtime has them, of the containers that run."""
    status = pod.status
    statuses = (
        *status.init_container_statuses,
        *status.container_statuses,
        *status.ephemeral_container_statuses,
    )
    return [
        (one.name, one.container_id.partition("://")[2])
        for one in statuses
        if one.state.running is not None
    ]


def _usage(rate: Rate) -> dict[str, str]:
    return {
        "cpu": f"{rate.cpu_nanocores}n" if rate.cpu_nanocores else "0",
        "memory": f"{rate.memory_bytes // _BYTES_PER_KIBIBYTE}Ki",
    }


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_SECOND, UTC)


def _window_text(nanoseconds: int) -> str:
    return format_duration(max(nanoseconds / NANOSECONDS_PER_SECOND, 0.001))
