"""Who may do what (rbac.authorization.k8s.io/v1): roles are sets of rules, bindings give them to
subjects."""

from typing import Annotated

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.meta import LabelSelector
from kernel.objects.struct import Atomic, Struct

GROUP = "rbac.authorization.k8s.io"


class PolicyRule(Struct):
    """Verbs that are allowed on kinds of objects, or at paths that stand for none.

    `*` stands for all verbs, groups, kinds or paths, and at the end of a path for what follows.
    A kind is named by its plural, a part of its objects as `pods/log`, that part of all kinds as
    `*/scale`. Without `resource_names` the rule is for all objects.
    """

    verbs: Annotated[list[str], Atomic()] = msgspec.field(default_factory=list)
    """What is allowed: get, list, watch, create, update, patch, delete, deletecollection, and verbs
    with a meaning of their own such as impersonate, bind and escalate. `*` is all of them."""
    api_groups: Annotated[list[str], Atomic()] = []
    """Groups of the kinds; empty text for the core group, `*` for all groups."""
    resources: Annotated[list[str], Atomic()] = []
    """Kinds by their plurals, or parts of their objects such as pods/log; `*` is all of them, and
    `*/scale` that part of all kinds."""
    resource_names: Annotated[list[str], Atomic()] = []
    """Names of the objects; empty for all. A create, whose object has no name in its path, is
    never allowed by a rule with names."""
    non_resource_urls: Annotated[list[str], Atomic()] = []
    """Paths that stand for no objects, such as /metrics; `*` at the end is whatever follows. In
    ClusterRoles alone, and in rules without groups and kinds."""


class AggregationRule(Struct):
    """Has a ClusterRole's rules filled in with those of all that one of the selectors fits."""

    cluster_role_selectors: Annotated[list[LabelSelector], Atomic()] = []
    """By labels, the ClusterRoles whose rules are gathered; any one of the selectors is enough."""


class RoleRef(Struct, atomic=True):
    """The role that a binding gives. It can't be changed."""

    api_group: str = msgspec.field(default_factory=str)
    """Group of the role. Default: rbac.authorization.k8s.io, the only one that there is."""
    kind: str = msgspec.field(default_factory=str)
    """Kind of the role. One of: ClusterRole, Role."""
    name: str = msgspec.field(default_factory=str)
    """Name of the role."""


class Subject(Struct, atomic=True):
    """Whom a binding gives its role to: a User, a Group, or a ServiceAccount, which alone is in a
    namespace."""

    kind: str = msgspec.field(default_factory=str)
    """What is named. One of: Group, ServiceAccount, User."""
    api_group: str = ""
    """Group of the kind. Default: rbac.authorization.k8s.io for users and groups, empty for
    ServiceAccounts."""
    name: str = msgspec.field(default_factory=str)
    """Name of the user, the group or the ServiceAccount."""
    namespace: str = ""
    """Namespace of a ServiceAccount; empty for others. Default: the one of a RoleBinding."""


class Role(Kind, group=GROUP, version="v1"):
    """What may be done in one namespace."""

    rules: Annotated[list[PolicyRule], Atomic()] = msgspec.field(default_factory=list)
    """What is allowed; a request needs one rule that fits."""


class ClusterRole(Kind, group=GROUP, version="v1", namespaced=False):
    """What may be done in all namespaces, or in the one of a RoleBinding that names it."""

    rules: Annotated[list[PolicyRule], Atomic()] = msgspec.field(default_factory=list)
    """What is allowed; a request needs one rule that fits."""
    aggregation_rule: AggregationRule | None = None
    """Has `rules` filled in with those of other ClusterRoles. Default: none."""


class RoleBinding(Kind, group=GROUP, version="v1"):
    """Gives a role to subjects, in one namespace."""

    subjects: Annotated[list[Subject], Atomic()] = []
    """Whom the role is given to."""
    role_ref: RoleRef = msgspec.field(default_factory=RoleRef)
    """The role that is given; it can't be changed."""


class ClusterRoleBinding(Kind, group=GROUP, version="v1", namespaced=False):
    """Gives a ClusterRole to subjects, everywhere."""

    subjects: Annotated[list[Subject], Atomic()] = []
    """Whom the role is given to."""
    role_ref: RoleRef = msgspec.field(default_factory=RoleRef)
    """The role that is given; it can't be changed."""


AnyRole = Role | ClusterRole
AnyBinding = RoleBinding | ClusterRoleBinding
