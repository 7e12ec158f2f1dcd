"""Which containers are to get other amounts of cpu and memory than they have (pure).

A container has the amounts that it was started with, which one of its annotations tells, until
others are set; then its status tells them. Source of the rules: KEP-1287.
"""

from collections.abc import Mapping, Sequence

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.container import ResourceRequirements
from kernel.objects.pod import Container, Pod
from kernel.objects.pod_status import PodCondition
from kernel.objects.quantity import parse_quantity, to_integer, to_milli
from kernel.reconcilers.pod.conditions import IN_PROGRESS, PENDING
from kernel.reconcilers.pod.observe import Observed

STARTED_WITH = "podkernel.dev/resources"
"""The annotation of a container that has the amounts that it was started with, as JSON."""

_RESIZABLE = ("cpu", "memory")

Amounts = Mapping[str, ResourceRequirements]


class Resize(msgspec.Struct, frozen=True):
    """A running container that is to get the amounts of its definition."""

    container: cri.Container
    definition: Container


class Resizing(msgspec.Struct, frozen=True):
    """What is to be done: `resizes` in place, and `restarts` of those that have to be started anew
    for it. `infeasible` is why nothing is."""

    resizes: tuple[Resize, ...] = ()
    restarts: tuple[cri.Container, ...] = ()
    infeasible: str = ""


def resizing(
    pod: Pod, observed: Observed, capacity: Mapping[str, str], resized: Amounts
) -> Resizing:
    """What the present amounts of a Pod's definition ask for. `capacity` is the node's; `resized`
    are the amounts, by container id, that were set since the status was written."""
    resizes: list[Resize] = []
    restarts: list[cri.Container] = []
    for definition in resizable(pod):
        latest = observed.latest(definition.name)
        if latest is None or latest.state is not cri.ContainerState.RUNNING:
            continue
        changed = changed_resources(pod, definition, latest, resized)
        if changed & restarting_resources(definition):
            restarts.append(latest)
        elif changed:
            resizes.append(Resize(latest, definition))
    if not resizes and not restarts:
        return Resizing()
    infeasible = _infeasible(resizable(pod), capacity)
    if infeasible:
        return Resizing(infeasible=infeasible)
    return Resizing(tuple(resizes), tuple(restarts))


def resizable(pod: Pod) -> Sequence[Container]:
    """The containers that can be resized: all that run as long as the Pod does."""
    sidecars = [one for one in pod.spec.init_containers if one.restart_policy == "Always"]
    return (*sidecars, *pod.spec.containers)


def restarting_resources(definition: Container) -> set[str]:
    """The resources of which another amount needs a restart."""
    return {
        policy.resource_name
        for policy in definition.resize_policy
        if policy.restart_policy == "RestartContainer"
    }


def changed_resources(
    pod: Pod, definition: Container, container: cri.Container, resized: Amounts
) -> set[str]:
    """The resources of which a container has other amounts than its definition."""
    present = present_resources(pod, container, resized)
    if present is None:
        return set()
    wanted = definition.resources
    return {
        name
        for name in _RESIZABLE
        if _differs(present.requests.get(name), wanted.requests.get(name))
        or _differs(present.limits.get(name), wanted.limits.get(name))
    }


def _differs(present: str | None, wanted: str | None) -> bool:
    if present is None or wanted is None:
        return present != wanted
    return parse_quantity(present) != parse_quantity(wanted)


def present_resources(
    pod: Pod, container: cri.Container, resized: Amounts
) -> ResourceRequirements | None:
    """The amounts that a container has; None where nobody knows."""
    if container.id in resized:
        return resized[container.id]
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    for status in statuses:
        if status.resources is not None and status.container_id.endswith(f"//{container.id}"):
            return status.resources
    started_with = container.annotations.get(STARTED_WITH)
    if started_with is None:
        return None
    return msgspec.json.decode(started_with, type=ResourceRequirements)


def _infeasible(containers: Sequence[Container], capacity: Mapping[str, str]) -> str:
    """Why the node could not have all that is asked for, even with nothing else on it."""
    for name in _RESIZABLE:
        amount = to_milli if name == "cpu" else to_integer
        requests = [one.resources.requests.get(name, "0") for one in containers]
        wanted, available = sum(map(amount, requests)), capacity.get(name)
        if available is not None and wanted > amount(available):
            return (
                f"Node didn't have enough capacity: {name}, requested: {wanted},"
                f" capacity: {amount(available)}"
            )
    return ""


def resize_conditions(decision: Resizing, failure: str) -> list[PodCondition]:
    """What a Pod's conditions say of it; `failure` is why the last attempt came to nothing."""
    if decision.infeasible:
        return [
            PodCondition(
                type=PENDING, status="True", reason="Infeasible", message=decision.infeasible
            )
        ]
    if not decision.resizes and not decision.restarts:
        return []
    reason = "Error" if failure else ""
    return [PodCondition(type=IN_PROGRESS, status="True", reason=reason, message=failure)]
