"""What a write does to one ResourceQuota: its new counts, or why the write is refused.

Pure. The words are Kubernetes' (apiserver/pkg/admission/plugin/resourcequota).
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from kernel.api.quota.amounts import Amounts, added, parsed, subtracted, written
from kernel.api.quota.usage import counts, is_counted, unsaid, usage_of
from kernel.objects.kind import Kind
from kernel.objects.pod import Pod
from kernel.objects.resource_policies import ResourceQuota, ResourceQuotaStatus


class Change(msgspec.Struct, frozen=True):
    """One object of a write, by its key in the store: as it is before (None where it is new) and
    after (None where it is gone)."""

    key: str
    before: Kind | None
    after: Kind | None


def counted(quota: ResourceQuota, objects: Iterable[Kind]) -> ResourceQuotaStatus:
    """The status of a quota over all objects of its namespace."""
    used: Amounts = {name: Fraction(0) for name in quota.spec.hard}
    for obj in objects:
        used = added(used, _usage(quota, obj))
    return ResourceQuotaStatus(hard=dict(quota.spec.hard), used=_written(used))


def charge(quota: ResourceQuota, changes: Iterable[Change]) -> tuple[ResourceQuotaStatus, str]:
    """The status of a quota after a write, and why it refuses that write, if it does."""
    used = parsed(quota.status.used)
    difference: Amounts = {}
    for change in changes:
        if isinstance(change.after, Pod) and change.before is None:
            said = unsaid(change.after, quota.spec.hard)
            if said and is_counted(quota.spec, change.after):
                return quota.status, f"failed quota: {quota.metadata.name}: must specify {said}"
        before, after = _usage(quota, change.before), _usage(quota, change.after)
        difference = added(difference, subtracted(after, before))
    total = {name: max(value, Fraction(0)) for name, value in added(used, difference).items()}
    hard = parsed(quota.status.hard)
    exceeded = sorted(
        name
        for name, value in difference.items()
        if value > 0 and name in hard and total[name] > hard[name]
    )
    refusal = _refusal(quota, exceeded, difference, used, hard) if exceeded else ""
    return ResourceQuotaStatus(hard=quota.status.hard, used=_written(total)), refusal


def _usage(quota: ResourceQuota, obj: Kind | None) -> Amounts:
    """What an object uses of what a quota counts."""
    if obj is None or not is_counted(quota.spec, obj):
        return {}
    if not any(counts(type(obj), name) for name in quota.spec.hard):
        return {}
    return {name: value for name, value in usage_of(obj).items() if name in quota.spec.hard}


def _refusal(
    quota: ResourceQuota,
    names: list[str],
    requested: Mapping[str, Fraction],
    used: Mapping[str, Fraction],
    hard: Mapping[str, Fraction],
) -> str:
    def listed(amounts: Mapping[str, Fraction]) -> str:
        return ",".join(f"{name}={written(amounts.get(name, Fraction(0)))}" for name in names)

    return (
        f"exceeded quota: {quota.metadata.name}, requested: {listed(requested)},"
        f" used: {listed(used)}, limited: {listed(hard)}"
    )


def _written(amounts: Mapping[str, Fraction]) -> dict[str, str]:
    return {name: written(value) for name, value in amounts.items()}
