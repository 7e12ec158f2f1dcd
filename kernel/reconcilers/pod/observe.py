"""What the runtime shows of one Pod, found again by the labels that the agent gave it."""

from collections.abc import Mapping, Sequence
from functools import partial

import anyio
import msgspec

from kernel.background import side_by_side
from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.objects.runtime_identity import CONFIG_HASH, POD_UID, runtime_uid
from kernel.reconcilers.pod.probes.results import NO_RESULTS, Results

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
CONTAINER_NAME = "io.kubernetes.container.name"
OWNER = "podkernel.dev/owner"
"""Whose Pods they are: a runtime may serve several kernels, or a kubelet, side by side."""


def is_mirror(pod: Pod) -> bool:
    """Whether this is the API's picture of a static Pod."""
    return CONFIG_HASH in pod.metadata.annotations


def pod_in_words(pod: Pod) -> str:
    """`web_default(<uid>)`, as the kubelet names a Pod in messages."""
    return f"{pod.metadata.name}_{pod.metadata.namespace}({runtime_uid(pod)})"


def pod_labels(owner: str, namespace: str, name: str) -> Mapping[str, str]:
    """The labels that find everything of the Pods that have, or had, this name."""
    return {POD_NAME: name, POD_NAMESPACE: namespace, OWNER: owner}


def field_path(pod: Pod, container_name: str) -> str:
    """`spec.containers{web}`: the part of the Pod that an Event about a container is about."""
    lists: dict[str, Sequence[Container]] = {
        "initContainers": pod.spec.init_containers,
        "ephemeralContainers": pod.spec.ephemeral_containers,
    }
    for name, containers in lists.items():
        if any(container.name == container_name for container in containers):
            return f"spec.{name}{{{container_name}}}"
    return f"spec.containers{{{container_name}}}"


class Observed(msgspec.Struct, frozen=True):
    """The sandboxes and containers of one uid, newest first, and what probes of them found out.
    `in_post_start` are the ids of those whose postStart hook has not come to its end."""

    sandboxes: tuple[cri.Sandbox, ...] = ()
    containers: tuple[cri.Container, ...] = ()
    probe_results: Results = NO_RESULTS
    in_post_start: frozenset[str] = frozenset()

    @property
    def sandbox(self) -> cri.Sandbox | None:
        """The newest sandbox, if it is ready."""
        newest = self.sandboxes[0] if self.sandboxes else None
        return newest if newest and newest.state is cri.SandboxState.READY else None

    def attempts(self, container_name: str) -> list[cri.Container]:
        """All attempts of a container, newest first."""
        return [container for container in self.containers if container.name == container_name]

    def latest(self, container_name: str) -> cri.Container | None:
        """The newest attempt of a container."""
        return next(iter(self.attempts(container_name)), None)

    def in_sandbox(self) -> "Observed":
        """The same without what belongs to sandboxes that are dead or replaced."""
        sandbox = self.sandbox
        if sandbox is None:
            return Observed()
        containers = tuple(c for c in self.containers if c.sandbox_id == sandbox.id)
        return Observed((sandbox,), containers, self.probe_results)

    def running(self) -> list[cri.Container]:
        """The containers that run."""
        return [c for c in self.containers if c.state is cri.ContainerState.RUNNING]


def observed(sandboxes: list[cri.Sandbox], containers: list[cri.Container]) -> Observed:
    """Put what belongs to one uid in order."""
    attempt_of_sandbox = {sandbox.id: sandbox.attempt for sandbox in sandboxes}

    def age(container: cri.Container) -> tuple[int, int, int]:
        sandbox_attempt = attempt_of_sandbox.get(container.sandbox_id, -1)
        return container.attempt, sandbox_attempt, container.created_at

    return Observed(
        sandboxes=tuple(sorted(sandboxes, key=lambda s: (s.attempt, s.created_at), reverse=True)),
        containers=tuple(sorted(containers, key=age, reverse=True)),
    )


async def observe_by_uid(
    runtime: cri.Runtime, owner: str, namespace: str, name: str
) -> dict[str, Observed]:
    """Everything in the runtime that carries a Pod's name, by uid."""
    labels = pod_labels(owner, namespace, name)
    found_sandboxes, found_containers = await side_by_side(
        partial(runtime.sandboxes, labels=labels), partial(runtime.containers, labels=labels)
    )
    sandboxes: dict[str, list[cri.Sandbox]] = {}
    for sandbox in found_sandboxes:
        sandboxes.setdefault(sandbox.uid, []).append(sandbox)
    containers: dict[str, list[cri.Container]] = {}
    for container in found_containers:
        containers.setdefault(container.labels.get(POD_UID, ""), []).append(container)
    return {uid: observed(found, containers.get(uid, [])) for uid, found in sandboxes.items()}


async def observe_pod(runtime: cri.Runtime, owner: str, pod: Pod) -> Observed:
    """Everything in the runtime that is of this Pod."""
    metadata = pod.metadata
    by_uid = await observe_by_uid(runtime, owner, metadata.namespace, metadata.name)
    return by_uid.get(runtime_uid(pod), Observed())


async def observe_first_sandbox(runtime: cri.Runtime, sandbox_id: str) -> Observed:
    """All of a Pod that had nothing in the runtime until its sandbox was made just now."""
    return observed([await runtime.sandbox_status(sandbox_id)], [])


async def observe_started(
    runtime: cri.Runtime, before: Observed, container_ids: Sequence[str]
) -> Observed:
    """What there is now that containers have been started, and nothing else has been done. Raises
    `NotFound` where one of them is gone already."""
    started: list[cri.Container] = []
    failures: list[cri.RuntimeFailure] = []

    async def look(container_id: str) -> None:
        try:
            started.append(await runtime.container_status(container_id))
        except cri.RuntimeFailure as failure:
            failures.append(failure)

    async with anyio.create_task_group() as tasks:
        for container_id in container_ids:
            tasks.start_soon(look, container_id)
    if failures:
        raise failures[0]
    others = [one for one in before.containers if one.id not in container_ids]
    return observed(list(before.sandboxes), [*others, *started])
