from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.objects.decoding import (
    ERRORS_MAX,
    DecodeFailure,
    decode,
    decode_leniently,
    parse_json,
)
from kernel.objects.event import Event
from kernel.objects.field_errors import FieldError, nearest_name
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.pod import Container, Pod
from kernel.objects.struct import Struct


def errors_of(document: Any, kind: type[msgspec.Struct] = Pod, **options: Any) -> list[FieldError]:
    with pytest.raises(DecodeFailure) as failure:
        decode(kind, document, **options)
    return failure.value.errors


def web(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "web", **container}]}}


def test_what_is_right_is_decoded_from_bytes_text_and_values() -> None:
    document = web(image="nginx", ports=[{"containerPort": 80}])
    encoded = msgspec.json.encode(document)
    pod = decode(Pod, encoded)
    assert pod.spec.containers[0].ports[0].container_port == 80
    assert pod == decode(Pod, encoded.decode()) == decode(Pod, document)


def test_an_unknown_field_is_named_with_the_nearest_right_one() -> None:
    (error,) = errors_of(web(ports=[{"containerPort": 80, "hostPost": 8080}]))
    assert error == FieldError(
        "spec.containers[0].ports[0].hostPost", "unknown field", "hostPort", "unknown"
    )
    assert str(error) == (
        'unknown field "spec.containers[0].ports[0].hostPost", did you mean "hostPort"?'
    )


def test_all_errors_are_found_in_the_order_of_the_document() -> None:
    document = {
        "metadata": {"labels": {"app": 1, "example.com/tier": None}},
        "spec": {
            "containers": [
                {"image": "a", "command": "sh", "tty": "yes"},
                {"name": "b", "livenessProbe": {"httpGet": {"port": []}}},
                "c",
            ],
            "hostNetwork": 1,
            "terminationGracePeriodSeconds": "30",
        },
    }
    assert [(error.path, error.message) for error in errors_of(document)] == [
        ("metadata.labels.app", "expected string, got integer"),
        ("spec.containers[0].command", 'expected array, got string "sh"'),
        ("spec.containers[0].tty", 'expected boolean, got string "yes"'),
        ("spec.containers[0].name", "missing required field"),
        (
            "spec.containers[1].livenessProbe.httpGet.port",
            "expected integer or string, got array",
        ),
        ("spec.containers[2]", 'expected object, got string "c"'),
        ("spec.hostNetwork", "expected boolean, got integer"),
        ("spec.terminationGracePeriodSeconds", 'expected integer, got string "30"'),
    ]


def test_keys_with_odd_signs_stand_in_brackets() -> None:
    (error,) = errors_of({"metadata": {"labels": {"example.com/app": True}}})
    assert error.path == "metadata.labels[example.com/app]"


@pytest.mark.parametrize("document", [[], "text", 1, None, True])
def test_a_document_must_be_an_object(document: Any) -> None:
    (error,) = errors_of(msgspec.json.encode(document))
    assert error.path == ""
    assert error.message.startswith("expected object, got ")


def test_null_is_absent() -> None:
    document = {
        "metadata": {"creationTimestamp": None, "labels": None, "annotations": {"a": None}},
        "spec": {"containers": [{"name": "web", "args": None, "resources": None}]},
        "status": None,
    }
    assert decode(Pod, document) == decode(Pod, web())


def test_null_does_not_stand_for_a_required_field() -> None:
    (error,) = errors_of({"spec": {"containers": [{"name": None}]}})
    assert (error.path, error.reason) == ("spec.containers[0].name", "required")


@pytest.mark.parametrize(("number", "text"), [(1, "1"), (0.5, "0.5"), (0, "0")])
def test_a_quantity_may_be_a_number(number: float, text: str) -> None:
    pod = decode(Pod, web(resources={"limits": {"cpu": number}}))
    assert pod.spec.containers[0].resources.limits == {"cpu": text}


@pytest.mark.parametrize(
    ("wrong", "got"),
    [("lots", 'string "lots"'), ("1 Gi", 'string "1 Gi"'), (True, "boolean"), ("", 'string ""')],
)
def test_what_is_no_quantity_is_refused(wrong: Any, got: str) -> None:
    (error,) = errors_of(web(resources={"limits": {"cpu": wrong}}))
    assert error.path == "spec.containers[0].resources.limits.cpu"
    assert error.message == f"expected quantity such as 500m or 1Gi, got {got}"


def test_a_whole_float_is_an_integer() -> None:
    document = b'{"spec":{"priority":5.0,"nodeName":null,"containers":[]}}'
    assert decode(Pod, document).spec.priority == 5


def test_times() -> None:
    event = decode(Event, {"firstTimestamp": "2026-01-02T03:04:05Z", "series": None})
    assert event.first_timestamp == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for text in ("yesterday", "2026-01-02T03:04:05", "2026-01-02"):
        (error,) = errors_of({"firstTimestamp": text}, Event)
        assert str(error) == f'firstTimestamp: expected RFC 3339 time, got string "{text}"'


