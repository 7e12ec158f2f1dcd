"""Whether a user may do something, decided by the roles and bindings in the store.

The index of them is made when the first user asks who is not all-powerful, and from then on is
shown every change before its writer goes on: a writer's next request meets the new rules.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kernel.api.access.attributes import Attributes, refusal
from kernel.api.access.role_index import Grant, RoleIndex
from kernel.api.access.rules import allows
from kernel.api.client import WatchEventType
from kernel.api.errors import UnreadableObject
from kernel.api.object_api import ObjectApi
from kernel.api.stored import Stored, StoredEvent
from kernel.objects.authentication import UserInfo
from kernel.objects.kind import Kind
from kernel.objects.rbac import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
)

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"

_ROLES: tuple[type[Kind], ...] = (Role, ClusterRole)
_BINDINGS: tuple[type[Kind], ...] = (RoleBinding, ClusterRoleBinding)


class Decision(msgspec.Struct, frozen=True):
    """What was decided, and why: the binding that allows it, or roles that could not be found."""

    allowed: bool
    reason: str = ""


def decide(grants: Iterable[Grant], asked: Attributes) -> Decision:
    """Allowed is what one rule of one grant allows; nothing forbids."""
    missing = []
    for grant in grants:
        if grant.missing:
            missing.append(grant.missing)
        elif any(allows(rule, asked) for rule in grant.rules):
            return Decision(True, f"RBAC: allowed by {grant.source}")
    return Decision(False, f"RBAC: {listed_errors(missing)}" if missing else "")


def listed_errors(errors: Sequence[str]) -> str:
    """Several errors as one, as Go's aggregates show them."""
    return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"


def is_all_powerful(user: UserInfo) -> bool:
    """Whether no rule needs to be looked up: members of `system:masters` may do everything."""
    return MASTERS in user.groups


class Authorizer:
    """Answers for one API. It costs nothing until it is first asked about an ordinary user."""

    def __init__(self, api: ObjectApi):
        self._api = api
        self._index: RoleIndex | None = None
        self._revisions: dict[str, int] = {}

    def decision(self, user: UserInfo, asked: Attributes) -> Decision:
        """Whether `user` may do what is asked."""
        if is_all_powerful(user):
            return Decision(True)
        return decide(self._present().grants(user, asked.namespace), asked)

    def require(self, user: UserInfo, asked: Attributes) -> None:
        """Raise `Forbidden` where `user` may not do what is asked."""
        if is_all_powerful(user):
            return
        decision = self.decision(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)

    def rules(self, user: UserInfo, namespace: str) -> tuple[list[PolicyRule], list[str]]:
        """All rules that hold for `user` in a namespace (empty: for the whole cluster alone), and
        which roles could not be found."""
        grants = list(self._present().grants(user, namespace))
        return (
            [rule for grant in grants for rule in grant.rules],
            [grant.missing for grant in grants if grant.missing],
        )

    def rules_at(self, reference: RoleRef, namespace: str) -> list[PolicyRule] | None:
        """The rules of the role that a binding in `namespace` names; None where it is missing."""
        rules = self._present().rules_at(reference, namespace)
        return None if rules is None else list(rules)

    def _present(self) -> RoleIndex:
        if self._index is None:
            self._index = RoleIndex()
            for kind in (*_ROLES, *_BINDINGS):
                self._api.observe(kind, self._show)
                for stored in self._api.list(kind).items:
                    self._put(stored)
        return self._index

    def _show(self, event: StoredEvent) -> None:
        stored = event.stored
        if stored.revision <= self._revisions.get(stored.key, 0):
            return  # the list that the index was made of has had it
        if event.type is WatchEventType.DELETED:
            self._revisions.pop(stored.key, None)
            self._remove(stored)
        else:
            self._put(stored)

    def _put(self, stored: Stored) -> None:
        assert self._index is not None
        self._revisions[stored.key] = stored.revision
        try:
            obj = stored.decode()
        except UnreadableObject:
            self._remove(stored)  # nobody can say what it gives
            return
        if isinstance(obj, Role | ClusterRole):
            self._index.put_role(obj)
        elif isinstance(obj, RoleBinding | ClusterRoleBinding):
            self._index.put_binding(obj)

    def _remove(self, stored: Stored) -> None:
        assert self._index is not None
        is_role = stored.kind in _ROLES
        remove = self._index.remove_role if is_role else self._index.remove_binding
        remove(stored.namespace, stored.name)
