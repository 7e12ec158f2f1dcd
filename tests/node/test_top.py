"""`kubectl top`: what Pods and the node use, measured when it is asked."""

import json

import pytest

from .harness import PodKernel, is_ready
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def test_top_shows_who_is_busy(shared_kernel: PodKernel) -> None:
    busy = container(name="busy", command=["sh", "-c", "while :; do :; done"])
    shared_kernel.apply(pod("crowd", busy, container(name="idle", command=["sleep", "1000"])))
    shared_kernel.pod_when("crowd", is_ready)
    lines = shared_kernel.kubectl(
        "top", "pods", "--all-namespaces", "--containers", "--sort-by=cpu", "--no-headers"
    ).splitlines()
    rows = [line.split() for line in lines if line.split()[1] == "crowd"]
    assert [row[2] for row in rows] == ["busy", "idle"]
    assert int(rows[0][3].removesuffix("m")) > 50
    assert int(rows[1][3].removesuffix("m")) < 50
    (whole,) = shared_kernel.kubectl("top", "pod", "crowd", "--no-headers").splitlines()
    assert whole.split()[0] == "crowd"
    raw = shared_kernel.kubectl(
        "get", "--raw", "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/crowd"
    )
    for one in json.loads(raw)["containers"]:
        assert 0 < int(one["usage"]["memory"].removesuffix("Ki")) < 64 << 10
    name, _, percent, memory, _ = shared_kernel.kubectl("top", "node", "--no-headers").split()
    assert name == "node1"
    assert 0 < int(percent.removesuffix("%")) <= 110
    assert int(memory.removesuffix("Mi")) > 10
    shared_kernel.kubectl("delete", "pod", "crowd", "--now")
