"""Pods (core/v1): the kind and its spec.

The structs of containers (container.py) and of scheduling (affinity.py) can be imported from here.
"""

from typing import Annotated

import msgspec

from kernel.objects.affinity import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PreferredSchedulingTerm,
    Toleration,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from kernel.objects.container import (
    AppArmorProfile,
    Capabilities,
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    ContainerRestartRuleOnExitCodes,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    EphemeralContainer,
    ExecAction,
    FileKeySelector,
    GRPCAction,
    HTTPGetAction,
    HTTPHeader,
    Lifecycle,
    LifecycleHandler,
    ObjectFieldSelector,
    Probe,
    ProbeHandler,
    ResourceClaim,
    ResourceFieldSelector,
    ResourceRequirements,
    SeccompProfile,
    SecretEnvSource,
    SecretKeySelector,
    SecurityContext,
    SELinuxOptions,
    SleepAction,
    TCPSocketAction,
    VolumeDevice,
    VolumeMount,
    WindowsSecurityContextOptions,
)
from kernel.objects.kind import Kind
from kernel.objects.pod_status import PodStatus
from kernel.objects.quantity import Quantity
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.volume import LocalObjectReference, Volume
from kernel.objects.wire_types import Int32, Int64

__all__ = [
    "Affinity",
    "AppArmorProfile",
    "Capabilities",
    "ConfigMapEnvSource",
    "ConfigMapKeySelector",
    "Container",
    "ContainerPort",
    "ContainerResizePolicy",
    "ContainerRestartRule",
    "ContainerRestartRuleOnExitCodes",
    "EnvFromSource",
    "EnvVar",
    "EnvVarSource",
    "EphemeralContainer",
    "ExecAction",
    "FileKeySelector",
    "GRPCAction",
    "HTTPGetAction",
    "HTTPHeader",
    "HostAlias",
    "Lifecycle",
    "LifecycleHandler",
    "NodeAffinity",
    "NodeSelector",
    "NodeSelectorRequirement",
    "NodeSelectorTerm",
    "ObjectFieldSelector",
    "Pod",
    "PodAffinity",
    "PodAffinityTerm",
    "PodAntiAffinity",
    "PodDNSConfig",
    "PodDNSConfigOption",
    "PodOS",
    "PodReadinessGate",
    "PodResourceClaim",
    "PodSchedulingGate",
    "PodSecurityContext",
    "PodSpec",
    "PreferredSchedulingTerm",
    "Probe",
    "ProbeHandler",
    "ResourceClaim",
    "ResourceFieldSelector",
    "ResourceRequirements",
    "SELinuxOptions",
    "SeccompProfile",
    "SecretEnvSource",
    "SecretKeySelector",
    "SecurityContext",
    "SleepAction",
    "Sysctl",
    "TCPSocketAction",
    "Toleration",
    "TopologySpreadConstraint",
    "VolumeDevice",
    "VolumeMount",
    "WeightedPodAffinityTerm",
    "WindowsSecurityContextOptions",
]


class PodDNSConfigOption(Struct):
    """An option of resolv.conf."""

    name: str = ""
    """Name of the option, ndots say."""
    value: str | None = None
    """Its value, if it has one."""


class PodDNSConfig(Struct):
    """What is added to the resolv.conf that `dnsPolicy` gives."""

    nameservers: list[str] = []
    """Addresses of name servers, after those of the policy; at most 3."""
    searches: list[str] = []
    """Domains that are searched, after those of the policy; at most 32."""
    options: list[PodDNSConfigOption] = []
    """Options of the resolver; they win over those of the policy."""


class HostAlias(Struct):
    """A line of the Pod's /etc/hosts."""

    ip: str
    """The address."""
    hostnames: list[str] = []
    """The names that stand for it."""


class PodReadinessGate(Struct):
    """A condition that must be True, beside the containers' readiness, for a Pod to be ready."""

    condition_type: str
    """Type of the condition, which somebody else sets."""


