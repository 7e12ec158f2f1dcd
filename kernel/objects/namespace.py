"""Namespaces (core/v1): scopes for names."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Time


class NamespaceCondition(Struct):
    """Why a namespace's end takes its time."""

    type: str
    """Which aspect of its deletion this is about, NamespaceContentRemaining say."""
    status: str
    """True, False or Unknown."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class NamespaceSpec(Struct):
    """`finalizers` keep a deleted namespace until it has been emptied."""

    finalizers: list[str] = []
    """Names of what must be done before the namespace can go; kubernetes removes its content."""


class NamespaceStatus(Struct):
    """`phase` is Active or Terminating."""

    phase: str = ""
    """Active, or Terminating from its deletion on. One of: Active, Terminating."""
    conditions: Annotated[list[NamespaceCondition], MergeKey("type")] = []
    """How its deletion goes on, by type."""


class Namespace(Kind, version="v1", short_names=("ns",), namespaced=False):
    """A scope for the names of other objects."""

    spec: NamespaceSpec = msgspec.field(default_factory=NamespaceSpec)
    """What holds the namespace."""
    status: NamespaceStatus = msgspec.field(default_factory=NamespaceStatus)
    """Whether it is being deleted."""
