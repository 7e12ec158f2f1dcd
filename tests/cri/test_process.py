"""What is particular to the process runtime: shims, adoption, namespaces, volumes, what is left.

The contract that it shares with other runtimes is in `tests.cri.contract`. As root, the tests
are run again as an ordinary user, with user namespaces and without.
"""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from kernel.clock import SystemClock
from kernel.cri.measuring import ContainerUsage
from kernel.cri.runtime import (
    ContainerState,
    InvalidImageName,
    LinuxResources,
    Mount,
    PortMapping,
    RuntimeEventType,
    RuntimeFailure,
    SandboxState,
    SecurityContext,
)
from tests.cri import ordinary_user
from tests.cri.process_machine import (
    FOREVER,
    abilities,
    is_running,
    needs_mounts,
    needs_root,
    open_runtime,
    shims_of,
    until_gone,
)
from tests.cri.runtimes_under_test import RuntimeUnderTest
from tests.cri.trial import Trial, next_event, wait_for

pytestmark = pytest.mark.anyio


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Life and death of podkernel and of the shim.

_PODKERNEL = """
import sys, anyio
from pathlib import Path
from kernel.clock import SystemClock
from kernel.cri.process.runtime import ProcessRuntime
from kernel.cri.runtime import ContainerConfig, SandboxConfig

async def main(directory):
    runtime = ProcessRuntime(directory / "state", clock=SystemClock())
    sandbox = SandboxConfig(
        name="web", namespace="default", uid="u", attempt=0, log_directory=str(directory / "logs")
    )
    sandbox_id = await runtime.run_sandbox(sandbox)
    for name, script in zip(("stays", "ends"), sys.argv[2:], strict=True):
        container = ContainerConfig(
            name=name, attempt=0, image="busybox", command=("sh", "-c", script),
            log_path=f"{name}.log",
        )
        container_id = await runtime.create_container(sandbox_id, container, sandbox)
        await runtime.start_container(container_id)
    print("started", flush=True)
    await anyio.sleep_forever()

anyio.run(main, Path(sys.argv[1]))
"""


def run_podkernel_and_kill_it(directory: Path, *scripts: str) -> None:
    command = [sys.executable, "-c", _PODKERNEL, str(directory), *scripts]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as podkernel:
        assert podkernel.stdout is not None
        assert podkernel.stdout.readline() == b"started\n"
        os.killpg(podkernel.pid, signal.SIGKILL)


async def test_containers_outlive_a_killed_podkernel_and_are_adopted(
    state_directory: Path, tmp_path: Path
) -> None:
    stays, ends = f"{FOREVER} # {tmp_path}/stays", f"sleep 0.3; exit 5 # {tmp_path}/ends"
    await anyio.to_thread.run_sync(run_podkernel_and_kill_it, tmp_path, stays, ends)
    killed_at = SystemClock().now_nanoseconds()
    await until_gone(f"{tmp_path}/ends")
    assert is_running(f"{tmp_path}/stays")

    runtime = open_runtime(state_directory)
    (ends_id,) = [each.id for each in await runtime.containers() if each.name == "ends"]
    await runtime.stop_container(ends_id, grace_seconds=30)
    (sandbox,) = await runtime.sandboxes()
    assert sandbox.state is SandboxState.READY
    containers = {each.name: each for each in await runtime.containers()}
    ended = containers["ends"]
    assert (ended.state, ended.exit_code) == (ContainerState.EXITED, 5)
    assert ended.started_at < killed_at < ended.finished_at
    adopted = containers["stays"]
    assert (adopted.state, adopted.started_at < killed_at) == (ContainerState.RUNNING, True)
    result = await runtime.exec_sync(adopted.id, ("echo", "hi"), timeout_seconds=30)
    assert result.stdout == b"hi\n"
    await runtime.stop_container(adopted.id, grace_seconds=30)
    assert (await runtime.container_status(adopted.id)).exit_code == 143
    await runtime.remove_sandbox(sandbox.id)
    assert shims_of(state_directory) == []
    assert await runtime.containers() == []


