"""What clients always expect on the wire is there, and the rest is left out."""

import json
from typing import Any

import msgspec
import pytest

from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable
from kernel.objects.node import Node
from kernel.objects.pod import Container, Pod, PodSpec
from kernel.objects.pod_status import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    PodCondition,
    PodStatus,
)


def wire(obj: Any) -> Any:
    return json.loads(msgspec.json.encode(obj))


def test_a_new_object_says_its_kind_first() -> None:
    assert msgspec.json.encode(Pod()).startswith(b'{"apiVersion":"v1","kind":"Pod","metadata":{')


@pytest.mark.parametrize("kind", list(KindTable.core()), ids=lambda kind: kind.info.kind)
def test_every_kind_survives_the_wire(kind: type[Kind]) -> None:
    obj = kind()
    assert obj.api_version == kind.info.api_version
    assert msgspec.json.decode(msgspec.json.encode(obj), type=kind) == obj


def test_a_container_has_resources_and_nothing_else_that_is_empty() -> None:
    pod = Pod(spec=PodSpec(containers=[Container(name="web")]))
    assert wire(pod.spec) == {"containers": [{"name": "web", "resources": {}}]}


def test_a_container_status_is_whole() -> None:
    status = PodStatus(
        conditions=[PodCondition(type="Ready", status="False")],
        container_statuses=[
            ContainerStatus(
                name="web",
                state=ContainerState(terminated=ContainerStateTerminated(exit_code=0)),
            )
        ],
    )
    assert wire(status) == {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": "web",
                "state": {"terminated": {"exitCode": 0}},
                "lastState": {},
                "ready": False,
                "restartCount": 0,
                "image": "",
                "imageID": "",
            }
        ],
    }


def test_a_node_has_its_endpoints_and_system_info() -> None:
    status = wire(Node())["status"]
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 0}}
    assert len(status["nodeInfo"]) == 10
    assert set(status["nodeInfo"].values()) == {""}


def test_an_event_names_its_reporter() -> None:
    event = wire(Event())
    assert event["reportingComponent"] == event["reportingInstance"] == ""
    assert event["involvedObject"] == event["source"] == {}


def test_a_default_is_no_ones_shared_list() -> None:
    first, second = Pod(), Pod()
    first.spec.containers.append(Container(name="web"))
    first.metadata.labels["app"] = "web"
    assert second == Pod()
