"""Roles, bindings and questions about access, as kubectl makes, shows and asks them."""

import pytest

from .conftest import EVERY_VERSION, Kubectl

pytestmark = [pytest.mark.anyio, pytest.mark.kubectl]

ROLES = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: default}
rules:
- {apiGroups: [apps], resources: [deployments], verbs: [get, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployers, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: jane}
"""


@EVERY_VERSION
async def test_roles_are_made_and_looked_at(kubectl: Kubectl) -> None:
    await kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log")
    await kubectl("create", "clusterrole", "probe", "--verb=get", "--non-resource-url=/metrics")
    await kubectl("create", "rolebinding", "readers", "--role=reader", "--user=jane")
    await kubectl(
        *("create", "clusterrolebinding", "probes", "--clusterrole=probe", "--group=staff"),
        "--serviceaccount=default:robot",
    )
    assert (await kubectl("get", "role")).split()[:4] == ["NAME", "CREATED", "AT", "reader"]
    row = (await kubectl("get", "rolebinding", "-o", "wide")).splitlines()[1].split()
    assert (row[0], row[1], row[3]) == ("readers", "Role/reader", "jane")
    wide = (await kubectl("get", "clusterrolebinding", "probes", "-o", "wide")).splitlines()[1]
    assert wide.split()[3:] == ["staff", "default/robot"]
    described = await kubectl("describe", "role", "reader")
    assert "pods/log" in described
    assert "[get list]" in described
    assert "Group" in await kubectl("describe", "clusterrolebinding", "probes")
    assert "cluster-admin" in await kubectl("get", "clusterroles")


@EVERY_VERSION
async def test_a_user_is_refused_until_a_role_is_bound(kubectl: Kubectl) -> None:
    jane = ("--as=jane", "get", "pods")
    assert (await kubectl.refused(*jane)).strip() == (
        'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods"'
        ' in API group "" in the namespace "default"'
    )
    can = await kubectl.run("auth", "can-i", "list", "pods", "--as=jane")
    assert (can.returncode, can.stdout.decode().strip()) == (1, "no")
    await kubectl("create", "rolebinding", "viewers", "--clusterrole=view", "--user=jane")
    await kubectl(*jane)
    assert (await kubectl("auth", "can-i", "list", "pods", "--as=jane")).strip() == "yes"
    assert (await kubectl("auth", "can-i", "*", "*")).strip() == "yes"
    assert "Forbidden" in await kubectl.refused(*jane, "--all-namespaces")
    assert "Forbidden" in await kubectl.refused("--as=jane", "get", "secrets")


async def test_what_one_may_do_is_listed(kubectl: Kubectl) -> None:
    listed = await kubectl("auth", "can-i", "--list", "--as=jane")
    assert "selfsubjectaccessreviews.authorization.k8s.io" in listed
    assert "pods" not in listed
    await kubectl("create", "rolebinding", "viewers", "--clusterrole=view", "--user=jane")
    listed = await kubectl("auth", "can-i", "--list", "--as=jane")
    assert "pods/log" in listed
    assert "secrets" not in listed
    everything = await kubectl("auth", "can-i", "--list")
    assert any(line.split()[0] == "*.*" for line in everything.splitlines()[1:])
    whoami = ("auth", "whoami", "--as=jane", "--as-group=staff", "-o", "jsonpath={..groups}")
    assert await kubectl(*whoami) == '["staff","system:authenticated"]'


async def test_roles_are_reconciled(kubectl: Kubectl) -> None:
    made = await kubectl("auth", "reconcile", "-f", "-", stdin=ROLES)
    assert "role.rbac.authorization.k8s.io/deployer reconciled" in made
    more = ROLES.replace("verbs: [get, create]", "verbs: [patch]")
    await kubectl("auth", "reconcile", "-f", "-", stdin=more)
    for verb, answer in (("create", "yes"), ("patch", "yes"), ("delete", "no")):
        asked = await kubectl.run("auth", "can-i", verb, "deployments.apps", "--as=jane")
        assert asked.stdout.decode().strip() == answer


async def test_nobody_gives_what_they_do_not_have(kubectl: Kubectl) -> None:
    await kubectl("create", "rolebinding", "admins", "--clusterrole=admin", "--user=jane")
    jane = ("--as=jane", "create")
    await kubectl(*jane, "role", "own", "--verb=get", "--resource=secrets")
    await kubectl(*jane, "rolebinding", "own", "--role=own", "--user=joe")
    await kubectl("--as=joe", "get", "secret", "absent", "--ignore-not-found")
    complaint = await kubectl.refused(*jane, "role", "more", "--verb=get", "--resource=nodes")
    assert '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}' in complaint
    complaint = await kubectl.refused(
        *jane, "rolebinding", "more", "--clusterrole=cluster-admin", "--user=jane"
    )
    assert "is attempting to grant RBAC permissions not currently held" in complaint
    other = ROLES.replace("name: deployer}", "name: other}")
    await kubectl("apply", "-f", "-", stdin=ROLES)
    assert "cannot change roleRef" in await kubectl.refused("apply", "-f", "-", stdin=other)
