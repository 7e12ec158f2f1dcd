"""Replay: an old log fed to reconcilers, and what they would have written instead."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec
import pytest

from kernel.api.changes import ProjectedEntry
from kernel.api.client import Client
from kernel.api.errors import AlreadyExists, NotFound
from kernel.assembly import Kernel
from kernel.clock import ManualClock, now_datetime
from kernel.control.plugin import Plugin, PluginError
from kernel.control.projection import projection
from kernel.control.reconciler import (
    Reconciler,
    Request,
    Result,
    RetryAfter,
    TerminalError,
    Watch,
    reconciler,
)
from kernel.control.replay import ReplayReport
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta, OwnerReference
from kernel.store.errors import Compacted, DirectoryUnusable, FutureRevision
from kernel.store.store import Store, StoreReader
from tests.control.kinds import Domain, Website, WebsiteSpec, WebsiteStatus

pytestmark = pytest.mark.anyio

KINDS = Plugin(name="kinds", kinds=(Website, Domain))


@reconciler(Website, name="pages", owns=[ConfigMap])
async def pages(request: Request, client: Client) -> None:
    """Keep a ConfigMap a website that says how many pages it has; then call the website ready."""
    await keep_config_map(request, client, "pages: ")


async def keep_config_map(request: Request, client: Client, words: str) -> None:
    website = await client.get(Website, request.name)
    wanted = {"text": f"{words}{website.spec.pages}"}
    try:
        found = await client.get(ConfigMap, request.name)
        if found.data != wanted:
            found.data = wanted
            await client.update(found)
    except NotFound:
        owner = OwnerReference(
            api_version="example.dev/v1",
            kind="Website",
            name=request.name,
            uid=website.metadata.uid,
            controller=True,
        )
        metadata = ObjectMeta(name=request.name, namespace="default", owner_references=[owner])
        await client.create(ConfigMap(metadata=metadata, data=wanted))
    if website.status is None or not website.status.ready:
        website.status = WebsiteStatus(ready=True)
        await client.update_status(website)


def named_pages(function: Reconciler) -> Reconciler:
    """The same reconciler as one that was changed: its name is who wrote the log."""
    return msgspec.structs.replace(function, name="pages")


@asynccontextmanager
async def living(directory: Path, *reconcilers: Reconciler) -> AsyncIterator[Kernel]:
    """A kernel whose log is replayed later."""
    clock = ManualClock(start=datetime(2026, 3, 1, 12, tzinfo=UTC))
    plugin = Plugin(name="test", kinds=KINDS.kinds, reconcilers=reconcilers)
    async with Kernel.open(
        directory, runtime=None, plugins=[plugin], durability="process", clock=clock
    ) as kernel:
        yield kernel


async def create(kernel: Kernel, name: str, count: int) -> Website:
    metadata = ObjectMeta(name=name, namespace="default")
    return await kernel.client.create(Website(metadata=metadata, spec=WebsiteSpec(pages=count)))


async def until_ready(kernel: Kernel, name: str, text: str) -> None:
    await kernel.client.wait(
        ConfigMap, name, lambda found: found is not None and found.data["text"] == text
    )
    await kernel.client.wait(
        Website,
        name,
        lambda found: found is not None and found.status is not None and found.status.ready,
    )


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """A log in which `pages` was at work on two websites, one of which was changed."""
    path = tmp_path / "old"
    async with living(path, pages) as kernel:
        await create(kernel, "a", 1)
        await until_ready(kernel, "a", "pages: 1")
        await create(kernel, "b", 2)
        await until_ready(kernel, "b", "pages: 2")
        website = await kernel.client.get(Website, "a")
        website.spec.pages = 10
        await kernel.client.update(website)
        await until_ready(kernel, "a", "pages: 10")
    return path


async def replay(
    directory: Path, *reconcilers: Reconciler, from_revision: int | None = None
) -> ReplayReport:
    return await Kernel.replay(
        directory, plugins=[KINDS], reconcilers=reconcilers, from_revision=from_revision
    )


async def test_the_same_reconciler_would_have_written_the_same(directory: Path) -> None:
    report = await replay(directory, pages)
    assert report.agrees
    assert len(report.writes) >= 5
    assert {write.key for write in report.writes} == {
        "/core/configmaps/default/a",
        "/core/configmaps/default/b",
        "/example.dev/websites/default/a",
        "/example.dev/websites/default/b",
    }


async def test_a_changed_one_is_told_by_field(directory: Path) -> None:
    @reconciler(Website, name="pages")
    async def changed(request: Request, client: Client) -> None:
        await keep_config_map(request, client, "number of pages: ")

    report = await replay(directory, changed)
    assert not report.agrees
    first = report.differing[0]
    assert (first.reconciler, first.request.name, first.verb) == ("pages", "a", "create")
    assert first.key == "/core/configmaps/default/a"
    with StoreReader.open(directory) as reader:
        logged = reader.entry(first.logged_revision)
        assert logged is not None
        assert logged.cause == first.revision
    (difference,) = first.differences
    assert difference.path == "data.text"
    assert difference.before == "pages: 1"
    assert difference.after == "number of pages: 1"
    assert {write.key for write in report.differing} == {
        "/core/configmaps/default/a",
        "/core/configmaps/default/b",
    }


async def test_what_is_no_longer_written_is_missing(directory: Path) -> None:
    @reconciler(Website, name="pages")
    async def idle(request: Request, client: Client) -> None:
        return

    report = await replay(directory, idle)
    assert report.writes == []
    assert [(one.verb, one.key) for one in report.missing][:2] == [
        ("create", "/core/configmaps/default/a"),
        ("update", "/example.dev/websites/default/a"),
    ]
    assert len(report.missing) == 5
    assert report.calls == 5  # one for each entry of a website


async def test_a_new_one_is_compared_with_what_was_there(directory: Path) -> None:
    @reconciler(Website)
    async def counts_up(request: Request, client: Client) -> None:
        website = await client.get(Website, request.name)
        website.spec.pages += 1
        await client.update(website)

    report = await replay(directory, counts_up)
    first = report.writes[0]
    assert (first.reconciler, first.logged_revision, first.agrees) == ("counts_up", 0, False)
    (difference,) = [one for one in first.differences if one.path == "spec.pages"]
    assert (difference.before, difference.after) == (1, 2)


async def test_a_call_sees_its_own_writes_and_nobody_else_does(directory: Path) -> None:
    found: list[str] = []

    @reconciler(Website)
    async def first(request: Request, client: Client) -> None:
        metadata = ObjectMeta(name="scratch", namespace="default")
        made = await client.create(ConfigMap(metadata=metadata, data={"x": "1"}))
        made.data["x"] = "2"
        await client.update(made)
        with pytest.raises(AlreadyExists):
            await client.create(ConfigMap(metadata=metadata))
        names = [one.metadata.name for one in await client.list(ConfigMap, namespace="default")]
        assert "scratch" in names
        assert names == sorted(names)
        assert (await client.get(ConfigMap, "scratch")).data == {"x": "2"}
        await client.delete(Website, request.name)
        with pytest.raises(NotFound):
            await client.get(Website, request.name)
        found.append("first")

    @reconciler(Website)
    async def second(request: Request, client: Client) -> None:
        with pytest.raises(NotFound):
            await client.get(ConfigMap, "scratch")
        await client.get(Website, request.name)
        found.append("second")

    report = await replay(directory, first, second)
    assert report.failures == []
    assert found == ["first", "second"] * 5
    assert [write.verb for write in report.writes][:3] == ["create", "update", "delete"]


async def test_two_replays_are_the_same(directory: Path) -> None:
    @reconciler(Website, name="pages")
    async def random_names(request: Request, client: Client) -> None:
        metadata = ObjectMeta(generate_name="x-", namespace="default")
        made = await client.create(ConfigMap(metadata=metadata))
        raise ValueError(made.metadata.uid)

    reports = [msgspec.json.encode(await replay(directory, random_names)) for _ in range(2)]
    assert reports[0] == reports[1]
    assert b"x-" in reports[0]


async def test_the_directory_is_left_as_it_is(directory: Path) -> None:
    before = (directory / "log" / "data.mdb").read_bytes()
    await replay(directory, pages)
    assert (directory / "log" / "data.mdb").read_bytes() == before


async def test_it_starts_where_it_is_told(directory: Path) -> None:
    whole = await replay(directory, pages)
    middle = (whole.first_revision + whole.last_revision) // 2
    half = await replay(directory, pages, from_revision=middle)
    assert half.first_revision == middle
    assert half.last_revision == whole.last_revision
    assert half.writes == [write for write in whole.writes if write.revision >= middle]
    with pytest.raises(FutureRevision):
        await replay(directory, pages, from_revision=whole.last_revision + 2)
    nothing = await replay(directory, pages, from_revision=whole.last_revision + 1)
    assert (nothing.entries, nothing.calls) == (0, 0)


async def test_a_compacted_log_is_replayed_from_where_it_is_whole(directory: Path) -> None:
    whole = await replay(directory, pages)
    compacted = whole.writes[2].revision
    async with Store.open_writer(directory, clock=ManualClock(), durability="process") as store:
        await store.compact(compacted)
    rest = await replay(directory, pages)
    assert rest.first_revision == compacted + 1
    assert rest.writes == [write for write in whole.writes if write.revision > compacted]
    with pytest.raises(Compacted, match=f"oldest is {compacted + 1}"):
        await replay(directory, pages, from_revision=compacted)


async def test_where_there_is_no_log_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(DirectoryUnusable, match="no event log"):
        await replay(tmp_path, pages)


async def test_what_is_raised_is_reported(directory: Path) -> None:
    @reconciler(Website, when=lambda website: website.metadata.name == "a")
    async def fails(request: Request, client: Client) -> None:
        website = await client.get(Website, request.name)
        if website.spec.pages == 10:
            raise TerminalError("too many")
        raise ZeroDivisionError

    report = await replay(directory, fails)
    assert [one.error for one in report.failures] == [
        "ZeroDivisionError",
        "ZeroDivisionError",
        "TerminalError: too many",
    ]
    assert {one.request.name for one in report.failures} == {"a"}


async def test_requeues_happen_at_the_times_of_the_log(tmp_path: Path) -> None:
    clock = ManualClock(start=datetime(2026, 3, 1, 12, tzinfo=UTC))
    path = tmp_path / "old"
    async with Kernel.open(
        path, runtime=None, plugins=[KINDS], durability="process", clock=clock
    ) as kernel:
        await create(kernel, "a", 1)
        await clock.advance(5)
        await create(kernel, "b", 1)
        await clock.advance(60)
        await create(kernel, "c", 1)
    called: list[str] = []

    @reconciler(Website)
    async def comes_again(request: Request, client: Client) -> Result | None:
        seen = [one.metadata.name for one in await client.list(Website)]
        called.append(f"{request.name} of {''.join(seen)}")
        if request.name == "a" and len(called) < 4:
            return Result(requeue_after_seconds=10)
        if request.name == "b" and len(called) < 4:
            raise RetryAfter(1)
        return None

    report = await replay(path, comes_again)
    # b is first due 1 s after it was made, then again; a, 10 s after it was made.
    assert called == ["a of a", "b of ab", "b of ab", "b of ab", "a of ab", "c of abc"]
    assert report.calls == 6
    assert [one.error for one in report.failures] == ["RetryAfter: retry after 1 s"] * 2


async def test_owners_and_watched_kinds_lead_to_calls(tmp_path: Path) -> None:
    path = tmp_path / "old"
    async with living(path, pages) as kernel:
        await create(kernel, "a", 1)
        await until_ready(kernel, "a", "pages: 1")
    owners: list[str] = []
    watched: list[str] = []

    @reconciler(Website, owns=[ConfigMap], when=lambda website: False)
    async def owning(request: Request, client: Client) -> None:
        owners.append(request.name)

    @reconciler(
        Domain, watches=[Watch(Website, lambda website: [Request(f"{website.metadata.name}.org")])]
    )
    async def watching(request: Request, client: Client) -> None:
        watched.append(request.name)

    await replay(path, owning, watching)
    assert owners == ["a"]  # of the ConfigMap
    assert watched == ["a.org"] * 2  # created, and its status set


async def test_projections_know_what_has_happened_by_then(directory: Path) -> None:
    @projection(Website, name="entries", initial=int)
    def entries(state: int, entry: ProjectedEntry[Website]) -> int:
        return state + 1

    states: list[int] = []

    @reconciler(Website)
    async def reads(request: Request, client: Client) -> None:
        states.append(client.projection("entries").state)

    plugin = Plugin(name="test", kinds=KINDS.kinds, reconcilers=(reads,), projections=(entries,))
    whole = await Kernel.replay(directory, plugins=[plugin])
    assert states == [1, 2, 3, 4, 5]
    states.clear()
    await Kernel.replay(directory, plugins=[plugin], from_revision=whole.last_revision - 1)
    assert states == [5]


async def test_it_works_beside_the_server_that_writes(tmp_path: Path) -> None:
    path = tmp_path / "old"
    program = (
        "import anyio, sys\n"
        "from tests.control.test_replay import replay, pages\n"
        "from pathlib import Path\n"
        "report = anyio.run(replay, Path(sys.argv[1]), pages)\n"
        "print(report.agrees, len(report.writes))\n"
    )
    async with living(path, pages) as kernel:
        await create(kernel, "a", 1)
        await until_ready(kernel, "a", "pages: 1")
        done = await anyio.run_process([sys.executable, "-c", program, str(path)])
        assert done.stdout.split() == [b"True", b"3"]
        await create(kernel, "b", 1)


async def test_the_time_is_that_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "old"
    async with living(path) as kernel:
        await create(kernel, "a", 1)
        made_at = now_datetime(ManualClock(start=datetime(2026, 3, 1, 12, tzinfo=UTC)))
    times: list[datetime | None] = []

    @reconciler(Website)
    async def stamps(request: Request, client: Client) -> None:
        made = await client.create(ConfigMap(metadata=ObjectMeta(name="x", namespace="default")))
        times.append(made.metadata.creation_timestamp)

    await replay(path, stamps)
    assert times == [made_at]


async def test_two_reconcilers_of_one_name_are_refused(directory: Path) -> None:
    with pytest.raises(PluginError, match="a reconciler named pages"):
        await Kernel.replay(
            directory, plugins=[Plugin(name="x", reconcilers=(pages,))], reconcilers=[pages]
        )
