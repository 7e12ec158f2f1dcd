"""Removing what a living Pod needs no more: old attempts of containers, and empty dead sandboxes.

Of each container the newest attempt is kept, and the one before it for `logs --previous`.
"""

from pathlib import Path

from kernel.cri import runtime as cri
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.upkeep.log_rotation import remove_logs

ATTEMPTS_KEPT = 2


def superseded(observed: Observed) -> tuple[list[cri.Container], list[cri.Sandbox]]:
    """The containers and the sandboxes that can go (pure)."""
    names = dict.fromkeys(container.name for container in observed.containers)
    old_containers = [
        container
        for name in names
        for container in observed.attempts(name)[ATTEMPTS_KEPT:]
        if container.state is not cri.ContainerState.RUNNING
    ]
    gone = {container.id for container in old_containers}
    in_use = {c.sandbox_id for c in observed.containers if c.id not in gone}
    old_sandboxes = [
        sandbox
        for sandbox in observed.sandboxes[1:]
        if sandbox.state is cri.SandboxState.NOT_READY and sandbox.id not in in_use
    ]
    return old_containers, old_sandboxes


async def remove_leftovers(host: Host, observed: Observed) -> None:
    """Remove them, and the logs of the containers."""
    containers, sandboxes = superseded(observed)
    for container in containers:
        await host.runtime.remove_container(container.id)
        if container.log_path:
            remove_logs(Path(container.log_path))
    for sandbox in sandboxes:
        await host.runtime.remove_sandbox(sandbox.id)
        host.api_access.release(sandbox.id)
