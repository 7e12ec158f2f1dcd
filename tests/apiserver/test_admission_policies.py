"""ValidatingAdmissionPolicies: what they refuse, warn of and let pass, and where they are bound."""

from typing import Any

import pytest

from .conftest import Served, config_map
from .webhook_server import rule

pytestmark = pytest.mark.anyio

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
POLICIES = f"{REGISTRATION}/validatingadmissionpolicies"
BINDINGS = f"{REGISTRATION}/validatingadmissionpolicybindings"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def policy(name: str, *validations: Any, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule("configmaps", "CREATE", "UPDATE")]},
            "validations": list(validations),
            **spec,
        },
    }


def binding(name: str, policy_name: str, *actions: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": policy_name, "validationActions": list(actions) or ["Deny"], **spec},
    }


async def made(served: Served, path: str, body: Any) -> None:
    answered = await served.post(path, body)
    assert answered.status == 201, answered.body


async def test_a_policy_refuses_where_it_is_bound(served: Served) -> None:
    small = {"expression": "size(object.data) <= int(variables.most)"}
    named = {
        "expression": "object.metadata.name != 'secret'",
        "messageExpression": "'no ' + object.metadata.name + ' here'",
        "reason": "Forbidden",
    }
    variables = [{"name": "most", "expression": "namespaceObject.metadata.labels.most"}]
    await made(served, POLICIES, policy("small", small, named, variables=variables))
    space = {"apiVersion": "v1", "kind": "Namespace"}
    labels = {"metadata": {"name": "narrow", "labels": {"most": "1"}}}
    await made(served, "/api/v1/namespaces", space | labels)
    narrow = "/api/v1/namespaces/narrow/configmaps"
    await made(served, narrow, config_map("before", a="1", b="2"))
    selector = {"matchLabels": {"most": "1"}}
    bound = binding("bound", "small", matchResources={"namespaceSelector": selector})
    await made(served, BINDINGS, bound)

    await made(served, CONFIG_MAPS, config_map("elsewhere", a="1", b="2"))
    await made(served, narrow, config_map("small", a="1"))
    refused = await served.post(narrow, config_map("large", a="1", b="2"))
    head = "ValidatingAdmissionPolicy 'small' with binding 'bound' denied request: "
    assert (refused.status, refused.json["reason"]) == (422, "Invalid")
    assert refused.json["message"] == (
        f'configmaps "large" is forbidden: {head}failed expression:'
        " size(object.data) <= int(variables.most)"
    )
    assert refused.json["details"]["causes"][0]["message"].startswith(head)
    forbidden = await served.post(narrow, config_map("secret", a="1"))
    assert (forbidden.status, forbidden.json["reason"]) == (403, "Forbidden")
    assert forbidden.json["message"].endswith("denied request: no secret here")
    assert (await served.ask("DELETE", f"{BINDINGS}/bound")).status == 200
    await made(served, narrow, config_map("large", a="1", b="2"))


async def test_parameters_come_from_objects(served: Served) -> None:
    asked = {"expression": "object.data.k == params.data.wanted", "message": "not wanted"}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    excluded = [rule("configmaps", "*", resourceNames=["settings"])]
    constraints = {
        "resourceRules": [rule("configmaps", "CREATE")],
        "excludeResourceRules": excluded,
    }
    await made(
        served, POLICIES, policy("wanted", asked, paramKind=kind, matchConstraints=constraints)
    )
    reference = {"name": "settings", "parameterNotFoundAction": "Deny"}
    await made(served, BINDINGS, binding("wanted", "wanted", paramRef=reference))
    missing = await served.post(CONFIG_MAPS, config_map("a", k="1"))
    assert "no params found for policy binding with `Deny`" in missing.json["message"]
    await made(served, CONFIG_MAPS, config_map("settings", wanted="1"))
    await made(served, CONFIG_MAPS, config_map("a", k="1"))
    other = await served.post(CONFIG_MAPS, config_map("b", k="2"))
    assert other.json["message"].endswith("denied request: not wanted")


async def test_a_binding_may_warn_and_an_expression_may_fail(served: Served) -> None:
    odd = {"expression": "object.data.k != 'odd'", "message": "this is odd"}
    await made(served, POLICIES, policy("odd", odd, failurePolicy="Ignore"))
    await made(served, BINDINGS, binding("odd", "odd", "Warn", "Audit"))
    warned = await served.post(CONFIG_MAPS, config_map("a", k="odd"))
    assert warned.headers.getall("Warning") == [
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'odd' with binding 'odd':"
        ' this is odd"'
    ]
    ignored = await served.post(CONFIG_MAPS, config_map("b"))
    assert (ignored.status, ignored.headers.getall("Warning", [])) == (201, [])
    conditions = [{"name": "guarded", "expression": "has(object.metadata.labels)"}]
    await made(served, POLICIES, policy("strict", odd, matchConditions=conditions))
    await made(served, BINDINGS, binding("strict", "strict"))
    await made(served, CONFIG_MAPS, config_map("c"))
    labelled = config_map("d")
    labelled["metadata"]["labels"] = {"a": "b"}
    failed = await served.post(CONFIG_MAPS, labelled)
    assert failed.status == 422
    assert (
        "expression 'object.data.k != 'odd'' resulted in error: no such key"
        in (failed.json["message"])
    )


async def test_policies_that_make_no_sense_are_refused(served: Served) -> None:
    wrong = policy("a", {"expression": "object."}, {"expression": "nobody == 1", "reason": "No"})
    wrong["spec"]["matchConstraints"] = {}
    told = (await served.post(POLICIES, wrong)).json
    assert told["code"] == 422
    for words in (
        "spec.matchConstraints.resourceRules: Required value",
        'spec.validations[0].expression: Invalid value: "object."',
        "undeclared reference to 'nobody'",
        'spec.validations[1].reason: Unsupported value: "No": supported values: "Forbidden"',
    ):
        assert words in told["message"]
    told = (await served.post(POLICIES, policy("a"))).json
    assert "spec.validations: Required value: validations or auditAnnotations" in told["message"]
    both = binding("b", "a", "Deny", "Warn", "Deny", paramRef={})
    told = (await served.post(BINDINGS, both)).json
    for words in (
        "spec.validationActions[2]: Duplicate value",
        "must not contain both Deny and Warn",
        "spec.paramRef: Required value: one of name or selector must be specified",
        "spec.paramRef.parameterNotFoundAction: Required value",
    ):
        assert words in told["message"]
