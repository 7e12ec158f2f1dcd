"""Admission webhooks over real TLS: what they are sent, and what their answers do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from .conftest import Answered, Served, config_map, pod
from .webhook_server import (
    REGISTRATION,
    WebhookServer,
    add_label,
    allow,
    deny,
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


async def test_a_webhook_is_sent_the_whole_request(served: Served, hooks: WebhookServer) -> None:
    hooks.answer("/look", allow)
    made = await register(served, "Validating", "look", webhook("look", hooks.client("/look")))
    defaulted = made.json["webhooks"][0]
    assert (defaulted["failurePolicy"], defaulted["timeoutSeconds"]) == ("Fail", 10)
    created = await served.post(
        f"{CONFIG_MAPS}?fieldManager=me&fieldValidation=Strict&dryRun=All", config_map("a", k="v")
    )
    assert created.status == 201
    (request,) = hooks.requests
    assert request["object"]["data"] == {"k": "v"}
    names = {"group": "", "version": "v1"}
    assert request["kind"] == request["requestKind"] == names | {"kind": "ConfigMap"}
    assert request["resource"] == request["requestResource"] == names | {"resource": "configmaps"}
    assert (request["name"], request["namespace"]) == ("a", "default")
    assert (request["operation"], request["oldObject"]) == ("CREATE", None)
    assert request["dryRun"] is True
    assert request["options"] == {
        "kind": "CreateOptions",
        "apiVersion": "meta.k8s.io/v1",
        "dryRun": ["All"],
        "fieldManager": "me",
        "fieldValidation": "Strict",
    }
    assert request["userInfo"] == {
        "username": "admin",
        "groups": ["system:masters", "system:authenticated"],
    }
    assert request["uid"]


async def test_updates_deletes_and_status_have_the_old_object(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/look", allow)
    rules = [rule("configmaps pods/status", "UPDATE", "DELETE")]
    await register(served, "Mutating", "look", webhook("look", hooks.client("/look"), *rules))
    await served.post(CONFIG_MAPS, config_map("a", k="1"))
    await served.ask("PUT", f"{CONFIG_MAPS}/a", config_map("a", k="2"))
    await served.ask("DELETE", f"{CONFIG_MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1"})
    update, delete = hooks.requests
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"k": "1"}, {"k": "2"})
    assert update["options"]["kind"] == "UpdateOptions"
    assert (delete["operation"], delete["object"]) == ("DELETE", None)
    assert delete["oldObject"]["data"] == {"k": "2"}
    assert delete["options"]["kind"] == "DeleteOptions"

    pods = "/api/v1/namespaces/default/pods"
    await served.post(pods, pod("web"))
    body = {"status": {"phase": "Running"}}
    answered = await served.ask(
        "PATCH", f"{pods}/web/status", body, Content_Type="application/merge-patch+json"
    )
    assert answered.json["status"]["phase"] == "Running"
    assert [request.get("subResource") for request in hooks.requests] == [None, None, "status"]
    assert hooks.requests[-1]["oldObject"]["status"]["phase"] == "Pending"


async def test_a_refusal_is_told_in_kubernetes_words_and_warnings_are_passed_on(
    served: Served, hooks: WebhookServer
) -> None:
    answers: dict[str, Any] = {
        "plain": deny("not today"),
        "coded": deny("too many", code=429, reason="TooManyRequests"),
        "silent": {"allowed": False},
        "reason": {"allowed": False, "status": {"reason": "Forbidden", "code": 403}},
        "warned": {"allowed": True, "warnings": ["mind the gap", "and the step"]},
        "both": deny("no") | {"warnings": ["really not"]},
    }
    hooks.answer("/guard", lambda request: answers[request["name"]])
    await register(served, "Validating", "guard", webhook("guard", hooks.client("/guard")))
    told = {name: await served.post(CONFIG_MAPS, config_map(name)) for name in answers}
    denied = 'admission webhook "guard.example.com" denied the request'
    assert told["plain"].json["message"] == f"{denied}: not today"
    assert (told["plain"].status, told["plain"].json["code"]) == (400, 400)
    assert (told["coded"].status, told["coded"].json["reason"]) == (429, "TooManyRequests")
    assert told["silent"].json["message"] == f"{denied} without explanation"
    assert told["reason"].json["message"] == f"{denied}: Forbidden"
    assert told["reason"].status == 403
    warnings = told["warned"].headers.getall("Warning")
    assert (told["warned"].status, warnings) == (
        201,
        ['299 - "mind the gap"', '299 - "and the step"'],
    )
    assert told["both"].headers.getall("Warning") == ['299 - "really not"']
    assert (await served.get(f"{CONFIG_MAPS}/plain")).status == 404


async def test_mutating_webhooks_change_objects_in_order_and_rules_still_hold(
    served: Served, hooks: WebhookServer
) -> None:
    seen: list[Any] = []

    def second(request: Any) -> Any:
        seen.append(request["object"]["metadata"].get("labels"))
        return patch({"op": "add", "path": "/metadata/labels/second", "value": "2"})

    hooks.answer("/first", lambda request: add_label("first", "1"))
    hooks.answer("/second", second)
    hooks.answer("/spoil", lambda request: add_label("not a label", "x"))
    await register(served, "Mutating", "b", webhook("second", hooks.client("/second")))
    await register(served, "Mutating", "a", webhook("first", hooks.client("/first")))
    created = await served.post(CONFIG_MAPS, config_map("a"))
    assert created.json["metadata"]["labels"] == {"first": "1", "second": "2"}
    assert seen == [{"first": "1"}]
    await register(served, "Mutating", "c", webhook("spoil", hooks.client("/spoil")))
    invalid = await refused(served, CONFIG_MAPS, config_map("b"))
    assert invalid["reason"] == "Invalid"
    assert (
        'ConfigMap "b" is invalid: metadata.labels: Invalid value: "not a label"'
        in (invalid["message"])
    )


async def test_a_webhook_is_asked_again_where_later_ones_have_changed_the_object(
    served: Served, hooks: WebhookServer
) -> None:
    asked: list[str] = []

    def note(name: str, answer: Any) -> None:
        def by(request: Any) -> Any:
            asked.append(name)
            return answer

        hooks.answer(f"/{name}", by)

    note("again", {"allowed": True})
    note("never", {"allowed": True})
    note("labels", add_label("x", "y"))
    again = webhook("again", hooks.client("/again"), reinvocationPolicy="IfNeeded")
    await register(served, "Mutating", "a", again, webhook("never", hooks.client("/never")))
    await register(served, "Mutating", "b", webhook("labels", hooks.client("/labels")))
    await served.post(CONFIG_MAPS, config_map("a"))
    assert asked == ["again", "never", "labels", "again"]


async def test_selectors_choose_by_labels_of_the_namespace_and_of_the_object(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/look", allow)
    chosen = {"matchLabels": {"guarded": "yes"}}
    client = hooks.client("/look")
    await register(
        *(served, "Validating", "look"),
        webhook("namespaces", client, namespaceSelector=chosen),
        webhook("objects", client, rule("configmaps", "*"), objectSelector=chosen),
    )
    space = {"apiVersion": "v1", "kind": "Namespace"}
    labels = {"guarded": "yes"}
    await served.post("/api/v1/namespaces", space | {"metadata": {"name": "g", "labels": labels}})
    await served.post(CONFIG_MAPS, config_map("a"))
    assert hooks.requests == []
    await served.post("/api/v1/namespaces/g/configmaps", config_map("b"))
    marked = config_map("c")
    marked["metadata"]["labels"] = labels
    await served.post(CONFIG_MAPS, marked)
    assert [request["name"] for request in hooks.requests] == ["b", "c"]
    await served.ask("PUT", f"{CONFIG_MAPS}/c", config_map("c"))
    assert hooks.requests[-1]["operation"] == "UPDATE", "the old object still had the label"


async def test_conditions_say_which_requests_a_webhook_is_asked_about(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/look", allow)
    conditions = [
        {"name": "not-admin", "expression": "request.userInfo.username != 'somebody'"},
        {"name": "large", "expression": "object.data.size == 'large' && oldObject == null"},
    ]
    hook = webhook("look", hooks.client("/look"), matchConditions=conditions)
    ignoring = webhook(
        "ignoring", hooks.client("/look"), matchConditions=conditions, failurePolicy="Ignore"
    )
    await register(served, "Validating", "ignoring", ignoring)
    for name, size in (("a", "large"), ("b", "small")):
        assert (await served.post(CONFIG_MAPS, config_map(name, size=size))).status == 201
    assert [request["name"] for request in hooks.requests] == ["a"]
    assert (await served.post(CONFIG_MAPS, config_map("c"))).status == 201
    await register(served, "Validating", "look", hook)
    told = await refused(served, CONFIG_MAPS, config_map("d"))
    assert (told["code"], told["reason"]) == (403, "Forbidden")
    assert told["message"].startswith(
        "configmaps \"d\" is forbidden: expression 'object.data.size == 'large' && oldObject =="
        " null' resulted in error: no such key: "
    )
    assert len(hooks.requests) == 1


async def test_other_writes_go_on_while_a_webhook_is_asked(
    served: Served, hooks: WebhookServer
) -> None:
    called, answered = asyncio.Event(), asyncio.Event()

    async def wait(request: Any) -> Any:
        called.set()
        await answered.wait()
        return {"allowed": True}

    await served.post(CONFIG_MAPS, config_map("a", k="0"))
    hooks.answer("/wait", wait)
    selected = {"matchLabels": {"slow": "yes"}}
    rules = rule("configmaps", "UPDATE")
    hook = webhook("wait", hooks.client("/wait"), rules, objectSelector=selected)
    await register(served, "Validating", "wait", hook)
    body = {"metadata": {"labels": {"slow": "yes"}}}
    merge = "application/merge-patch+json"
    async with anyio.create_task_group() as tasks:
        slow: list[Answered] = []

        async def patch_slowly() -> None:
            slow.append(await served.ask("PATCH", f"{CONFIG_MAPS}/a", body, Content_Type=merge))

        tasks.start_soon(patch_slowly)
        with anyio.fail_after(5):
            await called.wait()
        quick = await served.ask(
            "PATCH", f"{CONFIG_MAPS}/a", {"data": {"k": "1"}}, Content_Type=merge
        )
        assert quick.status == 200
        answered.set()
    assert slow[0].json["data"] == {"k": "1"}, "planned again, on what is there now"
    assert slow[0].json["metadata"]["labels"] == {"slow": "yes"}
    assert len(hooks.requests) == 2


async def test_subresources_are_asked_about_with_what_is_sent_to_them(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/look", allow)
    rules = rule("pods/* deployments/* serviceaccounts/*", "*")
    await register(served, "Validating", "look", webhook("look", hooks.client("/look"), rules))
    base = "/api/v1/namespaces/default"
    container = {"name": "c", "image": "busybox"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"a": "b"}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 2, "selector": selector, "template": template},
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"}}
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    for path, body in (
        (f"{base}/pods", pod("p")),
        (deployments, deployment),
        (f"{base}/serviceaccounts", account),
    ):
        assert (await served.post(path, body)).status == 201
    hooks.requests.clear()
    hooks.answer("/look", lambda request: deny("no", code=403))

    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}}
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    merge = {"Content_Type": "application/merge-patch+json"}
    for answered in (
        await served.post(f"{base}/pods/p/eviction", eviction),
        await served.post(f"{base}/pods/p/binding", binding | {"target": {"name": "node1"}}),
        await served.post(f"{base}/serviceaccounts/s/token", token),
        await served.ask("PATCH", f"{deployments}/d/scale", {"spec": {"replicas": 5}}, **merge),
        await served.get(f"{base}/pods/p/exec?command=id&command=-u&stdout=true&container=c"),
        await served.get(f"{base}/pods/p/proxy/page?a=b"),
    ):
        assert (answered.status, answered.json["message"]) == (
            403,
            'admission webhook "look.example.com" denied the request: no',
        )
    asked = [(one["operation"], one["subResource"], one["kind"]["kind"]) for one in hooks.requests]
    assert asked == [
        ("CREATE", "eviction", "Eviction"),
        ("CREATE", "binding", "Binding"),
        ("CREATE", "token", "TokenRequest"),
        ("UPDATE", "scale", "Scale"),
        ("CONNECT", "exec", "PodExecOptions"),
        ("CONNECT", "proxy", "PodProxyOptions"),
    ]
    scale, exec_, proxy = hooks.requests[3:]
    replicas = [scale[which]["spec"]["replicas"] for which in ("oldObject", "object")]
    assert (replicas, scale["resource"]["resource"]) == ([2, 5], "deployments")
    assert exec_["object"] == {
        "apiVersion": "v1",
        "kind": "PodExecOptions",
        "stdout": True,
        "container": "c",
        "command": ["id", "-u"],
    }
    assert proxy["object"]["path"] == "/page"
    assert (await served.get(f"{base}/pods/p")).json["spec"].get("nodeName") is None


async def test_a_namespace_that_ends_while_a_webhook_is_asked_takes_no_new_object(
    served: Served, hooks: WebhookServer
) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "brief"}}
    assert (await served.post("/api/v1/namespaces", space)).status == 201

    async def end_namespace(request: Any) -> Any:
        await served.ask("DELETE", "/api/v1/namespaces/brief")
        return allow(request)

    hooks.answer("/slow", end_namespace)
    await register(served, "Validating", "slow", webhook("slow", hooks.client("/slow")))
    told = await refused(served, "/api/v1/namespaces/brief/configmaps", config_map("a"))
    assert (told["code"], told["message"]) == (
        403,
        'configmaps "a" is forbidden: unable to create new content in namespace brief because it'
        " is being terminated",
    )


async def test_a_kind_that_comes_later_is_the_same_in_all_of_its_versions(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/exact", allow)
    hooks.answer("/label", lambda request: add_label("as", request["object"]["apiVersion"][-2:]))
    rules = rule("gardens", "*", apiVersions=["v2"], apiGroups=["example.dev"])
    exact = webhook("exact", hooks.client("/exact"), rules, matchPolicy="Exact")
    label = webhook("label", hooks.client("/label"), rules)
    await register(served, "Mutating", "look", exact, label)
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"served": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gardens.example.dev"},
        "spec": {
            "group": "example.dev",
            "scope": "Namespaced",
            "names": {"kind": "Garden", "plural": "gardens"},
            "versions": [
                version | {"name": "v1", "storage": True},
                version | {"name": "v2", "storage": False},
            ],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert (await served.post(path, definition)).status == 201
    garden = {"apiVersion": "example.dev/v1", "kind": "Garden", "metadata": {"name": "a"}}
    made = await served.post("/apis/example.dev/v1/namespaces/default/gardens", garden)
    assert made.json["apiVersion"] == "example.dev/v1"
    assert made.json["metadata"]["labels"] == {"as": "v2"}
    (request,) = hooks.requests
    assert (request["kind"]["version"], request["resource"]["version"]) == ("v2", "v2")
    assert (request["requestKind"]["version"], request["requestResource"]["version"]) == (
        "v1",
        "v1",
    )


async def test_no_webhook_is_asked_about_webhook_configurations(
    served: Served, hooks: WebhookServer
) -> None:
    hooks.answer("/all", lambda request: deny("nothing at all"))
    everything = rule("*/*", "*")
    plural = f"{REGISTRATION}/validatingwebhookconfigurations"
    await register(served, "Validating", "all", webhook("all", hooks.client("/all"), everything))
    assert (await served.post(CONFIG_MAPS, config_map("a"))).status == 400
    await register(served, "Mutating", "other", webhook("other", hooks.client("/all")))
    assert (await served.ask("DELETE", f"{plural}/all")).status == 200
    assert [request["name"] for request in hooks.requests] == ["a"]
