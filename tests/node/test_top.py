"""`kubectl top`: what Pods and the node use, measured when it is asked."""

import json
from pathlib import Path

import pytest

from kernel.cri.choice import RuntimeName

from .embedded import KEEP_IMAGES, embedded_kernel
from .harness import NODE_NAME
from .manifests import container, pod

pytestmark = [pytest.mark.kubectl, pytest.mark.anyio]


@pytest.fixture
def anyio_backend() -> str:
    """The API server needs asyncio."""
    return "asyncio"


async def test_top_shows_who_is_busy(runtime: tuple[RuntimeName, str], tmp_path: Path) -> None:
    name, socket = runtime
    async with embedded_kernel(
        tmp_path / "data", runtime=name, containerd_socket=socket, node_limits=KEEP_IMAGES
    ) as kubectl:
        busy, idle = container("while :; do :; done", "busy"), container("sleep 1000", "idle")
        await kubectl("apply", "-f", "-", text=pod("crowd", busy, idle))
        await kubectl("wait", "--for=condition=Ready", "pod/crowd")
        lines = await kubectl(
            "top", "pods", "--all-namespaces", "--containers", "--sort-by=cpu", "--no-headers"
        )
        rows = [line.split() for line in lines.splitlines()]
        assert [row[:3] for row in rows] == [
            ["default", "crowd", "busy"],
            ["default", "crowd", "idle"],
        ]
        assert int(rows[0][3].removesuffix("m")) > 50
        assert int(rows[1][3].removesuffix("m")) < 50
        (whole,) = (await kubectl("top", "pod", "crowd", "--no-headers")).splitlines()
        assert whole.split()[0] == "crowd"
        path = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/crowd"
        for one in json.loads(await kubectl("get", "--raw", path))["containers"]:
            assert 0 < int(one["usage"]["memory"].removesuffix("Ki")) < 64 << 10
        row = (await kubectl("top", "node", "--no-headers")).split()
        assert row[0] == NODE_NAME
        assert 0 < int(row[2].removesuffix("%")) <= 110
        assert int(row[3].removesuffix("Mi")) > 10
        # Made after the last samples were taken.
        await kubectl("apply", "-f", "-", text=pod("late", container()))
        await kubectl("wait", "--for=condition=Ready", "pod/late")
        assert "late" not in await kubectl("top", "pods")
        await kubectl("delete", "pods", "--all", "--now")
        assert "No resources found" in await kubectl("top", "pods")
