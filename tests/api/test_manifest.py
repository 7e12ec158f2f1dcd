import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.api.manifest import ManifestError, decode_document, load_manifest
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.pod import Pod

KINDS = KindTable.core()

POD = """\
# The web server.
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: nginx
    ports:
    - containerPort: 80
      hostPort: 8080
"""


def objects_of(text: str | bytes, source: str) -> list[Kind]:
    return [decode_document(document, KINDS) for document in load_manifest(text, source)]


def complaint(text: str | bytes, source: str = "pod.yaml") -> str:
    with pytest.raises(ManifestError) as failure:
        objects_of(text, source)
    return str(failure.value)


def values(text: str | bytes) -> list[Any]:
    return [document.value for document in load_manifest(text, "it")]


def scalar(text: str) -> Any:
    (value,) = values(f"key: {text}")
    return value["key"]


def test_a_pod() -> None:
    (document,) = load_manifest(POD, "pod.yaml")
    pod = decode_document(document, KINDS)
    assert isinstance(pod, Pod)
    assert pod.spec.containers[0].ports[0].host_port == 8080


def test_lines() -> None:
    (document,) = load_manifest(POD, "pod.yaml")
    assert document.line_of("") == 2
    assert document.line_of("kind") == 3
    assert document.line_of("spec.containers[0].image") == 9
    assert document.line_of("spec.containers[0].ports[0].hostPort") == 12
    assert document.line_of("spec.containers[0].ports[7].hostPort") == 10
    assert document.line_of("spec.nowhere") == 6


def test_keys_in_brackets_have_lines() -> None:
    (document,) = load_manifest("a:\n  example.com/x: 1\n  '0':\n    b: 2\n", "it")
    assert document.line_of("a[example.com/x]") == 2
    assert document.line_of("a[0].b") == 4


def test_an_unknown_field() -> None:
    text = POD.replace("hostPort", "hostPost")
    assert complaint(text) == (
        'pod.yaml:12: spec.containers[0].ports[0].hostPost: unknown field, did you mean "hostPort"?'
    )


def test_all_complaints_have_a_line_each() -> None:
    text = POD.replace("t: 80\n", "t: '80'\n").replace("image: nginx", "imagee: nginx\n    tty: 1")
    assert complaint(text).splitlines() == [
        'pod.yaml:9: spec.containers[0].imagee: unknown field, did you mean "image"?',
        "pod.yaml:10: spec.containers[0].tty: expected boolean, got integer",
        'pod.yaml:12: spec.containers[0].ports[0].containerPort: expected integer, got string "80"',
    ]


def test_a_missing_field_is_said_where_its_holder_stands() -> None:
    assert complaint(POD.replace("  - name: web\n    image", "  - image")) == (
        "pod.yaml:8: spec.containers[0].name: missing required field"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "apiVersion: v1\nkind: Podd\n",
            'pod.yaml:2: kind: unknown kind "Podd" in version "v1", did you mean "Pod"?',
        ),
        (
            "kind: Zebra\napiVersion: v1\n",
            'pod.yaml:1: kind: unknown kind "Zebra" in version "v1"',
        ),
        (
            "apiVersion: v2\nkind: Pod\n",
            'pod.yaml:1: apiVersion: unknown kind "Pod" in version "v2",'
            ' did you mean version "v1"?',
        ),
        ("apiVersion: v1\n", "pod.yaml:1: kind: missing required field"),
        ("\nkind: Pod\n", "pod.yaml:2: apiVersion: missing required field"),
        ("apiVersion: 1\nkind: Pod\n", "pod.yaml:1: apiVersion: expected string"),
        ("- a\n", "pod.yaml:1: expected an object, got array"),
        ("text\n", "pod.yaml:1: expected an object, got str"),
    ],
)
def test_documents_that_say_not_what_they_are(text: str, expected: str) -> None:
    assert complaint(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: c: d\n", "pod.yaml:2: invalid YAML: mapping values are not allowed in this"),
        ("a:\n  b: 1\n\tc: 2\n", "pod.yaml:3: invalid YAML"),
        ("a: [1,\n", "pod.yaml:2: invalid YAML while parsing a flow node"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 'pod.yaml:4: duplicate key "c", first set on line 3'),
        ("a: *b\n", "pod.yaml:1: alias *b has no anchor &b before it"),
        ("a: &a\n  b: *a\n", "pod.yaml:2: alias *a has no anchor &a before it"),
        ("a: 1\n? [b]\n: 2\n", "pod.yaml:2: a key must be a string"),
        ("a: !!python/name:os.system\n", "pod.yaml:1: unknown tag"),
        ("a: !!int x\n", 'pod.yaml:1: "x" is no int'),
        ("a: .nan\n", "pod.yaml:1: .nan can't be said in JSON"),
        ("a: 1e999\n", "pod.yaml:1: 1e999 is too large"),
        ("a: 1\nb: \x07\n", "pod.yaml:2: invalid YAML: control characters are not allowed"),
        ("<<: 1\n", "pod.yaml:1: << must be given a mapping"),
        (b"a: 1\nb: \xff\n", "pod.yaml:2: the file is not UTF-8 text"),
        ("[" * 200_000, "pod.yaml:1: nested deeper than 100 levels"),
        ('{"a":' * 200_000, "pod.yaml:1: nested deeper than 100 levels"),
        ('{"a": 1,\n "a": 2}', 'pod.yaml:2: duplicate key "a", first set on line 1'),
        ('{"a":\n "\\ud83d"}', "pod.yaml:2: invalid YAML while parsing a quoted scalar"),
        ('{"a": NaN, "a": 1}', 'pod.yaml:1: duplicate key "a"'),
    ],
)
def test_text_that_cannot_be_read(text: str | bytes, expected: str) -> None:
    assert complaint(text).startswith(expected)


