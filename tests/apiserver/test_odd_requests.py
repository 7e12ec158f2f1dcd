"""Requests that nobody would send on purpose: every one gets an answer in the API's own form."""

import random
from urllib.parse import quote

import anyio
import msgspec
import pytest
from yarl import URL

from .conftest import Served, config_map, pod

pytestmark = pytest.mark.anyio

SEGMENTS = (
    *("api", "apis", "v1", "namespaces", "default", "pods", "configmaps", "nodes", "web", "one"),
    *(
        "status",
        "log",
        "binding",
        "finalize",
        "",
        "..",
        ".",
        "%00",
        "%2F",
        "é",
        "a" * 300,
        "openapi",
    ),
    *("v2", "v3", "coordination.k8s.io", "leases", "version", "healthz", "watch", "*", "[", "%"),
)
QUERIES = (
    *("", "watch=x", "limit=0", "limit=-1", "continue=%00", "labelSelector=a%20in%20(", "=", "&&"),
    *("labelSelector=%00", "fieldSelector=a", "dryRun=", "fieldValidation=Never", "container=x"),
    *("resourceVersion=%C3%A9", "tailLines=1e3", "timeoutSeconds=x", "limit=9999999999999999999"),
    *("includeObject=All", "resourceVersionMatch=Exact", "gracePeriodSeconds=-1"),
)
BODIES = (
    *(b"", b"{}", b"[]", b"null", b'"a"', b"1e999", b'{"kind":1}', b'{"metadata":null}'),
    *(b'{"metadata":{"name":""}}', b'{"metadata":{"name":"A B"}}', b"\x00", b"{" * 1000),
    msgspec.json.encode(config_map("one")),
    msgspec.json.encode(pod("web")),
)
MEDIA_TYPES = (
    *("application/json", "application/yaml", "", "text/html", "application/merge-patch+json"),
    *("application/json-patch+json", "application/strategic-merge-patch+json", "a/b;c=d;e"),
    "application/vnd.kubernetes.protobuf",
)
ACCEPTS = (
    "",
    "*/*",
    "application/json;as=Table;v=v1",
    "text/html",
    ";;,=",
    "application/json;as=X",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT")


@pytest.mark.parametrize("name", ["limit", "resourceVersion", "timeoutSeconds"])
async def test_a_number_beyond_all_bounds_makes_no_sense(served: Served, name: str) -> None:
    refused = await served.get(f"/api/v1/pods?watch={name == 'timeoutSeconds'}&{name}={'9' * 5000}")
    assert refused.status == 400


@pytest.mark.parametrize("seed", range(4))
async def test_every_request_is_answered_and_none_is_our_fault(served: Served, seed: int) -> None:
    chance = random.Random(seed)
    await served.post("/api/v1/namespaces/default/pods", pod("web"))
    for _ in range(250):
        segments = chance.choices(SEGMENTS, k=chance.randint(0, 7))
        if chance.random() < 0.5:
            segments = ["api", "v1", "namespaces", "default", *segments[:3]]
        path = "/" + "/".join(quote(segment, safe="%*[.") for segment in segments)
        url = URL(f"{served.server.url}{path}?{chance.choice(QUERIES)}", encoded=True)
        method = chance.choice(METHODS)
        headers = {"Accept": chance.choice(ACCEPTS), "Content-Type": chance.choice(MEDIA_TYPES)}
        body = chance.choice(BODIES) if method in ("POST", "PUT", "PATCH", "DELETE") else None
        async with served.session.request(method, url, data=body, headers=headers) as answer:
            content = await answer.read()
        told = (seed, method, str(url), headers, body, answer.status, content[:300])
        assert answer.status not in (500, 501, 502), told
        if answer.status >= 400 and method != "HEAD":
            assert msgspec.json.decode(content)["kind"] == "Status", told


async def test_what_is_not_http_harms_nobody(served: Served) -> None:
    url = URL(served.server.url)
    for text in (b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 100):
        assert url.host is not None
        assert url.port is not None
        async with await anyio.connect_tcp(url.host, url.port) as stream:
            await stream.send(text)
    assert (await served.get("/healthz")).body == b"ok"
