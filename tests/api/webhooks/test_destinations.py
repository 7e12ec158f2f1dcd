"""Where the Service of a webhook leads: to its Pods, to its Endpoints, or elsewhere by name."""

import pytest

from kernel.api.object_api import ObjectApi
from kernel.api.webhooks.calling import CallFailure
from kernel.api.webhooks.destinations import destination_of
from kernel.objects.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kernel.objects.meta import ObjectMeta
from kernel.objects.service import Service, ServicePort, ServiceSpec
from kernel.objects.webhook_configuration import ServiceReference, WebhookClientConfig

pytestmark = pytest.mark.anyio

CLIENT = WebhookClientConfig(
    service=ServiceReference(namespace="default", name="guard", path="/check", port=8443)
)
PREFIX = 'failed to call webhook: Post "https://guard.default.svc:8443/check?timeout=3s": '


async def serve(api: ObjectApi, spec: ServiceSpec) -> None:
    await api.create(Service(metadata=ObjectMeta(name="guard"), spec=spec), namespace="default")


async def test_a_service_without_a_selector_leads_to_its_endpoints(api: ObjectApi) -> None:
    await serve(api, ServiceSpec(ports=[ServicePort(name="https", port=8443)]))
    with pytest.raises(CallFailure) as failure:
        destination_of(CLIENT, api, 3)
    assert str(failure.value) == f'{PREFIX}no endpoints available for service "guard"'
    subsets = [
        EndpointSubset(
            addresses=[EndpointAddress(ip="192.0.2.7")],
            ports=[EndpointPort(name="other", port=1), EndpointPort(name="https", port=9443)],
        )
    ]
    endpoints = Endpoints(metadata=ObjectMeta(name="guard"), subsets=subsets)
    await api.create(endpoints, namespace="default")
    found = destination_of(CLIENT, api, 3)
    assert (found.host, found.port) == ("192.0.2.7", 9443)
    assert (found.server_name, found.authority) == ("guard.default.svc", "guard.default.svc:8443")
    assert found.path == "/check"


async def test_an_external_name_is_called_by_that_name(api: ObjectApi) -> None:
    await serve(api, ServiceSpec(type="ExternalName", external_name="guard.example.com"))
    found = destination_of(CLIENT, api, 3)
    assert (found.host, found.port) == ("guard.example.com", 8443)
    assert found.server_name == "guard.default.svc"


async def test_what_is_not_there_is_told(api: ObjectApi) -> None:
    with pytest.raises(CallFailure) as failure:
        destination_of(CLIENT, api, 3)
    assert str(failure.value) == f'{PREFIX}service "guard" not found'
    await serve(api, ServiceSpec(ports=[ServicePort(port=443)]))
    with pytest.raises(CallFailure, match='no service port 8443 found for service "guard"'):
        destination_of(CLIENT, api, 3)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("https://example.com:8443/a/b", "example.com", 8443, "/a/b"),
        ("https://[::1]:9/x", "::1", 9, "/x"),
    ],
)
async def test_urls(api: ObjectApi, url: str, host: str, port: int, path: str) -> None:
    found = destination_of(WebhookClientConfig(url=url), api, 3)
    assert (found.host, found.port, found.path, found.server_name) == (host, port, path, host)
