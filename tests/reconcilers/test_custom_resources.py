"""Definitions that are deleted take their objects along; names that become free are given out."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.api.errors import Forbidden, NotFound
from kernel.clock import ManualClock
from kernel.control.informer import Informers
from kernel.control.reconciler import Reconciler
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.decoding import decode
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.reconcilers.custom_resources import custom_resources

from ..cron_tabs import definition

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


@pytest.fixture
def build(client: Client, clock: ManualClock) -> Any:
    def build(informers: Informers) -> list[Reconciler]:
        return [custom_resources(client, informers, clock)]

    return build


async def define(client: Client, kinds: KindTable, **names: Any) -> type[Kind]:
    made = await client.create(decode(CustomResourceDefinition, definition(**names)))
    kind = kinds.by_kind("stable.example.com/v1", made.spec.names.kind)
    return kind or CustomObject


def meta(name: str, **more: Any) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="default", **more)


async def test_a_definition_goes_with_its_objects(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    cron_tab = await define(client, kinds)
    await client.create(cron_tab(metadata=meta("one")))
    async with run(build):
        deleted = await client.delete(CustomResourceDefinition, "crontabs.stable.example.com")
        assert deleted.has_condition("Terminating")
        with pytest.raises(Forbidden, match="create not allowed while custom resource definition"):
            await client.create(cron_tab(metadata=meta("two")))
        await settle()
    with pytest.raises(NotFound):
        await client.get(CustomResourceDefinition, "crontabs.stable.example.com")
    assert await client.list(cron_tab) == []
    assert kinds.by_kind("stable.example.com/v1", "CronTab") is None


async def test_a_definition_waits_for_finalizers(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    cron_tab = await define(client, kinds)
    held = await client.create(cron_tab(metadata=meta("one", finalizers=["example.com/hold"])))
    async with run(build):
        await client.delete(CustomResourceDefinition, "crontabs.stable.example.com")
        await settle()
        waiting = await client.get(CustomResourceDefinition, "crontabs.stable.example.com")
        reasons = {one.type: one.reason for one in waiting.status.conditions}
        assert reasons["Terminating"] == "InstanceDeletionInProgress"
        await client.patch(
            cron_tab, "one", {"metadata": {"finalizers": None}}, namespace=held.metadata.namespace
        )
        await settle()
    with pytest.raises(NotFound):
        await client.get(CustomResourceDefinition, "crontabs.stable.example.com")


async def test_names_are_given_to_who_waits_for_them(
    client: Client, kinds: KindTable, run: Any, build: Any
) -> None:
    await define(client, kinds)
    other = {"plural": "others", "singular": "other", "kind": "Other"}
    await define(client, kinds, **other)
    assert kinds.by_kind("stable.example.com/v1", "Other") is None
    async with run(build):
        await client.delete(CustomResourceDefinition, "crontabs.stable.example.com")
        await settle()
        waiting = await client.get(CustomResourceDefinition, "others.stable.example.com")
    assert waiting.has_condition("Established")
    assert kinds.by_name("ct") is kinds.by_kind("stable.example.com/v1", "Other")
