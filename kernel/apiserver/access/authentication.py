"""Who makes a request, and the check that a browser was not tricked into it.

What counts is a client certificate, else a bearer token: the one of the kubeconfig, or one that a
ServiceAccount was issued. Nobody is anonymous but where the server tells of its health and version.

A server on loopback can be reached by every web page that the user opens, by a name that its
owner makes point to 127.0.0.1 (DNS rebinding). So a loopback listener answers to the names of
this machine alone, and to no foreign `Origin`. The token alone would keep such a page out of the
objects; this keeps it out of what is open as well. Any other listener answers to every name, but
to no page of another one.
"""

import hmac
import ipaddress
import logging
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

from kernel.api.errors import Forbidden, Unauthorized
from kernel.api.private_file import write_private
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.apiserver.access.client_certificates import ClientCertificate
from kernel.apiserver.certificates import STANDARD_NAMES
from kernel.clock import Clock, now_timestamp
from kernel.objects.authentication import UserInfo

logger = logging.getLogger(__name__)

TOKEN_BYTES = 32
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})
MAX_CLIENT_NAME_CHARACTERS = 64
MAX_USER_NAME_CHARACTERS = 1024
ACCEPTED_MAX = 1024

ANONYMOUS = UserInfo(username="system:anonymous", groups=["system:unauthenticated"])


def load_token(path: Path) -> str:
    """The token in `path`, made and kept there with mode 0600 where there is none."""
    try:
        token = path.read_text().strip()
    except FileNotFoundError:
        token = ""
    if not token:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        write_private(path, token.encode() + b"\n")
    return token


class Authenticator:
    """Checks what a request shows of itself: a client certificate, the token of `user`, or one of
    `service_accounts`, and the names of the listener."""

    def __init__(
        self,
        token: str,
        *,
        user: str,
        listen_host: str,
        service_accounts: ServiceAccountTokens,
        clock: Clock,
    ):
        self._clock = clock
        self._user = UserInfo(username=user, groups=["system:masters", "system:authenticated"])
        self._service_accounts = service_accounts
        self._token = token.encode()
        self._hosts: frozenset[str] | None = None
        if _is_loopback(listen_host):
            self._hosts = frozenset({*STANDARD_NAMES, socket.gethostname().lower(), listen_host})
        # Host and Origin headers seen to be good: clients send the same ones again and again.
        self._accepted: set[str] = set()

    def check_host(self, host: str, origin: str) -> None:
        """Raise `Forbidden` where a loopback listener is addressed by a foreign name, or any
        listener by a page that comes from elsewhere."""
        if self._hosts is None:
            if origin and _host_name(origin) != _host_name(host):
                raise Forbidden(f'forbidden: this server does not answer to "{origin}"')
            return
        for value in (host, origin):
            if value and value not in self._accepted:
                if _host_name(value) not in self._hosts:
                    raise Forbidden(f'forbidden: this server does not answer to "{value}"')
                if len(self._accepted) < ACCEPTED_MAX:
                    self._accepted.add(value)

    def authenticate(
        self, path: str, authorization: str, certificate: ClientCertificate | None = None
    ) -> UserInfo:
        """The user; an anonymous one for the open paths. Raises `Unauthorized`."""
        if certificate is not None:
            if now_timestamp(self._clock).timestamp() >= certificate.ends_seconds:
                raise Unauthorized("Unauthorized")
            return certificate.user
        scheme, _, token = authorization.partition(" ")
        is_bearer = scheme.lower() == "bearer"
        holder = self.holder_of(token) if is_bearer else None
        if holder is not None:
            return holder
        if path in OPEN_PATHS:
            return ANONYMOUS
        if is_bearer and token.count(".") == 2:
            return self._service_account(token)
        raise Unauthorized("Unauthorized")

    def holder_of(self, token: str) -> UserInfo | None:
        """The user of the kubeconfig, where it is that one's token."""
        shown = token.encode("utf-8", "surrogateescape")
        return self._user if hmac.compare_digest(shown, self._token) else None

    def _service_account(self, token: str) -> UserInfo:
        """The user with a ServiceAccount's token. Why one is refused is told to our log alone."""
        try:
            return self._service_accounts.identify(token).user
        except Unauthorized as refusal:
            logger.info("a token was refused: %s", refusal)
            raise Unauthorized("Unauthorized") from refusal


def actor_of(user: str, user_agent: str, field_manager: str) -> str:
    """Who writes, as the log shows it: `admin via kubectl`.

    The client is the field manager where one is given, else the User-Agent's first word without
    its version. Who may name users may name them oddly: what could mislead a reader is left out.
    """
    words = user_agent.split(None, 1)
    client = field_manager or (words[0].partition("/")[0] if words else "")
    user = _printable(user, MAX_USER_NAME_CHARACTERS)
    client = _printable(client, MAX_CLIENT_NAME_CHARACTERS)
    return f"{user} via {client}" if client else user


def _printable(text: str, characters_max: int) -> str:
    if not text.isprintable():
        text = "".join(character for character in text if character.isprintable())
    return text[:characters_max]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host_name(value: str) -> str:
    """The name in a Host header or an Origin, lower case, without port and brackets."""
    try:
        return urlsplit(value if "//" in value else f"//{value}").hostname or ""
    except ValueError:
        return ""
