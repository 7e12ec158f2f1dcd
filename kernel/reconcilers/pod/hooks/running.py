"""Lifecycle hooks: what a container has done right after its start and right before its stop.

https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
"""

import json
import math

from kernel.cri import runtime as cri
from kernel.cri.port_check import CheckResult, HttpCheck, PortCheck
from kernel.objects.container import ExecAction, HTTPGetAction, LifecycleHandler
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.host import ContainerHost
from kernel.reconcilers.pod.observe import pod_in_words

USER_AGENT = "kube-lifecycle/1.32"
NO_TLS = "server gave HTTP response to HTTPS client"


class HookFailure(Exception):
    """A hook has failed. The message is what the container's waiting state shows of it."""


class Hook:
    """One hook of one container that runs."""

    def __init__(
        self, host: ContainerHost, pod: Pod, container: Container, handler: LifecycleHandler
    ) -> None:
        self._host = host
        self._pod = pod
        self._container = container
        self._handler = handler

    async def run(self, container_id: str) -> None:
        """Raises `HookFailure`. A hook may take for ever: whoever runs it gives it up."""
        handler = self._handler
        if handler.exec is not None:
            await self._execute(container_id, handler.exec)
        elif handler.http_get is not None:
            await self._request(container_id, handler.http_get)
        elif handler.sleep is not None:
            await self._host.clock.sleep(handler.sleep.seconds)
        else:
            # As in Kubernetes, where tcpSocket is taken by the API and fails here.
            kind = "tcpSocket" if handler.tcp_socket is not None else "none"
            raise HookFailure(f"Cannot run handler: invalid handler: {kind}")

    async def _execute(self, container_id: str, action: ExecAction) -> None:
        command, words = tuple(action.command), " ".join(action.command)
        what, output = f"Exec lifecycle hook ([{words}])", b""
        try:
            result = await self._host.runtime.exec_sync(container_id, command, timeout_seconds=0)
        except cri.RuntimeFailure as failure:
            raise self._failed(what, str(failure), output) from failure
        if result.exit_code:
            stderr = result.stderr.decode(errors="replace")
            error = f"command '{words}' exited with {result.exit_code}: {stderr}"
            raise self._failed(what, error, result.stdout + result.stderr)

    async def _request(self, container_id: str, action: HTTPGetAction) -> None:
        """Any answer will do, whatever its status."""
        what = f"HTTP lifecycle hook ({action.path})"
        try:
            container = await self._host.runtime.container_status(container_id)
            sandbox = await self._host.runtime.sandbox_status(container.sandbox_id)
            port = _port_number(self._container, action.port)
        except (cri.RuntimeFailure, ValueError) as failure:
            raise self._failed(what, str(failure)) from failure
        addresses = self._host.addresses if self._pod.spec.host_network else sandbox.addresses
        host = action.host or next(iter(addresses), "")
        result = await self._ask(sandbox.id, host, port, action, action.scheme or "HTTP")
        if NO_TLS in result.message:
            result = await self._ask(sandbox.id, host, port, action, "HTTP")
            if _has_answered(result):
                message = (
                    f"request to HTTPS lifecycle hook {host}:{port} got HTTP response,"
                    " retry with HTTP succeeded"
                )
                await self._host.recorder.event(
                    self._pod, "Warning", "LifecycleHTTPFallback", message
                )
        if not _has_answered(result):
            raise self._failed(what, result.message)

    async def _ask(
        self, sandbox_id: str, host: str, port: int, action: HTTPGetAction, scheme: str
    ) -> CheckResult:
        headers = tuple((header.name, header.value) for header in action.http_headers)
        if not any(name.lower() == "user-agent" for name, _ in headers):
            headers = (("User-Agent", USER_AGENT), *headers)
        how = HttpCheck(path=action.path or "/", scheme=scheme.lower(), headers=headers)
        return await self._host.runtime.check(
            sandbox_id, PortCheck(host, port, how), timeout_seconds=math.inf
        )

    def _failed(self, what: str, error: str, output: bytes | None = None) -> HookFailure:
        message = (
            f'{what} for Container "{self._container.name}" in Pod "{pod_in_words(self._pod)}"'
            f" failed - error: {error}"
        )
        if output is not None:
            text = json.dumps(output.decode(errors="replace"), ensure_ascii=False)
            message += f", message: {text}"
        return HookFailure(message)


def _has_answered(result: CheckResult) -> bool:
    return result.is_well or bool(result.http_status)


def _port_number(container: Container, port: int | str) -> int:
    """Raises `ValueError` where no port of the container has this name."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for named in container.ports:
        if named.name == port:
            return named.container_port
    raise ValueError(f"port {port} not found")
