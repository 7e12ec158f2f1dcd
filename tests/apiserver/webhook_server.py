"""An admission webhook of the test's own: a real TLS server on loopback that answers reviews."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from kernel.apiserver.certificates import prepare_certificates
from kernel.clock import SystemClock

from .conftest import Answered, Served

SERVICE_NAME = "guard.default.svc"
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"

Response = dict[str, Any]


def allow(request: Any) -> Response:
    """No objection."""
    return {"allowed": True}


def deny(message: str, **status: Any) -> Response:
    """A refusal with a message."""
    return {"allowed": False, "status": {"message": message, **status}}


def patch(*operations: dict[str, Any]) -> Response:
    """A change of the object."""
    text = base64.b64encode(msgspec.json.encode(operations)).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


def add_label(name: str, value: str) -> Response:
    """A label more, of an object that may have none yet."""
    return patch({"op": "add", "path": "/metadata/labels", "value": {name: value}})


class WebhookServer:
    """Answers each review by the function that stands under its path in `answers`; a path's own
    requests stand, in order, in `requests`."""

    def __init__(self, port: int, ca_bundle: str):
        self.port = port
        self.ca_bundle = ca_bundle
        self.answers: dict[str, Callable[[Any], Response | Awaitable[Response]]] = {}
        self.requests: list[Any] = []
        self.bodies: dict[str, bytes] = {}

    def answer(self, path: str, by: Callable[[Any], Any]) -> None:
        """Let the reviews that come to a path be answered by a function."""
        self.answers[path] = by

    def client(self, path: str) -> dict[str, Any]:
        """How a configuration leads to a path."""
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.ca_bundle}

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """One review."""
        review = msgspec.json.decode(await request.read())
        if request.path in self.bodies:
            return web.Response(body=self.bodies[request.path])
        if request.path not in self.answers:
            return web.Response(status=404)
        self.requests.append(review["request"])
        answered = self.answers[request.path](review["request"])
        response = answered if isinstance(answered, dict) else await answered
        review["response"] = {"uid": review["request"]["uid"], **response}
        del review["request"]
        return web.Response(body=msgspec.json.encode(review), content_type="application/json")


@asynccontextmanager
async def webhook_server(directory: Path) -> AsyncIterator[WebhookServer]:
    """A server with a certificate for loopback and for the Service `default/guard`."""
    certificates = prepare_certificates(directory, SERVICE_NAME, SystemClock())
    bundle = base64.b64encode(certificates.authority.read_bytes()).decode()
    listener = socket.create_server(("127.0.0.1", 0))
    server = WebhookServer(listener.getsockname()[1], bundle)
    http = web.Server(server.serve)
    listening = await asyncio.get_running_loop().create_server(
        http, sock=listener, ssl=certificates.server_context()
    )
    try:
        yield server
    finally:
        listening.close()
        await http.shutdown(1)


def rule(resources: str = "configmaps", *operations: str, **other: Any) -> dict[str, Any]:
    """A rule about resources (in any group), by default about their creation."""
    return {
        "operations": list(operations) or ["CREATE"],
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "resources": resources.split(),
        **other,
    }


def webhook(name: str, client: dict[str, Any], *rules: dict[str, Any], **other: Any) -> Any:
    """A webhook as a configuration has it."""
    return {
        "name": f"{name}.example.com",
        "clientConfig": client,
        "rules": list(rules) or [rule()],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **other,
    }


def configuration(kind: str, name: str, *webhooks: Any) -> dict[str, Any]:
    """A configuration of the kind Mutating or Validating."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": list(webhooks),
    }


async def register(served: Served, kind: str, name: str, *webhooks: Any) -> Answered:
    """A configuration of the kind Mutating or Validating, stored."""
    plural = f"{kind.lower()}webhookconfigurations"
    made = await served.post(f"{REGISTRATION}/{plural}", configuration(kind, name, *webhooks))
    assert made.status == 201, made.body
    return made


async def refused(served: Served, path: str, body: Any) -> Any:
    """The Status of a POST that must be refused."""
    answered = await served.post(path, body)
    assert answered.status >= 400, answered.body
    return answered.json
