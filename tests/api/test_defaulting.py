import base64
import copy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kernel.api.defaulting import default
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.coordination import Lease
from kernel.objects.decoding import decode
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Container, Pod, PodSpec, ResourceRequirements
from kernel.objects.service import Service


def defaulted(kind: type[Kind], document: dict[str, Any]) -> Any:
    """The object with its defaults, in its wire form."""
    obj = decode(kind, document)
    default(obj)
    return msgspec.to_builtins(obj)


def pod_with(container: dict[str, Any] | None = None, **spec: Any) -> Any:
    return defaulted(Pod, {"spec": {"containers": [{"name": "web", **(container or {})}], **spec}})


def container_with(**fields: Any) -> Any:
    return pod_with(fields)["spec"]["containers"][0]


def test_a_bare_pod_gets_what_kubernetes_gives_it() -> None:
    trouble = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    assert pod_with({"image": "nginx"})["spec"] == {
        "containers": [
            {
                "name": "web",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [
            {"key": "node.kubernetes.io/not-ready", **trouble},
            {"key": "node.kubernetes.io/unreachable", **trouble},
        ],
    }
    assert pod_with()["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_what_is_said_stays() -> None:
    said = {
        "restartPolicy": "Never",
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 0,
        "schedulerName": "mine",
        "enableServiceLinks": False,
        "priority": -5,
        "preemptionPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
    }
    spec = pod_with(None, **said)["spec"]
    assert {name: spec[name] for name in said} == said


def test_the_systems_own_priorities_are_known_by_name() -> None:
    pod = pod_with(priorityClassName="system-node-critical")
    assert pod["spec"]["priority"] == 2_000_001_000


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        ("nginx:1@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert container_with(image=image)["imagePullPolicy"] == policy


def test_a_service_account_by_its_old_name() -> None:
    spec = pod_with(None, serviceAccount="builder")["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "builder"


def test_probes_ports_and_references() -> None:
    container = container_with(
        ports=[{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}],
        livenessProbe={"httpGet": {"port": 80}},
        readinessProbe={"grpc": {"port": 81}, "periodSeconds": 2, "failureThreshold": 9},
        lifecycle={"preStop": {"httpGet": {"port": "http"}}},
        env=[
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ],
    )
    times = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert [port["protocol"] for port in container["ports"]] == ["TCP", "UDP"]
    request = {"port": 80, "path": "/", "scheme": "HTTP"}
    assert container["livenessProbe"] == {"httpGet": request, **times}
    assert container["readinessProbe"] == {
        "grpc": {"port": 81, "service": ""},
        **(times | {"periodSeconds": 2, "failureThreshold": 9}),
    }
    assert container["lifecycle"]["preStop"]["httpGet"]["scheme"] == "HTTP"
    assert container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert container["env"][1]["valueFrom"]["resourceFieldRef"]["divisor"] == "0"


def test_requests_follow_limits_and_quantities_are_canonical() -> None:
    resources = {"limits": {"cpu": 0.5, "memory": "1024Mi"}, "requests": {"memory": "1000k"}}
    assert container_with(resources=resources)["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1M"},
    }


def test_finer_than_milli_is_rounded_up_and_nonsense_left_for_validation() -> None:
    limits = {"cpu": "100u", "memory": "much"}
    resources = ResourceRequirements(limits=limits)
    pod = Pod(spec=PodSpec(containers=[Container(name="web", resources=resources)]))
    default(pod)
    assert resources.limits == {"cpu": "1m", "memory": "much"}


def test_with_the_nodes_network_container_ports_are_its_ports() -> None:
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]
    spec = pod_with({"ports": ports}, hostNetwork=True)["spec"]
    assert [port["hostPort"] for port in spec["containers"][0]["ports"]] == [80, 81]
    assert "hostPort" not in container_with(ports=ports)["ports"][0]


def test_ephemeral_containers_have_no_requests_from_limits() -> None:
    ephemeral = {"name": "debug", "resources": {"limits": {"cpu": "1"}}}
    spec = pod_with(None, ephemeralContainers=[ephemeral])["spec"]
    assert spec["ephemeralContainers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"


def test_volumes() -> None:
    field = {"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}
    spec = pod_with(
        None,
        volumes=[
            {"name": "none"},
            {"name": "host", "hostPath": {"path": "/x"}},
            {"name": "secret", "secret": {"secretName": "s"}},
            {"name": "config", "configMap": {"name": "c", "defaultMode": 0o400}},
            {"name": "down", "downwardAPI": {"items": [field]}},
            {
                "name": "all",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"downwardAPI": {"items": [field]}},
                    ]
                },
            },
            {"name": "ram", "emptyDir": {"sizeLimit": "0.5Gi"}},
        ],
    )["spec"]
    filled = {"path": "n", "fieldRef": {"fieldPath": "metadata.name", "apiVersion": "v1"}}
    assert spec["volumes"] == [
        {"name": "none", "emptyDir": {}},
        {"name": "host", "hostPath": {"path": "/x", "type": ""}},
        {"name": "secret", "secret": {"secretName": "s", "defaultMode": 0o644}},
        {"name": "config", "configMap": {"name": "c", "defaultMode": 0o400}},
        {"name": "down", "downwardAPI": {"items": [filled], "defaultMode": 0o644}},
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
                    {"downwardAPI": {"items": [filled]}},
                ],
                "defaultMode": 0o644,
            },
        },
        {"name": "ram", "emptyDir": {"sizeLimit": "512Mi"}},
    ]


