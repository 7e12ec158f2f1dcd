"""Lifecycle hooks: what a container has done right after its start and right before its stop.

https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
"""

import json

from kernel.cri import runtime as cri
from kernel.objects.container import ExecAction, LifecycleHandler
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.host import Host
from kernel.reconcilers.pod.status import pod_in_words


class HookFailure(Exception):
    """A hook has failed. The message is what the container's waiting state shows of it."""


class Hook:
    """One hook of one container that runs."""

    def __init__(
        self, host: Host, pod: Pod, container: Container, handler: LifecycleHandler
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

    def _failed(self, what: str, error: str, output: bytes | None = None) -> HookFailure:
        message = (
            f'{what} for Container "{self._container.name}" in Pod "{pod_in_words(self._pod)}"'
            f" failed - error: {error}"
        )
        if output is not None:
            text = json.dumps(output.decode(errors="replace"), ensure_ascii=False)
            message += f", message: {text}"
        return HookFailure(message)
