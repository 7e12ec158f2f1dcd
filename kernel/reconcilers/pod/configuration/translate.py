"""Pods in the runtime's language (pure): a Pod becomes a SandboxConfig and ContainerConfigs."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kernel.cri import runtime as cri
from kernel.objects.pod import Container, Pod, PodSecurityContext
from kernel.objects.quality_of_service import quality_of_service
from kernel.objects.quantity import parse_quantity, to_integer, to_milli
from kernel.objects.runtime_identity import POD_UID, runtime_uid
from kernel.reconcilers.pod.configuration.environment import Sources, environment_of, expand
from kernel.reconcilers.pod.configuration.host_names import sandbox_hostname
from kernel.reconcilers.pod.configuration.security import container_security, sandbox_security
from kernel.reconcilers.pod.configuration.used_objects import (
    CONFIGURATION,
    configuration_of,
    encoded,
)
from kernel.reconcilers.pod.decisions.resize import STARTED_WITH
from kernel.reconcilers.pod.decisions.restart import CONTAINER_HASH, RESTARTS_IN_ROW, StartNow
from kernel.reconcilers.pod.observe import CONTAINER_NAME, OWNER, POD_NAME, POD_NAMESPACE
from kernel.reconcilers.pod.remains import end_annotations

RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy"
GRACE_SECONDS = "io.kubernetes.pod.terminationGracePeriod"

HOSTS_PATH = "/etc/hosts"
CPU_PERIOD_MICROSECONDS = 100_000
CPU_QUOTA_MICROSECONDS_MIN = 1000
CPU_SHARES_MIN = 2
OUT_OF_MEMORY_SCORES = {"Guaranteed": -997, "BestEffort": 1000}


def pod_directory_name(pod: Pod) -> str:
    """`default_web_<uid>`: the name of a Pod's log directory."""
    return f"{pod.metadata.namespace}_{pod.metadata.name}_{runtime_uid(pod)}"


def log_path(container_name: str, attempt: int) -> str:
    """Where an attempt's log stands below the Pod's log directory."""
    return f"{container_name}/{attempt}.log"


def container_hash(container: Container) -> str:
    """Changes when the container has to be made anew: as in Kubernetes, with name and image."""
    return hashlib.sha256(f"{container.name}\0{container.image}".encode()).hexdigest()[:8]


def sandbox_config(
    pod: Pod,
    attempt: int,
    *,
    owner: str,
    logs_directory: Path,
    profiles_directory: Path,
    dns: cri.DnsConfig | None = None,
    runtime_handler: str = "",
) -> cri.SandboxConfig:
    """The sandbox of a Pod, for its `attempt`-th time. Raises `ConfigError`."""
    spec = pod.spec
    security = spec.security_context or PodSecurityContext()
    return cri.SandboxConfig(
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        uid=runtime_uid(pod),
        attempt=attempt,
        log_directory=str(logs_directory / pod_directory_name(pod)),
        hostname="" if spec.host_network else sandbox_hostname(pod),
        labels={**pod.metadata.labels, **_pod_labels(pod, owner)},
        annotations={**pod.metadata.annotations, GRACE_SECONDS: str(grace_seconds(pod))},
        port_mappings=() if spec.host_network else port_mappings(pod),
        dns=dns,
        sysctls={sysctl.name: sysctl.value for sysctl in security.sysctls},
        host_network=spec.host_network,
        host_pid=spec.host_pid,
        host_ipc=spec.host_ipc,
        share_processes=bool(spec.share_process_namespace),
        runtime_handler=runtime_handler,
        security=sandbox_security(pod, profiles_directory),
    )


def grace_seconds(pod: Pod) -> int:
    """How long the Pod's containers have between the stop signal and SIGKILL."""
    seconds = pod.spec.termination_grace_period_seconds
    if seconds is None:
        return 30
    return seconds if seconds >= 0 else 1


def port_mappings(pod: Pod) -> tuple[cri.PortMapping, ...]:
    """The ports of the node that lead into the Pod."""
    return tuple(
        cri.PortMapping(
            host_port=port.host_port,
            container_port=port.container_port,
            protocol=port.protocol or "TCP",
            host_ip=port.host_ip,
        )
        for container in (*pod.spec.init_containers, *pod.spec.containers)
        for port in container.ports
        if port.host_port
    )


def _pod_labels(pod: Pod, owner: str) -> dict[str, str]:
    return {
        OWNER: owner,
        POD_NAME: pod.metadata.name,
        POD_NAMESPACE: pod.metadata.namespace,
        POD_UID: runtime_uid(pod),
    }


