"""Where a kopf operator works: namespaces by pattern, the whole cluster, kinds that come later."""

import itertools
from collections.abc import Callable
from typing import Any

import kopf

from ...command.harness import eventually
from ..conftest import Cluster
from .conftest import GROUP, PLURAL, VERSION, Objects, Operator, definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def test_namespaces_by_pattern_and_all_of_them(
    cluster: Cluster,
    operator: Operator,
    another: Operator,
    examples_of: Callable[[str], Objects],
) -> None:
    for one in (operator, another):

        @kopf.on.event(PLURAL, registry=one.registry)
        def seen(namespace: str | None, one: Operator = one, **_: Any) -> None:
            one.notes.take(namespace)

    for name in ("scope-a", "scoped"):
        examples_of(cluster.make_namespace(name)).create("one")
    with operator.running("scope-*"), another.running():
        operator.notes.wait("scope-a")
        another.notes.wait("scope-a")
        another.notes.wait("scoped")
        # kopf follows namespaces too: what comes later is served as soon as it is there.
        examples_of(cluster.make_namespace("scope-b")).create("one")
        operator.notes.wait("scope-b")
        another.notes.wait("scope-b")
    assert ("scoped",) not in operator.notes.taken


def test_a_kind_that_comes_later_is_found(
    cluster: Cluster, namespace: str, operator: Operator
) -> None:
    @kopf.on.create(GROUP, VERSION, "latecomers", registry=operator.registry)
    def seen(name: str | None, **_: Any) -> None:
        operator.notes.take(name)

    definitions = Objects(
        cluster.api, DEFINITIONS, "CustomResourceDefinition", "apiextensions.k8s.io/v1"
    )
    numbers = itertools.count()
    with operator.running(namespace):
        late_definition = definition("Latecomer")
        cluster.api.request("POST", DEFINITIONS, late_definition)
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/latecomers"
        late = Objects(cluster.api, path, "Latecomer", f"{GROUP}/{VERSION}")
        late.create("one")

        def is_noticed() -> bool:
            # kopf looks at kinds first, and then at changes of definitions: what comes between is
            # noticed with the next change.
            definitions.patch(
                late_definition["metadata"]["name"],
                {"metadata": {"labels": {"n": str(next(numbers))}}},
            )
            return ("one",) in operator.notes.taken

        eventually(is_noticed, "kopf serves the new kind")


def test_the_operator_of_higher_priority_works_alone(
    cluster: Cluster, namespace: str, operator: Operator, another: Operator, config_maps: Objects
) -> None:
    cluster.api.request("POST", DEFINITIONS, definition("KopfPeering"))
    path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/kopfpeerings"
    peerings = Objects(cluster.api, path, "KopfPeering", f"{GROUP}/{VERSION}")
    peerings.create("mine")
    for one in (operator, another):

        @kopf.on.event("configmaps", registry=one.registry)
        def seen(name: str | None, one: Operator = one, **_: Any) -> None:
            one.notes.take(name)

    with operator.running(namespace, peering_name="mine", priority=1):
        config_maps.create("first")
        operator.notes.wait("first")
        with another.running(namespace, peering_name="mine", priority=2):
            another.notes.wait("first")
            assert len(peerings.get("mine")["status"]) == 2
            config_maps.create("second")
            another.notes.wait("second")
        # The other is gone: what has happened meanwhile is caught up with.
        operator.notes.wait("second")
