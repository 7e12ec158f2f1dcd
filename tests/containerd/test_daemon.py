"""The harness itself: what it starts works, and nothing of it is left."""

import subprocess
from pathlib import Path

import pytest

from tests.containerd.daemon import missing_for_containerd, running_containerd
from tests.containerd.images import TOMCAT_IMAGE, WAR_IMAGE

pytestmark = pytest.mark.containerd


def test_nothing_is_left_of_a_containerd() -> None:
    reason = missing_for_containerd()
    if reason:
        pytest.skip(reason)
    with running_containerd() as daemon:
        directory, bridge = daemon.directory, daemon.network.bridge
        assert {WAR_IMAGE, TOMCAT_IMAGE} <= set(daemon.ctr("images", "list", "-q").split())
    assert not directory.exists()
    assert not Path("/sys/class/net", bridge).exists()
    assert str(directory) not in Path("/proc/self/mountinfo").read_text()
    processes = subprocess.run(["ps", "axww"], check=True, capture_output=True, text=True).stdout
    assert str(directory) not in processes
