"""What the simulated runtime has beyond the contract: scripts, faults, delays, and cheapness."""

import os
from pathlib import Path
from typing import Any

import anyio
import pytest

from kernel.clock import ManualClock
from kernel.cri.port_check import CheckResult, HttpCheck, PortCheck, TcpCheck
from kernel.cri.runtime import (
    Container,
    ContainerConfig,
    ContainerState,
    ExecResult,
    InvalidImageName,
    PortMapping,
    RuntimeEvent,
    RuntimeEventType,
    RuntimeFailure,
    SandboxConfig,
    SandboxState,
)
from kernel.cri.simulated.runtime import SimulatedContainer, SimulatedRuntime

pytestmark = pytest.mark.anyio


class Stage:
    """One sandbox in which containers are run."""

    def __init__(self, directory: Path):
        self.clock = ManualClock()
        self.runtime = SimulatedRuntime(self.clock)
        self.config = self.sandbox_config("web", log_directory=str(directory))
        self.sandbox_id = ""

    def sandbox_config(self, name: str, **fields: Any) -> SandboxConfig:
        values: dict[str, Any] = {"log_directory": "/nowhere", "labels": {"pod": name}}
        values |= {"attempt": 0} | fields
        return SandboxConfig(name=name, namespace="default", uid=f"uid-{name}", **values)

    async def start(self, *command: str, name: str = "main", attempt: int = 0) -> str:
        if not self.sandbox_id:
            self.sandbox_id = await self.runtime.run_sandbox(self.config)
        config = ContainerConfig(
            name=name,
            attempt=attempt,
            image=await self.runtime.pull_image("busybox:1"),
            command=command,
            log_path=f"{name}.log",
            labels={"pod": "web", "container": name},
        )
        container_id = await self.runtime.create_container(self.sandbox_id, config, self.config)
        await self.runtime.start_container(container_id)
        return container_id

    async def status(self, container_id: str) -> Container:
        return await self.runtime.container_status(container_id)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_by_default_a_container_runs_until_it_is_stopped(stage: Stage) -> None:
    container_id = await stage.start("httpd")
    await stage.clock.advance(1_000_000)
    assert (await stage.status(container_id)).state is ContainerState.RUNNING
    await stage.runtime.stop_container(container_id, grace_seconds=10)
    status = await stage.status(container_id)
    assert (status.state, status.exit_code, status.reason) == (
        *(ContainerState.EXITED, 143),
        "Error",
    )


async def test_a_script_says_what_each_attempt_does(stage: Stage) -> None:
    stage.runtime.script(
        "main",
        SimulatedContainer(exit_code=1, run_seconds=3),
        SimulatedContainer(run_seconds=0, out_of_memory=True),
        SimulatedContainer(),
    )
    ids = [await stage.start(attempt=attempt) for attempt in (0, 1, 2, 3)]
    await stage.clock.advance(3)
    shown = [await stage.status(one) for one in ids]
    assert [(one.state.value, one.exit_code, one.reason) for one in shown] == [
        ("exited", 1, "Error"),
        ("exited", 137, "OOMKilled"),
        ("running", 0, ""),
        ("running", 0, ""),
    ]
    assert shown[0].finished_at - shown[0].started_at == 3_000_000_000


async def test_a_name_goes_before_an_image(stage: Stage) -> None:
    stage.runtime.script("busybox:1", SimulatedContainer(exit_code=2, run_seconds=0))
    stage.runtime.script("main", SimulatedContainer(exit_code=3, run_seconds=0))
    by_name = await stage.start(name="main")
    by_image = await stage.start(name="other")
    assert (await stage.status(by_name)).exit_code == 3
    assert (await stage.status(by_image)).exit_code == 2


def test_a_script_needs_something_to_do() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SimulatedRuntime(ManualClock()).script("main")


async def test_an_end_is_dated_when_it_fell_due_not_when_somebody_looked(stage: Stage) -> None:
    container_id = await stage.start("sleep", "5")
    await stage.clock.advance(100)
    status = await stage.status(container_id)
    assert status.finished_at - status.started_at == 5_000_000_000


async def test_log_lines_are_written_at_their_time(stage: Stage, tmp_path: Path) -> None:
    await stage.start("sh", "-c", "echo first; sleep 5; echo second")
    assert (tmp_path / "main.log").read_text() == "2026-01-01T00:00:00.000000000Z stdout F first\n"
    await stage.clock.advance(60)
    await stage.runtime.containers()
    assert (tmp_path / "main.log").read_text().splitlines()[1:] == [
        "2026-01-01T00:00:05.000000000Z stdout F second"
    ]


