"""Time that moves by hand wakes sleepers in order; chance that comes from a seed repeats itself."""

from datetime import UTC, datetime

import anyio
import pytest

from kernel.clock import ManualClock, SystemClock, now_datetime, now_timestamp

pytestmark = pytest.mark.anyio


async def test_sleepers_wake_in_order_each_at_its_time() -> None:
    clock = ManualClock()
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, *seconds: float) -> None:
        for one in seconds:
            await clock.sleep(one)
            woken.append((name, clock.monotonic_seconds()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep, "late", 3)
        tasks.start_soon(sleep, "twice", 1, 1.5)
        tasks.start_soon(sleep, "never", -1)
        await clock.advance(0.999)
        assert woken == [("never", 0)]
        assert clock.seconds_to_next_sleeper == pytest.approx(0.001)
        await clock.advance(2.001)
        assert woken[1:] == [("twice", 1), ("twice", 2.5), ("late", 3)]
        assert clock.seconds_to_next_sleeper is None


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(clock.sleep, 5)
        await anyio.wait_all_tasks_blocked()
        assert clock.seconds_to_next_sleeper == 5
        tasks.cancel_scope.cancel()
    assert clock.seconds_to_next_sleeper is None


def test_the_same_seed_gives_the_same_chances() -> None:
    def drawn(seed: int) -> tuple[float, str, str]:
        clock = ManualClock(seed=seed)
        return clock.random(), clock.choice("abcdefghijklmnop"), clock.uuid()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1)[2][14] == "4", "a version 4 UUID"


async def test_wall_time_is_exact_and_utc() -> None:
    clock = ManualClock(start=datetime(2026, 11, 20, 12, tzinfo=UTC))
    await clock.advance(0.999_999_999)
    assert now_datetime(clock) == datetime(2026, 11, 20, 12, 0, 0, 999_999, tzinfo=UTC)
    assert now_timestamp(clock) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    await clock.advance(0.000_000_001)
    assert now_timestamp(clock) == datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)


async def test_the_system_clock_goes_on() -> None:
    clock = SystemClock()
    started = clock.monotonic_seconds(), clock.now_nanoseconds()
    await clock.sleep(0.001)
    assert clock.monotonic_seconds() >= started[0] + 0.0009
    assert clock.now_nanoseconds() > started[1]
    assert abs((now_datetime(clock) - datetime.now(UTC)).total_seconds()) < 60
    assert 0 <= clock.random() < 1
    assert clock.choice([7]) == 7
    assert clock.uuid() != clock.uuid()
