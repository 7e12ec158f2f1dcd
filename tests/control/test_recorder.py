"""Events are counted up where the same thing is said again, and never stand in anyone's way."""

import pytest

from kernel.api.local import LocalClient
from kernel.clock import ManualClock
from kernel.control.recorder import Recorder
from kernel.objects.config import ConfigMap
from kernel.objects.event import Event
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace

pytestmark = pytest.mark.anyio


@pytest.fixture
async def subject(client: LocalClient) -> ConfigMap:
    return await client.create(ConfigMap(metadata=ObjectMeta(name="web")))


@pytest.fixture
def recorder(client: LocalClient, clock: ManualClock) -> Recorder:
    return Recorder(client, component="tester", clock=clock, host="here")


async def test_the_same_thing_said_again_is_counted(
    client: LocalClient, clock: ManualClock, subject: ConfigMap, recorder: Recorder
) -> None:
    for _ in range(3):
        await recorder.event(subject, "Normal", "Pulled", "image is there", field_path="data{a}")
        await clock.advance(10)
    (event,) = await client.list(Event)
    assert (event.type, event.reason, event.message) == ("Normal", "Pulled", "image is there")
    assert event.count == 3
    assert event.first_timestamp is not None
    assert event.last_timestamp is not None
    assert (event.last_timestamp - event.first_timestamp).total_seconds() == 20
    about = event.involved_object
    assert (about.kind, about.namespace, about.name) == ("ConfigMap", "default", "web")
    assert (about.uid, about.field_path) == (subject.metadata.uid, "data{a}")
    assert (event.source.component, event.source.host) == ("tester", "here")


async def test_different_things_are_different_events_also_in_one_instant(
    client: LocalClient, clock: ManualClock, subject: ConfigMap, recorder: Recorder
) -> None:
    other = Recorder(client, component="other", clock=clock)
    await recorder.event(subject, "Normal", "Pulled", "one")
    await recorder.event(subject, "Normal", "Pulled", "two")
    await recorder.event(subject, "Warning", "Failed", "one")
    await other.event(subject, "Normal", "Pulled", "one")
    events = await client.list(Event)
    assert [event.count for event in events] == [1, 1, 1, 1]
    assert all(event.metadata.name.startswith("web.") for event in events)


async def test_an_event_that_somebody_deleted_is_made_anew(
    client: LocalClient, subject: ConfigMap, recorder: Recorder
) -> None:
    await recorder.event(subject, "Normal", "Pulled", "one")
    (event,) = await client.list(Event)
    await client.delete(Event, event.metadata.name)
    await recorder.event(subject, "Normal", "Pulled", "one")
    (event,) = await client.list(Event)
    assert event.count == 1


async def test_events_of_cluster_scoped_objects_are_in_the_default_namespace(
    client: LocalClient, recorder: Recorder
) -> None:
    namespace = await client.get(Namespace, "default")
    await recorder.event(namespace, "Normal", "Seen", "it is there")
    (event,) = await client.list(Event, namespace="default")
    assert (event.involved_object.namespace, event.involved_object.kind) == ("", "Namespace")


async def test_an_event_that_can_not_be_stored_is_logged_and_no_more(
    client: LocalClient, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = ConfigMap(metadata=ObjectMeta(name="web", namespace="nowhere", uid="u"))
    await recorder.event(stranger, "Normal", "Pulled", "one")
    assert "event Pulled of ConfigMap nowhere/web not recorded" in caplog.text
    assert list(await client.list(Event)) == []


async def test_many_similar_events_are_combined_into_one(
    client: LocalClient, clock: ManualClock, subject: ConfigMap, recorder: Recorder
) -> None:
    for number in range(12):
        await recorder.event(subject, "Warning", "Failed", f"attempt {number}")
        await clock.advance(1)
    events = sorted(await client.list(Event), key=lambda event: event.count)
    assert [event.count for event in events] == [1] * 9 + [3]
    combined = events[-1]
    assert combined.message == "(combined from similar events): attempt 11"
    assert combined.first_timestamp is not None
    assert combined.last_timestamp is not None
    assert (combined.last_timestamp - combined.first_timestamp).total_seconds() == 2


async def test_what_is_said_without_end_is_written_now_and_then_and_counted_all_the_same(
    client: LocalClient, clock: ManualClock, subject: ConfigMap, recorder: Recorder
) -> None:
    for _ in range(100):
        await recorder.event(subject, "Warning", "Failed", "again")
    (event,) = await client.list(Event)
    assert event.count == 26
    await clock.advance(300)
    await recorder.event(subject, "Warning", "Failed", "again")
    (event,) = await client.list(Event)
    assert event.count == 101
