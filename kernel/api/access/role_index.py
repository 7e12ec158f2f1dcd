"""Roles and bindings, laid out so that what a user has been given is found without a scan.

A ServiceAccount is found by its user's name. A binding that names a role which is not there gives
nothing, until the role is.
"""

from collections.abc import Iterator, Sequence

import msgspec

from kernel.api.access.attributes import quoted
from kernel.objects.authentication import UserInfo
from kernel.objects.rbac import (
    AnyBinding,
    AnyRole,
    ClusterRole,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)

ACCOUNT_PREFIX = "system:serviceaccount:"

_Subject = tuple[str, str]  # ("User" or "Group", name)
_Key = tuple[str, str]  # namespace (empty: the whole cluster) and name


class Grant(msgspec.Struct, frozen=True):
    """The rules that a binding gives a user, and in Kubernetes' words where they come from. Where
    its role is missing there are none, and `missing` says which."""

    rules: Sequence[PolicyRule]
    source: str
    missing: str = ""


class _Binding(msgspec.Struct, frozen=True):
    """One subject of a binding."""

    namespace: str
    role_ref: RoleRef
    source: str


class RoleIndex:
    """What has been given to whom. Changed by one object at a time."""

    def __init__(self) -> None:
        self._roles: dict[_Key, Sequence[PolicyRule]] = {}
        self._subjects: dict[_Key, list[_Subject]] = {}
        self._given: dict[str, dict[_Subject, dict[str, _Binding]]] = {}

    def put_role(self, role: AnyRole) -> None:
        """There is such a role now."""
        self._roles[role.metadata.namespace, role.metadata.name] = role.rules

    def remove_role(self, namespace: str, name: str) -> None:
        """There is no such role any more."""
        self._roles.pop((namespace, name), None)

    def put_binding(self, binding: AnyBinding) -> None:
        """There is such a binding now."""
        namespace, name = binding.metadata.namespace, binding.metadata.name
        self.remove_binding(namespace, name)
        there = self._given.setdefault(namespace, {})
        subjects = self._subjects.setdefault((namespace, name), [])
        for subject in binding.subjects:
            key = _key_of(subject, namespace)
            if key is not None and key not in subjects:
                subjects.append(key)
                source = _source(binding, subject)
                there.setdefault(key, {})[name] = _Binding(namespace, binding.role_ref, source)

    def remove_binding(self, namespace: str, name: str) -> None:
        """There is no such binding any more."""
        there = self._given.get(namespace, {})
        for subject in self._subjects.pop((namespace, name), ()):
            del there[subject][name]
            if not there[subject]:
                del there[subject]
        if not there:
            self._given.pop(namespace, None)

    def rules_at(self, reference: RoleRef, namespace: str) -> Sequence[PolicyRule] | None:
        """The rules of the role that a binding in `namespace` names; None where it is missing."""
        place = namespace if reference.kind == Role.info.kind else ""
        return self._roles.get((place, reference.name))

    def grants(self, user: UserInfo, namespace: str) -> Iterator[Grant]:
        """All that a user has been given: for the whole cluster, and for a namespace if any."""
        subjects = [("User", user.username), *(("Group", group) for group in user.groups)]
        for place in ("", namespace) if namespace else ("",):
            there = self._given.get(place)
            if there is None:
                continue
            seen: set[str] = set()
            for subject in subjects:
                for name, binding in there.get(subject, _NOTHING).items():
                    if name not in seen:
                        seen.add(name)
                        yield self._grant(binding)

    def _grant(self, binding: _Binding) -> Grant:
        rules = self.rules_at(binding.role_ref, binding.namespace)
        if rules is None:
            return Grant((), binding.source, missing_role(binding.role_ref))
        return Grant(rules, binding.source)


_NOTHING: dict[str, _Binding] = {}


def missing_role(reference: RoleRef) -> str:
    """Kubernetes' words for a role that is not there."""
    info = Role.info if reference.kind == Role.info.kind else ClusterRole.info
    return f"{info.singular}.{info.group} {quoted(reference.name)} not found"


def _key_of(subject: Subject, namespace: str) -> _Subject | None:
    match subject.kind:
        case "User" | "Group":
            return subject.kind, subject.name
        case "ServiceAccount" if subject.namespace or namespace:
            place = subject.namespace or namespace
            return "User", f"{ACCOUNT_PREFIX}{place}:{subject.name}"
    return None


def _source(binding: AnyBinding, subject: Subject) -> str:
    named, receiver = binding.metadata.name, subject.name
    if isinstance(binding, RoleBinding):
        named = f"{named}/{binding.metadata.namespace}"
    if subject.kind == "ServiceAccount":
        receiver = f"{receiver}/{subject.namespace or binding.metadata.namespace}"
    reference = binding.role_ref
    return (
        f"{binding.info.kind} {quoted(named)} of {reference.kind} {quoted(reference.name)} to "
        f"{subject.kind} {quoted(receiver)}"
    )
