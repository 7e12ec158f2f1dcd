"""Namespaces (core/v1): scopes for names."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Time


class NamespaceCondition(Struct):
    """Why a namespace's end takes its time."""

    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NamespaceSpec(Struct):
    """`finalizers` keep a deleted namespace until it has been emptied."""

    finalizers: list[str] = []


class NamespaceStatus(Struct):
    """`phase` is Active or Terminating."""

    phase: str = ""
    conditions: Annotated[list[NamespaceCondition], MergeKey("type")] = []


class Namespace(Kind, version="v1", short_names=("ns",), namespaced=False):
    """A scope for the names of other objects."""

    spec: NamespaceSpec = msgspec.field(default_factory=NamespaceSpec)
    status: NamespaceStatus = msgspec.field(default_factory=NamespaceStatus)
