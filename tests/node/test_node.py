"""The Node object as kubectl shows it: images, conditions, cordoning; and images that go."""

from pathlib import Path
from typing import Any

import pytest

from kernel import NodeLimits
from tests.containerd.daemon import missing_for_containerd, running_containerd
from tests.containerd.images import BUSYBOX_IMAGE, PAUSE_IMAGE, TOMCAT_IMAGE

from .embedded import KEEP_IMAGES, embedded_kernel, node_condition
from .harness import PodKernel, is_ready, wait_until
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# The disk counts as full, whatever is on it; everything is looked at all the time.
IMPATIENT = NodeLimits(
    image_gc_high_threshold_percent=0.0001,
    image_gc_low_threshold_percent=0,
    image_gc_age_seconds_min=0,
    image_gc_check_seconds=0.5,
    node_check_seconds=0.2,
    runtime_down_seconds=0.5,
)


@pytest.mark.anyio
async def test_unused_images_go_and_a_runtime_that_is_away_is_told(
    tmp_path: Path, needs_kubectl: None
) -> None:
    if missing_for_containerd():
        pytest.skip(missing_for_containerd())
    with running_containerd() as containerd:
        options: Any = {"runtime": "containerd", "containerd_socket": containerd.socket_path}
        # So that its image is in use before anybody looks for garbage.
        async with embedded_kernel(
            tmp_path / "data", on_exit="keep", node_limits=KEEP_IMAGES, **options
        ) as kubectl:
            await kubectl("apply", "-f", "-", text=pod("web", container()))
            await kubectl("wait", "--for=condition=Ready", "pod/web")
        async with embedded_kernel(tmp_path / "data", node_limits=IMPATIENT, **options) as kubectl:
            node = await kubectl.node_when(
                lambda node: TOMCAT_IMAGE not in str(node["status"]["images"])
            )
            names = {name for image in node["status"]["images"] for name in image["names"]}
            assert {BUSYBOX_IMAGE, PAUSE_IMAGE} <= names
            assert "failed" not in await kubectl("get", "pods")
            await kubectl.node_when(lambda node: node_condition(node, "Ready")["status"] == "True")
            described = await kubectl("describe", "node", "node1")
            assert "FreeDiskSpaceFailed" in described
            assert "Failed to garbage collect required amount of images." in described

            containerd.stop()
            node = await kubectl.node_when(
                lambda node: (
                    node_condition(node, "Ready")["status"] == "False"
                    and node["spec"].get("taints")
                )
            )
            ready = node_condition(node, "Ready")
            assert (ready["reason"], ready["message"]) == (
                *("KubeletNotReady", "container runtime is down"),
            )
            assert node["spec"]["taints"][0]["key"] == "node.kubernetes.io/not-ready"
            assert "NotReady" in await kubectl("get", "nodes")
            containerd.start()
            await kubectl.node_when(lambda node: not node["spec"].get("taints"))
            assert "status is now: NodeReady" in await kubectl("describe", "node", "node1")
            assert is_ready(await kubectl.json("get", "pod", "web"))


def test_a_cordoned_node_takes_no_more_pods(shared_kernel: PodKernel) -> None:
    shared_kernel.apply(pod("before", container()))
    shared_kernel.pod_when("before", is_ready)
    shared_kernel.kubectl("cordon", "node1")
    try:
        shared_kernel.apply(pod("after", container()))
        message = shared_kernel.wait_for_event("after", "FailedScheduling")
        assert "1 node(s) were unschedulable" in message
        assert "SchedulingDisabled" in shared_kernel.kubectl("get", "nodes")
        wait_until(
            lambda: "node.kubernetes.io/unschedulable:NoSchedule" in _described(shared_kernel),
            "the node has no taint",
        )
        assert is_ready(shared_kernel.pod("before"))
    finally:
        shared_kernel.kubectl("uncordon", "node1")
    shared_kernel.pod_when("after", is_ready)
    described = _described(shared_kernel)
    assert "Taints:             <none>" in described
    assert "Node node1 status is now: NodeNotSchedulable" in described
    assert "Non-terminated Pods:" in described
    assert "Container Runtime Version:  containerd://" in described
    shared_kernel.kubectl("delete", "pod", "before", "after", "--now")


def _described(kernel: PodKernel) -> str:
    return kernel.kubectl("describe", "node", "node1")
