"""How the fields of a kind differ between its versions, for plain documents and parts of them.

Each pair of functions changes a document in place: from the other version to the present one, and
back. They also take patches, which name some of the fields alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Document = dict[str, Any]

EVENT_FIELDS: Mapping[str, str] = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""What events.k8s.io/v1 calls the fields of an Event, and what core/v1 does."""


def event_to_core(event: Document) -> None:
    """From events.k8s.io/v1 to core/v1."""
    _rename(event, EVENT_FIELDS)


def event_from_core(event: Document) -> None:
    """From core/v1 to events.k8s.io/v1."""
    _rename(event, {core: ours for ours, core in EVENT_FIELDS.items()})


def autoscaler_from_v1(autoscaler: Document) -> None:
    """From autoscaling/v1, which knows one metric, to v2."""
    spec = _part(autoscaler, "spec")
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        spec["metrics"] = [metric]
    _part(autoscaler, "status").pop("currentCPUUtilizationPercentage", None)


def autoscaler_to_v1(autoscaler: Document) -> None:
    """From autoscaling/v2 to v1, which has no room for other metrics than cpu's utilization."""
    spec, status = _part(autoscaler, "spec"), _part(autoscaler, "status")
    spec.pop("behavior", None)
    status.pop("conditions", None)
    for metric in spec.pop("metrics", None) or ():
        wanted = _cpu(metric).get("target", {}).get("averageUtilization")
        if wanted is not None:
            spec["targetCPUUtilizationPercentage"] = wanted
    for metric in status.pop("currentMetrics", None) or ():
        present = _cpu(metric).get("current", {}).get("averageUtilization")
        if present is not None:
            status["currentCPUUtilizationPercentage"] = present
    if "status" in autoscaler:
        status.setdefault("currentReplicas", 0)


def _cpu(metric: Document) -> Document:
    resource: Document = metric.get("resource") or {}
    return resource if resource.get("name") == "cpu" else {}


def ingress_from_beta(ingress: Document) -> None:
    """From v1beta1 of networking.k8s.io and extensions to v1."""
    spec = _part(ingress, "spec")
    _rename(spec, {"backend": "defaultBackend"})
    for backend in _backends(spec):
        if "serviceName" in backend or "servicePort" in backend:
            port = backend.pop("servicePort", None)
            backend["service"] = {
                "name": backend.pop("serviceName", ""),
                "port": {"number" if isinstance(port, int) else "name": port or 0},
            }
    for path in _paths(spec):
        path.setdefault("pathType", "ImplementationSpecific")


def ingress_to_beta(ingress: Document) -> None:
    """From v1 to v1beta1."""
    spec = _part(ingress, "spec")
    for backend in _backends(spec):
        service = backend.pop("service", None)
        if isinstance(service, dict):
            port = service.get("port") or {}
            backend["serviceName"] = service.get("name", "")
            backend["servicePort"] = port.get("number") or port.get("name", 0)
    _rename(spec, {"defaultBackend": "backend"})


def _backends(spec: Document) -> Iterator[Document]:
    for holder in (spec, *_paths(spec)):
        backend = holder.get("defaultBackend" if holder is spec else "backend")
        if isinstance(backend, dict):
            yield backend


def _paths(spec: Document) -> Iterator[Document]:
    rules = spec.get("rules")
    for rule in rules if isinstance(rules, list) else ():
        http = rule.get("http") if isinstance(rule, dict) else None
        paths = http.get("paths") if isinstance(http, dict) else None
        for path in paths if isinstance(paths, list) else ():
            if isinstance(path, dict):
                yield path


def slice_from_beta(endpoint_slice: Document) -> None:
    """From discovery.k8s.io/v1beta1 to v1."""
    for endpoint in _endpoints(endpoint_slice):
        _rename(endpoint, {"topology": "deprecatedTopology"})


def slice_to_beta(endpoint_slice: Document) -> None:
    """From discovery.k8s.io/v1 to v1beta1."""
    for endpoint in _endpoints(endpoint_slice):
        _rename(endpoint, {"deprecatedTopology": "topology"})


def _endpoints(endpoint_slice: Document) -> Iterator[Document]:
    endpoints = endpoint_slice.get("endpoints")
    for endpoint in endpoints if isinstance(endpoints, list) else ():
        if isinstance(endpoint, dict):
            yield endpoint


def select_template(document: Document) -> None:
    """From versions of workloads in which an object without a selector selects the labels of its
    template."""
    spec = _part(document, "spec")
    template = _part(spec, "template")
    labels = _part(template, "metadata").get("labels")
    if labels and spec.get("selector") is None:
        spec["selector"] = {"matchLabels": labels}


def _part(document: Document, name: str) -> Document:
    """A part of a document; where it has none, an empty one of no consequence."""
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _rename(document: Document, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        if old in document:
            document[new] = document.pop(old)
