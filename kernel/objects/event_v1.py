"""Events as events.k8s.io/v1 has them: those of core/v1, some of whose fields have other names."""

import msgspec

from kernel.objects.event import EventSeries, EventSource, ObjectReference
from kernel.objects.kind import Kind
from kernel.objects.wire_types import Int32, Time


class Event(Kind, group="events.k8s.io", version="v1", short_names=("ev",)):
    """Something that happened to an object, as `kubectl describe` shows it."""

    event_time: Time | None = None
    """When it was seen first."""
    series: EventSeries | None = None
    """How often it was seen since; none where it was seen once."""
    reporting_controller: str = msgspec.field(default_factory=str)
    """The program that reports it: `example.com/controller`."""
    reporting_instance: str = msgspec.field(default_factory=str)
    """Which instance of the program it was."""
    action: str = ""
    """What was done, in a word."""
    reason: str = ""
    """Why it was done, in a word."""
    regarding: ObjectReference = msgspec.field(default_factory=ObjectReference)
    """The object that it is about."""
    related: ObjectReference | None = None
    """Another object that has to do with it."""
    note: str = ""
    """What happened, for people."""
    type: str = ""
    """How bad it is. One of: Normal, Warning."""
    deprecated_source: EventSource = msgspec.field(default_factory=EventSource)
    """The component that reports it, as core/v1 has it."""
    deprecated_first_timestamp: Time | None = None
    """When it was seen first, as core/v1 has it."""
    deprecated_last_timestamp: Time | None = None
    """When it was seen last, as core/v1 has it."""
    deprecated_count: Int32 = 0
    """How often it was seen, as core/v1 has it."""
