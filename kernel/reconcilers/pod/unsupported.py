"""What a Pod asks for and the node agent does not do (yet): said, so that nothing is ignored."""

from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.configuration import refused_wish

REASON = "Unsupported"
"""The reason of the Events that say so; runtimes' limitations are said under it too."""


def unsupported(pod: Pod) -> list[str]:
    """A sentence for each such wish, fit for an Event."""
    containers = (
        *pod.spec.init_containers,
        *pod.spec.containers,
        *pod.spec.ephemeral_containers,
    )
    sentences = [sentence for container in containers for sentence in _of_container(container)]
    return [*sentences, *_of_pod(pod)]


def _of_container(container: Container) -> list[str]:
    name = container.name
    sentences = []
    if container.restart_policy_rules:
        sentences.append(f"container {name}: restartPolicyRules are not followed")
    if container.volume_devices:
        sentences.append(f"container {name}: volumeDevices are not offered")
    if container.resources.claims:
        sentences.append(f"container {name}: resource claims are not offered")
    return sentences


def _of_pod(pod: Pod) -> list[str]:
    spec = pod.spec
    wishes = {
        "runtimeClassName is not followed": spec.runtime_class_name is not None,
        "hostUsers false gives no user namespace": spec.host_users is False,
    }
    refused = refused_wish(pod)
    sentences = [sentence for sentence, wished in wishes.items() if wished]
    return [*sentences, refused] if refused else sentences
