"""Which containers end before which: as a table, and on a simulated node."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.container import SleepAction
from kernel.objects.pod import Container, Lifecycle, LifecycleHandler, Pod
from kernel.reconcilers.pod.decisions.stop_order import sidecars_wait_for
from tests.reconcilers.pod.node_under_test import NodeUnderTest, container, make_pod, open_node

SIDECARS = ("first", "second", "third")


def sidecar(name: str, **fields: Any) -> Container:
    return container(name, restart_policy="Always", **fields)


def sidecar_pod(*containers: Container, **spec: Any) -> Pod:
    return make_pod(
        *containers,
        init=(sidecar("first"), container("init", "true"), sidecar("second"), sidecar("third")),
        **spec,
    )


POD = sidecar_pod(container("main"), container("other"))


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ((), {}),
        (("main", "other"), {}),
        (("init", "first"), {"first": set()}),
        (("main", "first"), {"first": {"main"}}),
        (("first", "third"), {"third": set(), "first": {"third"}}),
        (
            ("main", "other", "first", "second", "third"),
            {
                "third": {"main", "other"},
                "second": {"main", "other", "third"},
                "first": {"main", "other", "second", "third"},
            },
        ),
        (("main", "debugger", "first"), {"first": {"main"}}),
    ],
)
def test_sidecars_wait_for_what_uses_them(
    running: tuple[str, ...], expected: dict[str, set[str]]
) -> None:
    assert sidecars_wait_for(POD, running) == expected


@given(st.sets(st.sampled_from(["main", "other", "init", *SIDECARS])))
def test_nobody_waits_for_himself_or_in_a_circle(running: set[str]) -> None:
    waits_for = sidecars_wait_for(POD, running)
    ended: set[str] = running - set(waits_for)
    while waits_for.keys() - ended:
        free = {name for name, others in waits_for.items() if name not in ended and others <= ended}
        assert free
        ended |= free


# On a node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


async def _end_times(node: NodeUnderTest) -> dict[str, int]:
    """How many seconds after the start of the test each container ended."""
    start = node.clock.now_nanoseconds() - int(node.clock.monotonic_seconds() * 1e9)
    return {
        one.name: round((one.finished_at - start) / 1e9)
        for one in await node.simulated.containers()
        if one.finished_at
    }


async def _watched_end_times(node: NodeUnderTest, seconds: int) -> dict[str, int]:
    """The same, looked at every second while the Pod is being removed."""
    times: dict[str, int] = {}
    for _ in range(seconds):
        times |= await _end_times(node)
        await node.advance(1)
    return times


@pytest.mark.anyio
async def test_a_deleted_pod_ends_its_sidecars_last_in_reverse(node: NodeUnderTest) -> None:
    for name, seconds in (("main", 3), ("other", 1), ("third", 2), ("second", 2), ("first", 2)):
        node.simulated.script(name, SimulatedContainer(stop_seconds=seconds))
    await node.create(sidecar_pod(container("main"), container("other")))
    async with node.client.watch(Pod) as events:
        await node.client.delete(Pod, "web")
        times = await _watched_end_times(node, 12)
        # The sandbox goes once the last one has ended.
        async for event in events:
            if event.type == "DELETED":
                break
    assert {name: times[name] for name in ("other", "main", "third", "second")} == {
        "other": 1,
        "main": 3,
        "third": 5,
        "second": 7,
    }


@pytest.mark.anyio
async def test_all_share_one_grace_and_the_last_ones_have_two_seconds(node: NodeUnderTest) -> None:
    for name in ("main", *SIDECARS):
        node.simulated.script(name, SimulatedContainer(stop_seconds=100))
    await node.create(sidecar_pod(container("main"), termination_grace_period_seconds=6))
    await node.client.delete(Pod, "web")
    # The main container takes the whole grace, and the sidecars have what is left at the least.
    await node.advance(6 + 2 - 0.1)
    assert len(await node.client.list(Pod)) == 1
    await node.advance(0.1)
    assert await node.client.list(Pod) == []


@pytest.mark.anyio
async def test_a_pod_that_finishes_ends_its_sidecars_in_reverse(node: NodeUnderTest) -> None:
    for name in SIDECARS:
        node.simulated.script(name, SimulatedContainer(stop_seconds=2))
    await node.create(sidecar_pod(container("job", "sleep", "1"), restart="Never"))
    await node.advance(1 + 2 + 2 + 2)
    times = await _end_times(node)
    assert [times[name] for name in ("job", "third", "second", "first")] == [1, 3, 5, 7]
    assert (await node.pod()).status.phase == "Succeeded"


@pytest.mark.anyio
async def test_a_pod_that_is_deleted_in_its_init_phase_ends_all_that_runs(
    node: NodeUnderTest,
) -> None:
    node.simulated.script("init", SimulatedContainer(stop_seconds=3))
    node.simulated.script("logs", SimulatedContainer(stop_seconds=4))
    await node.create(make_pod(init=(sidecar("logs"), container("init"))))
    await node.client.delete(Pod, "web")
    await node.advance(3.9)
    assert len(await node.client.list(Pod)) == 1
    await node.advance(0.1)
    assert await node.client.list(Pod) == []


@pytest.mark.anyio
async def test_pre_stop_hooks_of_sidecars_run_at_once(node: NodeUnderTest) -> None:
    """As in Kubernetes: only the stop signal waits for its turn."""
    hook = Lifecycle(pre_stop=LifecycleHandler(sleep=SleepAction(seconds=3)))
    node.simulated.script("main", SimulatedContainer(stop_seconds=4))
    await node.create(make_pod(init=(sidecar("logs", lifecycle=hook),)))
    await node.client.delete(Pod, "web")
    await node.advance(3.9)
    assert len(await node.client.list(Pod)) == 1
    await node.advance(0.1)
    assert await node.client.list(Pod) == []


@pytest.mark.anyio
@pytest.mark.parametrize("grace_seconds", [0, 1])
async def test_however_short_the_grace_two_seconds_are_given(
    node: NodeUnderTest, grace_seconds: int
) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=100))
    await node.create(make_pod(termination_grace_period_seconds=grace_seconds, restart="Never"))
    if grace_seconds:
        await node.client.delete(Pod, "web")
        await node.advance(1.9)
        assert len(await node.client.list(Pod)) == 1
        await node.advance(0.1)
    else:
        # Without grace the object goes at once, and the containers follow.
        await node.client.delete(Pod, "web")
        assert await node.client.list(Pod) == []
        await node.advance(2)
    assert await node.client.list(Pod) == []
    assert await node.simulated.sandboxes() == []
