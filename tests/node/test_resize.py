"""Other amounts of cpu and memory for a running Pod: real kubectl, real containerd."""

import pytest

from ..kubectl.resize_case import (
    COMMAND,
    MEMORY_BYTES,
    READ_MEMORY_LIMIT,
    SMALL,
    has_been_resized,
)
from .harness import PodKernel, container_id, is_ready, restarts
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_a_running_container_gets_more(shared_kernel: PodKernel) -> None:
    kernel = shared_kernel
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    kernel.apply(
        pod("resized", container(resources=SMALL)),
        pod("restarted", container(resources=SMALL, resizePolicy=policy)),
    )
    before = kernel.pod_when("resized", is_ready)
    assert "resized" in kernel.kubectl(*COMMAND)
    after = kernel.pod_when("resized", has_been_resized)
    assert container_id(after) == container_id(before)
    limit = kernel.kubectl("exec", "resized", "--", "sh", "-c", READ_MEMORY_LIMIT)
    assert int(limit) == MEMORY_BYTES
    kernel.pod_when("restarted", is_ready)
    kernel.kubectl(*(word.replace("resized", "restarted") for word in COMMAND))
    again = kernel.pod_when("restarted", lambda one: restarts(one) == 1 and is_ready(one))
    assert again["status"]["containerStatuses"][0]["resources"]["limits"]["cpu"] == "400m"
    kernel.kubectl("delete", "pod", "resized", "restarted", "--now", "--wait=false")
