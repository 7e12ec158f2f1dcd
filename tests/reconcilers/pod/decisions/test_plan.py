import pytest

from kernel.cri.runtime import Container, Sandbox
from kernel.reconcilers.pod.configuration.translate import container_hash
from kernel.reconcilers.pod.decisions.plan import Plan, Stop, plan_pod
from kernel.reconcilers.pod.decisions.restart import CONTAINER_HASH, StartNow, WaitUntil
from kernel.reconcilers.pod.observe import Observed
from kernel.reconcilers.pod.upkeep.leftovers import superseded
from tests.reconcilers.pod.made_up import created, exited, observe, running, sandbox, seconds
from tests.reconcilers.pod.node_under_test import container, make_pod

DEAD = [sandbox(0, ready=False)]


@pytest.mark.parametrize(
    ("restart", "found", "expected"),
    [
        ("Always", Observed(), Plan(new_sandbox_attempt=0)),
        ("Never", Observed(), Plan(new_sandbox_attempt=0)),
        ("Never", observe(sandboxes=DEAD), Plan(new_sandbox_attempt=1)),
        ("Always", observe(exited("main"), sandboxes=DEAD), Plan(new_sandbox_attempt=1)),
        ("Never", observe(exited("main"), sandboxes=DEAD), Plan(finished=True, initialized=True)),
        (
            "OnFailure",
            observe(exited("main", code=0), sandboxes=DEAD),
            Plan(finished=True, initialized=True),
        ),
        ("OnFailure", observe(exited("main", code=1), sandboxes=DEAD), Plan(new_sandbox_attempt=1)),
        ("Always", observe(), Plan(starts={"main": StartNow()}, initialized=True)),
        ("Always", observe(running("main")), Plan(initialized=True)),
        (
            "Always",
            observe(exited("main", 1)),
            Plan(back_offs={"main": WaitUntil(seconds(11), 10)}, initialized=True),
        ),
        ("Never", observe(exited("main")), Plan(finished=True, initialized=True)),
    ],
)
def test_a_pod_of_one_container(restart: str, found: Observed, expected: Plan) -> None:
    assert plan_pod(make_pod(restart=restart), found, seconds(2)) == expected


def test_without_restarts_a_pod_whose_sandbox_died_in_its_init_is_over() -> None:
    pod = make_pod(init=(container("init"),), restart="Never")
    found = observe(exited("init", code=137), sandboxes=DEAD)
    assert plan_pod(pod, found, seconds(2)) == Plan(finished=True)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_final_phase_ends_everything(phase: str) -> None:
    pod = make_pod()
    pod.status.phase = phase
    assert plan_pod(pod, observe(), seconds(2)).finished


def test_sidecars_end_once_everything_else_has() -> None:
    pod = make_pod(init=(container("logs", restart_policy="Always"),), restart="Never")
    sidecar = running("logs")
    found = observe(sidecar, exited("main"))
    assert plan_pod(pod, found, seconds(2)) == Plan(
        stops=(Stop(sidecar),), whole_pod=True, initialized=True
    )
    found = observe(exited("logs", code=143), exited("main"))
    assert plan_pod(pod, found, seconds(2)) == Plan(finished=True, initialized=True)


def test_a_container_of_another_definition_is_replaced() -> None:
    pod = make_pod()
    same = running("main", annotations={CONTAINER_HASH: container_hash(pod.spec.containers[0])})
    other = running("main", annotations={CONTAINER_HASH: "other"})
    assert plan_pod(pod, observe(same), seconds(2)).stops == ()
    assert [stop.container for stop in plan_pod(pod, observe(other), seconds(2)).stops] == [other]


@pytest.mark.parametrize(
    ("containers", "sandboxes", "gone_containers", "gone_sandboxes"),
    [
        ((running("a", 1), exited("a", 0)), [sandbox()], [], []),
        (
            (running("a", 3), exited("a", 2), exited("a", 1), exited("a", 0)),
            [sandbox()],
            ["a-1", "a-0"],
            [],
        ),
        (
            (
                running("a", 1, sandbox_id="sandbox1"),
                exited("a", 0, sandbox_id="sandbox0"),
            ),
            [sandbox(0, ready=False), sandbox(1)],
            [],
            [],
        ),
        (
            (
                running("a", 2, sandbox_id="sandbox2"),
                exited("a", 1, sandbox_id="sandbox1"),
                exited("a", 0, sandbox_id="sandbox0"),
            ),
            [sandbox(0, ready=False), sandbox(1, ready=False), sandbox(2)],
            ["a-0"],
            ["sandbox0"],
        ),
        ((created("a", 0),), [sandbox(0, ready=False)], [], []),
    ],
)
def test_the_last_dead_attempt_is_kept(
    containers: tuple[Container, ...],
    sandboxes: list[Sandbox],
    gone_containers: list[str],
    gone_sandboxes: list[str],
) -> None:
    old_containers, old_sandboxes = superseded(observe(*containers, sandboxes=sandboxes))
    assert [one.id for one in old_containers] == gone_containers
    assert [one.id for one in old_sandboxes] == gone_sandboxes
