"""Exec and attach over WebSockets: what goes over which channel, and how conversations end."""

import base64
import os
import socket
import struct
from contextlib import suppress

import anyio
import msgspec
import pytest
from aiohttp import WSMsgType
from anyio.abc import SocketAttribute

from kernel.apiserver.streaming import web_socket
from kernel.cri.streaming import OutputChannel

from .conftest import SECONDS_MAX, Channels, World
from .talking_runtime import Talk

pytestmark = pytest.mark.anyio

BOTH = "stdout=true&stderr=true"
WEB_SOCKET = (
    *("Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    *("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: v5.channel.k8s.io"),
)
# A binary message of 65,536 bytes on channel 0, masked with zeros.
MESSAGE = b"\x82\xff" + (1 << 16).to_bytes(8, "big") + bytes(4) + bytes(1 << 16)
STDIN_ENDS = (255, b"\x00")


async def test_input_goes_in_and_both_outputs_come_out(world: World) -> None:
    async with world.channels(f"exec?command=say&command=0&stdin=true&{BOTH}") as client:
        assert await client.receive() == (2, b"say 0")
        await client.send(0, b"hello\n")
        assert await client.receive() == (1, b"hello\n")
        await client.send(*STDIN_ENDS)
        assert (await client.outcome())["status"] == "Success"
        assert client.socket.close_code == 1000
    talk = await world.talk()
    assert (talk.stdin, talk.tty) == (True, False)


async def test_a_failed_command_tells_its_exit_code(world: World) -> None:
    async with world.channels(f"exec?command=x&command=7&{BOTH}") as client:
        outcome = await client.outcome()
    assert outcome["status"] == "Failure"
    assert outcome["reason"] == "NonZeroExitCode"
    assert outcome["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


async def test_what_cannot_be_run_is_an_internal_error(world: World) -> None:
    async with world.channels(f"exec?command=missing&{BOTH}") as client:
        outcome = await client.outcome()
    assert outcome["reason"] == "InternalError"
    assert outcome["message"] == (
        "Internal error occurred: error executing command in container: "
        'exec: "missing": executable file not found in $PATH'
    )


async def test_output_that_nobody_asked_for_is_dropped(world: World) -> None:
    async with world.channels("exec?command=x&stdout=true") as client:
        assert set(await client.rest()) == {3}


async def test_a_terminal_has_one_output_and_follows_the_window(world: World) -> None:
    async def terminal(talk: Talk) -> int:
        await talk.say(await talk.input.receive())
        return 0

    world.runtime.program = terminal
    async with world.channels(f"exec?command=sh&stdin=true&tty=true&{BOTH}") as client:
        await client.send(4, b'{"Width":100,"Height":40}\n{"Width":')
        await client.send(4, b'132,"Height":50}\n')
        await client.send(4, b'{"Width":-1,"Height":70000}')
        await client.send(0, b"x")
        assert set(await client.rest()) == {1, 3}
    talk = await world.talk()
    assert talk.tty
    assert talk.sizes == [(100, 40), (132, 50)]


async def test_version_4_is_greeted_may_write_text_and_has_no_end_of_input(world: World) -> None:
    """The Python client speaks it so."""
    path = f"exec?command=x&stdin=true&{BOTH}"
    async with world.channels(path, "v4.channel.k8s.io") as client:
        assert await client.receive() == (1, b"")
        assert await client.receive() == (2, b"x")
        await client.socket.send_str("\x00grüße")
        assert await client.receive() == (1, "grüße".encode())
        await client.send(*STDIN_ENDS)
        await client.send(0, b"still open")
        assert await client.receive() == (1, b"still open")


@pytest.mark.parametrize(
    ("protocol", "is_text", "outcome"),
    [
        ("v4.base64.channel.k8s.io", True, "Status"),
        ("base64.channel.k8s.io", True, "words"),
        ("channel.k8s.io", False, "words"),
        (None, False, "words"),
    ],
)
async def test_protocols_of_browsers_and_before_version_4(
    world: World, protocol: str | None, is_text: bool, outcome: str
) -> None:
    path = "exec?command=x&command=7&stdin=true&stdout=true"

    async def converse(talk: Talk) -> int:
        await talk.say(await talk.input.receive())
        return 7

    world.runtime.program = converse
    async with world.channels(path, protocol) as client:
        if is_text:
            await client.socket.send_str("0" + base64.b64encode(b"gr\xfc").decode())
        else:
            await client.send(0, b"gr\xfc")
        received: dict[int, bytes] = {}
        while not client.socket.closed:
            message = await client.socket.receive(SECONDS_MAX)
            if message.type is WSMsgType.TEXT:
                assert is_text
                channel, data = int(message.data[0]), base64.b64decode(message.data[1:])
            elif message.type is WSMsgType.BINARY:
                assert not is_text
                channel, data = message.data[0], message.data[1:]
            else:
                break
            received[channel] = received.get(channel, b"") + data
    assert received[1] == b"gr\xfc"
    if outcome == "words":
        assert received[3] == b"command terminated with non-zero exit code: exit status 7"
    else:
        assert msgspec.json.decode(received[3])["reason"] == "NonZeroExitCode"


async def test_a_success_is_not_told_before_version_4(world: World) -> None:
    async with world.channels("exec?command=x&stdout=true", "channel.k8s.io") as client:
        assert 3 not in await client.rest()


@pytest.mark.parametrize("message", ["", "x", "0", "0*", "9QQ==", "\x00"])
async def test_nonsense_in_base64_is_not_heard(world: World, message: str) -> None:
    path = "exec?command=x&stdin=true&stdout=true"
    async with world.channels(path, "v4.base64.channel.k8s.io") as client:
        await client.socket.send_str(message)
        await client.socket.send_str("0" + base64.b64encode(b"hello").decode())
        seen = b""
        while seen != b"hello":
            answer = await client.socket.receive_str(timeout=SECONDS_MAX)
            assert answer[0] == "1"
            seen += base64.b64decode(answer[1:])


async def test_attach_joins_and_ends_with_the_container(world: World) -> None:
    async def main(talk: Talk) -> None:
        await talk.say(b"ready")
        await talk.say(await talk.input.receive())

    world.runtime.program = main
    async with world.channels("attach?container=c&stdin=true&stdout=true") as client:
        assert await client.receive() == (1, b"ready")
        await client.send(0, b"to the main process")
        assert await client.receive() == (1, b"to the main process")
        assert (await client.outcome())["status"] == "Success"


async def until_killed(talk: Talk) -> int:
    """A command that never ends by itself."""
    await talk.say(b"begun")
    await anyio.sleep_forever()
    return 0


@pytest.mark.parametrize("ending", ["a close", "a broken connection"])
async def test_a_client_that_leaves_takes_its_command_along(world: World, ending: str) -> None:
    world.runtime.program = until_killed
    async with world.channels(f"exec?command=x&stdin=true&{BOTH}") as client:
        assert await client.receive() == (1, b"begun")
        if ending == "a broken connection":
            descriptor = os.dup(client.socket.get_extra_info("socket").fileno())
            with socket.socket(fileno=descriptor) as connection:
                connection.shutdown(socket.SHUT_RDWR)
    talk = await world.talk()
    with anyio.fail_after(SECONDS_MAX):
        await talk.is_over.wait()
    assert talk.was_left_running


async def test_the_server_ends_and_keeps_nobody_waiting(world: World) -> None:
    world.runtime.program = until_killed
    async with world.channels(f"exec?command=x&{BOTH}") as client:
        assert await client.receive() == (1, b"begun")
        assert world.served.server.open_streams() == 1
        with anyio.fail_after(1):
            await world.served.server.stop()
        outcome = await client.outcome()
        assert outcome["message"] == "Internal error occurred: the server is stopping"
    assert (await world.talk()).was_left_running


async def test_pings_are_answered_while_nothing_is_said(world: World) -> None:
    world.runtime.program = until_killed
    async with world.channels(f"exec?command=x&{BOTH}", autoping=False) as client:
        assert await client.receive() == (1, b"begun")
        await client.socket.ping(b"there?")
        with anyio.fail_after(SECONDS_MAX):
            answer = await client.socket.receive()
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"there?")


async def test_a_client_that_does_not_read_makes_the_command_wait(world: World) -> None:
    async def flood(talk: Talk) -> int:
        while True:
            await talk.say(bytes(1 << 16))

    world.runtime.program = flood
    async with world.channels(f"exec?command=x&{BOTH}"):
        talk = await world.talk()
        written = -1
        while talk.written_bytes != written:
            written = talk.written_bytes
            await anyio.sleep(0.3)
        assert written < 32 << 20
    with anyio.fail_after(SECONDS_MAX):
        await talk.is_over.wait()


async def test_a_command_that_does_not_read_makes_the_client_wait(world: World) -> None:
    awake = anyio.Event()

    async def sleeper(talk: Talk) -> int:
        await awake.wait()
        async for _ in talk.input:
            pass
        return 0

    world.runtime.program = sleeper
    async with world.channels(f"exec?command=x&stdin=true&{BOTH}") as client:
        sent_bytes = 0
        with anyio.move_on_after(0.5):
            while True:
                await client.send(0, bytes(1 << 16))
                sent_bytes += 1 << 16
        assert sent_bytes < 32 << 20
        awake.set()
        await client.send(*STDIN_ENDS)
        assert (await client.outcome())["status"] == "Success"


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "PULSE_SECONDS", 0.05)


