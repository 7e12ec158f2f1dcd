"""Static Pods: files in a directory, and their mirrors in the API.

Files are followed through the system's notifications, in real time; only the rescan goes by the
clock, which stands still unless a test moves it on.
"""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from kernel.api.client import Client, WatchEventType
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.control.recorder import Recorder
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.reconcilers.static_pods.mirrors import static_pods

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked

WEB = """
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: main
    image: busybox:1
"""
HASH = "kubernetes.io/config.hash"


@pytest.fixture
async def node(client: Client) -> Node:
    return await client.create(Node(metadata=ObjectMeta(name="node1")))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "manifests"
    path.mkdir()
    return path


@pytest.fixture
def build(client: Client, clock: ManualClock, directory: Path) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        recorder = Recorder(client, component="kubelet", clock=clock, host="node1")
        return [static_pods(directory, "node1", informers, recorder, clock)]

    return build


async def wait_image(client: Client, image: str, name: str = "web-node1") -> Pod:
    def has_image(pod: Pod | None) -> bool:
        return pod is not None and pod.spec.containers[0].image == image

    pod = await client.wait(Pod, name, has_image, timeout_seconds=10)
    assert pod is not None
    return pod


async def wait_gone(client: Client, name: str = "web-node1") -> None:
    await client.wait(Pod, name, lambda pod: pod is None, timeout_seconds=10)


async def wait_watched(directory: Path) -> None:
    """Until the directory has been read again after its watching began, and not before."""
    threads = anyio.to_thread.current_default_thread_limiter()
    with anyio.fail_after(10):
        while threads.borrowed_tokens or not _is_notified_of(directory):
            await settle()


def _is_notified_of(directory: Path) -> bool:
    """Whether this process has asked for notifications of the directory."""
    watched = f" ino:{directory.stat().st_ino:x} "
    for path in Path("/proc/self/fdinfo").iterdir():
        with suppress(FileNotFoundError):
            if watched in path.read_text():
                return True
    return False


async def wait_problem(client: Client, text: str) -> Event:
    """An Event on the Node whose message has `text`."""
    with anyio.fail_after(10):
        async with client.watch(Event) as events:
            async for event in events:
                if text in event.object.message:
                    return event.object
    raise AssertionError("a watch does not end")


