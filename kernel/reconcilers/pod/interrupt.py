"""Long calls that are given up once the Pod's end has been asked for, or hurried: a pull of minutes
must not hold up a deletion, nor a long grace a shorter one."""

import math
from collections.abc import Awaitable, Callable

from kernel.api.client import Client
from kernel.background import background_tasks
from kernel.clock import Clock
from kernel.objects.pod import Pod


class Interrupted(Exception):
    """The call was given up: the change that led to it brings the next reconcile."""


async def unless_deleted(client: Client, pod: Pod, call: Callable[[], Awaitable[None]]) -> None:
    """Make a call; give it up and raise `Interrupted` as soon as the object is gone, is being
    deleted by another time than `pod` says, or, while it is not, has another deadline."""
    is_interrupted = False

    def has_changed(present: Pod | None) -> bool:
        if present is None or present.metadata.uid != pod.metadata.uid:
            return True
        if present.metadata.deletion_timestamp != pod.metadata.deletion_timestamp:
            return True
        has_deadline = pod.metadata.deletion_timestamp is None
        deadlines = present.spec.active_deadline_seconds, pod.spec.active_deadline_seconds
        return has_deadline and deadlines[0] != deadlines[1]

    async def watch() -> None:
        nonlocal is_interrupted
        await client.wait(
            Pod,
            pod.metadata.name,
            has_changed,
            namespace=pod.metadata.namespace,
            timeout_seconds=math.inf,
        )
        is_interrupted = True
        tasks.cancel_scope.cancel()

    try:
        async with background_tasks() as tasks:
            tasks.start_soon(watch)
            await call()
    except Exception:
        if not is_interrupted:
            raise
    if is_interrupted:
        raise Interrupted


async def given_up_after(clock: Clock, seconds: float, call: Callable[[], Awaitable[None]]) -> bool:
    """Make a call; give it up once `seconds` of `clock` are over. Whether it was given up."""
    if math.isinf(seconds):
        await call()
        return False

    async def watch_the_clock() -> None:
        await clock.sleep(seconds)
        tasks.cancel_scope.cancel()

    async with background_tasks() as tasks:
        tasks.start_soon(watch_the_clock)
        await call()
        return False
    return True
