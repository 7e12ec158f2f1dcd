"""What a proxy changes of a request's and of an answer's head: pure.

Source of the rules: RFC 9110, 7.6.1 (what is of one connection alone), Go's
net/http/httputil.ReverseProxy, and the proxy transport of k8s.io/apimachinery.
"""

import posixpath
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

Headers = list[tuple[bytes, bytes]]

_OF_ONE_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer"),
    *(b"transfer-encoding", b"upgrade", b"proxy-authenticate", b"proxy-authorization"),
}
_OF_THE_CALLER = {
    *(b"authorization", b"content-length", b"expect", b"x-forwarded-for", b"x-forwarded-uri"),
    *(b"impersonate-user", b"impersonate-group", b"impersonate-uid"),
}
"""What is between the caller and this server, or is made anew."""

_IMPERSONATED_EXTRA = b"impersonate-extra-"


def listed(values: Iterable[str]) -> set[str]:
    """The names in headers that list some, in small letters."""
    return {name.strip().lower() for value in values for name in value.split(",")}


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that are not of one connection alone."""
    present = list(headers)
    connection = [value.decode("latin-1") for key, value in present if key.lower() == b"connection"]
    dropped = _OF_ONE_CONNECTION | {name.encode("latin-1") for name in listed(connection)}
    return [(key, value) for key, value in present if key.lower() not in dropped]


def forwarded(
    headers: Iterable[tuple[bytes, bytes]], *, client_address: str, uri: str, is_unpacked: bool
) -> Headers:
    """The headers of the request that is passed on. No credential for this server goes with it.
    `is_unpacked`: its body is no longer encoded as the request says."""
    present = list(headers)
    dropped = _OF_THE_CALLER | ({b"content-encoding"} if is_unpacked else set())
    passed = [
        (key, value)
        for key, value in end_to_end(present)
        if key.lower() not in dropped and not key.lower().startswith(_IMPERSONATED_EXTRA)
    ]
    before = [value for key, value in present if key.lower() == b"x-forwarded-for"]
    chain = b", ".join([*before, client_address.encode()])
    return [*passed, (b"X-Forwarded-For", chain), (b"X-Forwarded-Uri", uri.encode())]


def rewritten_location(location: str, *, prefix: str, hosts: Iterable[str]) -> str:
    """Where a redirect leads to as the caller has to ask for it: below `prefix`, the path of the
    proxy. What leads to other hosts than `hosts`, or is relative, stays as it is."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return location
    if (parts.netloc and parts.netloc not in hosts) or not parts.path.startswith("/"):
        return location
    path = parts.path
    if not path.startswith(prefix):
        path = posixpath.normpath(f"{prefix}/{path}")
        if parts.path.endswith("/"):
            path += "/"
    return urlunsplit(("", "", path, parts.query, parts.fragment))
