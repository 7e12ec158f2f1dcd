"""What admission makes of PriorityClasses, StorageClasses and LimitRanges."""

from collections.abc import AsyncIterator

import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.client import Client
from kernel.api.errors import Forbidden
from kernel.control.informer import Informers
from kernel.objects.container import ResourceRequirements
from kernel.objects.meta import ObjectMeta
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.objects.priority_class import PriorityClass
from kernel.objects.resource_policies import LimitRange, LimitRangeItem, LimitRangeSpec
from kernel.objects.storage import StorageClass
from kernel.objects.volume import PersistentVolumeClaimSpec, VolumeResourceRequirements
from kernel.reconcilers.limit_ranges import limit_range_admission
from kernel.reconcilers.priority_classes import ensure_priority_classes, priority_admission
from kernel.reconcilers.storage_classes import DEFAULT_ANNOTATION, storage_class_admission

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def hooks(client: Client, admission: AdmissionChain) -> AsyncIterator[None]:
    informers = Informers(client)
    for hook in (
        *priority_admission(informers),
        *limit_range_admission(informers),
        storage_class_admission(informers),
    ):
        admission.add_builtin(hook)
    await informers.start()
    await ensure_priority_classes(client)
    yield
    informers.stop()


def pod(name: str = "web", resources: ResourceRequirements | None = None, **spec: object) -> Pod:
    container = Container(name="main", image="busybox")
    container.resources = resources or ResourceRequirements()
    made = PodSpec(containers=[container])
    for field, value in spec.items():
        setattr(made, field, value)
    return Pod(metadata=ObjectMeta(name=name), spec=made)


def priority_class(name: str, value: int, **fields: object) -> PriorityClass:
    made = PriorityClass(metadata=ObjectMeta(name=name), value=value)
    for field, given in fields.items():
        setattr(made, field, given)
    return made


async def refused(client: Client, made: Pod) -> str:
    with pytest.raises(Forbidden) as found:
        await client.create(made)
    return str(found.value)


async def test_a_class_gives_its_priority(client: Client) -> None:
    await client.create(priority_class("high", 1000, preemption_policy="Never"))
    made = await client.create(pod(priority_class_name="high"))
    assert (made.spec.priority, made.spec.preemption_policy) == (1000, "Never")
    system = await client.create(pod("dns", priority_class_name="system-node-critical"))
    assert system.spec.priority == 2_000_001_000
    none = await client.create(pod("plain"))
    assert (none.spec.priority, none.spec.priority_class_name) == (0, "")


async def test_a_default_class_is_that_of_pods_that_name_none(client: Client) -> None:
    await client.create(priority_class("usual", 10, global_default=True))
    made = await client.create(pod())
    assert (made.spec.priority, made.spec.priority_class_name) == (10, "usual")
    with pytest.raises(Forbidden, match="PriorityClass usual is already marked as default"):
        await client.create(priority_class("other", 11, global_default=True))


async def test_a_class_has_to_be_there_and_a_priority_is_not_given_by_hand(client: Client) -> None:
    assert await refused(client, pod(priority_class_name="none")) == (
        'pods "web" is forbidden: no PriorityClass with name none was found'
    )
    assert await refused(client, pod(priority=7)) == (
        'pods "web" is forbidden: the integer value of priority (7) must not be provided in pod'
        " spec; priority admission controller computed 0 from the given PriorityClass name"
    )


async def test_the_systems_classes_stay(client: Client) -> None:
    with pytest.raises(Forbidden, match="this is a system priority class and cannot be deleted"):
        await client.delete(PriorityClass, "system-cluster-critical")


async def test_limits_are_set_and_kept(client: Client) -> None:
    item = LimitRangeItem(type="Container", max={"cpu": "1"}, default={"cpu": "500m"})
    limits = LimitRange(metadata=ObjectMeta(name="l"), spec=LimitRangeSpec(limits=[item]))
    await client.create(limits)
    made = await client.create(pod())
    (container,) = made.spec.containers
    assert (container.resources.requests, container.resources.limits) == (
        {"cpu": "500m"},
        {"cpu": "500m"},
    )
    assert made.status.qos_class == "Burstable"
    wants = ResourceRequirements(limits={"cpu": "2"})
    assert await refused(client, pod("large", wants)) == (
        'pods "large" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    )


async def test_a_claim_gets_the_default_class(client: Client) -> None:
    annotations = {DEFAULT_ANNOTATION: "true"}
    for name, notes in (("slow", {}), ("usual", annotations)):
        metadata = ObjectMeta(name=name, annotations=notes)
        await client.create(StorageClass(metadata=metadata, provisioner="example.com/disks"))
    resources = VolumeResourceRequirements(requests={"storage": "1Gi"})
    spec = PersistentVolumeClaimSpec(access_modes=["ReadWriteOnce"], resources=resources)
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="data"), spec=spec)
    assert (await client.create(claim)).spec.storage_class_name == "usual"
