"""`podkernel dev --static-pods DIR`: files become Pods."""

import socket

import pytest

from .harness import Kubectl, Place, eventually, processes_of
from .manifests import pod

pytestmark = pytest.mark.kubectl

NODE = "node1"
MIRROR = f"web-{NODE}"


def test_a_file_is_a_pod_as_long_as_it_is_there(here: Place, kubectl: Kubectl) -> None:
    directory = here.directory_of("static")
    server = here.start("--static-pods", directory, "--node-name", NODE)
    file = directory / "web.yaml"
    file.write_text(pod("web"))
    kubectl.wait_status(MIRROR, "Running")
    before = kubectl.pod(MIRROR)

    file.write_text(pod("web", "trap 'exit 0' TERM; echo edited; sleep 1000 & wait"))
    eventually(lambda: _log(kubectl) == "edited\n", "the edited Pod runs")
    assert kubectl.pod(MIRROR)["metadata"]["uid"] != before["metadata"]["uid"]

    (directory / "bad.yaml").write_text("kind: [")
    (directory / "odd.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: x}\n")
    (directory / "other.yaml").write_text(pod("other"))
    kubectl.wait_status(f"other-{NODE}", "Running")
    assert _log(kubectl) == "edited\n"
    eventually(lambda: "bad.yaml" in server.complaints, "the bad file is complained of")
    assert "Traceback" not in server.complaints

    file.unlink()
    eventually(lambda: not kubectl.row("pod", MIRROR), "the Pod goes with its file")
    assert kubectl.row("pod", f"other-{NODE}")[2] == "Running"


def test_a_deleted_mirror_comes_back_and_its_container_runs_on(
    here: Place, kubectl: Kubectl
) -> None:
    directory = here.directory_of("static")
    mark = f"mark-{here.directory.name}"
    script = f"trap 'exit 0' TERM; sleep 1000 & wait # {mark}"
    (directory / "web.yaml").write_text(pod("web", script))
    here.start("--static-pods", directory, "--node-name", NODE)
    kubectl.wait_status(MIRROR, "Running")
    uid = kubectl.pod(MIRROR)["metadata"]["uid"]
    processes = processes_of(mark)
    assert len(processes) == 1
    kubectl("delete", "pod", MIRROR, "--wait=false")

    def is_back() -> bool:
        done = kubectl.run("get", "pod", MIRROR, "-o", "jsonpath={.metadata.uid}")
        return done.returncode == 0 and done.stdout not in ("", uid)

    eventually(is_back, "the mirror comes back")
    kubectl.wait_status(MIRROR, "Running")
    assert processes_of(mark) == processes
    assert kubectl.row("pod", MIRROR)[3] == "0"


def test_static_pods_go_by_this_hosts_name(here: Place, kubectl: Kubectl) -> None:
    directory = here.directory_of("static")
    (directory / "web.yaml").write_text(pod("web"))
    here.start("--static-pods", directory)
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    assert node == socket.gethostname().lower()
    kubectl.wait_status(f"web-{node}", "Running")


def _log(kubectl: Kubectl) -> str:
    return kubectl.run("logs", MIRROR).stdout
