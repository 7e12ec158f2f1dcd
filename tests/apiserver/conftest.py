"""A server of the test's own on loopback, and a client that shows its token.

aiohttp needs asyncio, so these tests run on that loop alone.
"""

import io
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from kernel.api.access.authorizer import Authorizer
from kernel.api.access.escalation import escalation_hooks
from kernel.api.object_api import ObjectApi
from kernel.api.policies.stored_policies import StoredPolicies
from kernel.api.service_account_tokens import ServiceAccountTokens
from kernel.api.webhooks.stored_webhooks import StoredWebhooks
from kernel.apiserver.limits.settings import LIMITS, Limits
from kernel.apiserver.metrics import Metrics
from kernel.apiserver.server import ApiServer
from kernel.clock import Clock, SystemClock
from kernel.cri.runtime import Runtime
from kernel.objects.kinds import KindTable
from kernel.objects.namespace import Namespace
from kernel.store.store import Store


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """aiohttp needs asyncio: its own loop, and the one that is used in production."""
    return "asyncio", {"use_uvloop": request.param}


class Answered:
    """An answer, read to its end."""

    def __init__(self, status: int, headers: Any, body: bytes):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return msgspec.json.decode(self.body)


class Served:
    """A running server, its API without HTTP, its log, and a client."""

    def __init__(
        self, store: Store, api: ObjectApi, server: ApiServer, session: aiohttp.ClientSession
    ):
        self.store = store
        self.api = api
        self.server = server
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request. A body that is not bytes is sent as JSON; `Content_Type` and the like
        name headers."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            data = io.BytesIO(body if isinstance(body, bytes) else msgspec.json.encode(body))
        url = f"{self.server.url}{path}"
        async with self.session.request(method, url, data=data, headers=sent) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str, **headers: str) -> Answered:
        """One GET."""
        return await self.ask("GET", path, **headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answered:
        """One POST."""
        return await self.ask("POST", path, body, **headers)


@asynccontextmanager
async def serving(
    directory: Path,
    *,
    clock: Clock | None = None,
    tls: bool = False,
    metrics_of: Callable[[ObjectApi], Metrics] | None = None,
    runtime: Runtime | None = None,
    limits: Limits = LIMITS,
) -> AsyncIterator[Served]:
    """A server over a new store in `directory`, with the namespace default."""
    used = clock or SystemClock()
    async with Store.open_writer(directory / "store", clock=used, durability="process") as store:
        api = ObjectApi(store, KindTable.core(), used)
        api.admission.follow(StoredPolicies(api), StoredWebhooks(api))
        authorizer = Authorizer(api)
        for hook in escalation_hooks(authorizer):
            api.admission.add_builtin(hook)
        default = Namespace()
        default.metadata.name = "default"
        await api.create(default)
        server = ApiServer(
            api,
            data_directory=directory,
            pod_logs_directory=directory / "logs",
            tokens=ServiceAccountTokens(api, directory / "pki" / "sa.key"),
            authorizer=authorizer,
            tls=tls,
            metrics=metrics_of(api) if metrics_of else None,
            runtime=runtime,
            limits=limits,
        )
        await server.start()
        try:
            headers = {"Authorization": f"Bearer {server.token}"}
            async with aiohttp.ClientSession(headers=headers) as session:
                yield Served(store, api, server, session)
        finally:
            await server.stop()


@pytest.fixture
async def served(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Served]:
    """A server over plain HTTP; whatever our code logs as an error fails the test."""
    async with serving(tmp_path) as running:
        yield running
    records = [record for record in caplog.get_records("call") if record.name.startswith("kernel")]
    assert [record for record in records if record.levelno >= logging.ERROR] == []


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap as a client sends it."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, **metadata: Any) -> dict[str, Any]:
    """A small Pod as a client sends it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name} | metadata,
        "spec": {"containers": [{"name": "c", "image": "busybox"}]},
    }


async def bind(
    served: Served,
    role: str,
    subject: dict[str, Any],
    *,
    name: str = "given",
    namespace: str | None = "default",
    role_kind: str = "ClusterRole",
) -> None:
    """Give a role to a subject, in a namespace or (None) everywhere."""
    kind, place = "ClusterRoleBinding", "clusterrolebindings"
    if namespace is not None:
        kind, place = "RoleBinding", f"namespaces/{namespace}/rolebindings"
    group = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": role_kind, "name": role},
        "subjects": [subject],
    }
    made = await served.post(f"/apis/{group}/v1/{place}", binding)
    assert made.status == 201, made.json
