"""One suite for all runtimes: what `kernel.cri.runtime` promises."""

import os
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from kernel.cri.measuring import ContainerUsage
from kernel.cri.port_check import CheckResult, HttpCheck, PortCheck, TcpCheck
from kernel.cri.runtime import (
    ContainerState,
    LinuxResources,
    Mount,
    NotFound,
    PortMapping,
    RuntimeEventType,
    RuntimeFailure,
    SandboxState,
)
from tests.cri.runtimes_under_test import BUSY, SERVED, UNSTARTABLE, runs_programs
from tests.cri.trial import Trial, log_lines, next_event, wait_for

pytestmark = pytest.mark.anyio


async def test_version_names_the_runtime(trial: Trial) -> None:
    version = await trial.runtime.version()
    assert version.name == trial.runtime.name
    assert version.version


# Sandboxes.


async def test_a_sandbox_is_ready_with_what_it_was_made_of(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox(labels={**trial.labels, "app": "shop"})
    sandbox = await trial.runtime.sandbox_status(sandbox_id)
    assert sandbox.state is SandboxState.READY
    assert (sandbox.name, sandbox.namespace, sandbox.attempt) == ("web", "default", 0)
    assert sandbox.uid == trial.sandbox_config().uid
    assert sandbox.labels == {**trial.labels, "app": "shop"}
    assert sandbox.annotations == {"note": "kept"}
    assert sandbox.created_at > 0
    assert await trial.runtime.sandboxes(labels={"app": "shop", **trial.labels}) == [sandbox]
    assert await trial.runtime.sandboxes(labels={**trial.labels, "app": "other"}) == []


async def test_sandboxes_have_addresses_of_their_own(trial: Trial) -> None:
    if not trial.under_test.has_addresses:
        pytest.skip("this runtime shares the machine's network for who runs the tests")
    one = await trial.runtime.sandbox_status(await trial.run_sandbox("one"))
    two = await trial.runtime.sandbox_status(await trial.run_sandbox("two"))
    assert len(set(one.addresses + two.addresses)) == len(one.addresses) + len(two.addresses) >= 2


async def test_a_sandbox_in_the_hosts_network_has_no_address(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox(host_network=True)
    assert (await trial.runtime.sandbox_status(sandbox_id)).addresses == ()


async def test_where_the_network_of_a_sandbox_is(trial: Trial) -> None:
    own = await trial.run_sandbox("own")
    path = await trial.runtime.network_namespace(own)
    if trial.under_test.has_addresses and trial.runtime.name != "simulated":
        inode = os.stat(path).st_ino
        assert inode != os.stat("/proc/self/ns/net").st_ino
        reopened = trial.under_test.open()
        assert os.stat(await reopened.network_namespace(own)).st_ino == inode
        await reopened.close()
    else:
        assert path == ""
    shared = await trial.run_sandbox("shared", host_network=True)
    assert await trial.runtime.network_namespace(shared) == ""
    with pytest.raises(NotFound):
        await trial.runtime.network_namespace("nothing")


async def test_a_stopped_sandbox_stays_until_it_is_removed(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    await trial.runtime.stop_sandbox(sandbox_id)
    stopped = await trial.runtime.sandbox_status(sandbox_id)
    assert stopped.state is SandboxState.NOT_READY
    assert stopped.addresses == ()
    await trial.runtime.stop_sandbox(sandbox_id)
    await trial.runtime.remove_sandbox(sandbox_id)
    with pytest.raises(NotFound):
        await trial.runtime.sandbox_status(sandbox_id)
    assert await trial.runtime.sandboxes(labels=trial.labels) == []
    await trial.runtime.remove_sandbox(sandbox_id)


async def test_the_same_sandbox_is_not_made_twice_but_a_next_attempt_is(trial: Trial) -> None:
    first = await trial.run_sandbox()
    with pytest.raises(RuntimeFailure):
        await trial.run_sandbox()
    second = await trial.run_sandbox(attempt=1)
    listed = await trial.runtime.sandboxes(labels=trial.labels)
    assert {sandbox.id: sandbox.attempt for sandbox in listed} == {first: 0, second: 1}


async def test_sandboxes_are_made_and_removed_side_by_side(trial: Trial) -> None:
    names = ["a", "b", "c", "d"]
    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(trial.run_sandbox, name)
    made = await trial.runtime.sandboxes(labels=trial.labels)
    assert sorted(sandbox.name for sandbox in made) == names
    async with anyio.create_task_group() as group:
        for sandbox in made:
            group.start_soon(trial.runtime.remove_sandbox, sandbox.id)
    assert await trial.runtime.sandboxes(labels=trial.labels) == []


async def test_stopping_a_sandbox_kills_its_containers(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    await trial.runtime.stop_sandbox(sandbox_id)
    assert (await trial.exited(container_id)).exit_code != 0
    with pytest.raises(RuntimeFailure):
        await trial.create(sandbox_id, ("true",), "late")


async def test_removing_a_sandbox_removes_its_containers(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    await trial.runtime.remove_sandbox(sandbox_id)
    assert await trial.runtime.containers(labels=trial.labels) == []
    with pytest.raises(NotFound):
        await trial.runtime.container_status(container_id)


# A container's life.


@pytest.mark.parametrize(("exit_code", "reason"), [(0, "Completed"), (3, "Error")])
async def test_a_container_runs_to_its_exit_code(trial: Trial, exit_code: int, reason: str) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.create(sandbox_id, ("sh", "-c", f"sleep 0.3; exit {exit_code}"))
    created = await trial.runtime.container_status(container_id)
    assert created.state is ContainerState.CREATED
    assert created.sandbox_id == sandbox_id
    assert (created.name, created.attempt, created.image) == ("main", 0, trial.under_test.image)
    assert created.annotations == {"note": "kept"}
    assert (created.created_at > 0, created.started_at, created.finished_at) == (True, 0, 0)
    await trial.runtime.start_container(container_id)
    running = await trial.runtime.container_status(container_id)
    assert running.state is ContainerState.RUNNING
    assert created.created_at <= running.started_at
    assert running.finished_at == 0
    exited = await trial.exited(container_id)
    assert (exited.exit_code, exited.reason) == (exit_code, reason)
    assert running.started_at == exited.started_at <= exited.finished_at


async def test_containers_are_found_by_their_labels(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    one = await trial.create(sandbox_id, ("true",), "one")
    two = await trial.start(sandbox_id, trial.under_test.until_stopped, "two")
    everything = await trial.runtime.containers(labels=trial.labels)
    assert {container.id: container.state for container in everything} == {
        one: ContainerState.CREATED,
        two: ContainerState.RUNNING,
    }
    chosen = await trial.runtime.containers(labels={**trial.labels, "container": "two"})
    assert chosen == [await trial.runtime.container_status(two)]
    assert chosen[0].labels == {**trial.labels, "container": "two"}
    assert await trial.runtime.containers(labels={**trial.labels, "container": "x"}) == []


async def test_the_same_container_is_not_made_twice_but_a_next_attempt_is(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    await trial.create(sandbox_id, ("true",))
    with pytest.raises(RuntimeFailure):
        await trial.create(sandbox_id, ("true",))
    again = await trial.shell(sandbox_id, "exit 4", attempt=1, log_path="main/1.log")
    assert (await trial.exited(again)).exit_code == 4


async def test_a_container_is_started_once(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    with pytest.raises(RuntimeFailure):
        await trial.runtime.start_container(container_id)


async def test_the_target_of_a_container_has_to_run(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    command = trial.under_test.until_stopped
    target_id = await trial.start(sandbox_id, command)
    joined_id = await trial.start(sandbox_id, command, "joined", target_container_id=target_id)
    joined = await trial.runtime.container_status(joined_id)
    assert joined.state is ContainerState.RUNNING
    await trial.runtime.stop_container(joined_id, grace_seconds=0)
    target = await trial.runtime.container_status(target_id)
    assert target.state is ContainerState.RUNNING
    await trial.runtime.stop_container(target_id, grace_seconds=0)
    with pytest.raises(RuntimeFailure, match="target container"):
        await trial.start(sandbox_id, ("true",), "late", target_container_id=target_id)


async def test_a_command_that_cannot_run_is_a_start_error(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.create(sandbox_id, ("/does/not/exist",), UNSTARTABLE)
    with pytest.raises(RuntimeFailure) as failure:
        await trial.runtime.start_container(container_id)
    assert not isinstance(failure.value, NotFound)
    assert "no such file or directory" in str(failure.value)
    assert "\n" not in str(failure.value)
    container = await trial.runtime.container_status(container_id)
    assert container.state is ContainerState.EXITED
    assert (container.exit_code, container.reason) == (128, "StartError")
    assert "no such file or directory" in container.message


async def test_the_stop_signal_ends_a_container_within_its_grace(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    await trial.wait_output(container_id, "ready")
    with anyio.fail_after(15):
        await trial.runtime.stop_container(container_id, grace_seconds=30)
    assert (await trial.runtime.container_status(container_id)).exit_code == 143
    await trial.runtime.stop_container(container_id, grace_seconds=30)


async def test_a_container_that_ignores_the_stop_signal_is_killed_after_its_grace(
    trial: Trial,
) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "trap '' TERM; echo ready; sleep 60")
    await trial.wait_output(container_id, "ready")
    began = anyio.current_time()
    await trial.runtime.stop_container(container_id, grace_seconds=1)
    assert 0.9 <= anyio.current_time() - began < 10
    container = await trial.runtime.container_status(container_id)
    assert container.state is ContainerState.EXITED
    assert container.exit_code == 137


async def test_no_grace_kills_at_once(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "trap '' TERM; echo ready; sleep 60")
    await trial.wait_output(container_id, "ready")
    await trial.runtime.stop_container(container_id, grace_seconds=0)
    assert (await trial.runtime.container_status(container_id)).exit_code == 137


async def test_removing_a_running_container_kills_it_and_leaves_its_log(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    await trial.wait_output(container_id, "ready")
    container = await trial.runtime.container_status(container_id)
    await trial.runtime.remove_container(container_id)
    with pytest.raises(NotFound):
        await trial.runtime.container_status(container_id)
    assert await trial.runtime.containers(labels=trial.labels) == []
    assert log_lines(container) == [("stdout", "ready")]
    await trial.runtime.remove_container(container_id)


async def test_what_does_not_exist_is_not_found(trial: Trial) -> None:
    runtime, missing = trial.runtime, "0" * 64
    calls: list[Callable[[], Any]] = [
        lambda: runtime.sandbox_status(missing),
        lambda: runtime.container_status(missing),
        lambda: runtime.start_container(missing),
        lambda: runtime.exec_sync(missing, ("true",), timeout_seconds=1),
        lambda: runtime.reopen_log(missing),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call()
    await runtime.stop_container(missing, grace_seconds=0)
    await runtime.remove_container(missing)
    await runtime.stop_sandbox(missing)
    await runtime.remove_sandbox(missing)


# What a container sees and writes.


async def test_output_goes_to_the_log_in_cri_format(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "echo one; echo two words; echo")
    assert await trial.output(container_id) == ["one", "two words", ""]
    container = await trial.runtime.container_status(container_id)
    assert container.log_path == str(Path(trial.sandbox_config().log_directory, "main/0.log"))


@runs_programs
async def test_standard_error_goes_to_the_same_log(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "echo wrong >&2; printf 'no line end'")
    assert await trial.output(container_id, "stderr") == ["wrong"]
    assert await trial.output(container_id) == ["no line end"]


async def test_environment_and_args_reach_the_command(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(
        sandbox_id,
        ("sh",),
        args=("-c", "echo $GREETING"),
        environment={"GREETING": "hello there"},
    )
    assert await trial.output(container_id) == ["hello there"]


@runs_programs
async def test_the_working_directory_is_the_one_asked_for(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "pwd", working_directory="/tmp")
    assert await trial.output(container_id) == ["/tmp"]


@runs_programs
async def test_containers_share_what_is_mounted_in_both(trial: Trial, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    mounts = (Mount(str(shared), "/srv/shared"),)
    sandbox_id = await trial.run_sandbox()
    writer = await trial.shell(sandbox_id, "echo text > /srv/shared/file", "writer", mounts=mounts)
    assert (await trial.exited(writer)).exit_code == 0
    reader = await trial.shell(sandbox_id, "cat /srv/shared/file", "reader", mounts=mounts)
    assert await trial.output(reader) == ["text"]
    assert (shared / "file").read_text() == "text\n"


@runs_programs
async def test_a_read_only_mount_can_not_be_written(trial: Trial, tmp_path: Path) -> None:
    mounts = (Mount(str(tmp_path), "/srv/kept", read_only=True),)
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "echo text > /srv/kept/file", mounts=mounts)
    assert (await trial.exited(container_id)).exit_code != 0
    assert not (tmp_path / "file").exists()


@runs_programs
async def test_a_moved_log_is_opened_anew(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    script = "echo ready; while [ ! -e /srv/go ]; do sleep 0.05; done; echo later"
    flags = trial.directory / "flags"
    flags.mkdir()
    mounts = (Mount(str(flags), "/srv"),)
    container_id = await trial.shell(sandbox_id, script, mounts=mounts)
    await trial.wait_output(container_id, "ready")
    log = Path((await trial.runtime.container_status(container_id)).log_path)
    await anyio.Path(log).rename(log.with_suffix(".1"))
    await trial.runtime.reopen_log(container_id)
    (flags / "go").touch()
    assert await trial.output(container_id) == ["later"]


# Commands in a container.


async def test_a_command_runs_in_a_container(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(
        sandbox_id, trial.under_test.until_stopped, environment={"GREETING": "hello"}
    )
    result = await trial.runtime.exec_sync(
        container_id, ("sh", "-c", "echo $GREETING; exit 5"), timeout_seconds=10
    )
    assert (result.stdout, result.stderr, result.exit_code) == (b"hello\n", b"", 5)


@runs_programs
async def test_a_command_s_standard_error_is_kept_apart(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    result = await trial.runtime.exec_sync(
        container_id, ("sh", "-c", "echo out; echo wrong >&2"), timeout_seconds=0
    )
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"wrong\n", 0)


async def test_a_command_that_takes_too_long_times_out(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    began = anyio.current_time()
    with pytest.raises(TimeoutError):
        await trial.runtime.exec_sync(container_id, ("sleep", "30"), timeout_seconds=1)
    assert anyio.current_time() - began < 10
    assert (await trial.runtime.container_status(container_id)).state is ContainerState.RUNNING


@runs_programs
async def test_a_command_that_takes_too_long_is_killed(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    script = "echo $$ > /tmp/pid; exec sleep 600"
    with pytest.raises(TimeoutError):
        await trial.runtime.exec_sync(container_id, ("sh", "-c", script), timeout_seconds=0.5)

    async def is_gone() -> bool | None:
        look = ("sh", "-c", "kill -0 $(cat /tmp/pid)")
        result = await trial.runtime.exec_sync(container_id, look, timeout_seconds=10)
        return result.exit_code != 0 or None

    await wait_for(is_gone)


async def test_no_command_runs_in_a_container_that_does_not(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.shell(sandbox_id, "exit 0")
    await trial.exited(container_id)
    with pytest.raises(RuntimeFailure):
        await trial.runtime.exec_sync(container_id, ("true",), timeout_seconds=10)


# Events.


async def test_an_exit_is_told_once_the_status_shows_it(trial: Trial) -> None:
    async with trial.runtime.events() as events:
        sandbox_id = await trial.run_sandbox()
        container_id = await trial.shell(sandbox_id, "sleep 0.1; exit 6")
        labels = (await trial.runtime.container_status(container_id)).labels
        started = await next_event(events, RuntimeEventType.CONTAINER_STARTED, container_id)
        assert started.labels == labels
        exited = await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
        assert exited.labels == labels
        container = await trial.runtime.container_status(container_id)
        assert (container.state, container.exit_code) == (ContainerState.EXITED, 6)


async def test_every_exit_is_told(trial: Trial) -> None:
    async with trial.runtime.events() as events:
        sandbox_id = await trial.run_sandbox()
        expected = {
            await trial.shell(sandbox_id, "exit 0", f"short-{number}") for number in range(5)
        }
        told: set[str] = set()
        while told < expected:
            told.add((await next_event(events, RuntimeEventType.CONTAINER_EXITED)).id)
        assert told == expected


@runs_programs
async def test_what_an_exit_was_told_as_stays_and_its_log_becomes_whole(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    async with trial.runtime.events() as events:
        container_id = await trial.shell(sandbox_id, "yes line | head -n 500; exit 7")
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
        told = await trial.runtime.container_status(container_id)
        assert (told.state, told.exit_code) == (ContainerState.EXITED, 7)
        await trial.runtime.wait_log_written(container_id)
        assert len(log_lines(told)) == 500
        assert await trial.runtime.container_status(container_id) == told
        last = await trial.shell(sandbox_id, "exit 0", "last")
        await next_event(events, RuntimeEventType.CONTAINER_EXITED, last)
        await trial.runtime.stop_sandbox(sandbox_id)
        assert (await trial.runtime.container_status(last)).exit_code == 0


async def test_nobody_waits_for_the_log_of_what_runs_or_is_not_there(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    with anyio.fail_after(5):
        await trial.runtime.wait_log_written(container_id)
        await trial.runtime.wait_log_written("unknown")


async def test_a_sandbox_s_beginning_and_end_are_told(trial: Trial) -> None:
    async with trial.runtime.events() as events:
        sandbox_id = await trial.run_sandbox()
        ready = await next_event(events, RuntimeEventType.SANDBOX_READY, sandbox_id)
        assert ready.labels == trial.labels
        await trial.runtime.stop_sandbox(sandbox_id)
        await next_event(events, RuntimeEventType.SANDBOX_STOPPED, sandbox_id)
        assert (await trial.runtime.sandbox_status(sandbox_id)).state is SandboxState.NOT_READY


async def test_two_listeners_hear_the_same(trial: Trial) -> None:
    async with trial.runtime.events() as first, trial.runtime.events() as second:
        sandbox_id = await trial.run_sandbox()
        container_id = await trial.shell(sandbox_id, "exit 0")
        await next_event(first, RuntimeEventType.CONTAINER_EXITED, container_id)
        await next_event(second, RuntimeEventType.CONTAINER_EXITED, container_id)


async def test_a_listener_s_own_failure_comes_through_as_it_is(trial: Trial) -> None:
    with pytest.raises(ZeroDivisionError):
        async with trial.runtime.events():
            raise ZeroDivisionError


# After the caller died.


async def test_another_runtime_object_takes_over_what_runs(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    await trial.wait_output(container_id, "ready")
    before = await trial.runtime.container_status(container_id)
    await trial.runtime.close()
    trial.runtime = trial.under_test.open()
    async with trial.runtime.events() as events:
        assert await trial.runtime.containers(labels=trial.labels) == [before]
        (sandbox,) = await trial.runtime.sandboxes(labels=trial.labels)
        assert (sandbox.id, sandbox.state) == (sandbox_id, SandboxState.READY)
        await trial.runtime.stop_container(container_id, grace_seconds=10)
        exited = await next_event(events, RuntimeEventType.CONTAINER_EXITED, container_id)
        assert exited.labels == before.labels
    assert (await trial.runtime.container_status(container_id)).exit_code == 143


async def test_an_exit_that_nobody_saw_is_remembered(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    done = trial.directory / "done"
    done.mkdir()
    container_id = await trial.shell(
        sandbox_id, "sleep 0.2; touch /srv/done; exit 9", mounts=(Mount(str(done), "/srv"),)
    )
    await trial.runtime.close()
    trial.runtime = trial.under_test.open()
    exited = await trial.exited(container_id)
    assert (exited.exit_code, exited.reason) == (9, "Error")


# Networks.


@runs_programs
async def test_a_host_port_reaches_the_container(trial: Trial) -> None:
    if not trial.under_test.has_host_ports:
        pytest.skip("this runtime maps no host ports for who runs the tests")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (trial.directory / "index.html").write_text(SERVED)
    sandbox_id = await trial.run_sandbox(port_mappings=(PortMapping(port, 8080),))
    mounts = (Mount(str(trial.directory), "/srv"),)
    await trial.start(sandbox_id, trial.under_test.serve("/srv"), mounts=mounts)

    async def fetch() -> str | None:
        try:
            return await anyio.to_thread.run_sync(_get, f"http://127.0.0.1:{port}/index.html")
        except OSError:
            return None

    assert await wait_for(fetch) == SERVED


async def test_a_port_is_well_while_a_container_serves_it(trial: Trial) -> None:
    (trial.directory / "index.html").write_text(SERVED)
    sandbox_id = await trial.run_sandbox()
    (address,) = (await trial.runtime.sandbox_status(sandbox_id)).addresses
    asked = PortCheck(address, 8080, TcpCheck())
    refused = CheckResult(False, f"dial tcp {address}:8080: connect: connection refused")
    assert await trial.runtime.check(sandbox_id, asked, timeout_seconds=5) == refused
    mounts = (Mount(str(trial.directory), "/srv"),)
    serve = trial.under_test.serve("/srv")
    container_id = await trial.start(sandbox_id, serve, mounts=mounts)

    async def is_well() -> bool | None:
        result = await trial.runtime.check(sandbox_id, asked, timeout_seconds=5)
        return result.is_well or None

    await wait_for(is_well)
    await trial.runtime.stop_container(container_id, grace_seconds=0)
    assert await trial.runtime.check(sandbox_id, asked, timeout_seconds=5) == refused


@runs_programs
async def test_an_http_check_goes_by_the_status(trial: Trial) -> None:
    (trial.directory / "index.html").write_text(SERVED)
    sandbox_id = await trial.run_sandbox()
    (address,) = (await trial.runtime.sandbox_status(sandbox_id)).addresses
    mounts = (Mount(str(trial.directory), "/srv"),)
    await trial.start(sandbox_id, trial.under_test.serve("/srv"), mounts=mounts)

    async def get(path: str) -> CheckResult | None:
        asked = PortCheck(address, 8080, HttpCheck(path=path))
        result = await trial.runtime.check(sandbox_id, asked, timeout_seconds=5)
        return result if result.http_status else None

    assert await wait_for(lambda: get("/index.html")) == CheckResult(True, http_status=200)
    assert await get("/missing") == CheckResult(
        False, "HTTP probe failed with statuscode: 404", http_status=404
    )


async def test_a_command_that_is_given_up_ends_its_scope_alone(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    container_id = await trial.start(sandbox_id, trial.under_test.until_stopped)
    with anyio.move_on_after(0.2) as scope:
        await trial.runtime.exec_sync(container_id, ("sleep", "30"), timeout_seconds=20)
    assert scope.cancelled_caught


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        content: bytes = answer.read()
    return content.decode()


# What a runtime leaves out.


async def test_limits_change_while_a_container_runs(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    little = LinuxResources(memory_limit_bytes=64 << 20, cpu_shares=102)
    container_id = await trial.shell(sandbox_id, "sleep 1000", resources=little)
    more = LinuxResources(
        memory_limit_bytes=128 << 20, cpu_quota_microseconds=50_000, cpu_shares=512
    )
    await trial.runtime.update_resources(container_id, more)
    if trial.under_test.enforces_limits:
        # Where the container's own cgroup is the root of what it sees, and where it is not.
        script = (
            "own=$(sed -n 's/^0:://p; s/^.*:memory://p' /proc/self/cgroup | head -n 1);"
            " for file in /sys/fs/cgroup$own/memory.max /sys/fs/cgroup/memory.max"
            " /sys/fs/cgroup/memory$own/memory.limit_in_bytes"
            " /sys/fs/cgroup/memory/memory.limit_in_bytes;"
            " do test -e $file && exec cat $file; done"
        )
        done = await trial.runtime.exec_sync(container_id, ("sh", "-c", script), timeout_seconds=10)
        assert int(done.stdout) == 128 << 20
    assert (await trial.runtime.container_status(container_id)).attempt == 0
    with pytest.raises(NotFound):
        await trial.runtime.update_resources("0" * 64, more)


async def test_limitations_are_sentences(trial: Trial) -> None:
    await trial.runtime.version()
    limitations = trial.runtime.limitations(
        trial.sandbox_config(), trial.container_config(("true",), stop_signal="SIGUSR1")
    )
    assert isinstance(limitations, list)
    assert all("\n" not in limitation for limitation in limitations)


# What containers use, and images.


async def test_what_running_containers_use(trial: Trial) -> None:
    sandbox_id = await trial.run_sandbox()
    busy = await trial.shell(sandbox_id, "while :; do :; done", BUSY)
    ended = await trial.shell(sandbox_id, "exit 0", "ended")
    await trial.exited(ended)
    runtime = trial.runtime

    async def used(cpu_nanoseconds: int) -> ContainerUsage | None:
        found = {one.container_id: one for one in await runtime.usage(labels=trial.labels)}
        assert ended not in found
        usage = found.get(busy)
        return usage if usage is not None and usage.cpu_nanoseconds > cpu_nanoseconds else None

    first = await wait_for(lambda: used(0))
    second = await wait_for(lambda: used(first.cpu_nanoseconds + 100_000_000))
    assert second.measured_at > first.measured_at
    assert second.labels == {**trial.labels, "container": BUSY}
    assert 0 < second.memory_bytes < 1 << 30
    assert await runtime.usage(labels={"trial": "another"}) == []


async def test_images_are_listed(trial: Trial) -> None:
    if await trial.runtime.image_status(trial.under_test.image) is None:
        await trial.runtime.pull_image(trial.under_test.image)
    status = await trial.runtime.image_status(trial.under_test.image)
    assert status is not None
    runtime = trial.runtime
    found = [image for image in await runtime.images() if image.id == status.id]
    assert len(found) == trial.under_test.has_images
    for listed in found:
        assert (listed.tags, listed.size_bytes) == (status.tags, status.size_bytes)
        assert not listed.pinned
    await runtime.remove_image("sha256:" + "0" * 64)
    assert await runtime.downloads() == []
    directory = await runtime.image_directory()
    assert directory == "" or await anyio.Path(directory).is_dir()
