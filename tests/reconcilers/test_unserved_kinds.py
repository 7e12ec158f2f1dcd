"""What is stored and nothing more says so, once."""

from typing import Any

import pytest

from kernel.api.client import Client
from kernel.clock import ManualClock
from kernel.control.recorder import Recorder
from kernel.objects.apps import Deployment, DeploymentSpec
from kernel.objects.event import Event
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.pod import Container, PodSpec
from kernel.objects.pod_template import PodTemplateSpec
from kernel.reconcilers.unserved_kinds import unserved_kinds

pytestmark = pytest.mark.anyio

LABELS = {"app": "web"}


def deployment() -> Deployment:
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels=LABELS),
        spec=PodSpec(containers=[Container(name="web", image="busybox")]),
    )
    return Deployment(
        metadata=ObjectMeta(name="web"),
        spec=DeploymentSpec(selector=LabelSelector(match_labels=LABELS), template=template),
    )


async def test_it_is_said_once_also_after_a_change_and_a_restart(
    client: Client, run: Any, clock: ManualClock
) -> None:
    def build(informers: Any) -> Any:
        return unserved_kinds(Recorder(client, component="podkernel", clock=clock))

    async with run(build):
        made = await client.create(deployment())
        await clock.advance(1)
        made.spec.replicas = 3
        await client.update(made)
        await clock.advance(1)
    async with run(build):
        await clock.advance(1)
        (event,) = await client.list(Event)
        assert (event.type, event.reason, event.count) == ("Warning", "Unsupported", 1)
        assert event.message == "Deployments are stored; nothing creates their Pods yet"
        assert event.involved_object.uid == made.metadata.uid
        await client.delete(Deployment, "web")
        await client.create(deployment())
        await clock.advance(1)
        assert len(await client.list(Event)) == 2