async def fill(client: Channels) -> None:
    """Send input until nobody takes any more."""
    with anyio.move_on_after(0.5):
        while True:
            await client.send(0, bytes(1 << 16))


@pytest.mark.usefixtures("quick_pulse")
async def test_a_client_whose_pings_are_stuck_behind_its_input_sees_signs_of_life(
    world: World,
) -> None:
    awake = anyio.Event()

    async def sleeper(talk: Talk) -> int:
        await awake.wait()
        async for _ in talk.input:
            pass
        return 0

    world.runtime.program = sleeper
    path = f"exec?command=x&stdin=true&{BOTH}"
    async with world.channels(path, autoping=False) as client:
        await fill(client)
        for _ in range(2):
            with anyio.fail_after(SECONDS_MAX):
                assert (await client.socket.receive()).type is WSMsgType.PONG
        awake.set()


@pytest.mark.usefixtures("quick_pulse")
async def test_a_client_that_vanishes_behind_its_input_takes_its_command_along(
    world: World,
) -> None:
    async def deaf(talk: Talk) -> int:
        await anyio.sleep_forever()
        return 0

    world.runtime.program = deaf
    path = f"exec?command=x&stdin=true&{BOTH}"
    client, _, _ = await world.upgraded("GET", path, *WEB_SOCKET)
    async with client:
        with anyio.move_on_after(0.5):
            while True:
                await client.send(MESSAGE)
        # Closed like this, it does not wait for what is still to be sent.
        client.extra(SocketAttribute.raw_socket).setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        await anyio.aclose_forcefully(client)
    talk = await world.talk()
    with anyio.fail_after(SECONDS_MAX):
        await talk.is_over.wait()
    assert talk.was_left_running


