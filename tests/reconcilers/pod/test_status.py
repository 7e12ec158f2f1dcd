from collections.abc import Mapping
from datetime import timedelta

import pytest

from kernel.cri.runtime import Container
from kernel.objects.pod import Lifecycle, Pod, PodReadinessGate
from kernel.objects.pod_status import ContainerStateWaiting, PodCondition, PodStatus
from kernel.reconcilers.pod.decisions.plan import Plan, plan_pod
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.status import Facts, pod_status, timestamp
from tests.reconcilers.pod.made_up import (
    START,
    created,
    exited,
    observe,
    running,
    sandbox,
    seconds,
)
from tests.reconcilers.pod.node_under_test import condition, container, make_pod

NO_WAITING: Mapping[str, ContainerStateWaiting] = {}


def _status(
    pod: Pod,
    found: Observed,
    *,
    now: float = 2,
    waiting: Mapping[str, ContainerStateWaiting] = NO_WAITING,
    terminating: bool = False,
) -> PodStatus:
    pod.metadata.uid = "uid1"
    facts = Facts(
        observed=found,
        now=seconds(now),
        runtime_name="simulated",
        host_addresses=("192.0.2.1",),
        waiting=waiting,
        messages={"main-0": "last words"},
        terminating=terminating,
    )
    return pod_status(pod, plan_pod(pod, found, seconds(now)), facts)


@pytest.mark.parametrize(
    ("restart", "containers", "phase"),
    [
        ("Always", (), "Pending"),
        ("Always", (created("a"),), "Pending"),
        ("Always", (running("a"),), "Pending"),
        ("Always", (running("a"), running("b")), "Running"),
        ("Always", (running("a"), exited("b", code=1)), "Running"),
        ("Always", (exited("a", code=1), exited("b")), "Running"),
        ("Never", (running("a"), exited("b", code=1)), "Running"),
        ("Never", (exited("a"), exited("b")), "Succeeded"),
        ("Never", (exited("a"), exited("b", code=1)), "Failed"),
        ("OnFailure", (exited("a"), exited("b")), "Succeeded"),
        ("OnFailure", (exited("a"), exited("b", code=1)), "Running"),
    ],
)
def test_phase(restart: str, containers: tuple[Container, ...], phase: str) -> None:
    pod = make_pod(container("a"), container("b"), restart=restart)
    assert _status(pod, observe(*containers)).phase == phase


@pytest.mark.parametrize(
    ("containers", "phase"),
    [((), "Pending"), ((running("init"),), "Pending"), ((exited("init", code=1),), "Failed")],
)
def test_phase_while_initializing(containers: tuple[Container, ...], phase: str) -> None:
    pod = make_pod(init=(container("init"),), restart="Never")
    assert _status(pod, observe(*containers)).phase == phase


def test_a_running_pod_does_not_become_pending_again() -> None:
    pod = make_pod(init=(container("init"),))
    pod.status.phase = "Running"
    dead = observe(exited("main"), sandboxes=[sandbox(ready=False)])
    assert _status(pod, dead).phase == "Running"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_phase_that_is_final_stays(phase: str) -> None:
    pod = make_pod(restart="Never")
    pod.status.phase = phase
    assert _status(pod, observe(running("main"))).phase == phase


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (137, "Failed")])
def test_a_pod_that_is_being_deleted_ends_with_its_containers(code: int, phase: str) -> None:
    found = observe(exited("main", code=code), sandboxes=[sandbox(ready=False)])
    facts = Facts(
        observed=found,
        now=seconds(2),
        runtime_name="simulated",
        host_addresses=(),
        terminating=True,
    )
    assert pod_status(make_pod(), Plan(initialized=True), facts).phase == phase


def test_a_pod_that_is_being_deleted_runs_while_a_container_does() -> None:
    assert _status(make_pod(), observe(running("main")), terminating=True).phase == "Running"


def test_a_container_that_ended_shows_how() -> None:
    status = _status(make_pod(restart="Never"), observe(exited("main", code=3, reason="Error")))
    ended = status.container_statuses[0].state.terminated
    assert ended is not None
    assert (ended.exit_code, ended.reason, ended.message) == (3, "Error", "last words")
    assert (ended.started_at, ended.finished_at) == (
        timestamp(seconds(0)),
        timestamp(seconds(1)),
    )
    assert ended.container_id == "simulated://main-0"


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (1, "Error")])
def test_an_end_without_reason_gets_the_usual_one(code: int, reason: str) -> None:
    status = _status(make_pod(restart="Never"), observe(exited("main", code=code)))
    ended = status.container_statuses[0].state.terminated
    assert ended is not None
    assert ended.reason == reason


def test_a_restarted_container_shows_the_run_before() -> None:
    found = observe(exited("main", 1, code=2), running("main", 2))
    status = _status(make_pod(), found).container_statuses[0]
    assert status.restart_count == 2
    assert status.state.running is not None
    assert status.last_state.terminated is not None
    assert status.last_state.terminated.exit_code == 2


@pytest.mark.parametrize(
    ("in_row", "words"), [(1, "10s"), (2, "20s"), (4, "1m20s"), (5, "2m40s"), (6, "5m0s")]
)
def test_the_crash_loop_message(in_row: int, words: str) -> None:
    found = observe(exited("main", in_row, code=1, restarts_in_row=in_row))
    waiting = _status(make_pod(), found).container_statuses[0].state.waiting
    assert waiting == ContainerStateWaiting(
        reason="CrashLoopBackOff",
        message=f"back-off {words} restarting failed container=main pod=web_default(uid1)",
    )


