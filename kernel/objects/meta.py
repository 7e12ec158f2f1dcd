"""Metadata shared by all kinds (k8s.io/apimachinery's meta/v1)."""

from typing import Annotated, Any

import msgspec

from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time

FOREGROUND_FINALIZER = "foregroundDeletion"
"""Holds an object that is being deleted until the dependents that block it are gone."""

ORPHAN_FINALIZER = "orphan"
"""Holds an object that is being deleted until nothing names it as its owner any more."""


class OwnerReference(Struct, atomic=True):
    """Names the object that this one belongs to; the owner's deletion deletes this one."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ManagedFieldsEntry(Struct):
    """Which fields one manager has set (server-side apply)."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: Time | None = None
    fields_type: str = ""
    fields_v1: dict[str, Any] | None = None
    subresource: str = ""


class ObjectMeta(Struct):
    """What every object carries beside its own fields.

    `resource_version` is the revision of the log entry that holds this state of the object;
    it is not stored in the entry but put in when the object is read.
    """

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: Int64 = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: Int64 | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: Annotated[list[OwnerReference], MergeKey("uid")] = []
    finalizers: Annotated[list[str], MergeKey()] = []
    managed_fields: list[ManagedFieldsEntry] = []
    self_link: str = ""


class LabelSelectorRequirement(Struct):
    """One clause of a set-based selector: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: list[str] = []


class LabelSelector(Struct, atomic=True):
    """Labels that must match, all of them."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelSelectorRequirement] = []


class Condition(Struct):
    """One aspect of an object's state; `status` is True, False or Unknown."""

    type: str
    status: str
    observed_generation: Int64 = 0
    last_transition_time: Time | None = None
    reason: str = msgspec.field(default_factory=str)
    message: str = msgspec.field(default_factory=str)


class ListMeta(Struct):
    """What a list says of itself."""

    resource_version: str = ""
    continue_: str = ""
    remaining_item_count: Int64 | None = None


class Preconditions(Struct):
    """What must hold of an object for a delete to go ahead."""

    uid: str | None = None
    resource_version: str | None = None


class DeleteOptions(Struct):
    """The body of a DELETE request."""

    api_version: str = "v1"
    kind: str = "DeleteOptions"
    grace_period_seconds: Int64 | None = None
    preconditions: Preconditions | None = None
    orphan_dependents: bool | None = None
    propagation_policy: str | None = None
    dry_run: list[str] = []


class StatusCause(Struct):
    """One of the reasons for a failure, with the field that it is about."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(Struct):
    """What a failure is about. `kind` is the plural here, as Kubernetes has it."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: list[StatusCause] = []
    retry_after_seconds: Int32 = 0


class Status(Struct, omit_defaults=False):
    """The answer to a request that has no object to answer with, most often a failure."""

    kind: str = "Status"
    api_version: str = "v1"
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    status: str = "Failure"
    message: str = ""
    reason: str = ""
    details: StatusDetails | None = None
    code: Int32 = 500
