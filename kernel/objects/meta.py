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
    """Group and version of the owner's kind."""
    kind: str
    """Kind of the owner."""
    name: str
    """Name of the owner, in the same namespace or without one."""
    uid: str
    """Uid of the owner; an object of the same name with another uid does not count."""
    controller: bool | None = None
    """Whether the owner is the one that manages this object; at most one is. Default: false."""
    block_owner_deletion: bool | None = None
    """Whether deleting the owner in the foreground waits for this object's end. Default: false."""


class ManagedFieldsEntry(Struct):
    """Which fields one manager has set (server-side apply)."""

    manager: str = ""
    """Name of the program or person."""
    operation: str = ""
    """How the fields were set: Apply or Update."""
    api_version: str = ""
    """Group and version that `fieldsV1` is written for."""
    time: Time | None = None
    """When fields were last added or changed."""
    fields_type: str = ""
    """Form of the set of fields; always FieldsV1."""
    fields_v1: dict[str, Any] | None = None
    """The set of fields, as nested objects: f:NAME for fields, k:{KEYS} and v:VALUE for items of
    lists."""
    subresource: str = ""
    """The part of the object by which they were set, status say; empty for the object itself."""


class ObjectMeta(Struct):
    """What every object carries beside its own fields.

    `resource_version` is the revision of the log entry that holds this state of the object;
    it is not stored in the entry but put in when the object is read.
    """

    name: str = ""
    """Unique in the namespace for the kind; cannot be changed. Mostly lower-case letters, digits, -
    and dots."""
    generate_name: str = ""
    """Start of a name to which the server adds five random characters; only counts without
    `name`."""
    namespace: str = ""
    """Where the name is unique; cannot be changed. Default: default. Empty for kinds without."""
    uid: str = ""
    """Unique over all time; made by the server."""
    resource_version: str = ""
    """The revision that holds this state of the object. To be sent back unchanged, to update only
    this state, or to watch from here."""
    generation: Int64 = 0
    """Counts changes of what is wanted; made by the server."""
    creation_timestamp: Time | None = None
    """When it was created; set by the server."""
    deletion_timestamp: Time | None = None
    """When it is to be gone: set by the server on deletion, while finalizers or a grace period hold
    the object."""
    deletion_grace_period_seconds: Int64 | None = None
    """How many seconds it has to end; only with `deletionTimestamp`."""
    labels: dict[str, str] = {}
    """Short texts by key, by which objects are selected."""
    annotations: dict[str, str] = {}
    """Any texts by key, for programs and people; not for selecting."""
    owner_references: Annotated[list[OwnerReference], MergeKey("uid")] = []
    """Objects that this one belongs to; once all are gone, it is deleted."""
    finalizers: Annotated[list[str], MergeKey()] = []
    """Names of what must be done before it can go; each is taken off by who did it."""
    managed_fields: list[ManagedFieldsEntry] = []
    """Who set which fields, for server-side apply; kept by the server."""
    self_link: str = ""
    """Not set any more."""


class LabelSelectorRequirement(Struct):
    """One clause of a set-based selector: In, NotIn, Exists or DoesNotExist."""

    key: str
    """Key of the label."""
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: list[str] = []
    """The values for In and NotIn; empty for the others."""


class LabelSelector(Struct, atomic=True):
    """Labels that must match, all of them."""

    match_labels: dict[str, str] = {}
    """Labels that must be there, with these values; all of them."""
    match_expressions: list[LabelSelectorRequirement] = []
    """Requirements that must hold, all of them."""


class Condition(Struct):
    """One aspect of an object's state; `status` is True, False or Unknown."""

    type: str
    """Which aspect this is about, in CamelCase."""
    status: str
    """True, False or Unknown."""
    observed_generation: Int64 = 0
    """The `metadata.generation` that it was made for."""
    last_transition_time: Time | None = None
    """When `status` last changed."""
    reason: str = msgspec.field(default_factory=str)
    """Why, as one word for programs."""
    message: str = msgspec.field(default_factory=str)
    """Why, as a sentence for people."""


class ListMeta(Struct):
    """What a list says of itself."""

    resource_version: str = ""
    """The revision that the list shows; a watch can begin from there."""
    continue_: str = ""
    """Token for the rest of the list, where `limit` cut it off."""
    remaining_item_count: Int64 | None = None
    """How many objects follow; absent where selectors are used."""


class Preconditions(Struct):
    """What must hold of an object for a delete to go ahead."""

    uid: str | None = None
    """The uid that the object must have."""
    resource_version: str | None = None
    """The revision that the object must have."""


class DeleteOptions(Struct):
    """The body of a DELETE request."""

    api_version: str = "v1"
    """Group and version of these options."""
    kind: str = "DeleteOptions"
    """DeleteOptions."""
    grace_period_seconds: Int64 | None = None
    """How many seconds the object has to end; 0 for at once. Default: the kind's or the object's
    own."""
    preconditions: Preconditions | None = None
    """What the object must be like; else 409."""
    orphan_dependents: bool | None = None
    """Of old: whether dependents stay. Excludes `propagationPolicy`."""
    propagation_policy: str | None = None
    """What becomes of dependents: Orphan (they stay), Background (deleted later) or Foreground
    (deleted first)."""
    dry_run: list[str] = []
    """All, to do everything but the writing."""


class StatusCause(Struct):
    """One of the reasons for a failure, with the field that it is about."""

    reason: str = ""
    """What is wrong, as one word for programs."""
    message: str = ""
    """What is wrong, as a sentence for people."""
    field: str = ""
    """Path of the field that caused it, spec.containers[0].name say."""


class StatusDetails(Struct):
    """What a failure is about. `kind` is the plural here, as Kubernetes has it."""

    name: str = ""
    """Name of the object."""
    group: str = ""
    """Group of its kind."""
    kind: str = ""
    """Its kind, or the plural of it."""
    uid: str = ""
    """Its uid."""
    causes: list[StatusCause] = []
    """The single errors."""
    retry_after_seconds: Int32 = 0
    """How many seconds to wait before trying again."""


class Status(Struct):
    """The answer to a request that has no object to answer with, most often a failure."""

    kind: str = msgspec.field(default_factory=lambda: "Status")
    """Status."""
    api_version: str = msgspec.field(default_factory=lambda: "v1")
    """v1."""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    """What lists have; mostly empty."""
    status: str = msgspec.field(default_factory=lambda: "Failure")
    """Success or Failure."""
    message: str = ""
    """What happened, as a sentence for people."""
    reason: str = ""
    """Why it failed, as one word for programs, NotFound say."""
    details: StatusDetails | None = None
    """What it is about, with the single errors."""
    code: Int32 = msgspec.field(default_factory=lambda: 500)
    """HTTP status of the answer."""
