"""Hooks, the order of ends, deadlines and ephemeral containers, with kubectl on containerd."""

import time
from pathlib import Path
from typing import Any

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
    waiting_reason,
)
from .manifests import SLEEP, container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

LIFECYCLE_DEMO = """\
apiVersion: v1
kind: Pod
metadata:
  name: lifecycle-demo
spec:
  containers:
  - name: lifecycle-demo-container
    image: nginx
    imagePullPolicy: IfNotPresent
    lifecycle:
      postStart:
        exec:
          command: ["/bin/sh", "-c", "echo hello from the postStart handler > /usr/share/message"]
      preStop:
        exec:
          command: ["/usr/sbin/nginx", "-s", "quit"]
"""
"""The Pod of the study notes; its image is here already."""


def executes(*command: str) -> dict[str, Any]:
    return {"exec": {"command": list(command)}}


def shared_host_path(directory: Path) -> dict[str, Any]:
    return {"name": "host", "hostPath": {"path": str(directory), "type": "Directory"}}


MOUNTS = [{"name": "host", "mountPath": "/srv"}]


def test_the_hooks_of_the_study_notes(shared_kernel: PodKernel, containerd: Containerd) -> None:
    shared_kernel.apply(LIFECYCLE_DEMO)
    found = shared_kernel.pod_when("lifecycle-demo", is_ready)
    main = container_id(found, "lifecycle-demo-container")
    message = containerd.ctr(
        "tasks", "exec", "--exec-id", "look", main, "cat", "/usr/share/message"
    )
    assert message == "hello from the postStart handler\n"
    with shared_kernel.printing("logs", "--follow", "lifecycle-demo") as log:
        began = time.monotonic()
        shared_kernel.kubectl("delete", "pod", "lifecycle-demo")
        assert time.monotonic() - began < 10
        log.cells_until("quit")
    events = shared_kernel.events("lifecycle-demo")
    assert [reason for reason, _ in events] == [
        "Scheduled",
        "Pulled",
        "Created",
        "Started",
        "Killing",
    ], events


def test_a_failing_post_start_hook_is_a_back_off(shared_kernel: PodKernel) -> None:
    hook = executes("sh", "-c", "echo half; exit 3")
    initial = {"podkernel.dev/crash-loop-back-off-initial-seconds": "0.7"}
    main = container(lifecycle={"postStart": hook})
    shared_kernel.apply(pod("hooked", main, metadata={"annotations": initial}))
    seen: list[str] = []
    for state in shared_kernel.pod_states("hooked", 30):
        reason = waiting_reason(state)
        if reason and [reason] != seen[-1:]:
            seen.append(reason)
        if reason == "PostStartHookError":
            message = container_status(state)["state"]["waiting"]["message"]
        if reason == "CrashLoopBackOff":
            break
    assert seen.index("PostStartHookError") < seen.index("CrashLoopBackOff")
    uid = state["metadata"]["uid"]
    assert message == (
        'Exec lifecycle hook ([sh -c echo half; exit 3]) for Container "main" in Pod'
        f" \"hooked_default({uid})\" failed - error: command 'sh -c echo half; exit 3' exited"
        ' with 3: , message: "half\\n"'
    )
    waiting = container_status(state)["state"]["waiting"]
    in_words = f"hooked_default({uid})"
    assert waiting["message"] == f"back-off 700ms restarting failed container=main pod={in_words}"
    events = shared_kernel.events("hooked")
    assert ("FailedPostStartHook", "PostStartHook failed") in events
    assert ("Killing", "FailedPostStartHook") in events
    shared_kernel.pod_when("hooked", lambda state: restarts(state) >= 2)
    shared_kernel.kubectl("delete", "pod", "hooked")


def test_a_pre_stop_hook_asks_over_http(shared_kernel: PodKernel, tmp_path: Path) -> None:
    answer = "printf 'HTTP/1.1 500 Oh\\r\\nContent-Length: 0\\r\\n\\r\\n'"
    script = f"{answer} | nc -l -p 8080 > /srv/request; {SLEEP}"
    headers = [{"name": "X-Reason", "value": "stop"}]
    hook = {"httpGet": {"path": "/bye", "port": "web", "httpHeaders": headers}}
    main = container(
        script,
        volumeMounts=MOUNTS,
        lifecycle={"preStop": hook},
        ports=[{"name": "web", "containerPort": 8080}],
    )
    shared_kernel.apply(
        pod("asked", main, volumes=[shared_host_path(tmp_path)], terminationGracePeriodSeconds=20)
    )
    shared_kernel.pod_when("asked", is_ready)
    wait_until((tmp_path / "request").exists, "nobody listens")
    shared_kernel.kubectl("delete", "pod", "asked")
    request = (tmp_path / "request").read_text()
    assert request.startswith("GET /bye HTTP/1.1")
    assert "X-Reason: stop" in request
    assert "User-Agent: kube-lifecycle/" in request
    assert "FailedPreStopHook" not in dict(shared_kernel.events("asked"))


