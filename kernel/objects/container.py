"""Containers of a Pod: what runs, with which environment, probes and privileges (core/v1)."""

from typing import Annotated

import msgspec

from kernel.objects.quantity import Quantity
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64


class ContainerPort(Struct):
    """A port that the container listens on; `host_port` above 0 opens it on the node too."""

    name: str = ""
    """Name by which probes and Services may refer to the port: at most 15 lower-case letters,
    digits and -."""
    host_port: Int32 = 0
    """Port of the node by which the container's is reached, 1 to 65535. On the host's network it
    must be `containerPort`."""
    container_port: Int32
    """Port that is listened on in the container, 1 to 65535."""
    protocol: str = ""
    """Protocol of the port. Default: TCP. One of: SCTP, TCP, UDP."""
    host_ip: str = ""
    """Address of the node that `hostPort` is bound to. Absent: all of them."""


class ObjectFieldSelector(Struct, atomic=True):
    """One field of the Pod itself, such as `metadata.name` or `status.podIP`."""

    api_version: str = ""
    """Version of the API that `fieldPath` is written for. Default: v1."""
    field_path: str
    """Path of the field, metadata.name or metadata.labels['app'] say."""


class ResourceFieldSelector(Struct, atomic=True):
    """A limit or request of a container, in units of `divisor` (rounded up)."""

    container_name: str = ""
    """Name of the container; must be set in volumes, and is the container itself in its env."""
    resource: str
    """What is asked for: limits or requests of cpu, memory, ephemeral-storage or hugepages,
    limits.cpu say."""
    divisor: Quantity = ""
    """The unit that the value is told in, 1Mi say, rounded up. Default: 1."""


class ConfigMapKeySelector(Struct, atomic=True):
    """One key of a ConfigMap in the Pod's namespace."""

    name: str = ""
    """Name of the ConfigMap, in the Pod's namespace."""
    key: str
    """The key whose value is taken."""
    optional: bool | None = None
    """Whether the container starts without it where the ConfigMap or the key is missing. Default:
    false."""


class SecretKeySelector(Struct, atomic=True):
    """One key of a Secret in the Pod's namespace."""

    name: str = ""
    """Name of the Secret, in the Pod's namespace."""
    key: str
    """The key whose value is taken."""
    optional: bool | None = None
    """Whether the container starts without it where the Secret or the key is missing. Default:
    false."""


class FileKeySelector(Struct, atomic=True):
    """One variable from a file in a volume that an init container has written."""

    volume_name: str
    """Name of the emptyDir volume that has the file."""
    path: str
    """Path of the file in the volume, of lines KEY=VALUE."""
    key: str
    """The key whose value is taken."""
    optional: bool | None = None
    """Whether the container starts without it where the file or the key is missing. Default:
    false."""


class EnvVarSource(Struct):
    """Where the value of an environment variable comes from: exactly one field is set."""

    field_ref: ObjectFieldSelector | None = None
    """A field of the Pod: its name, namespace, uid, labels, annotations, nodeName,
    serviceAccountName, hostIP, podIP and the like."""
    resource_field_ref: ResourceFieldSelector | None = None
    """A limit or request of a container."""
    config_map_key_ref: ConfigMapKeySelector | None = None
    """A key of a ConfigMap."""
    secret_key_ref: SecretKeySelector | None = None
    """A key of a Secret."""
    file_key_ref: FileKeySelector | None = None
    """A key of a file in a volume, which init containers may write."""


class EnvVar(Struct):
    """One environment variable. `$(NAME)` in `value` stands for an earlier variable."""

    name: str
    """Name of the variable; printable ASCII without =."""
    value: str = ""
    """Its value; $(NAME) stands for a variable defined before, $$ for a dollar sign. Default:
    empty."""
    value_from: EnvVarSource | None = None
    """Where its value is taken from; excludes `value`."""


class ConfigMapEnvSource(Struct):
    """A ConfigMap whose every key becomes a variable."""

    name: str = ""
    """Name of the ConfigMap, in the Pod's namespace."""
    optional: bool | None = None
    """Whether the container starts without it where the ConfigMap is missing. Default: false."""


class SecretEnvSource(Struct):
    """A Secret whose every key becomes a variable."""

    name: str = ""
    """Name of the Secret, in the Pod's namespace."""
    optional: bool | None = None
    """Whether the container starts without it where the Secret is missing. Default: false."""


