"""A start is never given up half-way: whether the container ran could not be known afterwards."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
import grpc.aio
import pytest

from kernel.clock import SystemClock
from kernel.cri.containerd.runtime import ContainerdRuntime
from kernel.cri.proto import runtime_pb2
from kernel.cri.runtime import RuntimeFailure
from tests.cri.trial import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_CANCELLATION_SECONDS = 0.5
"""How much later than the end of its connection a call is certainly cancelled."""

_STARTING = "container is already in starting state"

_CLIENT = """
import sys
import anyio
from kernel.clock import SystemClock
from kernel.cri.containerd.runtime import ContainerdRuntime

async def main():
    runtime = ContainerdRuntime(sys.argv[1], clock=SystemClock())
    await runtime.containers()
    await runtime.start_container("web")

anyio.run(main)
"""


@pytest.fixture
def anyio_backend() -> str:
    """grpc's asynchronous client knows no other loop."""
    return "asyncio"


class _Starts:
    """What a server saw of a start that it takes its time for."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.client_gone = anyio.Event()
        self.ended = ""
        self.over = anyio.Event()

    async def start(self, request: bytes, context: Context) -> bytes:
        self.begun.set()
        try:
            await self.client_gone.wait()
            await anyio.sleep(_CANCELLATION_SECONDS)
        except BaseException:
            self.ended = "given up"
            raise
        else:
            self.ended = "finished"
        finally:
            self.over.set()
        return b""


@asynccontextmanager
async def _containerd(
    path: str, start: Callable[[bytes, Context], Awaitable[bytes]]
) -> AsyncIterator[None]:
    async def none(request: bytes, context: Context) -> bytes:
        return runtime_pb2.ListContainersResponse().SerializeToString()

    server = grpc.aio.server()
    methods = {"StartContainer": start, "ListContainers": none}
    handlers = {name: grpc.unary_unary_rpc_method_handler(one) for name, one in methods.items()}
    service = grpc.method_handlers_generic_handler("runtime.v1.RuntimeService", handlers)
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


async def test_a_start_is_finished_though_its_client_was_killed(tmp_path: Path) -> None:
    seen = _Starts()
    path = f"{tmp_path}/cri.sock"
    async with _containerd(path, seen.start):
        with anyio.fail_after(PATIENCE_SECONDS):
            client = await anyio.open_process([sys.executable, "-c", _CLIENT, path])
            await seen.begun.wait()
            client.kill()
            await client.wait()
            seen.client_gone.set()
            await seen.over.wait()
    assert seen.ended == "finished"


async def test_one_who_cancels_a_start_waits_for_its_end(tmp_path: Path) -> None:
    seen = _Starts()
    path = f"{tmp_path}/cri.sock"
    async with _containerd(path, seen.start):
        runtime = ContainerdRuntime(path, clock=SystemClock())
        with anyio.fail_after(PATIENCE_SECONDS):
            await runtime.containers()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(runtime.start_container, "web")
                await seen.begun.wait()
                seen.client_gone.set()
                tasks.cancel_scope.cancel()
            assert seen.ended == "finished"
        await runtime.close()


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        (["container is already in starting state", ""], None),
        (
            ["container is already in starting state", "container is in CONTAINER_RUNNING state"],
            None,
        ),
        (
            ["container is already in starting state", "container is in CONTAINER_EXITED state"],
            "CONTAINER_EXITED",
        ),
    ],
)
async def test_a_start_that_an_earlier_process_asked_for_is_waited_for(
    tmp_path: Path, answers: list[str], raised: str | None
) -> None:
    left = list(answers)

    async def start(request: bytes, context: Context) -> bytes:
        if message := left.pop(0):
            sentence = f'failed to set starting state for container "web": {message}'
            await context.abort(grpc.StatusCode.UNKNOWN, sentence)
        return b""

    path = f"{tmp_path}/cri.sock"
    async with _containerd(path, start):
        runtime = ContainerdRuntime(path, clock=SystemClock())
        if raised is None:
            await runtime.start_container("web")
        else:
            with pytest.raises(RuntimeFailure, match=raised):
                await runtime.start_container("web")
        await runtime.close()
    assert left == []
