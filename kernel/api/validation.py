"""Which objects the API accepts: the rules on metadata, and the way to the rules of each kind.

Pure; objects are expected with their defaults filled in. Source of the rules on metadata:
k8s.io/apimachinery, api/validation/objectmeta.go.
"""

from collections.abc import Callable
from typing import Any

from kernel.api import pod_resize
from kernel.api.causes import Causes
from kernel.api.client import Subresource
from kernel.api.quota import rules as quota_rules
from kernel.api.rules import (
    batch as batch_rules,
    core as core_rules,
    pods as pod_rules,
    policies as policy_rules,
    workloads as workload_rules,
)
from kernel.api.rules.by_kind import rules_of
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.batch import CronJob, Job
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.coordination import Lease
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.meta import (
    FOREGROUND_FINALIZER,
    ORPHAN_FINALIZER,
    ObjectMeta,
    StatusCause,
)
from kernel.objects.name_syntax import (
    label_name_errors,
    label_value_errors,
    path_segment_errors,
    qualified_name_errors,
    service_name_errors,
    subdomain_name_errors,
)
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.pod_template import PodTemplate, ReplicationController
from kernel.objects.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from kernel.objects.resource_policies import LimitRange, ResourceQuota
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.service import Service

ANNOTATIONS_SIZE_BYTES_MAX = 256 * 1024

_STANDARD_FINALIZERS = ("kubernetes", ORPHAN_FINALIZER, FOREGROUND_FINALIZER)

_NAME_RULES: dict[type[Kind], Callable[[str], list[str]]] = {
    Namespace: label_name_errors,
    Service: service_name_errors,
    # `system:discovery`: names of roles and bindings have colons.
    **dict.fromkeys((Role, ClusterRole, RoleBinding, ClusterRoleBinding), path_segment_errors),
}

_CREATE_RULES: dict[type[Kind], Callable[[Any, Causes], None]] = {
    Pod: pod_rules.check_pod,
    ConfigMap: core_rules.check_config_map,
    Secret: core_rules.check_secret,
    Service: core_rules.check_service,
    Node: core_rules.check_node,
    Event: core_rules.check_event,
    Lease: core_rules.check_lease,
    RuntimeClass: pod_rules.check_runtime_class,
    PodTemplate: workload_rules.check_stored_template,
    ReplicationController: workload_rules.check_replication_controller,
    Deployment: workload_rules.check_deployment,
    ReplicaSet: workload_rules.check_replica_set,
    StatefulSet: workload_rules.check_stateful_set,
    DaemonSet: workload_rules.check_daemon_set,
    Job: batch_rules.check_job,
    CronJob: batch_rules.check_cron_job,
    ResourceQuota: quota_rules.check_quota,
    LimitRange: policy_rules.check_limit_range,
    PodDisruptionBudget: policy_rules.check_budget,
    PersistentVolumeClaim: policy_rules.check_claim,
}

_UPDATE_RULES: dict[type[Kind], Callable[[Any, Any, Causes], None]] = {
    Pod: pod_rules.check_pod_update,
    ConfigMap: core_rules.check_config_map_update,
    Secret: core_rules.check_secret_update,
    Service: core_rules.check_service_update,
    RuntimeClass: pod_rules.check_runtime_class_update,
    Deployment: workload_rules.check_selector_update,
    ReplicaSet: workload_rules.check_selector_update,
    DaemonSet: workload_rules.check_selector_update,
    StatefulSet: workload_rules.check_stateful_set_update,
    Job: batch_rules.check_job_update,
    PersistentVolumeClaim: policy_rules.check_claim_update,
    ResourceQuota: quota_rules.check_quota_update,
}


def validate_create(obj: Kind) -> list[StatusCause]:
    """What forbids that `obj` comes to be; empty where nothing does."""
    causes = Causes()
    _check_metadata(obj, causes)
    _check_own_rules(obj, causes)
    if isinstance(obj, Pod):
        pod_rules.check_new_pod(obj, causes)
    check_new = rules_of(type(obj)).check_new
    if check_new is not None:
        check_new(obj, causes)
    return causes.found


