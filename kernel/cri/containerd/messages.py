"""Pure translation between the runtime contract's structs and CRI's messages."""

from collections.abc import Mapping

import msgspec

from kernel.cri.hidden_paths import MASKED_PATHS, READ_ONLY_PATHS
from kernel.cri.measuring import ContainerUsage
from kernel.cri.proto import runtime_pb2 as cri
from kernel.cri.runtime import (
    START_INTERRUPTED,
    Container,
    ContainerConfig,
    ContainerState,
    Image,
    LinuxResources,
    Mount,
    RegistryCredentials,
    Sandbox,
    SandboxConfig,
    SandboxState,
    SELinuxLabel,
)

ASKED_IMAGE_ANNOTATION = "podkernel.dev/asked-image"
"""Where a container keeps its image's name as it was asked for: CRI's status shows one of the
tags that the image has by now."""

STOP_SIGNAL_ANNOTATION = "podkernel.dev/stop-signal"
"""Where a container keeps its own stop signal, for a containerd that does not take it."""

SANDBOX_ANNOTATION = "podkernel.dev/sandbox"
"""Where a container keeps its sandbox's id, which CRI's status does not show."""

_INTERRUPTION_SIGNS = ("context canceled", "signal: killed")

_PROPAGATIONS = {
    "private": cri.PROPAGATION_PRIVATE,
    "host-to-container": cri.PROPAGATION_HOST_TO_CONTAINER,
    "bidirectional": cri.PROPAGATION_BIDIRECTIONAL,
}

_CONTAINER_STATES = {
    cri.CONTAINER_CREATED: ContainerState.CREATED,
    cri.CONTAINER_RUNNING: ContainerState.RUNNING,
    cri.CONTAINER_EXITED: ContainerState.EXITED,
}


def sandbox_config_message(config: SandboxConfig) -> cri.PodSandboxConfig:
    """A sandbox's configuration as CRI has it."""
    message = cri.PodSandboxConfig(
        metadata=cri.PodSandboxMetadata(
            name=config.name, uid=config.uid, namespace=config.namespace, attempt=config.attempt
        ),
        # A sandbox in the node's network has the node's name, and CRI refuses another.
        hostname="" if config.host_network else config.hostname,
        log_directory=config.log_directory,
        port_mappings=[
            cri.PortMapping(
                protocol=mapping.protocol,
                container_port=mapping.container_port,
                host_port=mapping.host_port,
                host_ip=mapping.host_ip,
            )
            for mapping in config.port_mappings
        ],
        labels=config.labels,
        annotations=config.annotations,
        linux=cri.LinuxPodSandboxConfig(
            cgroup_parent=config.cgroup_parent,
            security_context=_sandbox_security(config),
            sysctls=config.sysctls,
        ),
    )
    if config.dns is not None:
        message.dns_config.servers.extend(config.dns.servers)
        message.dns_config.searches.extend(config.dns.searches)
        message.dns_config.options.extend(config.dns.options)
    return message


def container_config_message(
    config: ContainerConfig, sandbox: SandboxConfig, *, sandbox_id: str, image: str
) -> cri.ContainerConfig:
    """A container's configuration as CRI has it; `image` is its whole name or id."""
    return cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name=config.name, attempt=config.attempt),
        image=cri.ImageSpec(image=image),
        command=config.command,
        args=config.args,
        working_dir=config.working_directory,
        envs=[cri.KeyValue(key=key, value=value) for key, value in config.environment.items()],
        mounts=[_mount(mount) for mount in config.mounts],
        labels=config.labels,
        annotations={
            **config.annotations,
            ASKED_IMAGE_ANNOTATION: config.image,
            SANDBOX_ANNOTATION: sandbox_id,
            **({STOP_SIGNAL_ANNOTATION: config.stop_signal} if config.stop_signal else {}),
        },
        log_path=config.log_path,
        stdin=config.stdin,
        stdin_once=config.stdin_once,
        tty=config.tty,
        linux=cri.LinuxContainerConfig(
            resources=resources_message(config.resources),
            security_context=_container_security(config, sandbox),
        ),
        stop_signal=_stop_signal(config.stop_signal),
    )


def credentials_message(credentials: RegistryCredentials) -> cri.AuthConfig:
    """What to show a registry, as CRI has it."""
    return cri.AuthConfig(
        username=credentials.username,
        password=credentials.password,
        server_address=credentials.server,
    )