@pytest.mark.parametrize("seconds", [2**63, -(2**63) - 1, 10**30])
def test_integers_have_the_bounds_of_the_wire(seconds: int) -> None:
    assert decode(Pod, {"spec": {"activeDeadlineSeconds": 2**63 - 1}})
    (error,) = errors_of({"spec": {"activeDeadlineSeconds": seconds}})
    assert error.path == "spec.activeDeadlineSeconds"
    assert error.message.startswith("expected int ")
    (error,) = errors_of(web(ports=[{"containerPort": 2**31}]))
    assert error.path == "spec.containers[0].ports[0].containerPort"


def test_leniently_unknown_fields_are_dropped_and_reported() -> None:
    document = web(imagee="x") | {"specs": 1}
    pod, dropped = decode_leniently(Pod, document)
    assert pod == decode(Pod, document, lenient=True) == decode(Pod, web())
    assert [str(error) for error in dropped] == [
        'unknown field "spec.containers[0].imagee", did you mean "image"?',
        'unknown field "specs", did you mean "spec"?',
    ]
    assert decode_leniently(Pod, web())[1] == []


def test_lenience_does_not_extend_to_types() -> None:
    errors = errors_of(web(imagee="x", tty=1), lenient=True)
    assert [error.reason for error in errors] == ["unknown", "type"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"spec": {,}}', "invalid JSON at line 1, column 11: "),
        ('{\n  "spec": {}\n  "status": {}\n}', "invalid JSON at line 3, column 3: "),
        ('{"name": "ä",\n"ö": x}', "invalid JSON at line 2, column 6: "),
        ('{"spec":', "invalid JSON at line 1, column 9: ends too early"),
        ("", "invalid JSON at line 1, column 1: ends too early"),
    ],
)
def test_invalid_json_says_where(text: str, message: str) -> None:
    (error,) = errors_of(text)
    assert error.message.startswith(message)
    assert error.reason == "syntax"


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"spec":' * 50_000])
def test_deep_nesting_is_an_error_like_others(data: bytes) -> None:
    (error,) = errors_of(data)
    assert error.reason == "syntax"


class Setting(Struct):
    mode: Literal["fast", "slow"] = "slow"
    anything: dict[str, Any] = {}
    parts: dict[str, Container] = {}


def test_values_of_any_type_pass_untouched() -> None:
    document = {"anything": {"a": None, "b": [{"c": 1.5}]}, "mode": None}
    assert decode(Setting, document).anything == document["anything"]


def test_types_that_only_plugins_use() -> None:
    (error,) = errors_of({"mode": "medium", "anything": None}, Setting)
    assert error.path == "mode"
    assert "medium" in error.message
    (error,) = errors_of({"parts": {"one": {"name": "a", "nam": 1}}}, Setting)
    assert str(error) == 'unknown field "parts.one.nam", did you mean "name"?'


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("hostPost", "hostPort"),
        ("host_port", "hostPort"),
        ("HOSTPORT", "hostPort"),
        ("hostIp", "hostIP"),
        ("zebra", ""),
    ],
)
def test_nearest_name(name: str, nearest: str) -> None:
    assert nearest_name(name, ["hostPort", "hostIP", "containerPort", "name"]) == nearest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "metadata", "containers", "name", "labels", "ports", "x"]),
            values,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_whatever_comes_is_decoded_or_explained(value: Any) -> None:
    data = msgspec.json.encode(value)
    assert parse_json(data) == value
    problems = []
    try:
        decode(Pod, data)
    except DecodeFailure as failure:
        problems = [str(error) for error in failure.errors]
    assert all(problems)
    if not isinstance(value, dict):
        assert len(problems) == 1


def test_a_document_full_of_errors_is_left_after_the_first_ones() -> None:
    with pytest.raises(DecodeFailure) as failure:
        decode(Pod, {"spec": {"containers": [{}] * 500}})
    assert len(failure.value.errors) == ERRORS_MAX
    odd = {f"odd{number}": 1 for number in range(500)}
    decoded, unknown = decode_leniently(Pod, {"spec": odd | {"hostname": "web"}})
    assert (decoded.spec.hostname, len(unknown)) == ("web", ERRORS_MAX)
    with pytest.raises(DecodeFailure) as failure:
        decode(Pod, {"spec": odd | {"hostname": 7}}, lenient=True)
    assert failure.value.errors[-1].path == "spec.hostname"


def test_what_may_be_one_thing_or_another_is_looked_into() -> None:
    inner = {"type": "object", "additionalProperties": {"type": "string", "tpye": "x"}}
    (error,) = errors_of({"properties": {"a": inner}}, JSONSchemaProps)
    assert (error.path, error.reason) == ("properties.a.additionalProperties.tpye", "unknown")
    decoded, unknown = decode_leniently(JSONSchemaProps, {"items": {"nullable": None, "x": 1}})
    assert decoded.item == JSONSchemaProps()
    assert [error.path for error in unknown] == ["items.x"]
