"""A reconciler at work: what calls it, with which cause, and what its outcomes lead to."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from kernel.api.client import Client
from kernel.api.errors import AlreadyExists
from kernel.api.local import LocalClient
from kernel.clock import ManualClock
from kernel.control.manager import Manager
from kernel.control.reconciler import (
    Reconciler,
    Request,
    Result,
    RetryAfter,
    TerminalError,
    Trigger,
    Watch,
    reconciler,
)
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.objects.namespace import Namespace
from kernel.store.store import Store
from tests.control.kinds import Domain, Website

pytestmark = pytest.mark.anyio
Outcome = Result | Exception | None


def config_map(name: str, **fields: object) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, **fields))  # type: ignore[arg-type]


@asynccontextmanager
async def running(
    client: Client, clock: ManualClock, *reconcilers: Reconciler
) -> AsyncIterator[Manager]:
    """A manager at work, which has dealt with all that was there."""
    manager = Manager(client, clock)
    manager.add(reconcilers)
    async with manager.running():
        await clock.advance(0)
        yield manager


def scripted(calls: list[str], *outcomes: Outcome) -> Reconciler:
    """A reconciler of ConfigMaps that notes its calls and has one outcome after the other."""
    script = iter(outcomes)

    @reconciler(ConfigMap, name="scripted")
    async def reconcile(request: Request, client: Client) -> Result | None:
        calls.append(request.name)
        outcome = next(script, None)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return reconcile


async def test_what_is_there_at_the_start_and_each_change_lead_to_a_call(
    client: LocalClient, clock: ManualClock
) -> None:
    calls: list[str] = []
    await client.create(config_map("old"))
    async with running(client, clock, scripted(calls)):
        assert calls == ["old"]
        created = await client.create(config_map("new"))
        await clock.advance(0)
        created.data["a"] = "1"
        await client.update(created)
        await clock.advance(0)
        await client.delete(ConfigMap, "new")
        await clock.advance(0)
        assert calls == ["old", "new", "new", "new"]
    await client.create(config_map("later"))
    await clock.advance(10)
    assert len(calls) == 4, "a stopped manager calls nobody"


async def test_changes_during_a_call_lead_to_one_more(
    client: LocalClient, clock: ManualClock
) -> None:
    seen: list[str] = []
    proceed = anyio.Event()

    @reconciler(ConfigMap, concurrency=3)
    async def slow(request: Request, client: Client) -> None:
        found = await client.get(ConfigMap, request.name)
        seen.append(found.data.get("a", ""))
        await proceed.wait()

    async with running(client, clock, slow):
        present = await client.create(config_map("one"))
        await clock.advance(0)
        for value in "123":
            present.data["a"] = value
            present = await client.update(present)
            await clock.advance(0)
        assert seen == [""], "calls for one key never overlap"
        proceed.set()
        await clock.advance(0)
        assert seen == ["", "3"]


@pytest.mark.parametrize(
    ("outcome", "next_call_seconds"),
    [
        (None, None),
        (Result(), None),
        (Result(requeue_after_seconds=7), 7),
        (RetryAfter(3, "not yet"), 3),
        (TerminalError("never"), None),
        (ValueError("broken"), 0.005),
    ],
)
async def test_an_outcome_decides_when_the_next_call_is(
    client: LocalClient, clock: ManualClock, outcome: Outcome, next_call_seconds: float | None
) -> None:
    calls: list[str] = []
    async with running(client, clock, scripted(calls, outcome)):
        await client.create(config_map("one"))
        await clock.advance(0)
        assert calls == ["one"]
        if next_call_seconds is None:
            await clock.advance(1000)
            assert calls == ["one"]
        else:
            await clock.advance(next_call_seconds - 0.001)
            assert calls == ["one"]
            await clock.advance(0.001)
            assert calls == ["one", "one"]
            await clock.advance(1000)
            assert calls == ["one", "one"]
        await client.create(config_map("two"))
        await clock.advance(0)
        assert calls[-1] == "two", "the worker goes on"


async def test_a_zero_requeue_comes_again_at_once(client: LocalClient, clock: ManualClock) -> None:
    calls: list[str] = []
    async with running(client, clock, scripted(calls, Result(requeue_after_seconds=0))):
        await client.create(config_map("one"))
        await clock.advance(0)
        assert calls == ["one", "one"]


async def test_failures_back_off_and_a_success_ends_that(
    client: LocalClient, clock: ManualClock
) -> None:
    times: list[float] = []
    failing = True

    @reconciler(ConfigMap)
    async def failing_sometimes(request: Request, client: Client) -> None:
        times.append(clock.monotonic_seconds())
        if failing:
            raise RuntimeError("no")

    async with running(client, clock, failing_sometimes):
        present = await client.create(config_map("one"))
        await clock.advance(0.1)
        assert times == pytest.approx([0, 0.005, 0.015, 0.035, 0.075])
        failing = False
        await clock.advance(0.1)
        assert times[5:] == pytest.approx([0.155])
        failing = True
        present.data["a"] = "1"
        await client.update(present)
        await clock.advance(0.006)
        assert times[6:] == pytest.approx([0.2, 0.205])


async def test_a_failure_is_logged_with_key_revision_and_traceback_and_harms_nobody(
    client: LocalClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    @reconciler(ConfigMap)
    async def broken(request: Request, client: Client) -> None:
        raise ZeroDivisionError("oh")

    async with running(client, clock, broken, scripted(calls)):
        created = await client.create(config_map("one"))
        await clock.advance(0)
    assert calls == ["one"]
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    revision = created.metadata.resource_version
    assert record.getMessage() == (
        f"broken: configmap default/one at revision {revision} failed, again in 0.005 s"
    )
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_a_terminal_error_is_logged_and_the_next_change_starts_anew(
    client: LocalClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []
    async with running(client, clock, scripted(calls, TerminalError("bad spec"))):
        present = await client.create(config_map("one"))
        await clock.advance(100)
        assert "scripted: configmap default/one: gave up: bad spec" in caplog.text
        present.data["a"] = "1"
        await client.update(present)
        await clock.advance(0)
        assert calls == ["one", "one"]


def owned_by(owner: Website, name: str, *, controller: bool = True) -> Secret:
    reference = OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=controller,
    )
    return Secret(metadata=ObjectMeta(name=name, owner_references=[reference]))


def noting(calls: list[str], **options: object) -> Reconciler:
    """A reconciler of Websites that notes its calls."""

    @reconciler(Website, name="noting", **options)  # type: ignore[arg-type]
    async def reconcile(request: Request, client: Client) -> None:
        calls.append(request.name)

    return reconcile


async def test_changes_of_owned_objects_call_their_controller(
    client: LocalClient, clock: ManualClock
) -> None:
    calls: list[str] = []
    sites = [
        await client.create(Website(metadata=ObjectMeta(name=name))) for name in ("one", "two")
    ]
    async with running(client, clock, noting(calls, owns=[Secret])):
        calls.clear()
        secret = await client.create(owned_by(sites[0], "key"))
        await client.create(owned_by(sites[1], "unrelated", controller=False))
        await client.create(Secret(metadata=ObjectMeta(name="alone")))
        await clock.advance(0)
        assert calls == ["one"]
        calls.clear()
        secret.metadata.owner_references[0].name = "two"
        secret.metadata.owner_references[0].uid = sites[1].metadata.uid
        await client.update(secret)
        await clock.advance(0)
        assert sorted(calls) == ["one", "two"], "the owner that has lost it must hear of it"
        calls.clear()
        await client.delete(Secret, "key")
        await clock.advance(0)
        assert calls == ["two"]


async def test_owned_objects_that_are_there_at_the_start_call_an_owner_that_is_gone(
    client: LocalClient, clock: ManualClock
) -> None:
    calls: list[str] = []
    site = await client.create(Website(metadata=ObjectMeta(name="gone")))
    await client.create(owned_by(site, "key"))
    await client.delete(Website, "gone")
    async with running(client, clock, noting(calls, owns=[Secret])):
        assert calls == ["gone"]


async def test_watches_map_changes_to_keys_and_a_broken_mapping_harms_nobody(
    client: LocalClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def requests(obj: ConfigMap) -> list[Request]:
        return [Request(name, "default") for name in obj.data["sites"].split()]

    async with running(client, clock, noting(calls, watches=[Watch(ConfigMap, requests)])):
        present = config_map("sites")
        present.data["sites"] = "a b"
        present = await client.create(present)
        await clock.advance(0)
        assert sorted(calls) == ["a", "b"]
        calls.clear()
        present.data["sites"] = "b c"
        await client.update(present)
        await clock.advance(0)
        assert sorted(calls) == ["a", "b", "c"]
        await client.create(config_map("without-sites"))
        assert "noting: no requests could be made of ConfigMap default/without-sites" in caplog.text
        calls.clear()
        await client.delete(ConfigMap, "sites")
        await clock.advance(0)
        assert sorted(calls) == ["b", "c"]


async def test_when_keeps_objects_out_but_never_a_deleted_one(
    client: LocalClient, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def when(site: Website) -> bool:
        if site.spec.pages < 0:
            raise ValueError("negative")
        return site.spec.pages > 0

    await client.create(Website(metadata=ObjectMeta(name="empty-before")))
    async with running(client, clock, noting(calls, when=when)):
        site = await client.create(Website(metadata=ObjectMeta(name="empty")))
        await clock.advance(0)
        assert calls == []
        site.spec.pages = 1
        site = await client.update(site)
        await clock.advance(0)
        assert calls == ["empty"]
        site.spec.pages = 0
        await client.update(site)
        await clock.advance(0)
        assert calls == ["empty"]
        await client.delete(Website, "empty")
        await clock.advance(0)
        assert calls == ["empty", "empty"]
        negative = Website(metadata=ObjectMeta(name="negative"))
        negative.spec.pages = -1
        await client.create(negative)
        await clock.advance(0)
        assert calls[-1] == "negative"
        assert "noting: `when` failed, so it is taken to hold" in caplog.text


async def test_actor_and_cause_of_writes_are_the_frameworks(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    @reconciler(Website, name="builder", owns=[Secret])
    async def build(request: Request, client: Client) -> Result | None:
        site = await client.get(Website, request.name, namespace=request.namespace)
        async with anyio.create_task_group() as tasks:  # its own tasks act for it too
            tasks.start_soon(ensure, client, owned_by(site, f"{request.name}-key"))
        return Result(requeue_after_seconds=10) if site.spec.pages else None

    async def ensure(client: Client, secret: Secret) -> None:
        try:
            await client.create(secret)
        except AlreadyExists:
            present = await client.get(Secret, secret.metadata.name)
            present.metadata.labels["seen"] = clock.uuid()
            if len(present.metadata.annotations) < 1:
                present.metadata.annotations["done"] = "yes"
                await client.update(present)

    async with running(client, clock, build):
        site = await client.create(Website(metadata=ObjectMeta(name="one")))
        created = int(site.metadata.resource_version)
        await clock.advance(0)
    entries, _ = store.entries(created)
    assert [(entry.verb.name, entry.key, entry.actor, entry.cause) for entry in entries] == [
        ("CREATE", "/example.dev/websites/default/one", "program", 0),
        ("CREATE", "/core/secrets/default/one-key", "builder", created),
        ("UPDATE", "/core/secrets/default/one-key", "builder", created + 1),
    ]
    await client.create(config_map("after"))
    (last,) = store.entries(created + 3)[0]
    assert (last.actor, last.cause) == ("program", 0)


async def test_the_cause_outlives_retries_and_requeues(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    attempts = 0

    @reconciler(Website)
    async def third_time(request: Request, client: Client) -> Result | None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError("first")
        if attempts == 2:
            return Result(requeue_after_seconds=1)
        await client.create(config_map("made"))
        return None

    async with running(client, clock, third_time):
        site = await client.create(Website(metadata=ObjectMeta(name="one")))
        await clock.advance(5)
    made = await client.get(ConfigMap, "made")
    entry = store.entry(int(made.metadata.resource_version))
    assert entry is not None
    assert (entry.actor, entry.cause) == ("third_time", int(site.metadata.resource_version))


async def test_own_writes_are_in_the_informer_at_once(
    client: LocalClient, clock: ManualClock
) -> None:
    seen: list[bool] = []
    manager = Manager(client, clock)
    secrets = manager.informers.of(Secret)
    secrets.add_index("type", lambda secret: [secret.type])

    @reconciler(Website, concurrency=4)
    async def write_and_look(request: Request, client: Client) -> None:
        created = await client.create(
            Secret(metadata=ObjectMeta(name=request.name), type="example.dev/key")
        )
        found = secrets.get("default", request.name)
        seen.append(found is not None and found.metadata.uid == created.metadata.uid)
        names = [secret.metadata.name for secret in secrets.by_index("type", "example.dev/key")]
        seen.append(request.name in names)
        await client.delete(Secret, request.name)
        seen.append(secrets.get("default", request.name) is None)

    manager.add([write_and_look])
    async with manager.running():
        for number in range(10):
            await client.create(Website(metadata=ObjectMeta(name=f"site-{number}")))
        await clock.advance(0)
    assert len(seen) == 30
    assert all(seen)
    assert secrets.by_index("type", "example.dev/key") == []


async def test_concurrency_is_how_many_keys_are_worked_on_at_once(
    client: LocalClient, clock: ManualClock
) -> None:
    at_work = most = 0

    @reconciler(ConfigMap, concurrency=3)
    async def slow(request: Request, client: Client) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await clock.sleep(1)
        at_work -= 1

    async with running(client, clock, slow):
        for number in range(7):
            await client.create(config_map(f"n-{number}"))
        await clock.advance(2)
        assert (at_work, most) == (1, 3)
        await clock.advance(1)
        assert at_work == 0


async def test_sources_put_in_keys_with_priority_delay_and_cause(
    client: LocalClient, clock: ManualClock, store: Store
) -> None:
    triggers: list[Trigger] = []
    calls: list[str] = []

    @asynccontextmanager
    async def source(trigger: Trigger) -> AsyncIterator[None]:
        triggers.append(trigger)
        calls.append("source started")
        try:
            yield
        finally:
            calls.append("source stopped")

    @reconciler(Domain, sources=[source])
    async def note(request: Request, client: Client) -> None:
        calls.append(request.name)
        await client.create(Namespace(metadata=ObjectMeta(name=request.name)))

    await client.create(Domain(metadata=ObjectMeta(name="there")))
    async with running(client, clock, note):
        assert calls == ["source started", "there"]
        (trigger,) = triggers
        trigger(Request("low"), priority=-1)
        trigger(Request("high"), cause=1)
        trigger(Request("late"), delay_seconds=2)
        await clock.advance(1)
        assert calls[2:] == ["high", "low"]
        await clock.advance(1)
        assert calls[4:] == ["late"]
    assert calls[-1] == "source stopped"
    high = await client.get(Namespace, "high")
    entry = store.entry(int(high.metadata.resource_version))
    assert entry is not None
    assert entry.cause == 1


async def test_a_reconciler_can_be_called_directly(client: LocalClient) -> None:
    calls: list[str] = []
    assert await scripted(calls, Result())(Request("direct"), client) == Result()
    assert calls == ["direct"]


def test_the_name_is_the_functions_unless_given() -> None:
    async def function(request: Request, client: Client) -> None: ...

    decorate: Callable[..., Reconciler] = reconciler(Website)
    assert decorate(function).name == "function"
    assert reconciler(Website, name="other")(function).name == "other"
