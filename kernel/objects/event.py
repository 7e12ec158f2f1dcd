"""Events and Bindings (core/v1), and references to objects of any kind."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Time


class ObjectReference(Struct, atomic=True):
    """Names an object; `field_path` a part of it, such as `spec.containers{web}`."""

    kind: str = ""
    """Kind of the object."""
    namespace: str = ""
    """Its namespace."""
    name: str = ""
    """Its name."""
    uid: str = ""
    """Its uid."""
    api_version: str = ""
    """Group and version of its kind."""
    resource_version: str = ""
    """The revision of it that is meant."""
    field_path: str = ""
    """The part of it that is meant, spec.containers{web} say."""


class EventSource(Struct):
    """The component, and its node, that reports an Event."""

    component: str = ""
    """Name of the program."""
    host: str = ""
    """Name of its node."""


class EventSeries(Struct):
    """How often, and when last, an Event was seen again."""

    count: Int32 = 0
    """How often it has happened in this series."""
    last_observed_time: Time | None = None
    """When it last happened."""


class Event(Kind, version="v1", short_names=("ev",)):
    """Something that happened to an object, as `kubectl describe` shows it."""

    involved_object: ObjectReference = msgspec.field(default_factory=ObjectReference)
    """What the Event is about. Required."""
    reason: str = ""
    """What happened, as one word for programs."""
    message: str = ""
    """What happened, as a sentence for people."""
    source: EventSource = msgspec.field(default_factory=EventSource)
    """Who says so."""
    first_timestamp: Time | None = None
    """When it first happened."""
    last_timestamp: Time | None = None
    """When it last happened."""
    count: Int32 = 0
    """How often it has happened."""
    type: str = ""
    """Normal or Warning."""
    event_time: Time | None = None
    """When it first happened, with microseconds."""
    series: EventSeries | None = None
    """That it goes on happening; absent where it happened once."""
    action: str = ""
    """What was done, or failed."""
    related: ObjectReference | None = None
    """Another object that takes part."""
    reporting_component: str = msgspec.field(default_factory=str)
    """Name of the controller that says so, example.dev/websites say."""
    reporting_instance: str = msgspec.field(default_factory=str)
    """Which instance of that controller."""


class Binding(Kind, version="v1"):
    """Puts the Pod of the same name on the node `target`."""

    target: ObjectReference
    """The node that the Pod is bound to."""
