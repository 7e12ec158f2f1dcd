"""core/v1 Events, counted: the same thing said again raises a count instead of adding an Event."""

import logging
from collections.abc import Hashable

from kernel.api.client import Client
from kernel.api.errors import AlreadyExists, ApiError
from kernel.clock import Clock, now_timestamp
from kernel.control.event_correlation import Recent, Repeats, SimilarEvents
from kernel.objects.event import Event, EventSource, ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta

logger = logging.getLogger("podkernel.events")

COMBINED = "(combined from similar events): "


class Recorder:
    """Says what happens to objects, for `kubectl describe`. `component` and `host` are who says
    it. Never raises on account of a write: an Event that can't be stored is logged."""

    def __init__(self, client: Client, *, component: str, clock: Clock, host: str = ""):
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock
        self._remembered: Recent[Event] = Recent()
        self._similar = SimilarEvents()
        self._repeats = Repeats()

    async def event(
        self, obj: Kind, type: str, reason: str, message: str, *, field_path: str = ""
    ) -> None:
        """Say `message` about `obj`. `type` is Normal or Warning, `reason` one CamelCase word,
        `field_path` the part of the object that it is about (`spec.containers{web}`)."""
        metadata = obj.metadata
        group = (obj.kind, metadata.uid, type, reason)
        sameness: Hashable = (*group, message, field_path)
        if self._similar.is_combined(group, message, self._clock.monotonic_seconds()):
            sameness, message = group, COMBINED + message
        try:
            known = self._remembered.get(sameness)
            if known is None or not await self._count_up(known, message):
                known = await self._create(self._new_event(obj, type, reason, message, field_path))
            self._remembered.put(sameness, known)
        except ApiError as error:
            logger.warning(
                "event %s of %s %s/%s not recorded: %s",
                *(reason, obj.kind, metadata.namespace, metadata.name, error),
            )

    async def _create(self, event: Event) -> Event:
        """Store a new Event under the next free name: two things can happen in one instant."""
        name, nanoseconds = event.involved_object.name, self._clock.now_nanoseconds()
        while True:
            event.metadata.name = f"{name}.{nanoseconds:x}"
            try:
                return await self._client.create(event)
            except AlreadyExists:
                nanoseconds += 1

    async def _count_up(self, event: Event, message: str) -> bool:
        """Raise the count of an Event, at times only in memory; False where somebody has deleted or
        changed it."""
        event.count += 1
        event.message = message
        event.last_timestamp = now_timestamp(self._clock)
        about = event.involved_object
        if not self._repeats.may_write((about.kind, about.uid), self._clock.monotonic_seconds()):
            return True
        try:
            updated = await self._client.update(event)
        except ApiError:
            return False
        event.metadata.resource_version = updated.metadata.resource_version
        return True

    def _new_event(self, obj: Kind, type: str, reason: str, message: str, field_path: str) -> Event:
        now = now_timestamp(self._clock)
        metadata = obj.metadata
        return Event(
            metadata=ObjectMeta(namespace=metadata.namespace or "default"),
            involved_object=ObjectReference(
                kind=obj.kind,
                api_version=obj.api_version,
                namespace=metadata.namespace,
                name=metadata.name,
                uid=metadata.uid,
                resource_version=metadata.resource_version,
                field_path=field_path,
            ),
            reason=reason,
            message=message,
            type=type,
            count=1,
            first_timestamp=now,
            last_timestamp=now,
            source=EventSource(component=self._component, host=self._host),
            reporting_component=self._component,
            reporting_instance=self._host,
        )
