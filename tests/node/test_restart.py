"""What ends by itself or is killed behind our back comes back, told by the runtime's events."""

import time

import pytest

from .conftest import StartKernel
from .harness import (
    RELIST_SECONDS,
    Observer,
    PodJson,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    phase,
    restarts,
    waiting_reason,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

REACTION_SECONDS_MAX = 10


def test_a_killed_process_is_restarted_at_once(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container()))
    before = kernel.pod_when("web", is_ready)
    observer.kill(container_id(before))
    killed_at = time.monotonic()
    after = kernel.pod_when("web", lambda pod: restarts(pod) == 1 and is_ready(pod))
    seen_at = time.monotonic()
    # The first relist is yet to come: it can't have been the reason.
    assert seen_at - kernel.started_at < RELIST_SECONDS
    assert seen_at - killed_at < REACTION_SECONDS_MAX

    status = container_status(after)
    last = status["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")
    assert last["containerID"] == f"containerd://{container_id(before)}"
    assert container_id(after) != container_id(before)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    listed = kernel.kubectl("get", "pods", "web").splitlines()[1].split()
    assert listed[:4] == ["web", "1/1", "Running", "1"]
    description = kernel.kubectl("describe", "pod", "web")
    assert "(x2 over" in description
    assert "Started container main" in description


def test_a_container_that_keeps_ending_backs_off(shared_kernel: PodKernel) -> None:
    shared_kernel.apply(pod("loop", container("echo this is the end; exit 3")))
    seen = shared_kernel.pod_when("loop", lambda pod: waiting_reason(pod) == "CrashLoopBackOff")
    status = container_status(seen)
    assert status["restartCount"] >= 1
    assert status["lastState"]["terminated"]["exitCode"] == 3
    message = status["state"]["waiting"]["message"]
    uid = seen["metadata"]["uid"]
    assert message == (f"back-off 10s restarting failed container=main pod=loop_default({uid})")
    said = shared_kernel.wait_for_event("loop", "BackOff")
    assert said == f"Back-off restarting failed container main in pod loop_default({uid})"
    assert shared_kernel.kubectl("logs", "loop", "--previous") == "this is the end\n"
    assert shared_kernel.kubectl("get", "pods", "loop").splitlines()[1].split()[2] == (
        "CrashLoopBackOff"
    )
    again = shared_kernel.pod_when("loop", lambda pod: restarts(pod) == status["restartCount"] + 1)
    assert phase(again) == "Running"
    shared_kernel.kubectl("delete", "pod", "loop")


def test_a_sandbox_whose_pause_process_is_killed_is_made_anew(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container()))
    before = kernel.pod_when("web", is_ready)
    (sandbox,) = observer.sandboxes(before["metadata"]["uid"])
    observer.kill(sandbox)
    after = _recovered(kernel, before)
    assert restarts(after) == 1
    assert time.monotonic() - kernel.started_at < RELIST_SECONDS


def test_a_sandbox_that_is_removed_is_made_anew(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("web", container()))
    before = kernel.pod_when("web", is_ready)
    (sandbox,) = observer.sandboxes(before["metadata"]["uid"])
    observer.remove_sandbox(sandbox)
    _recovered(kernel, before)
    assert time.monotonic() - kernel.started_at < RELIST_SECONDS


def _recovered(kernel: PodKernel, before: PodJson) -> PodJson:
    """The Pod once it runs again, in another sandbox."""
    after = kernel.pod_when(
        "web", lambda pod: is_ready(pod) and container_id(pod) != container_id(before)
    )
    assert kernel.wait_for_event("web", "SandboxChanged") == (
        "Pod sandbox changed, it will be killed and re-created."
    )
    return after
