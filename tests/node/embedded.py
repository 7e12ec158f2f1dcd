"""A kernel in the test's own process, with kubectl before it, for what `podkernel dev` has no
option for. Its API server needs asyncio."""

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from kernel import Kernel, NodeLimits

from .harness import NODE_NAME

COMMAND_SECONDS_MAX = 60
CONDITION_SECONDS_MAX = 30

KEEP_IMAGES = NodeLimits(image_gc_high_threshold_percent=100)
"""However full this machine's disk is, the tests' images stay."""


class Kubectl:
    """kubectl against one server."""

    def __init__(self, kernel: Kernel, kubeconfig: Path) -> None:
        self.kernel = kernel
        self._kubeconfig = kubeconfig

    async def __call__(self, *arguments: str, text: str = "") -> str:
        """What a command that must succeed prints, given `text` on its input."""
        with anyio.fail_after(COMMAND_SECONDS_MAX):
            done = await anyio.run_process(
                self.command(*arguments), input=text.encode(), stderr=subprocess.STDOUT, check=False
            )
        assert done.returncode == 0, done.stdout.decode()
        return done.stdout.decode()

    def command(self, *arguments: str) -> list[str]:
        """What to run for it."""
        return ["kubectl", "--kubeconfig", str(self._kubeconfig), *arguments]

    async def json(self, *arguments: str) -> Any:
        """The same of a command that prints JSON."""
        return json.loads(await self(*arguments, "-o", "json"))

    async def node_when(self, holds: Callable[[Any], object]) -> Any:
        """The node, once `holds` says so of it."""
        node: Any = {}
        with anyio.move_on_after(CONDITION_SECONDS_MAX):
            while True:
                node = await self.json("get", "node", NODE_NAME)
                if holds(node):
                    return node
                await anyio.sleep(0.1)
        raise AssertionError(f"the node got no further than {json.dumps(node, indent=1)}")


@asynccontextmanager
async def embedded_kernel(directory: Path, **options: Any) -> AsyncIterator[Kubectl]:
    """A running kernel over a data directory; `options` are those of `Kernel.open`."""
    async with (
        Kernel.open(directory, node_name=NODE_NAME, **options) as kernel,
        kernel.serving() as server,
    ):
        yield Kubectl(kernel, server.kubeconfig)


def node_condition(node: Any, type: str) -> dict[str, str]:
    """One condition of a node as kubectl prints it; empty where it has none."""
    conditions: list[dict[str, str]] = node["status"].get("conditions", [])
    return next((one for one in conditions if one["type"] == type), {})
