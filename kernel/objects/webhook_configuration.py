"""Webhooks that see objects before they are stored (admissionregistration.k8s.io/v1)."""

from typing import Annotated

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.wire_types import Int32

GROUP = "admissionregistration.k8s.io"


class ServiceReference(Struct):
    """The Service behind which a webhook listens; `path` begins with a slash."""

    namespace: str = ""
    """The Service's namespace."""
    name: str = ""
    """The Service's name."""
    path: str | None = None
    """The path that is asked for. Default: /."""
    port: Int32 | None = None
    """The Service's port, from 1 to 65535. Default: 443."""


class WebhookClientConfig(Struct):
    """How a webhook is called: by a URL or by a Service, over TLS. `ca_bundle` holds, in base64,
    the certificates in PEM that its own is checked against; without it, this machine's do."""

    url: str | None = None
    """Where the webhook listens: `https://host[:port]/path`, without a user, a query or a fragment.
    Excludes `service`."""
    service: ServiceReference | None = None
    """The Service behind which the webhook listens. Excludes `url`."""
    ca_bundle: str = ""
    """Certificates in PEM, as base64, that the webhook's own is checked against. Default: those
    that this machine trusts."""


class RuleWithOperations(Struct):
    """Which requests a webhook is asked about: all of its lists must match. `*` matches all, and
    `pods/*` the subresources of Pods."""

    operations: Annotated[list[str], Atomic()] = []
    """What is done to objects. One of: *, CONNECT, CREATE, DELETE, UPDATE."""
    api_groups: Annotated[list[str], Atomic()] = []
    """Groups of the kinds; the core group is empty, `*` is all."""
    api_versions: Annotated[list[str], Atomic()] = []
    """Versions of the kinds; `*` is all."""
    resources: Annotated[list[str], Atomic()] = []
    """Plurals, with a subresource after a slash: `pods`, `pods/status`, `pods/*`, `*/*`."""
    scope: str | None = None
    """Whether kinds in namespaces, or others, or both are meant. Default: *. One of: *, Cluster,
    Namespaced."""


class MatchCondition(Struct):
    """A CEL expression that must hold of a request for a webhook to be asked about it."""

    name: str = ""
    """A name of the condition's own, qualified as labels are."""
    expression: str = ""
    """CEL that is true of the requests meant. Variables: `object`, `oldObject`, `request`."""


class ValidatingWebhook(Struct):
    """A program outside that may refuse requests. `timeout_seconds` is from 1 to 30."""

    name: str = ""
    """A name of the webhook's own, with two dots at least: `guard.example.com`."""
    client_config: WebhookClientConfig
    """How the webhook is called."""
    rules: list[RuleWithOperations] = []
    """Which requests it is asked about: those that one of the rules matches."""
    failure_policy: str | None = None
    """What becomes of a request where the webhook can't be asked. Default: Fail. One of: Fail,
    Ignore."""
    match_policy: str | None = None
    """Whether rules mean a kind in all of its versions. Default: Equivalent. One of: Equivalent,
    Exact."""
    namespace_selector: LabelSelector | None = None
    """Labels of the namespaces whose objects are meant, or of the namespace that is the object.
    Default: all."""
    object_selector: LabelSelector | None = None
    """Labels of the objects that are meant, as they were or are to be. Default: all."""
    side_effects: str | None = None
    """Whether the webhook does anything beside answering; it is not asked in a dry run where it
    does even then. One of: None, NoneOnDryRun."""
    timeout_seconds: Int32 | None = None
    """How long it has to answer, from 1 to 30 seconds. Default: 10."""
    admission_review_versions: list[str] = []
    """The versions of AdmissionReview that it reads; the first that this server knows is sent. One
    of: v1, v1beta1."""
    match_conditions: Annotated[list[MatchCondition], MergeKey("name")] = []
    """What must hold of a request besides."""


class MutatingWebhook(ValidatingWebhook):
    """A program outside that may change objects, or refuse requests. `reinvocation_policy` says
    whether it wants to see again what webhooks after it have changed."""

    reinvocation_policy: str | None = None
    """Whether it is asked again where later ones have changed the object. Default: Never. One of:
    IfNeeded, Never."""


class ValidatingWebhookConfiguration(
    Kind, group=GROUP, version="v1", namespaced=False, categories=("api-extensions",)
):
    """Webhooks that check what is about to be stored; they are asked all at once."""

    webhooks: Annotated[list[ValidatingWebhook], MergeKey("name")] = []
    """The webhooks, each under a name of its own."""


class MutatingWebhookConfiguration(
    Kind, group=GROUP, version="v1", namespaced=False, categories=("api-extensions",)
):
    """Webhooks that change what is about to be stored, asked one after the other."""

    webhooks: Annotated[list[MutatingWebhook], MergeKey("name")] = []
    """The webhooks, in the order in which they are asked."""
