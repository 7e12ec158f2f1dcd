"""ClusterRoles that gather the rules of others follow them."""

from typing import Any

import anyio
import pytest

from kernel.api.client import Client
from kernel.api.errors import NotFound
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.rbac import AggregationRule, ClusterRole, PolicyRule
from kernel.reconcilers.cluster_roles import cluster_role_aggregation
from kernel.store.store import Store

pytestmark = pytest.mark.anyio

settle = anyio.wait_all_tasks_blocked


def rule(verb: str) -> PolicyRule:
    return PolicyRule(verbs=[verb], api_groups=[""], resources=["pods"])


def part(name: str, label: str, *verbs: str) -> ClusterRole:
    return ClusterRole(
        metadata=ObjectMeta(name=name, labels={label: "true"}), rules=[rule(verb) for verb in verbs]
    )


def whole(name: str, *labels: str, part_of: str = "") -> ClusterRole:
    selectors = [LabelSelector(match_labels={label: "true"}) for label in labels]
    return ClusterRole(
        metadata=ObjectMeta(name=name, labels={part_of: "true"} if part_of else {}),
        aggregation_rule=AggregationRule(cluster_role_selectors=selectors),
        rules=[rule("impersonate")],
    )


async def _verbs(client: Client, name: str) -> list[str]:
    return [one.verbs[0] for one in (await client.get(ClusterRole, name)).rules]


async def test_rules_are_gathered_and_followed(client: Client, run: Any, store: Store) -> None:
    async with run(lambda informers: [cluster_role_aggregation(informers)]):
        await client.create(whole("a-outer", "outer"))
        await client.create(whole("inner", "one", "two", part_of="outer"))
        await settle()
        assert await _verbs(client, "inner") == []
        await client.create(part("z", "one", "get"))
        await client.create(part("b", "two", "list", "get"))
        await settle()
        assert await _verbs(client, "inner") == ["get", "list"]
        assert await _verbs(client, "a-outer") == ["get", "list"]
        await client.delete(ClusterRole, "b")
        await settle()
        assert await _verbs(client, "inner") == ["get"]
        assert await _verbs(client, "a-outer") == ["get"]
        before = store.published_revision
        await settle()
        assert store.published_revision == before


async def test_a_role_does_not_gather_its_own_rules(client: Client, run: Any) -> None:
    async with run(lambda informers: [cluster_role_aggregation(informers)]):
        await client.create(whole("own", "own", part_of="own"))
        await settle()
        assert await _verbs(client, "own") == []
        await client.delete(ClusterRole, "own")
        await settle()
        with pytest.raises(NotFound):
            await client.get(ClusterRole, "own")
