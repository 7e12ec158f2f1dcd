"""Tables and the forms of a list that carry no kind of their own (meta.k8s.io/v1, v1 List)."""

from typing import Any

import msgspec

from kernel.objects.meta import ListMeta, ObjectMeta
from kernel.objects.struct import Struct


class PartialObjectMetadata(Struct, omit_defaults=False):
    """An object of any kind reduced to its metadata."""

    kind: str = "PartialObjectMetadata"
    """Kind of this document."""
    api_version: str = "meta.k8s.io/v1"
    """Group and version of this document."""
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    """The object's metadata."""


class PartialObjectMetadataList(Struct, omit_defaults=False):
    """A list of objects reduced to their metadata."""

    kind: str = "PartialObjectMetadataList"
    """Kind of this document."""
    api_version: str = "meta.k8s.io/v1"
    """Group and version of this document."""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    """The revision of the list, and how it goes on."""
    items: list[PartialObjectMetadata] = []
    """The objects' metadata."""


class TableColumnDefinition(Struct, omit_defaults=False):
    """A column: `type` and `format` are OpenAPI's; `priority` above 0 shows with `-o wide` only."""

    name: str
    """Heading of the column."""
    type: str
    """Type of its cells: string, integer, number, boolean or date."""
    format: str = ""
    """Finer type of its cells; name marks the object's name."""
    description: str = ""
    """What the column shows."""
    priority: int = 0
    """0 for columns that always show, more for those of the wide form."""


class TableRowCondition(Struct):
    """Marks a row, for example as Completed."""

    type: str
    """Completed."""
    status: str
    """True, False or Unknown."""
    reason: str = ""
    """Why, as one word for programs."""
    message: str = ""
    """Why, as a sentence for people."""


class TableRow(Struct):
    """One object: a cell a column, and the object (whole or its metadata) where asked for."""

    cells: list[Any]
    """The cells, in the order of the columns."""
    conditions: list[TableRowCondition] = []
    """What is to be said of the row."""
    object: Any = None
    """The object behind the row, as far as it was asked for."""


class Table(Struct, omit_defaults=False):
    """A list as `kubectl get` prints it."""

    kind: str = "Table"
    """Kind of this document."""
    api_version: str = "meta.k8s.io/v1"
    """Group and version of this document."""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    """The revision of the list, and how it goes on."""
    column_definitions: list[TableColumnDefinition] = []
    """The columns."""
    rows: list[TableRow] = []
    """The rows."""


class List(Struct, omit_defaults=False):
    """Objects of any kinds in one document, as in manifests."""

    kind: str = "List"
    """Kind of this document."""
    api_version: str = "v1"
    """Group and version of this document."""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    """The revision of the list, and how it goes on."""
    items: list[Any] = []
    """The objects."""
