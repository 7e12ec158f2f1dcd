"""What of a configuration the process runtime leaves out on this machine: pure decisions."""

import os

from kernel.cri.process.capabilities import CAPABILITIES
from kernel.cri.process.layout import RUNTIME_DEFAULT
from kernel.cri.process.state import Abilities
from kernel.cri.runtime import ContainerConfig, Mount, RuntimeFailure, SandboxConfig

# What every container is given unasked: where the API's credentials are.
_CREDENTIALS = "/var/run/secrets/kubernetes.io/serviceaccount"
# Mounts that are a convenience: where no mount is possible, they are left out.
_DISPENSABLE = (
    *("/dev/termination-log", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"),
    _CREDENTIALS,
)
# What containers without a request have.
_CPU_SHARES_MIN = 2
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def applicable_sysctls(config: SandboxConfig, abilities: Abilities) -> dict[str, str]:
    """The sysctls that can be set for the Pod alone: those of its network and IPC namespaces."""
    prefixes: tuple[str, ...] = ()
    if abilities.network and not config.host_network:
        prefixes += ("net.",)
    if abilities.root and not config.host_ipc:
        prefixes += _IPC_SYSCTLS
    return {name: value for name, value in config.sysctls.items() if name.startswith(prefixes)}


def check_capabilities(config: ContainerConfig) -> None:
    """Raise `RuntimeFailure` for a capability that there is not, as other runtimes do."""
    security = config.security
    for name in (*security.capabilities_added, *security.capabilities_dropped):
        if name.upper().removeprefix("CAP_") not in {"ALL", *CAPABILITIES}:
            raise RuntimeFailure(f"unknown capability {name}")


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
    return mount.container_path in _DISPENSABLE


def _is_in_place(mount: Mount) -> bool:
    return os.path.realpath(mount.host_path) == os.path.realpath(mount.container_path)


def limitations(
    sandbox: SandboxConfig, container: ContainerConfig, abilities: Abilities
) -> list[str]:
    """A sentence for each thing that is asked for and won't be done."""
    return [
        f"The process runtime runs the host's own programs{_surroundings(sandbox, abilities)}: "
        f"image {container.image} is not used",
        *_sandbox_limitations(sandbox, abilities),
        *_network_limitations(sandbox, abilities),
        *_resource_limitations(container, abilities),
        *_security_limitations(sandbox, container, abilities),
        *_file_limitations(container, abilities),
    ]


def _surroundings(sandbox: SandboxConfig, abilities: Abilities) -> str:
    """What every Pod shares with the host here, though it is meant to have its own."""
    if not abilities.mounts:
        return " among the host's files, processes and network"
    if not abilities.network and not sandbox.host_network:
        return " in the host's network"
    return ""


def _sandbox_limitations(sandbox: SandboxConfig, abilities: Abilities) -> list[str]:
    found = []
    if sandbox.runtime_handler:
        found.append(f"There is one way to run Pods: handler {sandbox.runtime_handler} is not used")
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


def _network_limitations(sandbox: SandboxConfig, abilities: Abilities) -> list[str]:
    if sandbox.host_network or not abilities.network:
        return []
    reaches = "The Pod reaches this machine and its Pods and nothing further"
    if not abilities.way_out:
        return [f"{reaches}: the machine's kernel does not translate addresses (nf_tables)"]
    if not abilities.forwards:
        return [f"{reaches}: the machine does not forward packets (net.ipv4.ip_forward is 0)"]
    if abilities.drops_forwarded:
        return [f"{reaches} unless a rule lets it: the machine's firewall drops what it forwards"]
    return []


def _resource_limitations(container: ContainerConfig, abilities: Abilities) -> list[str]:
    resources, found = container.resources, []
    limits = {
        "memory": resources.memory_limit_bytes,
        "CPU": resources.cpu_quota_microseconds,
    }
    unenforced = [name for name, limit in limits.items() if limit > 0 and not abilities.limits]
    if unenforced:
        found.append(f"Limits are not enforced: {', '.join(unenforced)}")
    if resources.cpu_shares > _CPU_SHARES_MIN and not abilities.limits:
        found.append("The request for CPU has no weight: all containers have the same")
    if resources.oom_score_adjustment < 0 and not abilities.sparing:
        found.append(
            "The container is not spared when memory runs out: this user may not lower its score"
        )
    return found


def _security_limitations(
    sandbox: SandboxConfig, container: ContainerConfig, abilities: Abilities
) -> list[str]:
    security, found = container.security, []
    if not abilities.root:
        users = {security.run_as_user, sandbox.security.run_as_user} - {None, os.geteuid()}
        groups = {security.run_as_group, sandbox.security.run_as_group} - {None, os.getegid()}
        if (users or groups) and not abilities.users:
            found.append("Containers run as the user who runs podkernel: no other can be chosen")
        if security.supplemental_groups or sandbox.security.supplemental_groups:
            found.append("Supplemental groups are not given: only root can do that")
        if security.privileged:
            found.append("A privileged container has no more rights than that user")
        found += _capability_limitations(container, abilities)
    if not _is_seccomp_applied(container, abilities):
        found.append(f"Seccomp profile {security.seccomp_profile} is not applied")
    if security.apparmor_profile not in ("", "Unconfined"):
        found.append(f"AppArmor profile {security.apparmor_profile} is not applied")
    if security.selinux is not None:
        found.append("SELinux options are not applied")
    return found


def _is_seccomp_applied(container: ContainerConfig, abilities: Abilities) -> bool:
    """Privileged containers are unconfined in Kubernetes, too."""
    security = container.security
    if security.privileged or security.seccomp_profile in ("", "Unconfined"):
        return True
    return abilities.seccomp and security.seccomp_profile == RUNTIME_DEFAULT


def _capability_limitations(container: ContainerConfig, abilities: Abilities) -> list[str]:
    security = container.security
    if not abilities.mounts and (security.capabilities_added or security.capabilities_dropped):
        return ["Capabilities are not changed"]
    if security.capabilities_added:
        names = ", ".join(security.capabilities_added)
        return [f"Capabilities do not reach beyond what is the container's own: {names}"]
    return []


def _file_limitations(container: ContainerConfig, abilities: Abilities) -> list[str]:
    found = []
    if container.security.read_only_root_filesystem and not abilities.mounts:
        found.append("The root filesystem is not read-only")
    credentials = any(mount.container_path == _CREDENTIALS for mount in container.mounts)
    if credentials and not abilities.mounts:
        found.append(f"The credentials for the API do not appear at {_CREDENTIALS}")
    shared = [mount for mount in container.mounts if mount.propagation == "bidirectional"]
    if shared:
        paths = ", ".join(mount.container_path for mount in shared)
        found.append(f"Mounts made in the container don't appear on the host: {paths}")
    return found
