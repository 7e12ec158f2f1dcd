"""One suite for all runtimes: what `kernel.cri.streaming` promises."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
from anyio.abc import ByteStream

from kernel.cri.runtime import ContainerState, NotFound, RuntimeFailure
from kernel.cri.streaming import OutputChannel, Session, Streaming
from tests.cri.runtimes_under_test import ECHO, ECHO_PORT, runs_programs
from tests.cri.trial import PATIENCE_SECONDS, Trial, wait_for

pytestmark = pytest.mark.anyio


class _Said(msgspec.Struct):
    """What a command wrote, and how it ended."""

    stdout: bytes
    stderr: bytes
    exit_code: int | None


@pytest.fixture
def streaming(trial: Trial) -> Streaming:
    return trial.runtime


@pytest.fixture
async def container_id(trial: Trial) -> str:
    """A container that runs until it is stopped."""
    return await trial.start(await trial.run_sandbox(), trial.under_test.until_stopped)


async def _said(session: Session) -> _Said:
    written = dict.fromkeys(OutputChannel, b"")
    with anyio.fail_after(PATIENCE_SECONDS):
        async for channel, data in session.output():
            written[channel] += data
        exit_code = await session.exit_code()
    return _Said(written[OutputChannel.STDOUT], written[OutputChannel.STDERR], exit_code)


async def _run(
    streaming: Streaming, container_id: str, *command: str, stdin: bytes | None = None
) -> _Said:
    """Run a command to its end, with all of its input at once."""
    has_stdin = stdin is not None
    async with (
        streaming.exec(container_id, command, stdin=has_stdin, tty=False) as session,
        _beside(_send_all(session, stdin or b"")),
    ):
        return await _said(session)


async def _send_all(session: Session, data: bytes) -> None:
    await session.send(data)
    await session.end_input()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do something while the body runs, and have done it at its end."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: work)
        yield


class _Listener:
    """What a session's process has written so far, wherever to."""

    def __init__(self) -> None:
        self.heard = b""

    async def wait_for(self, *parts: bytes) -> None:
        """Return once each of `parts` was heard."""

        async def look() -> bool | None:
            return all(part in self.heard for part in parts) or None

        await wait_for(look)

    async def listen(self, session: Session) -> None:
        async for _, data in session.output():
            self.heard += data


@asynccontextmanager
async def _listening(session: Session) -> AsyncIterator[_Listener]:
    listener = _Listener()
    async with anyio.create_task_group() as group:
        group.start_soon(listener.listen, session)
        yield listener
        group.cancel_scope.cancel()


# A command in a container.


async def test_a_command_is_run_and_its_exit_code_told(
    streaming: Streaming, container_id: str
) -> None:
    assert await _run(streaming, container_id, "echo", "hello") == _Said(b"hello\n", b"", 0)
    assert await _run(streaming, container_id, "sh", "-c", "exit 3") == _Said(b"", b"", 3)


async def test_where_nothing_runs_there_is_no_conversation(
    streaming: Streaming, trial: Trial
) -> None:
    sandbox_id = await trial.run_sandbox()
    ended = await trial.start(sandbox_id, ("true",), "ended")
    await trial.exited(ended)
    for container_id in (ended, "none"):
        with pytest.raises(NotFound):
            await _run(streaming, container_id, "true")
        with pytest.raises(NotFound):
            async with streaming.attach(container_id, stdin=False):
                pass
    await trial.runtime.stop_sandbox(sandbox_id)
    for gone_id in (sandbox_id, "none"):
        with pytest.raises(NotFound):
            async with streaming.connect(gone_id, ECHO_PORT):
                pass


async def test_an_exception_leaves_a_conversation_as_it_is(
    streaming: Streaming, container_id: str
) -> None:
    with pytest.raises(KeyError):
        async with streaming.exec(container_id, ("sleep", "60"), stdin=False, tty=False):
            raise KeyError("mine")
    with pytest.raises(KeyError):
        async with streaming.attach(container_id, stdin=False):
            raise KeyError("mine")


@runs_programs
async def test_output_and_errors_come_apart(streaming: Streaming, container_id: str) -> None:
    said = await _run(streaming, container_id, "sh", "-c", "echo out; echo err >&2; kill -9 $$")
    assert said == _Said(b"out\n", b"err\n", 128 + 9)


@runs_programs
async def test_a_command_that_is_not_there_can_not_be_run(
    streaming: Streaming, container_id: str
) -> None:
    with pytest.raises(RuntimeFailure, match="no-such-command") as failure:
        await _run(streaming, container_id, "no-such-command")
    assert "\n" not in str(failure.value)


@runs_programs
async def test_input_arrives_whole_and_its_end_is_seen(
    streaming: Streaming, container_id: str
) -> None:
    content = bytes(range(256)) * 20_000
    assert await _run(streaming, container_id, "cat", stdin=content) == _Said(content, b"", 0)


@runs_programs
async def test_without_input_there_is_nothing_to_read(
    streaming: Streaming, container_id: str
) -> None:
    async with streaming.exec(container_id, ("cat",), stdin=False, tty=False) as session:
        await session.send(b"dropped")
        await session.end_input()
        await session.resize(80, 24)
        assert await _said(session) == _Said(b"", b"", 0)


@runs_programs
async def test_what_nobody_reads_is_dropped_once_the_command_has_ended(
    streaming: Streaming, container_id: str
) -> None:
    said = await _run(streaming, container_id, "sh", "-c", "exec true", stdin=bytes(1 << 20))
    assert said.exit_code == 0