class Placement(msgspec.Struct, frozen=True):
    """Where a container's things are: its volumes, the file that it may write its last words
    to, its /etc/hosts if it is given one, the node's seccomp profiles, the container whose
    processes it is to be among, and whose the container is."""

    owner: str
    volume_mounts: tuple[cri.Mount, ...]
    termination_message_file: Path
    profiles_directory: Path
    hosts_file: Path | None = None
    target_container_id: str = ""


def container_config(
    pod: Pod,
    container: Container,
    start: StartNow,
    image: cri.Image,
    sources: Sources,
    placement: Placement,
) -> cri.ContainerConfig:
    """One attempt of a container. Raises `ConfigError`."""
    environment = environment_of(pod, container, sources)
    mounts = (
        *placement.volume_mounts,
        cri.Mount(
            host_path=str(placement.termination_message_file),
            container_path=termination_message_path(container),
        ),
        *_hosts_mounts(placement.hosts_file),
    )
    return cri.ContainerConfig(
        name=container.name,
        attempt=start.attempt,
        image=image.id,
        command=tuple(expand(word, environment) for word in container.command),
        args=tuple(expand(word, environment) for word in container.args),
        working_directory=container.working_dir,
        environment=environment,
        mounts=mounts,
        labels={**_pod_labels(pod, placement.owner), CONTAINER_NAME: container.name},
        annotations={
            CONTAINER_HASH: container_hash(container),
            STARTED_WITH: msgspec.json.encode(container.resources).decode(),
            **_configuration_annotation(pod, container, sources),
            RESTART_COUNT: str(start.attempt),
            RESTARTS_IN_ROW: str(start.restarts_in_row),
            TERMINATION_MESSAGE_PATH: termination_message_path(container),
            TERMINATION_MESSAGE_POLICY: container.termination_message_policy or "File",
            GRACE_SECONDS: str(grace_seconds(pod)),
            **end_annotations(pod, container),
        },
        log_path=log_path(container.name, start.attempt),
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
        stop_signal=(container.lifecycle and container.lifecycle.stop_signal) or "",
        target_container_id=placement.target_container_id,
        resources=linux_resources(pod, container, sources.capacity),
        security=container_security(pod, container, image, placement.profiles_directory),
    )


def _configuration_annotation(
    pod: Pod, container: Container, sources: Sources
) -> Mapping[str, str]:
    configuration = configuration_of(pod, container, sources)
    return {CONFIGURATION: encoded(configuration)} if configuration else {}


def termination_message_path(container: Container) -> str:
    """The file in the container whose content is shown as its last words."""
    return container.termination_message_path or "/dev/termination-log"


def _hosts_mounts(hosts_file: Path | None) -> list[cri.Mount]:
    if hosts_file is None:
        return []
    return [cri.Mount(host_path=str(hosts_file), container_path=HOSTS_PATH)]


def linux_resources(
    pod: Pod, container: Container, capacity: Mapping[str, str]
) -> cri.LinuxResources:
    """Limits and weights as the kernel takes them."""
    requests, limits = container.resources.requests, container.resources.limits
    cpu_request = to_milli(requests.get("cpu") or limits.get("cpu") or "0")
    cpu_limit = to_milli(limits.get("cpu", "0"))
    quota = max(cpu_limit * CPU_PERIOD_MICROSECONDS // 1000, CPU_QUOTA_MICROSECONDS_MIN)
    return cri.LinuxResources(
        memory_limit_bytes=to_integer(limits.get("memory", "0")),
        cpu_quota_microseconds=quota if cpu_limit else 0,
        cpu_period_microseconds=CPU_PERIOD_MICROSECONDS,
        cpu_shares=max(cpu_request * 1024 // 1000, CPU_SHARES_MIN),
        oom_score_adjustment=_out_of_memory_score(pod, container, capacity),
    )


def _out_of_memory_score(pod: Pod, container: Container, capacity: Mapping[str, str]) -> int:
    """The less of the node's memory a burstable container asks for, the sooner it is killed.

    https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
    """
    service = quality_of_service(pod.spec)
    if service in OUT_OF_MEMORY_SCORES:
        return OUT_OF_MEMORY_SCORES[service]
    memory = parse_quantity(capacity.get("memory", "0"))
    if not memory:
        return 999
    resources = container.resources
    request = resources.requests.get("memory") or resources.limits.get("memory") or "0"
    return min(max(1000 - int(1000 * parse_quantity(request) / memory), 3), 999)
