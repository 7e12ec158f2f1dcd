"""What is done with a Pod by way of its subresources: ephemeral containers added, evictions."""

from typing import Any

import pytest

from kernel.objects.pod import Pod

from .conftest import Served, pod

pytestmark = pytest.mark.anyio

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = {"Content_Type": "application/strategic-merge-patch+json"}


def debugger(name: str, **more: Any) -> dict[str, Any]:
    """What `kubectl debug` sends, in short."""
    container = {"name": name, "image": "busybox", "stdin": True, "tty": True} | more
    order = [{"name": name}]
    spec = {"$setElementOrder/ephemeralContainers": order, "ephemeralContainers": [container]}
    return {"spec": spec}


async def test_ephemeral_containers_are_added_one_by_one(served: Served) -> None:
    await served.post(PODS, pod("web"))
    path = f"{PODS}/web/ephemeralcontainers"
    first = await served.ask("PATCH", path, debugger("one", targetContainerName="c"), **STRATEGIC)
    assert first.status == 200, first.body
    assert first.json["metadata"]["generation"] == 2
    await served.ask("PATCH", path, debugger("two"), **STRATEGIC)
    found = (await served.get(path)).json["spec"]["ephemeralContainers"]
    assert {container["name"] for container in found} == {"one", "two"}
    assert {container["terminationMessagePolicy"] for container in found} == {"File"}


async def test_nothing_else_changes_by_that_way(served: Served) -> None:
    made = (await served.post(PODS, pod("web"))).json
    made["spec"]["containers"][0]["image"] = "other"
    made["metadata"]["labels"] = {"a": "b"}
    made["spec"]["ephemeralContainers"] = [{"name": "one", "image": "busybox"}]
    answer = await served.ask("PUT", f"{PODS}/web/ephemeralcontainers", made)
    assert answer.status == 200, answer.body
    assert answer.json["spec"]["containers"][0]["image"] == "busybox"
    assert "labels" not in answer.json["metadata"]
    assert answer.json["spec"]["ephemeralContainers"][0]["name"] == "one"


async def test_what_is_there_stays_as_it_is(served: Served) -> None:
    await served.post(PODS, pod("web"))
    path = f"{PODS}/web/ephemeralcontainers"
    await served.ask("PATCH", path, debugger("one"), **STRATEGIC)
    changed = await served.ask("PATCH", path, debugger("one", image="other"), **STRATEGIC)
    assert changed.status == 422
    assert 'existing ephemeral containers "one" may not be changed' in changed.json["message"]
    plain = await served.ask("PATCH", f"{PODS}/web", debugger("two"), **STRATEGIC)
    assert plain.status == 422


def eviction(name: str, **more: Any) -> dict[str, Any]:
    """What `kubectl drain` sends."""
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}} | more


async def test_an_evicted_pod_ends_and_says_why(served: Served) -> None:
    on_node = pod("web")
    on_node["spec"]["nodeName"] = "node1"
    await served.post(PODS, on_node)
    path = f"{PODS}/web/eviction"
    dry = await served.post(f"{path}?dryRun=All", eviction("web"))
    assert dry.status == 201
    options = {"gracePeriodSeconds": 7}
    answer = await served.post(path, eviction("web", deleteOptions=options))
    assert (answer.status, answer.json["status"]) == (201, "Success")
    found: Pod = served.api.get(Pod, "default", "web").decode()
    assert found.metadata.deletion_grace_period_seconds == 7
    (condition,) = [one for one in found.status.conditions if one.type == "DisruptionTarget"]
    assert (condition.status, condition.reason) == ("True", "EvictionByEvictionAPI")
    assert condition.message == "Eviction API: evicting"


async def test_evictions_that_are_refused(served: Served) -> None:
    await served.post(PODS, pod("web"))
    mismatch = await served.post(f"{PODS}/web/eviction", eviction("other"))
    assert mismatch.status == 400
    assert mismatch.json["message"] == "name in URL does not match name in Eviction object"
    stale = eviction("web", deleteOptions={"preconditions": {"uid": "another"}})
    assert (await served.post(f"{PODS}/web/eviction", stale)).status == 409
    assert (await served.post(f"{PODS}/nobody/eviction", eviction("nobody"))).status == 404
    # A Pod on no node goes at once.
    assert (await served.post(f"{PODS}/web/eviction", eviction("web"))).status == 201
    assert (await served.get(f"{PODS}/web")).status == 404


@pytest.mark.parametrize("chosen", ["../../etc", "another"])
async def test_no_client_chooses_what_the_node_knows_a_pod_by(served: Served, chosen: str) -> None:
    pods = "/api/v1/namespaces/default/pods"
    annotations = {"kubernetes.io/config.hash": chosen}
    wanted = pod("thief")
    wanted["metadata"]["annotations"] = annotations
    assert (await served.post(pods, wanted)).status == 422
    assert (await served.post(pods, pod("thief"))).status == 201
    for part in ("", "/status", "/ephemeralcontainers", "/resize"):
        merge = {"metadata": {"annotations": annotations}}
        await served.ask(
            "PATCH", f"{pods}/thief{part}", merge, Content_Type="application/merge-patch+json"
        )
    assert "annotations" not in (await served.get(f"{pods}/thief")).json["metadata"]
