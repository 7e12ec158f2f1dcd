"""Tables and the forms of a list that carry no kind of their own (meta.k8s.io/v1, v1 List)."""

from typing import Any

import msgspec

from kernel.objects.meta import ListMeta, ObjectMeta
from kernel.objects.struct import Struct


class PartialObjectMetadata(Struct, omit_defaults=False):
    """An object of any kind reduced to its metadata."""

    kind: str = "PartialObjectMetadata"
    api_version: str = "meta.k8s.io/v1"
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)


class PartialObjectMetadataList(Struct, omit_defaults=False):
    """A list of objects reduced to their metadata."""

    kind: str = "PartialObjectMetadataList"
    api_version: str = "meta.k8s.io/v1"
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[PartialObjectMetadata] = []


class TableColumnDefinition(Struct, omit_defaults=False):
    """A column: `type` and `format` are OpenAPI's; `priority` above 0 shows with `-o wide` only."""

    name: str
    type: str
    format: str = ""
    description: str = ""
    priority: int = 0


class TableRowCondition(Struct):
    """Marks a row, for example as Completed."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


class TableRow(Struct):
    """One object: a cell a column, and the object (whole or its metadata) where asked for."""

    cells: list[Any]
    conditions: list[TableRowCondition] = []
    object: Any = None


class Table(Struct, omit_defaults=False):
    """A list as `kubectl get` prints it."""

    kind: str = "Table"
    api_version: str = "meta.k8s.io/v1"
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    column_definitions: list[TableColumnDefinition] = []
    rows: list[TableRow] = []


class List(Struct, omit_defaults=False):
    """Objects of any kinds in one document, as in manifests."""

    kind: str = "List"
    api_version: str = "v1"
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[Any] = []
