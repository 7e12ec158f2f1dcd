"""ResourceQuotas that were never counted (stored by an older podkernel) are counted.

All others are right at any time: their counts are part of the writes that they count.
"""

from kernel.api.client import Client
from kernel.api.errors import Conflict, NotFound
from kernel.control.reconciler import Reconciler, Request, RetryAfter
from kernel.objects.resource_policies import ResourceQuota

NAME = "resource-quotas"
CONFLICT_RETRY_SECONDS = 0.05


def resource_quotas() -> Reconciler:
    """The reconciler that has them counted: each write of a quota does that."""

    async def reconcile(request: Request, client: Client) -> None:
        try:
            quota = await client.get(ResourceQuota, request.name, namespace=request.namespace)
            if _is_uncounted(quota):
                quota.status.hard = dict(quota.spec.hard)
                await client.update_status(quota)
        except NotFound:
            return
        except Conflict as error:
            raise RetryAfter(CONFLICT_RETRY_SECONDS, str(error)) from error

    return Reconciler(name=NAME, kind=ResourceQuota, reconcile=reconcile, when=_is_uncounted)


def _is_uncounted(quota: ResourceQuota) -> bool:
    return quota.status.hard != quota.spec.hard
