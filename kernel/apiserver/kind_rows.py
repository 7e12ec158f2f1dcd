"""Which kinds have rows made of their structs, and where; those of kinds that few programs use
are loaded when they are first asked for."""

from functools import cache
from importlib import import_module

from kernel.apiserver.core_rows import CORE_ROWS, Rows
from kernel.apiserver.policy_rows import POLICY_ROWS
from kernel.apiserver.workload_rows import WORKLOAD_ROWS
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
    Endpoints: "networking_rows",
    EndpointSlice: "networking_rows",
    Ingress: "networking_rows",
    IngressClass: "networking_rows",
    NetworkPolicy: "networking_rows",
    PersistentVolume: "storage_rows",
    StorageClass: "storage_rows",
    VolumeAttachment: "storage_rows",
    CSIDriver: "storage_rows",
    CSINode: "storage_rows",
    CSIStorageCapacity: "storage_rows",
    HorizontalPodAutoscaler: "scaling_rows",
    PriorityClass: "scaling_rows",
    ControllerRevision: "scaling_rows",
    MutatingWebhookConfiguration: "webhook_rows",
    ValidatingAdmissionPolicy: "webhook_rows",
    ValidatingAdmissionPolicyBinding: "webhook_rows",
    ValidatingWebhookConfiguration: "webhook_rows",
    **dict.fromkeys((Role, ClusterRole, RoleBinding, ClusterRoleBinding), "rbac_rows"),
    CustomResourceDefinition: "definition_rows",
}


@cache
def typed_rows(kind: type[Kind]) -> Rows | None:
    """How structs of a kind become rows; None where plain documents do."""
    module = _MODULES.get(kind)
    if module is None:
        return _AT_HAND.get(kind)
    rows: dict[type[Kind], Rows] = import_module(f"kernel.apiserver.{module}").ROWS
    return rows[kind]
