"""Bodies that no client means to send, over the HTTP surface of one kind: a 4xx Status for each."""

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, example, given, settings, strategies as st

from .conftest import Answered, Served, config_map, serving

MAPS = "/api/v1/namespaces/default/configmaps"
PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
TYPES = (
    *("", "application/json", "application/yaml", "application/json; charset=utf-16"),
    *("application/vnd.kubernetes.protobuf", "text/html", "multipart/form-data"),
    *PATCHES,
)
REQUESTS = (
    *(("POST", MAPS), ("DELETE", MAPS), ("PUT", f"{MAPS}/one"), ("DELETE", f"{MAPS}/one")),
    *[("PATCH", f"{MAPS}/one?fieldManager=me")] * 3,
)
ANSWER_SECONDS_MAX = 20

VALID = msgspec.json.encode(config_map("one", key="välue"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(("metadata", "name", "data", "kind", "op", "path", "$patch", "<<"))
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=16,
)


@st.composite
def _nested(draw: st.DrawFn) -> bytes:
    opening, closing = draw(
        st.sampled_from(
            (
                *((b"[", b"]"), (b'{"a":', b"}"), (b'{"data":{"metadata":', b"}}")),
                *((b"- ", b""), (b"? ", b""), (b"{a: ", b"}"), (b"&a [", b"]")),
                *((b"\n", b""), (b"\x12\x7f", b""), (b'[{"op":"add","value":', b"}]")),
            )
        )
    )
    depth = draw(st.sampled_from((1, 60, 900, 1100, 50_000)))
    start = draw(st.sampled_from((b"", VALID[:-1] + b',"metadata":', b"data: ", b"k8s\x00")))
    return start + opening * depth + b"1" + closing * draw(st.sampled_from((0, depth)))


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    start = draw(st.integers(0, len(VALID)))
    end = draw(st.integers(start, len(VALID)))
    return VALID[:start] + draw(st.binary(max_size=6)) + VALID[end:]


@st.composite
def _encoded(draw: st.DrawFn) -> bytes:
    text = json.dumps(draw(JSON), ensure_ascii=draw(st.booleans()))
    encoding = draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-7")))
    return text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")


def _packed(body: bytes, packing: str) -> bytes:
    match packing:
        case "gzip":
            return gzip.compress(body, 1)
        case "deflate":
            return zlib.compress(body, 1)
    return body


BODIES = st.binary(max_size=64) | _nested() | _damaged() | _encoded()


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal("asyncio", {"use_uvloop": True}) as portal:
        yield portal


@pytest.fixture(scope="module")
def served(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all examples: what one of them breaks, the next one finds broken."""
    directory: Path = tmp_path_factory.mktemp("served")
    with portal.wrap_async_context_manager(serving(directory)) as served:
        yield served


async def _ask(served: Served, method: str, path: str, body: bytes, **headers: str) -> Answered:
    with anyio.fail_after(ANSWER_SECONDS_MAX):
        return await served.ask(method, path, body, **headers)


@settings(
    max_examples=150,
    deadline=timedelta(seconds=ANSWER_SECONDS_MAX),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    request=st.sampled_from(REQUESTS),
    body=BODIES,
    media_type=st.sampled_from(TYPES),
    packing=st.sampled_from(("", "", "", "gzip", "deflate")),
    says=st.sampled_from(("", "", "", "gzip", "br", "nonsense")),
    validation=st.sampled_from(("", "Strict", "Ignore")),
)
@example(("PATCH", f"{MAPS}/one"), b"[" * 50_000, PATCHES[1], "", "", "")
@example(("POST", MAPS), b'{"a":' * 50_000, TYPES[1], "", "", "Strict")
@example(("POST", MAPS), b"k8s\x00" + b"\x12\x7f" * 50_000, TYPES[4], "", "", "")
def test_whatever_the_body_the_answer_is_no_fault_of_ours(
    served: Served,
    portal: BlockingPortal,
    request: tuple[str, str],
    body: bytes,
    media_type: str,
    packing: str,
    says: str,
    validation: str,
) -> None:
    method, path = request
    separator = "&" if "?" in path else "?"
    path = f"{path}{separator}fieldValidation={validation}" if validation else path
    headers = {"Content_Type": media_type}
    if encoding := says or packing:
        headers["Content_Encoding"] = encoding
    packed = _packed(body, packing)

    async def ask() -> Answered:
        await _ask(served, "POST", MAPS, VALID)
        return await _ask(served, method, path, packed, **headers)

    answer = portal.call(ask)
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        status: Any = answer.json
        assert (status["kind"], status["code"]) == ("Status", answer.status)
        assert len(answer.body) < 64 * 1024


@pytest.mark.parametrize(("method", "path"), dict.fromkeys(REQUESTS))
@pytest.mark.parametrize("packing", ["", "gzip"])
def test_too_large_is_said_so(
    served: Served, portal: BlockingPortal, method: str, path: str, packing: str
) -> None:
    async def ask() -> Answered:
        body = _packed(b" " * (3 * 1024 * 1024 + 1), packing)
        headers = {"Content_Encoding": packing} if packing else {}
        media_type = PATCHES[1] if method == "PATCH" else "application/json"
        return await _ask(served, method, path, body, Content_Type=media_type, **headers)

    answer = portal.call(ask)
    assert (answer.status, answer.json["reason"]) == (413, "RequestEntityTooLarge")


_SIZE = 3 * 1024 * 1024 - 100
_CONTAINERS = b'{"spec":{"containers":['


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"[" + b"a," * (_SIZE // 2), "application/yaml", 400),
        (b"".join(b"k%d: 1\n" % n for n in range(_SIZE // 11)), "application/yaml", 400),
        (_CONTAINERS + b"1," * (_SIZE // 2) + b"1]}}", "application/json", 400),
        (_CONTAINERS + b'{"nam":1},' * (_SIZE // 10) + b"{}]}}", "application/json", 422),
        (_CONTAINERS + b"{}," * (_SIZE // 3) + b"{}]}}", "application/json", 422),
    ],
    ids=["yaml list", "yaml map", "wrong types", "unknown fields", "missing fields"],
)
def test_a_large_body_is_refused_for_its_first_errors(
    served: Served, portal: BlockingPortal, body: bytes, media_type: str, status: int
) -> None:
    async def ask() -> Answered:
        path = "/api/v1/namespaces/default/pods"
        return await _ask(served, "POST", path, body, Content_Type=media_type)

    answer = portal.call(ask)
    assert (answer.status, answer.json["kind"]) == (status, "Status")
    assert len(answer.body) < 64 * 1024
