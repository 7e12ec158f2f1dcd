"""Fills in the rules of ClusterRoles that gather those of others (`aggregationRule`).

Any ClusterRole that changes may be one of those that another gathers, and that other one of those
that a third gathers: each is looked at again, until nothing changes.
"""

from kernel.api.access.aggregation import aggregated_rules
from kernel.api.client import Client
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler, Request, Watch
from kernel.objects.rbac import ClusterRole

NAME = "clusterrole-aggregation"


def cluster_role_aggregation(informers: Informers) -> Reconciler:
    """The reconciler; ClusterRoles are read from their informer."""
    roles = informers.of(ClusterRole)

    async def reconcile(request: Request, client: Client) -> None:
        role = await client.get(ClusterRole, request.name)
        if role.aggregation_rule is None:
            return
        others = [other for other in roles.all() if other.metadata.name != request.name]
        rules = aggregated_rules(role.aggregation_rule, others)
        if rules != role.rules:
            role.rules = rules
            await client.update(role)

    def gathering(changed: ClusterRole) -> list[Request]:
        return [Request(role.metadata.name) for role in roles.all() if role.aggregation_rule]

    return Reconciler(
        name=NAME,
        kind=ClusterRole,
        reconcile=reconcile,
        when=lambda role: role.aggregation_rule is not None,
        watches=(Watch(ClusterRole, gathering),),
    )
