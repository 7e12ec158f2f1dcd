"""The rules of a ClusterRole that gathers those of others. Pure."""

from collections.abc import Iterable

from kernel.objects.rbac import AggregationRule, ClusterRole, PolicyRule
from kernel.objects.selectors import label_matcher


def aggregated_rules(
    aggregation: AggregationRule, roles: Iterable[ClusterRole]
) -> list[PolicyRule]:
    """Each rule once, selector by selector and of each in the order of the roles' names.

    Roles that gather rules themselves count with those that they have.
    """
    by_name = sorted(roles, key=lambda role: role.metadata.name)
    found: list[PolicyRule] = []
    for selector in aggregation.cluster_role_selectors:
        matcher = label_matcher(selector)
        for role in by_name:
            if matcher.matches(role.metadata.labels):
                found += [rule for rule in role.rules if rule not in found]
    return found
