"""Conversations with what runs in the process runtime: commands, main processes, ports."""

import hashlib
import os
import socket
import sys
from pathlib import Path

import anyio
import anyio.abc
import pytest

from kernel.cri.process.runtime import ProcessRuntime
from kernel.cri.runtime import ContainerState, NotFound, RuntimeFailure
from kernel.cri.streaming import OutputChannel, Session
from tests.cri.process_machine import FOREVER, abilities, is_running, shims_of, until_gone
from tests.cri.trial import PATIENCE_SECONDS, Trial, wait_for

pytestmark = pytest.mark.anyio

# A program that says what it is given, and how long its lines are.
ECHO = 'while read -r line; do echo "got $line"; done; echo end'


def runtime_of(trial: Trial) -> ProcessRuntime:
    assert isinstance(trial.runtime, ProcessRuntime)
    return trial.runtime


async def everything(session: Session) -> dict[OutputChannel, bytes]:
    """What the session's process writes until it ends."""
    written = dict.fromkeys(OutputChannel, b"")
    with anyio.fail_after(PATIENCE_SECONDS):
        async for channel, data in session.output():
            written[channel] += data
    return written


class Listener:
    """Reads a session's output beside a test that waits for parts of it."""

    def __init__(self, session: Session, tasks: anyio.abc.TaskGroup) -> None:
        self.heard = b""
        self.ended = False
        tasks.start_soon(self._listen, session)

    async def _listen(self, session: Session) -> None:
        async for _, data in session.output():
            self.heard += data
        self.ended = True

    async def wait_for(self, part: bytes, times: int = 1) -> None:
        async def look() -> bool | None:
            return self.heard.count(part) >= times or None

        await wait_for(look)

    async def wait_end(self) -> None:
        async def look() -> bool | None:
            return self.ended or None

        await wait_for(look)


# Commands.