async def test_a_container_without_output_has_no_log_file(stage: Stage, tmp_path: Path) -> None:
    await stage.start("httpd")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("stop_seconds", "code", "takes"), [(4, 9, 4), (30, 137, 10)])
async def test_a_slow_stop_is_killed_at_the_end_of_its_grace(
    stage: Stage, stop_seconds: float, code: int, takes: int
) -> None:
    script = SimulatedContainer(stop_seconds=stop_seconds, stop_exit_code=9)
    stage.runtime.script("main", script)
    container_id = await stage.start()
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await stage.runtime.stop_container(container_id, grace_seconds=10)

        tasks.start_soon(stop)
        await stage.clock.advance(takes - 0.001)
        assert (await stage.status(container_id)).state is ContainerState.RUNNING
        await stage.clock.advance(0.001)
    assert (await stage.status(container_id)).exit_code == code


async def test_an_end_of_its_own_comes_before_the_kill(stage: Stage) -> None:
    container_id = await stage.start("sh", "-c", "trap '' TERM; sleep 3; exit 5")
    async with anyio.create_task_group() as tasks:

        async def stop() -> None:
            await stage.runtime.stop_container(container_id, grace_seconds=10)

        tasks.start_soon(stop)
        await stage.clock.advance(3)
    assert (await stage.status(container_id)).exit_code == 5


async def test_faults_hit_the_calls_they_name(stage: Stage) -> None:
    stage.runtime.fail("create_container", RuntimeFailure("full"), subject="main", times=2)
    other = await stage.start(name="other")
    for _ in range(2):
        with pytest.raises(RuntimeFailure, match="full"):
            await stage.start(name="main")
    assert (await stage.status(await stage.start(name="main"))).name == "main"
    stage.runtime.fail("container_status", RuntimeFailure("gone"))
    with pytest.raises(RuntimeFailure, match="gone"):
        await stage.status(other)
    stage.runtime.heal("container_status")
    assert (await stage.status(other)).name == "other"


async def test_a_delayed_call_takes_its_time(stage: Stage) -> None:
    stage.runtime.delay("run_sandbox", 2)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.runtime.run_sandbox, stage.config)
        await stage.clock.advance(1.9)
        assert await stage.runtime.sandboxes() == []
        await stage.clock.advance(0.1)
    assert len(await stage.runtime.sandboxes()) == 1


async def test_a_slow_start(stage: Stage) -> None:
    stage.runtime.script("main", SimulatedContainer(start_seconds=3))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.start)
        await stage.clock.advance(2)
        assert [one.state for one in await stage.runtime.containers()] == [ContainerState.CREATED]
        await stage.clock.advance(1)
    assert [one.state for one in await stage.runtime.containers()] == [ContainerState.RUNNING]


async def test_exits_are_told_when_they_happen(stage: Stage) -> None:
    told: list[tuple[float, RuntimeEvent]] = []
    async with stage.runtime.events() as events, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for event in events:
                told.append((stage.clock.monotonic_seconds(), event))

        tasks.start_soon(listen)
        long = await stage.start("sleep", "20", name="long")
        short = await stage.start("sleep", "5", name="short")
        await stage.clock.advance(30)
        tasks.cancel_scope.cancel()
    exits = [(at, one.id) for at, one in told if one.type is RuntimeEventType.CONTAINER_EXITED]
    assert exits == [(5, short), (20, long)]
    assert told[-1][1].labels == {"pod": "web", "container": "long"}


async def test_a_crash_is_told_to_every_listener(stage: Stage) -> None:
    container_id = await stage.start("httpd")
    async with stage.runtime.events() as first, stage.runtime.events() as second:
        stage.runtime.crash(container_id, out_of_memory=True)
        for events in (first, second):
            types = [(await anext(events)).type, (await anext(events)).type]
            assert types == [
                RuntimeEventType.CONTAINER_OUT_OF_MEMORY,
                RuntimeEventType.CONTAINER_EXITED,
            ]
    assert (await stage.status(container_id)).reason == "OOMKilled"


async def test_commands_run_in_a_container(stage: Stage) -> None:
    answer = ExecResult(b"pong", b"", 0)
    stage.runtime.script("main", SimulatedContainer(exec_results={("ping",): answer}))
    container_id = await stage.start()
    run = stage.runtime.exec_sync
    assert await run(container_id, ("ping",), timeout_seconds=1) == answer
    result = await run(container_id, ("sh", "-c", "echo hi; exit 3"), timeout_seconds=1)
    assert result == ExecResult(b"hi\n", b"", 3)
    async with anyio.create_task_group() as tasks:

        async def overdue() -> None:
            with pytest.raises(TimeoutError):
                await run(container_id, ("sleep", "60"), timeout_seconds=2)

        tasks.start_soon(overdue)
        await stage.clock.advance(2)


