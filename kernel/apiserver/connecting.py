"""Admission of what connects a client with something: exec, attach, portforward and proxy."""

import msgspec

from kernel.api.admission import AdmissionChain
from kernel.apiserver.parameters import Parameters
from kernel.apiserver.streaming.options import read_ports
from kernel.apiserver.targets import Target
from kernel.objects.connect_options import (
    ConnectOptions,
    PodAttachOptions,
    PodExecOptions,
    PodPortForwardOptions,
    ProxyOptions,
)

CONNECTING = frozenset({"exec", "attach", "portforward", "proxy"})


async def admit_connection(
    admission: AdmissionChain, target: Target, parameters: Parameters, path: str
) -> None:
    """Ask whether a client may be connected. `path` is that of the request. Raises `ApiError`."""
    if not admission.wants(target.kind, "CONNECT", target.subresource):
        return
    await admission.admit(
        target.kind,
        "CONNECT",
        _options(target, parameters, path),
        namespace=target.namespace or "",
        name=target.name,
        subresource=target.subresource,
    )


def _options(target: Target, parameters: Parameters, path: str) -> ConnectOptions:
    if target.subresource == "proxy":
        below = path.partition(f"/{target.name}/proxy")[2]
        return ProxyOptions(kind=f"{target.info.kind}ProxyOptions", path=below)
    if target.subresource == "portforward":
        ports = read_ports(parameters) if parameters.texts("ports") else []
        return PodPortForwardOptions(kind="PodPortForwardOptions", ports=ports)
    options = PodAttachOptions(
        kind="PodAttachOptions",
        stdin=parameters.flag("stdin"),
        stdout=parameters.flag("stdout"),
        stderr=parameters.flag("stderr"),
        tty=parameters.flag("tty"),
        container=parameters.text("container"),
    )
    if target.subresource == "attach":
        return options
    streams = msgspec.structs.asdict(options) | {"kind": "PodExecOptions"}
    return PodExecOptions(**streams, command=parameters.texts("command"))
