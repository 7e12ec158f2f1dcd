"""podkernel is killed and comes back: what runs goes on, and what happened meanwhile is noticed."""

import pytest

from .conftest import StartKernel
from .harness import (
    Observer,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    restarts,
    wait_until,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_running_containers_are_adopted_after_a_kill(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container(), container(name="side")))
    before = kernel.pod_when("web", is_ready)
    process = observer.process_id(container_id(before))
    kernel.kill()
    assert observer.process_id(container_id(before)) == process
    kernel.start()
    # Whatever the agent does at its start, it has done once another Pod has come up after it.
    kernel.apply(pod("later", container()))
    kernel.pod_when("later", is_ready)
    after = kernel.pod("web")
    assert after["status"] == before["status"]
    assert observer.process_id(container_id(after)) == process
    assert set(observer.containers(after["metadata"]["uid"])) == {
        container_id(before),
        container_id(before, "side"),
    }


def test_what_exited_meanwhile_is_restarted(start_kernel: StartKernel, observer: Observer) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container(), container(name="side")))
    before = kernel.pod_when("web", is_ready)
    kernel.kill()
    observer.kill(container_id(before))
    kernel.start()
    after = kernel.pod_when("web", lambda pod: restarts(pod) == 1 and is_ready(pod))
    assert container_status(after)["lastState"]["terminated"]["exitCode"] == 137
    assert container_status(after, "side") == container_status(before, "side")


def test_a_deletion_that_a_kill_interrupted_goes_on(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    stubborn = container("trap '' TERM; while :; do sleep 1; done")
    kernel.apply(pod("web", stubborn, terminationGracePeriodSeconds=600))
    uid = kernel.pod_when("web", is_ready)["metadata"]["uid"]
    kernel.kubectl("delete", "pod", "web", "--wait=false")
    kernel.wait_for_event("web", "Killing")
    kernel.kill()
    kernel.start()
    assert kernel.pod("web")["metadata"]["deletionTimestamp"]
    kernel.kubectl("delete", "pod", "web", "--grace-period=1")
    assert observer.traces(uid, kernel.data_directory) == []


def test_what_runs_of_a_pod_that_is_gone_is_cleaned_up(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container("trap '' TERM; while :; do sleep 1; done")))
    uid = kernel.pod_when("web", is_ready)["metadata"]["uid"]
    kernel.kubectl("delete", "pod", "web", "--grace-period=0", "--force", "--wait=false")
    kernel.kill()
    assert observer.containers(uid)
    kernel.start()
    wait_until(lambda: not observer.traces(uid, kernel.data_directory), "something is left")


def test_kernels_on_the_same_containerd_leave_each_other_alone(
    start_kernel: StartKernel, observer: Observer
) -> None:
    one, other = start_kernel(), start_kernel()
    one.apply(pod("web", container()))
    other.apply(pod("web", container()))
    first, second = one.pod_when("web", is_ready), other.pod_when("web", is_ready)
    other.kill()
    other.start()
    one.kubectl("delete", "pod", "web")
    assert observer.traces(first["metadata"]["uid"], one.data_directory) == []
    one.stop()
    _runs_on(other, second, observer)


def _runs_on(kernel: PodKernel, before: dict[str, object], observer: Observer) -> None:
    kernel.apply(pod("later", container()))
    kernel.pod_when("later", is_ready)
    after = kernel.pod("web")
    assert after["status"] == before["status"]
    assert observer.process_id(container_id(after))


def test_pods_are_stopped_at_the_end_and_come_back(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container()))
    before = kernel.pod_when("web", is_ready)
    kernel.stop()
    with pytest.raises(ValueError, match="not enough values"):
        observer.process_id(container_id(before))
    kernel.start()
    after = kernel.pod_when("web", lambda pod: is_ready(pod) and restarts(pod) == 1)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_pods_are_kept_at_the_end_on_request(start_kernel: StartKernel, observer: Observer) -> None:
    kernel = start_kernel("--on-exit", "keep")
    kernel.apply(pod("web", container()))
    before = kernel.pod_when("web", is_ready)
    kernel.stop()
    assert observer.process_id(container_id(before))
    kernel.start()
    kernel.apply(pod("later", container()))
    kernel.pod_when("later", is_ready)
    assert kernel.pod("web")["status"] == before["status"]
    for identifier in (container_id(before), container_id(kernel.pod("later"))):
        observer.kill(identifier)
    kernel.kubectl("delete", "pods", "--all")
