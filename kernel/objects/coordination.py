"""Leases (coordination.k8s.io/v1): who holds something, and until when."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32, Time


class LeaseSpec(Struct):
    """The holder, and when it last renewed its hold."""

    holder_identity: str | None = None
    lease_duration_seconds: Int32 | None = None
    acquire_time: Time | None = None
    renew_time: Time | None = None
    lease_transitions: Int32 | None = None
    strategy: str | None = None
    preferred_holder: str | None = None


class Lease(Kind, group="coordination.k8s.io", version="v1"):
    """A hold that lapses unless it is renewed; nodes renew theirs to show that they live."""

    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)
