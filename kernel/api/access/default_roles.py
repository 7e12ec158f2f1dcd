"""The roles and bindings that every cluster has from its start, as Kubernetes has them.

Those for parts of Kubernetes that don't exist here (system:node, system:kube-scheduler,
system:controller:… and their like) are left out. Source: the documentation's "Default roles and
role bindings", and the bootstrap policy's test data for the rules.
"""

from collections.abc import Iterator, Sequence

from kernel.api.access.aggregation import aggregated_rules
from kernel.api.access.authorizer import AUTHENTICATED, MASTERS, UNAUTHENTICATED
from kernel.api.access.rules import FULL_AUTHORITY
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.rbac import (
    GROUP,
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    RoleRef,
    Subject,
)

AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_ALL = tuple(sorted(_READ + _WRITE))


def default_cluster_roles() -> list[ClusterRole]:
    """New objects of all default roles; those that gather others' rules have them."""
    roles = [
        _role("cluster-admin", FULL_AUTHORITY),
        _role("system:discovery", [_paths(*_DISCOVERY, *_PUBLIC)]),
        _role("system:public-info-viewer", [_paths(*_PUBLIC)]),
        _role("system:monitoring", [_paths(*_MONITORED)]),
        _role("system:basic-user", _BASIC),
        _role("system:auth-delegator", _DELEGATED),
        _role(
            "system:service-account-issuer-discovery",
            [_paths("/.well-known/openid-configuration", "/openid/v1/jwks")],
        ),
        _role("system:aggregate-to-view", list(_viewing()), part_of="view"),
        _role("system:aggregate-to-edit", list(_editing()), part_of="edit"),
        _role("system:aggregate-to-admin", _ADMINISTRATING, part_of="admin"),
        _role("system:aggregated-metrics-reader", _METRICS, part_of="view"),
    ]
    for name, whole in (("view", "edit"), ("edit", "admin"), ("admin", "")):
        role = _role(name, (), part_of=whole)
        selector = LabelSelector(match_labels={_aggregated_to(name): "true"})
        role.aggregation_rule = AggregationRule(cluster_role_selectors=[selector])
        role.rules = aggregated_rules(role.aggregation_rule, roles)
        roles.append(role)
    return roles


def default_cluster_role_bindings() -> list[ClusterRoleBinding]:
    """New objects of all default bindings, each of which has its role's name."""
    return [
        ClusterRoleBinding(
            metadata=_metadata(name),
            subjects=[Subject(kind="Group", api_group=GROUP, name=group) for group in groups],
            role_ref=RoleRef(api_group=GROUP, kind=ClusterRole.info.kind, name=name),
        )
        for name, groups in (
            ("cluster-admin", (MASTERS,)),
            ("system:basic-user", (AUTHENTICATED,)),
            ("system:discovery", (AUTHENTICATED,)),
            ("system:monitoring", ("system:monitoring",)),
            ("system:public-info-viewer", (AUTHENTICATED, UNAUTHENTICATED)),
            ("system:service-account-issuer-discovery", ("system:serviceaccounts",)),
        )
    ]


def _metadata(name: str) -> ObjectMeta:
    return ObjectMeta(name=name, labels=dict(_LABELS), annotations={AUTO_UPDATE: "true"})


def _role(name: str, rules: Sequence[PolicyRule], *, part_of: str = "") -> ClusterRole:
    role = ClusterRole(metadata=_metadata(name), rules=list(rules))
    if part_of:
        role.metadata.labels[_aggregated_to(part_of)] = "true"
    return role


def _aggregated_to(name: str) -> str:
    return f"{GROUP}/aggregate-to-{name}"


def _rule(verbs: Sequence[str], group: str, *resources: str) -> PolicyRule:
    return PolicyRule(verbs=list(verbs), api_groups=[group], resources=list(resources))


def _paths(*paths: str) -> PolicyRule:
    return PolicyRule(verbs=["get"], non_resource_urls=list(paths))


_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_MONITORED = (
    *("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis"),
    *("/readyz", "/readyz/*"),
)
_BASIC = (
    _rule(
        ["create"],
        "authorization.k8s.io",
        *("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    ),
    _rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
)
_DELEGATED = (
    _rule(["create"], "authentication.k8s.io", "tokenreviews"),
    _rule(["create"], "authorization.k8s.io", "subjectaccessreviews"),
)
_METRICS = (_rule(_READ, "metrics.k8s.io", "nodes", "pods"),)
_ADMINISTRATING = (
    _rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
    _rule(_ALL, GROUP, "rolebindings", "roles"),
)


def _viewing() -> Iterator[PolicyRule]:
    """All of a namespace but Secrets, which give away identities, and roles."""
    yield _rule(
        _READ,
        "",
        *("configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status"),
        *("pods", "replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts"),
        *("services", "services/status"),
    )
    yield _rule(
        _READ,
        "",
        *("bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status"),
        *("replicationcontrollers/status", "resourcequotas", "resourcequotas/status"),
    )
    yield _rule(_READ, "", "namespaces")
    yield _rule(_READ, "discovery.k8s.io", "endpointslices")
    yield _rule(
        _READ, "apps", "controllerrevisions", *_WORKLOADS, *_with_status("statefulsets", scale=True)
    )
    yield _rule(_READ, "autoscaling", *_with_status("horizontalpodautoscalers"))
    yield _rule(_READ, "batch", *_with_status("cronjobs", "jobs"))
    yield _rule(
        _READ,
        "extensions",
        *(*_WORKLOADS, *_with_status("ingresses"), "networkpolicies"),
        "replicationcontrollers/scale",
    )
    yield _rule(_READ, "policy", *_with_status("poddisruptionbudgets"))
    yield _rule(_READ, "networking.k8s.io", *_with_status("ingresses"), "networkpolicies")


def _editing() -> Iterator[PolicyRule]:
    """What viewing lacks: Secrets, writing, and acting in Pods and as ServiceAccounts."""
    yield _rule(
        _READ,
        "",
        *("pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets"),
        "services/proxy",
    )
    yield _rule(["impersonate"], "", "serviceaccounts")
    yield _rule(_WRITE, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy")
    yield _rule(["create"], "", "pods/eviction")
    yield _rule(
        _WRITE,
        "",
        *("configmaps", "events", "persistentvolumeclaims", "replicationcontrollers"),
        *("replicationcontrollers/scale", "secrets", "serviceaccounts", "services"),
        "services/proxy",
    )
    yield _rule(["create"], "", "serviceaccounts/token")
    yield _rule(
        _WRITE,
        "apps",
        *("daemonsets", "deployments", "deployments/rollback", "deployments/scale"),
        *("replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale"),
    )
    yield _rule(_WRITE, "autoscaling", "horizontalpodautoscalers")
    yield _rule(_WRITE, "batch", "cronjobs", "jobs")
    yield _rule(
        _WRITE,
        "extensions",
        *("daemonsets", "deployments", "deployments/rollback", "deployments/scale", "ingresses"),
        *("networkpolicies", "replicasets", "replicasets/scale", "replicationcontrollers/scale"),
    )
    yield _rule(_WRITE, "policy", "poddisruptionbudgets")
    yield _rule(_WRITE, "networking.k8s.io", "ingresses", "networkpolicies")
    yield _rule(_ALL, "coordination.k8s.io", "leases")


def _with_status(*plurals: str, scale: bool = False) -> list[str]:
    parts = ("", "/scale", "/status") if scale else ("", "/status")
    return [plural + part for plural in plurals for part in parts]


_WORKLOADS = (
    *_with_status("daemonsets"),
    *_with_status("deployments", "replicasets", scale=True),
)
