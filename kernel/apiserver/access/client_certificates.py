"""Who a client certificate names: the common name is the user, organizations are their groups.

The certificate is checked while TLS is set up, against the server's own authority; that it has not
ended since is checked at each request.
"""

import asyncio
import hashlib
import ssl
from typing import Any

import msgspec

from kernel.objects.authentication import UserInfo

CREDENTIAL_KEY = "authentication.kubernetes.io/credential-id"


class ClientCertificate(msgspec.Struct, frozen=True):
    """A user, as good as proven until `ends_seconds` since the epoch."""

    user: UserInfo
    ends_seconds: float


def read_certificate(transport: asyncio.BaseTransport) -> ClientCertificate | None:
    """The certificate that the client of a connection has shown; None where it has shown none, or
    one that names nobody."""
    found: dict[str, Any] | None = transport.get_extra_info("peercert")
    if not found:
        return None
    subject = [attribute for part in found["subject"] for attribute in part]
    names = [value for key, value in subject if key == "commonName"]
    if not names or not names[-1]:
        return None
    groups = [value for key, value in subject if key == "organizationName"]
    fingerprint = hashlib.sha256(_encoded(transport)).hexdigest()
    user = UserInfo(
        username=names[-1],
        groups=[*groups, "system:authenticated"],
        extra={CREDENTIAL_KEY: [f"X509SHA256={fingerprint}"]},
    )
    return ClientCertificate(user, ssl.cert_time_to_seconds(found["notAfter"]))


def _encoded(transport: asyncio.BaseTransport) -> bytes:
    shown: ssl.SSLObject = transport.get_extra_info("ssl_object")
    return shown.getpeercert(binary_form=True) or b""
