"""podkernel or containerd end at the worst moments, and nothing runs twice, is lost or is left."""

import time

import pytest

from tests.containerd.daemon import Containerd

from .conftest import StartKernel
from .harness import (
    Observer,
    PodJson,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    restarts,
    wait_until,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

PODS = [f"pod-{number}" for number in range(4)]


@pytest.mark.parametrize("delay_seconds", [0.0, 0.1, 0.2, 0.35, 0.5])
def test_killed_while_pods_come_up(
    start_kernel: StartKernel, observer: Observer, delay_seconds: float
) -> None:
    kernel = start_kernel()
    first = container("exit 0", "first")
    kernel.apply(*(pod(name, container(), initContainers=[first]) for name in PODS))
    # Not a wait for something: the moment of the crash is what the test varies.
    time.sleep(delay_seconds)
    kernel.kill()
    kernel.start()
    uids = []
    for name in PODS:
        found = kernel.pod_when(name, is_ready)
        for part in ("main", "first"):
            assert restarts(found, part) == _interrupted_starts(found, part)
        uid = found["metadata"]["uid"]
        assert container_id(found) in observer.containers(uid)
        assert len(observer.running(uid)) == 1
        uids.append(uid)
    # Also of starts that the kill has cut off, nothing may be left, nor keep a Pod for ever.
    kernel.kubectl("delete", "pods", "--all")
    assert [trace for uid in uids for trace in observer.traces(uid, kernel.data_directory)] == []


def _interrupted_starts(pod: PodJson, name: str) -> int:
    """containerd gives up a start when the process that asked for it dies: that run has failed."""
    last = container_status(pod, name)["lastState"].get("terminated", {})
    return int(last.get("reason") == "StartError" and "startedAt" not in last)


@pytest.mark.parametrize("delay_seconds", [0.0, 0.1, 0.3])
def test_killed_while_pods_go_down(
    start_kernel: StartKernel, observer: Observer, delay_seconds: float
) -> None:
    kernel = start_kernel()
    kernel.apply(*(pod(name, container()) for name in PODS))
    uids = [kernel.pod_when(name, is_ready)["metadata"]["uid"] for name in PODS]
    kernel.kubectl("delete", "pods", "--all", "--wait=false")
    time.sleep(delay_seconds)
    kernel.kill()
    kernel.start()
    kernel.kubectl("wait", "pods", "--all", "--for=delete", "--timeout=30s")
    for uid in uids:
        assert observer.traces(uid, kernel.data_directory) == []


def test_a_restart_of_containerd_is_survived(
    start_kernel: StartKernel, observer: Observer, containerd: Containerd
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container(), container(name="side")))
    before = kernel.pod_when("web", is_ready)
    process = observer.process_id(container_id(before, "side"))
    containerd.stop()
    observer.end(process)
    containerd.start()
    after = kernel.pod_when("web", lambda pod: restarts(pod, "side") == 1 and is_ready(pod))
    assert container_status(after) == container_status(before)
    kernel.apply(pod("later", container()))
    kernel.pod_when("later", is_ready)


def test_a_pod_is_made_anew_under_the_same_name(
    shared_kernel: PodKernel, observer: Observer
) -> None:
    shared_kernel.apply(pod("again", container("trap '' TERM; while :; do sleep 1; done")))
    first = shared_kernel.pod_when("again", is_ready)["metadata"]["uid"]
    shared_kernel.kubectl("delete", "pod", "again", "--grace-period=0", "--force")
    shared_kernel.apply(pod("again", container()))
    second = shared_kernel.pod_when("again", is_ready)["metadata"]["uid"]
    assert second != first
    wait_until(
        lambda: not observer.traces(first, shared_kernel.data_directory), "the first one is left"
    )
    assert len(observer.running(second)) == 1
    shared_kernel.kubectl("delete", "pod", "again")