async def test_without_its_shim_a_container_is_lost_and_killed(
    trial: Trial, state_directory: Path, tmp_path: Path
) -> None:
    sandbox_id = await trial.run_sandbox()
    script = f"(setsid sh -c '{FOREVER} # {tmp_path}/child' &) ; {FOREVER} # {tmp_path}/main"
    container_id = await trial.start(sandbox_id, ("sh", "-c", script.replace("'exit 143'", "exit")))
    async with trial.runtime.events() as events:
        (shim,) = shims_of(state_directory)
        os.kill(shim, signal.SIGKILL)
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
        await next_event(events, RuntimeEventType.SANDBOX_STOPPED, sandbox_id)
    container = await trial.runtime.container_status(container_id)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 137)
    assert container.reason == "ContainerStatusUnknown"
    assert container.finished_at > container.started_at > 0
    assert await trial.runtime.container_status(container_id) == container
    assert (await trial.runtime.sandbox_status(sandbox_id)).state is SandboxState.NOT_READY
    await trial.runtime.stop_container(container_id, grace_seconds=1)
    await trial.runtime.stop_sandbox(sandbox_id)
    await until_gone(f"{tmp_path}/main")
    await until_gone(f"{tmp_path}/child")


@needs_root
@pytest.mark.root
async def test_without_its_shim_nothing_runs_on_among_the_hosts_processes(
    trial: Trial, state_directory: Path, tmp_path: Path
) -> None:
    """Nor what has left its session, and the environment that it was given."""
    sandbox_id = await trial.run_sandbox(host_pid=True)
    loop = "while :; do sleep 0.05; done"
    child = f"env -i /usr/bin/setsid /bin/sh -c '{loop} # {tmp_path}/child'"
    script = f"({child} &) ; {FOREVER} # {tmp_path}/main"
    container_id = await trial.shell(sandbox_id, script)
    await trial.wait_output(container_id, "ready")
    async with trial.runtime.events() as events:
        (shim,) = shims_of(state_directory)
        os.kill(shim, signal.SIGKILL)
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
    container = await trial.runtime.container_status(container_id)
    assert (container.exit_code, container.reason) == (137, "ContainerStatusUnknown")
    await until_gone(f"{tmp_path}/main")
    await until_gone(f"{tmp_path}/child")


async def test_a_container_whose_shim_dies_while_it_is_stopped_is_stopped(
    trial: Trial, state_directory: Path
) -> None:
    script = "trap : TERM; echo ready; while :; do sleep 0.05; done"
    container_id = await trial.shell(await trial.run_sandbox(), script)
    await trial.wait_output(container_id, "ready")
    async with anyio.create_task_group() as tasks:
        stop = partial(trial.runtime.stop_container, container_id, grace_seconds=60)
        tasks.start_soon(stop)
        await anyio.wait_all_tasks_blocked()
        (shim,) = shims_of(state_directory)
        os.kill(shim, signal.SIGKILL)
    assert (await trial.runtime.container_status(container_id)).exit_code == 137


async def test_another_process_with_the_shims_pid_is_not_taken_for_it(
    trial: Trial, state_directory: Path
) -> None:
    sandbox_id = await trial.run_sandbox()
    (shim,) = shims_of(state_directory)
    identity = state_directory / "sandboxes" / sandbox_id / "shim.json"
    original = identity.read_text()
    changed = json.loads(original)
    changed["start_ticks"] += 1
    identity.write_text(json.dumps(changed))
    other = open_runtime(state_directory)
    assert (await other.sandbox_status(sandbox_id)).state is SandboxState.NOT_READY
    await other.stop_sandbox(sandbox_id)
    assert shims_of(state_directory) == [shim]
    identity.write_text(original)


