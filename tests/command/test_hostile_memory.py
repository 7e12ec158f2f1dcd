"""Hostile requests are refused with a Status each, and leave nothing in memory."""

import gzip
import http.client
import json
import ssl
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from .harness import Server, place

# Enough that what each left behind would show: a leak of 8 kB a request would be 2.5 MB.
ROUNDS_BEFORE = 22
ROUNDS = 12
GROWTH_BYTES_MAX = 2 * 1024 * 1024
ANSWER_SECONDS_MAX = 20
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"

Hostile = tuple[str, str, bytes, dict[str, str]]


def _yaml_bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


def _requests(unique: str) -> Iterator[Hostile]:
    """One of each sort, with names that no cache has seen."""
    json_type = {"Content-Type": "application/json"}
    yaml_type = {"Content-Type": "application/yaml"}
    merge_type = {"Content-Type": "application/merge-patch+json"}
    named = json.dumps({"metadata": {"name": unique}})[:-1].encode()
    yield "POST", MAPS, b"{" + unique.encode(), json_type
    yield "POST", MAPS, b"[" * 100_000, json_type
    yield "POST", MAPS, named + b',"data":' + b'{"a":' * 50_000, json_type
    yield "POST", MAPS, b"\xff\xfe" + unique.encode("utf-16"), json_type
    yield "POST", f"{MAPS}?fieldValidation=Strict", named + b',"data":{},"data":{}}', json_type
    yield (
        "POST",
        f"{MAPS}?fieldValidation=Strict",
        named + b',"' + unique.encode() + b'":1}',
        json_type,
    )
    yield "POST", MAPS, _yaml_bomb(), yaml_type
    yield "POST", MAPS, b"a: " + b"[" * 20_000, yaml_type
    yield "POST", MAPS, b"? " * 5_000, yaml_type
    yield "POST", MAPS, gzip.compress(b" " * 4_000_000, 1), json_type | {"Content-Encoding": "gzip"}
    yield "POST", MAPS, zlib.compress(b"[" * 9_000, 1), json_type | {"Content-Encoding": "deflate"}
    yield "POST", MAPS, b" " * 3_200_000, json_type
    yield (
        "POST",
        PODS,
        b"k8s\x00" + b"\x12\x7f" * 9_000,
        {"Content-Type": "application/vnd.kubernetes.protobuf"},
    )
    yield "POST", PODS, named + b',"spec":{"containers":[' + b"{}," * 90_000 + b"{}]}}", json_type
    yield "PATCH", f"{MAPS}/{unique}", b'{"a":' * 30_000, merge_type
    yield (
        "PATCH",
        f"{MAPS}/kube-root-ca.crt",
        b'[{"op":"copy"}]',
        {"Content-Type": "application/json-patch+json"},
    )
    yield "PUT", f"{MAPS}/{unique}", named + b"}", json_type
    yield "GET", f"{MAPS}?labelSelector={quote('a in (' + unique)}", b"", {}
    yield "GET", f"{MAPS}?fieldSelector={unique}=1", b"", {}
    yield "GET", f"{MAPS}?continue={unique}", b"", {}
    yield "GET", f"{MAPS}?resourceVersion={unique}", b"", {}
    yield "GET", f"{MAPS}/{unique}", b"", {"User-Agent": unique, "Accept": f"a/b;c={unique}"}
    yield "GET", f"/apis/{unique}.example/v1/{unique}", b"", {}
    yield "GET", f"/{unique}", b"", {}
    yield "GET", MAPS, b"", {"Authorization": f"Bearer {unique}"}
    yield "GET", MAPS, b"", {"Accept": f"application/x-{unique}"}
    yield unique[:8].upper(), MAPS, b"", {}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with place() as here:
        yield here.start("--runtime", "simulated")


class _Client:
    """A new connection for each request, as some are closed on the way."""

    def __init__(self, server: Server):
        data = server.place.data
        self._context = ssl.create_default_context(cafile=str(data / "pki" / "ca.crt"))
        self._address = urlsplit(server.url)
        self._token = (data / "token").read_text().strip()

    def ask(self, hostile: Hostile) -> tuple[int, bytes]:
        method, path, body, headers = hostile
        assert self._address.hostname
        connection = http.client.HTTPSConnection(
            *(self._address.hostname, self._address.port),
            context=self._context,
            timeout=ANSWER_SECONDS_MAX,
        )
        sent = {"Authorization": f"Bearer {self._token}"} | headers
        try:
            connection.request(method, path, body=body or None, headers=sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _anonymous_bytes(pid: int) -> int:
    (line,) = (
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("RssAnon:")
    )
    return int(line.split()[1]) * 1024


def test_each_is_refused_and_none_is_remembered(server: Server) -> None:
    client = _Client(server)
    used = 0
    for number in range(ROUNDS_BEFORE + ROUNDS):
        if number == ROUNDS_BEFORE:
            used = _anonymous_bytes(server.process.pid)
        for hostile in _requests(uuid.uuid4().hex):
            status, body = client.ask(hostile)
            told = (hostile[0], hostile[1], hostile[2][:60], status, body[:300])
            assert 400 <= status < 500, told
            assert json.loads(body)["kind"] == "Status", told
    grown = _anonymous_bytes(server.process.pid) - used
    assert grown <= GROWTH_BYTES_MAX, f"{grown} bytes"