class PodOS(Struct):
    """The operating system the Pod is meant for: linux or windows."""

    name: str
    """linux or windows; the Pod is refused by nodes of the other."""


class PodSchedulingGate(Struct):
    """A reason not to schedule the Pod yet."""

    name: str
    """Name of the gate, unique in the Pod."""


class PodResourceClaim(Struct):
    """A claim to devices, shared by the containers that name it."""

    name: str
    """Name of the claim in the Pod."""
    resource_claim_name: str | None = None
    """Name of a ResourceClaim of the namespace; excludes `resourceClaimTemplateName`."""
    resource_claim_template_name: str | None = None
    """Name of a ResourceClaimTemplate of the namespace, from which a claim is made for this Pod."""


class Sysctl(Struct):
    """A kernel parameter to set for the Pod."""

    name: str
    """Name of the parameter, net.core.somaxconn say."""
    value: str = msgspec.field(default_factory=str)
    """Its value."""


class PodSecurityContext(Struct):
    """Privileges for all containers of a Pod, and the group that owns its volumes."""

    se_linux_options: SELinuxOptions | None = None
    """The SELinux label of all containers."""
    windows_options: WindowsSecurityContextOptions | None = None
    """Settings for Windows containers."""
    run_as_user: Int64 | None = None
    """Number of the user that processes run as. Default: the image's."""
    run_as_group: Int64 | None = None
    """Number of the primary group that they run with. Default: the image's."""
    run_as_non_root: bool | None = None
    """Whether containers are refused that would run as user 0. Default: false."""
    supplemental_groups: list[Int64] = []
    """Numbers of groups that processes have beside."""
    supplemental_groups_policy: str | None = None
    """Whether the groups that the image gives the user count too. Default: Merge. One of: Merge,
    Strict."""
    fs_group: Int64 | None = None
    """Number of a group that processes have beside, and that owns volumes which can be owned."""
    sysctls: list[Sysctl] = []
    """Parameters of the kernel for the Pod's namespaces."""
    fs_group_change_policy: str | None = None
    """Whether a volume's files are given to `fsGroup` each time, or only if its root is not.
    Default: Always. One of: Always, OnRootMismatch."""
    seccomp_profile: SeccompProfile | None = None
    """Which system calls containers may make."""
    app_armor_profile: AppArmorProfile | None = None
    """Which AppArmor profile holds for containers."""
    se_linux_change_policy: str | None = None
    """How volumes get the Pod's SELinux label: MountOption or Recursive. Default: MountOption."""


