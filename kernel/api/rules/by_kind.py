"""The rules of kinds that few programs use, loaded when the first object of such a kind comes."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from kernel.api.causes import Causes
from kernel.objects.admission_policy import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from kernel.objects.autoscaling import HorizontalPodAutoscaler
from kernel.objects.controller_revision import ControllerRevision
from kernel.objects.custom_object import CustomObject
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


class KindRules(msgspec.Struct, frozen=True):
    """What the API fills in, what it refuses, and what it lets nobody change, of one kind.

    `check` is asked of new objects and of changed ones, `check_new` and `check_update` of either.
    """

    default: Callable[[Any], None] | None = None
    check: Callable[[Any, Causes], None] | None = None
    check_update: Callable[[Any, Any, Causes], None] | None = None
    check_new: Callable[[Any, Causes], None] | None = None


_NO_RULES = KindRules()
_MODULES: dict[type[Kind], str] = {
    Endpoints: "rules.endpoints",
    EndpointSlice: "rules.endpoints",
    PriorityClass: "rules.priorities",
    ControllerRevision: "rules.controller_revisions",
    PersistentVolume: "rules.persistent_volumes",
    StorageClass: "rules.storage",
    VolumeAttachment: "rules.storage",
    CSIDriver: "rules.storage",
    CSINode: "rules.storage",
    CSIStorageCapacity: "rules.storage",
    Ingress: "rules.networking",
    IngressClass: "rules.networking",
    NetworkPolicy: "rules.network_policies",
    HorizontalPodAutoscaler: "rules.autoscaling",
    MutatingWebhookConfiguration: "rules.webhooks",
    ValidatingAdmissionPolicy: "rules.admission_policies",
    ValidatingAdmissionPolicyBinding: "rules.admission_policies",
    ValidatingWebhookConfiguration: "rules.webhooks",
    **dict.fromkeys((Role, ClusterRole, RoleBinding, ClusterRoleBinding), "rules.rbac"),
    CustomResourceDefinition: "custom_resources.definition_rules",
    CustomObject: "custom_resources.object_rules",
}


@cache
def rules_of(kind: type[Kind]) -> KindRules:
    """The rules of a kind; those of kinds that every program uses are elsewhere."""
    if issubclass(kind, CustomObject):
        kind = CustomObject
    module = _MODULES.get(kind)
    if module is None:
        return _NO_RULES
    rules: dict[type[Kind], KindRules] = import_module(f"kernel.api.{module}").RULES
    return rules[kind]
