"""The end of a Pod: one that is being deleted, and what is left of one that is gone."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.control.reconciler import Request, Result
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import CONFIG_HASH, runtime_uid
from kernel.reconcilers.pod.conditions import was_initialized
from kernel.reconcilers.pod.decisions.plan import Plan, Stop
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.interrupt import unless_deleted
from kernel.reconcilers.pod.observe import Observed, observe_pod
from kernel.reconcilers.pod.remains import remains_of
from kernel.reconcilers.pod.removal import forget_pod, grace_from_sandboxes, kill_pod
from kernel.reconcilers.pod.status_writing import write_status
from kernel.reconcilers.pod.stop import stop_containers

logger = logging.getLogger("podkernel.pods")

MIRROR_ABSENCE_SECONDS = 2
FORCED_GRACE_SECONDS = 2

Meanwhile = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


async def terminate_pod(
    host: Host,
    client: Client,
    pod: Pod,
    observed: Observed,
    memory: PodMemory,
    meanwhile: Meanwhile,
) -> None:
    """Stop a Pod that is being deleted, write how it has ended, and remove it and all it has.
    `meanwhile` is for what goes on while it stops."""
    grace = pod.metadata.deletion_grace_period_seconds or 0
    stops = [Stop(container) for container in observed.running()]
    stop = partial(stop_containers, host, pod, stops, memory, grace_seconds=grace, whole_pod=True)
    try:
        await unless_deleted(client, pod, partial(meanwhile, stop))
        for sandbox in observed.sandboxes:
            await host.runtime.stop_sandbox(sandbox.id)
        if observed.sandboxes:
            observed = await observe_pod(host.runtime, host.owner, pod)
            plan = Plan(initialized=was_initialized(pod))
            await write_status(host, client, pod, plan, observed, memory, terminating=True)
        await kill_pod(host, observed, grace_seconds=0)
    except cri.RuntimeFailure as failure:
        message = f"error killing pod: {failure}"
        await host.recorder.event(pod, "Warning", "FailedKillPod", message)
        raise
    await forget_pod(host, pod.metadata.namespace, pod.metadata.name, runtime_uid(pod))
    with suppress(NotFound, Conflict):
        await client.delete(
            Pod,
            pod.metadata.name,
            namespace=pod.metadata.namespace,
            grace_period_seconds=0,
            uid=pod.metadata.uid,
        )


async def remove_pods(
    host: Host,
    request: Request,
    by_uid: Mapping[str, Observed],
    *,
    grace_seconds: float | None = None,
) -> None:
    """End what runs under uids that no Pod has any more. None: with the grace it was given."""
    for uid, observed in by_uid.items():
        own = grace_seconds is None or _is_static(observed)
        seconds = grace_from_sandboxes(observed) if own else grace_seconds
        logger.info("removing what is left of pod %s/%s (%s)", request.namespace, request.name, uid)
        await stop_containers(
            host,
            remains_of(uid, observed),
            [Stop(container) for container in observed.running()],
            PodMemory(uid, host.clock),
            grace_seconds=seconds or 0,
            whole_pod=True,
        )
        await kill_pod(host, observed, grace_seconds=0)
        await forget_pod(host, request.namespace, request.name, uid)


class AbsentPods:
    """Pods that the API has no more. That of a static Pod may only have been deleted by a person,
    and comes back in a moment: it is given that moment."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._absent_since: dict[Request, float] = {}

    def present(self, request: Request) -> None:
        """There is a Pod of that name."""
        self._absent_since.pop(request, None)

    async def remove(self, request: Request, by_uid: Mapping[str, Observed]) -> Result | None:
        """There is none: end what runs of it."""
        if not by_uid:
            self._absent_since.pop(request, None)
            return None
        now = self._host.clock.monotonic_seconds()
        since = self._absent_since.setdefault(request, now)
        if any(map(_is_static, by_uid.values())) and now - since < MIRROR_ABSENCE_SECONDS:
            return Result(requeue_after_seconds=since + MIRROR_ABSENCE_SECONDS - now)
        await remove_pods(self._host, request, by_uid, grace_seconds=FORCED_GRACE_SECONDS)
        self._absent_since.pop(request, None)
        return None


def _is_static(observed: Observed) -> bool:
    return any(CONFIG_HASH in sandbox.annotations for sandbox in observed.sandboxes)