def sandbox_of(status: cri.PodSandboxStatus) -> Sandbox:
    """A sandbox from CRI's status; one that is stopped has no address any more."""
    state = sandbox_state_of(status.state)
    addresses = [status.network.ip, *(address.ip for address in status.network.additional_ips)]
    return Sandbox(
        id=status.id,
        name=status.metadata.name,
        namespace=status.metadata.namespace,
        uid=status.metadata.uid,
        attempt=status.metadata.attempt,
        state=state,
        created_at=status.created_at,
        labels=dict(status.labels),
        annotations=dict(status.annotations),
        addresses=tuple(filter(None, addresses)) if state is SandboxState.READY else (),
    )


def network_namespace_of(info: Mapping[str, str]) -> str:
    """The path of a sandbox's network namespace, from what CRI says of it when asked to be verbose;
    empty where it is the machine's."""
    try:
        found = msgspec.json.decode(info.get("info", ""), type=_SandboxInfo)
    except msgspec.DecodeError:
        return ""
    namespaces = found.runtime_spec.linux.namespaces
    return next((one.path for one in namespaces if one.type == "network"), "")


class _Namespace(msgspec.Struct):
    type: str
    path: str = ""


class _Linux(msgspec.Struct):
    namespaces: list[_Namespace] = []


class _RuntimeSpec(msgspec.Struct):
    linux: _Linux = msgspec.field(default_factory=_Linux)


class _SandboxInfo(msgspec.Struct, rename="camel"):
    """The part that is read of what containerd tells (an OCI runtime spec is in it)."""

    runtime_spec: _RuntimeSpec = msgspec.field(default_factory=_RuntimeSpec)


def sandbox_state_of(state: cri.PodSandboxState) -> SandboxState:
    return SandboxState.READY if state == cri.SANDBOX_READY else SandboxState.NOT_READY


def container_state_of(state: cri.ContainerState) -> ContainerState:
    return _CONTAINER_STATES.get(state, ContainerState.UNKNOWN)


def container_of(status: cri.ContainerStatus) -> Container:
    """A container from CRI's status. Our own annotations are not the caller's to see; where
    somebody else made the container, its sandbox's id is empty."""
    annotations = dict(status.annotations)
    sandbox_id = annotations.pop(SANDBOX_ANNOTATION, "")
    annotations.pop(STOP_SIGNAL_ANNOTATION, None)
    asked_image = annotations.pop(ASKED_IMAGE_ANNOTATION, status.image.image)
    return Container(
        id=status.id,
        sandbox_id=sandbox_id,
        name=status.metadata.name,
        attempt=status.metadata.attempt,
        state=container_state_of(status.state),
        image=asked_image,
        image_id=status.image_ref,
        created_at=status.created_at,
        labels=dict(status.labels),
        annotations=annotations,
        started_at=status.started_at,
        finished_at=status.finished_at,
        exit_code=status.exit_code,
        reason=START_INTERRUPTED if _was_interrupted(status) else status.reason,
        message=status.message,
        log_path=status.log_path,
    )


def _was_interrupted(status: cri.ContainerStatus) -> bool:
    """containerd gives up a start when the process that asked for it dies, and kills the commands
    that it had called for it."""
    never_ran = status.reason == "StartError" and status.started_at == 0
    return never_ran and any(sign in status.message for sign in _INTERRUPTION_SIGNS)


def image_of(image: cri.Image) -> Image:
    """An image from CRI; its user is a number, a name, or empty."""
    return Image(
        id=image.id,
        tags=tuple(image.repo_tags),
        digests=tuple(image.repo_digests),
        size_bytes=image.size,
        user=str(image.uid.value) if image.HasField("uid") else image.username,
        pinned=image.pinned,
    )


def usage_of(stats: cri.ContainerStats) -> ContainerUsage:
    """What a running container uses, from CRI."""
    return ContainerUsage(
        container_id=stats.attributes.id,
        labels=dict(stats.attributes.labels),
        measured_at=stats.cpu.timestamp,
        cpu_nanoseconds=stats.cpu.usage_core_nano_seconds.value,
        memory_bytes=stats.memory.working_set_bytes.value,
        writable_layer_bytes=stats.writable_layer.used_bytes.value,
    )


def _sandbox_security(config: SandboxConfig) -> cri.LinuxSandboxSecurityContext:
    security = config.security
    return cri.LinuxSandboxSecurityContext(
        namespace_options=_namespace_options(config),
        run_as_user=_optional_number(security.run_as_user),
        run_as_group=_optional_number(security.run_as_group),
        readonly_rootfs=security.read_only_root_filesystem,
        supplemental_groups=security.supplemental_groups,
        privileged=security.privileged,
        seccomp=_seccomp(security.seccomp_profile),
        apparmor=_apparmor(security.apparmor_profile),
        selinux_options=_selinux(security.selinux),
    )