def test_a_secrets_text_is_folded_into_its_data() -> None:
    document = {"stringData": {"a": "ä", "b": "new"}, "data": {"b": "b2xk", "c": "Yw=="}}
    secret = defaulted(Secret, document)
    assert secret["type"] == "Opaque"
    assert "stringData" not in secret
    assert {key: base64.b64decode(text).decode() for key, text in secret["data"].items()} == {
        "a": "ä",
        "b": "new",
        "c": "c",
    }


def test_a_namespace_has_its_label_and_finalizer_until_it_ends() -> None:
    namespace = defaulted(Namespace, {"metadata": {"name": "blue"}})
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "blue"}
    assert namespace["spec"]["finalizers"] == ["kubernetes"]
    assert namespace["status"]["phase"] == "Active"
    ending = {"name": "blue", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    document = {"metadata": ending, "status": {"phase": "Terminating"}}
    assert defaulted(Namespace, document)["spec"] == {}


def test_a_service() -> None:
    service = defaulted(Service, {"spec": {"ports": [{"port": 80}], "clusterIP": "None"}})
    assert service["spec"] == {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "clusterIP": "None",
        "clusterIPs": ["None"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
    }
    affine = defaulted(Service, {"spec": {"sessionAffinity": "ClientIP", "type": "LoadBalancer"}})
    assert affine["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert affine["spec"]["externalTrafficPolicy"] == "Cluster"
    named = defaulted(Service, {"spec": {"type": "ExternalName", "externalName": "a.example"}})
    assert "ipFamilies" not in named["spec"]


def test_a_node_offers_all_that_it_has() -> None:
    assert defaulted(Node, {"status": {"capacity": {"cpu": "2"}}})["status"]["allocatable"] == {
        "cpu": "2"
    }


def test_a_micro_time_always_has_a_fraction() -> None:
    whole = datetime(2026, 1, 1, tzinfo=UTC)
    lease, event = Lease(), Event(event_time=whole)
    lease.spec.renew_time = whole
    lease.spec.acquire_time = whole.replace(microsecond=5)
    for obj in (lease, event):
        default(obj)
    assert b'"renewTime":"2026-01-01T00:00:00.000001Z"' in msgspec.json.encode(lease)
    assert lease.spec.acquire_time == whole.replace(microsecond=5)
    assert b'"eventTime":"2026-01-01T00:00:00.000001Z"' in msgspec.json.encode(event)


def test_a_kind_without_defaults_is_left_alone() -> None:
    config = ConfigMap(data={"a": "b"})
    default(config)
    assert config == ConfigMap(data={"a": "b"})


@pytest.mark.parametrize("kind", list(KindTable.core()), ids=lambda kind: kind.info.kind)
def test_defaults_are_idempotent(kind: type[Kind]) -> None:
    obj = kind()
    obj.metadata.name = "web"
    default(obj)
    once = copy.deepcopy(obj)
    default(obj)
    assert obj == once
