"""One server for all Python clients, each of which has a namespace of its own in it.

It is `podkernel dev` as a person starts it: TLS, its kubeconfig, the process runtime, and a plugin
with a kind of its own. The log has been compacted once, so that its first revisions are gone.
"""

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..command.harness import EXAMPLES, Connection, Place, Server, eventually, place

COMPACTED_REVISION = 5
POD = "talks"
PORT = 8080
PAGE = "served from the Pod\n"


class Cluster:
    """The server, seen from where clients are."""

    def __init__(self, here: Place, server: Server, api: Connection):
        self.place = here
        self.server = server
        self.api = api
        self.kubeconfig = str(here.data / "kubeconfig")

    def make_namespace(self, name: str) -> str:
        """A namespace, with what every namespace has."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.api.request("POST", "/api/v1/namespaces", body)
        return name


def _pod_manifest() -> dict[str, Any]:
    """Serves a page, tells on its log of each request, and ends at once when asked to."""
    served = "/tmp/served"
    web = f"{sys.executable} -u -m http.server {PORT} --directory {served}"
    script = f"mkdir -p {served}; printf '{PAGE}' > {served}/page; echo one; echo two; exec {web}"
    container = {"name": "main", "image": "busybox", "command": ["sh", "-c", script]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "labels": {"app": POD}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The server, with a Pod that answers, writes to its log, and can be talked with."""
    with place() as here:
        here.start("--node-name", "node1", "--runtime", "simulated").stop()
        compacted = here.run("compact", "--data-dir", here.data, "--at", str(COMPACTED_REVISION))
        assert compacted.returncode == 0, compacted.stderr
        here.write("talks.json", json.dumps(_pod_manifest()))
        server = here.start(
            *("--node-name", "node1", "--plugin", EXAMPLES / "website.py"),
            here.directory / "talks.json",
        )
        with server.connected() as api:
            eventually(lambda: _is_ready(api), f"pod {POD} becomes ready")
            yield Cluster(here, server, api)


def _is_ready(api: Connection) -> bool:
    listed = api.request("GET", f"/api/v1/pods?fieldSelector=metadata.name%3D{POD}")
    conditions = [one for pod in listed["items"] for one in pod["status"].get("conditions", ())]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Some clients leave sockets to the garbage collector: that is not ours to mend."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
            )


@pytest.fixture(autouse=True, scope="module")
def _nothing_left_to_collect() -> Iterator[None]:
    """What clients have left is collected here, where no other test is blamed for it."""
    yield
    gc.collect()