async def test_a_command_has_its_streams_and_its_exit_code(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    script = "read -r line; echo out $line; echo wrong >&2; exit 7"
    async with runtime_of(trial).exec(
        container_id, ("sh", "-c", script), stdin=True, tty=False
    ) as session:
        await session.send(b"hello\n")
        written = await everything(session)
        assert written == {OutputChannel.STDOUT: b"out hello\n", OutputChannel.STDERR: b"wrong\n"}
        assert await session.exit_code() == 7
        # Nobody reads any more.
        await session.send(b"more\n")
        await session.resize(80, 24)
    async with runtime_of(trial).exec(
        container_id, ("sh", "-c", "kill -USR1 $$"), stdin=False, tty=False
    ) as session:
        await session.send(b"dropped")
        assert await session.exit_code() == 128 + 10


async def test_a_large_transfer_through_a_command_is_exact(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    chunk, rounds = os.urandom(1 << 20), 32
    sent, received, size = hashlib.sha256(), hashlib.sha256(), 0
    async with (
        runtime_of(trial).exec(container_id, ("cat",), stdin=True, tty=False) as session,
        anyio.create_task_group() as tasks,
    ):

        async def feed() -> None:
            for _ in range(rounds):
                sent.update(chunk)
                await session.send(chunk)
            await session.end_input()

        tasks.start_soon(feed)
        with anyio.fail_after(PATIENCE_SECONDS):
            async for _, data in session.output():
                received.update(data)
                size += len(data)
            assert await session.exit_code() == 0
    assert (size, received.digest()) == (rounds << 20, sent.digest())


async def test_who_sends_faster_than_is_read_is_made_to_wait(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    async with runtime_of(trial).exec(
        container_id, ("sleep", "60"), stdin=True, tty=False
    ) as session:
        with anyio.move_on_after(0.2) as sending:
            await session.send(bytes(1 << 20))
        assert sending.cancelled_caught


async def test_a_command_ends_though_it_leaves_something_behind(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    script = "sleep 60 & echo out"
    async with runtime_of(trial).exec(
        container_id, ("sh", "-c", script), stdin=False, tty=False
    ) as session:
        assert (await everything(session))[OutputChannel.STDOUT] == b"out\n"
        assert await session.exit_code() == 0


async def test_a_command_dies_with_the_conversation_and_its_jobs_too(
    trial: Trial, tmp_path: Path
) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    # With job control each job is a process group of its own.
    job = f"sh -c 'trap \"\" HUP TERM; while :; do sleep 0.05; done # {tmp_path}/job'"
    script = f"set -m; {job} & echo ready; wait # {tmp_path}/command"
    for tty in (False, True):
        async with (
            runtime_of(trial).exec(
                container_id, ("sh", "-c", script), stdin=True, tty=tty
            ) as session,
            anyio.create_task_group() as tasks,
        ):
            await Listener(session, tasks).wait_for(b"ready")
            assert is_running(f"{tmp_path}/command")
            tasks.cancel_scope.cancel()
        await until_gone(f"{tmp_path}/command")
        await until_gone(f"{tmp_path}/job")
    container = await trial.runtime.container_status(container_id)
    assert container.state is ContainerState.RUNNING


async def test_a_command_that_can_not_be_run(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, FOREVER)
    for tty in (False, True):
        with pytest.raises(RuntimeFailure, match='exec: "nope": executable file not found'):
            async with runtime_of(trial).exec(container_id, ("nope",), stdin=True, tty=tty):
                pass
    created = await trial.create(sandbox_id, ("true",), "created")
    for missing in (created, "0" * 32):
        with pytest.raises(NotFound):
            async with runtime_of(trial).exec(missing, ("true",), stdin=False, tty=False):
                pass
        with pytest.raises(NotFound):
            async with runtime_of(trial).attach(missing, stdin=False):
                pass


async def test_a_command_has_a_terminal_of_its_container(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    async with (
        runtime_of(trial).exec(
            container_id, ("env", "PS1=prompt> ", "sh"), stdin=True, tty=True
        ) as session,
        anyio.create_task_group() as tasks,
    ):
        await session.resize(101, 43)
        listener = Listener(session, tasks)
        await session.send(b"tty; stty size\n")
        await listener.wait_for(b"43 101\r\n")
        if abilities().mounts:
            assert b"/dev/pts/0\r\n" in listener.heard
        # The terminal is the shell's own: it has job control, and hears of the new size.
        await session.send(b"trap 'stty size' WINCH; echo trap-$((1 + 1))\n")
        await listener.wait_for(b"trap-2")
        await session.resize(120, 50)
        await session.send(b"\n")
        await listener.wait_for(b"50 120\r\n")
        await session.send(b"echo run; sleep 60\n")
        await listener.wait_for(b"run\r\n")
        prompts = listener.heard.count(b"prompt> ")
        # An interrupt throws away what was typed before it; after it there is a prompt again.
        await session.send(b"\x03")
        await listener.wait_for(b"prompt> ", prompts + 1)
        await session.send(b"exit 9\n")
        await listener.wait_end()
        assert await session.exit_code() == 9
    assert b"no job control" not in listener.heard


# The main process.


async def test_who_attaches_hears_from_now_on_and_the_log_has_all(trial: Trial) -> None:
    script = "echo early; read -r line; echo out $line; echo wrong >&2; exit 5"
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, script, stdin=True)
    await trial.wait_output(container_id, "early")
    async with (
        runtime_of(trial).attach(container_id, stdin=False) as silent,
        runtime_of(trial).attach(container_id, stdin=True) as session,
    ):
        await silent.send(b"not this\n")
        await session.send(b"hello\n")
        expected = {OutputChannel.STDOUT: b"out hello\n", OutputChannel.STDERR: b"wrong\n"}
        assert await everything(session) == await everything(silent) == expected
        assert await session.exit_code() is None
    assert (await trial.exited(container_id)).exit_code == 5
    assert await trial.output(container_id) == ["early", "out hello"]


async def test_input_stays_open_when_a_client_leaves_unless_it_is_for_one(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    many = await trial.shell(sandbox_id, ECHO, "many", stdin=True)
    once = await trial.shell(sandbox_id, ECHO, "once", stdin=True, stdin_once=True)
    for text in (b"one", b"two"):
        async with (
            runtime_of(trial).attach(many, stdin=True) as session,
            anyio.create_task_group() as tasks,
        ):
            listener = Listener(session, tasks)
            await session.send(text + b"\n")
            await listener.wait_for(b"got " + text)
            await session.end_input()
            tasks.cancel_scope.cancel()
    assert (await trial.runtime.container_status(many)).state is ContainerState.RUNNING
    async with runtime_of(trial).attach(once, stdin=True) as session:
        await session.send(b"three\n")
        await session.end_input()
        assert (await everything(session))[OutputChannel.STDOUT] == b"got three\nend\n"
    assert (await trial.exited(once)).exit_code == 0


async def test_input_for_one_ends_when_that_client_just_goes(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, ECHO, stdin=True, stdin_once=True)
    async with runtime_of(trial).attach(container_id, stdin=False):
        pass
    assert (await trial.runtime.container_status(container_id)).state is ContainerState.RUNNING
    async with runtime_of(trial).attach(container_id, stdin=True) as session:
        await session.send(b"one\n")
    assert await trial.output(container_id) == ["got one", "end"]


async def test_the_terminal_of_a_container(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, ("sh",), stdin=True, tty=True)
    async with (
        runtime_of(trial).attach(container_id, stdin=True) as session,
        anyio.create_task_group() as tasks,
    ):
        listener = Listener(session, tasks)
        await session.resize(101, 43)
        await session.send(b"tty; stty size\n")
        await listener.wait_for(b"43 101\r\n")
        if abilities().mounts:
            assert b"/dev/pts/0\r\n" in listener.heard
        tasks.cancel_scope.cancel()
    # It runs on, and the next one finds the same shell.
    async with (
        runtime_of(trial).attach(container_id, stdin=True) as session,
        anyio.create_task_group() as tasks,
    ):
        listener = Listener(session, tasks)
        await session.send(b"exit 4\n")
        await listener.wait_end()
    assert (await trial.exited(container_id)).exit_code == 4


async def test_the_terminal_is_there_for_clients_though_its_container_has_let_go_of_it(
    trial: Trial,
) -> None:
    """The shim's own end was closed then, and its number another file's."""
    script = "echo ready; exec sleep 60 <&- >&- 2>&-"
    container_id = await trial.shell(await trial.run_sandbox(), script, stdin=True, tty=True)
    await trial.wait_output(container_id, "ready")
    runtime = runtime_of(trial)
    async with runtime.attach(container_id, stdin=True) as session, anyio.create_task_group() as t:
        listener = Listener(session, t)
        await session.resize(100, 40)
        await session.send(b"nobody reads this\n")
        await runtime.stop_container(container_id, grace_seconds=0)
        await listener.wait_end()


async def test_a_slow_client_holds_the_output_back_and_nothing_is_lost(
    trial: Trial, state_directory: Path
) -> None:
    size = 8 << 20
    program = (
        "import os, sys; sys.stdin.readline(); "
        f"[os.write(1, b'x' * 1023 + b'\\n') for _ in range({size // 1024})]"
    )
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, (sys.executable, "-c", program), stdin=True)
    (shim,) = shims_of(state_directory)
    async with (
        runtime_of(trial).attach(container_id, stdin=True) as quick,
        runtime_of(trial).attach(container_id, stdin=False) as slow,
        anyio.create_task_group() as tasks,
    ):
        before = resident_bytes(shim)
        listener = Listener(quick, tasks)
        await quick.send(b"go\n")
        await listener.wait_for(b"x")
        # Nobody says that nothing more will come: it is what the quick one gets in a while.
        await anyio.sleep(0.3)
        # The slow one has read nothing: what is on its way fits into pipes.
        assert 0 < len(listener.heard) < 1 << 20
        assert resident_bytes(shim) - before < 1 << 20
        written = await everything(slow)
        await listener.wait_end()
        assert len(written[OutputChannel.STDOUT]) == len(listener.heard) == size
    container = await trial.exited(container_id)
    assert container.exit_code == 0
    text = await anyio.Path(container.log_path).read_text()
    assert text.count("stdout F xxx") == size // 1024


async def test_a_client_that_goes_sets_the_output_free(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "read -r go; head -c 1000000 /dev/zero | tr '\\0' 'x'; echo; echo done"
    container_id = await trial.shell(sandbox_id, script, stdin=True)
    async with runtime_of(trial).attach(container_id, stdin=True) as session:
        await session.send(b"go\n")
    await trial.wait_output(container_id, "done")


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# Ports.

_SERVER = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = socket.create_server((address, port), family=family)
print("ready", flush=True)
while True:
    client, _ = server.accept()
    with client:
        while data := client.recv(65536):
            client.sendall(data)
"""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_port_on_the_pods_own_loopback_is_reached(trial: Trial, address: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(ConnectionRefusedError):
        async with runtime_of(trial).connect(sandbox_id, port):
            pass
    command = (sys.executable, "-c", _SERVER, address, str(port))
    await trial.wait_output(await trial.start(sandbox_id, command), "ready")
    content = os.urandom(1 << 20)
    async with (
        runtime_of(trial).connect(sandbox_id, port) as stream,
        anyio.create_task_group() as tasks,
    ):

        async def feed() -> None:
            await stream.send(content)
            await stream.send_eof()

        tasks.start_soon(feed)
        received = b""
        with anyio.fail_after(PATIENCE_SECONDS):
            async for data in stream:
                received += data
    assert received == content


async def test_there_is_no_port_in_a_sandbox_that_is_not_there(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    await trial.runtime.stop_sandbox(sandbox_id)
    for missing in (sandbox_id, "0" * 32):
        with pytest.raises(NotFound):
            async with runtime_of(trial).connect(missing, 80):
                pass


# Across the life of podkernel.


async def test_a_conversation_ends_with_the_sandbox(trial: Trial, state_directory: Path) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, FOREVER)
    async with (
        runtime_of(trial).exec(container_id, ("cat",), stdin=True, tty=False) as command,
        runtime_of(trial).attach(container_id, stdin=True) as attached,
    ):
        await trial.runtime.stop_sandbox(sandbox_id)
        await everything(attached)
        await everything(command)
        assert await command.exit_code() == 137


async def test_who_attached_can_go_on_with_another_runtime_object(
    trial: Trial, state_directory: Path
) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, ECHO, stdin=True)
    await trial.runtime.close()
    trial.runtime = trial.under_test.open()
    async with (
        runtime_of(trial).attach(container_id, stdin=True) as session,
        anyio.create_task_group() as tasks,
    ):
        listener = Listener(session, tasks)
        await session.send(b"hello\n")
        await listener.wait_for(b"got hello\n")
        tasks.cancel_scope.cancel()


async def test_conversations_leave_no_open_files(trial: Trial, state_directory: Path) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, FOREVER, stdin=True)
    (shim,) = shims_of(state_directory)

    async def talk() -> None:
        runtime = runtime_of(trial)
        for tty in (False, True):
            async with runtime.exec(container_id, ("true",), stdin=True, tty=tty) as session:
                await everything(session)
            async with runtime.exec(container_id, ("sleep", "60"), stdin=False, tty=tty):
                pass
            with pytest.raises(RuntimeFailure):
                async with runtime.exec(container_id, ("nope",), stdin=True, tty=tty):
                    pass
        async with runtime.attach(container_id, stdin=True):
            pass
        with pytest.raises(ConnectionRefusedError):
            async with runtime.connect(sandbox_id, 1):
                pass

    def open_files() -> tuple[int, int]:
        return len(os.listdir(f"/proc/{shim}/fd")), len(os.listdir("/proc/self/fd"))

    await talk()  # some files are opened once and kept
    before = open_files()
    for _ in range(5):
        await talk()

    async def are_no_more() -> bool | None:
        return all(now <= then for now, then in zip(open_files(), before, strict=True)) or None

    # The shim hears of the last client's end a little later.
    await wait_for(are_no_more)