async def test_a_message_without_measure_ends_the_conversation(world: World) -> None:
    world.runtime.program = until_killed
    async with world.channels(f"exec?command=x&stdin=true&{BOTH}") as client:
        with suppress(ConnectionError):
            await client.send(0, bytes(33 << 20))
        talk = await world.talk()
        with anyio.fail_after(SECONDS_MAX):
            await talk.is_over.wait()


async def test_unknown_channels_and_empty_messages_are_passed_over(world: World) -> None:
    async with world.channels(f"exec?command=x&stdin=true&{BOTH}") as client:
        for message in (b"", b"\x09odd", b"\x03odd", b"\xff\x01", b"\x04no size", b"\x00on"):
            await client.socket.send_bytes(message)
        await client.send(*STDIN_ENDS)
        found = await client.rest()
    assert found[1] == b"on"
    assert msgspec.json.decode(found[3])["status"] == "Success"


async def test_input_is_taken_in_its_order_to_the_last_byte(world: World) -> None:
    content = bytes(range(256)) * 4096
    received = bytearray()

    async def collect(talk: Talk) -> int:
        async for data in talk.input:
            received.extend(data)
            await talk.say(data, OutputChannel.STDOUT)
        return 0

    world.runtime.program = collect
    async with (
        world.channels(f"exec?command=x&stdin=true&{BOTH}") as client,
        anyio.create_task_group() as group,
    ):

        async def speak() -> None:
            for start in range(0, len(content), 30000):
                await client.send(0, content[start : start + 30000])
            await client.send(*STDIN_ENDS)

        group.start_soon(speak)
        found = await client.rest()
    assert bytes(received) == content == found[1]
