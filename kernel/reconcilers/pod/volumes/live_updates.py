"""Volumes of a running Pod follow the objects that they are made of."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.control.reconciler import Reconciler, Request, Result
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.objects.volume import DownwardAPIVolumeFile
from kernel.reconcilers.pod.configuration.references import Referrers
from kernel.reconcilers.pod.configuration.sources import read_sources
from kernel.reconcilers.pod.configuration.sources_state import state_of
from kernel.reconcilers.pod.host import FILES, Host, PodMemory
from kernel.reconcilers.pod.volumes.objects import is_made_of_objects
from kernel.reconcilers.pod.volumes.prepare import replaced_files, update_files

NAME = "node-agent-volumes"
CONCURRENCY = 16

_CHANGING_FIELDS = ("metadata.labels", "metadata.annotations")


class LiveUpdates:
    """A reconciler beside the one that runs the Pods: what takes long there, such as a pull or a
    grace, does not hold these up. It knows the Pods that the other one has made volumes for."""

    def __init__(
        self, host: Host, memories: Mapping[Request, PodMemory], referrers: Referrers
    ) -> None:
        self._host = host
        self._memories = memories
        self._referrers = referrers

    def reconciler(self) -> Reconciler:
        """Called for ConfigMaps and Secrets, and for Pods that show themselves in a volume."""
        return Reconciler(
            name=NAME,
            kind=Pod,
            reconcile=self._reconcile,
            when=self._shows_itself,
            watches=self._referrers.watches(_has_files),
            concurrency=CONCURRENCY,
        )

    async def _reconcile(self, request: Request, client: Client) -> Result | None:
        memory = self._memories.get(request)
        if memory is None or memory.volumes_state is None:
            return None
        with suppress(NotFound):
            pod = await client.get(Pod, request.name, namespace=request.namespace)
            ends = pod.metadata.deletion_timestamp or pod.status.phase in ("Succeeded", "Failed")
            if runtime_uid(pod) == memory.uid and not ends:
                await follow_objects(self._host, client, pod, memory)
        if memory.must_wait(FILES):
            return Result(requeue_after_seconds=memory.seconds_to_next_retry())
        return None

    def _shows_itself(self, pod: Pod) -> bool:
        return pod.spec.node_name == self._host.node_name and any(
            map(_may_change, _downward_files(pod))
        )


def _downward_files(pod: Pod) -> Iterator[DownwardAPIVolumeFile]:
    for volume in pod.spec.volumes:
        if volume.downward_api is not None:
            yield from volume.downward_api.items
        for part in volume.projected.sources if volume.projected is not None else ():
            if part.downward_api is not None:
                yield from part.downward_api.items


def _may_change(file: DownwardAPIVolumeFile) -> bool:
    """Not so the namespace, which every Pod with a token has in a file."""
    return file.field_ref is not None and file.field_ref.field_path.startswith(_CHANGING_FIELDS)


def _has_files(pod: Pod) -> bool:
    return any(map(is_made_of_objects, pod.spec.volumes))


async def follow_objects(host: Host, client: Client, pod: Pod, memory: PodMemory) -> None:
    """Write the files of volumes that are there already anew where their objects have changed.
    Where that can't be done the files stay as they are, and an Event says why."""
    if not _has_files(pod):
        return
    async with memory.volumes_lock:
        sources = await read_sources(client, pod, host, memory, ())
        state = state_of(pod, sources)
        if state == memory.volumes_state:
            return
        memory.see_sources(state)
        if memory.must_wait(FILES):
            return
        now = host.clock.now_nanoseconds()
        failures = update_files(pod, host.pods_directory, sources, now)
        if failures:
            memory.failed(FILES)
        else:
            memory.succeeded(FILES)
            memory.volumes_state = state
        host.discarding.discard(replaced_files(pod, host.pods_directory))
    for failure in failures:
        await host.recorder.event(pod, "Warning", "FailedMount", str(failure))