def validate_update(new: Kind, old: Kind, subresource: Subresource = "") -> list[StatusCause]:
    """What forbids that `new` takes the place of `old`; empty where nothing does."""
    causes = Causes()
    _check_metadata(new, causes)
    _check_metadata_update(new.metadata, old.metadata, causes)
    _check_own_rules(new, causes)
    rule = _UPDATE_RULES.get(type(new)) or rules_of(type(new)).check_update
    if subresource == "ephemeralcontainers":
        rule = pod_rules.check_ephemeral_containers_update
    if subresource == "resize":
        rule = pod_resize.check_resize
    if rule is not None:
        rule(new, old, causes)
    return causes.found


def name_errors(kind: type[Kind], name: str) -> list[str]:
    """What is wrong with `name` as the name of an object of this kind."""
    rule = _NAME_RULES.get(kind, subdomain_name_errors)
    return path_segment_errors(name) or rule(name)


def _check_own_rules(obj: Kind, causes: Causes) -> None:
    rule = _CREATE_RULES.get(type(obj)) or rules_of(type(obj)).check
    if rule is not None:
        rule(obj, causes)


def _check_metadata(obj: Kind, causes: Causes) -> None:
    metadata = obj.metadata
    if not metadata.name:
        causes.required("metadata.name", "name or generateName is required")
    else:
        causes.invalid("metadata.name", metadata.name, *name_errors(type(obj), metadata.name))
    if not obj.info.namespaced:
        if metadata.namespace:
            causes.forbidden("metadata.namespace", "not allowed on this type")
    elif not metadata.namespace:
        causes.required("metadata.namespace")
    else:
        errors = label_name_errors(metadata.namespace)
        causes.invalid("metadata.namespace", metadata.namespace, *errors)
    causes.at_least("metadata.generation", metadata.generation, 0)
    _check_labels(metadata.labels, "metadata.labels", causes)
    _check_annotations(metadata.annotations, causes)
    _check_owners(metadata, causes)
    _check_finalizers(obj, causes)


def _check_labels(labels: dict[str, str], path: str, causes: Causes) -> None:
    for key, value in labels.items():
        causes.invalid(path, key, *qualified_name_errors(key))
        causes.invalid(path, value, *label_value_errors(value))


def _check_annotations(annotations: dict[str, str], causes: Causes) -> None:
    size_bytes = 0
    for key, value in annotations.items():
        causes.invalid("metadata.annotations", key, *qualified_name_errors(key.lower()))
        size_bytes += len(key.encode()) + len(value.encode())
    if size_bytes > ANNOTATIONS_SIZE_BYTES_MAX:
        causes.too_long("metadata.annotations", ANNOTATIONS_SIZE_BYTES_MAX)


def _check_owners(metadata: ObjectMeta, causes: Causes) -> None:
    path = "metadata.ownerReferences"
    controllers = [owner for owner in metadata.owner_references if owner.controller]
    for index, owner in enumerate(metadata.owner_references):
        for field in ("api_version", "kind", "name", "uid"):
            if not getattr(owner, field):
                name = "apiVersion" if field == "api_version" else field
                causes.required(f"{path}[{index}].{name}", "must not be empty")
    if len(controllers) > 1:
        first, second = (f"{owner.kind}/{owner.name}" for owner in controllers[:2])
        causes.invalid(
            path,
            metadata.owner_references,
            "Only one reference can have Controller set to true. Found"
            f' "true" in references for {first} and {second}',
        )


def _check_finalizers(obj: Kind, causes: Causes) -> None:
    path = "metadata.finalizers"
    finalizers = obj.metadata.finalizers
    for finalizer in finalizers:
        errors = qualified_name_errors(finalizer)
        if errors:
            causes.invalid(path, finalizer, *errors)
        elif (
            "/" not in finalizer
            and finalizer not in _STANDARD_FINALIZERS
            and not isinstance(obj, CustomObject | CustomResourceDefinition)
        ):
            causes.invalid(
                path,
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            )
    if ORPHAN_FINALIZER in finalizers and FOREGROUND_FINALIZER in finalizers:
        causes.invalid(
            path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"
        )


def _check_metadata_update(new: ObjectMeta, old: ObjectMeta, causes: Causes) -> None:
    for field in ("name", "namespace", "uid"):
        if getattr(new, field) != getattr(old, field):
            causes.invalid(f"metadata.{field}", getattr(new, field), "field is immutable")
    added = sorted(set(new.finalizers) - set(old.finalizers))
    if old.deletion_timestamp is not None and added:
        causes.forbidden(
            "metadata.finalizers",
            "no new finalizers can be added if the object is being deleted, found new"
            f" finalizers {added}",
        )
