"""Writing a Pod's status: only where it has changed, and never over somebody else's change."""

from collections.abc import Mapping

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.cri import runtime as cri
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.decisions.plan import Plan
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.status import Facts, pod_status
from kernel.reconcilers.pod.termination import may_speak_by_log, termination_message


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
    messages = await _messages(host, pod, observed, memory)
    status = pod_status(
        pod,
        plan,
        Facts(
            observed=observed,
            now=host.clock.now_nanoseconds(),
            runtime_name=host.runtime.name,
            host_addresses=host.addresses,
            waiting=memory.waiting,
            messages=messages,
            terminating=terminating,
            resized=memory.resized,
            resize_failure=memory.resize_failure,
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


async def _messages(
    host: Host, pod: Pod, observed: Observed, memory: PodMemory
) -> Mapping[str, str]:
    """The last words of ended containers, each read once."""
    uid, read = runtime_uid(pod), dict[str, str]()
    for container in observed.containers:
        if container.state is not cri.ContainerState.EXITED:
            continue
        known = memory.messages.get(container.id)
        if known is None:
            if may_speak_by_log(container):
                await host.runtime.wait_log_written(container.id)
            known = termination_message(container, host.pods_directory, uid)
        read[container.id] = known
    memory.messages = read
    return read
