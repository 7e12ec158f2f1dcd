"""Who writes roles and bindings gives away no more than they have."""

from typing import Any

import pytest

from kernel.api.access.authorizer import Authorizer
from kernel.api.access.default_objects import ensure_default_roles
from kernel.api.access.escalation import escalation_hooks
from kernel.api.context import ClientRequest, acting
from kernel.api.errors import Forbidden, Invalid, NotFound
from kernel.api.object_api import ObjectApi
from kernel.objects.authentication import UserInfo
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.rbac import (
    AggregationRule,
    ClusterRole,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

pytestmark = pytest.mark.anyio

JANE = UserInfo(username="jane", groups=["system:authenticated"])
READ = PolicyRule(verbs=["get", "list"], api_groups=[""], resources=["pods"])
WRITE = PolicyRule(verbs=["create", "delete"], api_groups=[""], resources=["nodes"])


@pytest.fixture
async def authorizer(api: ObjectApi) -> Authorizer:
    """With the default roles; jane administrates the namespace default."""
    authorizer = Authorizer(api)
    for hook in escalation_hooks(authorizer):
        api.admission.add_builtin(hook)
    await ensure_default_roles(api)
    await api.create(_binding("ClusterRole", "admin", name="admins"), namespace="default")
    return authorizer


def _binding(kind: str, role: str, name: str = "given") -> RoleBinding:
    return RoleBinding(
        metadata=ObjectMeta(name=name),
        role_ref=RoleRef(kind=kind, name=role),
        subjects=[Subject(kind="User", name="jane")],
    )


def _role(*rules: PolicyRule) -> Role:
    return Role(metadata=ObjectMeta(name="own"), rules=list(rules))


async def _as_jane(api: ObjectApi, obj: Any, *, update: bool = False) -> None:
    namespace = "default" if obj.info.namespaced else ""
    with acting("jane", request=ClientRequest(JANE)):
        if update:
            await api.update(obj, namespace=namespace)
        else:
            await api.create(obj, namespace=namespace)


async def test_a_role_of_what_is_held_may_be_made(api: ObjectApi, authorizer: Authorizer) -> None:
    await _as_jane(api, _role(READ))
    await _as_jane(api, _binding("Role", "own"))
    await _as_jane(api, _binding("ClusterRole", "view", name="viewers"))


async def test_a_role_of_more_is_refused(api: ObjectApi, authorizer: Authorizer) -> None:
    with pytest.raises(Forbidden) as refused:
        await _as_jane(api, _role(READ, WRITE))
    assert refused.value.message == (
        'roles.rbac.authorization.k8s.io "own" is forbidden: user "jane"'
        ' (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently'
        ' held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["create" "delete"]}'
    )
    await api.create(_role(READ), namespace="default")
    with pytest.raises(Forbidden):
        await _as_jane(api, _role(READ, WRITE), update=True)


async def test_what_is_not_changed_is_not_asked_about(
    api: ObjectApi, authorizer: Authorizer
) -> None:
    await api.create(_role(WRITE), namespace="default")
    role = _role(WRITE)
    role.metadata.labels["a"] = "b"
    await _as_jane(api, role, update=True)


async def test_a_binding_to_more_is_refused(api: ObjectApi, authorizer: Authorizer) -> None:
    with pytest.raises(Forbidden, match=r"rolebindings.*is attempting to grant"):
        await _as_jane(api, _binding("ClusterRole", "cluster-admin"))
    with pytest.raises(NotFound, match=r'roles.rbac.authorization.k8s.io "none" not found'):
        await _as_jane(api, _binding("Role", "none"))


@pytest.mark.parametrize(("verb", "resource"), [("escalate", "roles"), ("bind", "clusterroles")])
async def test_verbs_for_giving_more(
    api: ObjectApi, authorizer: Authorizer, verb: str, resource: str
) -> None:
    allowed = PolicyRule(
        verbs=[verb], api_groups=["rbac.authorization.k8s.io"], resources=[resource]
    )
    role = Role(metadata=ObjectMeta(name="more"), rules=[allowed])
    await api.create(role, namespace="default")
    await api.create(_binding("Role", "more", name="more"), namespace="default")
    if verb == "escalate":
        await _as_jane(api, _role(WRITE))
    else:
        await _as_jane(api, _binding("ClusterRole", "cluster-admin"))


async def test_only_who_may_do_all_may_gather_rules(api: ObjectApi, authorizer: Authorizer) -> None:
    selector = LabelSelector(match_labels={"a": "b"})
    gathering = ClusterRole(
        metadata=ObjectMeta(name="gathering"),
        aggregation_rule=AggregationRule(cluster_role_selectors=[selector]),
    )
    with pytest.raises(Forbidden, match="must have cluster-admin privileges to use aggregation"):
        await _as_jane(api, gathering)


async def test_the_role_of_a_binding_stays(api: ObjectApi, authorizer: Authorizer) -> None:
    with pytest.raises(Invalid, match=r"roleRef: Invalid value: .*cannot change roleRef"):
        await api.update(_binding("ClusterRole", "view", name="admins"), namespace="default")
