"""Doing what a plan asks for: stop containers, make the sandbox, start containers."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import msgspec

from kernel.api.client import Client
from kernel.background import side_by_side
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.api_access import connect_to_api
from kernel.reconcilers.pod.configuration.dns import node_dns, pod_dns
from kernel.reconcilers.pod.configuration.environment import ConfigError, Sources
from kernel.reconcilers.pod.configuration.runtime_handler import runtime_handler
from kernel.reconcilers.pod.configuration.sources import read_services, read_sources
from kernel.reconcilers.pod.configuration.sources_state import SourcesState, state_of
from kernel.reconcilers.pod.configuration.translate import sandbox_config
from kernel.reconcilers.pod.configuration.unsupported import (
    REASON as UNSUPPORTED,
    SELINUX,
    unsupported,
)
from kernel.reconcilers.pod.decisions.back_off import bad_annotations
from kernel.reconcilers.pod.decisions.deadline import deadline_of
from kernel.reconcilers.pod.decisions.plan import Plan
from kernel.reconcilers.pod.hooks.post_start import PostStart, due_post_starts
from kernel.reconcilers.pod.host import RESIZE, VOLUMES, Host, PodMemory
from kernel.reconcilers.pod.interrupt import given_up_after, unless_deleted
from kernel.reconcilers.pod.observe import (
    Observed,
    field_path,
    observe_first_sandbox,
    observe_pod,
    observe_started,
    pod_in_words,
)
from kernel.reconcilers.pod.resizing import resize_containers
from kernel.reconcilers.pod.start import ContainerStart, SandboxPlace
from kernel.reconcilers.pod.stop import stop_containers
from kernel.reconcilers.pod.volumes.prepare import MountFailure, prepare_volumes


class PodSteps:
    """The steps of one Pod, in one reconcile of it."""

    def __init__(self, host: Host, client: Client, pod: Pod, memory: PodMemory) -> None:
        self._host = host
        self._client = client
        self._pod = pod
        self._memory = memory
        self._first_sandbox_id = ""
        self._started_ids: Sequence[str] = ()
        self._volumes: Mapping[str, Path] | None = None
        self._volumes_state: SourcesState | None = None

    async def observe(self, before: Observed) -> Observed:
        """What there is after a step that set out from `before`. Only what is known to have changed
        is asked for: what happens of itself meanwhile leads to a reconcile of its own."""
        sandbox_id, self._first_sandbox_id = self._first_sandbox_id, ""
        started_ids, self._started_ids = self._started_ids, ()
        with suppress(cri.NotFound):
            if sandbox_id:
                return await observe_first_sandbox(self._host.runtime, sandbox_id)
            if started_ids:
                return await observe_started(self._host.runtime, before, started_ids)
        return await observe_pod(self._host.runtime, self._host.owner, self._pod)

    async def act(self, plan: Plan, observed: Observed) -> bool:
        """Do what the plan asks for now; False where that is nothing."""
        if plan.failure is not None and self._memory.first_time(plan.failure.reason):
            await self._host.recorder.event(
                self._pod, "Normal", plan.failure.reason, plan.failure.message
            )
        if plan.stops:
            await unless_deleted(self._client, self._pod, partial(self._stop, plan))
            return True
        if plan.finished:
            if observed.sandbox is None:
                return False
            await self._host.runtime.stop_sandbox(observed.sandbox.id)
            return True
        due = due_post_starts(self._host, self._memory, self._pod, observed)
        if due:
            await self._in_time(partial(self._run_hooks, due))
            return True
        if plan.resizing.resizes and not self._memory.must_wait(RESIZE):
            await resize_containers(self._host, self._pod, plan.resizing.resizes, self._memory)
            return True
        if plan.new_sandbox_attempt is None and not plan.starts:
            return False
        return await self._make(plan, observed)

    async def _stop(self, plan: Plan) -> None:
        await stop_containers(
            self._host, self._pod, plan.stops, self._memory, whole_pod=plan.whole_pod
        )

    async def _in_time(self, call: Callable[[], Awaitable[None]]) -> None:
        """Make a call; give it up at the Pod's deadline. Raises `Interrupted` at its deletion."""
        due, seconds = deadline_of(self._pod), math.inf
        if due is not None:
            seconds = (due - self._host.clock.now_nanoseconds()) / NANOSECONDS_PER_SECOND

        async def until_the_deadline() -> None:
            await given_up_after(self._host.clock, seconds, call)

        await unless_deleted(self._client, self._pod, until_the_deadline)

    async def _run_hooks(self, due: Sequence[tuple[PostStart, str]]) -> None:
        async with anyio.create_task_group() as tasks:
            for hook, container_id in due:
                tasks.start_soon(hook.run, container_id)

    async def say_back_offs(self, plan: Plan, observed: Observed) -> None:
        """An Event for each container that waits to be started again, and where the Pod's own
        wishes about such waits can't be followed."""
        pod, memory = self._pod, self._memory
        for sentence in bad_annotations(pod.metadata.annotations):
            if memory.first_time(sentence):
                await self._host.recorder.event(pod, "Warning", "InvalidAnnotation", sentence)
        for name in plan.back_offs:
            memory.waiting.pop(name, None)
            latest = observed.latest(name)
            if memory.first_time(f"{name}: restart after {latest.attempt if latest else ''}"):
                message = f"Back-off restarting failed container {name} in pod {pod_in_words(pod)}"
                await self._host.recorder.event(
                    pod, "Warning", "BackOff", message, field_path=field_path(pod, name)
                )

    async def _make(self, plan: Plan, observed: Observed) -> bool:
        pod, memory = self._pod, self._memory
        async with memory.volumes_lock:
            made = await self._make_volumes(observed)
        if made is None:
            return False
        volumes, sources = made
        if plan.new_sandbox_attempt is not None:
            return await self._make_sandbox(plan.new_sandbox_attempt, observed)
        assert observed.sandbox is not None
        handler = ""
        with suppress(ConfigError):  # the sandbox outlives its RuntimeClass
            handler = await runtime_handler(self._client, pod)
        config = self._sandbox_config(observed.sandbox.attempt, handler)
        services = await read_services(self._client, pod, self._host, observed.sandbox.addresses)
        sources = msgspec.structs.replace(sources, services=services)
        place = SandboxPlace(
            observed.sandbox.id, config, volumes, sources, observed, way_made=anyio.Event()
        )
        return await self._start_containers(plan, observed.sandbox, place)

    async def _make_volumes(self, observed: Observed) -> tuple[Mapping[str, Path], Sources] | None:
        """The volumes by name, and what they were made of; None where they can't be made (yet)."""
        pod, memory = self._pod, self._memory
        addresses = observed.sandbox.addresses if observed.sandbox else ()
        sources = await read_sources(self._client, pod, self._host, memory, addresses)
        state = state_of(pod, sources)
        if self._volumes is not None and self._volumes_state == state:
            return self._volumes, sources
        memory.see_sources(state)
        if memory.must_wait(VOLUMES):
            return None
        now = self._host.clock.now_nanoseconds()
        try:
            volumes = prepare_volumes(
                pod,
                self._host.pods_directory,
                sources,
                now,
                may_mount=self._host.runtime.host_mounts is not cri.HostMounts.NONE,
            )
        except MountFailure as failure:
            memory.failed(VOLUMES)
            await self._host.recorder.event(pod, "Warning", "FailedMount", str(failure))
            return None
        memory.succeeded(VOLUMES)
        if volumes.is_current:
            memory.volumes_state = self._volumes_state = state
            self._volumes = volumes.paths
        return volumes.paths, sources

    async def _make_sandbox(self, attempt: int, observed: Observed) -> bool:
        pod, memory, recorder = self._pod, self._memory, self._host.recorder
        if memory.must_wait("sandbox"):
            return False
        if attempt == 0:
            for sentence in unsupported(pod, has_selinux=SELINUX.exists()):
                if memory.first_time(sentence):
                    await recorder.event(pod, "Warning", UNSUPPORTED, sentence)
        elif memory.first_time(f"sandbox {attempt}"):
            message = "Pod sandbox changed, it will be killed and re-created."
            await recorder.event(pod, "Normal", "SandboxChanged", message)
        for dead in observed.sandboxes:
            await self._host.runtime.stop_sandbox(dead.id)
        for problem in pod_dns(pod, node_dns()).problems:
            if memory.first_time(problem):
                await recorder.event(pod, "Warning", "DNSConfigForming", problem)
        try:
            handler = await runtime_handler(self._client, pod)
            config = self._sandbox_config(attempt, handler)
            sandbox_id = await self._host.runtime.run_sandbox(config)
        except (cri.RuntimeFailure, ConfigError) as failure:
            memory.failed("sandbox")
            message = f"Failed to create pod sandbox: {failure}"
            await recorder.event(pod, "Warning", "FailedCreatePodSandBox", message)
            return False
        memory.succeeded("sandbox")
        self._first_sandbox_id = "" if observed.sandboxes else sandbox_id
        return True

    def _sandbox_config(self, attempt: int, handler: str) -> cri.SandboxConfig:
        host = self._host
        return sandbox_config(
            self._pod,
            attempt,
            owner=host.owner,
            logs_directory=host.logs_directory,
            profiles_directory=host.profiles_directory,
            dns=pod_dns(self._pod, node_dns()).config,
            runtime_handler=handler,
        )

    async def _start_containers(
        self, plan: Plan, sandbox: cri.Sandbox, place: SandboxPlace
    ) -> bool:
        """Start all that the plan names side by side; False where none could be tried yet."""
        pod, tried = self._pod, list[bool]()
        attempts = [
            ContainerStart(self._host, self._memory, pod, container, plan.starts[container.name])
            for container in _every_container(pod)
            if container.name in plan.starts
        ]

        async def lead() -> None:
            await connect_to_api(self._host, pod, sandbox, self._memory)
            place.way_made.set()

        async def start(attempt: ContainerStart) -> None:
            tried.append(await attempt.run(place))

        async def start_all() -> None:
            async with anyio.create_task_group() as tasks:
                for attempt in attempts:
                    tasks.start_soon(start, attempt)

        async def lead_and_start() -> None:
            await side_by_side(lead, start_all)

        await self._in_time(lead_and_start)
        if all(attempt.started_id for attempt in attempts):
            self._started_ids = [attempt.started_id for attempt in attempts]
        return any(tried)


def _every_container(pod: Pod) -> Sequence[Container]:
    return (*pod.spec.init_containers, *pod.spec.containers, *pod.spec.ephemeral_containers)
