"""Which ConfigMaps and Secrets a Pod refers to, and the Pods of a node that refer to one (pure)."""

from collections.abc import Callable, Iterable

from kernel.control.informer import Informer
from kernel.control.reconciler import Request, Watch
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import Container, Pod
from kernel.objects.volume import Volume
from kernel.reconcilers.pod.decisions.init_order import is_sidecar

_INDEX = "node-agent-references"


def referenced_names(pod: Pod) -> tuple[set[str], set[str]]:
    """The ConfigMaps and the Secrets that containers and volumes of a Pod name."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for container in (
        *pod.spec.init_containers,
        *pod.spec.containers,
        *pod.spec.ephemeral_containers,
    ):
        _add_of_environment(container, config_maps, secrets)
    for volume in pod.spec.volumes:
        _add_of_volume(volume, config_maps, secrets)
    secrets |= {secret.name for secret in pod.spec.image_pull_secrets}
    return config_maps, secrets


def _add_of_environment(container: Container, config_maps: set[str], secrets: set[str]) -> None:
    for source in container.env_from:
        if source.config_map_ref is not None:
            config_maps.add(source.config_map_ref.name)
        if source.secret_ref is not None:
            secrets.add(source.secret_ref.name)
    for variable in container.env:
        if variable.value_from and variable.value_from.config_map_key_ref:
            config_maps.add(variable.value_from.config_map_key_ref.name)
        if variable.value_from and variable.value_from.secret_key_ref:
            secrets.add(variable.value_from.secret_key_ref.name)


def _add_of_volume(volume: Volume, config_maps: set[str], secrets: set[str]) -> None:
    if volume.config_map is not None:
        config_maps.add(volume.config_map.name)
    if volume.secret is not None:
        secrets.add(volume.secret.secret_name)
    for projection in volume.projected.sources if volume.projected else ():
        if projection.config_map is not None:
            config_maps.add(projection.config_map.name)
        if projection.secret is not None:
            secrets.add(projection.secret.name)


def may_wait(pod: Pod) -> bool:
    """Whether a container of the Pod does not run that should: it may lack what it refers to."""
    sidecars = {container.name for container in pod.spec.init_containers if is_sidecar(container)}
    statuses = pod.status.container_statuses
    inits = [
        status
        for status in pod.status.init_container_statuses
        if status.name in sidecars or status.state.waiting
    ]
    return not statuses or any(status.state.running is None for status in (*statuses, *inits))


class Referrers:
    """Finds the Pods of one node that have not ended by what they refer to, at a cost that only
    those add to."""

    def __init__(self, pods: Informer[Pod], node_name: str) -> None:
        self._pods = pods
        self._node_name = node_name
        pods.add_index(_INDEX, self._references)

    def watches(self, is_concerned: Callable[[Pod], bool]) -> tuple[Watch, ...]:
        """For a reconciler of Pods: changes of a ConfigMap or Secret lead to those Pods that refer
        to it and for which `is_concerned` holds."""

        def requests(obj: ConfigMap | Secret) -> list[Request]:
            metadata = obj.metadata
            key = f"{obj.info.kind}/{metadata.namespace}/{metadata.name}"
            pods = filter(is_concerned, self._pods.by_index(_INDEX, key))
            return [Request(pod.metadata.name, pod.metadata.namespace) for pod in pods]

        return Watch(ConfigMap, requests), Watch(Secret, requests)

    def _references(self, pod: Pod) -> Iterable[str]:
        if pod.spec.node_name != self._node_name or pod.status.phase in ("Succeeded", "Failed"):
            return
        namespace = pod.metadata.namespace
        config_maps, secrets = referenced_names(pod)
        for kind, names in ((ConfigMap.info.kind, config_maps), (Secret.info.kind, secrets)):
            for name in names:
                yield f"{kind}/{namespace}/{name}"
