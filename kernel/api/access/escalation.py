"""Nobody gives what they don't have: the check on writes of roles and bindings.

Allowed are rules that the writer holds, and any where they may `escalate` the role or `bind` the
bound one (Kubernetes: "Privilege escalation prevention and bootstrapping"). A program that embeds
the kernel is not asked.
"""

from collections.abc import Sequence

from kernel.api.access.attributes import Attributes, quoted
from kernel.api.access.authorizer import Authorizer, is_all_powerful, listed_errors
from kernel.api.access.rules import FULL_AUTHORITY, compacted, quoted_list, shown, uncovered
from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.errors import Forbidden, NotFound
from kernel.objects.meta import StatusDetails
from kernel.objects.rbac import (
    GROUP,
    AnyRole,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
)

NAME = "RBACEscalation"


def escalation_hooks(authorizer: Authorizer) -> tuple[AdmissionHook, ...]:
    """The hooks that check who writes roles and bindings."""

    @admission(*(Role, ClusterRole), operations=("CREATE", "UPDATE"), validating=True, name=NAME)
    def check_role(request: AdmissionRequest) -> None:
        role: AnyRole = request.object
        if is_all_powerful(request.user) or _is_same_role(role, request.old):
            return
        asked = Attributes(
            "escalate", GROUP, request.info.plural, "", request.namespace, request.name
        )
        if authorizer.decision(request.user, asked).allowed:
            return
        _require_held(authorizer, request, role.rules)
        if _aggregates(role) or _aggregates(request.old):
            held, _ = authorizer.rules(request.user, request.namespace)
            if uncovered(held, FULL_AUTHORITY):
                raise _forbidden(
                    request, "must have cluster-admin privileges to use aggregationRule"
                )

    @admission(
        *(RoleBinding, ClusterRoleBinding),
        operations=("CREATE", "UPDATE"),
        validating=True,
        name=NAME,
    )
    def check_binding(request: AdmissionRequest) -> None:
        binding, old = request.object, request.old
        if is_all_powerful(request.user):
            return
        if old is not None and (binding.subjects, binding.role_ref) == (old.subjects, old.role_ref):
            return
        reference = binding.role_ref
        plural = Role.info.plural if reference.kind == Role.info.kind else ClusterRole.info.plural
        asked = Attributes("bind", GROUP, plural, "", request.namespace, reference.name)
        if authorizer.decision(request.user, asked).allowed:
            return
        rules = authorizer.rules_at(reference, request.namespace)
        if rules is None:
            raise NotFound.of(f"{plural}.{GROUP}", reference.name)
        _require_held(authorizer, request, rules)

    return check_role, check_binding


def _is_same_role(role: AnyRole, old: AnyRole | None) -> bool:
    if old is None or role.rules != old.rules:
        return False
    aggregations = [getattr(one, "aggregation_rule", None) for one in (role, old)]
    return aggregations[0] == aggregations[1]


def _aggregates(role: AnyRole | None) -> bool:
    return isinstance(role, ClusterRole) and role.aggregation_rule is not None


def _require_held(
    authorizer: Authorizer, request: AdmissionRequest, wanted: Sequence[PolicyRule]
) -> None:
    held, missing_roles = authorizer.rules(request.user, request.namespace)
    lacking = uncovered(held, wanted)
    if not lacking:
        return
    user = request.user
    listed = "\n".join(sorted({shown(rule) for rule in compacted(lacking)}))
    message = (
        f"user {quoted(user.username)} (groups={quoted_list(user.groups)}) is attempting to grant "
        f"RBAC permissions not currently held:\n{listed}"
    )
    if missing_roles:
        message += f"; resolution errors: [{listed_errors(missing_roles)}]"
    raise _forbidden(request, message)


def _forbidden(request: AdmissionRequest, message: str) -> Forbidden:
    info = request.info
    return Forbidden(
        f"{info.qualified_plural} {quoted(request.name)} is forbidden: {message}",
        details=StatusDetails(name=request.name, group=info.group, kind=info.plural),
    )
