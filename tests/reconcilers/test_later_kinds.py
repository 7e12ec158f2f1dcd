"""Kinds that are defined while the kernel runs: their objects own, are owned, and end with their
namespace as all others."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.objects.config import ConfigMap
from kernel.objects.custom_resource_definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion,
    CustomResourceValidation,
)
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.namespace import Namespace
from kernel.reconcilers.namespaces import namespaces
from kernel.reconcilers.owners import owners

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


@pytest.fixture
def build(client: Client, kinds: KindTable, clock: ManualClock) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        return [namespaces(client, informers, kinds, clock), *owners(informers, kinds)]

    return build


def definition() -> CustomResourceDefinition:
    schema = JSONSchemaProps(type="object", preserve_unknown_fields=True)
    version = CustomResourceDefinitionVersion(
        name="v1",
        served=True,
        storage=True,
        schema=CustomResourceValidation(open_api_v3_schema=schema),
    )
    return CustomResourceDefinition(
        metadata=ObjectMeta(name="gardens.example.dev"),
        spec=CustomResourceDefinitionSpec(
            group="example.dev",
            scope="Namespaced",
            names=CustomResourceDefinitionNames(kind="Garden", plural="gardens"),
            versions=[version],
        ),
    )


def owner_of(owner: Kind) -> OwnerReference:
    return OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
    )


async def names(client: Client, kind: type[Kind]) -> list[str]:
    found = [obj.metadata.name for obj in await client.list(kind)]
    return [name for name in found if name != "kube-root-ca.crt"]


async def test_what_an_object_of_a_new_kind_owns_goes_with_it(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    async with run(build):
        await client.create(definition())
        garden = kinds.by_kind("example.dev/v1", "Garden")
        assert garden is not None
        first = await client.create(garden(metadata=ObjectMeta(name="first")))
        # Both at once: the kind may not be followed yet, and its objects hold what they own.
        plan = ConfigMap(metadata=ObjectMeta(name="plan", owner_references=[owner_of(first)]))
        plan = await client.create(plan)
        bed = ObjectMeta(name="bed", owner_references=[owner_of(plan)])
        await client.create(garden(metadata=bed))
        await settle()
        assert (await names(client, ConfigMap), await names(client, garden)) == (
            ["plan"],
            ["bed", "first"],
        )
        await client.delete(garden, "first")
        await settle()
        assert (await names(client, ConfigMap), await names(client, garden)) == ([], [])


async def test_a_kernel_that_starts_with_definitions_follows_their_kinds(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    await client.create(definition())
    garden = kinds.by_kind("example.dev/v1", "Garden")
    assert garden is not None
    first = await client.create(garden(metadata=ObjectMeta(name="first")))
    await client.create(
        ConfigMap(metadata=ObjectMeta(name="plan", owner_references=[owner_of(first)]))
    )
    async with run(build):
        await settle()
        assert await names(client, ConfigMap) == ["plan"]
        await client.delete(garden, "first")
        await settle()
        assert await names(client, ConfigMap) == []


async def test_a_namespace_waits_for_an_object_of_a_new_kind_and_no_longer(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    async with run(build):
        await client.create(definition())
        garden = kinds.by_kind("example.dev/v1", "Garden")
        assert garden is not None
        await client.create(Namespace(metadata=ObjectMeta(name="park")))
        held = ObjectMeta(name="held", namespace="park", finalizers=["example.dev/operator"])
        await client.create(garden(metadata=held))
        await client.delete(Namespace, "park")
        await settle()
        assert "park" in await names(client, Namespace)
        await client.patch(garden, "held", {"metadata": {"finalizers": None}}, namespace="park")
        await settle()
        assert "park" not in await names(client, Namespace)