class EnvFromSource(Struct):
    """Many variables at once, their names prefixed with `prefix`."""

    prefix: str = ""
    """What is put before each key to name its variable."""
    config_map_ref: ConfigMapEnvSource | None = None
    """A ConfigMap, whose keys become variables."""
    secret_ref: SecretEnvSource | None = None
    """A Secret, whose keys become variables."""


class ResourceClaim(Struct):
    """An entry of the Pod's `resourceClaims` that the container uses."""

    name: str
    """Name of the claim in the Pod's `resourceClaims`."""
    request: str = ""
    """The request of that claim that is used; empty for all."""


class ResourceRequirements(Struct):
    """What is asked of the scheduler (`requests`) and enforced at run time (`limits`)."""

    limits: dict[str, Quantity] = {}
    """The most that may be used, by resource: cpu, memory and so on."""
    requests: dict[str, Quantity] = {}
    """What is set aside, by resource. Default: the limit, where there is one."""
    claims: list[ResourceClaim] = []
    """Claims of the Pod that the container uses."""


class ContainerResizePolicy(Struct):
    """Whether a resize of a resource restarts the container."""

    resource_name: str
    """cpu or memory."""
    restart_policy: str
    """Whether a new amount needs a restart: NotRequired or RestartContainer. Default:
    NotRequired."""


class ContainerRestartRuleOnExitCodes(Struct):
    """The exit codes that a restart rule is about: In or NotIn `values`."""

    operator: str = ""
    """Whether the exit code must be among `values` (In), or must not (NotIn)."""
    values: list[Int32] = []
    """The exit codes, at most 255 of them."""


class ContainerRestartRule(Struct):
    """What to do when the container ends with one of some exit codes."""

    action: str = ""
    """What is done on a match: Restart."""
    exit_codes: ContainerRestartRuleOnExitCodes | None = None
    """The exit codes that match."""


class VolumeMount(Struct):
    """Where a volume of the Pod appears in the container."""

    name: str
    """Name of the volume in the Pod's `volumes`."""
    read_only: bool = False
    """Whether the container cannot write to it. Default: false."""
    recursive_read_only: str | None = None
    """Whether mounts inside of a read-only one are read-only too: Disabled, IfPossible or Enabled.
    Default: Disabled."""
    mount_path: str
    """Path in the container at which the volume appears; must not contain a colon."""
    sub_path: str = ""
    """Path in the volume, of a file or directory, that appears instead of the whole. Default: the
    whole."""
    mount_propagation: str | None = None
    """Whether mounts made later are seen from outside to inside (HostToContainer), both ways, or
    not at all. Default: None. One of: Bidirectional, HostToContainer, None."""
    sub_path_expr: str = ""
    """Like `subPath`, with $(NAME) for the container's variables; excludes `subPath`."""


class VolumeDevice(Struct):
    """Where a raw block device appears in the container."""

    name: str
    """Name of a block volume in the Pod's `volumes`."""
    device_path: str
    """Path in the container at which the device appears."""


class ExecAction(Struct):
    """A command run in the container; exit code 0 is success. No shell is involved."""

    command: list[str] = []
    """The command and its arguments. It is no shell's: for that, name one (sh, -c, …)."""


class HTTPHeader(Struct):
    """One header of a request."""

    name: str
    """Name of the header, in any case."""
    value: str = msgspec.field(default_factory=str)
    """Its value."""


class HTTPGetAction(Struct):
    """A request; a status of 200 to 399 is success. `port` may be a container port's name."""

    path: str = ""
    """Path and query of the request. Default: /."""
    port: int | str
    """Number of the port, or name of one of the container's."""
    host: str = ""
    """Host that is connected to. Default: the Pod's address."""
    scheme: str = ""
    """Whether the connection is encrypted; certificates are not checked. Default: HTTP. One of:
    HTTP, HTTPS."""
    http_headers: list[HTTPHeader] = []
    """Headers of the request; may repeat."""


class TCPSocketAction(Struct):
    """A connection; that it opens is success. `port` may be a container port's name."""

    port: int | str
    """Number of the port, or name of one of the container's."""
    host: str = ""
    """Host that is connected to. Default: the Pod's address."""


class GRPCAction(Struct):
    """A call of the gRPC health service on the Pod's address."""

    port: Int32
    """Number of the port, 1 to 65535."""
    service: str | None = None
    """What the health service is asked about. Default: empty, the whole server."""


