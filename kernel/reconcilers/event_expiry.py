"""Events (core/v1) are deleted an hour after they were last seen, as kube-apiserver does it."""

from datetime import datetime, timedelta

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.clock import Clock, now_datetime
from kernel.control.reconciler import Reconciler, Request, Result
from kernel.objects.event import Event

NAME = "event-expiry"
TIME_TO_LIVE = timedelta(hours=1)


def event_expiry(clock: Clock) -> Reconciler:
    """The reconciler: each Event comes back when its time is up, and not before unless it is seen
    again."""

    async def reconcile(request: Request, client: Client) -> Result | None:
        event = await client.get(Event, request.name, namespace=request.namespace)
        left = TIME_TO_LIVE - (now_datetime(clock) - last_seen(event))
        if left > timedelta():
            return Result(requeue_after_seconds=left.total_seconds())
        version = event.metadata.resource_version
        try:
            await client.delete(
                Event, request.name, namespace=request.namespace, resource_version=version
            )
        except (Conflict, NotFound):
            return None  # it was seen again, or somebody was faster
        return None

    return Reconciler(name=NAME, kind=Event, reconcile=reconcile)


def last_seen(event: Event) -> datetime:
    """The newest of the times that an Event has; that of its creation at the least."""
    series = event.series.last_observed_time if event.series else None
    created = event.metadata.creation_timestamp
    assert created is not None, "every stored object has one"
    others = (event.last_timestamp, event.event_time, event.first_timestamp, series)
    return max([created, *(time for time in others if time is not None)])
