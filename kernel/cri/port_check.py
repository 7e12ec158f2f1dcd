"""The contract for asking a port whether what listens there is well: HTTP, TCP or gRPC."""

from typing import Protocol

import msgspec


class HttpCheck(msgspec.Struct, frozen=True):
    """GET this path. A status from 200 to 399 means well. `scheme` is http or https; of https the
    certificate is not looked at. A header named Host, User-Agent or Accept replaces the one that
    is sent by default. Redirects are followed on the same host; one to another is a warning."""

    path: str = "/"
    scheme: str = "http"
    headers: tuple[tuple[str, str], ...] = ()


class TcpCheck(msgspec.Struct, frozen=True):
    """Connect; a connection means well."""


class GrpcCheck(msgspec.Struct, frozen=True):
    """Call `grpc.health.v1.Health/Check` for this service; SERVING means well."""

    service: str = ""


class PortCheck(msgspec.Struct, frozen=True):
    """Whom to ask, and how."""

    host: str
    port: int
    how: HttpCheck | TcpCheck | GrpcCheck


class CheckResult(msgspec.Struct, frozen=True):
    """`message` is what was seen, in the words that Kubernetes has for it in Events; of a result
    that is well it is a warning. `http_status` is that of the answer, zero where none came."""

    is_well: bool
    message: str = ""
    http_status: int = 0


class PortChecking(Protocol):
    """The part of a runtime that asks ports, from the node's side of the sandbox's network."""

    async def check(
        self, sandbox_id: str, check: PortCheck, *, timeout_seconds: float
    ) -> CheckResult:
        """Ask, for `timeout_seconds` at most (`math.inf`: for as long as it takes). Whatever goes
        wrong is a result that is not well, in words; nothing is raised."""
        ...
