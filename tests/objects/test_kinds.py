import pytest

from kernel.objects.coordination import Lease
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.pod import Pod
from kernel.objects.service import Service

CORE = {
    # kind: (apiVersion, plural, short names, namespaced, categories)
    "Pod": ("v1", "pods", ("po",), True, ("all",)),
    "Node": ("v1", "nodes", ("no",), False, ()),
    "Namespace": ("v1", "namespaces", ("ns",), False, ()),
    "ConfigMap": ("v1", "configmaps", ("cm",), True, ()),
    "Secret": ("v1", "secrets", (), True, ()),
    "Service": ("v1", "services", ("svc",), True, ("all",)),
    "ServiceAccount": ("v1", "serviceaccounts", ("sa",), True, ()),
    "Event": ("v1", "events", ("ev",), True, ()),
    "RuntimeClass": ("node.k8s.io/v1", "runtimeclasses", (), False, ()),
    "PodTemplate": ("v1", "podtemplates", (), True, ()),
    "ReplicationController": ("v1", "replicationcontrollers", ("rc",), True, ("all",)),
    "Deployment": ("apps/v1", "deployments", ("deploy",), True, ("all",)),
    "ReplicaSet": ("apps/v1", "replicasets", ("rs",), True, ("all",)),
    "StatefulSet": ("apps/v1", "statefulsets", ("sts",), True, ("all",)),
    "DaemonSet": ("apps/v1", "daemonsets", ("ds",), True, ("all",)),
    "Job": ("batch/v1", "jobs", (), True, ("all",)),
    "CronJob": ("batch/v1", "cronjobs", ("cj",), True, ("all",)),
    "ResourceQuota": ("v1", "resourcequotas", ("quota",), True, ()),
    "LimitRange": ("v1", "limitranges", ("limits",), True, ()),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets", ("pdb",), True, ()),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims", ("pvc",), True, ()),
    "Endpoints": ("v1", "endpoints", ("ep",), True, ()),
    "PersistentVolume": ("v1", "persistentvolumes", ("pv",), False, ()),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", (), True, ()),
    "PriorityClass": ("scheduling.k8s.io/v1", "priorityclasses", ("pc",), False, ()),
    "ControllerRevision": ("apps/v1", "controllerrevisions", (), True, ()),
    "StorageClass": ("storage.k8s.io/v1", "storageclasses", ("sc",), False, ()),
    "VolumeAttachment": ("storage.k8s.io/v1", "volumeattachments", (), False, ()),
    "CSIDriver": ("storage.k8s.io/v1", "csidrivers", (), False, ()),
    "CSINode": ("storage.k8s.io/v1", "csinodes", (), False, ()),
    "CSIStorageCapacity": ("storage.k8s.io/v1", "csistoragecapacities", (), True, ()),
    "Ingress": ("networking.k8s.io/v1", "ingresses", ("ing",), True, ()),
    "IngressClass": ("networking.k8s.io/v1", "ingressclasses", (), False, ()),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies", ("netpol",), True, ()),
    "HorizontalPodAutoscaler": (
        *("autoscaling/v2", "horizontalpodautoscalers", ("hpa",), True, ("all",)),
    ),
    "MutatingWebhookConfiguration": (
        *("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", (), False),
        ("api-extensions",),
    ),
    "ValidatingWebhookConfiguration": (
        *("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", (), False),
        ("api-extensions",),
    ),
    "ValidatingAdmissionPolicy": (
        *("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", (), False),
        ("api-extensions",),
    ),
    "ValidatingAdmissionPolicyBinding": (
        *("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", (), False),
        ("api-extensions",),
    ),
    "Role": ("rbac.authorization.k8s.io/v1", "roles", (), True, ()),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles", (), False, ()),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings", (), True, ()),
    "ClusterRoleBinding": (
        "rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        (),
        False,
        (),
    ),
    "CustomResourceDefinition": (
        *("apiextensions.k8s.io/v1", "customresourcedefinitions", ("crd", "crds"), False),
        ("api-extensions",),
    ),
    "Lease": ("coordination.k8s.io/v1", "leases", (), True, ()),
}


def test_core_kinds_are_what_kubernetes_says_of_them() -> None:
    seen = {
        kind.info.kind: (
            kind.info.api_version,
            kind.info.plural,
            kind.info.short_names,
            kind.info.namespaced,
            kind.info.categories,
        )
        for kind in KindTable.core()
    }
    assert seen == CORE


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("po", Pod),
        ("pods", Pod),
        ("Pod", Pod),
        ("pod", Pod),
        ("svc", Service),
        ("leases.coordination.k8s.io", Lease),
        ("lease.v1.coordination.k8s.io", Lease),
        ("pods.v1", Pod),
        ("pos", None),
        ("", None),
    ],
)
def test_by_name(name: str, kind: type[Kind] | None) -> None:
    assert KindTable.core().by_name(name) is kind


def test_look_ups() -> None:
    kinds = KindTable.core()
    assert kinds.by_plural("", "v1", "pods") is Pod
    assert kinds.by_plural("coordination.k8s.io", "v1", "leases") is Lease
    assert kinds.by_plural("apps", "v1", "pods") is None
    assert kinds.by_kind("v1", "Pod") is Pod
    assert kinds.by_kind("coordination.k8s.io/v1", "Lease") is Lease
    assert kinds.by_kind("v1", "pod") is None
    groups = dict(kinds.groups())
    assert next(iter(groups)) == ""
    assert (groups[""], groups["apps"], groups["autoscaling"]) == (["v1"], ["v1"], ["v2"])
    assert Pod in kinds


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("Podd", "Pod"), ("ConfigMaps", "ConfigMap"), ("servce", "Service"), ("Zebra", None)],
)
def test_suggest(name: str, suggestion: str | None) -> None:
    assert KindTable.core().suggest(name) == suggestion


def test_a_plugins_kind_is_added_and_a_rival_refused() -> None:
    class Widget(Kind, group="example.dev", version="v1", short_names=("wd",)):
        size: int = 0

    mine = Widget

    class Widget(Kind, group="example.dev", version="v1"):  # type: ignore[no-redef]
        size: int = 0

    kinds = KindTable.core()
    kinds.add(mine)
    kinds.add(mine)
    assert kinds.by_name("wd") is mine
    assert kinds.groups()[-1] == ("example.dev", ["v1"])
    with pytest.raises(ValueError, match="Widget"):
        kinds.add(Widget)
    assert kinds.by_kind("example.dev/v1", "Widget") is mine


def test_a_short_name_that_is_taken_stays_with_the_first() -> None:
    class Pond(Kind, group="example.dev", version="v1", short_names=("po",)):
        depth: int = 0

    kinds = KindTable.core()
    kinds.add(Pond)
    assert kinds.by_name("po") is Pod
    assert kinds.by_name("po.example.dev") is Pond
