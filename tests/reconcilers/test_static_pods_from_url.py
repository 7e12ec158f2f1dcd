"""Static Pods from a URL, and their mirrors in the API.

The server is a real one in a thread; how often it is asked goes by the clock, which stands still
unless a test moves it on.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import anyio.to_thread
import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.reconcilers.static_pods.mirrors import static_pods
from kernel.reconcilers.static_pods.url import ManifestUrl

pytestmark = pytest.mark.anyio


def _pod(name: str, image: str = "busybox:1") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }


class Site:
    """A web server that answers with `content`, and keeps the headers that it was asked with."""

    def __init__(self) -> None:
        self.status = 200
        self.content = b""
        self.location = ""
        self.asked: list[Mapping[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(dict(self.headers))
                self.send_response(site.status)
                self.send_header("Content-Length", str(len(site.content)))
                if site.location:
                    self.send_header("Location", site.location)
                self.end_headers()
                self.wfile.write(site.content)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/pods.yaml"

    def serve(self, *pods: dict[str, Any]) -> None:
        """Answer with a stream of JSON documents, which is YAML too."""
        self.content = "\n---\n".join(map(json.dumps, pods)).encode()


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.02,))
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def other_site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def build(client: Client, clock: ManualClock, site: Site) -> Any:
    place = ManifestUrl(site.url, {"X-Fleet": "blue"})

    def build(informers: Informers) -> list[Reconciler]:
        recorder = Recorder(client, component="kubelet", clock=clock, host="node1")
        return [static_pods(place, "node1", informers, recorder, clock)]

    return build


@pytest.fixture(autouse=True)
async def node(client: Client) -> Node:
    return await client.create(Node(metadata=ObjectMeta(name="node1")))


async def wait_images(client: Client, wanted: dict[str, str]) -> list[Pod]:
    """The Pods, as soon as they are those, by name and image."""
    with anyio.fail_after(10):
        async with client.watch(Pod) as events:
            while True:
                pods = await client.list(Pod)
                found = {pod.metadata.name: pod.spec.containers[0].image for pod in pods}
                if found == wanted:
                    return list(pods)
                await anext(events)


async def ask_again(clock: ManualClock, site: Site) -> None:
    """Let the time come at which the server is asked again, and the answer be looked at."""
    asked = len(site.asked)
    with anyio.fail_after(10):
        while clock.seconds_to_next_sleeper is None:  # the last answer is still being looked at
            await anyio.wait_all_tasks_blocked()
        await clock.advance(20)
        while len(site.asked) == asked or clock.seconds_to_next_sleeper is None:
            await anyio.wait_all_tasks_blocked()


async def test_the_answer_becomes_mirror_pods_and_is_followed(
    client: Client, clock: ManualClock, run: Any, build: Any, site: Site
) -> None:
    site.serve(_pod("web"))
    async with run(build):
        (first,) = await wait_images(client, {"web-node1": "busybox:1"})
        annotations = first.metadata.annotations
        assert annotations["kubernetes.io/config.source"] == "http"
        hash = annotations["kubernetes.io/config.hash"]
        assert annotations["kubernetes.io/config.mirror"] == hash
        assert annotations["kubernetes.io/config.seen"]
        assert site.asked[0]["X-Fleet"] == "blue"

        await client.delete(Pod, "web-node1")
        again = await client.wait(
            Pod, "web-node1", lambda pod: pod is not None and pod.metadata.uid != first.metadata.uid
        )
        assert again is not None

        await ask_again(clock, site)
        (same,) = await wait_images(client, {"web-node1": "busybox:1"})
        assert same.metadata.uid == again.metadata.uid

        site.serve(_pod("web", "busybox:2"), _pod("db"))
        await ask_again(clock, site)
        await wait_images(client, {"web-node1": "busybox:2", "db-node1": "busybox:1"})

        pod_list = {"apiVersion": "v1", "kind": "PodList", "items": [_pod("db")]}
        site.content = json.dumps(pod_list).encode()
        await ask_again(clock, site)
        await wait_images(client, {"db-node1": "busybox:1"})

        site.content = json.dumps(pod_list | {"items": []}).encode()
        await ask_again(clock, site)
        await wait_images(client, {})


async def test_headers_are_for_the_host_that_they_were_given_for(
    client: Client, run: Any, build: Any, site: Site, other_site: Site
) -> None:
    other_site.serve(_pod("web"))
    site.status, site.location = 302, other_site.url
    async with run(build):
        await wait_images(client, {"web-node1": "busybox:1"})
    assert site.asked[0]["X-Fleet"] == "blue"
    assert "X-Fleet" not in other_site.asked[0]
    assert other_site.asked[0]["User-Agent"] == "podkernel"


@pytest.mark.parametrize(
    ("status", "content", "problem"),
    [
        (404, b"gone", "the server answers 404 Not Found"),
        (200, b" ", "the answer is empty"),
        (200, b"kind: [", "pods.yaml:2: "),
        (200, b"kind: Service", "only Pods can be static Pods, not Service"),
    ],
)
async def test_what_can_not_be_used_is_said_once_and_changes_nothing(
    client: Client,
    clock: ManualClock,
    run: Any,
    build: Any,
    site: Site,
    status: int,
    content: bytes,
    problem: str,
) -> None:
    site.serve(_pod("web"))
    async with run(build):
        (first,) = await wait_images(client, {"web-node1": "busybox:1"})
        site.status, site.content = status, content
        for _ in range(3):
            await ask_again(clock, site)
        (event,) = await client.list(Event)
        assert event.count in (0, 1)
        assert event.message.startswith(site.url)
        assert problem in event.message
        (still,) = await client.list(Pod)
        assert still.metadata.uid == first.metadata.uid
    site.status = 500
    async with run(build):  # a restart, with the server still away
        await ask_again(clock, site)
        assert [pod.metadata.uid for pod in await client.list(Pod)] == [first.metadata.uid]
        site.status = 200
        site.serve(_pod("db"))
        await ask_again(clock, site)
        await wait_images(client, {"db-node1": "busybox:1"})
