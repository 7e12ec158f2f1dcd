"""Pods with probes on a simulated node, seen through the client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kernel.cri.port_check import CheckResult
from kernel.cri.runtime import ExecResult, RuntimeFailure
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import ContainerPort, EnvVar, ExecAction, HTTPGetAction, Probe
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import CONFIG_HASH
from kernel.reconcilers.pod.probes.settings import PERIOD_ANNOTATION
from tests.reconcilers.pod.node_under_test import (
    NodeUnderTest,
    Said,
    condition,
    container,
    make_pod,
    open_node,
)

pytestmark = pytest.mark.anyio

WELL = CheckResult(True, http_status=200)
SICK = CheckResult(False, "HTTP probe failed with statuscode: 500", http_status=500)
OK = ExecResult(b"", b"", 0)
FAILED = "HTTP probe failed with statuscode: 500"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


def http(port: int | str = 80, **fields: Any) -> Probe:
    return Probe(http_get=HTTPGetAction(path="/healthz", port=port), **fields)


def command(*words: str, **fields: Any) -> Probe:
    return Probe(exec=ExecAction(command=list(words)), **fields)


def annotated(period: str, pod: Pod) -> Pod:
    pod.metadata.annotations[PERIOD_ANNOTATION] = period
    return pod


async def is_ready(node: NodeUnderTest) -> bool:
    return condition(await node.pod(), "Ready").status == "True"


# Readiness.


async def test_a_pod_is_ready_once_its_probe_succeeds(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 80, SICK)
    await node.create(make_pod(container("main", readiness_probe=http())))
    pod = await node.pod()
    assert pod.status.phase == "Running"
    status = await node.status_of("main")
    assert (status.started, status.ready) == (True, False)
    ready = condition(pod, "ContainersReady")
    assert (ready.status, ready.reason) == ("False", "ContainersNotReady")
    assert ready.message == "containers with unready status: [main]"
    await node.advance(11)
    said = [said for said in node.listener.said if said.reason == "Unhealthy"]
    message = f"Readiness probe failed: {FAILED}"
    assert said == [Said("Warning", "Unhealthy", message, "spec.containers{main}")] * 2
    node.simulated.script_port("main", 80, WELL)
    await node.advance(1.7)
    assert not await is_ready(node)
    await node.advance(0.1)
    assert await is_ready(node)


async def test_what_comes_up_fast_is_ready_fast_and_nothing_is_said(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 80, SICK, SICK, WELL)
    node.simulated.script_port("main", 81, SICK)
    probes = {"readiness_probe": http(80), "liveness_probe": http(81, failure_threshold=1)}
    await node.create(make_pod(container("main", **probes)))
    await node.advance(0.2)
    assert await is_ready(node)
    node.simulated.script_port("main", 81, WELL)
    await node.advance(60)
    assert (await node.status_of("main")).restart_count == 0
    assert node.said("Unhealthy") == []


async def test_readiness_is_lost_after_as_many_failures_as_the_threshold(
    node: NodeUnderTest,
) -> None:
    node.simulated.script_port("main", 80, WELL, SICK, SICK, WELL, SICK, SICK, SICK, WELL)
    probe = http(period_seconds=1, success_threshold=1, failure_threshold=3)
    await node.create(make_pod(container("main", readiness_probe=probe)))
    seen = []
    for _ in range(8):
        seen.append(await is_ready(node))
        await node.advance(1)
    assert seen == [True] * 6 + [False, True]
    assert (await node.status_of("main")).restart_count == 0


async def test_the_first_question_waits_for_the_initial_delay(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main", readiness_probe=http(initial_delay_seconds=5))))
    await node.advance(4.9)
    assert not await is_ready(node)
    await node.advance(0.1)
    assert await is_ready(node)


async def test_a_named_port_and_the_container_s_variables(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 8080, SICK)
    node.simulated.script_command("main", ("check", "a"), ExecResult(b"no\n", b"why\n", 1))
    await node.create(
        make_pod(
            container(
                "main",
                ports=[ContainerPort(name="web", container_port=8080)],
                env=[EnvVar(name="NAME", value="a")],
                readiness_probe=http("web"),
                liveness_probe=command("check", "$(NAME)"),
            ),
        )
    )
    await node.advance(1)
    assert sorted(node.said("Unhealthy")) == [
        "Liveness probe failed: no\nwhy\n",
        f"Readiness probe failed: {FAILED}",
    ]


async def test_what_cannot_be_asked_changes_nothing(node: NodeUnderTest) -> None:
    node.simulated.fail("exec_sync", RuntimeFailure("no such program"))
    probes = {
        "readiness_probe": http("unknown", period_seconds=1),
        "liveness_probe": command("nothing", period_seconds=1, failure_threshold=1),
    }
    await node.create(make_pod(container("main", **probes)))
    await node.advance(10)
    status = await node.status_of("main")
    assert (status.ready, status.restart_count) == (False, 0)
    assert set(node.said("Unhealthy")) == {
        'Readiness probe errored: strconv.Atoi: parsing "unknown": invalid syntax',
        "Liveness probe errored: no such program",
    }


async def test_a_redirect_to_elsewhere_is_well_with_a_warning(node: NodeUnderTest) -> None:
    warning = "Probe terminated redirects, Response body: moved"
    node.simulated.script_port("main", 80, CheckResult(True, warning, http_status=302))
    await node.create(make_pod(container("main", readiness_probe=http())))
    assert await is_ready(node)
    assert node.said("ProbeWarning") == [f"Readiness probe warning: {warning}"]


async def test_a_probe_that_hangs_holds_up_no_other(node: NodeUnderTest) -> None:
    hanging = command("sleep", "infinity", timeout_seconds=3600)
    await node.create(make_pod(container("main", readiness_probe=http(), liveness_probe=hanging)))
    await node.advance(1)
    assert await is_ready(node)


# Liveness.


async def test_a_container_that_is_not_alive_is_restarted(node: NodeUnderTest) -> None:
    gone = ExecResult(b"", b"cat: can't open '/tmp/healthy': No such file or directory\n", 1)
    probe = command("cat", "/tmp/healthy", initial_delay_seconds=5, period_seconds=5)
    node.simulated.script_command("main", ("cat", "/tmp/healthy"), OK, gone, gone, gone, OK)
    await node.create(make_pod(container("main", liveness_probe=probe)))
    await node.advance(19)
    assert (await node.status_of("main")).restart_count == 0
    await node.advance(3)
    status = await node.status_of("main")
    assert (status.restart_count, status.ready) == (1, True)
    assert status.last_state.terminated is not None
    assert status.last_state.terminated.exit_code == 143
    assert node.said("Unhealthy") == [f"Liveness probe failed: {gone.stderr.decode()}"] * 3
    assert node.said("Killing") == ["Container main failed liveness probe, will be restarted"]
    await node.advance(60)
    assert (await node.status_of("main")).restart_count == 1


@pytest.mark.parametrize(
    ("policy", "restarts", "phase", "message"),
    [
        ("Always", 1, "Running", "Container main failed liveness probe, will be restarted"),
        ("OnFailure", 1, "Running", "Container main failed liveness probe, will be restarted"),
        ("Never", 0, "Succeeded", "Container main failed liveness probe"),
    ],
)
async def test_restart_policies(
    node: NodeUnderTest, policy: str, restarts: int, phase: str, message: str
) -> None:
    node.simulated.script("main", SimulatedContainer(stop_exit_code=0))
    node.simulated.script_port("main", 80, SICK, WELL)
    probe = http(failure_threshold=1)
    await node.create(make_pod(container("main", liveness_probe=probe), restart=policy))
    await node.advance(2)
    assert (await node.status_of("main")).restart_count == restarts
    assert (await node.pod()).status.phase == phase
    assert node.said("Killing") == [message]


async def test_a_probe_s_own_grace_holds_for_what_it_ends(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=1000))
    node.simulated.script_port("main", 80, SICK, WELL)
    probe = http(failure_threshold=1, termination_grace_period_seconds=5)
    await node.create(
        make_pod(container("main", liveness_probe=probe), termination_grace_period_seconds=60)
    )
    await node.advance(5.9)
    assert (await node.status_of("main")).restart_count == 0
    await node.advance(0.2)
    status = await node.status_of("main")
    assert status.restart_count == 1
    assert status.last_state.terminated is not None
    assert status.last_state.terminated.exit_code == 137


async def test_readiness_is_told_while_another_container_stops_slowly(
    node: NodeUnderTest,
) -> None:
    node.simulated.script("slow", SimulatedContainer(stop_seconds=20))
    node.simulated.script_port("slow", 81, SICK)
    node.simulated.script_port("main", 80, WELL, SICK)
    main = container("main", readiness_probe=http(period_seconds=2, failure_threshold=1))
    slow = container("slow", liveness_probe=http(81, failure_threshold=1))
    await node.create(make_pod(main, slow))
    assert (await node.status_of("main")).ready
    await node.advance(2)
    assert not (await node.status_of("main")).ready
    assert (await node.status_of("slow")).restart_count == 0
    await node.advance(19)
    assert (await node.status_of("slow")).restart_count == 1


# Startup.


async def test_a_startup_probe_holds_the_others_back(node: NodeUnderTest) -> None:
    node.simulated.script_command("main", ("started",), ExecResult(b"", b"", 1))
    node.simulated.script_command("main", ("alive",), OK)
    startup = command("started", period_seconds=1, failure_threshold=30)
    probes = {
        "startup_probe": startup,
        "readiness_probe": http(),
        "liveness_probe": command("alive", failure_threshold=1),
    }
    await node.create(make_pod(container("main", **probes)))
    await node.advance(3.9)
    status = await node.status_of("main")
    assert (status.started, status.ready) == (False, False)
    node.simulated.script_command("main", ("started",), OK)
    await node.advance(0.1)
    status = await node.status_of("main")
    assert (status.started, status.ready, status.restart_count) == (True, True, 0)


async def test_a_container_that_does_not_start_is_restarted(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 80, SICK)
    startup = http(period_seconds=1, failure_threshold=3)
    await node.create(make_pod(container("main", startup_probe=startup)))
    await node.advance(2.9)
    assert node.said("Killing") == []
    await node.advance(0.1)
    assert node.said("Killing") == ["Container main failed startup probe, will be restarted"]
    assert set(node.said("Unhealthy")) == {f"Startup probe failed: {FAILED}"}
    assert (await node.status_of("main")).restart_count == 1


async def test_regular_containers_wait_for_a_sidecar_to_have_started(
    node: NodeUnderTest,
) -> None:
    node.simulated.script_port("proxy", 80, SICK, SICK, WELL)
    probe = http(period_seconds=1)
    proxy = container("proxy", restart_policy="Always", startup_probe=probe, readiness_probe=http())
    await node.create(make_pod(container("main"), init=(proxy,)))
    pod = await node.pod()
    initialized = condition(pod, "Initialized")
    assert (pod.status.phase, initialized.status) == ("Pending", "False")
    assert initialized.message == "containers with incomplete status: [proxy]"
    assert (await node.status_of("main")).state.waiting is not None
    await node.advance(2)
    assert (await node.pod()).status.phase == "Running"
    assert await is_ready(node)
    assert (await node.status_of("proxy")).started


async def test_a_sidecar_that_does_not_start_is_restarted(node: NodeUnderTest) -> None:
    node.simulated.script_port("proxy", 80, SICK)
    probe = http(period_seconds=1, failure_threshold=2)
    proxy = container("proxy", restart_policy="Always", startup_probe=probe)
    await node.create(make_pod(container("main"), init=(proxy,)))
    await node.advance(2)
    assert node.said("Killing") == ["Init container proxy failed startup probe"]
    node.simulated.script_port("proxy", 80, WELL)
    await node.advance(0.5)
    assert (await node.status_of("proxy")).restart_count == 1
    assert (await node.pod()).status.phase == "Running"


# Deletion.


async def test_a_terminating_pod_is_asked_for_readiness_alone(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=20))
    node.simulated.script_port("main", 80, WELL, WELL, SICK)
    node.simulated.script_port("main", 81, WELL, WELL, SICK)
    probes = {
        "readiness_probe": http(80, period_seconds=1, failure_threshold=1),
        "liveness_probe": http(81, period_seconds=1, failure_threshold=1),
    }
    await node.create(make_pod(container("main", **probes)))
    assert await is_ready(node)
    await node.client.delete(Pod, "web", namespace="default", grace_period_seconds=30)
    await node.advance(1)
    assert await is_ready(node)
    await node.advance(1)
    assert not await is_ready(node)
    await node.advance(5)
    assert set(node.said("Unhealthy")) == {f"Readiness probe failed: {FAILED}"}
    await node.advance(15)
    assert not await node.simulated.containers()
    said = len(node.listener.said)
    await node.advance(60)
    assert len(node.listener.said) == said


async def test_nobody_asks_a_container_that_has_ended(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(run_seconds=5))
    probe = http(period_seconds=1)
    pod = make_pod(container("main", readiness_probe=probe), container("side"), restart="Never")
    await node.create(pod)
    await node.advance(5)
    node.simulated.script_port("side", 80, SICK)
    await node.advance(60)
    assert node.said("Unhealthy") == []


# Periods.


async def test_an_annotation_sets_periods_below_a_second(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 80, SICK, SICK, WELL)
    await node.create(annotated("100", make_pod(container("main", readiness_probe=http()))))
    await node.advance(0.19)
    assert not await is_ready(node)
    await node.advance(0.01)
    assert await is_ready(node)


async def test_a_bad_period_is_said_and_not_followed(node: NodeUnderTest) -> None:
    pod = make_pod(container("main", readiness_probe=http()))
    await node.create(annotated("soon", pod))
    assert await is_ready(node)
    assert node.reasons().count("InvalidProbePeriod") == 1


async def test_a_period_can_be_changed_while_the_pod_runs(node: NodeUnderTest) -> None:
    node.simulated.script_port("main", 80, WELL, SICK)
    probe = http(period_seconds=1000, failure_threshold=1)
    pod = await node.create(make_pod(container("main", readiness_probe=probe)))
    annotated("main.readiness=500", pod)
    pod = await node.pod()
    await node.client.update(annotated("main.readiness=500", pod))
    await node.advance(1)
    assert node.said("Unhealthy") == [f"Readiness probe failed: {FAILED}"]
    await node.advance(1)
    assert len(node.said("Unhealthy")) == 3


# Restarts of the agent.


async def test_an_agent_that_starts_anew_goes_by_the_status_until_it_knows(
    tmp_path: Path,
) -> None:
    probes = {
        "startup_probe": http(81, period_seconds=30, failure_threshold=1),
        "readiness_probe": http(80, period_seconds=30),
        "liveness_probe": http(82, period_seconds=30),
    }
    async with open_node(tmp_path) as node:
        async with node.running():
            await node.create(make_pod(container("main", **probes)))
            assert await is_ready(node)
        node.simulated.script_port("main", 81, SICK)  # It would fail, were it asked again.
        before = await node.pod()
        async with node.running():
            await node.advance(1)
            assert (await node.pod()).metadata.resource_version == (
                before.metadata.resource_version
            )
            await node.advance(100)
            after = await node.pod()
        assert after.metadata.resource_version == before.metadata.resource_version
        assert node.said("Unhealthy") == []


async def test_a_static_pod_whose_mirror_is_deleted_stays_ready(node: NodeUnderTest) -> None:
    def mirror() -> Pod:
        pod = make_pod(container("main", startup_probe=http(), readiness_probe=http()))
        pod.metadata.annotations[CONFIG_HASH] = "hash"
        return pod

    await node.create(mirror())
    assert await is_ready(node)
    node.simulated.script_port("main", 80, SICK)
    await node.client.delete(Pod, "web", namespace="default", grace_period_seconds=0)
    await node.advance(1)
    await node.create(mirror())
    assert await is_ready(node)


async def test_agents_ask_what_ran_before_them_at_random_times(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            pods = [
                make_pod(container("main", readiness_probe=http()), name=f"web{number}")
                for number in range(8)
            ]
            for pod in pods:
                await node.create(pod)
            await node.advance(1)
        node.simulated.script_port("main", 80, SICK)
        async with node.running():
            at_once = len(node.said("Unhealthy"))
            await node.advance(5)
            halfway = len(node.said("Unhealthy"))
            await node.advance(5)
            in_the_end = len(node.said("Unhealthy"))
    assert at_once == 0
    assert 0 < halfway < 8
    assert in_the_end >= 8
