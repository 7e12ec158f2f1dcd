"""Debian's docker-registry on loopback, which asks for a name and a password.

Unlike the stand-in of `registry.py` it is a real registry: what its answers look like, containerd
has to get along with.
"""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containerd.registry import image_content

PROGRAM = "docker-registry"
USERNAME, PASSWORD = "joe", "open sesame"
# Of the password, by bcrypt, which is the only form that the registry takes.
_PASSWORD_HASH = "$2b$04$2grBCXio1XwR13Mq21dpwuEH35uYtJSzRF9pC0F1L/2L4q4fkczAK"
_START_SECONDS_MAX = 20

_CONFIGURATION = """\
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {directory}/store}}
http: {{addr: "{address}"}}
auth:
  htpasswd: {{realm: tests, path: {directory}/htpasswd}}
"""


def missing_for_docker_registry() -> str:
    """Why there can't be one; empty where there can."""
    if shutil.which(PROGRAM):
        return ""
    return f"not installed: {PROGRAM} (tests/containerd/install_system_packages.sh)"


@contextmanager
def running_docker_registry(*images: str) -> Iterator[str]:
    """The address, `127.0.0.1:PORT`, of a registry that has `images` (`busybox:latest`)."""
    with tempfile.TemporaryDirectory(prefix="podkernel-registry-") as directory:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        configuration = Path(directory, "config.yml")
        configuration.write_text(_CONFIGURATION.format(directory=directory, address=address))
        Path(directory, "htpasswd").write_text(f"{USERNAME}:{_PASSWORD_HASH}\n")
        log = Path(directory, "log")
        with (
            log.open("wb") as output,
            subprocess.Popen(
                [PROGRAM, "serve", str(configuration)], stdout=output, stderr=output
            ) as process,
        ):
            try:
                _wait_until_it_answers(address, process, log)
                for image in images:
                    _push(address, image)
                yield address
            finally:
                process.kill()


def _wait_until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while True:
        try:
            _ask("GET", f"http://{address}/v2/")
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the registry did not start: {log.read_text()}") from error
        time.sleep(0.02)


def _push(address: str, image: str) -> None:
    """Put an image of the tests' archive into the registry, as its HTTP API has it."""
    tags, blobs = image_content()
    name, _, tag = image.rpartition(":")
    manifest = blobs[tags[image]]
    read = json.loads(manifest)
    for part in (read["config"], *read["layers"]):
        headers = _ask("POST", f"http://{address}/v2/{name}/blobs/uploads/")
        place = headers["Location"]
        separator = "&" if "?" in place else "?"
        _ask("PUT", f"{place}{separator}digest={part['digest']}", blobs[part["digest"]])
    _ask("PUT", f"http://{address}/v2/{name}/manifests/{tag}", manifest, read["mediaType"])


def _ask(
    method: str, url: str, body: bytes = b"", content_type: str = "application/octet-stream"
) -> dict[str, str]:
    """The headers of the answer."""
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": content_type}
    request = urllib.request.Request(url, data=body or None, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return dict(answer.headers)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error} {error.read().decode()}") from error