async def test_what_a_container_started_dies_with_it(trial: Trial, tmp_path: Path) -> None:
    """Also what left its session, and where containers share their processes."""
    for name, share in (("apart", False), ("shared", True)):
        sandbox_id = await trial.run_sandbox(name, share_processes=share)
        child = f"setsid sh -c 'echo ready; while :; do sleep 0.05; done # {tmp_path}/{name}'"
        container_id = await trial.shell(sandbox_id, f"({child} &) ; while :; do sleep 0.05; done")
        await trial.wait_output(container_id, "ready")
        assert is_running(f"{tmp_path}/{name}")
        await trial.runtime.stop_container(container_id, grace_seconds=0)
        await until_gone(f"{tmp_path}/{name}")
        assert (await trial.runtime.sandbox_status(sandbox_id)).state is SandboxState.READY


def mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


async def test_nothing_is_left_of_a_removed_sandbox(
    trial: Trial, state_directory: Path, tmp_path: Path
) -> None:
    sandbox_id = await trial.run_sandbox(port_mappings=(PortMapping(free_port(), 80),))
    volume = (Mount(str(tmp_path / "volume"), "/data/here"),) if abilities().mounts else ()
    await trial.shell(sandbox_id, f"{FOREVER} # {tmp_path}/main", mounts=volume)
    assert is_running(f"{tmp_path}/main")
    await trial.runtime.remove_sandbox(sandbox_id)
    # A namespace lives as long as a process in it, or a mount of it.
    assert not is_running(f"{tmp_path}/main")
    assert shims_of(state_directory) == []
    assert [line for line in mounts() if str(state_directory) in line] == []
    assert os.listdir(state_directory / "sandboxes") == []
    assert [name for name in os.listdir("/sys/class/net") if sandbox_id[:8] in name] == []


async def test_what_containers_are_told_is_for_nobody_else_to_read(
    trial: Trial, state_directory: Path
) -> None:
    await trial.run_sandbox()
    assert stat.S_IMODE((state_directory / "sandboxes").stat().st_mode) == 0o700


async def test_the_path_of_the_state_directory_may_be_long(tmp_path: Path) -> None:
    state_directory = tmp_path / ("long" * 30) / "state"
    under_test = RuntimeUnderTest(open=lambda: open_runtime(state_directory), image="busybox")
    trial = Trial(under_test, tmp_path)
    try:
        container_id = await trial.shell(await trial.run_sandbox(), "exit 7")
        assert (await trial.exited(container_id)).exit_code == 7
    finally:
        await trial.close()


# Commands and their surroundings.


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("nope", 'exec: "nope": executable file not found in $PATH'),
        ("/no/such", 'exec: "/no/such": stat /no/such: no such file or directory'),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
        ("/etc", 'exec: "/etc": is a directory'),
    ],
)
async def test_a_command_that_can_not_be_executed(trial: Trial, command: str, message: str) -> None:
    container_id = await trial.create(await trial.run_sandbox(), (command,))
    with pytest.raises(RuntimeFailure) as caught:
        await trial.runtime.start_container(container_id)
    container = await trial.runtime.container_status(container_id)
    assert str(caught.value) == container.message == message
    assert (container.exit_code, container.reason) == (128, "StartError")
    assert (container.started_at, container.finished_at > 0) == (0, True)


