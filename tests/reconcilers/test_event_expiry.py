"""Events go an hour after they were last seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock, now_datetime
from kernel.objects.event import Event, EventSeries
from kernel.objects.meta import ObjectMeta
from kernel.reconcilers.event_expiry import event_expiry

pytestmark = pytest.mark.anyio


def event(name: str, last: datetime | None = None) -> Event:
    return Event(metadata=ObjectMeta(name=name), reason="Seen", last_timestamp=last)


async def names(client: Client) -> list[str]:
    return [one.metadata.name for one in await client.list(Event)]


async def test_an_event_goes_after_an_hour_and_one_seen_again_later(
    client: Client, run: Any, clock: ManualClock
) -> None:
    await client.create(event("before-the-start"))
    async with run(lambda informers: [event_expiry(clock)]):
        await clock.advance(1800)
        await client.create(event("old-news", now_datetime(clock) - timedelta(days=400)))
        again = await client.create(event("seen-again", now_datetime(clock)))
        await clock.advance(1799)
        assert await names(client) == ["before-the-start", "old-news", "seen-again"]
        await clock.advance(1)
        assert await names(client) == ["old-news", "seen-again"]
        again.last_timestamp = now_datetime(clock)
        again.count += 1
        await client.update(again)
        await clock.advance(1800)
        assert await names(client) == ["seen-again"]
        await clock.advance(1800)
        assert await names(client) == []


async def test_a_series_counts_and_the_end_of_time_does_no_harm(
    client: Client, run: Any, clock: ManualClock
) -> None:
    series = event("series")
    series.series = EventSeries(
        count=2, last_observed_time=now_datetime(clock) + timedelta(hours=1)
    )
    await client.create(series)
    await client.create(event("never", datetime(9999, 12, 31, 23, 59, tzinfo=UTC)))
    async with run(lambda informers: [event_expiry(clock)]):
        await clock.advance(7199)
        assert await names(client) == ["never", "series"]
        await clock.advance(1.001)
        assert await names(client) == ["never"]
