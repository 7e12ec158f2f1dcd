"""`podkernel get`: objects as they are or were, read from the files of a data directory.

No server is needed, and none is disturbed. What is printed is what `kubectl get` prints: the
same Tables. Kinds of plugins that are not loaded are shown as they stand in the log.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import new_class
from typing import Any

import msgspec

from kernel.api.errors import NotFound
from kernel.api.reading import ObjectReader
from kernel.api.stored import StoredList
from kernel.apiserver.rows.tables import Tables
from kernel.cli.failure import CommandFailure
from kernel.cli.lookup import LookupFailure, find_prefixes
from kernel.cli.moments import revision_at
from kernel.clock import NANOSECONDS_PER_SECOND, SystemClock, now_datetime
from kernel.control.plugin import load_entry_points, load_path, served_kinds, upcasters_of
from kernel.objects.kind import Column, Kind
from kernel.store.store import StoreReader

SUGGESTED_COLUMNS = 5
COLUMN_GAP = "   "
_OPENAPI_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def run(arguments: argparse.Namespace) -> int:
    """Print one object, or a list of them."""
    kind_name, _, name = arguments.kind.partition("/")
    name = name or arguments.name
    clock = SystemClock()
    plugins = load_entry_points()
    for path in arguments.plugins:
        plugins += load_path(path)
    with StoreReader.open(arguments.data_dir) as reader:
        at = revision_at(reader, arguments.at, clock) if arguments.at else None
        kind = served_kinds(plugins).by_name(kind_name) or _kind_in_log(reader, kind_name, at)
        page = _read(ObjectReader(reader, upcasters_of(plugins)), kind, name, at, arguments)
        if arguments.output in ("table", "wide"):
            now = now_datetime(clock) if at is None else _time_of(reader, at)
            _print_table(kind, page, now, arguments)
        elif arguments.output == "name":
            for stored in page.items:
                print(f"{_qualified_singular(kind)}/{stored.name}")
        else:
            print(_document(page, one=bool(name), as_yaml=arguments.output == "yaml"), end="")
    return 0


def _read(
    reader: ObjectReader, kind: type[Kind], name: str, at: int | None, arguments: argparse.Namespace
) -> StoredList:
    namespace: str | None = arguments.namespace if kind.info.namespaced else ""
    if not name:
        everywhere = arguments.all_namespaces and kind.info.namespaced
        return reader.list(
            kind,
            namespace=None if everywhere else namespace,
            label_selector=arguments.selector,
            at=at,
        )
    if arguments.all_namespaces or arguments.selector:
        raise CommandFailure("-A and -l go with lists: leave out the name, or them")
    try:
        stored = reader.get(kind, namespace or "", name, at=at)
    except NotFound as error:
        then = "" if at is None else f" at revision {at}"
        raise CommandFailure(f"{error}{then}") from error
    return StoredList([stored], stored.revision)


def _kind_in_log(reader: StoreReader, name: str, at: int | None) -> type[Kind]:
    """A kind that nobody has loaded, made after its objects. Raises `LookupFailure`."""
    for prefix in find_prefixes(reader, name):
        items, _ = reader.scan(prefix, at=at)
        if items:
            documents = [msgspec.json.decode(item.value, type=dict[str, Any]) for item in items]
            namespaced = any(item.key.split("/")[3] for item in items)
            return _made_kind(prefix, documents, namespaced=namespaced)
    then = "are" if at is None else f"were, at revision {at},"
    raise LookupFailure(f'there {then} no objects of kind "{name}"')


def _made_kind(prefix: str, documents: Sequence[dict[str, Any]], *, namespaced: bool) -> type[Kind]:
    group, _, version = documents[0]["apiVersion"].rpartition("/")
    options = {
        "group": group,
        "version": version,
        "plural": prefix.split("/")[2],
        "namespaced": namespaced,
        "columns": _columns(documents),
        "forbid_unknown_fields": False,
    }
    made: type[Kind] = new_class(documents[0]["kind"], (Kind,), options)
    return made


def _columns(documents: Iterable[dict[str, Any]]) -> tuple[Column, ...]:
    """A column for each plain value in the spec and status of any of the objects."""
    columns: dict[str, Column] = {}
    parts = [(part, document.get(part)) for part in ("spec", "status") for document in documents]
    for part, values in parts:
        for name, value in values.items() if isinstance(values, dict) else ():
            path, openapi_type = f"{part}.{name}", _OPENAPI_TYPES.get(type(value))
            if openapi_type is not None and path not in columns:
                priority = 0 if len(columns) < SUGGESTED_COLUMNS else 1
                columns[path] = Column(_title(name), path, type=openapi_type, priority=priority)
    return tuple(columns.values())


def _title(name: str) -> str:
    """`readyReplicas` is `Ready Replicas`, as a Table of the server has it."""
    spaced = "".join(
        f" {letter}" if letter.isupper() and not before.isupper() else letter
        for before, letter in zip(" " + name, name, strict=False)
    )
    return spaced.strip()[:1].upper() + spaced.strip()[1:]


def _time_of(reader: StoreReader, revision: int) -> datetime:
    entry = reader.entry(revision)
    assert entry is not None, "the log has all entries from its oldest revision on"
    return datetime.fromtimestamp(entry.time_nanoseconds / NANOSECONDS_PER_SECOND, UTC)


def _qualified_singular(kind: type[Kind]) -> str:
    info = kind.info
    return f"{info.singular}.{info.group}" if info.group else info.singular


def _print_table(
    kind: type[Kind], page: StoredList, now: datetime, arguments: argparse.Namespace
) -> None:
    if not page.items:
        everywhere = arguments.all_namespaces or not kind.info.namespaced
        place = "" if everywhere else f" in {arguments.namespace} namespace."
        print(f"No resources found{place}", file=sys.stderr)
        return
    table = Tables().list_table(kind, page, now, api_version="meta.k8s.io/v1", include="None")
    wide = arguments.output == "wide"
    shown = [
        position
        for position, column in enumerate(table.column_definitions)
        if wide or not column.priority
    ]
    rows = [[table.column_definitions[position].name.upper() for position in shown]]
    rows += [[_cell(row.cells[position]) for position in shown] for row in table.rows]
    if arguments.all_namespaces and kind.info.namespaced:
        places = ["NAMESPACE", *(stored.namespace for stored in page.items)]
        rows = [[place, *row] for place, row in zip(places, rows, strict=True)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(COLUMN_GAP.join(map(str.ljust, row, widths)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<none>" if value is None else str(value)


def _document(page: StoredList, *, one: bool, as_yaml: bool) -> str:
    """The objects as `kubectl get -o yaml` or `-o json` has them."""
    objects = [msgspec.json.decode(stored.wire(), type=dict[str, Any]) for stored in page.items]
    if one:
        document = objects[0]
    else:
        metadata = {"resourceVersion": str(page.revision)}
        document = {"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": objects}
    if as_yaml:
        import yaml

        text: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=True)
        return text
    return (
        msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=4).decode() + "\n"
    )
