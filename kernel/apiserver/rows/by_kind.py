"""Which kinds have rows made of their structs, and where; those of kinds that few programs use
are loaded when they are first asked for."""

from functools import cache
from importlib import import_module

from kernel.apiserver.rows.core import CORE_ROWS, Rows
from kernel.apiserver.rows.policies import POLICY_ROWS
from kernel.apiserver.rows.workloads import WORKLOAD_ROWS
from kernel.objects.admission_policy import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from kernel.objects.autoscaling import HorizontalPodAutoscaler
from kernel.objects.controller_revision import ControllerRevision
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.endpoint_slice import EndpointSlice
from kernel.objects.endpoints import Endpoints
from kernel.objects.kind import Kind
from kernel.objects.networking import Ingress, IngressClass, NetworkPolicy
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.priority_class import PriorityClass
from kernel.objects.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from kernel.objects.storage import (
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    StorageClass,
    VolumeAttachment,
)
from kernel.objects.webhook_configuration import (
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)

_AT_HAND = CORE_ROWS | WORKLOAD_ROWS | POLICY_ROWS
_MODULES: dict[type[Kind], str] = {
    Endpoints: "rows.networking",
    EndpointSlice: "rows.networking",
    Ingress: "rows.networking",
    IngressClass: "rows.networking",
    NetworkPolicy: "rows.networking",
    PersistentVolume: "rows.storage",
    StorageClass: "rows.storage",
    VolumeAttachment: "rows.storage",
    CSIDriver: "rows.storage",
    CSINode: "rows.storage",
    CSIStorageCapacity: "rows.storage",
    HorizontalPodAutoscaler: "rows.scaling",
    PriorityClass: "rows.scaling",
    ControllerRevision: "rows.scaling",
    MutatingWebhookConfiguration: "rows.webhooks",
    ValidatingAdmissionPolicy: "rows.webhooks",
    ValidatingAdmissionPolicyBinding: "rows.webhooks",
    ValidatingWebhookConfiguration: "rows.webhooks",
    **dict.fromkeys((Role, ClusterRole, RoleBinding, ClusterRoleBinding), "rows.rbac"),
    CustomResourceDefinition: "rows.definitions",
}


@cache
def typed_rows(kind: type[Kind]) -> Rows | None:
    """How structs of a kind become rows; None where plain documents do."""
    module = _MODULES.get(kind)
    if module is None:
        return _AT_HAND.get(kind)
    rows: dict[type[Kind], Rows] = import_module(f"kernel.apiserver.{module}").ROWS
    return rows[kind]
