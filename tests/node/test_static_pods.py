"""Manifests in a directory or behind a URL whose Pods run without anybody having created them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartKernel
from .harness import Observer, container_id, is_ready, restarts, wait_until
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


class Fleet:
    """A web server that tells nodes what to run; 404 while that is nothing."""

    def __init__(self) -> None:
        self.manifest = ""
        fleet = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.headers["X-Node"] == "node1" and bool(fleet.manifest)
                self.send_response(200 if is_known else 404)
                self.end_headers()
                self.wfile.write(fleet.manifest.encode() if is_known else b"")

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/node1.yaml"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    thread = threading.Thread(target=fleet.server.serve_forever, args=(0.05,))
    thread.start()
    yield fleet
    fleet.server.shutdown()
    thread.join()
    fleet.server.server_close()


def test_static_pods_from_a_url_outlive_the_server(start_kernel: StartKernel, fleet: Fleet) -> None:
    uses = container(envFrom=[{"configMapRef": {"name": "settings"}}])
    fleet.manifest = f"{pod('fleet-web', container())}\n---\n{pod('fleet-uses', uses)}\n"
    kernel = start_kernel("--static-pods", fleet.url, "--static-pods-header", "X-Node: node1")
    kernel.kubectl("create", "configmap", "settings", "--from-literal=colour=blue")
    first = wait_until(
        lambda: "fleet-web-node1" in kernel.kubectl("get", "pods", "-o", "name"), "no mirror"
    ) and kernel.pod_when("fleet-web-node1", is_ready)
    assert first["metadata"]["annotations"]["kubernetes.io/config.source"] == "http"
    kernel.pod_when("fleet-uses-node1", is_ready)

    fleet.manifest = ""
    kernel.kill()
    kernel.start()
    again = kernel.pod_when("fleet-web-node1", is_ready)
    assert again["metadata"]["uid"] == first["metadata"]["uid"]
    assert container_id(again) == container_id(first)
    assert "the server answers 404 Not Found" in kernel.complaints


def test_static_pods_run_and_have_mirrors(
    start_kernel: StartKernel, observer: Observer, tmp_path: Path
) -> None:
    directory = tmp_path / "manifests"
    directory.mkdir()
    (directory / "bad.yaml").write_text("kind: Pod\n  nonsense: [")
    file = directory / "static-web.yaml"
    file.write_text(pod("static-web", container(), metadata={"labels": {"role": "myrole"}}))
    kernel = start_kernel("--static-pods", str(directory))
    name = "static-web-node1"
    first = wait_until(
        lambda: "static-web-node1" in kernel.kubectl("get", "pods", "-o", "name"), "no mirror"
    ) and kernel.pod_when(name, is_ready)
    assert first["metadata"]["labels"] == {"role": "myrole"}

    kernel.kubectl("delete", "pod", name, "--grace-period=0", "--force")
    wait_until(
        lambda: name in kernel.kubectl("get", "pods", "-o", "name"), "the mirror does not come back"
    )
    again = kernel.pod_when(name, is_ready)
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert container_id(again) == container_id(first)
    assert restarts(again) == 0

    kernel.kill()
    kernel.start()
    assert container_id(kernel.pod_when(name, is_ready)) == container_id(first)

    file.unlink()
    wait_until(lambda: "web" not in kernel.kubectl("get", "pods", "-o", "name"), "it stays")
    uid = first["metadata"]["annotations"]["kubernetes.io/config.hash"]
    wait_until(lambda: not observer.traces(uid, kernel.data_directory), "something is left")
