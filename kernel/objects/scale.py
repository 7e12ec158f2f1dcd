"""Scale (autoscaling/v1): how many Pods an object of another kind keeps; never stored."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct
from kernel.objects.wire_types import Int32


class ScaleSpec(Struct):
    """How many Pods there are to be."""

    replicas: Int32 = 0
    """How many Pods there are to be."""


class ScaleStatus(Struct):
    """How many Pods there are, and the labels by which they can be listed."""

    replicas: Int32 = msgspec.field(default_factory=int)
    """How many Pods there are."""
    selector: str = ""
    """Labels of the Pods, as a query has them: app=web."""


class Scale(Kind, group="autoscaling", version="v1"):
    """The number of Pods of any kind of object that has one."""

    spec: ScaleSpec = msgspec.field(default_factory=ScaleSpec)
    """How many Pods are wanted."""
    status: ScaleStatus = msgspec.field(default_factory=ScaleStatus)
    """How many there are."""