def test_a_whole_pod_ends_in_order(shared_kernel: PodKernel, tmp_path: Path) -> None:
    def writes(name: str, **more: Any) -> dict[str, Any]:
        script = (
            f"trap 'sleep 0.3; echo {name} >> /srv/order; exit 0' TERM;"
            " while :; do sleep 1 & wait; done"
        )
        return container(script, name, volumeMounts=MOUNTS, **more)

    hook = {"preStop": executes("sh", "-c", "sleep 0.2; echo hook >> /srv/order")}
    sidecars = [writes(name, restartPolicy="Always") for name in ("first", "second")]
    main = writes("main", lifecycle=hook)
    shared_kernel.apply(
        pod(
            "ordered",
            main,
            initContainers=sidecars,
            volumes=[shared_host_path(tmp_path)],
            terminationGracePeriodSeconds=20,
        )
    )
    shared_kernel.pod_when("ordered", is_ready)
    shared_kernel.kubectl("delete", "pod", "ordered")
    assert (tmp_path / "order").read_text().split() == ["hook", "main", "second", "first"]


def test_a_hook_that_outlives_the_grace_is_cut(shared_kernel: PodKernel) -> None:
    main = container("trap '' TERM; sleep 600", lifecycle={"preStop": executes("sleep", "600")})
    shared_kernel.apply(pod("cut", main))
    shared_kernel.pod_when("cut", is_ready)
    began = time.monotonic()
    shared_kernel.kubectl("delete", "pod", "cut")
    # The grace of a second, and the two that are always left after a hook.
    assert 3 <= time.monotonic() - began < 10
    assert ("FailedPreStopHook", "PreStopHook failed") in shared_kernel.events("cut")


def test_a_pod_past_its_deadline_fails(start_kernel: StartKernel, observer: Observer) -> None:
    kernel = start_kernel()
    kernel.apply(pod("late", container(), activeDeadlineSeconds=4, restartPolicy="Never"))
    found = kernel.pod_when("late", is_ready)
    kernel.kill()
    kernel.start()
    ended = kernel.pod_when("late", lambda state: phase(state) == "Failed")
    message = "Pod was active on the node longer than the specified deadline"
    assert (ended["status"]["reason"], ended["status"]["message"]) == ("DeadlineExceeded", message)
    assert container_id(ended) == container_id(found)
    assert container_status(ended)["state"]["terminated"]["exitCode"] == 0
    assert ("DeadlineExceeded", message) in kernel.events("late")
    assert observer.running(ended["metadata"]["uid"]) == []


def test_a_debugger_is_among_the_processes_of_its_target(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    kernel.apply(pod("debugged", container(f"echo here; {SLEEP}")))
    kernel.pod_when("debugged", is_ready)
    script = "grep -q 'echo here' /proc/1/cmdline && echo found; exit 5"
    kernel.kubectl(
        *("debug", "debugged", "--image=busybox", "--image-pull-policy=IfNotPresent"),
        *("--target=main", "--container=debugger", "--", "sh", "-c", script),
    )

    def debugger(state: dict[str, Any]) -> dict[str, Any]:
        statuses = state["status"].get("ephemeralContainerStatuses", [{}])
        found: dict[str, Any] = statuses[0].get("state", {}).get("terminated", {})
        return found

    ended = kernel.pod_when("debugged", lambda state: bool(debugger(state)))
    assert (debugger(ended)["exitCode"], debugger(ended)["reason"]) == (5, "Error")
    assert kernel.kubectl("logs", "debugged", "-c", "debugger") == "found\n"
    assert is_ready(ended)
    started = kernel.wait_for_event("debugged", "Started", "debugger")
    assert started == "Started container debugger"
    kernel.kill()
    kernel.start()
    again = kernel.pod("debugged")
    assert debugger(again) == debugger(ended)
    assert len(observer.containers(again["metadata"]["uid"])) == 2
