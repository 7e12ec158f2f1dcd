"""podkernel or containerd end at the worst moments, and nothing runs twice, is lost or is left."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.containerd.daemon import Containerd

from .conftest import StartKernel
from .harness import (
    Observer,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    phase,
    restarts,
    wait_until,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

PODS = [f"pod-{number}" for number in range(4)]


def _wait_until_alone(observer: Observer, uid: str, container_id: str) -> None:
    """An init container may look as if it ran for a moment: containerd's CRI shows its end later
    than podkernel knows of it. A second main would go on."""
    wait_until(lambda: observer.running(uid) == [container_id], "another container runs")


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
            assert restarts(found, part) == 0, container_status(found, part)["lastState"]
        uid = found["metadata"]["uid"]
        assert container_id(found) in observer.containers(uid)
        _wait_until_alone(observer, uid, container_id(found))
        uids.append(uid)
    # Also of starts that the kill has cut off, nothing may be left, nor keep a Pod for ever.
    kernel.kubectl("delete", "pods", "--all")
    assert [trace for uid in uids for trace in observer.traces(uid, kernel.data_directory)] == []


@pytest.mark.parametrize("step", ["sandbox", "first made", "first ran", "main made", "main ran"])
def test_killed_at_each_step_nothing_runs_twice(
    start_kernel: StartKernel, observer: Observer, tmp_path: Path, step: str
) -> None:
    """A Pod that is never restarted must not be restarted, nor fail, because podkernel was."""
    trace = tmp_path / "trace"
    trace.touch()
    kernel = start_kernel()
    mounts = {"volumeMounts": [{"name": "trace", "mountPath": "/trace"}]}
    first, main = (
        container(f"echo {name} >>/trace; sleep 0.3", name, **mounts) for name in ("first", "main")
    )
    volume = {"name": "trace", "hostPath": {"path": str(trace)}}
    kernel.apply(pod("once", main, initContainers=[first], volumes=[volume], restartPolicy="Never"))
    uid = kernel.pod("once")["metadata"]["uid"]
    is_there: dict[str, Callable[[], bool]] = {
        "sandbox": lambda: bool(observer.sandboxes(uid)),
        "first made": lambda: len(observer.containers(uid)) == 1,
        "first ran": lambda: "first" in trace.read_text(),
        "main made": lambda: len(observer.containers(uid)) == 2,
        "main ran": lambda: "main" in trace.read_text(),
    }
    wait_until(is_there[step], f"{step} never came")
    kernel.kill()
    kernel.start()
    ended = kernel.pod_when("once", lambda pod: phase(pod) in ("Succeeded", "Failed"))
    assert phase(ended) == "Succeeded", ended["status"]
    assert [restarts(ended, name) for name in ("first", "main")] == [0, 0]
    assert trace.read_text().split() == ["first", "main"]
    kernel.kubectl("delete", "pod", "once")
    wait_until(lambda: not observer.traces(uid, kernel.data_directory), "something is left")


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
