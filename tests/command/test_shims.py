"""What becomes of Pods on the process runtime whose processes are killed from outside."""

import os
import signal

import pytest

from .harness import Kubectl, Place, processes_of
from .manifests import pod

pytestmark = pytest.mark.kubectl


def test_a_pod_whose_shim_is_killed_runs_again(here: Place, kubectl: Kubectl) -> None:
    here.start()
    mark = here.directory / "mark"
    script = f"(while :; do sleep 0.1; done) & while :; do sleep 0.1; done # {mark}"
    kubectl("apply", "-f", "-", stdin=pod("web", script))
    kubectl.wait_status("web", "Running")
    (shim,) = processes_of(str(here.data / "process" / "sandboxes"))
    before = set(processes_of(str(mark)))
    os.kill(shim, signal.SIGKILL)
    kubectl("wait", "pod/web", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1")
    kubectl.wait_status("web", "Running")
    last = kubectl.pod("web")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["reason"], last["exitCode"]) == ("ContainerStatusUnknown", 137)
    assert "SandboxChanged" in kubectl.event_reasons("web")
    assert before.isdisjoint(processes_of(str(mark)))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_who_needs_more_memory_than_it_may_have_is_killed_and_it_is_told(
    here: Place, kubectl: Kubectl
) -> None:
    here.start()
    manifest = pod("hungry", "exec tail /dev/zero", more="restartPolicy: Never").replace(
        "    command:", "    resources: {limits: {memory: 32Mi}}\n    command:"
    )
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl.wait_status("hungry", "OOMKilled")
    status = kubectl.pod("hungry")["status"]
    assert status["phase"] == "Failed"
    (ended,) = (each["state"]["terminated"] for each in status["containerStatuses"])
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
