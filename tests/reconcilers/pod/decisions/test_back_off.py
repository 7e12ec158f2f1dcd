"""The waits before restarts, and what a Pod's annotations make of them."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from kernel.cri.simulated.runtime import SimulatedContainer
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.decisions.back_off import (
    INITIAL_SECONDS,
    MAX_SECONDS,
    BackOff,
    back_off_of,
    bad_annotations,
)
from tests.reconcilers.pod.node_under_test import make_pod, open_node


@pytest.mark.parametrize(
    ("in_row", "seconds"),
    [(0, 0), (1, 0), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 300), (10_000, 300)],
)
def test_kubernetes_waits_are_the_default(in_row: int, seconds: float) -> None:
    assert back_off_of({}).seconds(in_row) == seconds


@given(
    st.integers(min_value=0, max_value=10_000),
    st.floats(min_value=0.1, max_value=600),
    st.floats(min_value=0.1, max_value=600),
)
def test_waits_never_shrink_and_are_bounded(in_row: int, initial: float, longest: float) -> None:
    back_off = BackOff(initial, longest)
    assert 0 <= back_off.seconds(in_row) <= back_off.seconds(in_row + 1) <= longest


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({INITIAL_SECONDS: "1"}, BackOff(1, 300)),
        ({INITIAL_SECONDS: "0.5", MAX_SECONDS: "4"}, BackOff(0.5, 4)),
        ({INITIAL_SECONDS: "600"}, BackOff(600, 600)),
        ({MAX_SECONDS: "5"}, BackOff(10, 5)),
    ],
)
def test_annotations_say_otherwise(annotations: dict[str, str], expected: BackOff) -> None:
    assert back_off_of(annotations) == expected
    assert bad_annotations(annotations) == []


@pytest.mark.parametrize("value", ["", "soon", "10s", "0", "-1", "nan", "inf", "0.09", "86401"])
def test_a_bad_value_is_named_and_counts_as_none(value: str) -> None:
    annotations = {INITIAL_SECONDS: value, MAX_SECONDS: "20"}
    assert back_off_of(annotations) == BackOff(10, 20)
    assert bad_annotations(annotations) == [
        f'annotation {INITIAL_SECONDS} is "{value}", not a number of seconds from 0.1 to 86400:'
        " the default is kept"
    ]


@pytest.mark.anyio
async def test_a_pod_s_own_waits_on_a_node(tmp_path: Path) -> None:
    def tune(pod: Pod) -> None:
        pod.metadata.annotations = {INITIAL_SECONDS: "0.25", MAX_SECONDS: "1e3"}

    async with open_node(tmp_path) as node, node.running():
        node.simulated.script("main", SimulatedContainer(exit_code=1, run_seconds=1))
        pod = await node.create(make_pod(change=tune))
        await node.advance(2)
        waiting = (await node.status_of("main")).state.waiting
        assert waiting is not None
        assert waiting.message == (
            f"back-off 250ms restarting failed container=main pod=web_default({pod.metadata.uid})"
        )
        await node.advance(0.25)
        assert (await node.status_of("main")).restart_count == 2
        assert node.said("InvalidAnnotation") == []
        # It counts from the next look on.
        pod = await node.pod()
        pod.metadata.annotations = {INITIAL_SECONDS: "0.5", MAX_SECONDS: "long"}
        await node.client.update(pod)
        await node.advance(1 + 0.9)
        assert (await node.status_of("main")).restart_count == 2
        await node.advance(0.1)
        assert (await node.status_of("main")).restart_count == 3
        assert len(node.said("InvalidAnnotation")) == 1
