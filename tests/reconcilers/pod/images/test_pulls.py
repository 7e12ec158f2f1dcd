"""Pulls are shared, limited, and go on when the one who began is no longer interested."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from kernel.clock import ManualClock
from kernel.cri.runtime import (
    ImagePullFailure,
    InvalidImageName,
    RegistryCredentials,
    RuntimeFailure,
)
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.reconcilers.pod.images.pulls import ImagePulls, Pulled

pytestmark = pytest.mark.anyio

FIRST = RegistryCredentials("first", "word")
SECOND = RegistryCredentials("second", "word")


class CountingRuntime(SimulatedRuntime):
    """Lets in nobody but `welcome`, and keeps what it was asked for."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.asked: list[tuple[str, str]] = []
        self.welcome: RegistryCredentials | None = None
        self.at_once = self.at_once_max = 0

    async def pull_image(self, image: str, credentials: RegistryCredentials | None = None) -> str:
        self.asked.append((image, credentials.username if credentials else ""))
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        try:
            pulled = await super().pull_image(image, credentials)
        finally:
            self.at_once -= 1
        if credentials != self.welcome:
            raise ImagePullFailure(f"denied: {credentials.username if credentials else 'nobody'}")
        return pulled


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def runtime(clock: ManualClock) -> CountingRuntime:
    return CountingRuntime(clock)


async def test_those_who_want_one_image_share_its_pull(
    clock: ManualClock, runtime: CountingRuntime
) -> None:
    pulls, results = ImagePulls(runtime, clock, pulls_max=5), list[Pulled]()
    runtime.delay("pull_image", 3)

    async def pull() -> None:
        results.append(await pulls.pull("web:1", ()))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(pull)
        await clock.advance(3)
    assert runtime.asked == [("web:1", "")]
    assert [result.seconds for result in results] == [3, 3, 3]
    runtime.delay("pull_image", 0)
    await pulls.pull("web:1", ())
    assert len(runtime.asked) == 2, "what has ended is not under way"


async def test_pulls_wait_for_their_turn(clock: ManualClock, runtime: CountingRuntime) -> None:
    pulls, ended = ImagePulls(runtime, clock, pulls_max=2), dict[str, Pulled]()
    runtime.delay("pull_image", 1)

    async def pull(image: str) -> None:
        ended[image] = await pulls.pull(image, ())

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(pull, f"web:{number}")
        await clock.advance(1)
        assert len(ended) == 2
        await clock.advance(2)
    assert len(ended) == 5
    assert runtime.at_once_max == 2
    assert {one.seconds for one in ended.values()} == {1}, "waiting for others does not count"


async def test_another_goes_on_where_the_first_one_is_cancelled(
    clock: ManualClock, runtime: CountingRuntime
) -> None:
    pulls, results = ImagePulls(runtime, clock, pulls_max=5), list[Pulled]()
    runtime.delay("pull_image", 3)
    first = anyio.CancelScope()

    async def lose_interest() -> None:
        with first:
            await pulls.pull("web:1", ())

    async def pull() -> None:
        results.append(await pulls.pull("web:1", ()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lose_interest)
        await clock.advance(0)
        tasks.start_soon(pull)
        tasks.start_soon(pull)
        await clock.advance(2)
        first.cancel()
        await clock.advance(3)
    assert len(results) == 2
    assert len(runtime.asked) == 2


async def test_logins_are_tried_in_turn(clock: ManualClock, runtime: CountingRuntime) -> None:
    runtime.welcome = SECOND
    pulls = ImagePulls(runtime, clock, pulls_max=5)
    await pulls.pull("web:1", (FIRST, SECOND))
    assert runtime.asked == [("web:1", "first"), ("web:1", "second")]


@pytest.mark.parametrize(
    ("fail", "logins", "said"),
    [
        (lambda runtime: None, (FIRST, SECOND), r"\[denied: first, denied: second\]"),
        (lambda runtime: runtime.fail("pull_image", RuntimeFailure("no")), (FIRST, SECOND), "^no$"),
        (lambda runtime: runtime.fail("pull_image", InvalidImageName("bad")), (FIRST,), "^bad$"),
    ],
)
async def test_what_every_try_said_is_said(
    clock: ManualClock,
    runtime: CountingRuntime,
    fail: Callable[[Any], None],
    logins: tuple[RegistryCredentials, ...],
    said: str,
) -> None:
    runtime.welcome = RegistryCredentials("nobody")
    fail(runtime)
    with pytest.raises(RuntimeFailure, match=said):
        await ImagePulls(runtime, clock, pulls_max=5).pull("web:1", logins)
