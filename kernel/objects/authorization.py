"""What somebody may do, and how that is asked (authorization.k8s.io/v1). Never stored."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelectorRequirement
from kernel.objects.struct import Struct


class FieldSelectorAttributes(Struct):
    """The field selector of a list, watch or collection's delete: as text, or taken apart."""

    raw_selector: str = ""
    requirements: list[LabelSelectorRequirement] = []


class LabelSelectorAttributes(Struct):
    """The label selector of a list, watch or collection's delete: as text, or taken apart."""

    raw_selector: str = ""
    requirements: list[LabelSelectorRequirement] = []


class ResourceAttributes(Struct):
    """What is to be done to objects. `*` stands for all verbs, groups or kinds; an empty name for
    all objects, an empty namespace for all namespaces or none."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    field_selector: FieldSelectorAttributes | None = None
    label_selector: LabelSelectorAttributes | None = None


class NonResourceAttributes(Struct):
    """What is to be done at a path that stands for no objects."""

    path: str = ""
    verb: str = ""


class SelfSubjectAccessReviewSpec(Struct):
    """One thing to be done, to objects or at a path."""

    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: NonResourceAttributes | None = None


class SubjectAccessReviewSpec(SelfSubjectAccessReviewSpec):
    """One thing to be done, and by whom."""

    user: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    uid: str = ""


class SubjectAccessReviewStatus(Struct):
    """Whether that is allowed, and why."""

    allowed: bool = msgspec.field(default_factory=bool)
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class SelfSubjectAccessReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks whether the asker may do something: `kubectl auth can-i`."""

    spec: SelfSubjectAccessReviewSpec = msgspec.field(default_factory=SelfSubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)


class SubjectAccessReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks whether a user may do something."""

    spec: SubjectAccessReviewSpec = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)


class LocalSubjectAccessReview(Kind, group="authorization.k8s.io", version="v1"):
    """Asks whether a user may do something to the objects of one namespace."""

    spec: SubjectAccessReviewSpec = msgspec.field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = msgspec.field(default_factory=SubjectAccessReviewStatus)


class ResourceRule(Struct):
    """Verbs that are allowed on objects; `*` stands for all."""

    verbs: list[str] = msgspec.field(default_factory=list)
    api_groups: list[str] = []
    resources: list[str] = []
    resource_names: list[str] = []


class NonResourceRule(Struct):
    """Verbs that are allowed at paths; `*` stands for all."""

    verbs: list[str] = msgspec.field(default_factory=list)
    non_resource_urls: list[str] = []


class SelfSubjectRulesReviewSpec(Struct):
    """The namespace that is asked about."""

    namespace: str = ""


class SubjectRulesReviewStatus(Struct):
    """All that is allowed there; `incomplete` where that can't be listed."""

    resource_rules: list[ResourceRule] = msgspec.field(default_factory=list)
    non_resource_rules: list[NonResourceRule] = msgspec.field(default_factory=list)
    incomplete: bool = msgspec.field(default_factory=bool)
    evaluation_error: str = ""


class SelfSubjectRulesReview(Kind, group="authorization.k8s.io", version="v1", namespaced=False):
    """Asks what the asker may do in a namespace: `kubectl auth can-i --list`."""

    spec: SelfSubjectRulesReviewSpec = msgspec.field(default_factory=SelfSubjectRulesReviewSpec)
    status: SubjectRulesReviewStatus = msgspec.field(default_factory=SubjectRulesReviewStatus)
