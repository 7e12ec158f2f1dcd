"""The subresource resize of Pods: what it changes, and what it refuses."""

from typing import Any

import pytest

from .conftest import Served, pod

pytestmark = pytest.mark.anyio

PODS = "/api/v1/namespaces/default/pods"
STRATEGIC = {"Content_Type": "application/strategic-merge-patch+json"}
SMALL = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}


async def create(served: Served, **spec: Any) -> Any:
    """Pod web with an init container and a main one, as it was created."""
    body = pod("web")
    body["spec"]["containers"][0]["resources"] = SMALL
    body["spec"]["initContainers"] = [{"name": "init", "image": "busybox", "resources": SMALL}]
    body["spec"] |= spec
    answer = await served.post(PODS, body)
    assert answer.status == 201, answer.body
    return answer.json


def patch(**resources: Any) -> dict[str, Any]:
    """Other resources for the main container."""
    return {"spec": {"containers": [{"name": "c", "resources": resources}]}}


async def test_amounts_change_and_nothing_else(served: Served) -> None:
    made = await create(served)
    wanted = patch(limits={"cpu": "1"}, requests={"cpu": "500m"})
    wanted["metadata"] = {"labels": {"a": "b"}}
    wanted["spec"]["containers"][0]["image"] = "other"
    answer = await served.ask("PATCH", f"{PODS}/web/resize", wanted, **STRATEGIC)
    assert answer.status == 200, answer.body
    (container,) = answer.json["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "64Mi"},
    }
    assert container["image"] == "busybox"
    assert "labels" not in answer.json["metadata"]
    assert answer.json["metadata"]["generation"] == made["metadata"]["generation"] + 1
    whole = answer.json
    whole["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "2"
    put = await served.ask("PUT", f"{PODS}/web/resize", whole)
    assert put.json["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "2"
    assert (await served.get(f"{PODS}/web/resize")).json == put.json


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            patch(limits={"memory": None}),
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
        ),
        (
            patch(limits={"ephemeral-storage": "1Gi"}),
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (
            patch(requests={"cpu": "200m", "memory": "64Mi"}),
            'spec: Invalid value: "Guaranteed": Pod QOS Class may not change as a result of'
            " resizing",
        ),
        (
            patch(requests={"cpu": "300m"}),
            "must be less than or equal to cpu limit of 200m",
        ),
        (
            {"spec": {"initContainers": [{"name": "init", "resources": {"limits": {"cpu": "1"}}}]}},
            "spec.initContainers[0].resources: Forbidden: resources for non-sidecar init containers"
            " are immutable",
        ),
        (
            {"spec": {"containers": [{"name": "d", "image": "busybox"}]}},
            "spec.containers: Forbidden: containers may not be renamed or reordered on resize",
        ),
    ],
)
async def test_what_is_refused(served: Served, change: Any, message: str) -> None:
    guaranteed = {"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": SMALL["limits"]}
    init = {"name": "init", "image": "busybox", "resources": guaranteed}
    await create(served, initContainers=[init])
    answer = await served.ask("PATCH", f"{PODS}/web/resize", change, **STRATEGIC)
    assert answer.status == 422, answer.body
    assert message in answer.json["message"]


async def test_a_request_stays(served: Served) -> None:
    unlimited = {"name": "c", "image": "busybox", "resources": {"requests": {"cpu": "1"}}}
    await create(served, containers=[unlimited])
    change = patch(requests={"cpu": None, "memory": "1Mi"})
    answer = await served.ask("PATCH", f"{PODS}/web/resize", change, **STRATEGIC)
    words = "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"
    assert words in answer.json["message"]


async def test_an_ordinary_update_does_not_resize(served: Served) -> None:
    await create(served)
    answer = await served.ask("PATCH", f"{PODS}/web", patch(limits={"cpu": "1"}), **STRATEGIC)
    assert answer.status == 422
    assert "pod updates may not change fields other than" in answer.json["message"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"resourceName": "disk", "restartPolicy": "NotRequired"}, "Unsupported value"),
        ({"resourceName": "cpu", "restartPolicy": "Perhaps"}, "Unsupported value"),
        (
            {"resourceName": "cpu", "restartPolicy": "RestartContainer"},
            "must be 'NotRequired' when `restartPolicy` is 'Never'",
        ),
    ],
)
async def test_policies_that_make_no_sense(served: Served, policy: Any, message: str) -> None:
    body = pod("web")
    body["spec"]["restartPolicy"] = "Never"
    body["spec"]["containers"][0]["resizePolicy"] = [policy]
    answer = await served.post(PODS, body)
    assert answer.status == 422
    assert "spec.containers[0].resizePolicy[0]" in answer.json["message"]
    assert message in answer.json["message"]
