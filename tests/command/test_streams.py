"""exec, attach, cp, port-forward, debug and drain with real kubectl, on the process runtime."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..kubectl import stream_cases
from ..kubectl.streaming import Talker, kubectl_binaries
from .harness import Kubectl, Server, place

BINARIES = kubectl_binaries()
CHOSEN = [
    pytest.param(name, id=name, marks=() if name != "kubectl.1.30" else (pytest.mark.slow,))
    for name in ("kubectl", "kubectl.1.29", "kubectl.1.30", "kubectl.debian")
]


class Running(NamedTuple):
    """A server with the Pod of the cases."""

    server: Server
    kubectl: Kubectl


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One server for all cases."""
    if "kubectl" not in BINARIES:
        pytest.skip("there is no kubectl on the PATH")
    with place() as here:
        serve = [sys.executable, "-m", "http.server", "8080", "--directory", "/tmp/served"]
        here.write("talks.json", stream_cases.pod_manifest(serve))
        server = here.start("--node-name", "node1", here.directory / "talks.json")
        kubectl = Kubectl(here)
        kubectl("wait", "--for=condition=Ready", f"pod/{stream_cases.POD}", "--timeout=20s")
        yield Running(server, kubectl)


@pytest.fixture
def talker(request: pytest.FixtureRequest, running: Running, tmp_path: Path) -> Talker:
    """One of the binaries against that server."""
    binary = BINARIES.get(request.param)
    if binary is None:
        pytest.skip(f"there is no {request.param}")
    return Talker(binary, running.server.place.environment, tmp_path)


@pytest.mark.parametrize("talker", CHOSEN, indirect=True)
@pytest.mark.parametrize("case", stream_cases.ALL, ids=lambda case: case.__name__)
def test_conversations(talker: Talker, case: stream_cases.Case) -> None:
    case(talker)


def test_debug_joins_a_container_and_its_shell(running: Running, tmp_path: Path) -> None:
    talker = Talker(BINARIES["kubectl"], running.server.place.environment, tmp_path)
    arguments = ("-it", stream_cases.POD, "--image=busybox", "--target=main", "-c", "debugger")
    with talker.terminal("debug", *arguments, "--profile=general", "--", "sh") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("\r")
        terminal.wait_for("[#$] ")
        terminal.type("cat /proc/[0-9]*/cmdline | tr -d '\\0'; echo\r")
        terminal.wait_for(r"http\.server8080")
        terminal.type("exit 4\r")
        terminal.wait_for("Session ended")
    (status,) = running.kubectl.pod(stream_cases.POD)["status"]["ephemeralContainerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 4


def test_debug_makes_a_copy_of_a_pod_and_pods_for_a_node(running: Running) -> None:
    kubectl = running.kubectl
    options = ("--image=busybox", "--profile=general")
    kubectl("debug", stream_cases.POD, "--copy-to=copy", "-c", "more", *options, "--", "sleep", "9")
    containers = kubectl.pod("copy")["spec"]["containers"]
    original = kubectl.pod(stream_cases.POD)["spec"]["containers"]
    assert containers[:3] == original
    assert containers[3]["command"] == ["sleep", "9"]
    told = kubectl("debug", "node/node1", *options, "--", "sleep", "9")
    name = told.split("debugging pod ")[1].split()[0]
    spec = kubectl.pod(name)["spec"]
    assert (spec["hostPID"], spec["hostNetwork"], spec["nodeName"]) == (True, True, "node1")
    kubectl("delete", "pod", "copy", name, "--now", "--wait=false")


def test_drain_evicts_and_uncordon_lets_in(running: Running) -> None:
    kubectl = running.kubectl
    kubectl("run", "guest", "--image=busybox", "--", "sleep", "1000")
    kubectl("wait", "--for=condition=Ready", "pod/guest", "--timeout=20s")
    kubectl("drain", "node1", "--force", "--pod-selector=run=guest", "--grace-period=1")
    assert "NotFound" in kubectl.run("get", "pod", "guest").stderr
    assert kubectl.row("node", "node1")[1] == "Ready,SchedulingDisabled"
    kubectl("uncordon", "node1")
    assert kubectl.row("node", "node1")[1] == "Ready"
