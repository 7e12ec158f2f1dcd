"""The roles that are there from the start, and how they are kept complete."""

import pytest

from kernel.api.access.attributes import Attributes
from kernel.api.access.authorizer import Authorizer
from kernel.api.access.default_objects import ensure_default_roles
from kernel.api.access.default_roles import default_cluster_roles
from kernel.api.access.rules import uncovered
from kernel.api.object_api import ObjectApi
from kernel.objects.authentication import UserInfo
from kernel.objects.meta import ObjectMeta
from kernel.objects.rbac import ClusterRole, ClusterRoleBinding, RoleBinding, RoleRef, Subject

pytestmark = pytest.mark.anyio

ANYBODY = UserInfo(username="jane", groups=["system:authenticated"])
NOBODY = UserInfo(username="system:anonymous", groups=["system:unauthenticated"])
PODS = Attributes("list", "", "pods", "", "default")


async def test_they_are_written_once_and_together(api: ObjectApi) -> None:
    before = api.revision
    await ensure_default_roles(api)
    after = api.revision
    names = [stored.name for stored in api.list(ClusterRole).items]
    assert {"admin", "cluster-admin", "edit", "view", "system:discovery"} <= set(names)
    assert after - before == len(names) + len(api.list(ClusterRoleBinding).items)
    await ensure_default_roles(api)
    assert api.revision == after


def test_each_of_the_namespace_roles_can_more_than_the_one_before() -> None:
    roles = {role.metadata.name: role for role in default_cluster_roles()}
    for less, more in (("view", "edit"), ("edit", "admin"), ("admin", "cluster-admin")):
        assert uncovered(roles[more].rules, roles[less].rules) == []
        assert uncovered(roles[less].rules, roles[more].rules) != []


@pytest.mark.parametrize(
    ("role", "asked", "allowed"),
    [
        ("view", PODS, True),
        ("view", Attributes("get", "", "pods", "log", "default"), True),
        ("view", Attributes("get", "", "secrets", "", "default"), False),
        ("view", Attributes("create", "", "pods", "exec", "default"), False),
        ("view", Attributes("list", "metrics.k8s.io", "pods", "", "default"), True),
        ("edit", Attributes("create", "", "pods", "exec", "default"), True),
        ("edit", Attributes("patch", "apps", "deployments", "scale", "default"), True),
        ("edit", Attributes("create", "rbac.authorization.k8s.io", "roles", "", "default"), False),
        ("admin", Attributes("create", "rbac.authorization.k8s.io", "roles", "", "default"), True),
        ("admin", Attributes("update", "", "resourcequotas", "", "default"), False),
        ("admin", Attributes("list", "", "pods", "", "other"), False),
    ],
)
async def test_what_they_allow(api: ObjectApi, role: str, asked: Attributes, allowed: bool) -> None:
    await ensure_default_roles(api)
    binding = RoleBinding(
        metadata=ObjectMeta(name="given"),
        role_ref=RoleRef(kind="ClusterRole", name=role),
        subjects=[Subject(kind="User", name="jane")],
    )
    await api.create(binding, namespace="default")
    assert Authorizer(api).decision(ANYBODY, asked).allowed is allowed


async def test_what_everybody_may(api: ObjectApi) -> None:
    await ensure_default_roles(api)
    authorizer = Authorizer(api)
    for user, path, allowed in (
        (ANYBODY, "/apis/apps/v1", True),
        (ANYBODY, "/metrics", False),
        (NOBODY, "/version", True),
        (NOBODY, "/apis", False),
    ):
        assert authorizer.decision(user, Attributes("get", path=path)).allowed is allowed


async def test_what_is_missing_is_added_and_what_was_added_stays(api: ObjectApi) -> None:
    await ensure_default_roles(api)
    await api.delete(ClusterRole, "", "view")
    role = api.get(ClusterRole, "", "system:basic-user").decode()
    own = role.rules.pop()
    role.rules[0].verbs.append("list")
    await api.update(role)
    binding = api.get(ClusterRoleBinding, "", "system:discovery").decode()
    binding.metadata.annotations["rbac.authorization.kubernetes.io/autoupdate"] = "false"
    binding.subjects = []
    await api.update(binding)
    await ensure_default_roles(api)
    assert api.get(ClusterRole, "", "view").decode().rules
    completed = api.get(ClusterRole, "", "system:basic-user").decode().rules
    assert completed[0].verbs == ["create", "list"]
    assert completed[1:] == [own]
    assert api.get(ClusterRoleBinding, "", "system:discovery").decode().subjects == []


async def test_a_change_counts_as_soon_as_it_is_written(api: ObjectApi) -> None:
    """Also where the index has been made before."""
    await ensure_default_roles(api)
    authorizer = Authorizer(api)
    assert not authorizer.decision(ANYBODY, PODS).allowed
    binding = ClusterRoleBinding(
        metadata=ObjectMeta(name="all"),
        role_ref=RoleRef(kind="ClusterRole", name="cluster-admin"),
        subjects=[Subject(kind="Group", name="system:authenticated")],
    )
    await api.create(binding)
    assert authorizer.decision(ANYBODY, PODS).allowed
    await api.delete(ClusterRoleBinding, "", "all")
    assert not authorizer.decision(ANYBODY, PODS).allowed
