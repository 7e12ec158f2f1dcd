"""matchConditions: CEL that must be true of a request for a webhook to be asked about it.

Source: k8s.io/apiserver, admission/plugin/webhook/matchconditions. There is no `authorizer` here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kernel.api.admission import AdmissionRequest
from kernel.api.causes import Causes
from kernel.api.custom_resources.rules.expressions import ExpressionError, compiled
from kernel.api.errors import Forbidden
from kernel.api.webhooks.review import review_document
from kernel.objects.kind import KindInfo
from kernel.objects.name_syntax import qualified_name_errors
from kernel.objects.webhook_configuration import MatchCondition, ValidatingWebhook

VARIABLES = frozenset({"object", "oldObject", "request"})
CONDITIONS_MAX = 64


def check_conditions(
    conditions: Sequence[MatchCondition],
    path: str,
    causes: Causes,
    variables: frozenset[str] = VARIABLES,
) -> None:
    """Report conditions that can't be compiled, and names that are none or said twice."""
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        where = f"{path}[{index}]"
        expression = condition.expression.strip()
        if not expression:
            causes.required(f"{where}.expression")
        else:
            try:
                compiled(expression, variables)
            except ExpressionError as error:
                causes.invalid(f"{where}.expression", condition.expression, str(error))
        if not condition.name:
            causes.required(f"{where}.name")
            continue
        causes.invalid(f"{where}.name", condition.name, *qualified_name_errors(condition.name))
        if condition.name in names:
            causes.duplicate(f"{where}.name", condition.name)
        names.add(condition.name)
    if len(conditions) > CONDITIONS_MAX:
        causes.too_many(path, len(conditions), CONDITIONS_MAX)


def conditions_hold(webhook: ValidatingWebhook, request: AdmissionRequest, info: KindInfo) -> bool:
    """Whether all conditions are true. One that is false outweighs others that fail; else the
    webhook's failurePolicy says whether a failure means no. Raises `Forbidden`."""
    review = msgspec.to_builtins(review_document(request, info, version="v1", uid=""))
    asked: dict[str, Any] = review["request"]
    variables = {
        "object": asked.pop("object"),
        "oldObject": asked.pop("oldObject"),
        "request": asked,
    }
    try:
        return all_hold(webhook.match_conditions, variables, fails=webhook.failure_policy == "Fail")
    except ExpressionError as error:
        raise Forbidden(
            f'{request.info.qualified_plural} "{request.name}" is forbidden: {error}'
        ) from error


def all_hold(
    conditions: Sequence[MatchCondition], values: Mapping[str, Any], *, fails: bool
) -> bool:
    """Whether all conditions are true of these values. One that is false outweighs others that
    fail; else, where one fails, that is raised as `ExpressionError` if `fails`, and means no."""
    failures = []
    for condition in conditions:
        text = condition.expression.strip()
        try:
            value = compiled(text, frozenset(values)).evaluate(values)
        except ExpressionError as error:
            failures.append(f"expression '{text}' resulted in error: {error}")
            continue
        if value is False:
            return False
        if value is not True:
            failures.append(f"expression '{text}' resulted in error: it is no boolean")
    if failures and fails:
        told = failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
        raise ExpressionError(told)
    return not failures
