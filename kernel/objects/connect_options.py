"""What is asked for where a client is connected with something (core/v1): what admission sees of
an exec, an attach, a port-forward, or a request through a proxy. None of these is stored."""

import msgspec

from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32


class ConnectOptions(Struct):
    """What all of them have: the version, and a kind each."""

    api_version: str = msgspec.field(default_factory=lambda: "v1")
    kind: str


class PodAttachOptions(ConnectOptions):
    """Which streams of which container's main process."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False
    container: str = ""


class PodExecOptions(PodAttachOptions):
    """A command, and its streams."""

    command: list[str] = []


class PodPortForwardOptions(ConnectOptions):
    """Ports of a Pod, where the client names them beforehand."""

    ports: list[Int32] = []


class ProxyOptions(ConnectOptions):
    """The path of a request that is passed on to a Pod, a Service or a node."""

    path: str = ""
