"""What admission policies and their bindings are filled in with, and when they are refused.

Source: admissionregistration's defaults.go and validation.go.
"""

import re
from collections.abc import Sequence

from kernel.api.causes import Causes
from kernel.api.custom_resources.rules.expressions import ExpressionError, compiled
from kernel.api.rules.by_kind import KindRules
from kernel.api.rules.webhooks import check_rule
from kernel.api.rules.workloads import check_label_selector
from kernel.api.webhooks.conditions import check_conditions
from kernel.objects.admission_policy import (
    MatchResources,
    ParamRef,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
    Validation,
    Variable,
)
from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.name_syntax import qualified_name_errors, subdomain_name_errors

REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
ACTIONS = ("Audit", "Deny", "Warn")
VARIABLES = frozenset({"object", "oldObject", "request", "params", "namespaceObject", "variables"})
CONDITION_VARIABLES = VARIABLES - {"variables"}

_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the"
    " API response and headers serves no purpose)"
)
_NOTHING_ASKED = "validations or auditAnnotations must contain at least one item"
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")


def default_policy(policy: ValidatingAdmissionPolicy) -> None:
    """It fails closed, and means all namespaces and objects."""
    policy.spec.failure_policy = policy.spec.failure_policy or "Fail"
    if policy.spec.match_constraints is not None:
        _default_resources(policy.spec.match_constraints)


def default_binding(binding: ValidatingAdmissionPolicyBinding) -> None:
    """It means all that its policy means."""
    if binding.spec.match_resources is not None:
        _default_resources(binding.spec.match_resources)


def _default_resources(resources: MatchResources) -> None:
    resources.match_policy = resources.match_policy or "Equivalent"
    resources.namespace_selector = resources.namespace_selector or LabelSelector()
    resources.object_selector = resources.object_selector or LabelSelector()
    for rule in (*resources.resource_rules, *resources.exclude_resource_rules):
        rule.scope = rule.scope or "*"


def check_policy(policy: ValidatingAdmissionPolicy, causes: Causes) -> None:
    """It says what it asks, of what, in expressions that can be compiled."""
    spec = policy.spec
    if spec.failure_policy not in ("Fail", "Ignore"):
        causes.unsupported("spec.failurePolicy", spec.failure_policy, ("Fail", "Ignore"))
    if spec.param_kind is not None:
        for field, value in (
            ("apiVersion", spec.param_kind.api_version),
            ("kind", spec.param_kind.kind),
        ):
            if not value:
                causes.required(f"spec.paramKind.{field}")
    if spec.match_constraints is None:
        causes.required("spec.matchConstraints")
    else:
        if not spec.match_constraints.resource_rules:
            causes.required("spec.matchConstraints.resourceRules")
        _check_resources(spec.match_constraints, "spec.matchConstraints", causes)
    if not spec.validations and not spec.audit_annotations:
        causes.required("spec.validations", _NOTHING_ASKED)
        causes.required("spec.auditAnnotations", _NOTHING_ASKED)
    check_conditions(spec.match_conditions, "spec.matchConditions", causes, CONDITION_VARIABLES)
    _check_variables(spec.variables, causes)
    for index, validation in enumerate(spec.validations):
        _check_validation(validation, f"spec.validations[{index}]", causes)
    for index, annotation in enumerate(spec.audit_annotations):
        where = f"spec.auditAnnotations[{index}]"
        if not annotation.key:
            causes.required(f"{where}.key")
        else:
            causes.invalid(f"{where}.key", annotation.key, *qualified_name_errors(annotation.key))
        _check_expression(annotation.value_expression, f"{where}.valueExpression", causes)


def _check_variables(variables: Sequence[Variable], causes: Causes) -> None:
    names: set[str] = set()
    for index, variable in enumerate(variables):
        where = f"spec.variables[{index}]"
        if not variable.name:
            causes.required(f"{where}.name", "name is not specified")
        elif not _IDENTIFIER.fullmatch(variable.name):
            causes.invalid(f"{where}.name", variable.name, "name is not a valid CEL identifier")
        if variable.name in names:
            causes.duplicate(f"{where}.name", variable.name)
        names.add(variable.name)
        _check_expression(variable.expression, f"{where}.expression", causes)


