"""Kubernetes' protobuf bodies: understood, or refused with a reason, never half-read."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.apiserver.protobuf.decoding import MAGIC, ProtobufError, decode_protobuf
from kernel.apiserver.protobuf.messages import message_of
from kernel.apiserver.protobuf.schema import Message
from kernel.objects.pod import Pod

from ..conftest import Served

PROTOBUF = {"Content_Type": "application/vnd.kubernetes.protobuf"}


def part(number: int, content: bytes | str) -> bytes:
    """A field that holds text or a message (of less than 128 bytes)."""
    data = content.encode() if isinstance(content, str) else content
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


def number(field: int, value: int) -> bytes:
    """A field that holds a small number."""
    return bytes([field << 3, value])


def envelope(kind: str, raw: bytes, api_version: str = "v1") -> bytes:
    """A whole body."""
    return MAGIC + part(1, part(1, api_version) + part(2, kind)) + part(2, raw)


METADATA = part(1, part(1, "one") + part(8, b"") + part(11, part(1, "app") + part(2, "web")))


def test_a_config_map_is_read() -> None:
    raw = METADATA + part(2, part(1, "a") + part(2, "1")) + number(4, 1)
    assert decode_protobuf(envelope("ConfigMap", raw)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "labels": {"app": "web"}},
        "data": {"a": "1"},
        "immutable": True,
    }


def test_bytes_become_base64() -> None:
    document = decode_protobuf(
        envelope("Secret", METADATA + part(2, part(1, "p") + part(2, "secret")))
    )
    assert document["data"] == {"p": "c2VjcmV0"}


@pytest.mark.parametrize(
    ("target", "value"),
    [(number(1, 0) + number(2, 80), 80), (number(1, 1) + part(3, "http"), "http")],
)
def test_a_port_is_a_number_or_a_name(target: bytes, value: int | str) -> None:
    port = part(1, "web") + number(3, 80) + part(4, target)
    document = decode_protobuf(envelope("Service", METADATA + part(2, part(1, port))))
    assert document["spec"]["ports"] == [{"name": "web", "port": 80, "targetPort": value}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "does not start as"),
        (b"{}", "does not start as"),
        (envelope("Gadget", b""), "Gadget"),
        (envelope("ConfigMap", part(9, "x")), "field 9 of ConfigMap"),
        (envelope("ConfigMap", METADATA)[:-3], "ends too early"),
        (envelope("ConfigMap", b"\x0b"), "wire type 3"),
        (envelope("ConfigMap", b"\xff" * 12), "longer than 64 bits"),
        (envelope("ConfigMap", number(1, 1)), "a number where"),
        (envelope("ConfigMap", part(1, part(1, b"\xff"))), "broken"),
    ],
)
def test_what_is_not_understood_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ProtobufError, match=reason):
        decode_protobuf(body)


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        document = decode_protobuf(envelope("Service", raw))
    except ProtobufError:
        return
    assert document["kind"] == "Service"


@pytest.mark.anyio
async def test_a_protobuf_body_makes_an_object(served: Served) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    body = envelope("ConfigMap", METADATA + part(2, part(1, "a") + part(2, "1")))
    created = await served.post(path, body, **PROTOBUF)
    assert created.status == 201
    assert created.json["data"] == {"a": "1"}
    refused = await served.post(path, envelope("Gadget", b""), **PROTOBUF)
    assert (refused.status, refused.json["reason"]) == (415, "UnsupportedMediaType")


def test_every_field_of_a_pod_is_one_that_pods_have() -> None:
    message = message_of("v1", "Pod")
    assert message is not None
    assert _unknown(message, Pod) == set()


def _unknown(message: Message, struct: type[msgspec.Struct]) -> set[str]:
    """The paths of fields that the struct does not know, inline messages seen through."""
    known = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    found: set[str] = set()
    for field in message.values():
        if field.shape == "inline":
            assert isinstance(field.type, dict)
            found |= _unknown(field.type, struct)
        elif field.name not in known:
            found.add(f"{struct.__name__}.{field.name}")
        elif isinstance(field.type, dict):
            for inner in _structs_in(known[field.name]):
                found |= _unknown(field.type, inner)
    return found


def _structs_in(type_: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield type_
    for argument in get_args(type_):
        yield from _structs_in(argument)


def test_inline_messages_are_seen_through_and_quantities_are_text() -> None:
    limits = part(1, part(1, "cpu") + part(2, part(1, "500m")))
    handler = part(1, part(1, part(1, "true")))
    container = part(1, "main") + part(8, limits) + part(10, handler + number(3, 0))
    volume = part(1, "scratch") + part(2, part(2, b""))
    document = decode_protobuf(
        envelope("Pod", METADATA + part(2, part(1, volume) + part(2, container)) + part(3, b""))
    )
    assert document["spec"] == {
        "volumes": [{"name": "scratch", "emptyDir": {}}],
        "containers": [
            {
                "name": "main",
                "resources": {"limits": {"cpu": "500m"}},
                "livenessProbe": {"exec": {"command": ["true"]}, "timeoutSeconds": 0},
            }
        ],
    }


def test_an_eviction_is_read() -> None:
    options = part(2, number(1, 7) + part(2, part(1, "uid-1")))
    document = decode_protobuf(envelope("Eviction", METADATA + options, "policy/v1"))
    assert document["deleteOptions"] == {
        "gracePeriodSeconds": 7,
        "preconditions": {"uid": "uid-1"},
    }


def test_a_webhook_configuration_is_read() -> None:
    rule = part(1, "CREATE") + part(2, part(1, "") + part(2, "v1") + part(3, "pods"))
    client = part(2, "pem") + part(3, "https://x/")
    hook = part(1, "a.b.c") + part(2, client) + part(3, rule) + number(7, 5) + part(8, "v1")
    body = METADATA + part(2, hook)
    kind, version = "MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1"
    assert decode_protobuf(envelope(kind, body, version))["webhooks"] == [
        {
            "name": "a.b.c",
            "clientConfig": {"caBundle": "cGVt", "url": "https://x/"},
            "rules": [
                {
                    "operations": ["CREATE"],
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "resources": ["pods"],
                }
            ],
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
        }
    ]
