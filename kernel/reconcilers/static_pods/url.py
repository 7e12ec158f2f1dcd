"""Static Pods from a URL, which is asked every now and then: the kubelet's --manifest-url.

A server that does not answer, or answers with what can't be used, leaves in place what it asked for
before; also what it asked for before this process was started.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio.to_thread
import msgspec

from kernel.api.manifest import ManifestError
from kernel.clock import Clock
from kernel.control.informer import ObjectKey
from kernel.reconcilers.static_pods.manifests import (
    MANIFEST_BYTES_MAX,
    WantedPod,
    by_name,
    pods_of,
)
from kernel.reconcilers.static_pods.source import RESCAN_SECONDS

SCHEMES = ("http://", "https://")
TIMEOUT_SECONDS = 10.0

_HEADERS = {"Accept": "application/json, application/yaml", "User-Agent": "podkernel"}


class ManifestUrl(msgspec.Struct, frozen=True):
    """A manifest's address, and headers to ask for it with."""

    url: str
    headers: Mapping[str, str] = {}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows them. Headers that were given for one host, such as a token, are not for others."""

    def redirect_request(
        self, request: urllib.request.Request, *answer: Any
    ) -> urllib.request.Request | None:
        following = super().redirect_request(request, *answer)
        if following is None or following.host == request.host:
            return following
        return urllib.request.Request(following.full_url, headers=_HEADERS)


class _NoManifest(Exception):
    """There is none to be had; the message says why, in a line."""


class UrlSource:
    """The manifest behind a URL (see `PodSource`)."""

    name = "http"

    def __init__(self, location: ManifestUrl, node_name: str, clock: Clock):
        self._location = location
        self._node_name = node_name
        self._clock = clock
        self._digest = b""
        self.known = False
        self.wanted: Mapping[ObjectKey, WantedPod] = {}
        self.problems: Mapping[str, bytes] = {}

    async def read(self) -> None:
        url = self._location.url
        try:
            data = await anyio.to_thread.run_sync(_fetch, self._location, abandon_on_cancel=True)
            self._understand(data)
        except _NoManifest as problem:
            self.problems = {f"{url}: {problem}": b""}
        except ManifestError as error:
            self.problems = dict.fromkeys(error.problems, self._digest)

    async def follow(self, read: Callable[[], Awaitable[None]]) -> None:
        while True:
            await read()
            await self._clock.sleep(RESCAN_SECONDS)

    def _understand(self, data: bytes) -> None:
        if not data.strip():
            raise _NoManifest("the answer is empty")
        self._digest = hashlib.sha256(data).digest()
        pods = pods_of(data, self._location.url, self._node_name)
        self.wanted, doubles = by_name(pods)
        self.problems = dict.fromkeys(doubles, self._digest)
        self.known = True


def _fetch(location: ManifestUrl) -> bytes:
    """What the server answers. Blocking. Raises `_NoManifest`."""
    request = urllib.request.Request(location.url, headers={**_HEADERS, **location.headers})
    try:
        with urllib.request.build_opener(_Redirects).open(
            request, timeout=TIMEOUT_SECONDS
        ) as answer:
            data: bytes = answer.read(MANIFEST_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise _NoManifest(f"the server answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _NoManifest(f"can't be fetched: {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _NoManifest(f"can't be fetched: {error or type(error).__name__}") from error
    if len(data) > MANIFEST_BYTES_MAX:
        raise _NoManifest(f"is larger than {MANIFEST_BYTES_MAX} bytes")
    return data
