"""Autoscalers, priorities and revisions as rows of `kubectl get`: Kubernetes' columns and words."""

from datetime import datetime
from typing import Any

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.apiserver.rows.pods import NONE
from kernel.objects.autoscaling import (
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricStatus,
    MetricTarget,
    MetricValueStatus,
)
from kernel.objects.controller_revision import ControllerRevision
from kernel.objects.kind import Kind
from kernel.objects.priority_class import PriorityClass

METRICS_MAX = 2
_UNKNOWN = "<unknown>"


def _autoscaler_cells(autoscaler: HorizontalPodAutoscaler, now: datetime) -> list[object]:
    spec, target = autoscaler.spec, autoscaler.spec.scale_target_ref
    return [
        autoscaler.metadata.name,
        f"{target.kind}/{target.name}",
        _metrics_text(spec.metrics, autoscaler.status.current_metrics),
        "<unset>" if spec.min_replicas is None else str(spec.min_replicas),
        spec.max_replicas,
        autoscaler.status.current_replicas,
        age(autoscaler.metadata.creation_timestamp, now),
    ]


def _metrics_text(metrics: list[MetricSpec], states: list[MetricStatus]) -> str:
    """What each of the first metrics is at, and should be at."""
    texts = []
    for index, metric in enumerate(metrics[:METRICS_MAX]):
        texts.append(_metric_text(metric, states[index] if index < len(states) else None))
    more = len(metrics) - METRICS_MAX
    listed = ", ".join(texts)
    return f"{listed} + {more} more..." if more > 0 else listed or NONE


def _metric_text(metric: MetricSpec, state: MetricStatus | None) -> str:
    sources: tuple[tuple[Any, Any], ...] = (
        (metric.resource, state and state.resource),
        (metric.container_resource, state and state.container_resource),
        (metric.object, state and state.object),
        (metric.pods, state and state.pods),
        (metric.external, state and state.external),
    )
    for source, known in sources:
        if source is not None:
            now = known.current if known else MetricValueStatus()
            if metric.type in ("Resource", "ContainerResource"):
                return f"{source.name}: {_resource_text(source.target, now)}"
            return _value_text(metric.type, source.target, now)
    return f"<unknown type> {metric.type}"


def _resource_text(target: MetricTarget, now: MetricValueStatus) -> str:
    if target.average_value is not None:
        return f"{now.average_value or _UNKNOWN}/{target.average_value}"
    present = _UNKNOWN if now.average_utilization is None else f"{now.average_utilization}%"
    wanted = "<auto>" if target.average_utilization is None else f"{target.average_utilization}%"
    return f"{present}/{wanted}"


def _value_text(metric_type: str, target: MetricTarget, now: MetricValueStatus) -> str:
    if target.average_value is None:
        return f"{now.value or _UNKNOWN}/{target.value}"
    text = f"{now.average_value or _UNKNOWN}/{target.average_value}"
    return text if metric_type == "Pods" else f"{text} (avg)"


def _priority_cells(priority_class: PriorityClass, now: datetime) -> list[object]:
    return [
        priority_class.metadata.name,
        priority_class.value,
        priority_class.global_default,
        age(priority_class.metadata.creation_timestamp, now),
        priority_class.preemption_policy or "",
    ]


def _revision_cells(revision: ControllerRevision, now: datetime) -> list[object]:
    metadata = revision.metadata
    owner = next((one for one in metadata.owner_references if one.controller), None)
    name = NONE
    if owner is not None:
        group = owner.api_version.rpartition("/")[0]
        name = f"{owner.kind.lower()}{'.' + group if group else ''}/{owner.name}"
    return [metadata.name, name, revision.revision, age(metadata.creation_timestamp, now)]


ROWS: dict[type[Kind], Rows] = {
    HorizontalPodAutoscaler: Rows(
        columns("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"),
        _autoscaler_cells,
    ),
    PriorityClass: Rows(
        columns("Name", "Value", "Global-Default", "Age", "PreemptionPolicy"), _priority_cells
    ),
    ControllerRevision: Rows(columns("Name", "Controller", "Revision", "Age"), _revision_cells),
}
