"""Pods that exit, wait, end and are placed, through kubectl, on the process runtime."""

import re
import time

import pytest

from .harness import Kubectl, Place, eventually, processes_of
from .manifests import pod

pytestmark = pytest.mark.kubectl


def test_a_container_that_exits_is_restarted_with_back_off(here: Place, kubectl: Kubectl) -> None:
    here.start()
    script = "echo run at $(date +%s.%N); exit 3"
    kubectl("apply", "-f", "-", stdin=pod("crashing", script))
    kubectl.wait_status("crashing", "CrashLoopBackOff")
    status = kubectl.pod("crashing")["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3
    eventually(lambda: "BackOff" in kubectl.event_reasons("crashing"), "the Event")
    described = kubectl("describe", "pod", "crashing")
    assert re.search(
        r"Warning +BackOff .*Back-off restarting failed container main in pod crashing_default",
        described,
    )
    assert "Last State:     Terminated" in described
    assert kubectl("logs", "crashing", "--previous").startswith("run at ")
    assert kubectl.row("pod", "crashing")[3] == "1"


def test_a_second_run_follows_the_first_at_once(here: Place, kubectl: Kubectl) -> None:
    """The decision comes from the exit's event: the first restart waits for nothing."""
    here.start()
    gate = here.directory_of("gate")
    script = "until [ -e /gate/open ]; do sleep 0.02; done; rm /gate/open; exit 1"
    volumes = f"volumes: [{{name: gate, hostPath: {{path: {gate}}}}}]"
    manifest = pod("once", script, more=volumes).replace(
        "    command:", "    volumeMounts: [{name: gate, mountPath: /gate}]\n    command:"
    )
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl.wait_status("once", "Running")
    (gate / "open").touch()
    began = time.monotonic()
    kubectl("wait", "pod/once", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1")
    assert time.monotonic() - began < 3
    kubectl.wait_status("once", "Running")


@pytest.mark.parametrize(
    ("code", "word", "phase"), [(0, "Completed", "Succeeded"), (4, "Error", "Failed")]
)
def test_a_pod_that_is_not_restarted_ends(
    here: Place, kubectl: Kubectl, code: int, word: str, phase: str
) -> None:
    here.start()
    manifest = pod("job", f"echo done; exit {code}", more="restartPolicy: Never")
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl.wait_status("job", word)
    found = kubectl.pod("job")["status"]
    assert found["phase"] == phase
    assert found["containerStatuses"][0]["state"]["terminated"]["exitCode"] == code
    assert found["containerStatuses"][0]["restartCount"] == 0
    assert kubectl("logs", "job") == "done\n"


def test_a_deleted_pod_gets_its_grace(here: Place, kubectl: Kubectl) -> None:
    here.start()
    last_words = here.directory_of("out")
    script = "trap 'sleep 0.3; echo bye > /out/words; exit 0' TERM; sleep 1000 & wait; sleep 1000"
    manifest = pod(
        "leaving", script, more=f"volumes: [{{name: out, hostPath: {{path: {last_words}}}}}]"
    ).replace("    command:", "    volumeMounts: [{name: out, mountPath: /out}]\n    command:")
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl.wait_status("leaving", "Running")
    began = time.monotonic()
    kubectl("delete", "pod", "leaving")
    assert time.monotonic() - began < 2
    assert (last_words / "words").read_text() == "bye\n"
    assert not kubectl.row("pod", "leaving")
    eventually(lambda: not processes_of(str(here.data / "process")), "no shim stays")


def test_a_pod_that_does_not_listen_is_killed_after_its_grace(
    here: Place, kubectl: Kubectl
) -> None:
    here.start()
    manifest = pod("deaf", "trap '' TERM; while true; do sleep 0.1; done")
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl.wait_status("deaf", "Running")
    began = time.monotonic()
    kubectl("delete", "pod", "deaf", "--grace-period=1")
    assert 0.9 < time.monotonic() - began < 4


def test_a_pod_that_fits_nowhere_stays_pending(here: Place, kubectl: Kubectl) -> None:
    here.start()
    selector = "nodeSelector: {disk: ssd}"
    kubectl("apply", "-f", "-", stdin=pod("homeless", more=selector))
    eventually(lambda: kubectl.event_reasons("homeless"), "an Event")
    described = kubectl("describe", "pod", "homeless")
    assert "FailedScheduling" in described
    words = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    assert words in described
    assert kubectl.row("pod", "homeless")[2] == "Pending"

    node = kubectl("get", "nodes", "-o", "name").strip()
    kubectl("label", node, "disk=ssd")
    kubectl.wait_status("homeless", "Running")


def test_pods_that_want_one_host_port_wait_for_each_other(here: Place, kubectl: Kubectl) -> None:
    here.start()
    manifests = [
        pod(name).replace(
            "    command:", "    ports: [{containerPort: 80, hostPort: 18453}]\n    command:"
        )
        for name in ("first", "second")
    ]
    kubectl("apply", "-f", "-", stdin=manifests[0])
    kubectl.wait_status("first", "Running")
    kubectl("apply", "-f", "-", stdin=manifests[1])
    eventually(lambda: kubectl.event_reasons("second"), "an Event")
    assert "didn't have free ports" in kubectl("describe", "pod", "second")
    kubectl("delete", "pod", "first")
    kubectl.wait_status("second", "Running")


def test_many_pods_by_file_label_and_name(here: Place, kubectl: Kubectl) -> None:
    here.start()
    names = ("one", "two", "three")
    manifest = here.write("pods.yaml", "---\n".join(map(pod, names)))
    assert kubectl("apply", "-f", manifest).splitlines() == [f"pod/{one} created" for one in names]
    kubectl("wait", "--for=condition=Ready", "pods", "--all", "--timeout=20s")
    kubectl("label", "pods", "one", "two", "side=left")
    kubectl("annotate", "pod", "three", "note=kept")
    assert [row.split()[0] for row in _rows(kubectl, "-l", "side=left")] == ["one", "two"]
    assert kubectl("apply", "-f", manifest).splitlines() == [
        f"pod/{one} unchanged" for one in names
    ]
    kubectl("delete", "pods", "-l", "side=left")
    assert [row.split()[0] for row in _rows(kubectl)] == ["three"]
    kubectl("delete", "-f", manifest, "--ignore-not-found")
    assert _rows(kubectl) == []
    kubectl("apply", "-f", manifest)
    kubectl("delete", "pods", "--all")
    assert _rows(kubectl) == []
    assert not processes_of(str(here.data / "process"))


def _rows(kubectl: Kubectl, *arguments: str) -> list[str]:
    return kubectl("get", "pods", "--no-headers", *arguments).splitlines()
