"""The index of roles finds what a scan of all bindings would."""

from collections.abc import Iterator

from hypothesis import given, strategies as st

from kernel.api.access.attributes import Attributes
from kernel.api.access.authorizer import decide
from kernel.api.access.role_index import RoleIndex
from kernel.api.access.rules import allows
from kernel.objects.authentication import UserInfo
from kernel.objects.meta import ObjectMeta
from kernel.objects.rbac import (
    AnyBinding,
    AnyRole,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

NAMESPACES = ["one", "two"]
NAMES = ["a", "b"]
USERS = [
    UserInfo(username="jane", groups=["staff", "system:authenticated"]),
    UserInfo(username="joe", groups=["system:authenticated"]),
    UserInfo(username="system:serviceaccount:one:robot", groups=["system:serviceaccounts"]),
]

_verb = st.sampled_from(["get", "list"])
_name = st.sampled_from(NAMES)
_namespace = st.sampled_from(NAMESPACES)
_rules = st.lists(
    st.builds(
        PolicyRule, verbs=st.just(["get"]), api_groups=st.just([""]), resources=st.lists(_name)
    ),
    max_size=2,
)
_subjects = st.lists(
    st.one_of(
        st.builds(Subject, kind=st.just("User"), name=st.sampled_from(["jane", "joe"])),
        st.builds(Subject, kind=st.just("Group"), name=st.sampled_from(["staff", "nobody"])),
        st.builds(
            Subject,
            kind=st.just("ServiceAccount"),
            name=st.just("robot"),
            namespace=st.sampled_from(["", *NAMESPACES]),
        ),
    ),
    max_size=3,
)
_meta = st.builds(ObjectMeta, name=_name)
_meta_in_namespace = st.builds(ObjectMeta, name=_name, namespace=_namespace)
_any_reference = st.builds(RoleRef, kind=st.sampled_from(["Role", "ClusterRole"]), name=_name)
_cluster_reference = st.builds(RoleRef, kind=st.just("ClusterRole"), name=_name)
_objects = st.one_of(
    st.builds(Role, metadata=_meta_in_namespace, rules=_rules),
    st.builds(ClusterRole, metadata=_meta, rules=_rules),
    st.builds(
        RoleBinding, metadata=_meta_in_namespace, role_ref=_any_reference, subjects=_subjects
    ),
    st.builds(ClusterRoleBinding, metadata=_meta, role_ref=_cluster_reference, subjects=_subjects),
)
_changes = st.lists(st.tuples(_objects, st.booleans()), max_size=12)


def _applies(subject: Subject, user: UserInfo, namespace: str) -> bool:
    if subject.kind == "Group":
        return subject.name in user.groups
    if subject.kind == "User":
        return subject.name == user.username
    place = subject.namespace or namespace
    return user.username == f"system:serviceaccount:{place}:{subject.name}"


def _scan(
    objects: dict[tuple[str, str, str], AnyRole | AnyBinding], user: UserInfo, namespace: str
) -> Iterator[PolicyRule]:
    """Every rule that holds, found by looking at everything."""
    for binding in objects.values():
        if not isinstance(binding, RoleBinding | ClusterRoleBinding):
            continue
        place = binding.metadata.namespace
        if place in ("", namespace) and any(
            _applies(subject, user, place) for subject in binding.subjects
        ):
            reference = binding.role_ref
            role_place = place if reference.kind == "Role" else ""
            role = objects.get((reference.kind, role_place, reference.name))
            if isinstance(role, Role | ClusterRole):
                yield from role.rules


@given(_changes, st.sampled_from(USERS), st.sampled_from(["", *NAMESPACES]), _verb, _name)
def test_the_index_decides_as_a_scan_does(
    changes: list[tuple[AnyRole | AnyBinding, bool]],
    user: UserInfo,
    namespace: str,
    verb: str,
    resource: str,
) -> None:
    index = RoleIndex()
    objects: dict[tuple[str, str, str], AnyRole | AnyBinding] = {}
    for obj, is_deleted in changes:
        place, name = obj.metadata.namespace, obj.metadata.name
        is_role = isinstance(obj, Role | ClusterRole)
        if is_deleted:
            objects.pop((obj.kind, place, name), None)
            (index.remove_role if is_role else index.remove_binding)(place, name)
        else:
            objects[obj.kind, place, name] = obj
            if isinstance(obj, Role | ClusterRole):
                index.put_role(obj)
            else:
                index.put_binding(obj)
    asked = Attributes(verb, "", resource, "", namespace)
    expected = any(allows(rule, asked) for rule in _scan(objects, user, namespace))
    assert decide(index.grants(user, namespace), asked).allowed is expected


def test_the_reason_names_the_binding_or_what_is_missing() -> None:
    index = RoleIndex()
    index.put_binding(
        RoleBinding(
            metadata=ObjectMeta(name="readers", namespace="one"),
            role_ref=RoleRef(kind="Role", name="reader"),
            subjects=[Subject(kind="ServiceAccount", name="robot")],
        )
    )
    asked = Attributes("get", "", "pods", "", "one")
    refused = decide(index.grants(USERS[2], "one"), asked)
    assert refused.reason == 'RBAC: role.rbac.authorization.k8s.io "reader" not found'
    rule = PolicyRule(verbs=["get"], api_groups=[""], resources=["pods"])
    index.put_role(Role(metadata=ObjectMeta(name="reader", namespace="one"), rules=[rule]))
    allowed = decide(index.grants(USERS[2], "one"), asked)
    assert allowed.allowed
    assert allowed.reason == (
        'RBAC: allowed by RoleBinding "readers/one" of Role "reader" to ServiceAccount "robot/one"'
    )
