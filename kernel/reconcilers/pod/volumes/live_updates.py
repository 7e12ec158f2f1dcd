"""Volumes of a running Pod follow the objects that they are made of."""

from kernel.api.client import Client
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.host import VOLUMES, Host, PodMemory
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.sources import read_sources
from kernel.reconcilers.pod.sources_state import state_of
from kernel.reconcilers.pod.volumes.objects import is_made_of_objects
from kernel.reconcilers.pod.volumes.prepare import MountFailure, update_files


async def follow_objects(
    host: Host, client: Client, pod: Pod, observed: Observed, memory: PodMemory
) -> None:
    """Write the files of a Pod's volumes anew where their objects have changed. Where that can't
    be done the files stay as they are, and an Event says why."""
    if observed.sandbox is None or not any(map(is_made_of_objects, pod.spec.volumes)):
        return
    sources = await read_sources(client, pod, host, memory, observed.sandbox.addresses)
    state = state_of(pod, sources)
    if state == memory.volumes_state:
        return
    memory.see_sources(state)
    if memory.must_wait(VOLUMES):
        return
    try:
        update_files(pod, host.pods_directory, sources, host.clock.now_nanoseconds())
    except MountFailure as failure:
        memory.failed(VOLUMES)
        await host.recorder.event(pod, "Warning", "FailedMount", str(failure))
    else:
        memory.succeeded(VOLUMES)
        memory.volumes_state = state
