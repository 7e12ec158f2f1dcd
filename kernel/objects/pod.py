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
    value: str | None = None


class PodDNSConfig(Struct):
    """What is added to the resolv.conf that `dnsPolicy` gives."""

    nameservers: list[str] = []
    searches: list[str] = []
    options: list[PodDNSConfigOption] = []


class HostAlias(Struct):
    """A line of the Pod's /etc/hosts."""

    ip: str
    hostnames: list[str] = []


class PodReadinessGate(Struct):
    """A condition that must be True, beside the containers' readiness, for a Pod to be ready."""

    condition_type: str


class PodOS(Struct):
    """The operating system the Pod is meant for: linux or windows."""

    name: str


class PodSchedulingGate(Struct):
    """A reason not to schedule the Pod yet."""

    name: str


class PodResourceClaim(Struct):
    """A claim to devices, shared by the containers that name it."""

    name: str
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class Sysctl(Struct):
    """A kernel parameter to set for the Pod."""

    name: str
    value: str = msgspec.field(default_factory=str)


class PodSecurityContext(Struct):
    """Privileges for all containers of a Pod, and the group that owns its volumes."""

    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: list[Int64] = []
    supplemental_groups_policy: str | None = None
    fs_group: Int64 | None = None
    sysctls: list[Sysctl] = []
    fs_group_change_policy: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    se_linux_change_policy: str | None = None


class PodSpec(Struct):
    """What a Pod is made of and how it is to be run."""

    volumes: Annotated[list[Volume], MergeKey("name", retain_keys=True)] = []
    init_containers: Annotated[list[Container], MergeKey("name")] = []
    containers: Annotated[list[Container], MergeKey("name")] = []
    ephemeral_containers: Annotated[list[EphemeralContainer], MergeKey("name")] = []
    restart_policy: str = ""
    termination_grace_period_seconds: Int64 | None = None
    active_deadline_seconds: Int64 | None = None
    dns_policy: str = ""
    node_selector: Annotated[dict[str, str], Atomic()] = {}
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool | None = None
    node_name: str = ""
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_process_namespace: bool | None = None
    security_context: PodSecurityContext | None = None
    image_pull_secrets: Annotated[list[LocalObjectReference], MergeKey("name")] = []
    hostname: str = ""
    subdomain: str = ""
    affinity: Affinity | None = None
    scheduler_name: str = ""
    tolerations: list[Toleration] = []
    host_aliases: Annotated[list[HostAlias], MergeKey("ip")] = []
    priority_class_name: str = ""
    priority: Int32 | None = None
    dns_config: PodDNSConfig | None = None
    readiness_gates: list[PodReadinessGate] = []
    runtime_class_name: str | None = None
    enable_service_links: bool | None = None
    preemption_policy: str | None = None
    overhead: dict[str, Quantity] = {}
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint], MergeKey("topologyKey", also=(("whenUnsatisfiable", ""),))
    ] = []
    set_hostname_as_fqdn: bool | None = None
    os: PodOS | None = None
    host_users: bool | None = None
    scheduling_gates: Annotated[list[PodSchedulingGate], MergeKey("name")] = []
    resource_claims: Annotated[list[PodResourceClaim], MergeKey("name", retain_keys=True)] = []
    resources: ResourceRequirements | None = None
    hostname_override: str | None = None


class Pod(Kind, version="v1", short_names=("po",), categories=("all",)):
    """Containers that share a node, a network address and volumes, and live and die together."""

    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)
