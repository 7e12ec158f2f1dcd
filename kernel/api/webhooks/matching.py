"""Which requests a webhook is asked about: its rules, and its selectors. Pure.

Source: k8s.io/apiserver, admission/plugin/webhook/predicates.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from kernel.objects.kind import KindInfo
from kernel.objects.namespace import Namespace
from kernel.objects.selectors import LabelMatcher
from kernel.objects.webhook_configuration import GROUP, RuleWithOperations

# Who could keep these from being changed could never be got rid of.
_EXEMPT_PLURALS = frozenset(
    {
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
        *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    }
)


class RequestSort(msgspec.Struct, frozen=True):
    """What rules look at: an operation on a kind, or on a subresource of it."""

    info: KindInfo
    operation: str
    subresource: str = ""


def is_exempt(info: KindInfo) -> bool:
    """Whether no webhook is ever asked about objects of a kind."""
    return info.group == GROUP and info.plural in _EXEMPT_PLURALS


def matched_info(
    rules: Sequence[RuleWithOperations],
    match_policy: str | None,
    sort: RequestSort,
    equivalents: Sequence[KindInfo],
) -> KindInfo | None:
    """The kind as which such requests are to be seen; None where no rule means them.

    That is the request's own, or with matchPolicy Equivalent one of `equivalents`: the same kind
    in its other versions.
    """
    if is_exempt(sort.info):
        return None
    others = equivalents if match_policy == "Equivalent" else ()
    for info in (sort.info, *others):
        wanted = msgspec.structs.replace(sort, info=info)
        if any(rule_matches(rule, wanted) for rule in rules):
            return info
    return None


def rule_matches(rule: RuleWithOperations, sort: RequestSort) -> bool:
    """Whether all parts of a rule hold of a request."""
    return (
        _holds(rule.operations, sort.operation)
        and _holds(rule.api_groups, sort.info.group)
        and _holds(rule.api_versions, sort.info.version)
        and any(_names_resource(text, sort) for text in rule.resources)
        and _is_in_scope(rule.scope, sort.info)
    )


def _holds(values: Iterable[str], value: str) -> bool:
    return any(wanted in ("*", value) for wanted in values)


def _names_resource(text: str, sort: RequestSort) -> bool:
    """`pods` is the objects alone, `pods/*` them and all of their subresources."""
    resource, _, subresource = text.partition("/")
    return resource in ("*", sort.info.plural) and subresource in ("*", sort.subresource)


def _is_in_scope(scope: str | None, info: KindInfo) -> bool:
    if scope in (None, "*"):
        return True
    return info.namespaced == (scope == "Namespaced")


def selects_objects(matcher: LabelMatcher, *objects: Any) -> bool:
    """Whether a selector holds of one of the objects (the new, the old). What has no metadata, as
    the options of an exec, has no labels to be chosen by."""
    if not matcher:
        return True
    return any(matcher.matches(obj.metadata.labels) for obj in objects if hasattr(obj, "metadata"))


def namespace_labels(
    request: Any, labels_of: Callable[[str], Mapping[str, str]]
) -> Mapping[str, str] | None:
    """The labels of the namespace that an admission request is about, or that is its object; None
    where it is about none."""
    info: KindInfo = request.info
    if info == Namespace.info:
        subject = request.object if request.object is not None else request.old
        labels: dict[str, str] = subject.metadata.labels
        return labels
    return labels_of(request.namespace) if request.namespace else None


def selects_namespace(matcher: LabelMatcher, labels: Mapping[str, str] | None) -> bool:
    """Whether a selector holds of a namespace's labels; None is what is in no namespace, of which
    every selector holds."""
    return not matcher or labels is None or matcher.matches(labels)
