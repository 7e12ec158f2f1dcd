"""Asking a container once what a probe asks, in the kubelet's way and with its words."""

import json

import msgspec

from kernel.cri import runtime as cri
from kernel.cri.port_check import CheckResult, GrpcCheck, HttpCheck, PortCheck, TcpCheck
from kernel.objects.container import ExecAction, HTTPGetAction, Probe
from kernel.objects.pod import Container
from kernel.reconcilers.pod.configuration.environment import expand

OUTPUT_BYTES_MAX = 10 * 1024
TRIES_MAX = 3
_PORT_MAX = 65535


class ProbeErrored(Exception):
    """The question could not be asked, which says nothing of the container."""


class Asked(msgspec.Struct, frozen=True):
    """Who is asked: a run of `container`, on the Pod's `address`."""

    container: Container
    container_id: str
    sandbox_id: str
    address: str


async def ask(runtime: cri.Runtime, asked: Asked, probe: Probe) -> CheckResult:
    """Ask. Raises `ProbeErrored` where that can't be done, also not after some tries."""
    for _ in range(TRIES_MAX - 1):
        try:
            return await _ask(runtime, asked, probe)
        except ProbeErrored:
            continue
    return await _ask(runtime, asked, probe)


async def _ask(runtime: cri.Runtime, asked: Asked, probe: Probe) -> CheckResult:
    if probe.exec is not None:
        return await _run_command(runtime, asked, probe.exec, probe.timeout_seconds)
    check = _port_check(probe, asked)
    if not check.host:
        raise ProbeErrored("the Pod has no address")
    return await runtime.check(asked.sandbox_id, check, timeout_seconds=probe.timeout_seconds)


async def _run_command(
    runtime: cri.Runtime, asked: Asked, action: ExecAction, timeout_seconds: int
) -> CheckResult:
    """Exit code 0 means well. A command sees the container's literal variables in `$(NAME)`."""
    variables = {v.name: v.value for v in asked.container.env if v.value_from is None}
    command = tuple(expand(word, variables) for word in action.command)
    try:
        result = await runtime.exec_sync(
            asked.container_id, command, timeout_seconds=timeout_seconds
        )
    except TimeoutError:
        quoted = json.dumps(" ".join(command), ensure_ascii=False)
        message = f"command timed out: {quoted} timed out after {timeout_seconds}s"
        return CheckResult(False, message)
    except cri.RuntimeFailure as failure:
        raise ProbeErrored(str(failure)) from failure
    if result.exit_code == 0:
        return CheckResult(True)
    output = (result.stdout + result.stderr)[:OUTPUT_BYTES_MAX]
    return CheckResult(False, output.decode(errors="replace"))


def _port_check(probe: Probe, asked: Asked) -> PortCheck:
    """What the runtime is to check for a probe that asks a port. Raises `ProbeErrored`."""
    if probe.http_get is not None:
        action = probe.http_get
        port = _port_number(action.port, asked.container)
        return PortCheck(action.host or asked.address, port, _http_check(action))
    if probe.tcp_socket is not None:
        port = _port_number(probe.tcp_socket.port, asked.container)
        return PortCheck(probe.tcp_socket.host or asked.address, port, TcpCheck())
    if probe.grpc is not None:
        check = GrpcCheck(probe.grpc.service or "")
        return PortCheck(asked.address, probe.grpc.port, check)
    raise ProbeErrored(f"missing probe handler for {asked.container.name}")


def _http_check(action: HTTPGetAction) -> HttpCheck:
    """The request that an httpGet asks for."""
    headers = tuple((header.name, header.value) for header in action.http_headers)
    return HttpCheck(path=action.path or "/", scheme=action.scheme or "http", headers=headers)


def _port_number(port: int | str, container: Container) -> int:
    """A port by its number, or by its name among the container's. Raises `ProbeErrored`, in the
    words that Go has for it."""
    if isinstance(port, str):
        named = (known.container_port for known in container.ports if known.name == port)
        found = next(named, None)
        if found is None and not (port.isascii() and port.isdigit()):
            quoted = json.dumps(port, ensure_ascii=False)
            raise ProbeErrored(f"strconv.Atoi: parsing {quoted}: invalid syntax")
        port = int(port) if found is None else found
    if not 0 < port <= _PORT_MAX:
        raise ProbeErrored(f"invalid port number: {port}")
    return port