class SleepAction(Struct):
    """A pause of so many seconds."""

    seconds: Int64
    """For how many seconds."""


class ProbeHandler(Struct):
    """How a probe asks: exactly one field is set."""

    exec: ExecAction | None = None
    """A command in the container."""
    http_get: HTTPGetAction | None = None
    """An HTTP request."""
    tcp_socket: TCPSocketAction | None = None
    """A TCP connection."""
    grpc: GRPCAction | None = None
    """A gRPC health check."""


class Probe(ProbeHandler):
    """How often and how patiently a container is asked for its health."""

    initial_delay_seconds: Int32 = 0
    """How many seconds after the container's start the probe begins. Default: 0."""
    timeout_seconds: Int32 = 0
    """After how many seconds without an answer a try has failed. Default: 1."""
    period_seconds: Int32 = 0
    """Every how many seconds it is tried. Default: 10."""
    success_threshold: Int32 = 0
    """After how many successes in a row a failed probe counts as good again. Default: 1, which is
    all that liveness and startup allow."""
    failure_threshold: Int32 = 0
    """After how many failures in a row it counts as failed. Default: 3."""
    termination_grace_period_seconds: Int64 | None = None
    """How many seconds the container has to end after this probe failed. Default: the Pod's. Not
    for readiness."""


class LifecycleHandler(Struct):
    """What a lifecycle hook does: exactly one field is set."""

    exec: ExecAction | None = None
    """A command in the container."""
    http_get: HTTPGetAction | None = None
    """An HTTP request."""
    tcp_socket: TCPSocketAction | None = None
    """Accepted for old manifests; there is nothing to be done by it."""
    sleep: SleepAction | None = None
    """A pause."""


class Lifecycle(Struct):
    """Hooks right after the container's start and before it is asked to stop."""

    post_start: LifecycleHandler | None = None
    """What is done right after the container's start; if it fails, the container is killed."""
    pre_stop: LifecycleHandler | None = None
    """What is done before the container is told to stop; its time counts towards the grace
    period."""
    stop_signal: str | None = None
    """The signal that tells the container to stop, SIGUSR1 say; needs the Pod's `os.name`. Default:
    that of the image, or SIGTERM."""


class Capabilities(Struct):
    """POSIX capabilities added to and dropped from the runtime's default set."""

    add: list[str] = []
    """Capabilities beside those of the runtime, without CAP_, NET_ADMIN say."""
    drop: list[str] = []
    """Capabilities of the runtime that are taken away; ALL for all."""


class SELinuxOptions(Struct):
    """The SELinux label of a container."""

    user: str = ""
    """User of the label."""
    role: str = ""
    """Role of the label."""
    type: str = ""
    """Type of the label."""
    level: str = ""
    """Level of the label."""


class WindowsSecurityContextOptions(Struct):
    """Settings for Windows containers."""

    gmsa_credential_spec_name: str | None = None
    """Name of the GMSA credential spec."""
    gmsa_credential_spec: str | None = None
    """The GMSA credential spec itself."""
    run_as_user_name: str | None = None
    """User that the process runs as. Default: the image's."""
    host_process: bool | None = None
    """Whether it is a host process container; the same for all containers of the Pod."""


class SeccompProfile(Struct):
    """The system calls a container may make: RuntimeDefault, Unconfined or Localhost."""

    type: str
    """Where the profile comes from: a file of the node, the runtime, or none at all. One of:
    Localhost, RuntimeDefault, Unconfined."""
    localhost_profile: str | None = None
    """Path of the file, below the node's directory of profiles; only with the type Localhost."""


class AppArmorProfile(Struct):
    """The AppArmor profile of a container: RuntimeDefault, Unconfined or Localhost."""

    type: str
    """Where the profile comes from: one loaded on the node, the runtime, or none at all. One of:
    Localhost, RuntimeDefault, Unconfined."""
    localhost_profile: str | None = None
    """Name of the loaded profile; only with the type Localhost."""


