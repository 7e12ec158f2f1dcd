"""RuntimeClasses: the handler that they name is containerd's choice of how to run a Pod."""

import json
from typing import Any

import pytest

from .harness import PodKernel, is_ready
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


def _runtime_class(name: str, handler: str, **more: Any) -> str:
    kind = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}
    return json.dumps({**kind, "metadata": {"name": name}, "handler": handler, **more})


def test_a_pod_runs_in_the_way_that_its_class_names(shared_kernel: PodKernel) -> None:
    overhead = {"podFixed": {"cpu": "10m"}}
    shared_kernel.apply(
        _runtime_class("usual", "runc", overhead=overhead), _runtime_class("boxed", "box")
    )
    with pytest.raises(AssertionError, match='pod rejected: RuntimeClass "none" not found'):
        shared_kernel.apply(pod("lost", container(), runtimeClassName="none"))
    shared_kernel.apply(
        pod("usual", container(), runtimeClassName="usual"),
        pod("boxed", container(), runtimeClassName="boxed"),
    )
    running = shared_kernel.pod_when("usual", is_ready)
    assert running["spec"]["overhead"] == {"cpu": "10m"}
    message = shared_kernel.wait_for_event("boxed", "FailedCreatePodSandBox")
    assert 'no runtime for "box" is configured' in message
    rows = shared_kernel.kubectl("get", "runtimeclasses", "--no-headers").splitlines()
    assert sorted(row.split()[:2] for row in rows) == [["boxed", "box"], ["usual", "runc"]]
    shared_kernel.kubectl("delete", "pod", "usual", "boxed", "--now")
    shared_kernel.kubectl("delete", "runtimeclass", "usual", "boxed")
