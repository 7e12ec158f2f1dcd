"""Containers of a Pod: what runs, with which environment, probes and privileges (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.quantity import Quantity
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64


class ContainerPort(Struct):
    """A port that the container listens on; `host_port` above 0 opens it on the node too."""

    name: str = ""
    host_port: Int32 = 0
    container_port: Int32
    protocol: str = ""
    host_ip: str = ""


class ObjectFieldSelector(Struct, atomic=True):
    """One field of the Pod itself, such as `metadata.name` or `status.podIP`."""

    api_version: str = ""
    field_path: str


class ResourceFieldSelector(Struct, atomic=True):
    """A limit or request of a container, in units of `divisor` (rounded up)."""

    container_name: str = ""
    resource: str
    divisor: Quantity = ""


class ConfigMapKeySelector(Struct, atomic=True):
    """One key of a ConfigMap in the Pod's namespace."""

    name: str = ""
    key: str
    optional: bool | None = None


class SecretKeySelector(Struct, atomic=True):
    """One key of a Secret in the Pod's namespace."""

    name: str = ""
    key: str
    optional: bool | None = None


class FileKeySelector(Struct, atomic=True):
    """One variable from a file in a volume that an init container has written."""

    volume_name: str
    path: str
    key: str
    optional: bool | None = None


class EnvVarSource(Struct):
    """Where the value of an environment variable comes from: exactly one field is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None
    file_key_ref: FileKeySelector | None = None


class EnvVar(Struct):
    """One environment variable. `$(NAME)` in `value` stands for an earlier variable."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class ConfigMapEnvSource(Struct):
    """A ConfigMap whose every key becomes a variable."""

    name: str = ""
    optional: bool | None = None


class SecretEnvSource(Struct):
    """A Secret whose every key becomes a variable."""

    name: str = ""
    optional: bool | None = None


class EnvFromSource(Struct):
    """Many variables at once, their names prefixed with `prefix`."""

    prefix: str = ""
    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


class ResourceClaim(Struct):
    """An entry of the Pod's `resourceClaims` that the container uses."""

    name: str
    request: str = ""


class ResourceRequirements(Struct):
    """What is asked of the scheduler (`requests`) and enforced at run time (`limits`)."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}
    claims: list[ResourceClaim] = []


class ContainerResizePolicy(Struct):
    """Whether a resize of a resource restarts the container."""

    resource_name: str
    restart_policy: str


class ContainerRestartRuleOnExitCodes(Struct):
    """The exit codes that a restart rule is about: In or NotIn `values`."""

    operator: str = ""
    values: list[Int32] = []


class ContainerRestartRule(Struct):
    """What to do when the container ends with one of some exit codes."""

    action: str = ""
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class VolumeMount(Struct):
    """Where a volume of the Pod appears in the container."""

    name: str
    read_only: bool = False
    recursive_read_only: str | None = None
    mount_path: str
    sub_path: str = ""
    mount_propagation: str | None = None
    sub_path_expr: str = ""


class VolumeDevice(Struct):
    """Where a raw block device appears in the container."""

    name: str
    device_path: str


class ExecAction(Struct):
    """A command run in the container; exit code 0 is success. No shell is involved."""

    command: list[str] = []


class HTTPHeader(Struct):
    """One header of a request."""

    name: str
    value: str = msgspec.field(default_factory=str)


class HTTPGetAction(Struct):
    """A request; a status of 200 to 399 is success. `port` may be a container port's name."""

    path: str = ""
    port: int | str
    host: str = ""
    scheme: str = ""
    http_headers: list[HTTPHeader] = []


class TCPSocketAction(Struct):
    """A connection; that it opens is success. `port` may be a container port's name."""

    port: int | str
    host: str = ""


class GRPCAction(Struct):
    """A call of the gRPC health service on the Pod's address."""

    port: Int32
    service: str | None = None


class SleepAction(Struct):
    """A pause of so many seconds."""

    seconds: Int64


class ProbeHandler(Struct):
    """How a probe asks: exactly one field is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None


class Probe(ProbeHandler):
    """How often and how patiently a container is asked for its health."""

    initial_delay_seconds: Int32 = 0
    timeout_seconds: Int32 = 0
    period_seconds: Int32 = 0
    success_threshold: Int32 = 0
    failure_threshold: Int32 = 0
    termination_grace_period_seconds: Int64 | None = None


class LifecycleHandler(Struct):
    """What a lifecycle hook does: exactly one field is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Struct):
    """Hooks right after the container's start and before it is asked to stop."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None


class Capabilities(Struct):
    """POSIX capabilities added to and dropped from the runtime's default set."""

    add: list[str] = []
    drop: list[str] = []


class SELinuxOptions(Struct):
    """The SELinux label of a container."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class WindowsSecurityContextOptions(Struct):
    """Settings for Windows containers."""

    gmsa_credential_spec_name: str | None = None
    gmsa_credential_spec: str | None = None
    run_as_user_name: str | None = None
    host_process: bool | None = None


class SeccompProfile(Struct):
    """The system calls a container may make: RuntimeDefault, Unconfined or Localhost."""

    type: str
    localhost_profile: str | None = None


class AppArmorProfile(Struct):
    """The AppArmor profile of a container: RuntimeDefault, Unconfined or Localhost."""

    type: str
    localhost_profile: str | None = None


class SecurityContext(Struct):
    """A container's privileges; what is set here wins over the Pod's security context."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None


class Container(Struct):
    """One container of a Pod. `restart_policy` is for init containers: Always makes a sidecar."""

    name: str
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    ports: Annotated[
        list[ContainerPort], MergeKey("containerPort", also=(("protocol", "TCP"),))
    ] = []
    env_from: list[EnvFromSource] = []
    env: Annotated[list[EnvVar], MergeKey("name")] = []
    resources: ResourceRequirements = msgspec.field(default_factory=ResourceRequirements)
    resize_policy: list[ContainerResizePolicy] = []
    restart_policy: str | None = None
    restart_policy_rules: list[ContainerRestartRule] = []
    volume_mounts: Annotated[list[VolumeMount], MergeKey("mountPath")] = []
    volume_devices: Annotated[list[VolumeDevice], MergeKey("devicePath")] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = ""
    termination_message_policy: str = ""
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainer(Container):
    """A container added to a running Pod to look into it; never restarted."""

    target_container_name: str = ""
