"""What a watch is about, and how it is told."""

import msgspec

from kernel.apiserver.negotiation import Answer
from kernel.apiserver.rows.tables import IncludeObject
from kernel.objects.kind import Kind


class Subject(msgspec.Struct, frozen=True):
    """What a watch is about, and how it is told: watchers with equal ones share a group.

    `shown_as` is the kind itself, or the same in an old version.
    """

    kind: type[Kind]
    namespace: str | None
    label_selector: str
    field_selector: str
    answer: Answer
    include: IncludeObject
    shown_as: type[Kind]
