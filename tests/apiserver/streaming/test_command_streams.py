"""Exec and attach over SPDY, in all versions of the protocol."""

from contextlib import suppress

import anyio
import msgspec
import pytest

from kernel.spdy.connection import SpdyConnection
from kernel.spdy.stream import SpdyStream

from .conftest import SECONDS_MAX, World, everything
from .talking_runtime import Talk
from .test_command_channels import until_killed

pytestmark = pytest.mark.anyio

ALL_VERSIONS = [f"v{number}.channel.k8s.io" for number in (5, 4, 3, 2)] + ["channel.k8s.io"]
BOTH = "stdout=true&stderr=true"


async def begin(connection: SpdyConnection, *names: str) -> dict[str, SpdyStream]:
    """The client's streams."""
    with anyio.fail_after(SECONDS_MAX):
        return {name: await connection.open_stream({"streamtype": name}) for name in names}


async def test_input_goes_in_and_both_outputs_come_out(world: World) -> None:
    path = f"exec?command=say&command=0&stdin=true&{BOTH}"
    async with world.spdy(path, *ALL_VERSIONS) as (connection, agreed):
        assert agreed == "v5.channel.k8s.io"
        streams = await begin(connection, "error", "stdin", "stdout", "stderr")
        await streams["stdin"].send(b"hello\n")
        await streams["stdin"].send_eof()
        assert await everything(streams["stdout"]) == b"hello\n"
        assert await everything(streams["stderr"]) == b"say 0"
        outcome = msgspec.json.decode(await everything(streams["error"]))
    assert outcome["status"] == "Success"


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_the_outcome_in_each_version(world: World, version: str) -> None:
    async with world.spdy(f"exec?command=x&command=7&{BOTH}", version) as (connection, agreed):
        assert agreed == version
        streams = await begin(connection, "error", "stdout", "stderr")
        outcome = await everything(streams["error"])
    if version in ALL_VERSIONS[:2]:
        causes = msgspec.json.decode(outcome)["details"]["causes"]
        assert causes == [{"reason": "ExitCode", "message": "7"}]
    else:
        assert outcome == b"command terminated with non-zero exit code: exit status 7"


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_success_says_nothing_in_old_versions(world: World, version: str) -> None:
    async with world.spdy(f"exec?command=x&{BOTH}", version) as (connection, _):
        streams = await begin(connection, "error", "stdout", "stderr")
        outcome = await everything(streams["error"])
    assert bool(outcome) is (version in ALL_VERSIONS[:2])


async def test_a_terminal_follows_the_window(world: World) -> None:
    async def terminal(talk: Talk) -> int:
        await talk.say(await talk.input.receive())
        return 0

    world.runtime.program = terminal
    path = f"exec?command=sh&stdin=true&tty=true&{BOTH}"
    async with world.spdy(path, "v4.channel.k8s.io") as (connection, _):
        streams = await begin(connection, "error", "stdin", "stdout", "resize")
        await streams["resize"].send(b'{"Width":100,"Height":40}\n{"Width":132,')
        await streams["resize"].send(b'"Height":50}\n')
        talk = await world.talk()
        with anyio.fail_after(SECONDS_MAX):
            while len(talk.sizes) < 2:  # noqa: ASYNC110
                await anyio.sleep(0.005)
        await streams["stdin"].send(b"x")
        assert await everything(streams["stdout"]) == b"x"
    assert talk.sizes == [(100, 40), (132, 50)]


async def test_a_client_that_leaves_takes_its_command_along(world: World) -> None:
    world.runtime.program = until_killed
    async with world.spdy(f"exec?command=x&{BOTH}", "v4.channel.k8s.io") as (connection, _):
        streams = await begin(connection, "error", "stdout", "stderr")
        with anyio.fail_after(SECONDS_MAX):
            assert await streams["stdout"].receive() == b"begun"
    talk = await world.talk()
    with anyio.fail_after(SECONDS_MAX):
        await talk.is_over.wait()
    assert talk.was_left_running


async def test_the_server_ends_and_keeps_nobody_waiting(world: World) -> None:
    world.runtime.program = until_killed
    async with world.spdy(f"exec?command=x&{BOTH}", "v4.channel.k8s.io") as (connection, _):
        streams = await begin(connection, "error", "stdout", "stderr")
        with anyio.fail_after(SECONDS_MAX):
            assert await streams["stdout"].receive() == b"begun"
        with anyio.fail_after(1):
            await world.served.server.stop()
        outcome = msgspec.json.decode(await everything(streams["error"]))
        assert outcome["message"] == "Internal error occurred: the server is stopping"
    assert (await world.talk()).was_left_running


async def test_input_that_nobody_reads_does_not_swallow_the_outcome(world: World) -> None:
    async def deaf(talk: Talk) -> int:
        await talk.input.receive()
        await talk.say(bytes(1 << 20))
        return 3

    world.runtime.program = deaf
    path = f"exec?command=x&stdin=true&{BOTH}"
    async with world.spdy(path, "v4.channel.k8s.io") as (connection, _):
        streams = await begin(connection, "error", "stdin", "stdout", "stderr")

        async def speak() -> None:
            with suppress(anyio.BrokenResourceError):
                while True:
                    await streams["stdin"].send(bytes(1 << 16))

        async with anyio.create_task_group() as group:
            group.start_soon(speak)
            assert len(await everything(streams["stdout"])) == 1 << 20
            outcome = msgspec.json.decode(await everything(streams["error"]))
    assert outcome["details"]["causes"][0]["message"] == "3"


async def test_a_client_that_does_not_read_makes_the_command_wait(world: World) -> None:
    async def flood(talk: Talk) -> int:
        while True:
            await talk.say(bytes(1 << 16))

    world.runtime.program = flood
    async with world.spdy(f"exec?command=x&{BOTH}", "v4.channel.k8s.io") as (connection, _):
        await begin(connection, "error", "stdout", "stderr")
        talk = await world.talk()
        written = -1
        while talk.written_bytes != written:
            written = talk.written_bytes
            await anyio.sleep(0.3)
        assert written < 32 << 20


async def test_streams_that_nobody_expects_are_refused(world: World) -> None:
    async with world.spdy("exec?command=x&stdout=true", "v4.channel.k8s.io") as (connection, _):
        odd = (await begin(connection, "odd"))["odd"]
        streams = await begin(connection, "error", "stdout")
        assert msgspec.json.decode(await everything(streams["error"]))["status"] == "Success"
        with pytest.raises(anyio.BrokenResourceError):
            await everything(odd)


async def test_attach_joins_the_main_process(world: World) -> None:
    async def main(talk: Talk) -> None:
        await talk.say(b"ready")

    world.runtime.program = main
    path = "attach?container=c&stdout=true"
    async with world.spdy(path, "v4.channel.k8s.io") as (connection, _):
        streams = await begin(connection, "error", "stdout")
        assert await everything(streams["stdout"]) == b"ready"
        assert msgspec.json.decode(await everything(streams["error"]))["status"] == "Success"
