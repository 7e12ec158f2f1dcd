"""Which containers end before which, where a whole Pod ends (pure).

Main containers, init containers and ephemeral containers end side by side. Sidecars end after the
main containers, and one after another, the last that was started first.
https://github.com/kubernetes/enhancements/tree/master/keps/sig-node/753-sidecar-containers
"""

from collections.abc import Collection, Mapping

from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.init_order import is_sidecar


def sidecars_wait_for(pod: Pod, running: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Of each sidecar that runs, the names of the running containers that have to end before it."""
    earlier = {container.name for container in pod.spec.containers if container.name in running}
    waits_for = {}
    for container in reversed(pod.spec.init_containers):
        if is_sidecar(container) and container.name in running:
            waits_for[container.name] = frozenset(earlier)
            earlier.add(container.name)
    return waits_for
