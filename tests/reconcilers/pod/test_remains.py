"""Pods whose object is gone end as they asked to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.cri.runtime import ExecResult
from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import ContainerPort, ExecAction, SleepAction
from kernel.objects.pod import Lifecycle, LifecycleHandler, Pod
from kernel.objects.runtime_identity import CONFIG_HASH
from kernel.reconcilers.pod.remains import END, end_annotations, remains_of
from tests.reconcilers.pod.made_up import exited, observe, running
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

STATIC_UID = "0123456789abcdef"
PORTS = [ContainerPort(name="web", container_port=80)]
HOOK = Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(seconds=3)))


def test_what_the_end_asks_for_comes_back() -> None:
    pod = make_pod(
        container("main", lifecycle=HOOK, ports=PORTS),
        container("plain", ports=PORTS),
        init=(
            container("first", restart_policy="Always"),
            container("init"),
            container("second", restart_policy="Always", lifecycle=HOOK),
        ),
    )
    every = (*pod.spec.containers, *pod.spec.init_containers)
    annotations = {one.name: end_annotations(pod, one) for one in every}
    assert annotations["plain"] == annotations["init"] == {}
    found = observe(
        *(running(name, annotations=annotations[name]) for name in ("second", "first")),
        *(running(name, annotations=annotations[name]) for name in ("main", "plain")),
        exited("init", annotations=annotations["init"]),
    )
    remains = remains_of("uid1", found)
    assert [one.name for one in remains.spec.init_containers] == ["first", "second"]
    assert {one.name: one.lifecycle for one in remains.spec.containers} == {
        "main": HOOK,
        "plain": None,
    }
    assert remains.spec.containers[0].ports == PORTS
    assert (remains.metadata.name, remains.metadata.uid) == ("web", "uid1")


def test_an_annotation_that_cannot_be_read_asks_for_nothing() -> None:
    (found,) = remains_of("u", observe(running("main", annotations={END: "?"}))).spec.containers
    assert found.lifecycle is None


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


@pytest.mark.anyio
async def test_a_removed_static_pod_ends_with_its_hooks_and_in_order(node: NodeUnderTest) -> None:
    def mirror(pod: Pod) -> None:
        pod.metadata.annotations = {CONFIG_HASH: STATIC_UID}

    for name, seconds in (("main", 1), ("logs", 2)):
        node.simulated.script(name, SimulatedContainer(stop_seconds=seconds))
    await node.create(
        make_pod(
            container("main", lifecycle=HOOK),
            init=(container("logs", restart_policy="Always"),),
            change=mirror,
        )
    )
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    await node.advance(2)
    # A hook of three seconds, an end of one, and the sidecar's of two.
    await node.advance(3 + 1 + 2 - 0.1)
    assert len(await node.simulated.sandboxes()) == 1
    await node.advance(0.1)
    assert await node.simulated.sandboxes() == []
    assert sorted(node.said("Killing")) == ["Stopping container logs", "Stopping container main"]


@pytest.mark.anyio
async def test_a_pod_deleted_by_force_has_its_hooks_cut_short(node: NodeUnderTest) -> None:
    hook = LifecycleHandler(exec=ExecAction(command=["fails"]))
    node.simulated.script(
        "main", SimulatedContainer(exec_results={("fails",): ExecResult(b"", b"", 1)})
    )
    pause = LifecycleHandler(sleep=SleepAction(seconds=20))
    slow = container("slow", lifecycle=Lifecycle(pre_stop=pause))
    await node.create(make_pod(container("main", lifecycle=Lifecycle(pre_stop=hook)), slow))
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    await node.advance(2)
    assert node.said("FailedPreStopHook") == ["PreStopHook failed"]
    assert await node.simulated.sandboxes() == []
