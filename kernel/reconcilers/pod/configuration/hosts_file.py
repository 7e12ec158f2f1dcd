"""/etc/hosts in containers: written by the agent, so that a Pod finds its own name and its
`hostAliases`. With the node's network it is the node's own file and the aliases.

https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
"""

from collections.abc import Sequence
from pathlib import Path

from kernel.objects.pod import Container, Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.configuration.host_names import domain_name, hostname
from kernel.reconcilers.pod.configuration.translate import HOSTS_PATH
from kernel.reconcilers.pod.volumes.directories import pod_directory

FILE_NAME = "etc-hosts"

_LOCAL_NAMES = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost", "ip6-localhost", "ip6-loopback"),
    ("fe00::0", "ip6-localnet"),
    ("fe00::0", "ip6-mcastprefix"),
    ("fe00::1", "ip6-allnodes"),
    ("fe00::2", "ip6-allrouters"),
)


def make_hosts_file(
    pods_directory: Path, pod: Pod, container: Container, sources: Sources
) -> Path | None:
    """The file to mount at /etc/hosts, written anew where it says something else. None where the
    container has its own, or the runtime's is as good. Raises `OSError`."""
    if any(mount.mount_path == HOSTS_PATH for mount in container.volume_mounts):
        return None
    if pod.spec.host_network:
        if not pod.spec.host_aliases:
            return None
        text = Path(HOSTS_PATH).read_text() + _alias_lines(pod)
    else:
        text = hosts_text(pod, sources.addresses)
    path = pod_directory(pods_directory, runtime_uid(pod)) / FILE_NAME
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In place: containers that run have this very file mounted.
        path.write_text(text)
        path.chmod(0o644)
    return path


def hosts_text(pod: Pod, addresses: Sequence[str]) -> str:
    """The names of a Pod with a network of its own; `addresses` are the Pod's (pure)."""
    names = [name for name in (domain_name(pod), hostname(pod)) if name]
    own = ((address, *names) for address in addresses)
    return "".join(_line(*names) for names in (*_LOCAL_NAMES, *own)) + _alias_lines(pod)


def _alias_lines(pod: Pod) -> str:
    return "".join(_line(alias.ip, *alias.hostnames) for alias in pod.spec.host_aliases)


def _line(*names: str) -> str:
    return "\t".join(names) + "\n"
