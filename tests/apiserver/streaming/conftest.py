"""A server whose Pod `web` runs on a runtime of the test's own, and what clients say to it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import msgspec
import pytest
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteStream

from kernel.cri.runtime import ContainerConfig, SandboxConfig
from kernel.cri.streaming import OutputChannel
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import POD_UID
from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

from ..conftest import Served, pod, serving
from .talking_runtime import Talk, TalkingRuntime

PODS = "/api/v1/namespaces/default/pods"
SECONDS_MAX = 10


async def echo(talk: Talk) -> int:
    """Says what it hears, and what it was called with as an error; ends as its command says."""
    await talk.say(" ".join(talk.command).encode(), OutputChannel.STDERR)
    if talk.stdin:
        async for data in talk.input:
            await talk.say(data)
    return int(talk.command[-1]) if talk.command[-1].isdigit() else 0


class World:
    """The server, its runtime, and the ids of what runs there."""

    def __init__(self, served: Served, runtime: TalkingRuntime, sandbox_id: str):
        self.served = served
        self.runtime = runtime
        self.sandbox_id = sandbox_id

    async def talk(self) -> Talk:
        """The first conversation, once it has begun."""
        with anyio.fail_after(SECONDS_MAX):
            while not self.runtime.talks:  # noqa: ASYNC110
                await anyio.sleep(0.005)
        return self.runtime.talks[0]

    async def add_pod(self, name: str, status: Any = None, **spec: Any) -> str:
        """Another Pod, with the status that a node agent has written; answers its uid."""
        wanted = pod(name)
        wanted["spec"] |= spec
        answer = await self.served.post(PODS, wanted)
        assert answer.status == 201, answer.body
        if status is not None:
            await self.served.api.patch(
                Pod, "default", name, {"status": status}, "merge", subresource="status"
            )
        uid: str = answer.json["metadata"]["uid"]
        return uid

    async def show_running(self, name: str, container_id: str) -> None:
        """Write into a Pod's status that its container `c` is this one."""
        running = {
            "name": "c",
            "image": "busybox",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            "containerID": f"simulated://{container_id}",
        }
        status = {"phase": "Running", "containerStatuses": [running]}
        await self.served.api.patch(
            Pod, "default", name, {"status": status}, "merge", subresource="status"
        )

    @asynccontextmanager
    async def channels(
        self, path: str, protocol: str | None = "v5.channel.k8s.io", *, autoping: bool = True
    ) -> AsyncIterator["Channels"]:
        """A WebSocket to a subresource of Pod web."""
        url = f"{self.served.server.url}{PODS}/web/{path}"
        async with self.served.session.ws_connect(
            url, protocols=(protocol,) if protocol else (), autoping=autoping
        ) as socket:
            assert socket.protocol == protocol
            yield Channels(socket)

    async def upgraded(
        self, method: str, path: str, *headers: str
    ) -> tuple[SocketStream, BufferedByteStream, str]:
        """A connection that has just been upgraded for a subresource of Pod web: itself, what
        comes after the head of the server's answer, and that head."""
        address = urlsplit(self.served.server.url)
        assert address.hostname
        assert address.port
        stream = await anyio.connect_tcp(address.hostname, address.port)
        lines = (
            *(f"{method} {PODS}/web/{path} HTTP/1.1", f"Host: {address.netloc}"),
            *(f"Authorization: Bearer {self.served.server.token}", "Connection: Upgrade"),
            *(*headers, "", ""),
        )
        await stream.send("\r\n".join(lines).encode())
        buffered = BufferedByteStream(stream)
        with anyio.fail_after(SECONDS_MAX):
            head = (await buffered.receive_until(b"\r\n\r\n", 4096)).decode()
        assert head.startswith("HTTP/1.1 101 "), head
        return stream, buffered, head

    @asynccontextmanager
    async def spdy(self, path: str, *versions: str) -> AsyncIterator["tuple[SpdyConnection, str]"]:
        """A SPDY connection to a subresource of Pod web, and the version that was agreed on."""
        offered = [f"X-Stream-Protocol-Version: {version}" for version in versions]
        _, rest, head = await self.upgraded("POST", path, "Upgrade: SPDY/3.1", *offered)
        (agreed,) = re.findall(r"(?i)x-stream-protocol-version: (\S+)", head)
        async with SpdyConnection(rest, is_server=False) as connection:
            yield connection, agreed


async def everything(stream: SpdyStream) -> bytes:
    """What the other side sends up to its end."""
    found = b""
    with anyio.fail_after(SECONDS_MAX), suppress(anyio.EndOfStream):
        while True:
            found += await stream.receive()
    return found


class Channels:
    """A client's end of a WebSocket with channels."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self.socket = socket

    async def send(self, channel: int, data: bytes = b"") -> None:
        """A message on a channel."""
        await self.socket.send_bytes(bytes((channel,)) + data)

    async def receive(self) -> tuple[int, bytes]:
        """The next message with its channel; 255 is the WebSocket's end."""
        with anyio.fail_after(SECONDS_MAX):
            message = await self.socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            return 255, b""
        return message.data[0], message.data[1:]

    async def rest(self) -> dict[int, bytes]:
        """Everything up to the end, channel by channel."""
        found: dict[int, bytes] = {}
        while True:
            channel, data = await self.receive()
            if channel == 255:
                return found
            found[channel] = found.get(channel, b"") + data

    async def outcome(self) -> Any:
        """The Status at the end."""
        return msgspec.json.decode((await self.rest())[3])


@asynccontextmanager
async def running_world(directory: Path, *, tls: bool = False) -> AsyncIterator[World]:
    """A server, and a Pod web that runs on it as far as anybody can tell."""
    runtime = TalkingRuntime(echo)
    sandbox = SandboxConfig(
        name="web", namespace="default", uid="1", attempt=0, log_directory=str(directory / "logs")
    )
    sandbox_id = await runtime.run_sandbox(sandbox)
    await runtime.pull_image("busybox")
    async with serving(directory, runtime=runtime, tls=tls) as served:
        world = World(served, runtime, sandbox_id)
        uid = await world.add_pod("web", nodeName="node1")
        container = ContainerConfig(name="c", attempt=0, image="busybox", labels={POD_UID: uid})
        container_id = await runtime.create_container(sandbox_id, container, sandbox)
        await runtime.start_container(container_id)
        await world.show_running("web", container_id)
        yield world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server with Pod web, over plain HTTP."""
    async with running_world(tmp_path) as made:
        yield made
