"""What a user may do, answered by whoever decides on their requests.

The rules on what may be asked are Kubernetes' (k8s.io/kubernetes, apis/authorization/validation).
"""

from kernel.api.access.attributes import Attributes
from kernel.api.access.authorizer import Authorizer, listed_errors
from kernel.api.causes import Causes
from kernel.api.errors import BadRequest, Invalid
from kernel.objects.authentication import UserInfo
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


class AccessReviews:
    """Asks an authorizer what it would decide."""

    def __init__(self, authorizer: Authorizer):
        self._authorizer = authorizer

    def answer(self, review: AccessReview, namespace: str, user: UserInfo) -> None:
        """Fill in whether it is allowed to the one who is named, else to `user`. `namespace` is
        that of the path of a local review. Raises `BadRequest`, `Invalid`."""
        spec, causes = review.spec, Causes()
        _check_attributes(spec, causes)
        if isinstance(spec, SubjectAccessReviewSpec) and not (spec.user or spec.groups):
            causes.invalid("spec.user", "", "at least one of user or group must be specified")
        if isinstance(review, LocalSubjectAccessReview):
            _check_local(review, namespace, causes)
        _require_valid(review, causes)
        if isinstance(spec, SubjectAccessReviewSpec):
            user = UserInfo(username=spec.user, uid=spec.uid, groups=spec.groups, extra=spec.extra)
        decision = self._authorizer.decision(user, _asked(spec))
        review.status = SubjectAccessReviewStatus(allowed=decision.allowed, reason=decision.reason)

    def answer_rules(self, review: SelfSubjectRulesReview, user: UserInfo) -> None:
        """Fill in all that is allowed to `user`. Raises `BadRequest`."""
        if not review.spec.namespace:
            raise BadRequest("no namespace on request")
        rules, missing = self._authorizer.rules(user, review.spec.namespace)
        review.status = SubjectRulesReviewStatus(
            resource_rules=[
                ResourceRule(
                    verbs=rule.verbs,
                    api_groups=rule.api_groups,
                    resources=rule.resources,
                    resource_names=rule.resource_names,
                )
                for rule in rules
                if rule.resources
            ],
            non_resource_rules=[
                NonResourceRule(verbs=rule.verbs, non_resource_urls=rule.non_resource_urls)
                for rule in rules
                if rule.non_resource_urls
            ],
            evaluation_error=listed_errors(missing) if missing else "",
        )


def _asked(spec: SelfSubjectAccessReviewSpec) -> Attributes:
    of_objects, of_path = spec.resource_attributes, spec.non_resource_attributes
    if of_objects is None:
        assert of_path is not None
        return Attributes(of_path.verb, path=of_path.path)
    return Attributes(
        of_objects.verb,
        of_objects.group,
        of_objects.resource,
        of_objects.subresource,
        of_objects.namespace,
        of_objects.name,
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
