"""Roles and bindings as rows of `kubectl get`: Kubernetes' columns and words."""

from datetime import datetime

from kernel.apiserver.rows.ages import age
from kernel.apiserver.rows.core import Rows, columns
from kernel.objects.kind import Kind
from kernel.objects.rbac import (
    AnyBinding,
    AnyRole,
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
)

_BINDING_COLUMNS = columns("Name", "Role", "Age", wide=("Users", "Groups", "ServiceAccounts"))


def _role_cells(role: AnyRole, now: datetime) -> list[object]:
    created = role.metadata.creation_timestamp
    return [role.metadata.name, created.strftime("%Y-%m-%dT%H:%M:%SZ") if created else ""]


def _binding_cells(binding: AnyBinding, now: datetime) -> list[object]:
    def listed(kind: str) -> str:
        return ", ".join(
            f"{subject.namespace}/{subject.name}" if kind == "ServiceAccount" else subject.name
            for subject in binding.subjects
            if subject.kind == kind
        )

    return [
        binding.metadata.name,
        f"{binding.role_ref.kind}/{binding.role_ref.name}",
        age(binding.metadata.creation_timestamp, now),
        *(listed(kind) for kind in ("User", "Group", "ServiceAccount")),
    ]


ROWS: dict[type[Kind], Rows] = {
    **dict.fromkeys((Role, ClusterRole), Rows(columns("Name", "Created At"), _role_cells)),
    **dict.fromkeys((RoleBinding, ClusterRoleBinding), Rows(_BINDING_COLUMNS, _binding_cells)),
}