@runs_programs
async def test_who_does_not_read_presses_back(streaming: Streaming, container_id: str) -> None:
    sent = 0

    async def write(session: Session) -> None:
        nonlocal sent
        while True:
            await session.send(bytes(1 << 16))
            sent += 1 << 16

    async with (
        streaming.exec(container_id, ("sleep", "60"), stdin=True, tty=False) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(write, session)
        await anyio.wait_all_tasks_blocked()
        assert sent < 16 << 20
        group.cancel_scope.cancel()


@runs_programs
async def test_a_terminal_has_the_size_that_it_was_told(
    streaming: Streaming, container_id: str
) -> None:
    script = "read line; stty size; echo in-err >&2; read line; stty size"
    async with (
        streaming.exec(container_id, ("sh", "-c", script), stdin=True, tty=True) as session,
        _listening(session) as listener,
    ):
        await session.resize(100, 30)
        await session.send(b"go\n")
        await listener.wait_for(b"30 100\r\n", b"in-err")
    async with streaming.exec(
        container_id, ("sh", "-c", "tty && echo $TERM"), stdin=False, tty=True
    ) as session:
        said = await _said(session)
    assert said.stdout.startswith(b"/dev/")
    assert said.stdout.endswith(b"xterm\r\n")
    assert (said.stderr, said.exit_code) == (b"", 0)


@runs_programs
async def test_leaving_kills_the_command(streaming: Streaming, container_id: str) -> None:
    command = ("sh", "-c", "echo $$; exec sleep 600")
    async with (
        streaming.exec(container_id, command, stdin=True, tty=False) as session,
        _listening(session) as listener,
    ):
        await listener.wait_for(b"\n")
        pid = listener.heard.decode().strip()
        alive = await _run(streaming, container_id, "kill", "-0", pid)
        assert alive.exit_code == 0

    async def is_gone() -> bool | None:
        return (await _run(streaming, container_id, "kill", "-0", pid)).exit_code != 0 or None

    await wait_for(is_gone)


@runs_programs
async def test_a_command_ends_with_its_container(
    streaming: Streaming, trial: Trial, container_id: str
) -> None:
    command = ("sh", "-c", "echo begun; exec sleep 600")
    async with streaming.exec(container_id, command, stdin=False, tty=False) as session:
        async with _listening(session) as listener:
            await listener.wait_for(b"begun\n")
        await trial.runtime.remove_container(container_id)
        with anyio.fail_after(PATIENCE_SECONDS):
            assert await session.exit_code() == 128 + 9


# The main process of a container.


async def test_who_attaches_sees_what_is_written_from_now_on(
    streaming: Streaming, trial: Trial
) -> None:
    script = "echo early; sleep 1; echo late; sleep 0.1; exit 4"
    container_id = await trial.shell(await trial.run_sandbox(), script)
    await trial.wait_output(container_id, "early")
    async with streaming.attach(container_id, stdin=False) as session:
        assert await _said(session) == _Said(b"late\n", b"", None)
    assert (await trial.exited(container_id)).exit_code == 4
    assert await trial.output(container_id) == ["early", "late"]


@runs_programs
async def test_input_of_one_attachment_only_ends_with_it(
    streaming: Streaming, trial: Trial
) -> None:
    container_id = await trial.start(
        await trial.run_sandbox(), ("cat",), stdin=True, stdin_once=True
    )
    async with (
        streaming.attach(container_id, stdin=True) as session,
        _listening(session) as listener,
    ):
        await session.send(b"hello\n")
        await listener.wait_for(b"hello\n")
        await session.end_input()
        assert (await trial.exited(container_id)).exit_code == 0
        assert await session.exit_code() is None


@runs_programs
async def test_a_container_goes_on_when_who_attached_leaves(
    streaming: Streaming, trial: Trial
) -> None:
    script = "while read line; do echo got $line; echo err $line >&2; done"
    container_id = await trial.shell(await trial.run_sandbox(), script, stdin=True)
    for word in (b"one", b"two"):
        async with (
            streaming.attach(container_id, stdin=True) as session,
            _listening(session) as listener,
        ):
            await session.send(word + b"\n")
            await listener.wait_for(b"got " + word, b"err " + word)
    async with streaming.attach(container_id, stdin=False) as session:
        await session.send(b"dropped\n")
    status = await trial.runtime.container_status(container_id)
    assert status.state is ContainerState.RUNNING


@runs_programs
async def test_a_container_with_a_terminal_is_resized(streaming: Streaming, trial: Trial) -> None:
    script = "while read line; do stty size; done"
    container_id = await trial.shell(await trial.run_sandbox(), script, stdin=True, tty=True)
    async with (
        streaming.attach(container_id, stdin=True) as session,
        _listening(session) as listener,
    ):
        await session.resize(90, 40)

        async def is_resized() -> bool | None:
            # The size and the input may take different ways.
            await session.send(b"look\n")
            return b"40 90" in listener.heard or None

        await wait_for(is_resized)


# A port of a sandbox.


async def test_a_connection_carries_both_ways_to_the_end(
    streaming: Streaming, trial: Trial
) -> None:
    sandbox_id = await trial.run_sandbox()
    await trial.start(sandbox_id, trial.under_test.echo, ECHO)
    content = bytes(range(256)) * 4000

    async def write(connection: ByteStream) -> None:
        await connection.send(content)
        await connection.send_eof()

    async def has_echo() -> bytes | None:
        try:
            async with (
                streaming.connect(sandbox_id, ECHO_PORT) as connection,
                _beside(write(connection)),
            ):
                return b"".join([piece async for piece in connection])
        except ConnectionRefusedError:  # it does not listen yet
            return None

    assert await wait_for(has_echo) == content


async def test_where_nobody_listens_a_connection_is_refused(
    streaming: Streaming, trial: Trial
) -> None:
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(ConnectionRefusedError):
        async with streaming.connect(sandbox_id, ECHO_PORT):
            pass
