"""What a Pod asks for and the node agent does not do: said, so that nothing is ignored (pure)."""

from pathlib import Path

from kernel.objects.pod import Container, Pod, PodSecurityContext, SecurityContext
from kernel.reconcilers.pod.configuration.used_objects import refused_wish

REASON = "Unsupported"
"""The reason of the Events that say so; runtimes' limitations are said under it too."""

SELINUX = Path("/sys/fs/selinux/enforce")
"""There where the machine has SELinux."""

DEFAULT_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""What every Pod is given unasked, for 300 s each."""


def unsupported(pod: Pod, *, has_selinux: bool) -> list[str]:
    """A sentence for each such wish, fit for an Event."""
    containers = (
        *pod.spec.init_containers,
        *pod.spec.containers,
        *pod.spec.ephemeral_containers,
    )
    sentences = [
        f"container {container.name}: {sentence}"
        for container in containers
        for sentence in _of_container(container, has_selinux)
    ]
    refused = refused_wish(pod)
    return [*sentences, *_of_pod(pod, has_selinux), *([refused] if refused else [])]


def _of_container(container: Container, has_selinux: bool) -> list[str]:
    security = container.security_context or SecurityContext()
    wishes = {
        "volumeDevices are not offered": bool(container.volume_devices),
        "resource claims are not offered": bool(container.resources.claims),
        _NO_SELINUX: security.se_linux_options is not None and not has_selinux,
        _NO_WINDOWS: security.windows_options is not None,
    }
    return [sentence for sentence, wished in wishes.items() if wished]


def _of_pod(pod: Pod, has_selinux: bool) -> list[str]:
    spec = pod.spec
    security = spec.security_context or PodSecurityContext()
    wishes = {
        "hostUsers false gives no user namespace": spec.host_users is False,
        "resourceClaims are not offered": bool(spec.resource_claims),
        "resources of the whole Pod are not limited: those of its containers are": (
            spec.resources is not None
        ),
        "os windows is not this node's": spec.os is not None and spec.os.name == "windows",
        "supplementalGroupsPolicy Strict is not followed: groups of the image are added": (
            security.supplemental_groups_policy == "Strict"
        ),
        "seLinuxChangePolicy has no effect: volumes are not relabelled": (
            security.se_linux_change_policy is not None
        ),
        "tolerationSeconds has no effect: taints do not drive Pods off a node": any(
            toleration.toleration_seconds is not None and toleration.key not in DEFAULT_TOLERATIONS
            for toleration in spec.tolerations
        ),
        _NO_SELINUX: security.se_linux_options is not None and not has_selinux,
        _NO_WINDOWS: security.windows_options is not None,
    }
    return [sentence for sentence, wished in wishes.items() if wished]


_NO_SELINUX = "seLinuxOptions have no effect: this node has no SELinux"
_NO_WINDOWS = "windowsOptions have no effect on Linux"
