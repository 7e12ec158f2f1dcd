"""What goes wrong below podkernel: shims that die, containers killed with ctr, full disks, images
that vanish. Each ends in the right state, with an Event that tells."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.containerd.daemon import Containerd

from .conftest import StartKernel
from .harness import (
    Observer,
    PodKernel,
    container_id,
    container_status,
    is_ready,
    restarts,
    wait_until,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def _parent(process_id: int) -> int:
    """The parent of a process, from the field after its state in /proc/PID/stat."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2]
    return int(fields.split()[1])


def test_a_shim_that_is_killed(shared_kernel: PodKernel, observer: Observer) -> None:
    shared_kernel.apply(pod("shimless", container()))
    before = shared_kernel.pod_when("shimless", is_ready)
    uid = before["metadata"]["uid"]
    process = observer.process_id(container_id(before))
    os.kill(_parent(process), signal.SIGKILL)
    after = shared_kernel.pod_when(
        "shimless",
        lambda pod: is_ready(pod) and container_id(pod) not in ("", container_id(before)),
    )
    assert restarts(after) == 1
    assert len(observer.running(uid)) == 1
    wait_until(lambda: not Path(f"/proc/{process}").exists(), "the first process runs on")
    shared_kernel.kubectl("delete", "pod", "shimless")
    assert observer.traces(uid, shared_kernel.data_directory) == []


def test_a_container_that_is_killed_with_ctr(
    shared_kernel: PodKernel, containerd: Containerd
) -> None:
    shared_kernel.apply(pod("ctr-killed", container()))
    before = shared_kernel.pod_when("ctr-killed", is_ready)
    containerd.ctr("tasks", "kill", "--signal", "SIGKILL", container_id(before))
    after = shared_kernel.pod_when("ctr-killed", lambda pod: restarts(pod) == 1 and is_ready(pod))
    assert container_status(after)["lastState"]["terminated"]["exitCode"] == 137
    shared_kernel.kubectl("delete", "pod", "ctr-killed")


def test_a_full_disk_holds_a_pod_up_until_there_is_room(start_kernel: StartKernel) -> None:
    kernel = start_kernel()
    kernel.stop()
    volumes = kernel.data_directory / "pods"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(volumes)], check=True)
    try:
        kernel.start()
        config_map = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "large"},
            "data": {"content": "x" * 200_000},
        }
        volume = {"name": "large", "configMap": {"name": "large"}}
        mounts = [{"name": "large", "mountPath": "/large"}]
        kernel.apply(
            json.dumps(config_map),
            pod("hungry", container(volumeMounts=mounts), volumes=[volume]),
            pod("modest", container()),
        )
        kernel.wait_for_event("hungry", "FailedMount", "No space left on device")
        kernel.pod_when("modest", is_ready)
        subprocess.run(["mount", "-o", "remount,size=8m", str(volumes)], check=True)
        kernel.pod_when("hungry", is_ready)
        kernel.kubectl("delete", "pods", "--all")
        kernel.stop()
    finally:
        subprocess.run(["umount", "--lazy", str(volumes)], check=True)
