"""What rules allow: one request, or all that other rules allow.

Pure. Source of the rules: Kubernetes' documentation on RBAC, and pkg/apis/rbac/v1 and
component-helpers/auth/rbac/validation for what is left open there.
"""

from collections.abc import Iterable, Iterator, Sequence

from kernel.api.access.attributes import Attributes, quoted
from kernel.objects.rbac import PolicyRule

ALL = "*"
FULL_AUTHORITY = (
    PolicyRule(verbs=[ALL], api_groups=[ALL], resources=[ALL]),
    PolicyRule(verbs=[ALL], non_resource_urls=[ALL]),
)


def allows(rule: PolicyRule, asked: Attributes) -> bool:
    """Whether a rule allows a request."""
    if not _has(rule.verbs, asked.verb):
        return False
    if asked.path is not None:
        return any(_covers_path(pattern, asked.path) for pattern in rule.non_resource_urls)
    return (
        _has(rule.api_groups, asked.group)
        and _covers_resource(rule.resources, asked.qualified_resource)
        and (not rule.resource_names or asked.name in rule.resource_names)
    )


def uncovered(held: Sequence[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """What `wanted` allows beyond `held`, in rules of one verb on one thing each.

    Each such smallest rule must be covered by one rule that is held: `get pods` and `get services`
    together don't cover `get *`, whatever kinds there are.
    """
    return [
        part
        for rule in wanted
        for part in _smallest(rule)
        if not any(_covers(holding, part) for holding in held)
    ]


def compacted(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The same rules, those that differ in their verbs alone made one."""
    found: dict[tuple[tuple[str, ...], ...], PolicyRule] = {}
    for rule in rules:
        parts = (rule.api_groups, rule.resources, rule.resource_names, rule.non_resource_urls)
        key = tuple(tuple(part) for part in parts)
        if rule.resource_names or rule.non_resource_urls:
            key = (*key, tuple(rule.verbs))  # Kubernetes joins those for all objects alone
        present = found.setdefault(
            key,
            PolicyRule(
                api_groups=rule.api_groups,
                resources=rule.resources,
                resource_names=rule.resource_names,
                non_resource_urls=rule.non_resource_urls,
            ),
        )
        present.verbs += [verb for verb in rule.verbs if verb not in present.verbs]
    return list(found.values())


def shown(rule: PolicyRule) -> str:
    """A rule as Kubernetes' refusals show it: `{APIGroups:[""], Resources:["pods"], …}`."""
    parts = {
        "APIGroups": rule.api_groups,
        "Resources": rule.resources,
        "NonResourceURLs": rule.non_resource_urls,
        "ResourceNames": rule.resource_names,
        "Verbs": rule.verbs,
    }
    return (
        "{" + ", ".join(f"{name}:{quoted_list(part)}" for name, part in parts.items() if part) + "}"
    )


def quoted_list(texts: Iterable[str]) -> str:
    """`["a" "b"]`, as Go's `%q` shows a list."""
    return "[" + " ".join(quoted(text) for text in texts) + "]"


def _smallest(rule: PolicyRule) -> Iterator[PolicyRule]:
    for verb in rule.verbs:
        for path in rule.non_resource_urls:
            yield PolicyRule(verbs=[verb], non_resource_urls=[path])
    for group in rule.api_groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for names in [[name] for name in rule.resource_names] or [[]]:
                    yield PolicyRule(
                        verbs=[verb], api_groups=[group], resources=[resource], resource_names=names
                    )


def _covers(holding: PolicyRule, part: PolicyRule) -> bool:
    """Whether a rule allows all that a smallest rule does."""
    if not _has(holding.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        (path,) = part.non_resource_urls
        return any(_covers_path(pattern, path) for pattern in holding.non_resource_urls)
    if not _has(holding.api_groups, part.api_groups[0]):
        return False
    if not _covers_resource(holding.resources, part.resources[0]):
        return False
    if not holding.resource_names:
        return True
    return bool(part.resource_names) and part.resource_names[0] in holding.resource_names


def _has(listed: Sequence[str], wanted: str) -> bool:
    return wanted in listed or ALL in listed


def _covers_resource(listed: Sequence[str], wanted: str) -> bool:
    if _has(listed, wanted):
        return True
    _, slash, subresource = wanted.partition("/")
    return bool(slash) and f"{ALL}/{subresource}" in listed


def _covers_path(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL)))
