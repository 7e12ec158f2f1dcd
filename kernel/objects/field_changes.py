"""What differs between two documents, field by field. Documents are plain JSON values.

Items of a list are told apart by what identifies them, so that an insertion moves nothing: by the
merge key that the kind's struct names, else by a `name` or `type` that each of them has, else by
their position. A list of plain values that is no set counts as one value.

    before  {"containers": [{"name": "web", "image": "a"}]}
    after   {"containers": [{"name": "log"}, {"name": "web", "image": "b"}]}

    containers[log].name   ABSENT → "log"
    containers[web].image  "a" → "b"
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kernel.objects.merge_schema import MergeField, merge_schema
from kernel.objects.struct import MergeKey

ABSENT = msgspec.UNSET
ORDER = " (order)"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_$-]+")
_PLAIN_ITEM = re.compile(r"[^\[\]\"\s]+")
_IDENTIFYING = ("name", "type")
_NO_FIELD = MergeField()

StructClass = type[msgspec.Struct]


class FieldChange(msgspec.Struct, frozen=True):
    """One field; `before` or `after` is `ABSENT` where it was not there or is not any more.

    Where the items of a list have changed places, `path` ends in `ORDER` and the values are what
    identifies those that stayed.
    """

    path: str
    before: Any
    after: Any


def field_changes(
    before: Any, after: Any, struct_class: StructClass | None = None
) -> list[FieldChange]:
    """All fields that differ; none exactly where the documents say the same.

    `struct_class` is the struct that both stand for, where it is known.
    """
    return list(_compare(before, after, "", MergeField(struct_class)))


def covers(field: str, path: str) -> bool:
    """Whether `path` is `field`, or a part of it: `status` covers `status.phase`."""
    return path.startswith(field) and path[len(field) : len(field) + 1] in ("", ".", "[", " ")


def locate(document: Any, text: str, struct_class: StructClass | None = None) -> tuple[str, Any]:
    """The path, as `field_changes` writes it, of a field as a person types it; and its value.

    Items of lists may be given by position too (`spec.containers[0]`), and names with dots as
    they are. What is not in the document is taken as it was typed, and its value is `ABSENT`.
    """
    path, field, rest = "", MergeField(struct_class), text
    while rest:
        step = _next_step(document, field, rest)
        if step is None:
            return _joined(path, rest), ABSENT
        name, document, field, rest = step
        path += name if path else name.removeprefix(".")
    return path, document


def _compare(before: Any, after: Any, path: str, field: MergeField) -> Iterator[FieldChange]:
    if _both(dict, before, after):
        yield from _compare_objects(before or {}, after or {}, path, field)
        return
    if _both(list, before, after):
        identities = _identities([before or [], after or []], field.merge_key)
        if identities is not None:
            yield from _compare_items(before or [], after or [], identities, path, field)
            return
    if not _same(before, after):
        yield FieldChange(path, before, after)


def _both(container: type, before: Any, after: Any) -> bool:
    """Whether there is something to go into: an absent one counts as empty."""
    return bool(before or after) and all(
        value is ABSENT or isinstance(value, container) for value in (before, after)
    )


def _compare_objects(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str, field: MergeField
) -> Iterator[FieldChange]:
    fields = _fields_of(field)
    for name in [*before, *(name for name in after if name not in before)]:
        yield from _compare(
            before.get(name, ABSENT),
            after.get(name, ABSENT),
            path + _field_step(name) if path else _field_step(name).removeprefix("."),
            fields.get(name, _NO_FIELD),
        )


def _compare_items(
    before: Sequence[Any],
    after: Sequence[Any],
    identities: Sequence[Sequence[str]],
    path: str,
    field: MergeField,
) -> Iterator[FieldChange]:
    old = dict(zip(identities[0], before, strict=True))
    new = dict(zip(identities[1], after, strict=True))
    item_field = MergeField(field.struct_class)
    for identity in [*old, *(identity for identity in new if identity not in old)]:
        yield from _compare(
            old.get(identity, ABSENT),
            new.get(identity, ABSENT),
            path + _item_step(identity),
            item_field,
        )
    stayed_before = [identity for identity in old if identity in new]
    stayed_after = [identity for identity in new if identity in old]
    if stayed_before != stayed_after:
        yield FieldChange(path + ORDER, stayed_before, stayed_after)


def _identities(
    lists: Sequence[Sequence[Any]], merge_key: MergeKey | None
) -> Sequence[Sequence[str]] | None:
    """What identifies the items of each of the lists; None for lists of plain values."""
    items = [item for one in lists for item in one]
    if not any(isinstance(item, dict | list) for item in items):
        if merge_key is None or merge_key.key:
            return None
        values = [[str(item) for item in one] for one in lists]
        are_texts = all(isinstance(item, str) for item in items)
        return values if are_texts and _are_unique(values) else None
    names = (merge_key.key, *_IDENTIFYING) if merge_key and merge_key.key else _IDENTIFYING
    if all(isinstance(item, dict) for item in items):
        for name in names:
            if all(isinstance(item.get(name), str | int) for item in items):
                found = [[str(item[name]) for item in one] for one in lists]
                if _are_unique(found):
                    return found
    return [[str(position) for position in range(len(one))] for one in lists]


def _are_unique(lists: Sequence[Sequence[str]]) -> bool:
    return all(len(set(one)) == len(one) for one in lists)


def _fields_of(field: MergeField) -> Mapping[str, MergeField]:
    return {} if field.struct_class is None else merge_schema(field.struct_class)


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON: 1 is not true, and not 1.0."""
    if before is ABSENT or after is ABSENT:
        return before is after
    return msgspec.json.encode(before, order="sorted") == msgspec.json.encode(after, order="sorted")


def _field_step(name: str) -> str:
    return f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{_quoted(name)}]"


def _item_step(identity: str) -> str:
    return f"[{identity if _PLAIN_ITEM.fullmatch(identity) else _quoted(identity)}]"


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _joined(path: str, rest: str) -> str:
    return path + rest if not path or rest.startswith(("[", ".")) else f"{path}.{rest}"


def _next_step(
    document: Any, field: MergeField, rest: str
) -> tuple[str, Any, MergeField, str] | None:
    """How the path goes on, where that leads, and what of the text is left."""
    if isinstance(document, dict):
        fields = _fields_of(field)
        spelled = {
            spelling: name
            for name in document
            for spelling in (name, f".{name}", f"[{name}]", f"[{_quoted(name)}]")
        }
        spelling = _longest(rest, spelled)
        if spelling is not None:
            name = spelled[spelling]
            left = rest[len(spelling) :]
            return _field_step(name), document[name], fields.get(name, _NO_FIELD), left
    if isinstance(document, list):
        identities = _identities([document], field.merge_key)
        if identities is not None:
            spelled_items: dict[str, int] = {}
            for position, identity in enumerate(identities[0]):
                for spelling in (str(position), identity, _quoted(identity)):
                    spelled_items[f"[{spelling}]"] = spelled_items[f".{spelling}"] = position
            spelling = _longest(rest, spelled_items)
            if spelling is not None:
                position = spelled_items[spelling]
                step = _item_step(identities[0][position])
                left = rest[len(spelling) :]
                return step, document[position], MergeField(field.struct_class), left
    return None


def _longest(rest: str, spellings: Mapping[str, Any]) -> str | None:
    """The longest spelling that the text begins with, up to where a step ends."""
    found = [
        spelling
        for spelling in spellings
        if spelling and rest.startswith(spelling) and rest[len(spelling) :][:1] in ("", ".", "[")
    ]
    return max(found, key=len) if found else None
