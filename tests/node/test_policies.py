"""Init containers that fail, and Pods that are not restarted."""

import pytest

from .harness import PodKernel, container_status, phase, restarts, waiting_reason
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def _shown(kernel: PodKernel, name: str) -> str:
    """The STATUS that kubectl shows."""
    return kernel.kubectl("get", "pods", name).splitlines()[1].split()[2]


def test_an_init_container_that_fails_backs_off(shared_kernel: PodKernel) -> None:
    first, second = container("exit 0", "first"), container("exit 7", "second")
    manifest = pod("init-loop", container(), initContainers=[first, second])
    with shared_kernel.printing("get", "pods", "--watch") as watch:
        shared_kernel.apply(manifest)
        lines = watch.cells_until("init-loop", "0/1", "Init:CrashLoopBackOff")
    statuses = [cells[2] for cells in lines if cells[0] == "init-loop"]
    assert list(dict.fromkeys(statuses)) == [
        *("Pending", "Init:0/2", "Init:1/2", "Init:Error", "Init:CrashLoopBackOff"),
    ]
    shown = shared_kernel.pod_when("init-loop", lambda pod: restarts(pod, "second") >= 1)
    status = container_status(shown, "second")
    assert (status["lastState"].get("terminated") or status["state"]["terminated"])["exitCode"] == 7
    assert container_status(shown, "first")["state"]["terminated"]["reason"] == "Completed"
    assert waiting_reason(shown) == "PodInitializing"
    assert phase(shown) == "Pending"
    shared_kernel.wait_for_event("init-loop", "BackOff", "restarting failed container second")
    shared_kernel.kubectl("delete", "pod", "init-loop")


def test_an_init_container_that_fails_ends_a_pod_that_never_restarts(
    shared_kernel: PodKernel,
) -> None:
    failing = container("exit 7", "first")
    shared_kernel.apply(
        pod("init-end", container(), initContainers=[failing], restartPolicy="Never")
    )
    ended = shared_kernel.pod_when("init-end", lambda pod: phase(pod) == "Failed")
    assert container_status(ended, "first")["state"]["terminated"]["exitCode"] == 7
    assert restarts(ended, "first") == 0
    assert "started" not in str(container_status(ended)["state"])
    assert _shown(shared_kernel, "init-end") == "Init:Error"


@pytest.mark.parametrize(
    ("name", "script", "ends_as", "shown"),
    [
        ("never-ok", "exit 0", "Succeeded", "Completed"),
        ("never-bad", "exit 3", "Failed", "Error"),
    ],
)
def test_a_pod_that_is_never_restarted(
    shared_kernel: PodKernel, name: str, script: str, ends_as: str, shown: str
) -> None:
    shared_kernel.apply(pod(name, container(f"echo said; {script}"), restartPolicy="Never"))
    ended = shared_kernel.pod_when(name, lambda pod: phase(pod) in ("Succeeded", "Failed"))
    assert phase(ended) == ends_as
    assert restarts(ended) == 0
    assert _shown(shared_kernel, name) == shown
    assert shared_kernel.kubectl("logs", name) == "said\n"


def test_a_pod_that_is_restarted_on_failure_ends_with_success(shared_kernel: PodKernel) -> None:
    script = "[ -e /seen/before ] && exit 0; touch /seen/before; exit 4"
    main = container(script, volumeMounts=[{"name": "seen", "mountPath": "/seen"}])
    volumes = [{"name": "seen", "emptyDir": {}}]
    shared_kernel.apply(pod("on-failure", main, restartPolicy="OnFailure", volumes=volumes))
    ended = shared_kernel.pod_when("on-failure", lambda pod: phase(pod) == "Succeeded")
    status = container_status(ended)
    assert status["restartCount"] == 1
    assert status["state"]["terminated"]["exitCode"] == 0
    assert status["lastState"]["terminated"]["exitCode"] == 4


def test_a_rule_restarts_a_container_of_a_pod_that_is_never_restarted(
    shared_kernel: PodKernel,
) -> None:
    data = {"name": "data", "mountPath": "/data"}
    script = "echo run >> /data/runs; [ $(wc -l < /data/runs) -ge 2 ] && exit 1; exit 42"
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    ruled = container(script, volumeMounts=[data], restartPolicy="Never", restartPolicyRules=rules)
    patient = container("exit 0", "patient", restartPolicy="OnFailure")
    volumes = [{"name": "data", "emptyDir": {}}]
    shared_kernel.apply(pod("ruled", ruled, patient, volumes=volumes, restartPolicy="Never"))
    ended = shared_kernel.pod_when("ruled", lambda pod: phase(pod) == "Failed")
    assert restarts(ended) == 1
    assert container_status(ended)["lastState"]["terminated"]["exitCode"] == 42
    assert container_status(ended)["state"]["terminated"]["exitCode"] == 1
    assert restarts(ended, "patient") == 0
    assert not [one for one in shared_kernel.events("ruled") if one[0] == "Unsupported"]
