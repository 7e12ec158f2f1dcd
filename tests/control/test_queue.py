"""The queue: each key once, never twice at a time, none forgotten, by priority and time."""

import asyncio
from typing import Any

import anyio
import pytest
from hypothesis import given, settings, strategies as st

from kernel.clock import ManualClock
from kernel.control.queue import BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN, Work, WorkQueue
from kernel.control.reconciler import Request

pytestmark = pytest.mark.anyio
A, B, C = Request("a", "default"), Request("b", "default"), Request("c")


async def take(queue: WorkQueue) -> Work:
    """The next key, which must be there already."""
    with anyio.fail_after(5):
        return await queue.get()


async def is_idle(queue: WorkQueue) -> bool:
    """Whether nothing can be taken now."""
    with anyio.move_on_after(0.002):
        await queue.get()
        return False
    return True


async def test_a_key_that_is_ready_is_taken_once_with_its_newest_cause(
    clock: ManualClock,
) -> None:
    queue = WorkQueue(clock)
    queue.add(A, cause=5)
    queue.add(A, cause=9)
    queue.add(A, cause=7)
    assert len(queue) == 1
    assert await take(queue) == Work(A, 9)
    queue.done(A)
    assert await is_idle(queue)


async def test_a_key_that_is_added_while_it_is_worked_on_comes_again_after(
    clock: ManualClock,
) -> None:
    queue = WorkQueue(clock)
    queue.add(A, cause=1)
    await take(queue)
    queue.add(A, cause=2)
    queue.add(A, cause=3)
    assert await is_idle(queue)
    queue.done(A)
    assert await take(queue) == Work(A, 3)
    queue.done(A)
    assert await is_idle(queue)


async def test_priorities_go_first_then_the_order_of_adding(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    queue.add(A, priority=-100)
    queue.add(B, priority=-100)
    queue.add(C)
    queue.add(B)  # raises B's
    queue.add(C, priority=-100)  # does not lower C's
    assert [(await take(queue)).request for _ in range(3)] == [C, B, A]
    for request in (A, B, C):
        queue.done(request)
    assert await is_idle(queue)


async def test_a_raised_priority_never_hands_a_key_out_twice(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    queue.add(A, priority=-1)
    queue.add(A, priority=0)
    await take(queue)
    queue.add(A, priority=-1)
    assert await is_idle(queue)
    queue.done(A)
    assert (await take(queue)).request == A
    queue.done(A)
    assert await is_idle(queue)


async def test_delays_are_kept_and_the_shortest_holds(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.run)
        queue.add_after(A, 10, cause=1)
        queue.add_after(B, 5)
        await clock.advance(1)
        queue.add_after(A, 2, cause=2)
        queue.add_after(A, 60, cause=3)
        await clock.advance(1.9)
        assert len(queue) == 0
        await clock.advance(0.1)
        assert await take(queue) == Work(A, 2)
        queue.done(A)
        await clock.advance(2)
        assert (await take(queue)).request == B
        queue.done(B)
        await clock.advance(1000)
        assert len(queue) == 0
        queue.add_after(C, 0)
        assert (await take(queue)).request == C
        tasks.cancel_scope.cancel()


async def test_work_before_its_time_makes_a_delay_forgotten(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.run)
        queue.add_after(A, 10)
        queue.add(A)
        await take(queue)
        queue.done(A)
        await clock.advance(100)
        assert len(queue) == 0
        tasks.cancel_scope.cancel()


async def test_many_forgotten_delays_take_no_room(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.run)
        queue.add_after(B, 3600)
        for _ in range(1000):
            queue.add_after(A, 3600)
            queue.add(A)
            await take(queue)
            queue.done(A)
        queue.add_after(A, 7200)
        await clock.advance(3600)
        assert (await take(queue)).request == B
        assert len(queue) == 0
        await clock.advance(3600)
        assert (await take(queue)).request == A
        tasks.cancel_scope.cancel()


async def test_back_off_doubles_per_key_to_its_limit_and_starts_again(
    clock: ManualClock,
) -> None:
    queue = WorkQueue(clock)
    delays = [queue.add_after_failure(A) for _ in range(20)]
    assert delays[:4] == [BACKOFF_SECONDS_MIN * factor for factor in (1, 2, 4, 8)]
    assert delays[-1] == BACKOFF_SECONDS_MAX
    assert sorted(delays) == delays
    assert queue.add_after_failure(B) == BACKOFF_SECONDS_MIN
    queue.forget_failures(A)
    assert queue.add_after_failure(A) == BACKOFF_SECONDS_MIN
    for _ in range(2000):
        queue.add_after_failure(C)  # no overflow
    assert queue.add_after_failure(C) == BACKOFF_SECONDS_MAX


async def test_a_cancelled_worker_leaves_its_key_to_another(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    taken: list[Request] = []

    async def work() -> None:
        taken.append((await queue.get()).request)

    for _ in range(20):
        taken.clear()
        async with anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()

            async def cancelled(scope: anyio.CancelScope = scope) -> None:
                with scope:
                    await work()

            tasks.start_soon(cancelled)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            queue.add(A)
            scope.cancel()
            await anyio.wait_all_tasks_blocked()
            if taken == [A]:  # the cancelled one was faster, or the other one was: either is right
                queue.done(A)
                queue.add(B)
                await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert taken[:1] == [A]
        for request in (A, B):
            queue.done(request)
        while not await is_idle(queue):
            pass


async def test_a_busy_queue_lets_others_run(clock: ManualClock) -> None:
    queue = WorkQueue(clock)
    with anyio.move_on_after(0.02) as scope:
        while True:
            queue.add(A)
            await queue.get()
            queue.done(A)
    assert scope.cancelled_caught


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 3), st.integers(-2, 2)),
        st.tuples(st.just("later"), st.integers(0, 3), st.integers(1, 5)),
        st.tuples(st.just("advance"), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("finish"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 2), st.just(0)),
    ),
    max_size=40,
)


