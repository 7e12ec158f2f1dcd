"""client-go's way to keep a copy of objects: its requests byte for byte, and what it makes of them.

client-go itself is not at hand, so its requests stand here as they were recorded from kubectl and
controllers that are built with it: a list at revision 0 in pages of 500, then a watch with
bookmarks and a timeout between five and ten minutes; or, from 1.35 on, one watch that begins with
what is there (WatchList). Protobuf is asked for first, and JSON taken.
"""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..conftest import Cluster

USER_AGENT = "manager/v0.0.0 (linux/amd64) kubernetes/$Format"
TYPED = "application/vnd.kubernetes.protobuf,application/json"
METADATA = (
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)
METADATA_LIST = METADATA.replace("PartialObjectMetadata", "PartialObjectMetadataList")
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
LIST = "limit={limit}&resourceVersion=0"
WATCH = (
    "allowWatchBookmarks=true&resourceVersion={revision}&timeout=7m9s&timeoutSeconds=429&watch=true"
)
WATCH_LIST = (
    "allowWatchBookmarks=true&resourceVersion={revision}&resourceVersionMatch=NotOlderThan"
    "&sendInitialEvents=true&timeout=9m57s&timeoutSeconds=597&watch=true"
)
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
SECONDS_MAX = 10


class Answer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, connection: ssl.SSLSocket):
        self._file = connection.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def json(self) -> Any:
        """The whole body, which has a length."""
        return json.loads(self._file.read(int(self.headers["content-length"])))

    def events(self) -> Iterator[Any]:
        """The events of a watch, until its last chunk."""
        assert self.headers["transfer-encoding"] == "chunked"
        pending = b""
        while size := int(self._file.readline(), 16):
            pending += self._file.read(size)
            assert self._file.readline() == b"\r\n"
            *lines, pending = pending.split(b"\n")
            yield from map(json.loads, lines)

    def close(self) -> None:
        """Read no more."""
        self._file.close()


class Wire:
    """Sends what client-go sends, a connection a request."""

    def __init__(self, cluster: Cluster):
        self._host, _, port = cluster.server.url.removeprefix("https://").rpartition(":")
        self._port = int(port)
        authority = cluster.place.data / "pki" / "ca.crt"
        self._context = ssl.create_default_context(cafile=str(authority))
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        self._token = (cluster.place.data / "token").read_text().strip()

    @contextmanager
    def get(self, target: str, accept: str = TYPED) -> Iterator[Answer]:
        """One GET."""
        head = (
            *(f"GET {target} HTTP/1.1", f"Host: {self._host}:{self._port}"),
            *(f"User-Agent: {USER_AGENT}", f"Accept: {accept}"),
            *(f"Authorization: Bearer {self._token}", "Accept-Encoding: gzip", "", ""),
        )
        plain = socket.create_connection((self._host, self._port), timeout=SECONDS_MAX)
        with self._context.wrap_socket(plain, server_hostname=self._host) as connection:
            connection.sendall("\r\n".join(head).encode())
            answer = Answer(connection)
            try:
                yield answer
            finally:
                answer.close()


class Reflector:
    """A copy of all objects at a path, as `revision` has them; `lists` counts how often it began
    anew."""

    def __init__(self, wire: Wire, path: str, selector: str = "", *, limit: int = 500):
        self._wire = wire
        self._path = path
        self._limit = limit
        self._selector = f"labelSelector={selector.replace('=', '%3D')}&" if selector else ""
        self.revision = ""
        self.objects: dict[str, Any] = {}
        self.lists = 0

    def read_list(self) -> None:
        """Begin with a list, page after page."""
        found: list[Any] = []
        query = LIST.format(limit=self._limit)
        while query:
            with self._wire.get(f"{self._path}?{self._selector}{query}") as answer:
                assert answer.status == 200
                assert answer.headers["content-type"] == "application/json"
                page = answer.json()
            found += page["items"]
            token = page["metadata"].get("continue", "")
            query = f"continue={token}&limit={self._limit}" if token else ""
        self.revision = page["metadata"]["resourceVersion"]
        self.objects = {one["metadata"]["name"]: one for one in found}
        self.lists += 1

    def read_watch_list(self) -> None:
        """Begin with a watch (WatchList): what is there has come once the bookmark says so."""
        self.objects, self.lists = {}, self.lists + 1
        for event in self._watch(WATCH_LIST.format(revision="")):
            if self._follow(event):
                return
        raise AssertionError("no bookmark has ended the initial events")

    def follow(self, count: int) -> list[tuple[str, str]]:
        """Go on from where it is: type and name of the next events. Where that is no longer told
        of, it begins anew, as client-go does, and there are none."""
        seen: list[tuple[str, str]] = []
        for event in self._watch(WATCH.format(revision=self.revision)):
            if event["type"] == "ERROR":
                assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
                self.read_list()
                return []
            assert int(event["object"]["metadata"]["resourceVersion"]) > int(self.revision)
            self._follow(event)
            seen.append((event["type"], event["object"]["metadata"]["name"]))
            if len(seen) == count:
                break
        return seen

    def _watch(self, query: str) -> Iterator[Any]:
        with self._wire.get(f"{self._path}?{self._selector}{query}") as answer:
            assert answer.status == 200
            yield from answer.events()

    def _follow(self, event: Any) -> bool:
        metadata = event["object"]["metadata"]
        self.revision = metadata["resourceVersion"]
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self.objects[metadata["name"]] = event["object"]
            case "DELETED":
                del self.objects[metadata["name"]]
        annotations: dict[str, str] = metadata.get("annotations", {})
        return annotations.get(INITIAL_EVENTS_END) == "true"
