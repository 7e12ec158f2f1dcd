"""What admission makes of a Pod's RuntimeClass."""

from typing import Any

import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.client import Client
from kernel.api.errors import Forbidden
from kernel.objects.affinity import Toleration
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.objects.runtime_class import Overhead, RuntimeClass, Scheduling
from kernel.reconcilers.runtime_classes import runtime_class_admission

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def hook(client: Client, admission: AdmissionChain) -> None:
    admission.add(runtime_class_admission(client))


def _pod(runtime_class_name: str | None = "boxed", **spec: Any) -> Pod:
    containers = [Container(name="main", image="busybox")]
    return Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(containers=containers, runtime_class_name=runtime_class_name, **spec),
    )


async def _make_class(client: Client, **fields: Any) -> None:
    metadata = ObjectMeta(name="boxed")
    await client.create(RuntimeClass(metadata=metadata, handler="box", **fields))


async def test_the_class_has_to_be_there(client: Client) -> None:
    with pytest.raises(Forbidden) as refused:
        await client.create(_pod())
    assert str(refused.value) == (
        'pods "web" is forbidden: pod rejected: RuntimeClass "boxed" not found'
    )
    await _make_class(client)
    pod = await client.create(_pod())
    assert (pod.spec.runtime_class_name, pod.spec.overhead) == ("boxed", {})


async def test_its_overhead_is_the_pods(client: Client) -> None:
    await _make_class(client, overhead=Overhead(pod_fixed={"memory": "1024Mi"}))
    pod = await client.create(_pod())
    assert pod.spec.overhead == {"memory": "1Gi"}
    same = _pod(overhead={"memory": "1Gi"})
    same.metadata.name = "same"
    await client.create(same)


@pytest.mark.parametrize(
    ("name", "overhead", "message"),
    [
        ("boxed", {"memory": "2Gi"}, "Pod's Overhead doesn't match RuntimeClass's defined"),
        ("boxed", {"cpu": "1"}, "Pod's Overhead doesn't match RuntimeClass's defined"),
        (None, {"cpu": "1"}, "Overhead set without corresponding RuntimeClass defined Overhead"),
    ],
)
async def test_an_overhead_of_its_own_is_refused(
    client: Client, name: str | None, overhead: dict[str, str], message: str
) -> None:
    await _make_class(client, overhead=Overhead(pod_fixed={"memory": "1Gi"}))
    with pytest.raises(Forbidden, match=message):
        await client.create(_pod(name, overhead=overhead))


async def test_its_wishes_for_nodes_are_added_to_the_pods(client: Client) -> None:
    toleration = Toleration(key="boxes", operator="Exists", effect="NoSchedule")
    scheduling = Scheduling(node_selector={"boxes": "yes"}, tolerations=[toleration])
    await _make_class(client, scheduling=scheduling)
    pod = await client.create(_pod(node_selector={"disk": "fast"}, tolerations=[toleration]))
    assert pod.spec.node_selector == {"disk": "fast", "boxes": "yes"}
    assert pod.spec.tolerations.count(toleration) == 1
    with pytest.raises(Forbidden, match=r"runtimeClass\.scheduling\.nodeSelector\[boxes\] = yes"):
        await client.create(_pod(node_selector={"boxes": "no"}))