async def test_a_file_becomes_a_mirror_pod(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        await settle()
        pod = await wait_image(client, "busybox:1")
    assert pod.metadata.namespace == "default"
    assert pod.spec.node_name == "node1"
    annotations = pod.metadata.annotations
    assert annotations["kubernetes.io/config.source"] == "file"
    assert annotations["kubernetes.io/config.mirror"] == annotations[HASH]
    assert annotations["kubernetes.io/config.seen"].startswith("2026-01-01T00:00:00")
    (owner,) = pod.metadata.owner_references
    assert (owner.kind, owner.name, owner.uid) == ("Node", "node1", node.metadata.uid)
    assert ("Exists", "NoExecute", "") in [
        (one.operator, one.effect, one.key) for one in pod.spec.tolerations
    ]


async def test_files_are_followed(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    async with run(build):
        file = directory / "web.yaml"
        file.write_text(WEB)
        first = await wait_image(client, "busybox:1")
        replacement = directory / ".web.yaml.tmp"
        replacement.write_text(WEB.replace("busybox:1", "busybox:2"))
        replacement.rename(file)
        second = await wait_image(client, "busybox:2")
        assert second.metadata.uid != first.metadata.uid
        assert second.metadata.annotations[HASH] != first.metadata.annotations[HASH]
        file.unlink()
        await wait_gone(client)


async def test_a_restart_leaves_unchanged_pods_alone_and_removes_forgotten_ones(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "web.yaml").write_text(WEB)
    (directory / "old.yaml").write_text(WEB.replace("name: web", "name: old"))
    async with run(build):
        before = await wait_image(client, "busybox:1")
        await wait_image(client, "busybox:1", "old-node1")
    (directory / "old.yaml").unlink()
    (directory / "web.yaml").write_text("# a comment is no change\n" + WEB)
    async with run(build):
        await wait_gone(client, "old-node1")
        await settle()
        assert await client.get(Pod, "web-node1") == before


async def test_a_deleted_mirror_is_replaced_without_a_gap(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        first = await wait_image(client, "busybox:1")
        async with client.watch(Pod, from_revision=int(first.metadata.resource_version)) as events:
            await client.delete(Pod, "web-node1")
            seen = [await anext(events) for _ in range(3)]
        assert [event.type for event in seen] == [
            WatchEventType.MODIFIED,
            WatchEventType.DELETED,
            WatchEventType.ADDED,
        ]
        revisions = [int(event.object.metadata.resource_version) for event in seen]
        assert revisions[2] == revisions[1] + 1, "one write, nothing in between"
        second = await client.get(Pod, "web-node1")
        assert second.metadata.uid != first.metadata.uid
        assert second.metadata.deletion_timestamp is None
        await client.delete(Pod, "web-node1", grace_period_seconds=0)
        third = await wait_image(client, "busybox:1")
        assert third.metadata.uid != second.metadata.uid


async def test_several_documents_lists_and_json(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    second = WEB.replace("name: web", "name: second")
    (directory / "two.yml").write_text(f"{WEB}---{second}")
    third = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "third", "namespace": "kube-system"},
        "spec": {"containers": [{"name": "main", "image": "busybox:3"}]},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [third]}
    (directory / "list.json").write_text(json.dumps(listed))
    async with run(build):
        await settle()
        pods = {(pod.metadata.namespace, pod.metadata.name) for pod in await client.list(Pod)}
    assert pods == {
        ("default", "web-node1"),
        ("default", "second-node1"),
        ("kube-system", "third-node1"),
    }


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("bad.yaml", "apiVersion: v1\nkind: [", "bad.yaml:3:"),
        ("bad.yaml", WEB.replace("image:", "imgae:"), 'did you mean "image"?'),
        ("bad.yaml", WEB.replace("kind: Pod", "kind: Secret"), "bad.yaml:3: kind: only Pods"),
        ("bad.yaml", WEB.replace("name: web", "labels: {}"), "metadata.name: missing required"),
        (
            "bad.yaml",
            WEB.replace("name: web", "name: BAD"),
            "bad.yaml:5: metadata.name: Invalid value",
        ),
        ("bad.json", '{"kind": "Pod",', "bad.json:2:"),
    ],
)
async def test_a_bad_file_is_told_once_and_harms_nothing_else(
    client: Client,
    clock: ManualClock,
    run: Any,
    build: Any,
    directory: Path,
    node: Node,
    caplog: pytest.LogCaptureFixture,
    name: str,
    text: str,
    complaint: str,
) -> None:
    (directory / name).write_text(text)
    (directory / "web.yaml").write_text(WEB.replace("busybox:1", "busybox:good"))
    with caplog.at_level(logging.WARNING, "podkernel.static_pods"):
        async with run(build):
            await settle()
            await wait_image(client, "busybox:good")
            event = await wait_problem(client, complaint)
            await clock.advance(60)
    assert (event.type, event.reason) == ("Warning", "FailedStaticPod")
    assert (event.involved_object.kind, event.involved_object.name) == ("Node", "node1")
    assert str(directory / name) in event.message
    told = [record.getMessage() for record in caplog.records if complaint in record.getMessage()]
    assert told == [event.message]
    assert [pod.metadata.name for pod in await client.list(Pod)] == ["web-node1"]


