"""exec, attach, cp, port-forward and debug with real kubectl, on real containerd."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..kubectl import stream_cases
from ..kubectl.streaming import Talker, kubectl_binaries
from .harness import PodKernel, container_status, is_ready
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

BINARIES = kubectl_binaries()
CHOSEN = ("kubectl", "kubectl.1.30", "kubectl.debian")


@pytest.fixture(scope="module")
def talking_kernel(shared_kernel: PodKernel) -> Iterator[PodKernel]:
    """The kernel with the Pod of the cases."""
    serve = ["httpd", "-f", "-p", "8080", "-h", "/tmp/served"]
    manifest = stream_cases.pod_manifest(serve, shareProcessNamespace=True)
    shared_kernel.apply(manifest)
    shared_kernel.pod_when(stream_cases.POD, is_ready)
    yield shared_kernel
    shared_kernel.kubectl("delete", "pod", stream_cases.POD, "--wait=false")


@pytest.fixture
def talker(request: pytest.FixtureRequest, talking_kernel: PodKernel, tmp_path: Path) -> Talker:
    """One of the binaries against that kernel."""
    name = getattr(request, "param", "kubectl")
    if name not in BINARIES:
        pytest.skip(f"there is no {name}")
    return Talker(BINARIES[name], talking_kernel.environment, tmp_path)


@pytest.mark.parametrize("talker", CHOSEN, indirect=True)
@pytest.mark.parametrize("case", stream_cases.ALL, ids=lambda case: case.__name__)
def test_conversations(talker: Talker, case: stream_cases.Case) -> None:
    case(talker)


@pytest.mark.parametrize("talker", ["kubectl", "kubectl.debian"], indirect=True)
def test_a_shell_sees_the_shared_processes(talker: Talker) -> None:
    """As the study notes do it: attach to a shell, and `ps` shows pause as the first process."""
    with talker.terminal("attach", "-it", stream_cases.POD, "-c", "shell") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("\r")
        terminal.wait_for("[#$] ")
        terminal.type("ps\r")
        terminal.wait_for(r"\n +1 \S+ .*/pause")
        terminal.wait_for("httpd")


def test_debug_joins_a_container_and_its_shell(talking_kernel: PodKernel, talker: Talker) -> None:
    talking_kernel.apply(pod("debugged", container()))
    talking_kernel.pod_when("debugged", is_ready)
    arguments = ("-it", "debugged", "--image=busybox", "--target=main", "-c", "debugger")
    options = ("--image-pull-policy=IfNotPresent", "--profile=general")
    with talker.terminal("debug", *arguments, *options, "--", "sh") as terminal:
        terminal.wait_for("try pressing enter")
        terminal.type("\r")
        terminal.wait_for("[#$] ")
        terminal.type("cat /proc/1/cmdline | tr '\\0' ' '\r")
        terminal.wait_for(r"sh -c trap")
        terminal.type("exit 4\r")
        terminal.wait_for("Session ended")
    ended = talking_kernel.pod_when("debugged", lambda found: bool(_debugger_end(found)))
    assert _debugger_end(ended)["exitCode"] == 4
    assert container_status(ended)["restartCount"] == 0
    talking_kernel.kubectl("delete", "pod", "debugged", "--wait=false")


def _debugger_end(found: dict[str, object]) -> dict[str, object]:
    statuses = found["status"].get("ephemeralContainerStatuses", [])  # type: ignore[attr-defined]
    ends = [status["state"].get("terminated") for status in statuses]
    return ends[0] if ends and ends[0] else {}
