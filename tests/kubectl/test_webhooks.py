"""Admission webhooks and policies as kubectl meets them: what they refuse, warn of, change."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ..apiserver.webhook_server import (
    WebhookServer,
    add_label,
    configuration,
    deny,
    rule,
    webhook,
    webhook_server,
)
from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
"""


@pytest.fixture
async def hooks(tmp_path: Path) -> AsyncIterator[WebhookServer]:
    async with webhook_server(tmp_path / "webhook") as server:
        yield server


def document(made: object) -> str:
    return msgspec.json.encode(made).decode()


@EVERY_VERSION
async def test_webhooks_refuse_warn_and_change(kubectl: Kubectl, hooks: WebhookServer) -> None:
    hooks.answer("/label", lambda request: add_label("by", request["userInfo"]["username"]))
    hooks.answer(
        "/guard",
        lambda request: (
            {"allowed": True, "warnings": ["keep it small"]}
            if request["operation"] == "CREATE"
            else deny("it is kept", code=403)
        ),
    )
    # The scope is said: where the default is added to rules, each apply is a change.
    guarded = rule("configmaps", "CREATE", "DELETE", scope="*")
    guard = webhook("guard", hooks.client("/guard"), guarded)
    for made in (
        configuration(
            "Mutating", "label", webhook("label", hooks.client("/label"), rule(scope="*"))
        ),
        configuration("Validating", "guard", guard),
    ):
        await kubectl("apply", "-f", "-", stdin=document(made))
        assert "unchanged" in await kubectl("apply", "-f", "-", stdin=document(made))
    rows = (await kubectl("get", "validatingwebhookconfigurations")).splitlines()
    assert [row.split()[:2] for row in rows] == [["NAME", "WEBHOOKS"], ["guard", "1"]]
    created = await kubectl.run("create", "-f", "-", stdin=CONFIG_MAP)
    assert created.stdout.decode() == "configmap/a created\n"
    assert created.stderr.decode() == "Warning: keep it small\n"
    label = await kubectl("get", "configmap", "a", "-o", "jsonpath={.metadata.labels.by}")
    assert label == "admin"
    assert await kubectl.refused("delete", "configmap", "a") == (
        'Error from server: admission webhook "guard.example.com" denied the request: it is kept\n'
    )


async def test_a_create_that_is_denied_names_the_webhook(
    kubectl: Kubectl, hooks: WebhookServer
) -> None:
    hooks.answer("/guard", lambda request: deny("not in here"))
    made = configuration("Validating", "guard", webhook("guard", hooks.client("/guard")))
    await kubectl("create", "-f", "-", stdin=document(made))
    assert await kubectl.refused("create", "-f", "-", stdin=CONFIG_MAP) == (
        'Error from server: error when creating "STDIN": admission webhook "guard.example.com"'
        " denied the request: not in here\n"
    )
    assert await kubectl.refused("create", "configmap", "b") == (
        "error: failed to create configmap: admission webhook"
        ' "guard.example.com" denied the request: not in here\n'
    )
    await kubectl("delete", "validatingwebhookconfiguration", "guard")
    await kubectl("create", "-f", "-", stdin=CONFIG_MAP)


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: small}
spec:
  matchConstraints:
    resourceRules:
    - {operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [configmaps]}
  validations:
  - expression: size(object.data) < 2
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: everywhere}
spec: {policyName: small, validationActions: [Deny]}
"""


async def test_a_policy_is_bound_and_refuses(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=POLICY)
    rows = (await kubectl("get", "validatingadmissionpolicies")).splitlines()
    assert rows[0].split() == ["NAME", "VALIDATIONS", "PARAMKIND", "AGE"]
    assert rows[1].split()[:3] == ["small", "1", "<unset>"]
    bindings = await kubectl("get", "validatingadmissionpolicybindings", "--no-headers")
    assert bindings.split()[:3] == ["everywhere", "small", "<unset>"]
    large = CONFIG_MAP + "data: {a: one, b: two}\n"
    assert await kubectl.refused("create", "-f", "-", stdin=large) == (
        "The configmaps \"a\" is invalid: : ValidatingAdmissionPolicy 'small' with binding"
        " 'everywhere' denied request: failed expression: size(object.data) < 2\n"
    )
    await kubectl("create", "-f", "-", stdin=CONFIG_MAP + "data: {a: one}\n")