async def test_a_file_that_turns_bad_keeps_its_pod_until_it_is_good_again(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    file = directory / "web.yaml"
    file.write_text(WEB)
    async with run(build):
        first = await wait_image(client, "busybox:1")
        file.write_text(WEB[: WEB.index("image:") + 2])
        await wait_problem(client, "web.yaml:10:")
        assert await client.get(Pod, "web-node1") == first
        file.write_text(WEB.replace("busybox:1", "busybox:2"))
        await wait_image(client, "busybox:2")


async def test_an_emptied_file_keeps_its_pod(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    file = directory / "web.yaml"
    file.write_text(WEB)
    async with run(build):
        pod = await wait_image(client, "busybox:1")
        file.write_text("")
        await wait_problem(client, "web.yaml: there is no Pod in it")
        assert await client.get(Pod, "web-node1") == pod


async def test_a_pod_that_the_api_refuses_keeps_the_one_before(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    file = directory / "web.yaml"
    file.write_text(WEB)
    async with run(build):
        first = await wait_image(client, "busybox:1")
        file.write_text(WEB + "  restartPolicy: Sometimes\n")
        await wait_problem(client, "web.yaml:10: spec.restartPolicy: Unsupported value")
        assert await client.get(Pod, "web-node1") == first


async def test_what_editors_leave_behind_is_not_read(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    for name in (".web.yaml", "web.yaml~", "web.yaml.swp", "4913", "#web.yaml#"):
        (directory / name).write_text(WEB)
    (directory / "folder.yaml").mkdir()
    os.mkfifo(directory / "pipe.yaml")
    async with run(build):
        await settle()
        assert await client.list(Pod) == []
        assert await client.list(Event) == []


async def test_links_are_followed_by_the_rescan(
    client: Client,
    clock: ManualClock,
    run: Any,
    build: Any,
    directory: Path,
    node: Node,
    tmp_path: Path,
) -> None:
    target = tmp_path / "elsewhere.yaml"
    (directory / "web.yaml").symlink_to(target)
    async with run(build):
        await wait_problem(client, "web.yaml: the symbolic link leads nowhere")
        await wait_watched(directory)
        target.write_text(WEB)
        await settle()
        assert await client.list(Pod) == []
        await clock.advance(20)
        await wait_image(client, "busybox:1")


async def test_a_missing_directory_is_waited_for(
    client: Client,
    clock: ManualClock,
    run: Any,
    build: Any,
    directory: Path,
    node: Node,
    caplog: pytest.LogCaptureFixture,
) -> None:
    os.rmdir(directory)
    with caplog.at_level(logging.WARNING, "podkernel.static_pods"):
        async with run(build):
            await advance(clock, 5)
            os.mkdir(directory)
            (directory / "web.yaml").write_text(WEB)
            await advance(clock, 2)
            await wait_image(client, "busybox:1")
            (directory / "web.yaml").unlink()
            os.rmdir(directory)
            await advance(clock, 21)
            await wait_gone(client)
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"{directory}: no such directory; waiting for it"] * 2


async def advance(clock: ManualClock, seconds: int) -> None:
    """Let time pass, with a moment of real time for the threads that read files."""
    for _ in range(seconds):
        await clock.advance(1)
        await anyio.sleep(0.02)


async def test_of_two_files_with_one_name_the_first_wins(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "b.yaml").write_text(WEB.replace("busybox:1", "busybox:b"))
    (directory / "a.yaml").write_text(WEB.replace("busybox:1", "busybox:a"))
    async with run(build):
        await wait_image(client, "busybox:a")
        event = await wait_problem(client, "asks for a Pod of that name already")
        assert event.message.startswith(f"{directory / 'b.yaml'}:5: metadata.name: ")
        (directory / "a.yaml").unlink()
        await wait_image(client, "busybox:b")


async def test_a_pod_of_that_name_that_is_no_mirror_is_left_alone(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    spec = PodSpec(containers=[Container(name="main", image="theirs")])
    await client.create(Pod(metadata=ObjectMeta(name="web-node1"), spec=spec))
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        await wait_problem(client, "is in the API, and is no static Pod of this node")
        assert (await client.get(Pod, "web-node1")).spec.containers[0].image == "theirs"
        await client.delete(Pod, "web-node1")
        await wait_image(client, "busybox:1")


async def test_mirrors_wait_for_their_node(
    client: Client, run: Any, build: Any, directory: Path
) -> None:
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        await settle()
        assert await client.list(Pod) == []
        await client.create(Node(metadata=ObjectMeta(name="node1")))
        await wait_image(client, "busybox:1")


async def test_mirrors_of_other_nodes_are_left_alone(
    client: Client, run: Any, build: Any, node: Node
) -> None:
    annotations = {"kubernetes.io/config.mirror": "1", HASH: "1"}
    metadata = ObjectMeta(name="web-node2", annotations=annotations)
    spec = PodSpec(node_name="node2", containers=[Container(name="main", image="busybox")])
    await client.create(Pod(metadata=metadata, spec=spec))
    async with run(build):
        await settle()
        assert await client.get(Pod, "web-node2")


async def test_another_directory_in_its_place_is_followed(
    client: Client, clock: ManualClock, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        await wait_image(client, "busybox:1")
        os.rename(directory, directory.with_name("before"))
        os.mkdir(directory)
        await advance(clock, 21)
        await wait_gone(client)
        (directory / "web.yaml").write_text(WEB.replace("busybox:1", "busybox:2"))
        await wait_image(client, "busybox:2")


async def test_a_file_that_is_too_large_is_not_read(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    with (directory / "large.yaml").open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    async with run(build):
        await wait_problem(client, "large.yaml: is larger than")


async def test_a_missing_namespace_is_told_and_waited_for(
    client: Client, clock: ManualClock, run: Any, build: Any, directory: Path, node: Node
) -> None:
    text = WEB.replace("name: web", "name: web\n  namespace: team")
    (directory / "web.yaml").write_text(text)
    async with run(build):
        await wait_problem(client, 'namespaces "team" not found')
        await client.create(Namespace(metadata=ObjectMeta(name="team")))
        await clock.advance(20)
        await settle()
        assert await client.get(Pod, "web-node1", namespace="team")


async def test_a_mirror_that_something_holds_is_replaced_once_it_has_gone(
    client: Client, run: Any, build: Any, directory: Path, node: Node
) -> None:
    (directory / "web.yaml").write_text(WEB)
    async with run(build):
        pod = await wait_image(client, "busybox:1")
        pod.metadata.finalizers = ["example.dev/hold"]
        await client.update(pod)
        (directory / "web.yaml").write_text(WEB.replace("busybox:1", "busybox:2"))
        held = await client.wait(
            Pod, "web-node1", lambda pod: bool(pod and pod.metadata.deletion_timestamp)
        )
        assert held is not None
        held.metadata.finalizers = []
        await client.update(held)
        await wait_image(client, "busybox:2")
