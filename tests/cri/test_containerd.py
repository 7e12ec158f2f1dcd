"""What is containerd's own: errors of its socket, its images, its options, and its restarts."""

import os
import signal
import socket
import threading
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import grpc.aio
import pytest

from kernel.clock import SystemClock
from kernel.cri.containerd.messages import STOP_SIGNAL_ANNOTATION
from kernel.cri.containerd.runtime import ContainerdRuntime
from kernel.cri.measuring import Download
from kernel.cri.proto import runtime_pb2, tasks_pb2
from kernel.cri.runtime import (
    ContainerConfig,
    ContainerState,
    DnsConfig,
    Image,
    ImagePullFailure,
    InvalidImageName,
    LinuxResources,
    Mount,
    NotFound,
    PortMapping,
    RegistryCredentials,
    RuntimeEventType,
    RuntimeFailure,
    RuntimeNotReady,
    RuntimeUnavailable,
    SandboxConfig,
    SandboxState,
    SecurityContext,
)
from tests.containerd.daemon import Containerd
from tests.containerd.images import PAUSE_IMAGE, WAR_IMAGE, image_archive
from tests.containerd.registry import running_registry
from tests.cri.runtimes_under_test import RuntimeUnderTest
from tests.cri.trial import PATIENCE_SECONDS, Trial, next_event, wait_for

pytestmark = pytest.mark.anyio
_SANDBOX = SandboxConfig(name="web", namespace="default", uid="1", attempt=0, log_directory="")
needs_containerd = pytest.mark.containerd


@pytest.fixture
def anyio_backend() -> str:
    """grpc's asynchronous client knows no other loop."""
    return "asyncio"


@pytest.fixture
async def trial(containerd: Containerd, tmp_path: Path) -> AsyncIterator[Trial]:
    under_test = RuntimeUnderTest(
        open=lambda: ContainerdRuntime(containerd.socket_path, clock=SystemClock()),
        image="busybox",
    )
    trial = Trial(under_test, tmp_path)
    yield trial
    await trial.close()


# Where no containerd answers.


async def test_a_missing_socket_is_named_in_one_line(tmp_path: Path) -> None:
    runtime = ContainerdRuntime(str(tmp_path / "no.sock"), clock=SystemClock())
    with pytest.raises(RuntimeUnavailable) as failure:
        await runtime.version()
    await runtime.close()
    assert f"containerd does not answer at {tmp_path}/no.sock: there is no such socket" in str(
        failure.value
    )
    assert "\n" not in str(failure.value)


async def test_a_socket_that_nobody_listens_at_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "dead.sock")
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(path)
    runtime = ContainerdRuntime(path, clock=SystemClock())
    with pytest.raises(RuntimeUnavailable, match="see whether containerd runs"):
        await runtime.version()
    await runtime.close()


async def test_a_server_without_cri_is_unavailable(tmp_path: Path) -> None:
    server = grpc.aio.server()
    path = str(tmp_path / "other.sock")
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    runtime = ContainerdRuntime(path, clock=SystemClock())
    with pytest.raises(RuntimeUnavailable, match=r"does not serve CRI v1.*its cri plugin"):
        await runtime.version()
    await runtime.close()
    await server.stop(grace=None)


async def test_a_container_may_end_while_it_is_stopped(tmp_path: Path) -> None:
    """containerd then answers once that the shim is gone, and knows it the next time."""
    calls: list[str] = []

    async def stop(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        calls.append("stop")
        if len(calls) == 1:
            message = "failed to stop container: ttrpc: closed: unknown"
            await context.abort(grpc.StatusCode.UNKNOWN, message)
        return b""

    server = grpc.aio.server()
    handlers = {"StopContainer": grpc.unary_unary_rpc_method_handler(stop)}
    service = grpc.method_handlers_generic_handler("runtime.v1.RuntimeService", handlers)
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"unix:{tmp_path}/cri.sock")
    await server.start()
    runtime = ContainerdRuntime(f"{tmp_path}/cri.sock", clock=SystemClock())
    await runtime.stop_container("one", grace_seconds=0)
    assert calls == ["stop", "stop"]
    await runtime.close()
    await server.stop(None)


