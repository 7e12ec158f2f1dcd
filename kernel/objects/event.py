"""Events and Bindings (core/v1), and references to objects of any kind."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Time


class ObjectReference(Struct, atomic=True):
    """Names an object; `field_path` a part of it, such as `spec.containers{web}`."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


class EventSource(Struct):
    """The component, and its node, that reports an Event."""

    component: str = ""
    host: str = ""


class EventSeries(Struct):
    """How often, and when last, an Event was seen again."""

    count: Int32 = 0
    last_observed_time: Time | None = None


class Event(Kind, version="v1", short_names=("ev",)):
    """Something that happened to an object, as `kubectl describe` shows it."""

    involved_object: ObjectReference = msgspec.field(default_factory=ObjectReference)
    reason: str = ""
    message: str = ""
    source: EventSource = msgspec.field(default_factory=EventSource)
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    count: Int32 = 0
    type: str = ""
    event_time: Time | None = None
    series: EventSeries | None = None
    action: str = ""
    related: ObjectReference | None = None
    reporting_component: str = msgspec.field(default_factory=str)
    reporting_instance: str = msgspec.field(default_factory=str)


class Binding(Kind, version="v1"):
    """Puts the Pod of the same name on the node `target`."""

    target: ObjectReference