def test_why_a_container_cannot_start_is_shown_until_it_runs() -> None:
    because = ContainerStateWaiting(reason="ErrImagePull", message="no such host")
    pod = make_pod()
    waiting = _status(pod, observe(), waiting={"main": because}).container_statuses[0].state
    assert waiting.waiting == because
    now_running = _status(pod, observe(running("main")), waiting={"main": because})
    assert now_running.container_statuses[0].state.waiting is None


def _condition(pod: Pod, status: PodStatus, type: str) -> PodCondition:
    pod.status = status
    return condition(pod, type)


def test_a_condition_keeps_its_time_while_it_stays_the_same() -> None:
    pod = make_pod()
    pod.status = _status(pod, observe(), now=2)
    pod.status = _status(pod, observe(running("main")), now=5)
    assert condition(pod, "Ready").last_transition_time == timestamp(seconds(5))
    assert condition(pod, "Initialized").last_transition_time == timestamp(seconds(2))
    later = _status(pod, observe(running("main")), now=9)
    assert later == pod.status
    assert later.start_time == timestamp(START) + timedelta(seconds=2)


def test_conditions_of_others_are_kept() -> None:
    pod = make_pod(readiness_gates=[PodReadinessGate(condition_type="example.dev/ready")])
    found = observe(running("main"))
    ready = _condition(pod, _status(pod, found), "Ready")
    assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")
    assert ready.message == (
        'corresponding condition of pod readiness gate "example.dev/ready" does not exist.'
    )
    pod.status.conditions.append(PodCondition(type="example.dev/ready", status="True"))
    assert _condition(pod, _status(pod, found), "Ready").status == "True"
    assert condition(pod, "example.dev/ready").status == "True"


@pytest.mark.parametrize(
    ("containers", "unready"),
    [((running("a"),), "[b c]"), ((), "[a b c]"), ((running("a"), exited("b")), "[b c]")],
)
def test_unready_containers_are_listed(containers: tuple[Container, ...], unready: str) -> None:
    pod = make_pod(container("a"), container("b"), container("c"))
    status = _status(pod, observe(*containers))
    for type in ("Ready", "ContainersReady"):
        found = _condition(pod, status, type)
        assert (found.reason, found.message) == (
            "ContainersNotReady",
            f"containers with unready status: {unready}",
        )


def test_a_sidecar_counts_for_readiness() -> None:
    pod = make_pod(init=(container("logs", restart_policy="Always"),))
    status = _status(pod, observe(running("main"), exited("logs", code=1)))
    message = _condition(pod, status, "Ready").message
    assert message == "containers with unready status: [logs]"


def test_with_host_networking_the_pod_has_the_nodes_address() -> None:
    status = _status(make_pod(host_network=True), observe(running("main")))
    assert [one.ip for one in status.pod_ips] == ["192.0.2.1"]


def test_an_image_asked_for_by_digest_is_shown_by_its_whole_name() -> None:
    found = observe(running("main", image="sha256:abc"))
    assert _status(make_pod(), found).container_statuses[0].image == "docker.io/library/busybox:1"


def test_a_container_that_the_runtime_lost_has_an_unknown_end() -> None:
    pod = make_pod(restart="Never")
    pod.status = _status(pod, observe(running("main")))
    status = _status(pod, Observed())
    ended = status.container_statuses[0].state.terminated
    assert ended is not None
    assert (ended.exit_code, ended.reason) == (137, "ContainerStatusUnknown")
    assert status.phase == "Failed"


def test_the_status_names_the_generation_that_was_acted_on() -> None:
    pod = make_pod()
    gate = PodCondition(type="example.dev/gate", status="True")
    pod.status.conditions = [gate]
    pod.metadata.generation = 3
    status = _status(pod, observe(running("main")))
    assert status.observed_generation == 3
    assert {one.type: one.observed_generation for one in status.conditions} == {
        **dict.fromkeys(("PodReadyToStartContainers", "Initialized", "Ready"), 3),
        **dict.fromkeys(("ContainersReady", "PodScheduled"), 3),
        "example.dev/gate": 0,
    }


def test_the_messages_of_all_containers_share_12_kib() -> None:
    names = ("a", "b", "c", "d", "e", "f")
    pod = make_pod(*map(container, names), restart="Never")
    found = observe(*(exited(name, message="ä" * 4096) for name in names))
    for status in _status(pod, found).container_statuses:
        assert status.state.terminated is not None
        assert status.state.terminated.message == "ä" * 1024
    pod = make_pod(container("a"))
    found = observe(exited("a", message="x" * 4096), running("a", 1))
    (status,) = _status(pod, found).container_statuses
    assert status.last_state.terminated is not None
    assert len(status.last_state.terminated.message) == 4096


def test_the_stop_signal_that_was_asked_for_is_shown() -> None:
    pod = make_pod(container("a", lifecycle=Lifecycle(stop_signal="SIGUSR1")), container("b"))
    shown = _status(pod, observe(running("a"), running("b"))).container_statuses
    assert [one.stop_signal for one in shown] == ["SIGUSR1", None]
