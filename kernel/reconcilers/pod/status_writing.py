"""Writing a Pod's status: only where it has changed, and never over somebody else's change."""

from collections.abc import Mapping

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.plan import Plan
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import Observed, runtime_uid
from kernel.reconcilers.pod.status import Facts, pod_status
from kernel.reconcilers.pod.termination import termination_message


async def write_status(
    host: Host,
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
            now=host.clock.now_nanoseconds(),
            runtime_name=host.runtime.name,
            host_addresses=host.addresses,
            waiting=memory.waiting,
            messages=_messages(host, pod, observed, memory),
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


def _messages(host: Host, pod: Pod, observed: Observed, memory: PodMemory) -> Mapping[str, str]:
    """The last words of ended containers, each read once."""
    uid = runtime_uid(pod)
    memory.messages = {
        container.id: memory.messages[container.id]
        if container.id in memory.messages
        else termination_message(container, host.pods_directory, uid)
        for container in observed.containers
        if container.state is cri.ContainerState.EXITED
    }
    return memory.messages
