"""Fields that JSON text says twice are found, however the text is written."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.objects.duplicate_fields import duplicate_fields


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (b"{}", []),
        (b'{"a":"x:y\\":","b":[{"a":1},{"a":2}]}', []),
        (b'{"a":1,"a":1}', ["a"]),
        (b'{"a":1,"\\u0061":2}', ["a"]),
        (b'{"a" :1,\n"a"\t:2,"a":3}', ["a", "a"]),
        (b'{"a":[{},{"b":{"c d":1,"c d":2}}]}', ["a[1].b[c d]"]),
        (b'{"note":"\\":","a":1,"a":2}', ["a"]),
    ],
)
def test_paths_of_duplicates(text: bytes, paths: list[str]) -> None:
    assert [error.path for error in duplicate_fields(text)] == paths


DOCUMENTS = st.recursive(
    st.none() | st.integers(-9, 9) | st.text('":\\ a\n', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text('":\\ ab', max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(DOCUMENTS, st.sampled_from((None, 1)), st.booleans())
def test_a_document_that_says_all_once_has_none(document: Any, indent: int, spaced: bool) -> None:
    separators = (", ", " : ") if spaced else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators).encode()
    assert duplicate_fields(text) == []


@given(st.dictionaries(st.text(max_size=3), DOCUMENTS, min_size=1), st.booleans())
def test_a_field_said_again_is_always_found(document: dict[str, Any], compact: bool) -> None:
    key, value = next(iter(document.items()))
    again = _encoded({key: value}, compact).removeprefix(b"{")
    text = _encoded(document, compact).removesuffix(b"}") + b"," + again
    assert len(duplicate_fields(text)) == 1


def _encoded(value: Any, compact: bool) -> bytes:
    return msgspec.json.encode(value) if compact else json.dumps(value).encode()
