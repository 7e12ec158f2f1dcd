"""What no client means to send once its connection is upgraded: it ends, and harms nobody else."""

import os
import random
import struct
from collections.abc import Iterator

import anyio
import pytest

from .conftest import PODS, SECONDS_MAX, World

pytestmark = pytest.mark.anyio

SEEDS = int(os.environ.get("PODKERNEL_GENERATED_EXAMPLES") or 10)
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
WEB_SOCKET = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
SPDY = ("Upgrade: SPDY/3.1",)
EXEC = "exec?command=say&stdin=true&stdout=true&stderr=true"
FORWARD = "portforward?ports=80"
CONVERSATIONS = {
    "exec over WebSockets": (
        *("GET", EXEC),
        (*WEB_SOCKET, "Sec-WebSocket-Protocol: v5.channel.k8s.io"),
    ),
    "port-forward over WebSockets": (
        *("GET", FORWARD),
        (*WEB_SOCKET, "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io"),
    ),
    "exec over SPDY": ("POST", EXEC, (*SPDY, "X-Stream-Protocol-Version: v4.channel.k8s.io")),
    "port-forward over SPDY": (
        *("POST", FORWARD),
        (*SPDY, "X-Stream-Protocol-Version: portforward.k8s.io"),
    ),
}


def _web_socket_frame(chosen: random.Random) -> bytes:
    """A frame with something wrong: its opcode, length, mask, order or content."""
    first = chosen.choice((0x80, 0x00, 0xF0)) | chosen.choice((0, 1, 2, 3, 8, 9, 10, 15))
    payload = chosen.randbytes(chosen.choice((0, 1, 2, 125)))
    length = chosen.choice((len(payload), 126, 127))
    head = bytes((first, chosen.choice((0x80, 0)) | length))
    if length == 127:
        head += struct.pack("!Q", chosen.choice((len(payload), 2**63, 2**31)))
    elif length == 126:
        head += struct.pack("!H", chosen.choice((len(payload), 65535)))
    return head + chosen.randbytes(4) + payload


def _spdy_frame(chosen: random.Random) -> bytes:
    """A control or data frame with something wrong: its type, stream, length or headers."""
    payload = chosen.randbytes(chosen.choice((0, 4, 8, 10, 40)))
    if chosen.random() < 0.5:
        payload = struct.pack("!I", chosen.choice((0, 1, 2, 3, 2**31 - 1))) + payload
    length = chosen.choice((len(payload), len(payload), 0, 2**24 - 1))
    if chosen.random() < 0.3:
        head = struct.pack("!I", chosen.choice((0, 1, 3, 2**31 - 1)))
    else:
        head = struct.pack("!HH", 0x8003, chosen.choice((*range(13), 65535)))
    return head + bytes((chosen.choice((0, 1, 2, 255)),)) + struct.pack("!I", length)[1:] + payload


def _bytes_to_send(conversation: str, seed: int) -> Iterator[bytes]:
    chosen = random.Random(seed)
    frame = _web_socket_frame if "WebSockets" in conversation else _spdy_frame
    for _ in range(chosen.randint(1, 12)):
        yield chosen.randbytes(chosen.randint(1, 64)) if chosen.random() < 0.1 else frame(chosen)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("conversation", CONVERSATIONS)
async def test_hostile_frames_end_their_own_connection_alone(
    world: World, conversation: str, caplog: pytest.LogCaptureFixture
) -> None:
    method, path, headers = CONVERSATIONS[conversation]
    for seed in range(SEEDS):
        stream, _, _ = await world.upgraded(method, path, *headers)
        with anyio.fail_after(SECONDS_MAX):
            async with stream:
                try:
                    for data in _bytes_to_send(conversation, seed):
                        await stream.send(data)
                    await stream.send_eof()
                    while True:  # the answer, whatever it is, has an end
                        await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError, OSError):
                    pass
        assert (await world.served.get(f"{PODS}/web")).status == 200
    with anyio.fail_after(SECONDS_MAX):
        while world.served.server.open_streams():  # noqa: ASYNC110
            await anyio.sleep(0.01)
    errors = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert not errors
