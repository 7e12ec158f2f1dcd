"""Hooks, the order of ends, a deadline and a debugger, on the process runtime."""

import json
from pathlib import Path
from typing import Any

import pytest

from .harness import Kubectl, Place, eventually
from .manifests import pod

pytestmark = pytest.mark.kubectl

MESSAGE = "Pod was active on the node longer than the specified deadline"


def container(name: str, **more: Any) -> dict[str, Any]:
    script = f"trap 'echo {name} >> /out/order; exit 0' TERM; while :; do sleep 0.1; done"
    mounts = [{"name": "out", "mountPath": "/out"}]
    command = ["sh", "-c", script]
    return {"name": name, "image": "busybox", "command": command, "volumeMounts": mounts, **more}


def writes(words: str) -> dict[str, Any]:
    return {"exec": {"command": ["sh", "-c", f"echo {words} >> /out/order"]}}


def whole_pod(out: Path) -> str:
    hooks = {"postStart": writes("postStart"), "preStop": writes("preStop")}
    spec = {
        "initContainers": [container(name, restartPolicy="Always") for name in ("first", "second")],
        "containers": [container("main", lifecycle=hooks)],
        "volumes": [{"name": "out", "hostPath": {"path": str(out)}}],
        "activeDeadlineSeconds": 600,
    }
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "whole"}, "spec": spec}
    return json.dumps(manifest)


LIFE = ["postStart", "preStop", "main", "second", "first"]


def test_a_pod_s_life_from_its_first_hook_to_its_deadline(here: Place, kubectl: Kubectl) -> None:
    here.start()
    out = here.directory_of("out")
    kubectl("apply", "-f", "-", stdin=whole_pod(out))
    kubectl.wait_status("whole", "Running")
    assert (out / "order").read_text() == "postStart\n"
    script = "grep -q trap /proc/1/cmdline && echo found"
    kubectl(
        *("debug", "whole", "--image=busybox", "--target=main", "-c", "debugger"),
        *("--", "sh", "-c", script),
    )
    eventually(
        lambda: "found" in kubectl("logs", "whole", "-c", "debugger", "--ignore-errors"),
        "the debugger is among the processes of main",
    )
    kubectl("patch", "pod", "whole", "-p", '{"spec": {"activeDeadlineSeconds": 1}}')
    kubectl("wait", "pod/whole", "--for=jsonpath={.status.phase}=Failed", "--timeout=20s")
    status = kubectl.pod("whole")["status"]
    assert (status["reason"], status["message"]) == ("DeadlineExceeded", MESSAGE)
    assert (out / "order").read_text().split() == LIFE
    eventually(lambda: "DeadlineExceeded" in kubectl.event_reasons("whole"), "the Event")


def test_the_end_of_the_server_is_an_end_in_order(here: Place, kubectl: Kubectl) -> None:
    server = here.start()
    out = here.directory_of("out")
    kubectl("apply", "-f", "-", stdin=whole_pod(out))
    kubectl.wait_status("whole", "Running")
    assert server.stop() == 0
    assert (out / "order").read_text().split() == LIFE


def test_readiness_gates_and_generations(here: Place, kubectl: Kubectl) -> None:
    here.start()
    gate = "readinessGates: [{conditionType: example.dev/loaded}]"
    kubectl("apply", "-f", "-", stdin=pod("gated", more=gate))
    kubectl.wait_status("gated", "Running")
    ready = _condition(kubectl, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    loaded = {"type": "example.dev/loaded", "status": "True"}
    patch = json.dumps({"status": {"conditions": [loaded]}})
    kubectl("patch", "pod", "gated", "--subresource=status", "-p", patch)
    kubectl("wait", "pod/gated", "--for=condition=Ready", "--timeout=20s")
    kubectl("patch", "pod", "gated", "-p", '{"spec": {"activeDeadlineSeconds": 900}}')
    seen = "jsonpath={.status.observedGeneration}=2"
    kubectl("wait", "pod/gated", f"--for={seen}", "--timeout=20s")
    assert kubectl.pod("gated")["metadata"]["generation"] == 2
    assert _condition(kubectl, "Ready")["observedGeneration"] == 2


def _condition(kubectl: Kubectl, type: str) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = kubectl.pod("gated")["status"]["conditions"]
    return next(one for one in conditions if one["type"] == type)
