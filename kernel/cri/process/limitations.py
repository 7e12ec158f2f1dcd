"""What of a configuration the process runtime leaves out on this machine: pure decisions."""

import os

from kernel.cri.process.state import Abilities
from kernel.cri.runtime import ContainerConfig, Mount, RuntimeFailure, SandboxConfig

# Mounts that are a convenience: where no mount is possible, they are left out.
_DISPENSABLE = ("/dev/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


def applicable_sysctls(config: SandboxConfig, abilities: Abilities) -> dict[str, str]:
    """The sysctls that can be set for the Pod alone: those of its network namespace."""
    if not abilities.network or config.host_network:
        return {}
    return {name: value for name, value in config.sysctls.items() if name.startswith("net.")}


def check_mounts(config: ContainerConfig, abilities: Abilities) -> None:
    """Raise `RuntimeFailure` for a volume that can't appear in the container.

    Where the user may not mount at all, a container can have a volume only at the very path that
    it has on the machine: to start a program that doesn't find its files would hide the reason.
    """
    if abilities.mounts:
        return
    for mount in config.mounts:
        if not _is_dispensable(mount) and not _is_in_place(mount):
            raise RuntimeFailure(
                f"volume at {mount.container_path} can't be mounted: this machine allows this user "
                "neither mounts nor user namespaces"
            )


def _is_dispensable(mount: Mount) -> bool:
    return mount.container_path.startswith(_DISPENSABLE)


def _is_in_place(mount: Mount) -> bool:
    return os.path.realpath(mount.host_path) == os.path.realpath(mount.container_path)


def limitations(
    sandbox: SandboxConfig, container: ContainerConfig, abilities: Abilities
) -> list[str]:
    """A sentence for each thing that is asked for and won't be done."""
    return [
        f"The process runtime runs the host's own programs: image {container.image} is not used",
        *_sandbox_limitations(sandbox, abilities),
        *([] if abilities.limits else _resource_limitations(container)),
        *_security_limitations(sandbox, container, abilities),
        *_file_limitations(container, abilities),
    ]


def _sandbox_limitations(sandbox: SandboxConfig, abilities: Abilities) -> list[str]:
    found = []
    if sandbox.port_mappings and not abilities.network and not sandbox.host_network:
        found.append("The Pod has no network of its own: its containers listen on the host's ports")
    if sandbox.share_processes and not abilities.processes:
        found.append("The Pod's containers share their processes with the whole host")
    if sandbox.dns is not None and not abilities.mounts:
        found.append("The Pod's DNS configuration is not applied: the host's is used")
    left_out = sorted(sandbox.sysctls.keys() - applicable_sysctls(sandbox, abilities).keys())
    if left_out:
        found.append(f"Sysctls are not set: {', '.join(left_out)}")
    return found


def _resource_limitations(container: ContainerConfig) -> list[str]:
    limits = container.resources
    named = [
        name
        for name, limit in (
            ("memory", limits.memory_limit_bytes),
            ("CPU", limits.cpu_quota_microseconds),
        )
        if limit > 0
    ]
    return [f"Limits are not enforced: {', '.join(named)}"] if named else []


def _security_limitations(
    sandbox: SandboxConfig, container: ContainerConfig, abilities: Abilities
) -> list[str]:
    security, found = container.security, []
    if not abilities.root:
        users = {security.run_as_user, sandbox.security.run_as_user} - {None, os.geteuid()}
        groups = {security.run_as_group, sandbox.security.run_as_group} - {None, os.getegid()}
        if users or groups or security.supplemental_groups or sandbox.security.supplemental_groups:
            found.append("Containers run as the user who runs podkernel: no other can be chosen")
        if security.privileged:
            found.append("A privileged container has no more rights than that user")
        if security.capabilities_added or security.capabilities_dropped:
            found.append("Capabilities are not changed")
    if security.seccomp_profile and security.seccomp_profile.lower() != "unconfined":
        found.append(f"Seccomp profile {security.seccomp_profile} is not applied")
    return found


def _file_limitations(container: ContainerConfig, abilities: Abilities) -> list[str]:
    found = []
    if container.security.read_only_root_filesystem and not abilities.mounts:
        found.append("The root filesystem is not read-only")
    shared = [mount for mount in container.mounts if mount.propagation == "bidirectional"]
    if shared:
        paths = ", ".join(mount.container_path for mount in shared)
        found.append(f"Mounts made in the container don't appear on the host: {paths}")
    return found