async def test_a_working_directory_that_can_not_be_entered(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.create(sandbox_id, ("true",), working_directory="/etc/passwd")
    with pytest.raises(RuntimeFailure, match="chdir to cwd"):
        await trial.runtime.start_container(container_id)


async def test_a_log_that_can_not_be_written_is_a_start_error(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.create(sandbox_id, ("true",), log_path="/dev/null/0.log")
    with pytest.raises(RuntimeFailure, match="/dev/null"):
        await trial.runtime.start_container(container_id)
    container = await trial.runtime.container_status(container_id)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 128)
    assert container.reason == "StartError"


async def test_a_container_needs_a_command(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(RuntimeFailure, match="needs one, as there is no image"):
        await trial.create(sandbox_id, ())
    assert await trial.runtime.containers() == []


async def test_a_signal_n_is_exit_code_128_plus_n(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox(share_processes=True)
    container_id = await trial.shell(sandbox_id, "kill -USR1 $$; sleep 60")
    assert (await trial.exited(container_id)).exit_code == 128 + signal.SIGUSR1


async def test_the_stop_signal_can_be_chosen(trial: Trial) -> None:
    script = "trap 'exit 9' USR2; echo ready; while :; do sleep 0.05; done"
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, script, stop_signal="SIGUSR2")
    await trial.wait_output(container_id, "ready")
    await trial.runtime.stop_container(container_id, grace_seconds=30)
    assert (await trial.exited(container_id)).exit_code == 9


async def test_podkernels_environment_stays_outside(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of podkernel")
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, ("env",), environment={"OWN": "a=b c"})
    variables = dict(line.split("=", 1) for line in await trial.output(container_id))
    assert variables.pop("OWN") == "a=b c"
    assert variables.pop("HOSTNAME") == "web"
    variables.pop("PODKERNEL_CONTAINER", None)
    assert variables.keys() == {"PATH", "HOME"}


async def test_standard_input_is_empty_unless_it_is_asked_for(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "cat; echo end of input"
    assert await trial.output(await trial.shell(sandbox_id, script)) == ["end of input"]
    container_id = await trial.shell(sandbox_id, f"echo ready; {script}", "waits", stdin=True)
    await trial.wait_output(container_id, "ready")
    container = await trial.runtime.container_status(container_id)
    assert container.state is ContainerState.RUNNING


async def test_a_terminal(trial: Trial) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo $TERM"
    container_id = await trial.shell(await trial.run_sandbox(), script, tty=True)
    assert await trial.output(container_id) == ["xterm"]


async def test_images_are_names_alone(trial: Trial) -> None:
    image = "registry.example.com:5000/team/web:v1"
    found = await trial.runtime.image_status(image)
    assert found is not None
    assert found.id == await trial.runtime.pull_image(image) == image
    for call in (trial.runtime.image_status, trial.runtime.pull_image):
        with pytest.raises(InvalidImageName):
            await call("Not An Image")


async def test_a_command_in_a_container_dies_with_its_caller(trial: Trial, tmp_path: Path) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    command = ("sh", "-c", f"while :; do sleep 0.05; done # {tmp_path}/exec")
    with anyio.move_on_after(0.3):
        await trial.runtime.exec_sync(container_id, command, timeout_seconds=0)
    await until_gone(f"{tmp_path}/exec")


async def test_a_command_in_a_container_that_can_not_be_executed(trial: Trial) -> None:
    container_id = await trial.shell(await trial.run_sandbox(), FOREVER)
    with pytest.raises(RuntimeFailure, match='exec: "nope": executable file not found'):
        await trial.runtime.exec_sync(container_id, ("nope",), timeout_seconds=30)


# Files.


@needs_mounts
async def test_volumes_appear_at_their_path_whatever_is_there_on_the_host(
    trial: Trial, tmp_path: Path
) -> None:
    paths = (
        *("/app", "/no/such/parent", "/root/apache-tomcat-7.0.42-v2/webapps"),
        *("/usr/lib/deep/er", "/var/run/secrets", "/etc"),
    )
    mounts = []
    for number, path in enumerate(paths):
        directory = tmp_path / f"volume-{number}"
        directory.mkdir()
        (directory / "name").write_text(path)
        mounts.append(Mount(str(directory), path))
    file = tmp_path / "file"
    file.write_text("a file\n")
    mounts.append(Mount(str(file), "/opt/conf/file.txt", read_only=True))
    script = f"for d in {' '.join(paths)}; do cat $d/name; echo; done; cat /opt/conf/file.txt"
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, f"{script}; ls /usr/bin", mounts=tuple(mounts))
    lines = await trial.output(container_id)
    assert lines[: len(paths) + 1] == [*paths, "a file"]
    # What lies beside a volume is still there.
    assert set(os.listdir("/usr/bin")) <= set(lines)


@needs_mounts
async def test_what_a_container_writes_to_its_root_stays_in_it(
    trial: Trial, tmp_path: Path
) -> None:
    probe = tmp_path / "probe"
    probe.write_text("host")
    sandbox_id = await trial.run_sandbox()
    script = f"echo container > {probe}; touch /new-file; cat {probe} /new-file"
    assert await trial.output(await trial.shell(sandbox_id, script)) == ["container"]
    assert probe.read_text() == "host"
    assert "new-file" not in os.listdir("/")
    assert await trial.output(await trial.shell(sandbox_id, f"cat {probe}", "next")) == ["host"]


@needs_mounts
async def test_a_read_only_root_takes_writes_in_volumes_alone(trial: Trial, tmp_path: Path) -> None:
    script = f"touch /x {tmp_path}/x /usr/x; touch /data/y && ls /data"
    container_id = await trial.shell(
        await trial.run_sandbox(),
        script,
        mounts=(Mount(str(tmp_path / "made"), "/data"),),
        security=SecurityContext(read_only_root_filesystem=True),
    )
    assert await trial.output(container_id) == ["y"]
    errors = await trial.output(container_id, "stderr")
    assert len(errors) == 3
    assert (tmp_path / "made" / "y").exists()


@needs_mounts
async def test_a_pod_has_its_own_name(trial: Trial) -> None:
    container_id = await trial.shell(
        await trial.run_sandbox(hostname="shop-0"), "hostname; cat /etc/hostname; cat /etc/hosts"
    )
    name, file, *hosts = await trial.output(container_id)
    assert name == file == "shop-0"
    (sandbox,) = await trial.runtime.sandboxes()
    assert f"{sandbox.addresses[0]}\tshop-0" in hosts
    assert socket.gethostname() != "shop-0"


@needs_mounts
async def test_a_container_is_among_the_processes_of_its_target(
    trial: Trial, tmp_path: Path
) -> None:
    sandbox_id = await trial.run_sandbox()
    target_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    script = (
        "grep -q 'echo ready' /proc/1/cmdline || exit 1; setsid sh -c"
        f" 'while :; do sleep 0.05; done # {tmp_path}/child' & echo ready; sleep 60"
    )
    joined_id = await trial.shell(sandbox_id, script, "joined", target_container_id=target_id)
    await trial.wait_output(joined_id, "ready")
    await trial.runtime.stop_container(joined_id, grace_seconds=0)
    await until_gone(f"{tmp_path}/child")
    last_id = await trial.shell(
        sandbox_id, "kill -TERM 1; sleep 60", "last", target_container_id=target_id
    )
    assert (await trial.exited(target_id)).exit_code == 143
    assert (await trial.exited(last_id)).exit_code == 137


@needs_mounts
async def test_containers_of_a_pod_see_each_others_processes_only_where_they_share_them(
    trial: Trial, tmp_path: Path
) -> None:
    for name, share in (("apart", False), ("shared", True)):
        sandbox_id = await trial.run_sandbox(name, share_processes=share)
        mark = f"mark-{name}"
        await trial.shell(sandbox_id, f"{FOREVER} # {mark}", "first")
        script = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; exit 0"
        output = await trial.output(await trial.shell(sandbox_id, script, "second"))
        assert any(mark in line for line in output) is share


@pytest.mark.skipif(abilities().mounts, reason="this user may mount")
async def test_where_nothing_can_be_mounted_a_volume_must_be_in_place(
    trial: Trial, tmp_path: Path
) -> None:
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(RuntimeFailure, match="volume at /app can't be mounted"):
        await trial.create(sandbox_id, ("true",), mounts=(Mount(str(tmp_path), "/app"),))
    in_place = (Mount(str(tmp_path), str(tmp_path)), Mount(str(tmp_path), "/etc/hosts"))
    container_id = await trial.shell(sandbox_id, f"ls -d {tmp_path}", mounts=in_place)
    assert await trial.output(container_id) == [str(tmp_path)]


# Network.

_SERVER = """
import socketserver, sys
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data, client = self.request
        client.sendto(data.upper(), self.client_address)
server = socketserver.UDPServer(("0.0.0.0", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


async def fetch(url: str) -> str:
    def ask() -> str | None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except OSError:
            return None

    return await wait_for(lambda: anyio.to_thread.run_sync(ask))


async def test_udp_is_forwarded_too(trial: Trial) -> None:
    host_port, container_port = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    mapping = PortMapping(host_port, container_port, protocol="UDP", host_ip="127.0.0.1")
    sandbox_id = await trial.run_sandbox(port_mappings=(mapping,))
    command = (sys.executable, "-c", _SERVER, str(container_port))
    container_id = await trial.start(sandbox_id, command)
    await trial.wait_output(container_id, "ready")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        for text in (b"hello", b"again"):
            client.sendto(text, ("127.0.0.1", host_port))
            answer = await anyio.to_thread.run_sync(client.recv, 100)
            assert answer == text.upper()


async def test_a_large_transfer_passes_the_host_port_whole(trial: Trial, tmp_path: Path) -> None:
    content = os.urandom(1 << 20).hex()
    (tmp_path / "large").write_text(content)
    host_port, container_port = free_port(), free_port()
    sandbox_id = await trial.run_sandbox(port_mappings=(PortMapping(host_port, container_port),))
    server = (sys.executable, "-m", "http.server", str(container_port), "-d", str(tmp_path))
    await trial.start(sandbox_id, server)
    (sandbox,) = await trial.runtime.sandboxes()
    for address, port in (("127.0.0.1", host_port), (sandbox.addresses[0], container_port)):
        assert await fetch(f"http://{address}:{port}/large") == content


async def test_a_host_port_that_is_taken_fails_the_sandbox(
    trial: Trial, state_directory: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mapping = PortMapping(port, 80, host_ip="127.0.0.1")
        with pytest.raises(RuntimeFailure, match=f"host port 127.0.0.1:{port}/TCP"):
            await trial.run_sandbox(port_mappings=(mapping,))
    assert await trial.runtime.sandboxes() == []
    assert os.listdir(state_directory / "sandboxes") == []
    # The same Pod can be tried again.
    await trial.run_sandbox(port_mappings=(mapping,))


@needs_root
@pytest.mark.root
async def test_two_pods_listen_on_the_same_port(trial: Trial, tmp_path: Path) -> None:
    addresses = {}
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "name").write_text(name)
        sandbox_id = await trial.run_sandbox(name)
        server = (sys.executable, "-m", "http.server", "8080", "-d", "/srv")
        await trial.start(sandbox_id, server, mounts=(Mount(str(directory), "/srv"),))
        status = await trial.runtime.sandbox_status(sandbox_id)
        addresses[name] = status.addresses[0]
    assert addresses["one"] != addresses["two"]
    for name, address in addresses.items():
        assert await fetch(f"http://{address}:8080/name") == name


@needs_root
@pytest.mark.root
async def test_sysctls_of_the_network_are_the_pods_own(trial: Trial) -> None:
    name = "net.ipv4.ip_local_port_range"
    path = f"/proc/sys/{name.replace('.', '/')}"
    before = await anyio.Path(path).read_text()
    sandbox_id = await trial.run_sandbox(sysctls={name: "20000 20009"})
    output = await trial.output(await trial.shell(sandbox_id, f"cat {path}"))
    assert output[0].split() == ["20000", "20009"]
    assert await anyio.Path(path).read_text() == before


@needs_root
@pytest.mark.root
async def test_in_the_hosts_network_a_container_sees_the_hosts_devices(trial: Trial) -> None:
    script = "ls /sys/class/net"
    for name, host_network in (("own", False), ("host", True)):
        sandbox_id = await trial.run_sandbox(name, host_network=host_network)
        devices = await trial.output(await trial.shell(sandbox_id, script))
        assert ("pk" in "".join(devices)) is host_network
        assert "lo" in devices


# Users.


@needs_root
@pytest.mark.root
async def test_a_container_runs_as_the_user_that_is_asked_for(trial: Trial) -> None:
    security = SecurityContext(
        run_as_user=1234,
        run_as_group=2345,
        supplemental_groups=(3456,),
        allow_privilege_escalation=False,
    )
    script = "id -u; id -g; id -G; grep -E 'NoNewPrivs|CapEff' /proc/self/status"
    container_id = await trial.shell(await trial.run_sandbox(), script, security=security)
    user, group, groups, *rights = await trial.output(container_id)
    assert (user, group, groups) == ("1234", "2345", "2345 3456")
    assert [right.split()[1] for right in rights] == ["0" * 16, "1"]


def cgroups() -> set[str]:
    """The containers that have a cgroup."""
    return {path.name for path in Path("/sys/fs/cgroup").glob("**/podkernel/*") if path.is_dir()}


@needs_root
@pytest.mark.root
@pytest.mark.skipif(not abilities().limits, reason="no cgroup for memory can be made")
async def test_who_exceeds_its_memory_is_killed_and_it_is_said(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    command = (sys.executable, "-c", "x = bytearray(1 << 28); print(len(x))")
    async with trial.runtime.events() as events:
        resources = LinuxResources(memory_limit_bytes=64 << 20)
        container_id = await trial.start(sandbox_id, command, resources=resources)
        event = RuntimeEventType.CONTAINER_OUT_OF_MEMORY
        assert (await next_event(events, event)).id == container_id
    container = await trial.exited(container_id)
    assert (container.exit_code, container.reason) == (137, "OOMKilled")
    assert await trial.output(container_id) == []
    # With enough memory it runs; its cgroup is seen in it, and gone afterwards.
    enough = LinuxResources(
        memory_limit_bytes=1 << 30, cpu_quota_microseconds=50_000, cpu_period_microseconds=100_000
    )
    script = "cat /proc/self/cgroup"
    second = await trial.shell(sandbox_id, script, "second", resources=enough)
    assert any(second in line for line in await trial.output(second))
    assert second not in cgroups()


@needs_root
@pytest.mark.root
@pytest.mark.skipif(not abilities().limits, reason="no cgroup for CPU time can be made")
async def test_who_has_a_limit_of_cpu_time_gets_no_more(trial: Trial) -> None:
    limit = LinuxResources(cpu_quota_microseconds=10_000, cpu_period_microseconds=100_000)
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "while :; do :; done", resources=limit)

    async def used(cpu_nanoseconds: int) -> ContainerUsage | None:
        (usage,) = await trial.runtime.usage(labels=trial.labels)
        assert usage.container_id == container_id
        return usage if usage.cpu_nanoseconds > cpu_nanoseconds else None

    first = await wait_for(lambda: used(0))
    second = await wait_for(lambda: used(first.cpu_nanoseconds + 100_000_000))
    share = (second.cpu_nanoseconds - first.cpu_nanoseconds) / (
        second.measured_at - first.measured_at
    )
    assert share < 0.2


# The same again as somebody else.


# Event loops differ for nobody in particular.
_EVERY_CASE_ONCE = "not containerd and not simulated and not trio"


@needs_root
@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("restriction", [(), ("--without-namespaces",)], ids=["user", "bare"])
def test_the_same_as_an_ordinary_user(restriction: tuple[str, ...]) -> None:
    tests = ["tests/cri/test_process.py", "tests/cri/test_process_streams.py"]
    if not restriction:
        # Much of the contract is about volumes, which can't be without namespaces.
        tests += ["tests/cri/test_process_security.py", "tests/cri/contract"]
    # pytest's own directories are closed to others.
    with tempfile.TemporaryDirectory(prefix="podkernel-nobody-") as directory:
        os.chown(directory, ordinary_user.NOBODY, ordinary_user.NOBODY)
        pytest_command = [
            *(sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q"),
            *(f"--basetemp={directory}/pytest", "-k", _EVERY_CASE_ONCE, *tests),
        ]
        done = subprocess.run(
            [sys.executable, ordinary_user.__file__, *restriction, *pytest_command],
            env={**os.environ, "PYTHONPATH": os.getcwd(), "HOME": directory, "TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    assert done.returncode == 0, done.stdout