class SecurityContext(Struct):
    """A container's privileges; what is set here wins over the Pod's security context."""

    capabilities: Capabilities | None = None
    """Capabilities added and dropped."""
    privileged: bool | None = None
    """Whether the container may do what root on the node may. Default: false."""
    se_linux_options: SELinuxOptions | None = None
    """The SELinux label of the container."""
    windows_options: WindowsSecurityContextOptions | None = None
    """Settings for Windows containers; not with `os.name` linux."""
    run_as_user: Int64 | None = None
    """Number of the user that the process runs as. Default: the image's."""
    run_as_group: Int64 | None = None
    """Number of the primary group that it runs with. Default: the image's."""
    run_as_non_root: bool | None = None
    """Whether the container is refused if it would run as user 0. Default: false."""
    read_only_root_filesystem: bool | None = None
    """Whether the container can write to volumes alone. Default: false."""
    allow_privilege_escalation: bool | None = None
    """Whether a process can gain more privileges than its parent (no_new_privs). Default: true."""
    proc_mount: str | None = None
    """Whether the runtime hides parts of /proc (Default) or nothing. Default: Default. One of:
    Default, Unmasked."""
    seccomp_profile: SeccompProfile | None = None
    """Which system calls may be made."""
    app_armor_profile: AppArmorProfile | None = None
    """Which AppArmor profile holds."""


class Container(Struct):
    """One container of a Pod. `restart_policy` goes before the Pod's, and Always makes an init
    container a sidecar."""

    name: str
    """Name of the container, unique in the Pod; cannot be changed. At most 63 lower-case letters,
    digits and -."""
    image: str = ""
    """Name of the image, with a tag or digest."""
    command: list[str] = []
    """What is run, in place of the image's entry point. $(NAME) stands for a variable of the
    container. Cannot be changed."""
    args: list[str] = []
    """Arguments of the command, in place of the image's. $(NAME) stands for a variable of the
    container. Cannot be changed."""
    working_dir: str = ""
    """Directory that it starts in. Default: the image's."""
    ports: Annotated[
        list[ContainerPort], MergeKey("containerPort", also=(("protocol", "TCP"),))
    ] = []
    """Ports that it listens on. Leaving one out closes nothing."""
    env_from: list[EnvFromSource] = []
    """ConfigMaps and Secrets whose keys become variables; of those with the same name the last
    wins, and `env` over all."""
    env: Annotated[list[EnvVar], MergeKey("name")] = []
    """Variables of its environment."""
    resources: ResourceRequirements = msgspec.field(default_factory=ResourceRequirements)
    """What it needs, and the most that it may use."""
    resize_policy: list[ContainerResizePolicy] = []
    """Which resources can be changed without a restart."""
    restart_policy: str | None = None
    """When it is restarted: Always, OnFailure or Never. Always makes an init container a sidecar.
    Default: the Pod's."""
    restart_policy_rules: list[ContainerRestartRule] = []
    """Rules by exit code that come before `restartPolicy`; the first that matches decides."""
    volume_mounts: Annotated[list[VolumeMount], MergeKey("mountPath")] = []
    """Volumes of the Pod, and where they appear in it."""
    volume_devices: Annotated[list[VolumeDevice], MergeKey("devicePath")] = []
    """Block devices, and where they appear in it."""
    liveness_probe: Probe | None = None
    """A probe; when it fails, the container is restarted."""
    readiness_probe: Probe | None = None
    """A probe; while it fails, the container gets no traffic from Services."""
    startup_probe: Probe | None = None
    """A probe; until it succeeds the others wait, and when it fails, the container is restarted."""
    lifecycle: Lifecycle | None = None
    """What is done after its start and before its stop."""
    termination_message_path: str = ""
    """File in the container whose end becomes the message of its exit; at most 4096 bytes. Default:
    /dev/termination-log."""
    termination_message_policy: str = ""
    """Whether the message is that file's, or after a failure without one the end of the log.
    Default: File. One of: FallbackToLogsOnError, File."""
    image_pull_policy: str = ""
    """When the image is pulled. Default: Always for the tag latest, else IfNotPresent. One of:
    Always, IfNotPresent, Never."""
    security_context: SecurityContext | None = None
    """Its privileges; what is set here wins over the Pod's."""
    stdin: bool = False
    """Whether it has a standard input that can be attached to. Default: false."""
    stdin_once: bool = False
    """Whether its standard input ends with the first client that was attached. Default: false."""
    tty: bool = False
    """Whether it has a terminal; needs `stdin`. Default: false."""


class EphemeralContainer(Container):
    """A container added to a running Pod to look into it; never restarted."""

    target_container_name: str = ""
    """Container whose processes this one sees. Default: none."""
