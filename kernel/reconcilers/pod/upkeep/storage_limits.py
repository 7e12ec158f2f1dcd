"""How much of the node's disk a Pod may take, and what is said of one that takes more (pure).

https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#local-ephemeral-storage
"""

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from kernel.objects.pod import Container, Pod
from kernel.objects.quantity import format_binary, format_decimal, parse_quantity
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from kernel.reconcilers.pod.decisions.deadline import PodFailure
from kernel.reconcilers.pod.decisions.init_order import is_sidecar

EVICTED = "Evicted"
_RESOURCE = "ephemeral-storage"


class StorageUsage(msgspec.Struct, frozen=True):
    """What a Pod takes of the disk, in bytes: its emptyDirs by the volumes' names, and what its
    containers have written outside of volumes, logs included, by their names."""

    volumes: Mapping[str, int] = {}
    containers: Mapping[str, int] = {}


def has_storage_limits(pod: Pod) -> bool:
    """Whether the Pod's use of the disk has to be looked at."""
    return any(map(_size_limit, pod.spec.volumes)) or _pod_limit(pod) is not None


def storage_excess(pod: Pod, usage: StorageUsage) -> PodFailure | None:
    """Why the Pod has to go, in the kubelet's words and its order; None where it may stay."""
    for volume in pod.spec.volumes:
        limit = _size_limit(volume)
        if limit and usage.volumes.get(volume.name, 0) > parse_quantity(limit):
            return _evicted(
                f'Usage of EmptyDir volume "{volume.name}" exceeds the limit "{limit}". '
            )
    total = sum(usage.containers.values()) + sum(
        usage.volumes.get(volume.name, 0) for volume in pod.spec.volumes if is_on_disk(volume)
    )
    pod_limit = _pod_limit(pod)
    if pod_limit is not None and total > parse_quantity(pod_limit):
        return _evicted(
            f"Pod ephemeral local storage usage exceeds the total limit of containers {pod_limit}. "
        )
    for container in pod.spec.containers:
        limit = _limit(container)
        if limit and usage.containers.get(container.name, 0) > parse_quantity(limit):
            return _evicted(
                f'Container {container.name} exceeded its local ephemeral storage limit "{limit}". '
            )
    return None


def is_on_disk(volume: Volume) -> bool:
    """Whether it is an emptyDir that takes of the node's disk."""
    return volume.empty_dir is not None and volume.empty_dir.medium == ""


def _evicted(message: str) -> PodFailure:
    return PodFailure(EVICTED, message)


def _size_limit(volume: Volume) -> str:
    source = volume.empty_dir or EmptyDirVolumeSource()
    limit = source.size_limit or ""
    return limit if limit and parse_quantity(limit) > 0 else ""


def _limit(container: Container) -> str:
    limit = container.resources.limits.get(_RESOURCE, "")
    return limit if limit and parse_quantity(limit) > 0 else ""


def _pod_limit(pod: Pod) -> str | None:
    """What the containers that have a limit may take together; an init container, alone, no more
    than they. None where no container has a limit."""
    inits = pod.spec.init_containers
    beside = [*pod.spec.containers, *filter(is_sidecar, inits)]
    together = [limit for limit in map(_limit, beside) if limit]
    alone = [limit for limit in map(_limit, inits) if limit]
    if not together and not alone:
        return None
    total = sum(map(parse_quantity, together), Fraction(0))
    largest = max([total, *map(parse_quantity, alone)])
    is_binary = (together or alone)[0].endswith("i")
    return format_binary(largest) if is_binary else format_decimal(largest)
