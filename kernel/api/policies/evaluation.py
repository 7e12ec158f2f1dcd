"""What a policy's expressions say of a request. Pure.

Source: k8s.io/apiserver, admission/plugin/policy/validating/validator.go.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kernel.api.custom_resources.rules.expressions import ExpressionError, compiled
from kernel.api.rules.admission_policies import VARIABLES
from kernel.objects.admission_policy import ValidatingAdmissionPolicySpec, Validation

MESSAGE_BYTES_MAX = 5 * 1024


class Denial(msgspec.Struct, frozen=True):
    """Why a request does not hold."""

    message: str
    reason: str = "Invalid"


def denials(spec: ValidatingAdmissionPolicySpec, values: Mapping[str, Any]) -> list[Denial]:
    """What is not true of a request; `values` are those of all variables but `variables`. An
    expression that fails counts as false where the failurePolicy is Fail, else as true."""
    known = dict(values)
    known["variables"] = _variables(spec, known)
    return list(_denials(spec, known))


def _denials(spec: ValidatingAdmissionPolicySpec, values: Mapping[str, Any]) -> Iterator[Denial]:
    for validation in spec.validations:
        text = validation.expression.strip()
        try:
            if evaluate(text, values) is not True:
                message = _message(validation, values)
                yield Denial(message, validation.reason or "Invalid")
        except ExpressionError as error:
            if spec.failure_policy == "Fail":
                yield Denial(str(error))


def notes(
    spec: ValidatingAdmissionPolicySpec, values: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What is to be noted of a request: keys and texts. What fails, or is no text, is not."""
    known = dict(values)
    known["variables"] = _variables(spec, known)
    for annotation in spec.audit_annotations:
        try:
            text = evaluate(annotation.value_expression.strip(), known)
        except ExpressionError:
            continue
        if isinstance(text, str):
            yield annotation.key, text


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression. Raises `ExpressionError`, which names the expression."""
    try:
        return compiled(text, VARIABLES).evaluate(values)
    except ExpressionError as error:
        raise ExpressionError(f"expression '{text}' resulted in error: {error}") from error


def _variables(spec: ValidatingAdmissionPolicySpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the variables; one that fails is not there, which fails whoever uses it."""
    found: dict[str, Any] = {}
    for variable in spec.variables:
        try:
            found[variable.name] = evaluate(
                variable.expression.strip(), {**values, "variables": found}
            )
        except ExpressionError:
            continue
    return found


def _message(validation: Validation, values: Mapping[str, Any]) -> str:
    told: Any = ""
    if validation.message_expression:
        try:
            told = evaluate(validation.message_expression.strip(), values)
        except ExpressionError:
            told = ""
    text = told.strip() if isinstance(told, str) else ""
    if text and "\n" not in text and len(text.encode()) <= MESSAGE_BYTES_MAX:
        return text
    message = validation.message.strip()
    return message or f"failed expression: {validation.expression.strip()}"
