import pytest

from kernel.cri.runtime import Container
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.init_order import InitStep, init_step
from kernel.reconcilers.pod.decisions.restart import StartNow, WaitUntil
from kernel.reconcilers.pod.observe import Observed
from tests.reconcilers.pod.made_up import (
    created,
    exited,
    observe,
    running,
    sandbox,
    seconds,
)
from tests.reconcilers.pod.node_under_test import container, make_pod


def _pod(restart: str = "Always", *, sidecar: bool = False) -> Pod:
    second = container("second", restart_policy="Always" if sidecar else None)
    return make_pod(init=(container("first"), second, container("third")), restart=restart)


def _step(pod: Pod, *containers: Container, now: float = 2) -> InitStep:
    return init_step(pod, observe(*containers), seconds(now))


START = StartNow()


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ((), InitStep(starts={"first": START})),
        ((created("first"),), InitStep(starts={"first": StartNow(created_id="first-0")})),
        ((running("first"),), InitStep()),
        ((exited("first"),), InitStep(starts={"second": START})),
        ((exited("first", code=1),), InitStep(starts={"first": StartNow(1, 1)})),
        (
            (exited("first", 0, code=1), exited("first", 1, code=1)),
            InitStep(back_offs={"first": WaitUntil(seconds(11), 10)}),
        ),
        ((exited("first"), running("second")), InitStep()),
        ((exited("first"), exited("second")), InitStep(starts={"third": START})),
        ((exited("second"),), InitStep(starts={"third": START})),
        ((exited("first"), exited("second"), exited("third")), InitStep(done=True)),
        ((running("main"),), InitStep(done=True)),
    ],
)
def test_the_order(containers: tuple[Container, ...], expected: InitStep) -> None:
    assert _step(_pod(), *containers) == expected


def test_without_restarts_a_failure_is_final() -> None:
    assert _step(_pod("Never"), exited("first", code=2)) == InitStep(failed="first")


def test_a_success_is_enough_whatever_the_policy() -> None:
    assert _step(_pod("Never"), exited("first")) == InitStep(starts={"second": START})


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ((exited("first"), running("second")), InitStep(starts={"third": START})),
        (
            (exited("first"), created("second")),
            InitStep(starts={"second": StartNow(0, 0, "second-0")}),
        ),
        (
            (exited("first"), exited("second", code=1)),
            InitStep(starts={"second": StartNow(1, 1), "third": START}),
        ),
        (
            (exited("first"), exited("second", 0, code=1), exited("second", 1, code=1)),
            InitStep(starts={"third": START}, back_offs={"second": WaitUntil(seconds(11), 10)}),
        ),
        (
            (running("main"), exited("second", code=0)),
            InitStep(done=True, starts={"second": StartNow(1, 1)}),
        ),
    ],
)
def test_a_sidecar_has_passed_once_started(
    containers: tuple[Container, ...], expected: InitStep
) -> None:
    assert _step(_pod(sidecar=True), *containers) == expected


def test_a_new_sandbox_begins_the_order_anew() -> None:
    found: Observed = observe(
        exited("first"),
        exited("second"),
        exited("third"),
        exited("main"),
        sandboxes=[sandbox(0, ready=False), sandbox(1)],
    )
    assert init_step(_pod(), found, seconds(2)) == InitStep(starts={"first": StartNow(1)})


def test_a_pod_without_init_containers_is_done() -> None:
    assert _step(make_pod()) == InitStep(done=True)
