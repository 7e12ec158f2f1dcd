"""Accept headers: the first form that can be served is taken."""

import pytest

from kernel.apiserver.discovery import aggregated_version
from kernel.apiserver.negotiation import Answer, Form, NotAcceptable, negotiate

KUBECTL_GET = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
KUBECTL_DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("", Answer(Form.OBJECT)),
        ("*/*", Answer(Form.OBJECT)),
        ("application/json", Answer(Form.OBJECT)),
        ("application/vnd.kubernetes.protobuf, application/json", Answer(Form.OBJECT)),
        ("application/json;stream=watch", Answer(Form.OBJECT)),
        (KUBECTL_GET, Answer(Form.TABLE, "v1")),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", Answer(Form.TABLE, "v1beta1")),
        ("application/json;as=Table;v=v7;g=meta.k8s.io, application/json", Answer(Form.OBJECT)),
        ("application/json;as=PartialObjectMetadataList;v=v1", Answer(Form.METADATA, "v1")),
    ],
)
def test_the_first_form_that_is_known_is_taken(accept: str, answer: Answer) -> None:
    assert negotiate(accept) == answer


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "text/html"])
def test_a_form_that_is_not_served_is_refused(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        negotiate(accept)


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (KUBECTL_DISCOVERY, "v2"),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", "v2beta1"),
        ("application/json", None),
        ("", None),
        ("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList", None),
    ],
)
def test_aggregated_discovery_is_served_to_those_who_ask(accept: str, version: str | None) -> None:
    assert aggregated_version(accept) == version
