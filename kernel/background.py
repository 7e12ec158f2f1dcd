"""Tasks beside a context's body, for contexts whose callers shall not know of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

First = TypeVar("First")
Second = TypeVar("Second")


@asynccontextmanager
async def background_tasks() -> AsyncIterator[TaskGroup]:
    """A task group that is cancelled at the end of the context, and does not wrap into an
    ExceptionGroup what the body raises."""
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        try:
            yield group
        except Exception as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def side_by_side(
    first: Callable[[], Awaitable[First]], second: Callable[[], Awaitable[Second]]
) -> tuple[First, Second]:
    """What both calls answer; `first` has begun before `second` does. Where one fails the other is
    cancelled, and the failure comes out as it is."""
    answers: list[Second] = []
    failures: list[Exception] = []

    async def call_second() -> None:
        try:
            answers.append(await second())
        except Exception as failure:
            failures.append(failure)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call_second)
        try:
            answer = await first()
        except Exception as failure:
            failures.append(failure)
            tasks.cancel_scope.cancel()
    if failures:
        raise failures[0]
    return answer, answers[0]
