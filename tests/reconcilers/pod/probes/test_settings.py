"""Which period holds for which probe."""

import pytest
from hypothesis import given, strategies as st

from kernel.objects.container import ExecAction, Probe
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.probes.settings import (
    PERIOD_ANNOTATION,
    period_problems,
    probe_settings,
)
from tests.reconcilers.pod.node_under_test import container, make_pod

PROBE = Probe(exec=ExecAction(command=["true"]), period_seconds=10)


def pod_with(annotation: str) -> Pod:
    web = container("web", readiness_probe=PROBE, liveness_probe=PROBE)
    proxy = container("proxy", restart_policy="Always", startup_probe=PROBE)
    pod = make_pod(web, container("plain"), init=(proxy,))
    pod.metadata.annotations = {PERIOD_ANNOTATION: annotation}
    return pod


def periods(pod: Pod) -> dict[str, float]:
    return {
        f"{one.name}.{setting.kind.value}": setting.period_seconds
        for one in (*pod.spec.containers, *pod.spec.init_containers)
        for setting in probe_settings(pod, one)
    }


@pytest.mark.parametrize(
    ("annotation", "readiness", "liveness", "startup"),
    [
        ("", 10, 10, 10),
        ("500", 0.5, 0.5, 0.5),
        ("web=200", 0.2, 0.2, 10),
        ("web.liveness=50", 10, 0.05, 10),
        ("web.liveness=50, web=200, 90000", 0.2, 0.05, 90),
        ("proxy.startup=10", 10, 10, 0.01),
    ],
)
def test_the_closest_period_holds(
    annotation: str, readiness: float, liveness: float, startup: float
) -> None:
    pod = pod_with(annotation)
    assert period_problems(pod) == []
    assert periods(pod) == {
        "web.readiness": readiness,
        "web.liveness": liveness,
        "proxy.startup": startup,
    }


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        ("soon", '"soon" must be a number of milliseconds from 10 to 3600000'),
        ("9", '"9" must be'),
        ("-100", '"-100" must be'),
        ("3600001", '"3600001" must be'),
        ("9" * 5000, "must be a number"),
        ("web=", '"web=" must be'),
        ("wep=100", '"wep=100" names no probe of this Pod'),
        ("plain=100", '"plain=100" names no probe'),
        ("web.startup=100", '"web.startup=100" names no probe'),
        ("=100", '"=100" names no probe'),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(annotation: str, problem: str) -> None:
    pod = pod_with(annotation)
    (said,) = period_problems(pod)
    assert said.startswith(f"annotation {PERIOD_ANNOTATION}: ")
    assert problem in said
    assert set(periods(pod).values()) == {10}


def test_the_rest_of_a_bad_annotation_holds() -> None:
    pod = pod_with("web=100,soon,proxy=200")
    assert len(period_problems(pod)) == 1
    assert set(periods(pod).values()) == {0.1, 0.2}


@given(st.text())
def test_no_annotation_breaks_it(annotation: str) -> None:
    pod = pod_with(annotation)
    period_problems(pod)
    assert all(0.01 <= seconds <= 3600 for seconds in periods(pod).values())