class PodSpec(Struct):
    """What a Pod is made of and how it is to be run."""

    volumes: Annotated[list[Volume], MergeKey("name", retain_keys=True)] = []
    """Volumes that containers may mount."""
    init_containers: Annotated[list[Container], MergeKey("name")] = []
    """Containers that run one after the other before the others start; each must succeed, but for
    sidecars (`restartPolicy` Always), which go on beside them."""
    containers: Annotated[list[Container], MergeKey("name")] = []
    """Containers that run side by side; at least one. None can be added or removed. Required."""
    ephemeral_containers: Annotated[list[EphemeralContainer], MergeKey("name")] = []
    """Containers added to the running Pod to look into it, by the subresource ephemeralcontainers
    alone."""
    restart_policy: str = ""
    """When containers that ended are restarted. Default: Always. One of: Always, Never,
    OnFailure."""
    termination_grace_period_seconds: Int64 | None = None
    """How many seconds containers have to end after they were told to stop; then they are killed.
    Default: 30."""
    active_deadline_seconds: Int64 | None = None
    """After how many seconds since its start the Pod is ended as failed."""
    dns_policy: str = ""
    """Where resolv.conf comes from: the cluster's DNS (also on the host's network), the node's, or
    `dnsConfig` alone. Default: ClusterFirst. One of: ClusterFirst, ClusterFirstWithHostNet,
    Default, None."""
    node_selector: Annotated[dict[str, str], Atomic()] = {}
    """Labels that a node must have for the Pod to be put there."""
    service_account_name: str = ""
    """Name of the ServiceAccount that the Pod acts as. Default: default."""
    service_account: str = ""
    """Of old, the same as `serviceAccountName`."""
    automount_service_account_token: bool | None = None
    """Whether containers get the ServiceAccount's token as a file. Default: the ServiceAccount's
    say, or true."""
    node_name: str = ""
    """Name of the node that the Pod is on. If set on creation, nothing is asked of the
    scheduler."""
    host_network: bool = False
    """Whether it is in the node's network. Default: false."""
    host_pid: bool = False
    """Whether it sees the node's processes. Default: false."""
    host_ipc: bool = False
    """Whether it shares the node's IPC. Default: false."""
    share_process_namespace: bool | None = None
    """Whether its containers see one another's processes. Excludes `hostPID`. Default: false."""
    security_context: PodSecurityContext | None = None
    """Privileges of all containers, and who owns the volumes."""
    image_pull_secrets: Annotated[list[LocalObjectReference], MergeKey("name")] = []
    """Secrets of the namespace with credentials for registries."""
    hostname: str = ""
    """Host name of the Pod. Default: its name."""
    subdomain: str = ""
    """Domain of the host name: HOSTNAME.SUBDOMAIN.NAMESPACE.svc.CLUSTER-DOMAIN."""
    affinity: Affinity | None = None
    """Where the Pod may or should be, by labels of nodes and of other Pods."""
    scheduler_name: str = ""
    """Name of the scheduler that places it. Default: default-scheduler."""
    tolerations: list[Toleration] = []
    """Taints of nodes that do not keep it off."""
    host_aliases: Annotated[list[HostAlias], MergeKey("ip")] = []
    """Lines that are added to /etc/hosts."""
    priority_class_name: str = ""
    """Name of the PriorityClass that gives it its priority."""
    priority: Int32 | None = None
    """The higher, the more important; set from `priorityClassName`."""
    dns_config: PodDNSConfig | None = None
    """What is added to resolv.conf, or with the policy None all there is in it."""
    readiness_gates: list[PodReadinessGate] = []
    """Further conditions that must be True for the Pod to be ready."""
    runtime_class_name: str | None = None
    """Name of the RuntimeClass that it runs with. Default: the runtime's default."""
    enable_service_links: bool | None = None
    """Whether containers get variables for each Service of the namespace. Default: true."""
    preemption_policy: str | None = None
    """Whether Pods of lower priority may be ended to make room. Default: PreemptLowerPriority. One
    of: Never, PreemptLowerPriority."""
    overhead: dict[str, Quantity] = {}
    """What the Pod needs beside its containers; set from the RuntimeClass."""
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint], MergeKey("topologyKey", also=(("whenUnsatisfiable", ""),))
    ] = []
    """How Pods with certain labels are to spread over the nodes; all must hold."""
    set_hostname_as_fqdn: bool | None = None
    """Whether the full name, with subdomain and namespace, is the kernel's host name. Default:
    false."""
    os: PodOS | None = None
    """The operating system that the containers are for."""
    host_users: bool | None = None
    """Whether its users are the node's; false gives it a user namespace. Default: true."""
    scheduling_gates: Annotated[list[PodSchedulingGate], MergeKey("name")] = []
    """What must be taken away before the Pod is scheduled; nothing can be added later."""
    resource_claims: Annotated[list[PodResourceClaim], MergeKey("name", retain_keys=True)] = []
    """Claims of devices that containers may use."""
    resources: ResourceRequirements | None = None
    """What all containers together need, and the most that they may use."""
    hostname_override: str | None = None
    """The kernel's host name, whatever else is set; not with `setHostnameAsFQDN` or
    `hostNetwork`."""


class Pod(Kind, version="v1", short_names=("po",), categories=("all",)):
    """Containers that share a node, a network address and volumes, and live and die together."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    """What is to run."""
    status: PodStatus = msgspec.field(default_factory=PodStatus)
    """What runs, as it was last seen."""
