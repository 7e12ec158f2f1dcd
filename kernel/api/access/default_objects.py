"""Makes the default roles and bindings: what is missing of them is added at each start.

What an administrator adds to them stays, and one that is annotated with
`rbac.authorization.kubernetes.io/autoupdate: "false"` is left as it is.
"""

from kernel.api.access.default_roles import (
    AUTO_UPDATE,
    default_cluster_role_bindings,
    default_cluster_roles,
)
from kernel.api.access.rules import uncovered
from kernel.api.context import acting
from kernel.api.errors import NotFound
from kernel.api.object_api import ObjectApi
from kernel.objects.kind import Kind
from kernel.objects.rbac import ClusterRole, ClusterRoleBinding

ACTOR = "default-roles"


async def ensure_default_roles(api: ObjectApi) -> None:
    """Create and complete them in one atomic write; none where nothing is missing."""
    plans = []
    with acting(ACTOR):
        for wanted in (*default_cluster_roles(), *default_cluster_role_bindings()):
            try:
                present = api.planner.read(type(wanted), "", wanted.metadata.name)
            except NotFound:
                plans.append(await api.planner.create(wanted, ""))
                continue
            found = present.decode()
            if complete(found, wanted):
                plans.append(await api.planner.update(present, found))
        await api.commit(plans)


def complete(present: Kind, wanted: Kind) -> bool:
    """Add to a role the rules, to a binding the subjects, that it lacks; answers whether it lacked
    any. Rules that are gathered from other roles come of themselves."""
    if present.metadata.annotations.get(AUTO_UPDATE) == "false":
        return False
    if isinstance(present, ClusterRole) and isinstance(wanted, ClusterRole):
        if wanted.aggregation_rule is not None:
            changed = present.aggregation_rule != wanted.aggregation_rule
            present.aggregation_rule = wanted.aggregation_rule
            return changed
        if present.rules == wanted.rules:
            return False  # as it is at nearly every start, told without a look into the rules
        lacking = uncovered(present.rules, wanted.rules)
        present.rules += lacking
        return bool(lacking)
    if isinstance(present, ClusterRoleBinding) and isinstance(wanted, ClusterRoleBinding):
        absent = [subject for subject in wanted.subjects if subject not in present.subjects]
        present.subjects += absent
        return bool(absent)
    return False
