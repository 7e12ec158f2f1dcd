"""Which ephemeral containers are to be started (pure): each once, also where the Pod is still being
initialized, and none again.

https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
"""

from collections.abc import Mapping

from kernel.cri import runtime as cri
from kernel.objects.pod import Container, EphemeralContainer, Pod
from kernel.reconcilers.pod.configuration.environment import ConfigError
from kernel.reconcilers.pod.decisions.restart import StartNow
from kernel.reconcilers.pod.observe import Observed


def ephemeral_starts(pod: Pod, observed: Observed) -> Mapping[str, StartNow]:
    """Those to be started in the Pod's ready sandbox, by name."""
    ran = {status.name for status in pod.status.ephemeral_container_statuses if status.container_id}
    starts = {}
    for container in pod.spec.ephemeral_containers:
        latest = observed.latest(container.name)
        if latest is None and container.name not in ran:
            starts[container.name] = StartNow()
        elif latest is not None and _waits_for_its_start(latest, observed):
            starts[container.name] = StartNow(created_id=latest.id)
    return starts


def _waits_for_its_start(container: cri.Container, observed: Observed) -> bool:
    is_present = observed.sandbox is not None and container.sandbox_id == observed.sandbox.id
    return is_present and container.state is cri.ContainerState.CREATED


def target_container_id(container: Container, observed: Observed) -> str:
    """The container whose processes this one is to be among; empty where it is to have its own.
    Raises `ConfigError` where the target does not run."""
    if not isinstance(container, EphemeralContainer) or not container.target_container_name:
        return ""
    target = observed.in_sandbox().latest(container.target_container_name)
    if target is None or target.state is not cri.ContainerState.RUNNING:
        raise ConfigError(f"unable to find target container {container.target_container_name}")
    return target.id