async def test_a_stop_signal_of_its_own_leaves_the_whole_grace(tmp_path: Path) -> None:
    """Also where that is longer than a call to containerd may take."""
    calls: list[str] = []
    status = runtime_pb2.ContainerStatus(
        state=runtime_pb2.CONTAINER_RUNNING, annotations={STOP_SIGNAL_ANNOTATION: "SIGUSR1"}
    )

    def handler(
        name: str, answer: bytes = b"", seconds: float = 0
    ) -> "grpc.RpcMethodHandler[bytes, bytes]":
        async def call(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            await anyio.sleep(seconds)
            calls.append(name)
            return answer

        return grpc.unary_unary_rpc_method_handler(call)

    shown = runtime_pb2.ContainerStatusResponse(status=status).SerializeToString()
    cri = {"ContainerStatus": handler("status", shown), "StopContainer": handler("stop")}
    tasks = {"Kill": handler("signal"), "Wait": handler("end", seconds=1.3)}
    server = grpc.aio.server()
    for service, handlers in (
        ("runtime.v1.RuntimeService", cri),
        ("containerd.services.tasks.v1.Tasks", tasks),
    ):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(f"unix:{tmp_path}/cri.sock")
    await server.start()
    runtime = ContainerdRuntime(f"{tmp_path}/cri.sock", clock=SystemClock(), call_seconds_max=1)
    await runtime.stop_container("one", grace_seconds=PATIENCE_SECONDS)
    assert calls == ["status", "signal", "end", "stop"]
    await runtime.close()
    await server.stop(None)


@pytest.mark.parametrize("speaks", [False, True], ids=["silent", "hanging"])
async def test_a_call_that_is_never_answered_fails(tmp_path: Path, speaks: bool) -> None:
    path = str(tmp_path / "hung.sock")
    async with _hanging_server(path) if speaks else _silent_server(path):
        runtime = ContainerdRuntime(path, clock=SystemClock(), call_seconds_max=0.2)
        with anyio.fail_after(PATIENCE_SECONDS):
            for call, name, seconds in (
                (lambda: runtime.containers(), "ListContainers", "0.2"),
                (lambda: runtime.start_container("web"), "StartContainer", "0.2"),
                (lambda: runtime.stop_container("web", grace_seconds=1), "StopContainer", "1.2"),
                (lambda: runtime.run_sandbox(_SANDBOX), "RunPodSandbox", "0.4"),
            ):
                with pytest.raises(RuntimeFailure) as failure:
                    await call()
                expected = f"containerd has not done {name} within {seconds} s: "
                assert str(failure.value).startswith(expected)
            with pytest.raises(RuntimeUnavailable, match="has not done Version"):
                await runtime.version()
            with pytest.raises(TimeoutError, match=r"command timed out after 0\.1 s: sleep 9"):
                await runtime.exec_sync("web", ("sleep", "9"), timeout_seconds=0.1)
            with pytest.raises(RuntimeFailure, match="has not done Get within"):
                async with runtime.attach("web", stdin=False):
                    pass
        await runtime.close()


@asynccontextmanager
async def _silent_server(path: str) -> AsyncIterator[None]:
    """Lets everybody connect, and says nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        yield


@asynccontextmanager
async def _hanging_server(path: str) -> AsyncIterator[None]:
    """Takes every call, and answers none."""

    async def hang(request: bytes, context: object) -> bytes:
        await anyio.sleep_forever()
        return b""

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(hang)
    for descriptor in (runtime_pb2.DESCRIPTOR, tasks_pb2.DESCRIPTOR):
        for service in descriptor.services_by_name.values():
            handlers = {method.name: handler for method in service.methods}
            generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
            server.add_generic_rpc_handlers((generic,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    yield
    await server.stop(grace=None)


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_on_trio_it_says_that_it_needs_asyncio() -> None:
    runtime = ContainerdRuntime("/run/containerd/containerd.sock", clock=SystemClock())
    with pytest.raises(RuntimeUnavailable, match="works on asyncio only"):
        await runtime.version()


@needs_containerd
async def test_a_containerd_without_a_network_can_not_run_pods(
    trial: Trial, containerd: Containerd
) -> None:
    network = anyio.Path(containerd.directory, "cni", "10-test.conflist")
    aside = network.with_suffix(".aside")
    await network.rename(aside)
    try:
        failure = await wait_for(lambda: _unavailable(trial))
        assert "can't run Pods yet, NetworkReady is false: " in failure
        assert "\n" not in failure
        with pytest.raises(RuntimeNotReady) as not_ready:
            await trial.runtime.version()
        assert not_ready.value.trouble.startswith(
            "container runtime network not ready: NetworkReady=false"
            " reason:NetworkPluginNotReady message:Network plugin returns error: "
        )
    finally:
        await aside.rename(network)

    async def works() -> bool | None:
        return await _unavailable(trial) is None or None

    await wait_for(works)


async def _unavailable(trial: Trial) -> str | None:
    try:
        await trial.runtime.version()
    except RuntimeUnavailable as failure:
        return str(failure)
    return None


# Images.


@needs_containerd
async def test_an_image_is_found_under_all_its_names(trial: Trial) -> None:
    image = await trial.runtime.image_status("busybox")
    assert image is not None
    assert image.tags == ("docker.io/library/busybox:latest",)
    assert image.size_bytes > 0
    for name in ("docker.io/library/busybox", "busybox:latest", image.id):
        assert await trial.runtime.image_status(name) == image
    assert await trial.runtime.image_status("busybox:other") is None


@needs_containerd
async def test_nonsense_is_no_image_name(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(InvalidImageName):
        await trial.runtime.image_status("Not An Image")
    with pytest.raises(InvalidImageName):
        await trial.runtime.pull_image("Not An Image")
    with pytest.raises(InvalidImageName):
        await trial.create(sandbox_id, ("true",), image="Not An Image")


@needs_containerd
async def test_a_registry_that_is_not_there_is_a_failed_pull(trial: Trial) -> None:
    with pytest.raises(ImagePullFailure, match=r"failed to pull.*127\.0\.0\.1:1/none") as failure:
        await trial.runtime.pull_image("127.0.0.1:1/none")
    assert "\n" not in str(failure.value)


@needs_containerd
async def test_an_image_is_pulled_from_a_registry(trial: Trial) -> None:
    with running_registry() as address:
        name = f"{address}/geektime/sample:v2"
        assert await trial.runtime.image_status(name) is None
        reference = await trial.runtime.pull_image(name)
        image = await trial.runtime.image_status(name)
        assert image is not None
        assert image.id == reference
        assert name in image.tags
        with pytest.raises(ImagePullFailure, match="not found"):
            await trial.runtime.pull_image(f"{address}/geektime/sample:v3")
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "ls /sample.war", image=name)
    assert await trial.output(container_id) == ["/sample.war"]


@needs_containerd
async def test_a_registry_is_shown_the_credentials(trial: Trial) -> None:
    with running_registry(username="somebody", password="secret") as address:
        name = f"{address}/busybox"
        with pytest.raises(ImagePullFailure, match="401"):
            await trial.runtime.pull_image(name)
        with pytest.raises(ImagePullFailure, match="401") as refused:
            await trial.runtime.pull_image(name, RegistryCredentials("somebody", "wrong"))
        assert "wrong" not in str(refused.value)
        await trial.runtime.pull_image(name, RegistryCredentials("somebody", "secret"))
        assert await trial.runtime.image_status(name) is not None


@needs_containerd
async def test_an_image_that_is_not_there_is_not_found(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    with pytest.raises(NotFound):
        await trial.create(sandbox_id, ("true",), image="localhost/missing")


# What is asked of a container reaches it.


async def _shown(trial: Trial, sandbox_id: str, script: str, security: SecurityContext) -> str:
    """What a script prints in a container with this security context."""
    container_id = await trial.shell(sandbox_id, script, security=security)
    return "\n".join(await trial.output(container_id))


@needs_containerd
async def test_user_and_groups(trial: Trial) -> None:
    security = SecurityContext(run_as_user=1000, run_as_group=2000, supplemental_groups=(3000,))
    shown = await _shown(trial, await trial.run_sandbox(), "id -u; id -G", security)
    assert shown == "1000\n2000 3000"


@needs_containerd
async def test_a_group_without_a_user_goes_with_the_image_s_user(trial: Trial) -> None:
    shown = await _shown(
        trial, await trial.run_sandbox(), "id -u; id -g", SecurityContext(run_as_group=2000)
    )
    assert shown == "0\n2000"


@needs_containerd
async def test_privileges_taken_away(trial: Trial) -> None:
    security = SecurityContext(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities_dropped=("ALL",),
        capabilities_added=("CAP_NET_RAW",),
        seccomp_profile="RuntimeDefault",
    )
    script = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; touch /file || echo kept"
    shown = await _shown(trial, await trial.run_sandbox(), script, security)
    assert shown.split() == [
        *("CapEff:", f"{1 << 13:016x}", "NoNewPrivs:", "1", "Seccomp:", "2", "kept"),
    ]


@needs_containerd
async def test_nothing_said_is_unconfined_by_seccomp(trial: Trial) -> None:
    script = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status"
    shown = await _shown(trial, await trial.run_sandbox(), script, SecurityContext())
    assert shown.split() == ["NoNewPrivs:", "0", "Seccomp:", "0"]


@needs_containerd
async def test_a_privileged_container_may_do_everything(trial: Trial) -> None:
    privileged = SecurityContext(privileged=True)
    sandbox_id = await trial.run_sandbox(security=privileged)
    shown = await _shown(trial, sandbox_id, "mount -t tmpfs none /tmp && echo mounted", privileged)
    assert shown == "mounted"


@needs_containerd
@pytest.mark.parametrize(("share_processes", "first"), [(True, "/pause"), (False, "sh")])
async def test_processes_are_shared_or_not(trial: Trial, share_processes: bool, first: str) -> None:
    sandbox_id = await trial.run_sandbox(share_processes=share_processes)
    container_id = await trial.shell(sandbox_id, "tr '\\0' '\\n' < /proc/1/cmdline; exit")
    assert (await trial.output(container_id))[0] == first


@needs_containerd
async def test_a_container_is_among_the_processes_of_its_target(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    target_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    script = "grep -q 'echo ready' /proc/1/cmdline && kill -TERM 1"
    await trial.shell(sandbox_id, script, "joined", target_container_id=target_id)
    assert (await trial.exited(target_id)).exit_code == 143


@needs_containerd
async def test_host_name_and_name_servers(trial: Trial) -> None:
    dns = DnsConfig(servers=("10.9.8.7",), searches=("a.example",), options=("ndots:5",))
    sandbox_id = await trial.run_sandbox(hostname="shop", dns=dns)
    container_id = await trial.shell(sandbox_id, "hostname; cat /etc/resolv.conf")
    assert await trial.output(container_id) == [
        *("shop", "search a.example", "nameserver 10.9.8.7", "options ndots:5"),
    ]


@needs_containerd
async def test_a_sandbox_in_the_hosts_network_sees_its_devices(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox(host_network=True)
    container_id = await trial.shell(sandbox_id, "ls /sys/class/net; readlink /proc/self/ns/net")
    assert (await trial.output(container_id))[-1] == os.readlink("/proc/self/ns/net")


@needs_containerd
async def test_too_much_memory_is_out_of_memory(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    async with trial.runtime.events() as events:
        resources = LinuxResources(memory_limit_bytes=16 << 20, oom_score_adjustment=900)
        container_id = await trial.start(sandbox_id, ("tail", "/dev/zero"), resources=resources)
        await next_event(events, RuntimeEventType.CONTAINER_OUT_OF_MEMORY, container_id)
        container = await trial.exited(container_id)
    assert (container.exit_code, container.reason) == (137, "OOMKilled")


@needs_containerd
async def test_the_stop_signal_can_be_chosen(trial: Trial) -> None:
    """Whatever containerd makes of it itself."""
    script = "trap 'exit 9' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done"
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, script, stop_signal="SIGUSR2")
    await trial.wait_output(container_id, "ready")
    await trial.runtime.stop_container(container_id, grace_seconds=30)
    container = await trial.runtime.container_status(container_id)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 9)
    assert container.annotations == {"note": "kept"}
    deaf_id = await trial.shell(
        sandbox_id, "trap '' USR2; echo ready; sleep 60", "deaf", stop_signal="SIGUSR2"
    )
    await trial.wait_output(deaf_id, "ready")
    await trial.runtime.stop_container(deaf_id, grace_seconds=0.5)
    assert (await trial.runtime.container_status(deaf_id)).exit_code == 137


def test_a_stop_signal_that_nobody_knows_is_a_limitation() -> None:
    runtime = ContainerdRuntime("/run/containerd/containerd.sock", clock=SystemClock())
    sandbox = SandboxConfig(name="web", namespace="a", uid="u", attempt=0, log_directory="")
    for name, count in (("", 0), ("SIGUSR1", 0), ("SIGNONE", 1)):
        container = ContainerConfig(name="main", attempt=0, image="busybox", stop_signal=name)
        assert len(runtime.limitations(sandbox, container)) == count


# Events, also over restarts of containerd.


@needs_containerd
async def test_a_killed_process_is_told(trial: Trial, containerd: Containerd) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    async with trial.runtime.events() as events:
        _kill(containerd, container_id)
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
    container = await trial.runtime.container_status(container_id)
    assert (container.state, container.exit_code) == (ContainerState.EXITED, 137)


@needs_containerd
async def test_a_sandbox_whose_pause_process_is_killed_is_told(
    trial: Trial, containerd: Containerd
) -> None:
    sandbox_id = await trial.run_sandbox()
    async with trial.runtime.events() as events:
        _kill(containerd, sandbox_id)
        told = await next_event(events, RuntimeEventType.SANDBOX_STOPPED, sandbox_id)
        assert told.labels == trial.labels
    sandbox = await trial.runtime.sandbox_status(sandbox_id)
    assert sandbox.state is SandboxState.NOT_READY


def _kill(containerd: Containerd, identifier: str) -> None:
    """Kill the process of a container or sandbox behind containerd's back."""
    tasks = [line.split() for line in containerd.ctr("tasks", "list").splitlines()[1:]]
    (pid,) = [int(task[1]) for task in tasks if task[0] == identifier]
    os.kill(pid, signal.SIGKILL)


@needs_containerd
async def test_the_exit_of_a_command_is_not_the_container_s(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    async with trial.runtime.events() as events:
        await trial.runtime.exec_sync(container_id, ("true",), timeout_seconds=10)
        after = await trial.shell(sandbox_id, "exit 0", "after")
        told = await next_event(events, RuntimeEventType.CONTAINER_EXITED)
        assert told.id == after


@needs_containerd
async def test_the_exit_of_what_is_removed_is_told_too(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    async with trial.runtime.events() as events:
        container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
        await next_event(events, RuntimeEventType.CONTAINER_STARTED, container_id)
        await trial.runtime.remove_container(container_id)
        told = await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
        assert told.labels == {**trial.labels, "container": "main"}


@needs_containerd
async def test_after_a_restart_of_containerd_everything_is_looked_at(
    trial: Trial, containerd: Containerd
) -> None:
    sandbox_id = await trial.run_sandbox()
    go = trial.directory / "go"
    go.mkdir()
    script = "while [ ! -e /srv/file ]; do sleep 0.05; done; exit 8"
    mounts = (Mount(str(go), "/srv"),)
    missed = await trial.shell(sandbox_id, script, "missed", mounts=mounts)
    async with trial.runtime.events() as events:
        await anyio.to_thread.run_sync(containerd.stop)
        with pytest.raises(RuntimeUnavailable):
            await trial.runtime.containers(labels=trial.labels)
        (go / "file").touch()
        await anyio.to_thread.run_sync(containerd.start)
        await next_event(events, RuntimeEventType.RELIST)
        assert (await trial.exited(missed)).exit_code == 8
        later = await trial.shell(sandbox_id, "exit 0", "later")
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, later)
        # Once more, for what the restarted containerd has found out meanwhile.
        await next_event(events, RuntimeEventType.RELIST)


@needs_containerd
async def test_events_can_be_listened_to_before_containerd_is_there(
    trial: Trial, containerd: Containerd
) -> None:
    await anyio.to_thread.run_sync(containerd.stop)
    async with trial.runtime.events() as events:
        await anyio.to_thread.run_sync(containerd.start)
        await next_event(events, RuntimeEventType.RELIST)


# The whole of it.


@needs_containerd
async def test_an_init_container_brings_what_the_next_one_serves(trial: Trial) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    volume = trial.directory / "app-volume"
    volume.mkdir()
    sandbox_id = await trial.run_sandbox(port_mappings=(PortMapping(port, 8080),))
    war = await trial.start(
        sandbox_id,
        ("cp", "/sample.war", "/app"),
        "war",
        image="geektime/sample:v2",
        mounts=(Mount(str(volume), "/app"),),
    )
    assert (await trial.exited(war)).exit_code == 0
    await trial.start(
        sandbox_id,
        ("sh", "-c", "/root/apache-tomcat-7.0.42-v2/bin/start.sh"),
        "tomcat",
        image="geektime/tomcat:7.0",
        mounts=(Mount(str(volume), "/root/apache-tomcat-7.0.42-v2/webapps"),),
    )

    async def fetch() -> str | None:
        try:
            return await anyio.to_thread.run_sync(_get, f"http://127.0.0.1:{port}/sample/")
        except OSError:
            return None

    assert "served from a WAR" in await wait_for(fetch)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        content: bytes = answer.read()
    return content.decode()


# Pulls while they go on.


@needs_containerd
async def test_what_is_being_fetched_is_told(trial: Trial, containerd: Containerd) -> None:
    half_way = threading.Event()
    with running_registry(half_way=half_way) as address:
        present = await trial.runtime.image_status(WAR_IMAGE)
        assert present is not None
        await trial.runtime.remove_image(present.id)
        image = f"{address}/geektime/sample:v2"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trial.runtime.pull_image, image)

            async def part() -> Download | None:
                # containerd counts what it has put into its store, a mebibyte at a time. Beside the
                # layer there is the manifest, which is there as a whole.
                for one in await trial.runtime.downloads():
                    if 0 <= one.fetched_bytes < one.total_bytes:
                        return one
                return None

            await wait_for(part)
            half_way.set()

        async def is_over() -> bool | None:
            return await trial.runtime.downloads() == [] or None

        await wait_for(is_over)
    containerd.ctr("images", "import", str(image_archive()))


# What is garbage, and what never is.


@needs_containerd
async def test_an_image_goes_with_all_its_names_and_the_sandbox_image_is_pinned(
    trial: Trial, containerd: Containerd
) -> None:
    runtime = ContainerdRuntime(containerd.socket_path, clock=SystemClock())
    with running_registry() as address:
        await runtime.pull_image(f"{address}/geektime/sample:v2")
        containerd.ctr("images", "tag", WAR_IMAGE, "localhost/another:v1")

        async def is_tagged() -> Image | None:
            return await runtime.image_status("localhost/another:v1")

        image = await wait_for(is_tagged)
        assert f"{address}/geektime/sample:v2" in image.tags
        await runtime.remove_image(image.id)
        assert await runtime.image_status(WAR_IMAGE) is None
        assert image.id not in {one.id for one in await runtime.images()}
        pinned = [tag for one in await runtime.images() if one.pinned for tag in one.tags]
        assert pinned == [PAUSE_IMAGE]
        assert Path(await runtime.image_directory()).is_relative_to(containerd.directory)
    containerd.ctr("images", "import", str(image_archive()))
    await runtime.close()