def _container_security(
    config: ContainerConfig, sandbox: SandboxConfig
) -> cri.LinuxContainerSecurityContext:
    security = config.security
    return cri.LinuxContainerSecurityContext(
        capabilities=cri.Capability(
            add_capabilities=_capabilities(security.capabilities_added),
            drop_capabilities=_capabilities(security.capabilities_dropped),
        ),
        privileged=security.privileged,
        namespace_options=_namespace_options(sandbox, config.target_container_id),
        run_as_user=_optional_number(security.run_as_user),
        run_as_username=security.run_as_user_name,
        run_as_group=_optional_number(security.run_as_group),
        readonly_rootfs=security.read_only_root_filesystem,
        supplemental_groups=security.supplemental_groups,
        no_new_privs=not security.allow_privilege_escalation,
        seccomp=_seccomp(security.seccomp_profile),
        apparmor=_apparmor(security.apparmor_profile),
        selinux_options=_selinux(security.selinux),
        masked_paths=() if security.whole_proc else MASKED_PATHS,
        readonly_paths=() if security.whole_proc else READ_ONLY_PATHS,
    )


def _namespace_options(sandbox: SandboxConfig, target_id: str = "") -> cri.NamespaceOption:
    if sandbox.host_pid:
        process_ids = cri.NODE
    elif sandbox.share_processes:
        process_ids = cri.POD
    elif target_id:
        process_ids = cri.TARGET
    else:
        process_ids = cri.CONTAINER
    return cri.NamespaceOption(
        network=cri.NODE if sandbox.host_network else cri.POD,
        pid=process_ids,
        ipc=cri.NODE if sandbox.host_ipc else cri.POD,
        target_id=target_id if process_ids == cri.TARGET else "",
    )


def _capabilities(names: tuple[str, ...]) -> list[str]:
    """CRI has them without the prefix that the kernel's headers give them."""
    return [name.upper().removeprefix("CAP_") for name in names]


def _seccomp(profile: str) -> cri.SecurityProfile:
    """`RuntimeDefault`, `Unconfined` (also where nothing is said), or a profile's path."""
    match profile:
        case "" | "Unconfined":
            return cri.SecurityProfile(profile_type=cri.SecurityProfile.Unconfined)
        case "RuntimeDefault":
            return cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault)
        case path:
            return cri.SecurityProfile(
                profile_type=cri.SecurityProfile.Localhost, localhost_ref=path
            )


def _apparmor(profile: str) -> cri.SecurityProfile | None:
    """None is the runtime's own choice: its default profile where the machine has AppArmor."""
    match profile:
        case "":
            return None
        case "Unconfined":
            return cri.SecurityProfile(profile_type=cri.SecurityProfile.Unconfined)
        case "RuntimeDefault":
            return cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault)
        case name:
            return cri.SecurityProfile(
                profile_type=cri.SecurityProfile.Localhost, localhost_ref=name
            )


def _selinux(label: SELinuxLabel | None) -> cri.SELinuxOption | None:
    if label is None:
        return None
    return cri.SELinuxOption(user=label.user, role=label.role, type=label.type, level=label.level)


def _stop_signal(name: str) -> str:
    """CRI's name for `SIGUSR1` or `USR1`; one that it has no name for becomes the default."""
    known = f"SIGNAL_SIG{name.upper().removeprefix('SIG')}"
    return known if known in cri.Signal.DESCRIPTOR.values_by_name else "SIGNAL_RUNTIME_DEFAULT"


def _optional_number(value: int | None) -> cri.Int64Value | None:
    return None if value is None else cri.Int64Value(value=value)


def _mount(mount: Mount) -> cri.Mount:
    return cri.Mount(
        container_path=mount.container_path,
        host_path=mount.host_path,
        readonly=mount.read_only,
        propagation=_PROPAGATIONS[mount.propagation],
    )


def resources_message(resources: LinuxResources) -> cri.LinuxContainerResources:
    """Limits and weights; zero leaves a thing as it is."""
    return cri.LinuxContainerResources(
        # A period without a quota limits nothing.
        cpu_period=resources.cpu_period_microseconds if resources.cpu_quota_microseconds else 0,
        cpu_quota=resources.cpu_quota_microseconds,
        cpu_shares=resources.cpu_shares,
        memory_limit_in_bytes=resources.memory_limit_bytes,
        oom_score_adj=resources.oom_score_adjustment,
    )
