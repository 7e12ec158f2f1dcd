"""What people are warned of."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.api.context import WARNINGS_MAX, ClientRequest, acting, warn
from kernel.api.warnings import warnings_of
from kernel.objects.apps import Deployment
from kernel.objects.authentication import UserInfo
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.networking import Ingress
from kernel.objects.persistent_volume import PersistentVolume
from kernel.objects.pod import Pod
from kernel.objects.service import Service


def pod(container: dict[str, Any] | None = None, **spec: Any) -> Pod:
    containers = [{"name": "web", "image": "busybox", **(container or {})}]
    document = {"metadata": {"name": "web"}, "spec": {"containers": containers, **spec}}
    return msgspec.convert(document, Pod)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod(), []),
        (
            pod({"resources": {"requests": {"memory": "100m"}, "limits": {"memory": "1Gi"}}}),
            [
                'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is'
                " invalid, must be an integer"
            ],
        ),
        (
            pod({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
            [
                'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped'
                " when using apply"
            ],
        ),
        (pod({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]}), []),
        (
            pod({"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]}),
            [
                "spec.containers[0].ports[1]: duplicate port definition with"
                " spec.containers[0].ports[0]"
            ],
        ),
        (pod({"ports": [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]}), []),
        (
            pod(nodeSelector={"beta.kubernetes.io/os": "linux"}),
            [
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use"
                ' "kubernetes.io/os" instead'
            ],
        ),
        (
            pod(terminationGracePeriodSeconds=-1),
            [
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and"
                " will be treated as 1"
            ],
        ),
        (
            pod(imagePullSecrets=[{"name": "a"}, {"name": "a"}]),
            ['spec.imagePullSecrets[1].name: duplicate name "a"'],
        ),
        (
            pod(volumes=[{"name": "v", "gitRepo": {"repository": "r"}}]),
            ["spec.volumes[0].gitRepo: deprecated in v1.11"],
        ),
        (
            pod(
                topologySpreadConstraints=[
                    {
                        "maxSkew": 1,
                        "whenUnsatisfiable": "DoNotSchedule",
                        "topologyKey": "failure-domain.beta.kubernetes.io/zone",
                    }
                ]
            ),
            [
                "spec.topologySpreadConstraints[0].topologyKey:"
                " failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use"
                ' "topology.kubernetes.io/zone" instead',
                "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in"
                " matching no pod",
            ],
        ),
        (
            msgspec.convert({"spec": {"clusterIP": "None", "externalIPs": ["1.2.3.4"]}}, Service),
            ["spec.externalIPs is ignored for headless services"],
        ),
        (
            Ingress(metadata=ObjectMeta(annotations={"kubernetes.io/ingress.class": "nginx"})),
            [
                'annotation "kubernetes.io/ingress.class" is deprecated, please use'
                " 'spec.ingressClassName' instead"
            ],
        ),
        (
            msgspec.convert(
                {"spec": {"persistentVolumeReclaimPolicy": "Recycle"}}, PersistentVolume
            ),
            [
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated."
                " Instead, the recommended approach is to use dynamic provisioning."
            ],
        ),
        (ConfigMap(), []),
    ],
)
def test_warnings(obj: Kind, expected: list[str]) -> None:
    assert warnings_of(obj, is_new=True) == expected


def test_of_a_template_they_say_where() -> None:
    document = {
        "metadata": {"name": "web.example"},
        "spec": {"template": {"spec": {"nodeSelector": {"beta.kubernetes.io/arch": "arm"}}}},
    }
    obj = msgspec.convert(document, Deployment)
    label, name = warnings_of(obj, is_new=True)
    assert label.startswith("spec.template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated")
    assert name == (
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising"
        " behavior; a DNS label is recommended: [must not contain dots]"
    )
    assert warnings_of(obj, is_new=False) == [label]


@given(
    st.lists(st.sampled_from(["A", "B", "C"]), max_size=6),
    st.lists(st.integers(1, 3), max_size=6),
)
def test_each_repetition_is_told_once(names: list[str], ports: list[int]) -> None:
    obj = pod(
        {
            "env": [{"name": name} for name in names],
            "ports": [{"containerPort": port} for port in ports],
        }
    )
    repeated = len(names) - len(set(names)) + len(ports) - len(set(ports))
    assert len(warnings_of(obj, is_new=True)) == repeated


def test_nobody_is_warned_of_more_than_an_answer_holds() -> None:
    request = ClientRequest(UserInfo(username="jane"))
    with acting("jane", request=request):
        for number in range(WARNINGS_MAX * 2):
            warn(f"{number} is odd")
    assert request.warnings == [f"{number} is odd" for number in range(WARNINGS_MAX)]
