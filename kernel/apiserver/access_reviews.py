"""What a user may do, answered by the one rule there is: who is authenticated may do everything.

The rules on what may be asked are Kubernetes' (k8s.io/kubernetes, apis/authorization/validation).
"""

from kernel.api.causes import Causes
from kernel.api.errors import BadRequest, Invalid
from kernel.objects.authorization import (
    LocalSubjectAccessReview,
    NonResourceRule,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectAccessReviewSpec,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewSpec,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
)
from kernel.objects.kind import Kind

AccessReview = SelfSubjectAccessReview | SubjectAccessReview | LocalSubjectAccessReview

_ALLOWED = "there is no RBAC: every authenticated user may do everything"
_DENIED = "requests without a user are not served"
_ANONYMOUS_USER, _ANONYMOUS_GROUP = "system:anonymous", "system:unauthenticated"


def answer_access_review(review: AccessReview, namespace: str) -> None:
    """Fill in whether it is allowed. `namespace` is that of the path of a local review. Raises
    `BadRequest`, `Invalid`."""
    spec, causes = review.spec, Causes()
    _check_attributes(spec, causes)
    if isinstance(spec, SubjectAccessReviewSpec) and not (spec.user or spec.groups):
        causes.invalid("spec.user", "", "at least one of user or group must be specified")
    if isinstance(review, LocalSubjectAccessReview):
        _check_local(review, namespace, causes)
    _require_valid(review, causes)
    review.status = SubjectAccessReviewStatus(allowed=True, reason=_ALLOWED)
    if isinstance(spec, SubjectAccessReviewSpec) and (
        spec.user == _ANONYMOUS_USER or _ANONYMOUS_GROUP in spec.groups
    ):
        review.status = SubjectAccessReviewStatus(reason=_DENIED)


def answer_rules_review(review: SelfSubjectRulesReview) -> None:
    """Fill in all that is allowed. Raises `BadRequest`."""
    if not review.spec.namespace:
        raise BadRequest("no namespace on request")
    review.status = SubjectRulesReviewStatus(
        resource_rules=[ResourceRule(verbs=["*"], api_groups=["*"], resources=["*"])],
        non_resource_rules=[NonResourceRule(verbs=["*"], non_resource_urls=["*"])],
    )


def _check_attributes(spec: SelfSubjectAccessReviewSpec, causes: Causes) -> None:
    if spec.resource_attributes is not None and spec.non_resource_attributes is not None:
        causes.invalid(
            "spec.nonResourceAttributes",
            spec.non_resource_attributes,
            "cannot be specified in combination with resourceAttributes",
        )
    if spec.resource_attributes is None and spec.non_resource_attributes is None:
        causes.invalid(
            "spec.resourceAttributes",
            None,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )


def _check_local(review: LocalSubjectAccessReview, namespace: str, causes: Causes) -> None:
    spec, named = review.spec, review.metadata.namespace
    if named not in ("", namespace):
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    review.metadata.namespace = namespace
    attributes = spec.resource_attributes
    if attributes is not None and attributes.namespace != namespace:
        causes.invalid(
            "spec.resourceAttributes.namespace",
            attributes.namespace,
            "must match metadata.namespace",
        )
    if spec.non_resource_attributes is not None:
        causes.invalid(
            "spec.nonResourceAttributes",
            spec.non_resource_attributes,
            "disallowed on this kind of request",
        )


def _require_valid(review: Kind, causes: Causes) -> None:
    if causes.found:
        raise Invalid.of(review.info.group, review.info.kind, "", causes.found)
