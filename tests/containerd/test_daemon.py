"""The harness itself: what it starts works, and nothing of it is left."""

import subprocess
import sys
from pathlib import Path

import pytest

from kernel.cri.proto import runtime_pb2 as cri
from tests.containerd.bare_cri import BareCri
from tests.containerd.daemon import Containerd, missing_for_containerd, running_containerd
from tests.containerd.images import TOMCAT_IMAGE, WAR_IMAGE

pytestmark = pytest.mark.containerd


@pytest.fixture(autouse=True)
def _needs_containerd() -> None:
    reason = missing_for_containerd()
    if reason:
        pytest.skip(reason)


def test_nothing_is_left_of_a_containerd() -> None:
    with running_containerd() as daemon:
        assert {WAR_IMAGE, TOMCAT_IMAGE} <= set(daemon.ctr("images", "list", "-q").split())
    assert _traces(daemon) == []


def test_what_an_interrupted_run_left_is_removed_by_the_next() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED_RUN], stdout=subprocess.PIPE, text=True
    ) as interrupted:
        assert interrupted.stdout is not None
        directory = Path(interrupted.stdout.readline().strip())
        interrupted.kill()
    assert directory.exists()
    with running_containerd() as daemon:
        if daemon.directory != directory:
            pytest.skip("another test run took the interrupted run's slot")
        with BareCri(daemon.socket_path) as bare:
            listed = bare.call(cri.ListPodSandboxRequest(), cri.ListPodSandboxResponse)
        assert list(listed.items) == []
    assert _traces(daemon) == []


_INTERRUPTED_RUN = """
import signal
import socket
from kernel.cri.proto import runtime_pb2 as cri
from tests.containerd.bare_cri import BareCri
from tests.containerd.daemon import running_containerd

with running_containerd() as daemon:
    metadata = cri.PodSandboxMetadata(name="left", uid="u", namespace="default")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = cri.PortMapping(host_port=probe.getsockname()[1], container_port=8080)
    linux = cri.LinuxPodSandboxConfig()
    config = cri.PodSandboxConfig(metadata=metadata, port_mappings=[port], linux=linux)
    with BareCri(daemon.socket_path) as bare:
        bare.call(cri.RunPodSandboxRequest(config=config), cri.RunPodSandboxResponse)
    print(daemon.directory, flush=True)
    signal.pause()
"""


def _traces(daemon: Containerd) -> list[str]:
    """Everything on this machine that still speaks of a containerd of ours."""
    directory = str(daemon.directory)
    processes = subprocess.run(["ps", "axww"], check=True, capture_output=True, text=True).stdout
    rules = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True).stdout
    mounts = Path("/proc/self/mountinfo").read_text()
    lines = [*processes.splitlines(), *rules.splitlines(), *mounts.splitlines()]
    traces = [line for line in lines if directory in line or daemon.network.name in line]
    bridge = Path("/sys/class/net", daemon.network.bridge)
    results = Path("/var/lib/cni/results").glob(f"{daemon.network.name}-*")
    paths = (daemon.directory, bridge, *results)
    return traces + [str(path) for path in paths if path.exists()]
