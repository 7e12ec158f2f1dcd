"""CustomResourceDefinitions (apiextensions.k8s.io/v1): kinds that are objects themselves."""

from typing import Annotated

import msgspec

from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.kind import Kind
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32, Int64, Time

CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
"""Holds a definition that is being deleted until the objects of its kind are gone."""


class CustomResourceDefinitionNames(Struct):
    """What a kind is called: in paths, on the command line and in documents."""

    plural: str = msgspec.field(default_factory=str)
    """The name in paths: lower-case letters; the definition is named after it and the group.
    Required."""
    singular: str = ""
    """The name of one on the command line. Default: the kind in lower case."""
    short_names: Annotated[list[str], Atomic()] = []
    """Shorter names for the command line."""
    kind: str = msgspec.field(default_factory=str)
    """The name in documents: `CronTab`. Required."""
    list_kind: str = ""
    """The name of a list in documents. Default: the kind and `List`."""
    categories: Annotated[list[str], Atomic()] = []
    """Names of groups of kinds to which it belongs, such as `all`."""


class CustomResourceColumnDefinition(Struct):
    """A column of `kubectl get`. `json_path` leads to its value; columns with a `priority` above 0
    show with `-o wide` only."""

    name: str = ""
    """The heading. Required."""
    type: str = ""
    """What the values are: integer, number, string, boolean or date. Required."""
    format: str = ""
    """What form the values have, such as int32, date-time or password."""
    description: str = ""
    """What the column shows."""
    priority: Int32 = 0
    """0 shows it always, more shows it with `-o wide` only. Default: 0."""
    json_path: str = msgspec.field(default_factory=str, name="jsonPath")
    """Where the value is in an object: `.spec.replicas`. Required."""


class CustomResourceValidation(Struct):
    """The schema that objects of one version follow."""

    open_api_v3_schema: JSONSchemaProps | None = msgspec.field(default=None, name="openAPIV3Schema")
    """The schema."""


class CustomResourceSubresourceStatus(Struct):
    """That there is the subresource status: it has no settings."""


class CustomResourceSubresourceScale(Struct):
    """Where an object keeps what the subresource scale shows: simple paths, such as
    `.spec.replicas`."""

    spec_replicas_path: str = msgspec.field(default_factory=str)
    """Where the number of Pods that there are to be is, below `.spec`. Required."""
    status_replicas_path: str = msgspec.field(default_factory=str)
    """Where the number of Pods that there are is, below `.status`. Required."""
    label_selector_path: str | None = None
    """Where a text is, below `.status` or `.spec`, that selects the Pods by label."""


class CustomResourceSubresources(Struct):
    """What hangs below objects of one version."""

    status: CustomResourceSubresourceStatus | None = None
    """Has the status written by a path of its own, and by that alone."""
    scale: CustomResourceSubresourceScale | None = None
    """Has the number of Pods read and written as an autoscaling/v1 Scale."""


class SelectableField(Struct):
    """A field that lists and watches may select by."""

    json_path: str = msgspec.field(default_factory=str, name="jsonPath")
    """Where the field is: `.spec.color`. Required."""


class CustomResourceDefinitionVersion(Struct):
    """One version of the kind. Exactly one of all is the one that objects are stored in."""

    name: str = msgspec.field(default_factory=str)
    """The name of the version: `v1`, `v1beta1`. Required."""
    served: bool = msgspec.field(default_factory=bool)
    """Whether objects can be read and written in this version. Required."""
    storage: bool = msgspec.field(default_factory=bool)
    """Whether objects are kept in this version. Required."""
    deprecated: bool = False
    """Whether clients that use it are warned."""
    deprecation_warning: str | None = None
    """What they are warned of, in place of the usual words."""
    schema: CustomResourceValidation | None = None
    """What objects must be."""
    subresources: CustomResourceSubresources | None = None
    """What hangs below objects."""
    additional_printer_columns: Annotated[list[CustomResourceColumnDefinition], Atomic()] = []
    """What `kubectl get` shows beside the name. Default: the age."""
    selectable_fields: Annotated[list[SelectableField], Atomic()] = []
    """What lists and watches may select by, beside the name and the namespace."""


