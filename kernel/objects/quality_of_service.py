"""A Pod's quality-of-service class, from its containers' requests and limits.

https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
"""

from typing import Literal

from kernel.objects.pod import PodSpec
from kernel.objects.quantity import parse_quantity

QualityOfService = Literal["Guaranteed", "Burstable", "BestEffort"]

_COMPUTE = ("cpu", "memory")


def quality_of_service(spec: PodSpec) -> QualityOfService:
    """Guaranteed: every container has cpu and memory limits, and requests equal to them.
    BestEffort: no container asks for either. Burstable: all else."""
    asked = False
    guaranteed = True
    for container in (*spec.init_containers, *spec.containers):
        requests, limits = container.resources.requests, container.resources.limits
        for resource in _COMPUTE:
            request = parse_quantity(requests[resource]) if resource in requests else None
            limit = parse_quantity(limits[resource]) if resource in limits else None
            asked = asked or bool(request) or bool(limit)
            guaranteed = guaranteed and bool(limit) and request in (None, limit)
    if not asked:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
