"""Rules checked when a definition is written, and asked when an object is, in Kubernetes' words.

A rule that speaks of oldSelf is asked where there is an old value; the old items of a list are
known where its items have keys. What has not changed is not asked again, unless about oldSelf.

Source of the words: k8s.io/apiextensions-apiserver, pkg/apiserver/schema/cel/validation.go.
"""

from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.api.custom_resources.rules.expressions import (
    Expression,
    ExpressionError,
    compiled,
    optional,
)
from kernel.api.custom_resources.rules.fields import in_rules, require_fields
from kernel.api.custom_resources.value_validation import ABSENT, same, type_name
from kernel.objects.json_path import simple_path
from kernel.objects.json_schema import JSONSchemaProps, ValidationRule

VARIABLES = frozenset({"self", "oldSelf"})
MESSAGE_BYTES_MAX = 5 * 1024
REASONS = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)


def check_rules_of_schema(
    schema: JSONSchemaProps, path: str, causes: Causes, *, is_root: bool, is_keyed: bool = True
) -> None:
    """Report what is wrong with the rules of a schema and all that is in it. `is_keyed`: what it
    describes can be told apart from one state of an object to the next."""
    for index, rule in enumerate(schema.validations):
        where = f"{path}.x-kubernetes-validations[{index}]"
        _check_rule(rule, schema, where, causes, is_root=is_root, is_keyed=is_keyed)
    if schema.item is not None:
        keyed = is_keyed and schema.list_type == "map"
        check_rules_of_schema(schema.item, f"{path}.items", causes, is_root=False, is_keyed=keyed)
    keyed = is_keyed and schema.map_type != "atomic"
    if schema.value is not None:
        where = f"{path}.additionalProperties"
        check_rules_of_schema(schema.value, where, causes, is_root=False, is_keyed=keyed)
    for name, part in schema.properties.items():
        where = f"{path}.properties[{name}]"
        check_rules_of_schema(part, where, causes, is_root=False, is_keyed=keyed)


def _check_rule(
    rule: ValidationRule,
    schema: JSONSchemaProps,
    path: str,
    causes: Causes,
    *,
    is_root: bool,
    is_keyed: bool,
) -> None:
    shown = msgspec.to_builtins(rule)
    if not rule.rule.strip():
        causes.required(f"{path}.rule", "rule is not specified")
        return
    if rule.message and not rule.message.strip():
        causes.invalid(f"{path}.message", rule.message, "must be non-empty if specified")
    elif "\n" in rule.message.strip():
        causes.invalid(f"{path}.message", rule.message, "must not contain line breaks")
    elif "\n" in rule.rule.strip() and not rule.message:
        detail = "message must be specified if rule contains line breaks"
        causes.required(f"{path}.message", detail)
    if rule.reason is not None and rule.reason not in REASONS:
        causes.unsupported(f"{path}.reason", rule.reason, REASONS)
    if rule.field_path and not _leads_to_field(rule.field_path, schema):
        causes.invalid(f"{path}.fieldPath", rule.field_path, "must be a valid path")
    uses_old = False
    for field, text in (("rule", rule.rule), ("messageExpression", rule.message_expression)):
        if text:
            try:
                require_fields(text, schema, is_root=is_root)
                expression = compiled(text, VARIABLES)
            except ExpressionError as error:
                causes.invalid(f"{path}.{field}", shown, str(error))
                continue
            uses_old |= field == "rule" and "oldSelf" in expression.variables
    if uses_old and not is_keyed:
        detail = "oldSelf cannot be used on the uncorrelatable portion of the schema"
        causes.invalid(f"{path}.rule", rule.rule, detail)
    if rule.optional_old_self is not None and not uses_old:
        detail = "may not be set if oldSelf is not used in rule"
        causes.invalid(f"{path}.optionalOldSelf", rule.optional_old_self, detail)


def _leads_to_field(path: str, schema: JSONSchemaProps) -> bool:
    found: JSONSchemaProps | None = schema
    for name in simple_path(path) or ("",):
        found = found.of_field(name) if found is not None else None
    return found is not None


def check_rules(
    value: Any,
    schema: JSONSchemaProps,
    path: str,
    causes: Causes,
    old: Any = ABSENT,
    *,
    is_root: bool = False,
) -> None:
    """Report which rules a value breaks, which fits its schema otherwise."""
    if value is None:
        return
    unchanged = old is not ABSENT and same(old, value)
    for rule in schema.validations:
        _ask(rule, value, schema, path, causes, old, is_root=is_root, unchanged=unchanged)
    if isinstance(value, list) and schema.item is not None:
        before = _items_before(old, schema)
        for index, item in enumerate(value):
            old_item = before.get(_keys(item, schema), ABSENT) if before else ABSENT
            check_rules(item, schema.item, f"{path}[{index}]", causes, old_item)
    elif isinstance(value, dict):
        known = old if isinstance(old, dict) else {}
        for name, part in value.items():
            of_part = schema.of_field(name)
            if of_part is not None:
                where = f"{path}.{name}" if path else name
                check_rules(part, of_part, where, causes, known.get(name, ABSENT))


def _ask(
    rule: ValidationRule,
    value: Any,
    schema: JSONSchemaProps,
    path: str,
    causes: Causes,
    old: Any,
    *,
    is_root: bool,
    unchanged: bool,
) -> None:
    type_ = schema.type or type_name(value)
    try:
        expression = compiled(rule.rule, VARIABLES)
        uses_old = "oldSelf" in expression.variables
        if uses_old and old is ABSENT and not rule.optional_old_self:
            return
        if unchanged and not uses_old:
            return
        variables = {"self": in_rules(value, schema, is_root=is_root)}
        if uses_old:
            before = None if old is ABSENT else in_rules(old, schema, is_root=is_root)
            variables["oldSelf"] = before
            if rule.optional_old_self:
                variables["oldSelf"] = optional(before, is_there=old is not ABSENT)
        if expression.evaluate(variables) is True:
            return
    except ExpressionError as error:
        words = rule.message.strip() or rule.rule.strip()
        causes.invalid(path or "<nil>", type_, f"{error} evaluating rule: {words}")
        return
    where = f"{path}{rule.field_path}" if path else rule.field_path.removeprefix(".")
    _report(rule, where or "<nil>", type_, _message(rule, variables), causes)


def _message(rule: ValidationRule, variables: dict[str, Any]) -> str:
    if rule.message_expression:
        try:
            expression: Expression = compiled(rule.message_expression, VARIABLES)
            text = expression.evaluate(variables)
        except ExpressionError:
            text = ""
        is_usable = isinstance(text, str) and text.strip() and "\n" not in text
        if is_usable and len(text.encode()) <= MESSAGE_BYTES_MAX:
            return str(text)
    return rule.message.strip() or f"failed rule: {rule.rule.strip()}"


def _report(rule: ValidationRule, path: str, type_: str, message: str, causes: Causes) -> None:
    match rule.reason:
        case "FieldValueForbidden":
            causes.forbidden(path, message)
        case "FieldValueRequired":
            causes.required(path, message)
        case "FieldValueDuplicate":
            causes.duplicate(path, type_)
        case _:
            causes.invalid(path, type_, message)


def _items_before(old: Any, schema: JSONSchemaProps) -> dict[str, Any]:
    if schema.list_type != "map" or not isinstance(old, list):
        return {}
    return {_keys(item, schema): item for item in old}


def _keys(item: Any, schema: JSONSchemaProps) -> str:
    found = item if isinstance(item, dict) else {}
    keys = {name: found.get(name) for name in schema.list_map_keys}
    return msgspec.json.encode(keys, order="sorted").decode()
