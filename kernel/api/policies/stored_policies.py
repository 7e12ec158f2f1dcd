"""Asks the stored policies about requests, wherever bindings put them to use.

Source: k8s.io/apiserver, admission/plugin/policy/validating/dispatcher.go.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from kernel.api.admission import AdmissionRequest
from kernel.api.client import WatchEventType
from kernel.api.context import warn
from kernel.api.errors import ApiError, NotFound
from kernel.api.object_api import ObjectApi
from kernel.api.stored import StoredEvent
from kernel.api.webhooks.matching import (
    RequestSort,
    matched_info,
    namespace_labels,
    selects_namespace,
    selects_objects,
)
from kernel.api.webhooks.review import review_document
from kernel.objects.admission_policy import (
    MatchResources,
    NamedRuleWithOperations,
    ParamRef,
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.meta import LabelSelector, StatusCause, StatusDetails
from kernel.objects.namespace import Namespace
from kernel.objects.selectors import label_matcher

if TYPE_CHECKING:
    from kernel.api.policies.evaluation import Denial

logger = logging.getLogger("podkernel.api")

_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}

KindType = TypeVar("KindType", bound=Kind)


class PolicyDenied(ApiError):
    """A policy does not hold of the request."""

    def __init__(self, message: str, told: str, reason: str, request: AdmissionRequest):
        info = request.info
        details = StatusDetails(
            name=request.name,
            group=info.group,
            kind=info.plural,
            causes=[StatusCause(message=told)],
        )
        super().__init__(message, details=details)
        self.reason, self.code = reason, _CODES[reason]


class _Misconfigured(Exception):
    """A binding does not lead to parameters."""


class StoredPolicies:
    """The policies and bindings of one `ObjectApi`, kept as they change."""

    def __init__(self, api: ObjectApi):
        self._api = api
        self._policies: dict[str, ValidatingAdmissionPolicy] = {}
        self._bindings: dict[str, ValidatingAdmissionPolicyBinding] = {}
        self._follow(ValidatingAdmissionPolicy, self._policies)
        self._follow(ValidatingAdmissionPolicyBinding, self._bindings)

    def wants(self, info: KindInfo, operation: str, subresource: str) -> bool:
        """Whether a policy that is bound means such requests."""
        if not (self._bindings and self._policies):
            return False
        sort = RequestSort(info, operation, subresource)
        return any(self._matched(policy, sort) is not None for policy, _ in self._bound())

    async def mutate(self, request: AdmissionRequest) -> bool:
        """Policies change nothing."""
        return False

    async def validate(self, request: AdmissionRequest) -> None:
        """Raise `PolicyDenied` for the first policy, by name, that does not hold and denies."""
        if not (self._bindings and self._policies):
            return
        sort = RequestSort(request.info, request.operation, request.subresource)
        for policy, binding in self._bound():
            info = self._matched(policy, sort)
            if info is None or not self._means(policy, binding, request, sort):
                continue
            for denial in self._denials(policy, binding, request, info):
                _act(denial, policy, binding, request)

    def _denials(
        self,
        policy: ValidatingAdmissionPolicy,
        binding: ValidatingAdmissionPolicyBinding,
        request: AdmissionRequest,
        info: KindInfo,
    ) -> "Iterator[Denial]":
        # CEL is loaded with the first policy that is asked.
        from kernel.api.custom_resources.rules.expressions import ExpressionError
        from kernel.api.policies.evaluation import Denial, denials, notes
        from kernel.api.webhooks.conditions import all_hold

        values = self._values(request, info)
        fails = policy.spec.failure_policy == "Fail"
        try:
            found = self._parameters(policy, binding, request)
        except _Misconfigured as error:
            if fails:
                yield Denial(f"failed to configure binding: {error}")
            return
        for params in found:
            known = values | {"params": params}
            try:
                if not all_hold(policy.spec.match_conditions, known, fails=fails):
                    continue
            except ExpressionError as error:
                yield Denial(str(error))
                continue
            yield from denials(policy.spec, known)
            for key, text in notes(policy.spec, known):
                logger.info("admission policy %s: %s=%s", policy.metadata.name, key, text)

    def _values(self, request: AdmissionRequest, info: KindInfo) -> dict[str, Any]:
        """What expressions may speak of, as plain JSON data."""
        review = msgspec.to_builtins(review_document(request, info, version="v1", uid=""))
        asked: dict[str, Any] = review["request"]
        namespace = None
        if request.namespace and request.info != Namespace.info:
            try:
                stored = self._api.get(Namespace, "", request.namespace)
                namespace = msgspec.json.decode(stored.wire())
            except NotFound:
                namespace = None
        return {
            "object": asked.pop("object"),
            "oldObject": asked.pop("oldObject"),
            "request": asked,
            "namespaceObject": namespace,
        }

    def _parameters(
        self,
        policy: ValidatingAdmissionPolicy,
        binding: ValidatingAdmissionPolicyBinding,
        request: AdmissionRequest,
    ) -> list[Any]:
        """The parameters to ask with, one after the other. Raises `_Misconfigured`."""
        wanted, reference = policy.spec.param_kind, binding.spec.param_ref
        if wanted is None or reference is None:
            return [None]
        kind = self._api.kinds.by_kind(wanted.api_version, wanted.kind)
        if kind is None:
            raise _Misconfigured(
                f"failed to find resource referenced by paramKind: '{wanted.api_version},"
                f" Kind={wanted.kind}'"
            )
        namespace = (reference.namespace or request.namespace) if kind.info.namespaced else ""
        if kind.info.namespaced and not namespace:
            raise _Misconfigured(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped"
                " resources"
            )
        found = self._parameter_objects(kind, namespace, reference)
        if not found and reference.parameter_not_found_action == "Deny":
            raise _Misconfigured(
                "no params found for policy binding with `Deny` parameterNotFoundAction"
            )
        return found

    def _parameter_objects(
        self, kind: type[Kind], namespace: str, reference: ParamRef
    ) -> list[Any]:
        if reference.name:
            try:
                stored = [self._api.get(kind, namespace, reference.name)]
            except NotFound:
                return []
        else:
            matcher = label_matcher(reference.selector)
            listed = self._api.list(kind, namespace=namespace or None).items
            stored = [one for one in listed if matcher.matches(one.metadata().labels)]
        return [msgspec.json.decode(one.wire()) for one in stored]

    def _bound(
        self,
    ) -> Iterator[tuple[ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding]]:
        """Policies with the bindings that put them to use, by name."""
        bindings = sorted(self._bindings.items())
        for name, policy in sorted(self._policies.items()):
            for _, binding in bindings:
                if binding.spec.policy_name == name:
                    yield policy, binding

    def _matched(self, policy: ValidatingAdmissionPolicy, sort: RequestSort) -> KindInfo | None:
        resources = policy.spec.match_constraints or MatchResources()
        equivalents = self._api.kinds.other_versions(sort.info)
        return matched_info(resources.resource_rules, resources.match_policy, sort, equivalents)

    def _means(
        self,
        policy: ValidatingAdmissionPolicy,
        binding: ValidatingAdmissionPolicyBinding,
        request: AdmissionRequest,
        sort: RequestSort,
    ) -> bool:
        """Whether policy and binding both mean a request, of this name and with these labels."""
        parts = [policy.spec.match_constraints, binding.spec.match_resources]
        return all(self._part_means(part, request, sort) for part in parts if part is not None)

    def _part_means(
        self, resources: MatchResources, request: AdmissionRequest, sort: RequestSort
    ) -> bool:
        excluding, including = resources.exclude_resource_rules, resources.resource_rules
        if self._holds(excluding, resources, request, sort):
            return False
        if including and not self._holds(including, resources, request, sort):
            return False
        objects = label_matcher(resources.object_selector or LabelSelector())
        if not selects_objects(objects, request.object, request.old):
            return False
        namespaces = label_matcher(resources.namespace_selector or LabelSelector())
        return not namespaces or selects_namespace(
            namespaces, namespace_labels(request, self._api.labels_of_namespace)
        )

    def _holds(
        self,
        rules: Sequence[NamedRuleWithOperations],
        resources: MatchResources,
        request: AdmissionRequest,
        sort: RequestSort,
    ) -> bool:
        named = [
            rule for rule in rules if not rule.resource_names or request.name in rule.resource_names
        ]
        equivalents = self._api.kinds.other_versions(sort.info)
        return matched_info(named, resources.match_policy, sort, equivalents) is not None

    def _follow(self, kind: type[KindType], known: dict[str, KindType]) -> None:
        for stored in self._api.list(kind).items:
            known[stored.name] = stored.decode()
        self._api.observe(kind, partial(self._change, known))

    def _change(self, known: dict[str, Any], event: StoredEvent) -> None:
        if event.type is WatchEventType.DELETED:
            known.pop(event.stored.name, None)
        else:
            known[event.stored.name] = event.stored.decode()
        self._api.admission.look_again()


def _act(
    denial: "Denial",
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    request: AdmissionRequest,
) -> None:
    """Do what the binding says follows. Raises `PolicyDenied`."""
    actions = binding.spec.validation_actions
    names = f"ValidatingAdmissionPolicy '{policy.metadata.name}'"
    names += f" with binding '{binding.metadata.name}'"
    if "Audit" in actions:
        logger.info("%s: %s", names, denial.message)
    if "Warn" in actions:
        warn(f"Validation failed for {names}: {denial.message}")
    if "Deny" in actions:
        told = f"{names} denied request: {denial.message}"
        message = f'{request.info.qualified_plural} "{request.name}" is forbidden: {told}'
        raise PolicyDenied(message, told, denial.reason, request)
