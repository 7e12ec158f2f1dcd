"""The study notes' Pod: an init container brings the WAR that the other container serves."""

import urllib.error
import urllib.request

import pytest

from .harness import PodKernel, free_port, wait_until
from .manifests import JAVAWEB

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_the_notes_pod_comes_up_and_serves_the_war(shared_kernel: PodKernel) -> None:
    port = free_port()
    manifest = JAVAWEB.replace("8001", str(port))
    with shared_kernel.printing("get", "pods", "--watch") as watch:
        shared_kernel.kubectl("create", "-f", "-", stdin=manifest)
        lines = watch.cells_until("javaweb-2", "1/1", "Running")
    statuses = [cells[2] for cells in lines if cells[0] == "javaweb-2"]
    expected = ["Pending", "Init:0/1", "PodInitializing", "Running"]
    assert list(dict.fromkeys(statuses)) == expected

    served = wait_until(lambda: _content(f"http://127.0.0.1:{port}/sample.war"), "nothing served")
    assert served.startswith(b"PK")
    assert b"brought" in wait_until(
        lambda: _content(f"http://127.0.0.1:{port}/sample/"), "the WAR was not unpacked"
    )
    _check_description(shared_kernel)
    assert shared_kernel.kubectl("logs", "javaweb-2", "-c", "war") == ""
    shared_kernel.kubectl("logs", "javaweb-2")
    shared_kernel.kubectl("delete", "pod", "javaweb-2", "--grace-period=1")
    assert _content(f"http://127.0.0.1:{port}/sample.war") == b""


def _check_description(kernel: PodKernel) -> None:
    description = kernel.kubectl("describe", "pod", "javaweb-2")
    assert "Successfully assigned default/javaweb-2 to node1" in description
    reasons = [reason for reason, _ in kernel.events("javaweb-2")]
    started = ["Pulled", "Created", "Started"]
    assert reasons == ["Scheduled", *started, *started]
    for reason in reasons:
        assert f"  {reason} " in description


def _content(url: str) -> bytes:
    """What is served there; nothing where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            content: bytes = answer.read()
    except urllib.error.URLError:
        return b""
    return content
