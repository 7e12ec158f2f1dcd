"""The table of kinds: which kinds one kernel serves, found by any of their names."""

import difflib
from collections.abc import Iterable, Iterator

from kernel.objects.admission_policy import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from kernel.objects.apps import DaemonSet, Deployment, ReplicaSet, StatefulSet
from kernel.objects.autoscaling import HorizontalPodAutoscaler
from kernel.objects.batch import CronJob, Job
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.controller_revision import ControllerRevision
from kernel.objects.coordination import Lease
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.disruption_budget import PodDisruptionBudget
from kernel.objects.endpoint_slice import EndpointSlice
from kernel.objects.endpoints import Endpoints
from kernel.objects.event import Event
from kernel.objects.kind import Kind, KindInfo, version_priority
from kernel.objects.namespace import Namespace
from kernel.objects.networking import Ingress, IngressClass, NetworkPolicy
from kernel.objects.node import Node
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.pod_template import PodTemplate, ReplicationController
from kernel.objects.priority_class import PriorityClass
from kernel.objects.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from kernel.objects.resource_policies import LimitRange, ResourceQuota
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.service import Service, ServiceAccount
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

CORE_KINDS: tuple[type[Kind], ...] = (
    *(Pod, Node, Namespace, ConfigMap, Secret),
    *(Service, ServiceAccount, Event, Lease, RuntimeClass),
    *(PodTemplate, ReplicationController),
    *(Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob),
    *(ResourceQuota, LimitRange, PodDisruptionBudget, PersistentVolumeClaim),
    *(Endpoints, EndpointSlice, PersistentVolume, PriorityClass, ControllerRevision),
    *(StorageClass, VolumeAttachment, CSIDriver, CSINode, CSIStorageCapacity),
    *(Ingress, IngressClass, NetworkPolicy, HorizontalPodAutoscaler),
    *(MutatingWebhookConfiguration, ValidatingWebhookConfiguration),
    *(ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding),
    *(Role, ClusterRole, RoleBinding, ClusterRoleBinding),
    CustomResourceDefinition,
)
"""The kinds that are stored by every kernel. A Binding is sent but never stored."""


class KindTable:
    """Kinds by group, version and name. Plugins add theirs with `add`.

    `changes` counts how often it has changed.
    """

    def __init__(self, kinds: Iterable[type[Kind]] = ()) -> None:
        self._by_plural: dict[tuple[str, str, str], type[Kind]] = {}
        self._by_kind: dict[tuple[str, str], type[Kind]] = {}
        self._by_name: dict[str, type[Kind]] = {}
        self.changes = 0
        for kind in kinds:
            self.add(kind)

    @classmethod
    def core(cls) -> "KindTable":
        """A new table of the kinds that every kernel has."""
        return cls(CORE_KINDS)

    def add(self, kind: type[Kind]) -> None:
        """Serve `kind` too. Adding the same class twice changes nothing.

        Raises ValueError where another class has its group, version and kind or plural.
        """
        info = kind.info
        plural_key = (info.group, info.version, info.plural)
        kind_key = (info.api_version, info.kind)
        for present in (self._by_plural.get(plural_key), self._by_kind.get(kind_key)):
            if present is not None and present is not kind:
                raise ValueError(
                    f"{info.kind} ({info.plural}, {info.api_version}) is served by"
                    f" {present.__module__}.{present.__qualname__} already"
                )
        self.changes += 1
        self._by_plural[plural_key] = kind
        self._by_kind[kind_key] = kind
        for name in _command_line_names(kind):
            self._by_name.setdefault(name, kind)

    def remove(self, kind: type[Kind]) -> None:
        """Serve `kind`, which is served, no more."""
        self.changes += 1
        self._by_plural = {key: one for key, one in self._by_plural.items() if one is not kind}
        self._by_kind = {key: one for key, one in self._by_kind.items() if one is not kind}
        self._by_name = {}
        for other in self._by_plural.values():
            for name in _command_line_names(other):
                self._by_name.setdefault(name, other)

    def __iter__(self) -> Iterator[type[Kind]]:
        return iter(list(self._by_plural.values()))

    def __len__(self) -> int:
        return len(self._by_plural)

    def __contains__(self, kind: object) -> bool:
        return kind in self._by_plural.values()

    def by_plural(self, group: str, version: str, plural: str) -> type[Kind] | None:
        """The kind behind a path: `by_plural("", "v1", "pods")`."""
        return self._by_plural.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> type[Kind] | None:
        """The kind that a document names: `by_kind("v1", "Pod")`."""
        return self._by_kind.get((api_version, kind))

    def other_versions(self, info: KindInfo) -> list[KindInfo]:
        """A kind as it is served in its other versions."""
        return [
            kind.info
            for kind in self
            if (kind.info.group, kind.info.plural) == (info.group, info.plural)
            and kind.info.version != info.version
        ]

    def by_name(self, text: str) -> type[Kind] | None:
        """The kind that a person names: kind, plural, singular or short name, in any case.

        A group may follow (`leases.coordination.k8s.io`), and a version before it
        (`leases.v1.coordination.k8s.io`). Of kinds that share a name, the one added first wins.
        """
        return self._by_name.get(text.lower())

    def groups(self) -> list[tuple[str, list[str]]]:
        """Each group, in the order in which they were added, with its versions, the stable and
        newest first."""
        versions: dict[str, set[str]] = {}
        for group, version, _ in self._by_plural:
            versions.setdefault(group, set()).add(version)
        return [(group, sorted(found, key=version_priority)) for group, found in versions.items()]

    def suggest(self, name: str) -> str | None:
        """The kind (`Pod`) whose name is nearest to a mistyped one, or None if none is near."""
        kind = self.by_name(name)
        if kind is None:
            near = difflib.get_close_matches(name.lower(), self._by_name, n=1)
            kind = self._by_name[near[0]] if near else None
        return kind.info.kind if kind else None


def _command_line_names(kind: type[Kind]) -> Iterator[str]:
    info = kind.info
    for name in (info.plural, info.singular, info.kind.lower(), *info.short_names):
        yield name
        yield f"{name}.{info.version}.{info.group}".rstrip(".")
        if info.group:
            yield f"{name}.{info.group}"
