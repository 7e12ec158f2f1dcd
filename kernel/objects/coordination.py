"""Leases (coordination.k8s.io/v1): who holds something, and until when."""

from datetime import datetime

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct


class LeaseSpec(Struct):
    """The holder, and when it last renewed its hold."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: datetime | None = None
    renew_time: datetime | None = None
    lease_transitions: int | None = None
    strategy: str | None = None
    preferred_holder: str | None = None


class Lease(Kind, group="coordination.k8s.io", version="v1"):
    """A hold that lapses unless it is renewed; nodes renew theirs to show that they live."""

    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)