def _check_validation(validation: Validation, path: str, causes: Causes) -> None:
    _check_expression(validation.expression, f"{path}.expression", causes)
    message = validation.message
    if message and not message.strip():
        causes.invalid(f"{path}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip():
        causes.invalid(f"{path}.message", message, "message must not contain line breaks")
    elif "\n" in validation.expression.strip() and not message:
        detail = "message must be specified if expression contains line breaks"
        causes.required(f"{path}.message", detail)
    if validation.message_expression:
        _check_expression(validation.message_expression, f"{path}.messageExpression", causes)
    if validation.reason is not None and validation.reason not in REASONS:
        causes.unsupported(f"{path}.reason", validation.reason, REASONS)


def _check_expression(text: str, path: str, causes: Causes) -> None:
    if not text.strip():
        causes.required(path, f"{path.rpartition('.')[2]} is not specified")
        return
    try:
        compiled(text.strip(), VARIABLES)
    except ExpressionError as error:
        causes.invalid(path, text, str(error))


def check_binding(binding: ValidatingAdmissionPolicyBinding, causes: Causes) -> None:
    """It names a policy, and what follows where something is not true."""
    spec = binding.spec
    if not spec.policy_name:
        causes.required("spec.policyName")
    else:
        causes.invalid(
            "spec.policyName", spec.policy_name, *subdomain_name_errors(spec.policy_name)
        )
    if spec.param_ref is not None:
        _check_param_ref(spec.param_ref, causes)
    if spec.match_resources is not None:
        _check_resources(spec.match_resources, "spec.matchResources", causes)
    actions = spec.validation_actions
    if not actions:
        causes.required("spec.validationActions")
    for index, action in enumerate(actions):
        where = f"spec.validationActions[{index}]"
        if action not in ACTIONS:
            causes.unsupported(where, action, ACTIONS)
        elif action in actions[:index]:
            causes.duplicate(where, action)
    if "Deny" in actions and "Warn" in actions:
        causes.invalid("spec.validationActions", list(actions), _BOTH)


def _check_param_ref(reference: ParamRef, causes: Causes) -> None:
    path = "spec.paramRef"
    if reference.name and reference.selector is not None:
        causes.forbidden(f"{path}.name", "name and selector are mutually exclusive")
    elif not reference.name and reference.selector is None:
        causes.required(path, "one of name or selector must be specified")
    if reference.selector is not None:
        check_label_selector(reference.selector, f"{path}.selector", causes)
    action = reference.parameter_not_found_action
    if action is None:
        causes.required(f"{path}.parameterNotFoundAction")
    elif action not in ("Allow", "Deny"):
        causes.unsupported(f"{path}.parameterNotFoundAction", action, ("Allow", "Deny"))


def _check_resources(resources: MatchResources, path: str, causes: Causes) -> None:
    for field, rules in (
        ("resourceRules", resources.resource_rules),
        ("excludeResourceRules", resources.exclude_resource_rules),
    ):
        for index, rule in enumerate(rules):
            check_rule(rule, f"{path}.{field}[{index}]", causes)
    for field, selector in (
        ("namespaceSelector", resources.namespace_selector),
        ("objectSelector", resources.object_selector),
    ):
        if selector is not None:
            check_label_selector(selector, f"{path}.{field}", causes)
    if resources.match_policy not in (None, "Equivalent", "Exact"):
        supported = ("Equivalent", "Exact")
        causes.unsupported(f"{path}.matchPolicy", resources.match_policy, supported)


RULES: dict[type[Kind], KindRules] = {
    ValidatingAdmissionPolicy: KindRules(default=default_policy, check=check_policy),
    ValidatingAdmissionPolicyBinding: KindRules(default=default_binding, check=check_binding),
}
