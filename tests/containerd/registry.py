"""A read-only registry on loopback that serves the tests' images, so that a pull can be tried.

containerd speaks plain HTTP to a registry at 127.0.0.1.
"""

import base64
import http.server
import json
import re
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.containerd.images import image_archive

_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@contextmanager
def running_registry(
    *, username: str = "", password: str = "", half_way: threading.Event | None = None
) -> Iterator[str]:
    """The address, `127.0.0.1:PORT`, of a registry where `busybox` is `docker.io/library/busybox`
    and so on. With a username it asks for both. It stops half-way through each blob until
    `half_way` is set, if there is one."""
    authorization = base64.b64encode(f"{username}:{password}".encode()).decode()
    server = _Registry(f"Basic {authorization}" if username else "", half_way)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def image_content() -> tuple[Mapping[str, str], Mapping[str, bytes]]:
    """From `name:tag` to a manifest's digest, and from a digest to its bytes."""
    blobs = {}
    with tarfile.open(image_archive()) as archive:
        for entry in archive.getmembers():
            file = archive.extractfile(entry)
            if file is not None:
                blobs[entry.name.replace("blobs/sha256/", "sha256:")] = file.read()
    tags = {}
    for manifest in json.loads(blobs["index.json"])["manifests"]:
        name = manifest["annotations"]["io.containerd.image.name"]
        tags[name.removeprefix("docker.io/").removeprefix("library/")] = manifest["digest"]
    return tags, blobs


class _Registry(http.server.ThreadingHTTPServer):
    """`authorization` is the header that every request must carry; empty, none is asked for."""

    daemon_threads = True

    def __init__(self, authorization: str, half_way: threading.Event | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.half_way = half_way
        self.authorization = authorization
        self.tags, self.blobs = image_content()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Registry

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the tests' output is for the tests."""

    def _answer(self, *, with_content: bool) -> None:
        expected = self.server.authorization
        found = _PATH.fullmatch(self.path.partition("?")[0])
        headers, content = {"Content-Type": "application/json"}, b"{}"
        if expected and self.headers.get("Authorization") != expected:
            status = 401
            headers["WWW-Authenticate"] = 'Basic realm="tests"'
        elif found is None:
            status = 200 if self.path == "/v2/" else 404
        else:
            tags, blobs = self.server.tags, self.server.blobs
            reference = found["reference"]
            name = found["name"].removeprefix("library/")
            digest = tags.get(f"{name}:{reference}", reference)
            status = 200 if digest in blobs else 404
            content = blobs.get(digest, content)
            if status == 200:
                headers["Docker-Content-Digest"] = digest
                is_manifest = found["kind"] == "manifests"
                headers["Content-Type"] = (
                    _MANIFEST_TYPE if is_manifest else "application/octet-stream"
                )
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_content:
            middle = len(content) // 2
            self.wfile.write(content[:middle])
            if self.server.half_way is not None and found and found["kind"] == "blobs":
                self.server.half_way.wait()
            self.wfile.write(content[middle:])
