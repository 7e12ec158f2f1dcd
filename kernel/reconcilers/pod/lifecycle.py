"""The node agent's shell: observe, decide, act, and write the status. All decisions are elsewhere.

Nothing that matters is kept in memory: each reconcile sets out from what the runtime shows, so
that the agent can be killed at any step and goes on from there.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio

from kernel.api.client import Client
from kernel.api.context import acting, current_actor, current_cause
from kernel.api.errors import Conflict, NotFound
from kernel.clock import NANOSECONDS_PER_SECOND, Clock
from kernel.control.reconciler import Reconciler, Request, Result, RetryAfter
from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.host import EventRecorder, Host, PodMemory
from kernel.reconcilers.pod.interrupt import Interrupted, unless_deleted
from kernel.reconcilers.pod.leftovers import remove_leftovers
from kernel.reconcilers.pod.observe import (
    CONFIG_HASH,
    Observed,
    field_path,
    is_mirror,
    observe_by_uid,
    runtime_uid,
)
from kernel.reconcilers.pod.plan import Plan, plan_pod
from kernel.reconcilers.pod.runtime_events import RuntimeEvents
from kernel.reconcilers.pod.start import ContainerStart, SandboxPlace, read_sources
from kernel.reconcilers.pod.status import Facts, pod_in_words, pod_status, was_initialized
from kernel.reconcilers.pod.stop import forget_pod, grace_from_sandboxes, kill_pod, stop_containers
from kernel.reconcilers.pod.termination import termination_message
from kernel.reconcilers.pod.translate import sandbox_config
from kernel.reconcilers.pod.unsupported import REASON as UNSUPPORTED, unsupported
from kernel.reconcilers.pod.volumes import MountFailure, prepare_volumes

logger = logging.getLogger("podkernel.pods")

MIRROR_ABSENCE_SECONDS = 2
FORCED_GRACE_SECONDS = 2
RUNTIME_RETRY_SECONDS = 2
# A Pod needs three steps (sandbox, containers, look); more come up only if things change
# meanwhile, and then the next reconcile goes on.
STEPS_MAX = 8


class NodeAgent:
    """Runs the Pods that are bound to one node.

    `owner` tells this kernel's sandboxes from others' in the same runtime (the node's name where
    it is empty); it has to be the same after each start. `logs_directory` and `pods_directory` are
    absolute paths; `host_addresses` are the node's own and `capacity` is what it has, as
    quantities by resource name.
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
        concurrency: int = 128,
    ):
        self._host = Host(
            node_name=node_name,
            owner=owner or node_name,
            runtime=runtime,
            clock=clock,
            recorder=recorder,
            pods_directory=pods_directory,
            logs_directory=logs_directory,
            addresses=tuple(host_addresses),
            capacity=capacity or {},
        )
        self._runtime_events = RuntimeEvents(self._host)
        self._concurrency = concurrency
        self._memories: dict[Request, PodMemory] = {}
        self._absent_since: dict[Request, float] = {}

    def reconciler(self) -> Reconciler:
        """The agent as a reconciler of Pods."""
        return Reconciler(
            name="node-agent",
            kind=Pod,
            reconcile=self.reconcile,
            when=self._is_ours,
            sources=(self._runtime_events.source,),
            concurrency=self._concurrency,
        )

    async def reconcile(self, request: Request, client: Client) -> Result | None:
        """Bring one Pod on. Raises `RetryAfter` where the runtime can't be worked with."""
        observations = self._runtime_events.take_observations(request)
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
        by_uid = await self._observe_by_uid(request.namespace, request.name)
        if pod is None or not self._is_ours(pod):
            return await self._remove_absent(request, by_uid)
        self._absent_since.pop(request, None)
        uid = runtime_uid(pod)
        observed = by_uid.pop(uid, Observed())
        # A Pod of the same name that was here before this one has to go first.
        await self._remove(request, by_uid, grace_seconds=None)
        memory = self._memory_of(request, uid)
        if pod.metadata.deletion_timestamp is not None and not is_mirror(pod):
            return await self._terminate(client, pod, observed, memory)
        return await self._bring_on(client, pod, observed, memory)

    def _memory_of(self, request: Request, uid: str) -> PodMemory:
        memory = self._memories.get(request)
        if memory is None or memory.uid != uid:
            memory = self._memories[request] = PodMemory(uid, self._host.clock)
        return memory

    def _is_ours(self, pod: Pod) -> bool:
        return pod.spec.node_name == self._host.node_name

    def _now(self) -> int:
        return self._host.clock.now_nanoseconds()

    # A Pod that shall run

    async def _bring_on(
        self, client: Client, pod: Pod, observed: Observed, memory: PodMemory
    ) -> Result | None:
        """Write what is, do what is next until nothing is, and write what has come of it."""
        plan = plan_pod(pod, observed, self._now())
        if not await self._write_status(client, pod, plan, observed, memory):
            return None
        for _ in range(STEPS_MAX):
            # Before what may take long, such as a pull; and while the sandbox has the addresses.
            tells = plan.starts or (plan.finished and observed.sandbox is not None)
            if tells and not await self._write_status(client, pod, plan, observed, memory):
                return None
            if not await self._act(client, pod, plan, observed, memory):
                break
            observed = await self._observe(pod)
            plan = plan_pod(pod, observed, self._now())
            # A failure is shown before what comes of it: ErrImagePull, then ImagePullBackOff.
            if memory.waiting and not await self._write_status(client, pod, plan, observed, memory):
                return None
        await self._say_back_offs(pod, plan, observed, memory)
        if not await self._write_status(client, pod, plan, observed, memory):
            return None
        await remove_leftovers(self._host, observed)
        return self._requeue(plan, memory)

    async def _observe(self, pod: Pod) -> Observed:
        by_uid = await self._observe_by_uid(pod.metadata.namespace, pod.metadata.name)
        return by_uid.get(runtime_uid(pod), Observed())

    async def _observe_by_uid(self, namespace: str, name: str) -> dict[str, Observed]:
        return await observe_by_uid(self._host.runtime, self._host.owner, namespace, name)

    async def _act(
        self, client: Client, pod: Pod, plan: Plan, observed: Observed, memory: PodMemory
    ) -> bool:
        """Do what the plan asks for now; False where that is nothing."""
        if plan.stops:
            await stop_containers(self._host, pod, plan.stops, memory)
            return True
        if plan.replaces:
            message = "Container {name} definition changed, will be restarted"
            await stop_containers(self._host, pod, plan.replaces, memory, message=message)
            return True
        if plan.finished:
            if observed.sandbox is None:
                return False
            await self._host.runtime.stop_sandbox(observed.sandbox.id)
            return True
        if plan.new_sandbox_attempt is None and not plan.starts:
            return False
        return await self._make(client, pod, plan, observed, memory)

    async def _make(
        self, client: Client, pod: Pod, plan: Plan, observed: Observed, memory: PodMemory
    ) -> bool:
        if memory.must_wait("volumes"):
            return False
        addresses = observed.sandbox.addresses if observed.sandbox else ()
        sources = await read_sources(client, pod, self._host, addresses)
        try:
            volumes = prepare_volumes(pod, self._host.pods_directory, sources)
        except MountFailure as failure:
            memory.failed("volumes")
            await self._host.recorder.event(pod, "Warning", "FailedMount", str(failure))
            return False
        memory.succeeded("volumes")
        if plan.new_sandbox_attempt is not None:
            return await self._make_sandbox(pod, plan.new_sandbox_attempt, observed, memory)
        assert observed.sandbox is not None
        config = self._sandbox_config(pod, observed.sandbox.attempt)
        place = SandboxPlace(observed.sandbox.id, config, volumes, sources)
        return await self._start_containers(client, pod, plan, place, memory)

    async def _make_sandbox(
        self, pod: Pod, attempt: int, observed: Observed, memory: PodMemory
    ) -> bool:
        if memory.must_wait("sandbox"):
            return False
        recorder = self._host.recorder
        if attempt == 0:
            for sentence in unsupported(pod):
                if memory.first_time(sentence):
                    await recorder.event(pod, "Warning", UNSUPPORTED, sentence)
        elif memory.first_time(f"sandbox {attempt}"):
            message = "Pod sandbox changed, it will be killed and re-created."
            await recorder.event(pod, "Normal", "SandboxChanged", message)
        for dead in observed.sandboxes:
            await self._host.runtime.stop_sandbox(dead.id)
        config = self._sandbox_config(pod, attempt)
        try:
            await self._host.runtime.run_sandbox(config)
        except cri.RuntimeFailure as failure:
            memory.failed("sandbox")
            message = f"Failed to create pod sandbox: {failure}"
            await recorder.event(pod, "Warning", "FailedCreatePodSandBox", message)
            return False
        memory.succeeded("sandbox")
        return True

    def _sandbox_config(self, pod: Pod, attempt: int) -> cri.SandboxConfig:
        return sandbox_config(pod, attempt, self._host.logs_directory, self._host.owner)

    async def _start_containers(
        self, client: Client, pod: Pod, plan: Plan, place: SandboxPlace, memory: PodMemory
    ) -> bool:
        """Start all that the plan names side by side; False where none could be tried yet."""
        tried: list[bool] = []

        async def start(container: Container) -> None:
            attempt = ContainerStart(
                self._host, memory, pod, container, plan.starts[container.name]
            )
            tried.append(await attempt.run(place))

        async def start_all() -> None:
            async with anyio.create_task_group() as tasks:
                for container in (*pod.spec.init_containers, *pod.spec.containers):
                    if container.name in plan.starts:
                        tasks.start_soon(start, container)

        await unless_deleted(client, pod, start_all)
        return any(tried)

    async def _say_back_offs(
        self, pod: Pod, plan: Plan, observed: Observed, memory: PodMemory
    ) -> None:
        for name in plan.back_offs:
            memory.waiting.pop(name, None)
            latest = observed.latest(name)
            if memory.first_time(f"{name}: restart after {latest.attempt if latest else ''}"):
                message = f"Back-off restarting failed container {name} in pod {pod_in_words(pod)}"
                await self._host.recorder.event(
                    pod, "Warning", "BackOff", message, field_path=field_path(pod, name)
                )

    def _requeue(self, plan: Plan, memory: PodMemory) -> Result | None:
        waits: list[float] = [
            (back_off.due - self._now()) / NANOSECONDS_PER_SECOND
            for back_off in plan.back_offs.values()
        ]
        retry_seconds = memory.seconds_to_next_retry()
        if retry_seconds is not None and not plan.finished:
            waits.append(retry_seconds)
        return Result(requeue_after_seconds=max(min(waits), 0)) if waits else None

    # The status

    async def _write_status(
        self,
        client: Client,
        pod: Pod,
        plan: Plan,
        observed: Observed,
        memory: PodMemory,
        *,
        terminating: bool = False,
    ) -> bool:
        """Write the status if it has changed, also into `pod`. False where the Pod has changed
        meanwhile or is gone: that change brings the next reconcile."""
        status = pod_status(
            pod,
            plan,
            Facts(
                observed=observed,
                now=self._now(),
                runtime_name=self._host.runtime.name,
                host_addresses=self._host.addresses,
                waiting=memory.waiting,
                messages=self._messages(pod, observed, memory),
                terminating=terminating,
            ),
        )
        if status == pod.status:
            return True
        pod.status = status
        try:
            updated = await client.update_status(pod)
        except (Conflict, NotFound):
            return False
        pod.metadata = updated.metadata
        return True

    def _messages(self, pod: Pod, observed: Observed, memory: PodMemory) -> Mapping[str, str]:
        """The last words of ended containers, each read once."""
        uid = runtime_uid(pod)
        memory.messages = {
            container.id: memory.messages[container.id]
            if container.id in memory.messages
            else termination_message(container, self._host.pods_directory, uid)
            for container in observed.containers
            if container.state is cri.ContainerState.EXITED
        }
        return memory.messages

    # A Pod that shall end

    async def _terminate(
        self, client: Client, pod: Pod, observed: Observed, memory: PodMemory
    ) -> Result | None:
        grace = pod.metadata.deletion_grace_period_seconds or 0
        stop = partial(
            stop_containers, self._host, pod, observed.running(), memory, grace_seconds=grace
        )
        try:
            await unless_deleted(client, pod, stop)
            for sandbox in observed.sandboxes:
                await self._host.runtime.stop_sandbox(sandbox.id)
            if observed.sandboxes:
                observed = await self._observe(pod)
                plan = Plan(initialized=was_initialized(pod))
                await self._write_status(client, pod, plan, observed, memory, terminating=True)
            await kill_pod(self._host, observed, grace_seconds=0)
        except cri.RuntimeFailure as failure:
            message = f"error killing pod: {failure}"
            await self._host.recorder.event(pod, "Warning", "FailedKillPod", message)
            raise
        uid = runtime_uid(pod)
        await forget_pod(self._host, pod.metadata.namespace, pod.metadata.name, uid)
        with suppress(NotFound, Conflict):
            await client.delete(
                Pod,
                pod.metadata.name,
                namespace=pod.metadata.namespace,
                grace_period_seconds=0,
                uid=pod.metadata.uid,
            )
        return None

    # A Pod that is gone

    async def _remove_absent(
        self, request: Request, by_uid: Mapping[str, Observed]
    ) -> Result | None:
        self._memories.pop(request, None)
        if not by_uid:
            self._absent_since.pop(request, None)
            return None
        now = self._host.clock.monotonic_seconds()
        since = self._absent_since.setdefault(request, now)
        if any(map(_is_static, by_uid.values())) and now - since < MIRROR_ABSENCE_SECONDS:
            # Its mirror may only have been deleted, and comes back in a moment.
            return Result(requeue_after_seconds=since + MIRROR_ABSENCE_SECONDS - now)
        await self._remove(request, by_uid, grace_seconds=FORCED_GRACE_SECONDS)
        self._absent_since.pop(request, None)
        return None

    async def _remove(
        self, request: Request, by_uid: Mapping[str, Observed], *, grace_seconds: float | None
    ) -> None:
        """End what runs under uids that no Pod has any more. None: with the grace it was given."""
        for uid, observed in by_uid.items():
            own = grace_seconds is None or _is_static(observed)
            seconds = grace_from_sandboxes(observed) if own else grace_seconds
            logger.info(
                "removing what is left of pod %s/%s (%s)", request.namespace, request.name, uid
            )
            await kill_pod(self._host, observed, grace_seconds=seconds or 0)
            await forget_pod(self._host, request.namespace, request.name, uid)


def _is_static(observed: Observed) -> bool:
    return any(CONFIG_HASH in sandbox.annotations for sandbox in observed.sandboxes)
