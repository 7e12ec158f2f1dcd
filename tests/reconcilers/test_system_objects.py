"""What every kernel has from the start and gets back."""

from typing import Any

import anyio
import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.client import Client
from kernel.api.errors import Forbidden
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.service import Service, ServiceAccount, ServicePort
from kernel.reconcilers.system_objects import (
    ensure_system_objects,
    furnish_namespaces,
    system_objects,
)
from kernel.store.store import Store

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked

SYSTEM_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}


async def test_they_are_there_from_the_start(client: Client) -> None:
    names = {namespace.metadata.name for namespace in await client.list(Namespace)}
    assert names == SYSTEM_NAMESPACES
    service = await client.get(Service, "kubernetes")
    assert service.spec.cluster_ip == "10.96.0.1"
    assert service.spec.ports == [
        ServicePort(name="https", port=443, protocol="TCP", target_port=6443)
    ]
    assert service.metadata.labels == {"component": "apiserver", "provider": "kubernetes"}
    accounts = await client.list(ServiceAccount)
    assert {account.metadata.namespace for account in accounts} == SYSTEM_NAMESPACES
    assert {account.metadata.name for account in accounts} == {"default"}


async def test_a_second_start_changes_nothing_but_the_port(client: Client) -> None:
    before = await client.list(Namespace)
    service = await client.get(Service, "kubernetes")
    await ensure_system_objects(client, authority="PEM")
    assert await client.list(Namespace) == before
    assert await client.get(Service, "kubernetes") == service
    await ensure_system_objects(client, authority="PEM", server_port=7443)
    moved = await client.get(Service, "kubernetes")
    assert moved.metadata.uid == service.metadata.uid
    assert moved.spec.ports[0].target_port == 7443


async def test_what_is_deleted_comes_back(client: Client, run: Any) -> None:
    old = await client.get(Service, "kubernetes")
    async with run(lambda _: [system_objects(authority="PEM")]):
        await client.delete(Service, "kubernetes")
        await client.delete(ServiceAccount, "default", namespace="kube-public")
        await settle()
        assert (await client.get(Service, "kubernetes")).metadata.uid != old.metadata.uid
        assert await client.get(ServiceAccount, "default", namespace="kube-public")


async def test_a_system_namespace_that_may_go_comes_back(client: Client, run: Any) -> None:
    async with run(lambda _: [system_objects(authority="PEM")]):
        await client.delete(Namespace, "kube-node-lease")
        ending = await client.get(Namespace, "kube-node-lease")
        ending.spec.finalizers = []
        await client.update(ending)
        await settle()
        back = await client.get(Namespace, "kube-node-lease")
        assert back.metadata.uid != ending.metadata.uid
        assert back.status.phase == "Active"


async def test_a_new_namespace_has_its_objects_from_the_first_moment(
    client: Client, admission: AdmissionChain, store: Store
) -> None:
    admission.add(furnish_namespaces("PEM"))
    await client.create(Namespace(metadata=ObjectMeta(name="dry")), dry_run=True)
    created = await client.create(Namespace(metadata=ObjectMeta(name="team")))
    entries, _ = store.entries(int(created.metadata.resource_version))
    assert [entry.key for entry in entries] == [
        "/core/namespaces//team",
        "/core/serviceaccounts/team/default",
        "/core/configmaps/team/kube-root-ca.crt",
    ]
    assert await client.get(ServiceAccount, "default", namespace="team")
    authority = await client.get(ConfigMap, "kube-root-ca.crt", namespace="team")
    assert authority.data == {"ca.crt": "PEM"}


async def test_another_authority_takes_the_place_of_the_first(client: Client, run: Any) -> None:
    await ensure_system_objects(client, authority="NEW")
    assert (await client.get(ConfigMap, "kube-root-ca.crt")).data == {"ca.crt": "NEW"}
    async with run(lambda _: [system_objects(authority="NEW")]):
        await client.patch(ConfigMap, "kube-root-ca.crt", {"data": {"ca.crt": "forged"}})
        await settle()
        assert (await client.get(ConfigMap, "kube-root-ca.crt")).data == {"ca.crt": "NEW"}
        await client.delete(ConfigMap, "kube-root-ca.crt")
        await settle()
        assert (await client.get(ConfigMap, "kube-root-ca.crt")).data == {"ca.crt": "NEW"}


async def test_older_namespaces_get_their_objects_but_ending_ones_do_not(
    client: Client, run: Any
) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="team")))
    async with run(lambda _: [system_objects(authority="PEM")]):
        await settle()
        assert await client.get(ServiceAccount, "default", namespace="team")
        await client.delete(Namespace, "team")
        await client.delete(ServiceAccount, "default", namespace="team")
        await settle()
        assert await client.list(ServiceAccount, namespace="team") == []


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
async def test_some_namespaces_may_not_be_deleted(client: Client, name: str) -> None:
    with pytest.raises(Forbidden) as refused:
        await client.delete(Namespace, name)
    assert refused.value.message == (
        f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    )
