"""Leases (coordination.k8s.io/v1): who holds something, and until when."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Time


class LeaseSpec(Struct):
    """The holder, and when it last renewed its hold."""

    holder_identity: str | None = None
    """Name of the present holder."""
    lease_duration_seconds: Int32 | None = None
    """For how many seconds after `renewTime` others must wait before they may take it."""
    acquire_time: Time | None = None
    """When the present holder took it."""
    renew_time: Time | None = None
    """When the present holder last renewed it."""
    lease_transitions: Int32 | None = None
    """How often it has changed hands."""
    strategy: str | None = None
    """How its holder is chosen where candidates are coordinated."""
    preferred_holder: str | None = None
    """Name of the candidate that is to have it next; only with `strategy`."""


class Lease(Kind, group="coordination.k8s.io", version="v1"):
    """A hold that lapses unless it is renewed; nodes renew theirs to show that they live."""

    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)
    """Who holds it, and for how long."""