class Workers:
    """Three workers on one queue, which finish or are cancelled when told."""

    def __init__(self, queue: WorkQueue):
        self.queue = queue
        self.working: dict[int, Request] = {}
        self.finish: dict[int, asyncio.Event] = {}
        self.taken: list[tuple[Request, int]] = []
        self.tasks = {number: asyncio.create_task(self.work(number)) for number in range(3)}

    async def work(self, number: int) -> None:
        while True:
            work = await self.queue.get()
            assert work.request not in self.working.values(), "two workers on one key"
            self.working[number] = work.request
            self.taken.append((work.request, work.cause))
            self.finish[number] = asyncio.Event()
            try:
                await self.finish[number].wait()
            finally:
                del self.working[number]
                self.queue.done(work.request)

    async def cancel(self, number: int) -> None:
        self.tasks[number].cancel()
        await asyncio.gather(self.tasks[number], return_exceptions=True)

    def start_again(self) -> None:
        for number, task in self.tasks.items():
            if task.done():
                self.tasks[number] = asyncio.create_task(self.work(number))

    def require_nobody_idle_beside_work(self) -> None:
        alive = [number for number, task in self.tasks.items() if not task.done()]
        if len(alive) > len(self.working):
            assert len(self.queue) <= len(self.working), "a wake-up was lost"


async def play(steps: list[tuple[str, int, int]]) -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    workers = Workers(queue)
    timer = asyncio.create_task(queue.run())
    newest: dict[Request, int] = {}
    for cause, (step, number, detail) in enumerate(steps, start=1):
        request = Request(f"key-{number}")
        if step == "add":
            queue.add(request, priority=detail, cause=cause)
            newest[request] = cause
        elif step == "later":
            queue.add_after(request, detail, cause=cause)
        elif step == "advance":
            await clock.advance(number)
        elif step == "finish" and number in workers.finish:
            workers.finish[number].set()
        elif step == "cancel":
            await workers.cancel(number)
        if cause % 2:
            await clock.advance(0)
            workers.require_nobody_idle_beside_work()
            workers.start_again()
    workers.start_again()
    for _ in range(20):
        await clock.advance(0)
        for event in workers.finish.values():
            event.set()
        await clock.advance(10)
    assert len(queue) == 0
    assert not workers.working
    for request, cause in newest.items():
        assert max(c for r, c in workers.taken if r == request) >= cause, "a change was missed"
    everyone: list[asyncio.Task[Any]] = [timer, *workers.tasks.values()]
    for task in everyone:
        task.cancel()
    await asyncio.gather(*everyone, return_exceptions=True)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_no_interleaving_misses_a_change_or_doubles_a_key(
    steps: list[tuple[str, int, int]],
) -> None:
    asyncio.run(play(steps))
