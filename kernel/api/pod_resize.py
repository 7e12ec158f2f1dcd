"""What the subresource resize may change of a Pod: cpu and memory of containers (pure).

Source of the rules and words: KEP-1287, and ValidatePodResize in core/v1's validation.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.rules.pods import MIRROR
from kernel.objects.container import Container, ResourceRequirements
from kernel.objects.pod import Pod, PodSpec
from kernel.objects.quality_of_service import quality_of_service

RESIZABLE = ("cpu", "memory")

_ONLY_THESE = "only cpu and memory resources are mutable"
_NAMES_STAY = "containers may not be renamed or reordered on resize"


def with_resizes(pod: Any, asked: Any) -> Any:
    """`pod` with the resources of the containers of `asked`, of which nothing else is taken; where
    those are other containers, they are, so that they can be refused."""
    for name in ("containers", "init_containers"):
        own, wanted = getattr(pod.spec, name), getattr(asked.spec, name)
        if [one.name for one in own] != [one.name for one in wanted]:
            setattr(pod.spec, name, wanted)
            continue
        for container, resized in zip(own, wanted, strict=True):
            container.resources = resized.resources
            container.resize_policy = resized.resize_policy
    return pod


def check_resize(new: Pod, old: Pod, causes: Causes) -> None:
    """Nothing but amounts of cpu and memory changes, none is taken away, and the class of the
    Pod's service stays."""
    if MIRROR in old.metadata.annotations:
        causes.forbidden("", "static pods cannot be resized")
        return
    for path, ours, theirs in (
        ("spec.containers", new.spec.containers, old.spec.containers),
        ("spec.initContainers", new.spec.init_containers, old.spec.init_containers),
    ):
        if [one.name for one in ours] != [one.name for one in theirs]:
            causes.forbidden(path, _NAMES_STAY)
            return
        for index, (container, before) in enumerate(zip(ours, theirs, strict=True)):
            _check_container(container, before, f"{path}[{index}].resources", causes)
    if _without_amounts(new.spec) != _without_amounts(old.spec):
        causes.forbidden("spec", _ONLY_THESE)
    service = quality_of_service(new.spec)
    if service != quality_of_service(old.spec):
        words = "Pod QOS Class may not change as a result of resizing"
        causes.invalid("spec", service, words)


def _check_container(new: Container, old: Container, path: str, causes: Causes) -> None:
    is_init = path.startswith("spec.initContainers")
    if is_init and old.restart_policy != "Always":
        if new.resources != old.resources:
            causes.forbidden(path, "resources for non-sidecar init containers are immutable")
        return
    if _is_removed(new.resources.limits, old.resources.limits):
        causes.forbidden(f"{path}.limits", "resource limits cannot be removed")
    if _is_removed(new.resources.requests, old.resources.requests):
        causes.forbidden(f"{path}.requests", "resource requests cannot be removed")


def _is_removed(new: Mapping[str, str], old: Mapping[str, str]) -> bool:
    return any(name in old and name not in new for name in RESIZABLE)


def _without_amounts(spec: PodSpec) -> PodSpec:
    return msgspec.structs.replace(
        spec,
        containers=_bare(spec.containers),
        init_containers=_bare(spec.init_containers),
    )


def _bare(containers: Sequence[Container]) -> list[Container]:
    return [
        msgspec.structs.replace(one, resources=_other_resources(one.resources))
        for one in containers
    ]


def _other_resources(resources: ResourceRequirements) -> ResourceRequirements:
    def others(amounts: Mapping[str, str]) -> dict[str, str]:
        return {name: amount for name, amount in amounts.items() if name not in RESIZABLE}

    return msgspec.structs.replace(
        resources, limits=others(resources.limits), requests=others(resources.requests)
    )
