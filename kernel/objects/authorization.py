"""What somebody may do, and how that is asked (authorization.k8s.io/v1). Never stored."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelectorRequirement
from kernel.objects.struct import Struct


class FieldSelectorAttributes(Struct):
    """The field selector of a list, watch or collection's delete: as text, or taken apart."""

    raw_selector: str = ""
    """The selector as a query has it, metadata.name=web say; excludes `requirements`."""
    requirements: list[LabelSelectorRequirement] = []
    """The selector in parts, all of which must hold."""


class LabelSelectorAttributes(Struct):
    """The label selector of a list, watch or collection's delete: as text, or taken apart."""

    raw_selector: str = ""
    """The selector as a query has it, app=web say; excludes `requirements`."""
    requirements: list[LabelSelectorRequirement] = []
    """The selector in parts, all of which must hold."""


class ResourceAttributes(Struct):
    """What is to be done to objects. `*` stands for all verbs, groups or kinds; an empty name for
    all objects, an empty namespace for all namespaces or none."""

    namespace: str = ""
    """Namespace of the action; empty for all, and for kinds without."""
    verb: str = ""
    """get, list, watch, create, update, patch, delete, deletecollection or proxy; * for all."""
    group: str = ""
    """Group of the kind; * for all."""
    version: str = ""
    """Version of the kind; * for all."""
    resource: str = ""
    """Plural of the kind, pods say; * for all."""
    subresource: str = ""
    """Part of the object that the action is for, log say; empty for the object itself."""
    name: str = ""
    """Name of the object; empty for all."""
    field_selector: FieldSelectorAttributes | None = None
    """The field selector of a list, watch or deletecollection."""
    label_selector: LabelSelectorAttributes | None = None
    """The label selector of a list, watch or deletecollection."""


class NonResourceAttributes(Struct):
    """What is to be done at a path that stands for no objects."""

    path: str = ""
    """Path of the URL, /healthz say."""
    verb: str = ""
    """HTTP method in lower case; * for all."""


class SelfSubjectAccessReviewSpec(Struct):
    """One thing to be done, to objects or at a path."""

    resource_attributes: ResourceAttributes | None = None
    """An action on objects; excludes `nonResourceAttributes`."""
    non_resource_attributes: NonResourceAttributes | None = None
    """An action on a path that stands for no objects."""


class SubjectAccessReviewSpec(SelfSubjectAccessReviewSpec):
    """One thing to be done, and by whom."""

    user: str = ""
    """Name of the user; empty if the groups alone count."""
    groups: list[str] = []
    """Names of the groups that the user is in."""
    extra: dict[str, list[str]] = {}
    """What an authenticator would know beside, by key."""
    uid: str = ""
    """The user's uid."""


class SubjectAccessReviewStatus(Struct):
    """Whether that is allowed, and why."""

    allowed: bool = msgspec.field(default_factory=bool)
    """Whether the action is allowed."""
    denied: bool = False
    """Whether it is refused whatever others say. Never with `allowed`."""
    reason: str = ""
    """Why it is allowed or not."""
    evaluation_error: str = ""
    """What went wrong on the way; the answer may hold all the same."""


class SelfSubjectAccessReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks whether the asker may do something: `kubectl auth can-i`."""

    spec: SelfSubjectAccessReviewSpec = msgspec.field(default_factory=SelfSubjectAccessReviewSpec)
    """What the client would do. Required."""
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)
    """Whether it may."""


class SubjectAccessReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks whether a user may do something."""

    spec: SubjectAccessReviewSpec = msgspec.field(default_factory=SubjectAccessReviewSpec)
    """What somebody would do, and who. Required."""
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)
    """Whether they may."""


class LocalSubjectAccessReview(Kind, group="authorization.k8s.io", version="v1"):
    """Asks whether a user may do something to the objects of one namespace."""

    spec: SubjectAccessReviewSpec = msgspec.field(default_factory=SubjectAccessReviewSpec)
    """What somebody would do in this review's namespace, and who. Required."""
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)
    """Whether they may."""


class ResourceRule(Struct):
    """Verbs that are allowed on objects; `*` stands for all."""

    verbs: list[str] = msgspec.field(default_factory=list)
    """What may be done; * for everything. Required."""
    api_groups: list[str] = []
    """Groups of the kinds; * for all."""
    resources: list[str] = []
    """Plurals of the kinds, also with a subresource (pods/log); * for all."""
    resource_names: list[str] = []
    """Names of the objects; empty for all."""


class NonResourceRule(Struct):
    """Verbs that are allowed at paths; `*` stands for all."""

    verbs: list[str] = msgspec.field(default_factory=list)
    """HTTP methods in lower case; * for all. Required."""
    non_resource_urls: list[str] = []
    """Paths; a * at the end stands for any rest."""


class SelfSubjectRulesReviewSpec(Struct):
    """The namespace that is asked about."""

    namespace: str = ""
    """The namespace that is asked about. Required."""


class SubjectRulesReviewStatus(Struct):
    """All that is allowed there; `incomplete` where that can't be listed."""

    resource_rules: list[ResourceRule] = msgspec.field(default_factory=list)
    """What may be done with objects; in no order, perhaps with repetitions. Required."""
    non_resource_rules: list[NonResourceRule] = msgspec.field(default_factory=list)
    """What may be done with paths; in no order, perhaps with repetitions. Required."""
    incomplete: bool = msgspec.field(default_factory=bool)
    """Whether more may be allowed than the rules tell."""
    evaluation_error: str = ""
    """Why the rules are incomplete."""


class SelfSubjectRulesReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks what the asker may do in a namespace: `kubectl auth can-i --list`."""

    spec: SelfSubjectRulesReviewSpec = msgspec.field(default_factory=SelfSubjectRulesReviewSpec)
    """The namespace that is asked about. Required."""
    status: SubjectRulesReviewStatus = msgspec.field(default_factory=SubjectRulesReviewStatus)
    """All that the client may do there."""
