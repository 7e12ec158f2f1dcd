"""Which port of which Pod: what names say, and what Pods and Services have."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kernel.api.errors import BadRequest
from kernel.apiserver.proxying.addresses import (
    ProxiedName,
    ServiceUnavailable,
    pod_port,
    read_name,
    service_backends,
    service_port,
)
from kernel.objects.pod import Pod
from kernel.objects.service import Service


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", ProxiedName("web")),
        ("web:8080", ProxiedName("web", port="8080")),
        ("web:", ProxiedName("web")),
        ("http:web:named", ProxiedName("web", "http", "named")),
        ("https:web:", ProxiedName("web", "https")),
        (":web:1", ProxiedName("web", port="1")),
    ],
)
def test_names(text: str, expected: ProxiedName) -> None:
    assert read_name(text, "pod") == expected


@pytest.mark.parametrize("text", ["", ":80", "ftp:web:21", "http::80", "http:web:80:90"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_name(text, "service")
    assert refusal.value.message == f'invalid service request "{text}"'


def pod(*ports: dict[str, Any], ready: str = "True", name: str = "web") -> Pod:
    """A Pod whose container names ports."""
    return msgspec.convert(
        {
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "ports": list(ports)}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        },
        Pod,
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("web:9", 9), ("web", 8080), ("https:web:", 8080), ("web:65535", 65535)]
)
def test_the_port_of_a_pod(text: str, expected: int) -> None:
    with_ports = pod({"containerPort": 8080}, {"containerPort": 1})
    assert pod_port(with_ports, read_name(text, "pod")) == expected


@pytest.mark.parametrize(("text", "expected"), [("web", 80), ("https:web:", 443)])
def test_a_pod_that_names_no_port(text: str, expected: int) -> None:
    assert pod_port(pod(), read_name(text, "pod")) == expected


@pytest.mark.parametrize("port", ["named", "0", "65536", "-1", "\u0663"])
def test_what_is_no_port(port: str) -> None:
    with pytest.raises(ServiceUnavailable):
        pod_port(pod(), ProxiedName("web", port=port))


def service(*ports: dict[str, Any], **spec: Any) -> Service:
    """A Service with these ports."""
    document = {"metadata": {"name": "front"}, "spec": {"ports": list(ports), **spec}}
    return msgspec.convert(document, Service)


TWO = (
    {"name": "http", "port": 80, "protocol": "TCP", "targetPort": "web"},
    {"name": "admin", "port": 81, "protocol": "TCP", "targetPort": 9000},
)


@pytest.mark.parametrize(("wanted", "name"), [("80", "http"), ("admin", "admin"), ("81", "admin")])
def test_the_port_of_a_service(wanted: str, name: str) -> None:
    assert service_port(service(*TWO), ProxiedName("front", port=wanted)).name == name


def test_the_port_without_a_name() -> None:
    found = service_port(service({"port": 80}), ProxiedName("front"))
    assert found.port == 80


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("82", 'no service port 82 found for service "front"'),
        ("", 'no endpoints available for service "front"'),
        ("other", 'no endpoints available for service "front"'),
    ],
)
def test_a_port_that_a_service_has_not(wanted: str, message: str) -> None:
    with pytest.raises(ServiceUnavailable) as refusal:
        service_port(service(*TWO), ProxiedName("front", port=wanted))
    assert refusal.value.message == message


def test_ready_pods_stand_behind_a_service() -> None:
    named = {"name": "web", "containerPort": 8080, "protocol": "TCP"}
    ending = pod(named, name="ending")
    ending.metadata.deletion_timestamp = datetime.now(UTC)
    pods = [pod(named), pod(named, ready="False"), pod(name="other"), ending]
    (http, admin) = service(*TWO).spec.ports
    found = service_backends(service(*TWO), http, pods)
    assert [(one.metadata.name, port) for one, port in found] == [("web", 8080)]
    found = service_backends(service(*TWO), admin, pods)
    assert [(one.metadata.name, port) for one, port in found] == [("web", 9000), ("other", 9000)]
    everybody = service(*TWO, publishNotReadyAddresses=True)
    assert len(service_backends(everybody, admin, pods)) == 4
    with pytest.raises(ServiceUnavailable):
        service_backends(service(*TWO), http, [pod(named, ready="False")])
