"""The node agent's shell: observe, decide, act, and write the status. All decisions are elsewhere.

Nothing that matters is kept in memory: each reconcile sets out from what the runtime shows, so
that the agent can be killed at any step and goes on from there.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from kernel.api.client import Client
from kernel.api.context import acting, current_actor, current_cause
from kernel.api.errors import NotFound
from kernel.clock import Clock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler, Request, Result, RetryAfter
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.node_limits import NODE_LIMITS, NodeLimits
from kernel.reconcilers.pod.bringing_on import BringingOn
from kernel.reconcilers.pod.conditions import was_initialized
from kernel.reconcilers.pod.configuration.references import Referrers, may_wait
from kernel.reconcilers.pod.configuration.used_objects import restarts_on_change
from kernel.reconcilers.pod.decisions.plan import Plan
from kernel.reconcilers.pod.ending import AbsentPods, remove_pods, terminate_pod
from kernel.reconcilers.pod.event_writing import EventWriting
from kernel.reconcilers.pod.host import ApiAccess, EventRecorder, Host, PodMemory
from kernel.reconcilers.pod.images.pulls import ImagePulls
from kernel.reconcilers.pod.interrupt import Interrupted
from kernel.reconcilers.pod.observe import Observed, is_mirror, observe_by_uid, observe_pod
from kernel.reconcilers.pod.probes.following import Probes
from kernel.reconcilers.pod.runtime_events import RuntimeEvents
from kernel.reconcilers.pod.status_writing import write_status
from kernel.reconcilers.pod.upkeep.log_rotation import LogRotation
from kernel.reconcilers.pod.upkeep.orphans import OrphanSweep
from kernel.reconcilers.pod.volumes.discarding import Discarding
from kernel.reconcilers.pod.volumes.live_updates import LiveUpdates

FAILED_SYNC = "FailedSync"
RUNTIME_RETRY_SECONDS = 2


class NodeAgent:
    """Runs the Pods that are bound to one node.

    `owner` tells this kernel's sandboxes from others' in the same runtime (the node's name where
    it is empty); it has to be the same after each start. `logs_directory` and `pods_directory` are
    absolute paths; `host_addresses` are the node's own and `capacity` is what it has, as
    quantities by resource name. `informers` are those of the manager that runs the reconciler.
    `api_access` leads Pods to the API server. Of `limits`, those for logs and pulls are the
    agent's.
    """

    def __init__(
        self,
        *,
        node_name: str,
        runtime: cri.Runtime,
        clock: Clock,
        recorder: EventRecorder,
        pods_directory: Path,
        logs_directory: Path,
        host_addresses: Sequence[str],
        owner: str = "",
        capacity: Mapping[str, str] | None = None,
        informers: Informers,
        api_access: ApiAccess,
        limits: NodeLimits = NODE_LIMITS,
        concurrency: int = 128,
    ):
        self._event_writing = EventWriting(recorder)
        self._host = Host(
            node_name=node_name,
            owner=owner or node_name,
            runtime=runtime,
            clock=clock,
            recorder=self._event_writing,
            pods_directory=pods_directory,
            logs_directory=logs_directory,
            addresses=tuple(host_addresses),
            capacity=capacity or {},
            pulls=ImagePulls(runtime, clock, pulls_max=limits.parallel_image_pulls_max),
            discarding=Discarding(),
            api_access=api_access,
        )
        self._runtime_events = RuntimeEvents(self._host)
        self._log_rotation = LogRotation(
            self._host,
            bytes_max=limits.container_log_bytes_max,
            files_max=limits.container_log_files_max,
            check_seconds=limits.container_log_check_seconds,
        )
        self._orphan_sweep = OrphanSweep(self._host, informers.of(Pod))
        self._probes = Probes(self._host)
        self._referrers = Referrers(informers.of(Pod), node_name)
        self._sources = (self._runtime_events, self._probes)
        self._concurrency = concurrency
        self._memories: dict[Request, PodMemory] = {}
        self._absent = AbsentPods(self._host)

    def reconcilers(self) -> list[Reconciler]:
        """The agent as reconcilers of Pods: one that runs them, one for the files of volumes."""
        updates = LiveUpdates(self._host, self._memories, self._referrers)
        return [self._pod_reconciler(), updates.reconciler()]

    def _pod_reconciler(self) -> Reconciler:
        return Reconciler(
            name="node-agent",
            kind=Pod,
            reconcile=self.reconcile,
            when=self._is_ours,
            watches=self._referrers.watches(self._acts_on_configuration),
            sources=(
                self._event_writing.source,
                self._host.discarding.source,
                *(source.source for source in self._sources),
                self._log_rotation.source,
                self._orphan_sweep.source,
            ),
            concurrency=self._concurrency,
        )

    async def reconcile(self, request: Request, client: Client) -> Result | None:
        """Bring one Pod on. Raises `RetryAfter` where the runtime can't be worked with."""
        observations = ", ".join(
            filter(None, (source.take_observations(request) for source in self._sources))
        )
        actor = f"{current_actor()} ({observations})" if observations else current_actor()
        try:
            with acting(actor, cause=current_cause()):
                return await self._reconcile(request, client)
        except Interrupted:
            return None
        except cri.RuntimeFailure as failure:
            raise RetryAfter(RUNTIME_RETRY_SECONDS, f"runtime: {failure}") from failure

    async def _reconcile(self, request: Request, client: Client) -> Result | None:
        pod: Pod | None = None
        with suppress(NotFound):
            pod = await client.get(Pod, request.name, namespace=request.namespace)
        try:
            by_uid = await observe_by_uid(
                self._host.runtime, self._host.owner, request.namespace, request.name
            )
        except cri.RuntimeUnavailable:
            raise  # the node is not ready then, and says why: not each of its Pods
        except cri.RuntimeFailure as failure:
            if pod is not None and self._is_ours(pod):
                message = f"error determining status: {failure}"
                await self._host.recorder.event(pod, "Warning", FAILED_SYNC, message)
            raise
        if pod is None or not self._is_ours(pod):
            self._memories.pop(request, None)
            result = await self._absent.remove(request, by_uid)
            if result is None:  # else it may come back, with what is known of its containers
                self._probes.forget(request)
            return result
        self._absent.present(request)
        uid = runtime_uid(pod)
        observed = by_uid.pop(uid, Observed())
        # A Pod of the same name that was here before this one has to go first.
        await remove_pods(self._host, request, by_uid)
        memory = self._memory_of(request, uid)
        if pod.metadata.deletion_timestamp is not None and not is_mirror(pod):
            await self._terminate(client, pod, observed, memory)
            return None
        bringing_on = BringingOn(self._host, client, pod, memory, self._probes)
        return await bringing_on.run(observed)

    def _memory_of(self, request: Request, uid: str) -> PodMemory:
        memory = self._memories.get(request)
        if memory is None or memory.uid != uid:
            memory = self._memories[request] = PodMemory(uid, self._host.clock)
        return memory

    def _acts_on_configuration(self, pod: Pod) -> bool:
        return restarts_on_change(pod) or may_wait(pod)

    def _is_ours(self, pod: Pod) -> bool:
        return pod.spec.node_name == self._host.node_name

    # A Pod that is being deleted

    async def _terminate(
        self, client: Client, pod: Pod, observed: Observed, memory: PodMemory
    ) -> None:
        plan = Plan(initialized=was_initialized(pod))

        async def tell() -> bool:
            observed = await observe_pod(self._host.runtime, self._host.owner, pod)
            observed = self._probes.follow(pod, observed, terminating=True)
            return await write_status(
                self._host, client, pod, plan, observed, memory, terminating=True
            )

        observed = self._probes.follow(pod, observed, terminating=True)

        async def meanwhile(stop: Callable[[], Awaitable[None]]) -> None:
            await self._probes.telling(pod, tell, stop)
            self._probes.forget(Request(pod.metadata.name, pod.metadata.namespace))

        await terminate_pod(self._host, client, pod, observed, memory, meanwhile)
