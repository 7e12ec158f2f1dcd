"""Requests made from our own OpenAPI documents: what they allow is answered as they say.

Each operation gets a few requests, which a schema-driven generator (schemathesis) makes of its
parameters and bodies. `PODKERNEL_GENERATED_EXAMPLES=50` makes so many for every operation of every
kind; without, a few kinds stand for all.
"""

import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kernel.apiserver.openapi.documents import OpenApi
from kernel.apiserver.served_kinds import ASKED_KINDS, ServedKinds
from kernel.objects.kinds import KindTable

from .conftest import Served, config_map, pod, serving

ASKED = os.environ.get("PODKERNEL_GENERATED_EXAMPLES", "")
EXAMPLES = int(ASKED or 3)
ANSWER_SECONDS_MAX = 10
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Kinds that stand for all where no number is asked for. Bodies of Pods take the generator seconds.
WRITTEN = (
    *("api/v1 configmaps", "api/v1 namespaces", "api/v1 resourcequotas"),
    *("apis/coordination.k8s.io/v1 leases", "apis/policy/v1 poddisruptionbudgets"),
    "apis/authorization.k8s.io/v1 selfsubjectaccessreviews",
)
READ = ("api/v1 pods", "api/v1 services", "apis/apps/v1 deployments")
CONVERSATIONS = {"exec", "attach", "portforward", "proxy"}
NAMES = {"namespace": "default", "name": "one"}

Operation = APIOperation[Any, Any, Any, Any]


@pytest.fixture(scope="module")
def api() -> OpenApi:
    return OpenApi(_kinds())


def _kinds() -> ServedKinds:
    return ServedKinds(KindTable.core(), ASKED_KINDS)


def _cases() -> list[str]:
    if not ASKED:
        return [*WRITTEN, *READ]
    infos = [kind.info for kind in _kinds()]
    return [f"{'apis' if info.group else 'api'}/{info.api_version} {info.plural}" for info in infos]


def _operations(api: OpenApi, case: str) -> Iterator[Operation]:
    name, plural = case.split()
    document = msgspec.json.decode(api.document(name) or b"")
    for made in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(made, Ok)
        operation = made.ok()
        is_heavy = case in READ and not ASKED and operation.method in ("post", "put")
        is_of_kind = operation.path.partition("/{name}")[0].endswith(f"/{plural}")
        if is_of_kind and not is_heavy and not _is_conversation(operation.path):
            yield operation


def _is_conversation(path: str) -> bool:
    return not CONVERSATIONS.isdisjoint(path.partition("/{name}/")[2].split("/"))


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal("asyncio", {"use_uvloop": True}) as portal:
        yield portal


@pytest.fixture(scope="module")
def served(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all requests: what one of them breaks, the next one finds broken."""
    directory = tmp_path_factory.mktemp("served")
    with portal.wrap_async_context_manager(serving(directory)) as served:
        yield served


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", _cases())
def test_requests_that_the_documents_allow_are_answered_as_they_say(
    served: Served, portal: BlockingPortal, api: OpenApi, kind: str
) -> None:
    tried = 0
    for operation in _operations(api, kind):
        _try(served, portal, operation)
        tried += 1
    assert tried


def _try(served: Served, portal: BlockingPortal, operation: Operation) -> None:
    headers = {"Authorization": f"Bearer {served.server.token}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def answer_as_said(case: Case[Any]) -> None:
        portal.call(_prepare, served)
        case.path_parameters.update(
            {name: NAMES[name] for name in case.path_parameters if name in NAMES}
        )
        if case.query:
            case.query.pop("watch", None)  # which is answered without an end
            case.query.pop("follow", None)
        case.call_and_validate(
            base_url=served.server.url,
            headers=headers,
            timeout=ANSWER_SECONDS_MAX,
            checks=CHECKS,
        )

    answer_as_said()


async def _prepare(served: Served) -> None:
    """Objects of the names that are asked for."""
    await served.post("/api/v1/namespaces/default/configmaps", config_map("one"))
    await served.post("/api/v1/namespaces/default/pods", pod("one"))
