"""Objects as Tables, which is how `kubectl get` prints them."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from kernel.api.errors import BadRequest, UnreadableObject
from kernel.api.stored import Stored, StoredList
from kernel.apiserver.rows.by_kind import typed_rows
from kernel.apiserver.rows.core import Rows
from kernel.apiserver.rows.custom import custom_rows
from kernel.apiserver.rows.generic import generic_rows
from kernel.objects.custom_object import CustomObject
from kernel.objects.kind import Column, Kind, KindInfo
from kernel.objects.meta import ListMeta
from kernel.objects.table import Table, TableColumnDefinition, TableRow

logger = logging.getLogger(__name__)

IncludeObject = Literal["Metadata", "Object", "None"]
INCLUDE_OBJECT_CHOICES: tuple[IncludeObject, ...] = ("Metadata", "Object", "None")


class _MetadataOfObject(msgspec.Struct):
    """The metadata of any object, its bytes left as they are."""

    metadata: msgspec.Raw


_metadata_decoder = msgspec.json.Decoder(_MetadataOfObject)
_document_decoder = msgspec.json.Decoder(dict[str, Any])


def include_object(text: str) -> IncludeObject:
    """What of each object goes with its row. Raises `BadRequest`."""
    for choice in INCLUDE_OBJECT_CHOICES:
        if text == choice:
            return choice
    if not text:
        return "Metadata"
    raise BadRequest(f'unrecognized includeObject value: "{text}"')


def partial_metadata(wire: bytes, api_version: str) -> dict[str, Any]:
    """An object reduced to its metadata; `api_version` is meta.k8s.io's."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": api_version,
        "metadata": _metadata_decoder.decode(wire).metadata,
    }


class Tables:
    """Makes Tables of objects of any kind; knows the columns of each kind that was asked for."""

    def __init__(self) -> None:
        self._rows: dict[type[Kind], tuple[KindInfo, Rows]] = {}

    def table(
        self,
        kind: type[Kind],
        objects: Iterable[Stored],
        now: datetime,
        *,
        api_version: str,
        include: IncludeObject,
        metadata: ListMeta,
        with_columns: bool = True,
    ) -> Table:
        """A Table with a row an object; the frames of a watch after the first have no columns."""
        rows = self._rows_of(kind)
        columns = [_definition(column) for column in rows.columns] if with_columns else []
        typed = typed_rows(kind) is not None
        return Table(
            api_version=api_version,
            metadata=metadata,
            column_definitions=columns,
            rows=[
                _row(stored, value, rows, now, api_version=api_version, include=include)
                for stored in objects
                if (value := _value(stored, typed)) is not None
            ],
        )

    def list_table(
        self,
        kind: type[Kind],
        page: StoredList,
        now: datetime,
        *,
        api_version: str,
        include: IncludeObject,
    ) -> Table:
        """A page of a list as a Table."""
        metadata = ListMeta(
            resource_version=str(page.revision),
            continue_=page.continue_token,
            remaining_item_count=page.remaining,
        )
        return self.table(
            kind, page.items, now, api_version=api_version, include=include, metadata=metadata
        )

    def _rows_of(self, kind: type[Kind]) -> Rows:
        info, rows = self._rows.get(kind, (None, None))
        if rows is None or info is not kind.info:  # a definition may say something else now
            if issubclass(kind, CustomObject):
                rows = custom_rows(kind)
            else:
                rows = typed_rows(kind) or generic_rows(kind)
            self._rows[kind] = kind.info, rows
        return rows


def _definition(column: Column) -> TableColumnDefinition:
    return TableColumnDefinition(
        name=column.name,
        # An age is computed here and shown as it is: kubectl would read a date as a time.
        type="string" if column.type == "date" else column.type,
        format="name" if column.path == "metadata.name" else "",
        description=column.description,
        priority=column.priority,
    )


def _value(stored: Stored, typed: bool) -> Any | None:
    """What a row is made of: a struct or the plain document. None, and a warning in the log, for
    an object that can't be read: the others are to be seen nevertheless."""
    if not typed:
        return _document_decoder.decode(stored.data)
    try:
        return stored.decode()
    except UnreadableObject as error:
        logger.warning("left out of a table: %s", error.message)
        return None


def _row(
    stored: Stored,
    value: Any,
    rows: Rows,
    now: datetime,
    *,
    api_version: str,
    include: IncludeObject,
) -> TableRow:
    row = TableRow(cells=rows.cells(value, now))
    if include == "Metadata":
        row.object = partial_metadata(stored.wire(), api_version)
    elif include == "Object":
        row.object = msgspec.Raw(stored.wire())
    return row