async def test_a_host_port_is_held_by_one_sandbox(stage: Stage) -> None:
    port = (PortMapping(host_port=8080, container_port=80),)
    first = stage.sandbox_config("first", port_mappings=port)
    second = stage.sandbox_config("second", port_mappings=port)
    first_id = await stage.runtime.run_sandbox(first)
    with pytest.raises(RuntimeFailure, match="host port 8080/TCP is taken"):
        await stage.runtime.run_sandbox(second)
    await stage.runtime.stop_sandbox(first_id)
    await stage.runtime.run_sandbox(second)


async def test_every_sandbox_has_an_address_of_its_own(stage: Stage) -> None:
    for name in ("a", "b"):
        await stage.runtime.run_sandbox(stage.sandbox_config(name))
    await stage.runtime.run_sandbox(stage.sandbox_config("host", host_network=True))
    found = {one.name: one.addresses for one in await stage.runtime.sandboxes()}
    assert found == {"a": ("10.128.0.1",), "b": ("10.128.0.2",), "host": ()}


async def test_labels_find_what_carries_all_of_them(stage: Stage) -> None:
    runtime = stage.runtime
    ids = [
        await runtime.run_sandbox(stage.sandbox_config(name, labels=labels))
        for name, labels in (("a", {"x": "1"}), ("b", {"x": "1", "y": "2"}), ("c", {"y": "2"}))
    ]

    async def found(**labels: str) -> list[str]:
        return [one.name for one in await runtime.sandboxes(labels=labels)]

    assert await found(x="1") == ["a", "b"]
    assert await found(x="1", y="2") == ["b"]
    assert await found(x="2") == await found(z="1") == []
    await runtime.remove_sandbox(ids[1])
    assert await found(x="1") == ["a"]
    await runtime.run_sandbox(stage.sandbox_config("d", labels={"x": "1"}))
    assert await found(x="1") == ["a", "d"]
    assert await found() == ["a", "c", "d"]


@pytest.mark.parametrize("image", ["Upper/Case", "", "a b", "busybox:", "http://busybox"])
async def test_what_is_no_image_name_is_refused(stage: Stage, image: str) -> None:
    with pytest.raises(InvalidImageName):
        await stage.runtime.pull_image(image)
    with pytest.raises(InvalidImageName):
        await stage.runtime.image_status(image)


async def test_a_dead_sandbox_takes_its_containers_down(stage: Stage) -> None:
    container_id = await stage.start("httpd")
    await stage.runtime.stop_sandbox(stage.sandbox_id)
    assert (await stage.status(container_id)).exit_code == 137
    assert (await stage.runtime.sandbox_status(stage.sandbox_id)).state is SandboxState.NOT_READY
    with pytest.raises(RuntimeFailure, match="not ready"):
        await stage.start(name="late")


# Answers to probes.


async def test_ports_and_commands_answer_what_was_scripted_one_after_the_other(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    sick = CheckResult(False, "HTTP probe failed with statuscode: 500", http_status=500)
    stage.runtime.script_port("main", 80, CheckResult(True), sick)
    stage.runtime.script_command("web", ("ok",), ExecResult(b"", b"", 0), ExecResult(b"", b"", 1))
    container_id = await stage.start()
    asked = PortCheck("10.128.0.1", 80, HttpCheck())

    async def is_well() -> bool:
        result = await stage.runtime.check(stage.sandbox_id, asked, timeout_seconds=1)
        return result.is_well

    async def exit_code() -> int:
        result = await stage.runtime.exec_sync(container_id, ("ok",), timeout_seconds=1)
        return result.exit_code

    assert [await is_well(), await is_well(), await is_well()] == [True, False, False]
    assert [await exit_code(), await exit_code(), await exit_code()] == [0, 1, 1]


async def test_a_check_that_is_delayed_past_its_timeout_is_not_well(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.start()
    stage.runtime.delay("check", 3)
    results: list[CheckResult] = []

    async def check() -> None:
        asked = PortCheck("10.128.0.1", 80, TcpCheck())
        results.append(await stage.runtime.check(stage.sandbox_id, asked, timeout_seconds=2))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(check)
        await stage.clock.advance(1.9)
        assert not results
        await stage.clock.advance(0.1)
    assert results == [CheckResult(False, "dial tcp 10.128.0.1:80: i/o timeout")]
