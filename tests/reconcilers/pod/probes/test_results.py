"""What probes' results mean for a container, its status and the plan."""

import pytest

from kernel.cri.runtime import Container as Run
from kernel.objects.container import ExecAction, Probe
from kernel.objects.pod import Container
from kernel.objects.pod_status import ContainerStatus
from kernel.reconcilers.pod.decisions.plan import Plan, Stop, plan_pod
from kernel.reconcilers.pod.decisions.restart import StartNow
from kernel.reconcilers.pod.observe import Observed, observed
from kernel.reconcilers.pod.probes.results import (
    ProbeKind,
    ProbeResults,
    failed_probe,
    is_ready,
    is_started,
)
from tests.reconcilers.pod.made_up import created, exited, running, sandbox, seconds
from tests.reconcilers.pod.node_under_test import container, make_pod

PROBE = Probe(exec=ExecAction(command=["true"]))
PLAIN = container()
READINESS = container(readiness_probe=PROBE)
STARTUP = container(startup_probe=PROBE)
BOTH = container(startup_probe=PROBE, readiness_probe=PROBE)

Known = ProbeResults


@pytest.mark.parametrize(
    ("spec", "run", "known", "started", "ready"),
    [
        (PLAIN, None, Known(), False, False),
        (PLAIN, created("main"), Known(), False, False),
        (PLAIN, exited("main"), Known(), False, False),
        (PLAIN, running("main"), Known(), True, True),
        (READINESS, running("main"), Known(), True, False),
        (READINESS, running("main"), Known(readiness=True), True, True),
        (READINESS, running("main"), Known(readiness=False), True, False),
        (READINESS, exited("main"), Known(readiness=True), False, False),
        (STARTUP, running("main"), Known(), False, False),
        (STARTUP, running("main"), Known(startup=True), True, True),
        (STARTUP, running("main"), Known(startup=False), False, False),
        (BOTH, running("main"), Known(startup=True), True, False),
        (BOTH, running("main"), Known(readiness=True), False, False),
        (BOTH, running("main"), Known(startup=True, readiness=True), True, True),
    ],
)
def test_started_and_ready(
    spec: Container, run: Run | None, known: ProbeResults, started: bool, ready: bool
) -> None:
    pod, results = make_pod(spec), {"main-0": known}
    assert is_started(pod, spec, run, results) is started
    assert is_ready(pod, spec, run, results) is ready


@pytest.mark.parametrize(
    ("container_id", "known", "ready"),
    [
        ("simulated://main-0", ProbeResults(), True),
        ("simulated://main-9", ProbeResults(), False),
        ("simulated://main-0", ProbeResults(readiness=False), False),
        ("simulated://main-0", ProbeResults(startup=False), False),
    ],
)
def test_the_status_of_the_same_container_stands_in_for_results(
    container_id: str, known: ProbeResults, ready: bool
) -> None:
    pod = make_pod(BOTH)
    status = ContainerStatus(name="main", container_id=container_id, started=True, ready=True)
    pod.status.container_statuses = [status]
    assert is_ready(pod, BOTH, running("main"), {"main-0": known}) is ready


@pytest.mark.parametrize(
    ("known", "failed"),
    [
        (ProbeResults(), None),
        (ProbeResults(startup=True, readiness=False, liveness=True), None),
        (ProbeResults(startup=False), ProbeKind.STARTUP),
        (ProbeResults(startup=True, liveness=False), ProbeKind.LIVENESS),
    ],
)
def test_readiness_ends_nothing(known: ProbeResults, failed: ProbeKind | None) -> None:
    spec = container(startup_probe=PROBE, readiness_probe=PROBE, liveness_probe=PROBE)
    assert failed_probe(spec, running("main"), {"main-0": known}) is failed
    assert failed_probe(PLAIN, running("main"), {"main-0": known}) is None


def seen(*runs: Run, **results: ProbeResults) -> Observed:
    """One ready sandbox, with results by container name."""
    by_id = {f"{name}-0": known for name, known in results.items()}
    found = observed([sandbox()], list(runs))
    return Observed(found.sandboxes, found.containers, by_id)


def test_what_fails_its_probe_is_stopped_with_the_probe_s_grace() -> None:
    probe = Probe(exec=ExecAction(command=["true"]), termination_grace_period_seconds=3)
    pod = make_pod(container("main", liveness_probe=probe), container("other"))
    main = running("main")
    found = seen(main, running("other"), main=ProbeResults(liveness=False))
    message = "Container main failed liveness probe, will be restarted"
    assert plan_pod(pod, found, seconds(2)) == Plan(
        stops=(Stop(main, message, 3),), initialized=True
    )


def test_what_follows_a_sidecar_waits_for_its_startup_probe() -> None:
    proxy = container("proxy", restart_policy="Always", startup_probe=PROBE)
    pod = make_pod(container("main"), init=(proxy, container("init")))
    run = running("proxy")
    assert plan_pod(pod, seen(run), seconds(2)) == Plan()
    passed = plan_pod(pod, seen(run, proxy=ProbeResults(startup=True)), seconds(2))
    assert passed == Plan(starts={"init": StartNow()})
    failed = plan_pod(pod, seen(run, proxy=ProbeResults(startup=False)), seconds(2))
    assert failed == Plan(stops=(Stop(run, "Init container proxy failed startup probe"),))


def test_a_sidecar_that_is_restarted_holds_nothing_back_that_runs() -> None:
    proxy = container("proxy", restart_policy="Always", startup_probe=PROBE)
    pod = make_pod(container("main"), init=(proxy,))
    plan = plan_pod(pod, seen(running("proxy", 1), running("main")), seconds(2))
    assert plan == Plan(initialized=True)
