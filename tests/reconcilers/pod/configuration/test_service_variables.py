import pytest
from hypothesis import given, strategies as st

from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Pod
from kernel.objects.service import Service, ServicePort, ServiceSpec
from kernel.reconcilers.pod.configuration.service_variables import service_variables
from tests.reconcilers.pod.node_under_test import make_pod

API = ("10.96.0.1", [ServicePort(name="https", port=443)])


def _service(
    name: str,
    address: str = "10.96.0.7",
    ports: list[ServicePort] | None = None,
    namespace: str = "default",
) -> Service:
    return Service(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=ServiceSpec(
            cluster_ip=address, ports=[ServicePort(port=80)] if ports is None else ports
        ),
    )


def _in(namespace: str, *, links: bool | None = None) -> Pod:
    pod = make_pod(enable_service_links=links)
    pod.metadata.namespace = namespace
    return pod


def test_the_api_server_is_known() -> None:
    assert service_variables(_in("default"), [_service("kubernetes", *API)]) == {
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "443",
        "KUBERNETES_PORT": "tcp://10.96.0.1:443",
        "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
        "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
        "KUBERNETES_PORT_443_TCP_PORT": "443",
        "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
    }


def test_every_port_has_variables() -> None:
    ports = [
        ServicePort(name="dns-udp", port=53, protocol="UDP"),
        ServicePort(name="metrics", port=9153),
    ]
    variables = service_variables(_in("default"), [_service("my-dns", "fd00::1", ports)])
    assert variables["MY_DNS_PORT"] == "udp://[fd00::1]:53"
    assert variables["MY_DNS_PORT_53_UDP_ADDR"] == "fd00::1"
    assert variables["MY_DNS_SERVICE_PORT_DNS_UDP"] == "53"
    assert variables["MY_DNS_SERVICE_PORT_METRICS"] == "9153"
    assert variables["MY_DNS_PORT_9153_TCP_PROTO"] == "tcp"
    assert variables["MY_DNS_SERVICE_PORT"] == "53"


@pytest.mark.parametrize(
    ("service", "namespace", "links", "is_known"),
    [
        (_service("web"), "default", None, True),
        (_service("web"), "default", True, True),
        (_service("web"), "default", False, False),
        (_service("web"), "other", None, False),
        (_service("web", "None"), "default", None, False),
        (_service("web", ""), "default", None, False),
        (_service("web", ports=[]), "default", None, False),
        (_service("kubernetes"), "other", False, True),
        (_service("kubernetes", namespace="other"), "default", None, False),
    ],
)
def test_which_services_are_known(
    service: Service, namespace: str, links: bool | None, is_known: bool
) -> None:
    assert bool(service_variables(_in(namespace, links=links), [service])) == is_known


def test_a_name_that_starts_with_a_digit() -> None:
    assert "_3SCALE_SERVICE_HOST" in service_variables(_in("default"), [_service("3scale")])


@given(st.permutations([("default", "10.96.0.1"), ("other", "10.96.0.9")]))
def test_the_own_namespace_hides_the_api_server(order: list[tuple[str, str]]) -> None:
    services = [_service("kubernetes", address, namespace=where) for where, address in order]
    variables = service_variables(_in("other"), services)
    assert variables["KUBERNETES_SERVICE_HOST"] == "10.96.0.9"
