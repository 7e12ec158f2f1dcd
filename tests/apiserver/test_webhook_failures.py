"""Admission webhooks that can't be asked, answer oddly, or are configured wrongly."""

import base64
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from .conftest import Served, config_map, pod
from .webhook_server import (
    REGISTRATION,
    WebhookServer,
    allow,
    configuration,
    patch,
    refused,
    register,
    rule,
    webhook,
    webhook_server,
)

pytestmark = pytest.mark.anyio

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def hooks(tmp_path: Path) -> AsyncIterator[WebhookServer]:
    async with webhook_server(tmp_path / "webhook") as server:
        yield server


async def test_a_webhook_that_fails_refuses_unless_it_may_be_ignored(
    served: Served, hooks: WebhookServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    nobody = {"url": f"https://127.0.0.1:{port}/x", "caBundle": hooks.ca_bundle}
    ignored = webhook("ignored", nobody, failurePolicy="Ignore")
    await register(served, "Validating", "a", ignored)
    assert (await served.post(CONFIG_MAPS, config_map("a"))).status == 201
    await register(served, "Validating", "b", webhook("needed", nobody, timeoutSeconds=5))
    failed = await refused(served, CONFIG_MAPS, config_map("b"))
    assert (failed["code"], failed["reason"]) == (500, "InternalError")
    assert failed["message"] == (
        'Internal error occurred: failed calling webhook "needed.example.com": failed to call'
        f' webhook: Post "https://127.0.0.1:{port}/x?timeout=5s": dial tcp 127.0.0.1:{port}:'
        " connect: connection refused"
    )


async def test_what_is_no_answer_is_told(served: Served, hooks: WebhookServer) -> None:
    async def sleep(request: Any) -> Any:
        await anyio.sleep(30)

    hooks.answer("/slow", sleep)
    hooks.answer("/uid", lambda request: {"allowed": True, "uid": "another"})
    hooks.answer("/patch", lambda request: {"allowed": True, "patch": "W10="})
    hooks.answer("/moves", lambda request: patch({"op": "remove", "path": "/metadata/uid"}))
    hooks.answer("/nothing", lambda request: patch({"op": "remove", "path": "/nothing"}))
    hooks.bodies["/empty"] = b""
    hooks.bodies["/other"] = b'{"apiVersion":"v1","kind":"Status"}'
    received = "received invalid webhook response: "
    url = f"https://127.0.0.1:{hooks.port}"
    stranger = {"url": f"{url}/uid"}
    for name, client, words in (
        ("slow", None, f'Post "{url}/slow?timeout=1s": context deadline exceeded'),
        ("uid", None, f'{received}expected response.uid="'),
        ("patch", None, f"{received}webhook returned response.patch but not response.patchType"),
        ("moves", None, "changed metadata.uid, which is not supported"),
        ("nothing", None, 'the patch of admission webhook "nothing.example.com"'),
        ("empty", None, received),
        ("other", None, f"{received}expected webhook response of admission.k8s.io/v1, Kind="),
        ("missing", None, "failed to call webhook: the server could not find the requested"),
        ("stranger", stranger, "x509: certificate signed by unknown authority"),
    ):
        hook = webhook(name, client or hooks.client(f"/{name}"), timeoutSeconds=1)
        await register(served, "Mutating", name, hook)
        failed = await refused(served, CONFIG_MAPS, config_map(name))
        assert words in failed["message"]
        assert failed["code"] == 500
        await served.ask("DELETE", f"{REGISTRATION}/mutatingwebhookconfigurations/{name}")
    assert (await served.post(CONFIG_MAPS, config_map("a"))).status == 201


async def test_a_service_leads_to_a_ready_pod_behind_it(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/look", allow)
    reference = {"namespace": "default", "name": "guard", "path": "/look"}
    client = {"service": reference, "caBundle": hooks.ca_bundle}
    await register(served, "Validating", "look", webhook("look", client))
    url = "https://guard.default.svc:443/look?timeout=10s"
    failing = f'failed to call webhook: Post "{url}": '
    failed = await refused(served, CONFIG_MAPS, config_map("a"))
    assert f'{failing}service "guard" not found' in failed["message"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "guard"},
        "spec": {"selector": {"app": "guard"}, "ports": [{"port": 443, "targetPort": "https"}]},
    }
    assert (await served.post("/api/v1/namespaces/default/services", service)).status == 201
    failed = await refused(served, CONFIG_MAPS, config_map("a"))
    assert f'{failing}no endpoints available for service "guard"' in failed["message"]
    guard = pod("guard", labels={"app": "guard"})
    guard["spec"]["containers"][0]["ports"] = [{"name": "https", "containerPort": hooks.port}]
    pods = "/api/v1/namespaces/default/pods"
    assert (await served.post(pods, guard)).status == 201
    status = {
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    merge = "application/merge-patch+json"
    await served.ask("PATCH", f"{pods}/guard/status", {"status": status}, Content_Type=merge)
    assert (await served.post(CONFIG_MAPS, config_map("a"))).status == 201
    assert [request["name"] for request in hooks.requests] == ["a"]


async def test_configurations_that_make_no_sense_are_refused(served: Served) -> None:
    wrong = webhook("a", {"url": "http://x/"}, rule("*/* pods", "X"), timeoutSeconds=31)
    wrong["caBundle"] = ""
    plural = f"{REGISTRATION}/mutatingwebhookconfigurations"
    del wrong["caBundle"], wrong["sideEffects"]
    told = await refused(served, plural, configuration("Mutating", "a", wrong, wrong))
    assert told["code"] == 422
    for words in (
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        'webhooks[0].rules[0].operations[0]: Unsupported value: "X": supported values: "*", ',
        "if '*/*' is present, must not specify other resources",
        "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30",
        "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL",
        'webhooks[1].name: Duplicate value: "a.example.com"',
    ):
        assert words in told["message"]
    bundle = base64.b64encode(b"no certificate").decode()
    client = {"url": "https://127.0.0.1:1/", "caBundle": bundle}
    await register(served, "Mutating", "b", webhook("b", client))
    failed = await refused(served, CONFIG_MAPS, config_map("a"))
    assert "unable to parse bytes as PEM block" in failed["message"]
    conditions = [
        {"name": "authority", "expression": "authorizer.group('').check('get').allowed()"},
        {"name": "a b", "expression": "object.metadata.name =="},
        {"expression": " "},
    ]
    conditional = webhook("c", {"url": "https://x/"}, matchConditions=conditions)
    told = await refused(served, plural, configuration("Mutating", "c", conditional))
    for words in (
        "matchConditions[0].expression: Invalid value: ",
        "undeclared reference to 'authorizer'",
        "matchConditions[1].expression: Invalid value: ",
        'matchConditions[1].name: Invalid value: "a b"',
        "matchConditions[2].expression: Required value",
        "matchConditions[2].name: Required value",
    ):
        assert words in told["message"]
