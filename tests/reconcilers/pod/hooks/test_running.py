"""postStart and preStop hooks of Pods on a simulated node."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kernel.cri.port_check import CheckResult
from kernel.cri.runtime import ContainerState, ExecResult, RuntimeFailure
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import ContainerPort, HTTPGetAction, SleepAction, TCPSocketAction
from kernel.objects.pod import Container, ExecAction, Lifecycle, LifecycleHandler, Pod, Probe
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

pytestmark = pytest.mark.anyio

FAILING = ("sh", "-c", "fail")
FAILURE = ExecResult(b"half\n", b"no such file", 7)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


def command(*words: str) -> LifecycleHandler:
    return LifecycleHandler(exec=ExecAction(command=list(words)))


def pause(seconds: int) -> LifecycleHandler:
    return LifecycleHandler(sleep=SleepAction(seconds=seconds))


def hooked(
    name: str = "main",
    *,
    post_start: LifecycleHandler | None = None,
    pre_stop: LifecycleHandler | None = None,
    **fields: Any,
) -> Container:
    hooks = Lifecycle(post_start=post_start, pre_stop=pre_stop)
    return container(name, lifecycle=hooks, **fields)


# After the start


@pytest.mark.parametrize("hook", [command("sleep", "3"), pause(3)])
async def test_a_container_runs_once_its_post_start_hook_is_over(
    node: NodeUnderTest, hook: LifecycleHandler
) -> None:
    await node.create(make_pod(hooked(post_start=hook)))
    await node.advance(2.9)
    assert (await node.container("main")).state is ContainerState.RUNNING
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    assert waiting.reason == "ContainerCreating"
    assert (await node.pod()).status.phase == "Pending"
    await node.advance(0.1)
    assert (await node.status_of("main")).ready
    assert node.reasons()[-1] == "Started"


async def test_others_are_told_of_while_a_post_start_hook_runs(node: NodeUnderTest) -> None:
    probe = Probe(exec=ExecAction(command=["probe"]), period_seconds=1, failure_threshold=1)
    well, ill = ExecResult(b"", b"", 0), ExecResult(b"", b"", 1)
    node.simulated.script_command("web", ("probe",), well)
    other = container("other", readiness_probe=probe)
    hook = command("sleep", "20")
    await node.create(make_pod(hooked(post_start=hook, readiness_probe=probe), other))
    await node.advance(20 + 1)
    assert (await node.status_of("other")).ready
    node.simulated.crash((await node.container("main")).id)
    await node.advance(5)
    node.simulated.script_command("other", ("probe",), ill)
    await node.advance(5)
    assert not (await node.status_of("other")).ready
    status = await node.status_of("main")
    assert (status.restart_count, status.ready, status.started) == (1, False, False)
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "ContainerCreating"
    await node.advance(10 + 1)
    assert (await node.status_of("main")).ready


async def test_a_failing_post_start_hook_ends_the_container(node: NodeUnderTest) -> None:
    node.simulated.script(
        "main", SimulatedContainer(exec_results={FAILING: FAILURE}, stop_seconds=4)
    )
    async with node.client.watch(Pod) as events:
        pod = await node.create(make_pod(hooked(post_start=command(*FAILING))))
        assert node.said("FailedPostStartHook") == ["PostStartHook failed"]
        assert node.said("Killing") == ["FailedPostStartHook"]
        await node.advance(4)
        await node.advance(4)
        reasons: list[str] = []
        async for event in events:
            status = next(iter(event.object.status.container_statuses), None)
            waiting = status.state.waiting if status else None
            if waiting and waiting.reason not in reasons[-1:]:
                reasons.append(waiting.reason)
            if waiting and waiting.reason == "PostStartHookError":
                message = waiting.message
            if waiting and waiting.reason == "CrashLoopBackOff":
                break
    assert reasons == ["ContainerCreating", "PostStartHookError", "CrashLoopBackOff"]
    assert message == (
        'Exec lifecycle hook ([sh -c fail]) for Container "main" in Pod'
        f" \"web_default({pod.metadata.uid})\" failed - error: command 'sh -c fail' exited with 7:"
        ' no such file, message: "half\\nno such file"'
    )
    status = await node.status_of("main")
    assert status.last_state.terminated is not None
    assert (status.restart_count, status.last_state.terminated.exit_code) == (1, 143)


async def test_without_restarts_a_failed_post_start_hook_fails_the_pod(
    node: NodeUnderTest,
) -> None:
    hook = LifecycleHandler(tcp_socket=TCPSocketAction(port=80))
    await node.create(make_pod(hooked(post_start=hook), container("other"), restart="Never"))
    pod = await node.pod()
    assert (await node.status_of("main")).state.terminated is not None
    assert (await node.status_of("other")).ready
    assert pod.status.phase == "Running"
    node.simulated.crash((await node.container("other")).id)
    await node.settle()
    assert (await node.pod()).status.phase == "Failed"


async def test_a_container_that_cannot_be_stopped_after_its_hook_is_tried_again(
    node: NodeUnderTest,
) -> None:
    node.simulated.script("main", SimulatedContainer(exec_results={FAILING: FAILURE}))
    node.simulated.fail("stop_container", RuntimeFailure("no answer"), times=1)
    await node.create(make_pod(hooked(post_start=command(*FAILING)), restart="Never"))
    assert node.said("FailedKillPod") == ["error killing container main: no answer"]
    await node.advance(1)
    assert (await node.pod()).status.phase == "Failed"


async def test_a_deletion_does_not_wait_for_a_post_start_hook(node: NodeUnderTest) -> None:
    await node.create(make_pod(hooked(post_start=command("sleep", "3600"))))
    await node.client.delete(Pod, "web")
    await node.settle()
    assert await node.client.list(Pod) == []


async def test_a_post_start_hook_that_a_dead_agent_left_is_run_by_the_next(
    tmp_path: Path,
) -> None:
    async with open_node(tmp_path) as node:
        node.simulated.script("main", SimulatedContainer(exec_results={FAILING: FAILURE}))
        node.simulated.delay("exec_sync", 5)
        async with node.running():
            await node.create(make_pod(hooked(post_start=command(*FAILING)), restart="Never"))
            assert (await node.container("main")).state is ContainerState.RUNNING
        async with node.running():
            assert (await node.status_of("main")).state.waiting is not None
            await node.advance(5)
            assert (await node.pod()).status.phase == "Failed"


async def test_a_post_start_hook_that_is_over_is_not_run_again(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            await node.create(make_pod(hooked(post_start=command("true"))))
        node.simulated.fail("exec_sync", AssertionError("the hook runs again"))
        async with node.running():
            assert (await node.status_of("main")).ready


# Before the stop


async def test_a_pre_stop_hook_takes_of_the_grace(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=100))
    await node.create(
        make_pod(
            hooked(pre_stop=command("sleep", "6")),
            restart="Never",
            termination_grace_period_seconds=10,
        )
    )
    await node.client.delete(Pod, "web")
    await node.advance(9.9)
    assert len(await node.client.list(Pod)) == 1
    await node.advance(0.1)
    assert await node.client.list(Pod) == []
    assert node.said("Killing") == ["Stopping container main"]
    assert node.said("FailedPreStopHook") == []


@pytest.mark.parametrize(
    ("hook", "said"),
    [(command("sleep", "60"), ["PreStopHook failed"]), (pause(10), [])],
)
async def test_a_pre_stop_hook_that_outlives_the_grace_is_cut(
    node: NodeUnderTest, hook: LifecycleHandler, said: list[str]
) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=100))
    await node.create(make_pod(hooked(pre_stop=hook), termination_grace_period_seconds=10))
    await node.client.delete(Pod, "web", grace_period_seconds=5)
    await node.advance(6.9)
    assert len(await node.client.list(Pod)) == 1
    await node.advance(0.1)
    assert await node.client.list(Pod) == []
    assert node.said("FailedPreStopHook") == said


async def test_a_pre_stop_hook_that_fails_holds_nothing_up(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(exec_results={FAILING: FAILURE}))
    await node.create(make_pod(hooked(pre_stop=command(*FAILING))))
    await node.client.delete(Pod, "web")
    await node.settle()
    assert await node.client.list(Pod) == []
    assert node.said("FailedPreStopHook") == ["PreStopHook failed"]


async def test_a_container_that_ended_has_no_pre_stop_hook_run(node: NodeUnderTest) -> None:
    node.simulated.fail("exec_sync", AssertionError("the hook runs"))
    pod = make_pod(hooked(pre_stop=command("true")), container("other"), restart="Never")
    await node.create(pod)
    node.simulated.crash((await node.container("main")).id)
    await node.settle()
    await node.client.delete(Pod, "web")
    await node.settle()
    assert await node.client.list(Pod) == []
    assert node.said("FailedPreStopHook") == []


async def test_another_definition_runs_the_pre_stop_hook(node: NodeUnderTest) -> None:
    await node.create(make_pod(hooked(pre_stop=pause(4))))
    pod = await node.pod()
    pod.spec.containers[0].image = "busybox:2"
    await node.client.update(pod)
    await node.advance(3.9)
    assert (await node.status_of("main")).image == "busybox:1"
    await node.advance(0.1)
    assert (await node.status_of("main")).image == "busybox:2"


async def test_a_probe_s_kill_runs_the_pre_stop_hook_within_the_probe_s_grace(
    node: NodeUnderTest,
) -> None:
    node.simulated.script(
        "main", SimulatedContainer(exec_results={("probe",): FAILURE}, stop_seconds=100)
    )
    probe = Probe(
        exec=ExecAction(command=["probe"]),
        period_seconds=1,
        failure_threshold=1,
        termination_grace_period_seconds=5,
    )
    await node.create(make_pod(hooked(pre_stop=command("sleep", "3"), liveness_probe=probe)))
    while not node.said("Killing"):
        await node.advance(0.5)
    killed_at = node.clock.monotonic_seconds()
    while (await node.status_of("main")).restart_count == 0:
        await node.advance(0.5)
    # Three seconds of the hook, and what is left of the five.
    assert node.clock.monotonic_seconds() - killed_at == pytest.approx(5, abs=0.6)
    assert node.said("FailedPreStopHook") == []


async def test_a_hurried_deletion_cuts_a_pre_stop_hook(node: NodeUnderTest) -> None:
    await node.create(
        make_pod(hooked(pre_stop=command("sleep", "60")), termination_grace_period_seconds=100)
    )
    await node.client.delete(Pod, "web")
    await node.advance(1)
    await node.client.delete(Pod, "web", grace_period_seconds=3)
    await node.advance(3)
    assert await node.client.list(Pod) == []


async def test_a_pre_stop_hook_that_is_over_is_not_run_again_by_a_hurried_deletion(
    node: NodeUnderTest,
) -> None:
    node.simulated.script(
        "main", SimulatedContainer(exec_results={FAILING: FAILURE}, stop_seconds=1000)
    )
    await node.create(
        make_pod(hooked(pre_stop=command(*FAILING)), termination_grace_period_seconds=100)
    )
    await node.client.delete(Pod, "web")
    await node.advance(1)
    await node.client.delete(Pod, "web", grace_period_seconds=3)
    await node.advance(3)
    assert await node.client.list(Pod) == []
    assert node.said("FailedPreStopHook") == ["PreStopHook failed"]


# Over HTTP


def request(**fields: Any) -> LifecycleHandler:
    return LifecycleHandler(http_get=HTTPGetAction(path="/hook", **fields))


PORTS = [ContainerPort(name="web", container_port=8080)]
REFUSED = "dial tcp 10.128.0.1:8080: connect: connection refused"


@pytest.mark.parametrize("status", [200, 500])
async def test_any_answer_to_a_request_will_do(node: NodeUnderTest, status: int) -> None:
    node.simulated.script_port("main", 8080, CheckResult(status == 200, http_status=status))
    await node.create(make_pod(hooked(post_start=request(port="web"), ports=PORTS)))
    assert (await node.status_of("main")).ready
    assert node.reasons()[-1] == "Started"


@pytest.mark.parametrize(("port", "error"), [("web", REFUSED), ("none", "port none not found")])
async def test_a_request_without_answer_fails(node: NodeUnderTest, port: str, error: str) -> None:
    node.simulated.script_port("main", 8080, CheckResult(False, REFUSED))
    pod = await node.create(make_pod(hooked(post_start=request(port=port), ports=PORTS)))
    assert node.said("FailedPostStartHook") == ["PostStartHook failed"] * 2
    assert (await node.status_of("main")).restart_count == 1
    async with node.client.watch(Pod) as events:
        await node.advance(10)
        async for event in events:
            waiting = event.object.status.container_statuses[0].state.waiting
            if waiting and waiting.reason == "PostStartHookError":
                message = waiting.message
                break
    assert message == (
        'HTTP lifecycle hook (/hook) for Container "main" in Pod'
        f' "web_default({pod.metadata.uid})" failed - error: {error}'
    )


async def test_a_request_falls_back_to_http_where_there_is_no_tls(node: NodeUnderTest) -> None:
    no_tls = "http: server gave HTTP response to HTTPS client"
    node.simulated.script_port("main", 8080, CheckResult(False, no_tls), CheckResult(True))
    await node.create(make_pod(hooked(pre_stop=request(port=8080, scheme="HTTPS"))))
    await node.client.delete(Pod, "web")
    await node.settle()
    assert node.said("LifecycleHTTPFallback") == [
        "request to HTTPS lifecycle hook 10.128.0.1:8080 got HTTP response,"
        " retry with HTTP succeeded"
    ]
    assert node.said("FailedPreStopHook") == []