class ServiceReference(Struct):
    """A Service to be asked over HTTPS."""

    namespace: str = ""
    """Its namespace. Required."""
    name: str = ""
    """Its name. Required."""
    path: str | None = None
    """The path that is asked for."""
    port: Int32 | None = None
    """Its port. Default: 443."""


class WebhookClientConfig(Struct):
    """How a webhook is reached: by URL, or as a Service."""

    url: str | None = None
    """Where it is: `https://`, a host and a path."""
    service: ServiceReference | None = None
    """The Service that it is."""
    ca_bundle: str | None = msgspec.field(default=None, name="caBundle")
    """What its certificate is checked with: PEM, in base64."""


class WebhookConversion(Struct):
    """The webhook that converts objects between versions."""

    client_config: WebhookClientConfig | None = None
    """How it is reached."""
    conversion_review_versions: Annotated[list[str], Atomic()] = []
    """The versions of ConversionReview that it understands. Required."""


class CustomResourceConversion(Struct):
    """How an object of one version becomes one of another: `None` changes its apiVersion alone."""

    strategy: str = msgspec.field(default_factory=str)
    """None changes the apiVersion alone; Webhook is not served here. One of: None, Webhook.
    Required."""
    webhook: WebhookConversion | None = None
    """The webhook that is asked."""


class CustomResourceDefinitionSpec(Struct):
    """The kind: its group, names and scope, and its versions."""

    group: str = msgspec.field(default_factory=str)
    """The API group: a domain, such as `stable.example.com`. Required."""
    names: CustomResourceDefinitionNames = msgspec.field(
        default_factory=CustomResourceDefinitionNames
    )
    """What the kind is called. Required."""
    scope: str = msgspec.field(default_factory=str)
    """Whether objects are in namespaces. One of: Cluster, Namespaced. Required."""
    versions: Annotated[list[CustomResourceDefinitionVersion], Atomic()] = msgspec.field(
        default_factory=list
    )
    """The versions of the kind. Required."""
    conversion: CustomResourceConversion | None = None
    """How objects become those of another version. Default: by their apiVersion alone."""
    preserve_unknown_fields: bool = False
    """Not allowed to be true: schemas say it field by field."""


class CustomResourceDefinitionCondition(Struct):
    """One aspect of a definition's state; `status` is True, False or Unknown."""

    type: str
    """Which aspect: NamesAccepted, Established, Terminating."""
    status: str
    """Whether it holds. One of: True, False, Unknown."""
    last_transition_time: Time | None = None
    """When the status last changed."""
    reason: str = ""
    """Why, in one word."""
    message: str = ""
    """Why, for people."""
    observed_generation: Int64 = 0
    """The generation of the definition that this was said of."""


class CustomResourceDefinitionStatus(Struct):
    """Whether the kind is served, under which names, and in which versions objects were stored."""

    conditions: Annotated[list[CustomResourceDefinitionCondition], MergeKey("type")] = []
    """The aspects of the definition's state."""
    accepted_names: CustomResourceDefinitionNames = msgspec.field(
        default_factory=CustomResourceDefinitionNames
    )
    """The names under which the kind is served."""
    stored_versions: Annotated[list[str], Atomic()] = []
    """The versions that objects have ever been stored in: these must stay in the spec."""
    observed_generation: Int64 = 0
    """The generation of the definition that this was said of."""


class CustomResourceDefinition(
    Kind,
    group="apiextensions.k8s.io",
    version="v1",
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    namespaced=False,
):
    """A kind of objects that is served as soon as this object is established."""

    spec: CustomResourceDefinitionSpec = msgspec.field(default_factory=CustomResourceDefinitionSpec)
    """What is asked for. Required."""
    status: CustomResourceDefinitionStatus = msgspec.field(
        default_factory=CustomResourceDefinitionStatus
    )
    """What is."""

    def has_condition(self, type_: str) -> bool:
        """Whether a condition is True."""
        return any(one.type == type_ and one.status == "True" for one in self.status.conditions)
