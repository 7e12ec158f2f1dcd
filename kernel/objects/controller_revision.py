"""ControllerRevisions (apps/v1): past states of StatefulSets and DaemonSets."""

from typing import Any

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.wire_types import Int64


class ControllerRevision(Kind, group="apps", version="v1"):
    """One state of a controller's template; `data` is the controller's own and never changes."""

    data: dict[str, Any] | None = None
    """The state, in the controller's own form. Required."""
    revision: Int64 = msgspec.field(default_factory=int)
    """Its number: the higher, the newer."""
