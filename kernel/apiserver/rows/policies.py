"""Quotas, limits, budgets and claims as rows of `kubectl get`: Kubernetes' columns and words."""

from collections.abc import Iterable
from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.kind import Kind
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.resource_policies import LimitRange, ResourceQuota

UNSET = "<unset>"
_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def access_modes_text(modes: Iterable[str]) -> str:
    """Access modes by their short names."""
    return ",".join(_ACCESS_MODES.get(mode, mode) for mode in modes)


def _quota_cells(quota: ResourceQuota, now: datetime) -> list[object]:
    hard, used = quota.status.hard, quota.status.used
    shown = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in shown.items() if name.startswith("limits.")]
    requests = [text for name, text in shown.items() if not name.startswith("limits.")]
    return [
        quota.metadata.name,
        age(quota.metadata.creation_timestamp, now),
        ", ".join(requests),
        ", ".join(limits),
    ]


def _limit_range_cells(limit_range: LimitRange, now: datetime) -> list[object]:
    created = limit_range.metadata.creation_timestamp
    return [limit_range.metadata.name, created.strftime("%Y-%m-%dT%H:%M:%SZ") if created else ""]


def _budget_cells(budget: PodDisruptionBudget, now: datetime) -> list[object]:
    spec = budget.spec
    return [
        budget.metadata.name,
        "N/A" if spec.min_available is None else str(spec.min_available),
        "N/A" if spec.max_unavailable is None else str(spec.max_unavailable),
        budget.status.disruptions_allowed,
        age(budget.metadata.creation_timestamp, now),
    ]


def _claim_cells(claim: PersistentVolumeClaim, now: datetime) -> list[object]:
    spec, status = claim.spec, claim.status
    modes, capacity = "", ""
    if spec.volume_name:
        modes = access_modes_text(status.access_modes)
        capacity = status.capacity.get("storage", "")
    return [
        claim.metadata.name,
        "Terminating" if claim.metadata.deletion_timestamp is not None else status.phase,
        spec.volume_name,
        capacity,
        modes,
        spec.storage_class_name or "",
        spec.volume_attributes_class_name or UNSET,
        age(claim.metadata.creation_timestamp, now),
        spec.volume_mode or UNSET,
    ]


POLICY_ROWS: dict[type[Kind], Rows] = {
    ResourceQuota: Rows(columns("Name", "Age", "Request", "Limit"), _quota_cells),
    LimitRange: Rows(columns("Name", "Created At"), _limit_range_cells),
    PodDisruptionBudget: Rows(
        columns("Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"),
        _budget_cells,
    ),
    PersistentVolumeClaim: Rows(
        columns(
            *("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass"),
            *("VolumeAttributesClass", "Age"),
            wide=("VolumeMode",),
        ),
        _claim_cells,
    ),
}