def test_tabs_are_explained() -> None:
    assert "indented with spaces, not tabs" in complaint("a:\n\tb: 1\n")


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert complaint("\n".join(lines)) == ("pod.yaml:5: aliases stand for more than 100000 nodes")


def test_aliases_and_merge_keys() -> None:
    text = """\
base: &base {a: 1, b: 2}
more: &more {b: 3, c: 4}
one: *base
two:
  <<: [*base, *more]
  a: 9
three: {<<: *more}
"""
    (value,) = values(text)
    assert value["one"] == {"a": 1, "b": 2}
    assert value["two"] == {"a": 9, "b": 2, "c": 4}
    assert value["three"] == {"b": 3, "c": 4}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("y", "y"),
        ("12", 12),
        ("-12", -12),
        ("+1_000", 1000),
        ("0644", 420),
        ("0o644", 420),
        ("-0x1F", -31),
        ("0b101", 5),
        ("089", 89.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1.2.3", "1.2.3"),
        ("10:30", "10:30"),
        ("8001:8080", "8001:8080"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("!!str 12", "12"),
        ("!!float 1", 1),
        ("500m", "500m"),
        ("-", None),
        ("0x", "0x"),
        ("1__2", 12),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    if text == "-":
        assert values("key:\n-")[0]["key"] == [None]
    else:
        found = scalar(text)
        assert found == value
        assert type(found) is type(value)


def test_keys_are_strings() -> None:
    assert values("1: a\nyes: b\nnull: c\n&k d: e\nf: *k\n") == [
        {"1": "a", "yes": "b", "null": "c", "d": "e", "f": "d"}
    ]


def test_several_documents_and_empty_ones() -> None:
    text = "# nothing\n---\na: 1\n---\n---\n# nothing either\n---\nb: 2\n...\n"
    assert values(text) == [{"a": 1}, {"b": 2}]
    assert values("") == values("# only this\n") == []


def test_a_byte_order_mark_is_skipped() -> None:
    assert values("\ufeffa: ä\n".encode()) == [{"a": "ä"}]


def test_lists_are_expanded() -> None:
    config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    inner = f"{{apiVersion: v1, kind: List, items: [{config % 'b'}]}}"
    text = f"apiVersion: v1\nkind: List\nitems:\n- {config % 'a'}\n- {inner}\n"
    documents = load_manifest(text, "list.yaml")
    objects = [decode_document(document, KINDS) for document in documents]
    assert [obj.metadata.name for obj in objects] == ["a", "b"]
    assert all(isinstance(obj, ConfigMap) for obj in objects)
    assert [document.line_of("metadata.name") for document in documents] == [4, 5]


def test_the_items_of_a_typed_list_need_not_say_their_kind() -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {}}]})
    (document,) = load_manifest(text, "list.json")
    assert isinstance(decode_document(document, KINDS), Pod)


def test_a_kind_may_end_in_list() -> None:
    assert values("kind: Checklist\nsteps: []\n") == [{"kind": "Checklist", "steps": []}]


def test_json_with_tabs_and_escapes_has_lines() -> None:
    text = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {\n\t\t"\\/": 1\n\t}\n}'
    assert complaint(text, "pod.json") == "pod.json:5: spec[/]: unknown field"


def test_json_beyond_yaml_is_read() -> None:
    text = '{"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "\\ud83d\\ude00"}}'
    (document,) = load_manifest(text, "it.json")
    config = decode_document(document, KINDS)
    assert isinstance(config, ConfigMap)
    assert config.data == {"a": "😀"}


def test_yaml_that_begins_with_a_brace() -> None:
    assert values("{a: b, c: [1]}") == [{"a": "b", "c": [1]}]


def test_a_file_is_read_the_same_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(POD)
    assert values(path.read_bytes()) == values(POD)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=4), json_values, min_size=1))
def test_every_json_object_is_read_as_it_is(value: dict[str, Any]) -> None:
    assert values(json.dumps(value)) == [value]
    assert values(json.dumps(value, ensure_ascii=False)) == [value]


@given(st.text(alphabet="ab:-[]{},&*!#|>'\"%@`\n \t0", max_size=30))
def test_any_text_is_read_or_complained_of_in_one_line(text: str) -> None:
    try:
        documents = load_manifest(text, "it.yaml")
    except ManifestError as error:
        problems = error.problems
    else:
        problems = [document.problem("x.y[0]", "wrong") for document in documents]
    assert all(problem.startswith("it.yaml:") and "\n" not in problem for problem in problems)
