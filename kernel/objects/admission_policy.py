"""Rules in CEL for what is written (admissionregistration.k8s.io/v1): policies, and where they are
bound."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import Condition, LabelSelector
from kernel.objects.struct import Atomic, MergeKey, Struct
from kernel.objects.webhook_configuration import GROUP, MatchCondition, RuleWithOperations
from kernel.objects.wire_types import Int64


class ParamKind(Struct, atomic=True):
    """The kind of the objects that a policy takes its parameters from."""

    api_version: str = ""
    """Its group and version."""
    kind: str = ""
    """Its name."""


class NamedRuleWithOperations(RuleWithOperations):
    """Which requests are meant, and of which objects."""

    resource_names: Annotated[list[str], Atomic()] = []
    """Names of the objects that are meant. Default: all."""


class MatchResources(Struct, atomic=True):
    """Which requests are meant: those that a rule matches, and none of the excluding ones."""

    namespace_selector: LabelSelector | None = None
    """Labels of the namespaces whose objects are meant. Default: all."""
    object_selector: LabelSelector | None = None
    """Labels of the objects that are meant, as they were or are to be. Default: all."""
    resource_rules: list[NamedRuleWithOperations] = []
    """What is meant; of a binding, all that its policy means where there is no rule."""
    exclude_resource_rules: list[NamedRuleWithOperations] = []
    """What is not meant, whatever else is said."""
    match_policy: str | None = None
    """Whether rules mean a kind in all of its versions. Default: Equivalent. One of: Equivalent,
    Exact."""


class Validation(Struct):
    """Something that must be true of a request."""

    expression: str = ""
    """CEL over `object`, `oldObject`, `request`, `params`, `namespaceObject` and `variables`."""
    message: str = ""
    """What is told where it is false. Default: the expression."""
    reason: str | None = None
    """The reason of the refusal. Default: Invalid. One of: Forbidden, Invalid,
    RequestEntityTooLarge, Unauthorized."""
    message_expression: str = ""
    """CEL for the message; where it fails, or gives no text, `message` is told."""


class AuditAnnotation(Struct):
    """Something to be noted of a request."""

    key: str = ""
    """The name of the note."""
    value_expression: str = ""
    """CEL for its text; null notes nothing."""


class Variable(Struct):
    """A part of expressions under a name of its own: `variables.name`."""

    name: str = ""
    """The name."""
    expression: str = ""
    """CEL for the value; it may use the variables before it."""


class ExpressionWarning(Struct):
    """What an expression may get wrong."""

    field_ref: str = ""
    """The path of the expression."""
    warning: str = ""
    """What is odd about it."""


class TypeChecking(Struct):
    """What was found when the expressions were checked against kinds."""

    expression_warnings: Annotated[list[ExpressionWarning], Atomic()] = []
    """What may be wrong."""


class ValidatingAdmissionPolicySpec(Struct):
    """What is asked of which requests."""

    param_kind: ParamKind | None = None
    """The kind of `params`. Default: there are none."""
    match_constraints: MatchResources | None = None
    """Which requests are meant."""
    validations: Annotated[list[Validation], Atomic()] = []
    """What must be true of them."""
    failure_policy: str | None = None
    """What becomes of a request where an expression fails. Default: Fail. One of: Fail, Ignore."""
    audit_annotations: Annotated[list[AuditAnnotation], Atomic()] = []
    """What is noted of them, in the server's log."""
    match_conditions: Annotated[list[MatchCondition], MergeKey("name")] = []
    """What must be true of a request for the policy to look at it."""
    variables: Annotated[list[Variable], MergeKey("name")] = []
    """Parts of expressions."""


class ValidatingAdmissionPolicyStatus(Struct):
    """What was found of a policy."""

    observed_generation: Int64 = 0
    """The `metadata.generation` that the rest was made for."""
    type_checking: TypeChecking | None = None
    """What may be wrong with its expressions."""
    conditions: Annotated[list[Condition], MergeKey("type")] = []
    """What is to be said of its state, by type."""


class ValidatingAdmissionPolicy(
    Kind, group=GROUP, version="v1", namespaced=False, categories=("api-extensions",)
):
    """Expressions that must be true of what is written, where a binding puts them to use."""

    spec: ValidatingAdmissionPolicySpec = msgspec.field(
        default_factory=ValidatingAdmissionPolicySpec
    )
    """What is asked of which requests."""
    status: ValidatingAdmissionPolicyStatus = msgspec.field(
        default_factory=ValidatingAdmissionPolicyStatus
    )
    """What was found of it."""


class ParamRef(Struct, atomic=True):
    """The objects that a policy's parameters are: the policy is asked once for each."""

    name: str = ""
    """The object's name. Excludes `selector`."""
    namespace: str = ""
    """Its namespace. Default: that of the request."""
    selector: LabelSelector | None = None
    """Labels of the objects. Excludes `name`."""
    parameter_not_found_action: str | None = None
    """What becomes of a request where there is no such object. One of: Allow, Deny."""


class ValidatingAdmissionPolicyBindingSpec(Struct):
    """Where a policy is put to use, and how."""

    policy_name: str = ""
    """The policy's name."""
    param_ref: ParamRef | None = None
    """Its parameters, where it takes any."""
    match_resources: MatchResources | None = None
    """Which of the policy's requests are meant. Default: all."""
    validation_actions: list[str] = []
    """What follows where something is not true. One of: Audit, Deny, Warn."""


class ValidatingAdmissionPolicyBinding(
    Kind, group=GROUP, version="v1", namespaced=False, categories=("api-extensions",)
):
    """Puts a policy to use."""

    spec: ValidatingAdmissionPolicyBindingSpec = msgspec.field(
        default_factory=ValidatingAdmissionPolicyBindingSpec
    )
    """Where, and how."""
