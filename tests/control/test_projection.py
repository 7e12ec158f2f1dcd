"""Projections: up to date with every write, exactly once across restarts, rebuilt when changed."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import lmdb
import msgspec
import pytest

from kernel.api.changes import ChangeLog, ProjectedEntry
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.upcasting import Upcasters
from kernel.clock import ManualClock
from kernel.control.projection import Projection, projection
from kernel.control.projection_run import ProjectionFailed, Projections
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Store
from tests.control.kinds import Domain, Website, WebsiteSpec

pytestmark = pytest.mark.anyio


class Counts(msgspec.Struct):
    """How often anything happened, and what the sums of pages were at each step."""

    entries: int = 0
    pages: int = 0
    verbs: list[str] = []


@projection(Website, name="counts", initial=Counts)
def counts(state: Counts, entry: ProjectedEntry[Website]) -> Counts:
    before = entry.previous.spec.pages if entry.previous else 0
    after = 0 if entry.verb == "delete" else entry.object.spec.pages
    state.entries += 1
    state.pages += after - before
    state.verbs.append(entry.verb)
    return state


class World:
    """A store with its client and running projections."""

    def __init__(self, store: Store, client: LocalClient, projections: Projections):
        self.store = store
        self.client = client
        self.projections = projections

    @property
    def counts(self) -> Counts:
        found: Counts = self.client.projection("counts").state
        return found

    async def create(self, name: str, pages: int) -> Website:
        metadata = ObjectMeta(name=name, namespace="default")
        return await self.client.create(Website(metadata=metadata, spec=WebsiteSpec(pages=pages)))

    async def set_pages(self, name: str, pages: int) -> None:
        website = await self.client.get(Website, name)
        website.spec.pages = pages
        await self.client.update(website)


Open = Callable[..., Any]


@pytest.fixture
def world(tmp_path: Path, clock: ManualClock) -> Open:
    """`async with world(projection, …)`: one run over the same directory each time."""

    @asynccontextmanager
    async def opened(*projections: Projection[Any]) -> AsyncIterator[World]:
        async with Store.open_writer(tmp_path / "kept", clock=clock, durability="process") as store:
            kinds = KindTable.core()
            kinds.add(Website)
            kinds.add(Domain)
            upcasters = Upcasters()
            all_of_them = Projections(projections, ChangeLog(store, upcasters), clock)
            api = ObjectApi(store, kinds, clock, upcasters=upcasters)
            client = LocalClient(api, all_of_them.view)
            if not store.revision:
                await client.create(Namespace(metadata=ObjectMeta(name="default")))
            async with all_of_them.running():
                yield World(store, client, all_of_them)

    return opened


async def test_it_is_up_to_date_with_own_writes(world: Open) -> None:
    async with world(counts) as here:
        await here.create("a", 3)
        assert here.counts == Counts(1, 3, ["create"])
        await here.set_pages("a", 5)
        assert here.counts == Counts(2, 5, ["create", "update"])
        await here.client.delete(Website, "a")
        assert here.counts == Counts(3, 0, ["create", "update", "delete"])
        assert here.client.projection("counts").revision == here.store.published_revision


async def test_an_entry_says_when_who_and_why(world: Open) -> None:
    seen: list[ProjectedEntry[Any]] = []

    @projection(Website, Domain, name="seen", initial=int)
    def fold(state: int, entry: ProjectedEntry[Any]) -> int:
        seen.append(entry)
        return state + 1

    async with world(fold) as here:
        website = await here.create("a", 1)
        await here.client.create(Domain(metadata=ObjectMeta(name="example.org")))
    assert [entry.object.kind for entry in seen] == ["Website", "Domain"]
    assert seen[0].object == website
    assert seen[0].actor == "program"
    assert seen[0].cause == 0
    assert seen[0].time.isoformat() == "2026-01-01T00:00:00+00:00"
    assert seen[0].previous is None


async def test_what_was_there_before_it_is_folded_at_its_start(world: Open) -> None:
    async with world() as here:
        await here.create("a", 3)
        await here.set_pages("a", 5)
    async with world(counts) as here:
        assert here.counts == Counts(2, 5, ["create", "update"])
        view = here.client.projection("counts")
        assert view.since_revision == 0


async def test_it_goes_on_where_it_stopped(world: Open) -> None:
    folded: list[int] = []

    @projection(Website, name="counts", initial=Counts)
    def fold(state: Counts, entry: ProjectedEntry[Website]) -> Counts:
        folded.append(entry.revision)
        return counts(state, entry)

    async with world(fold) as here:
        await here.create("a", 3)
    async with world() as here:  # a time in which the plugin is not loaded
        await here.set_pages("a", 4)
    async with world(fold) as here:
        await here.set_pages("a", 5)
        assert here.counts == Counts(3, 5, ["create", "update", "update"])
    assert len(folded) == len(set(folded)) == 3


async def test_it_is_saved_after_so_many_entries(world: Open, clock: ManualClock) -> None:
    @projection(Website, name="counts", initial=Counts, checkpoint_entries=3)
    def fold(state: Counts, entry: ProjectedEntry[Website]) -> Counts:
        return counts(state, entry)

    async with world(fold) as here:
        await here.create("a", 1)
        await here.create("b", 1)
        await clock.advance(0)
        assert here.store.projection("counts") is None
        await here.create("c", 1)
        await clock.advance(0)
        saved = here.store.projection("counts")
        assert saved is not None
        assert saved.revision == here.store.revision


async def test_it_is_saved_after_so_many_seconds(world: Open, clock: ManualClock) -> None:
    async with world(counts) as here:
        await clock.advance(0)
        await here.create("a", 1)
        await clock.advance(9.9)
        assert here.store.projection("counts") is None
        await clock.advance(0.2)
        assert here.store.projection("counts") is not None


async def test_its_position_is_saved_though_nothing_was_folded(
    world: Open, clock: ManualClock
) -> None:
    @projection(Website, name="counts", initial=Counts, checkpoint_entries=3)
    def fold(state: Counts, entry: ProjectedEntry[Website]) -> Counts:
        return counts(state, entry)

    async with world(fold) as here:

        async def create_domains(*names: str) -> None:
            for name in names:
                await here.client.create(Domain(metadata=ObjectMeta(name=name)))

        def saved_revision() -> int:
            saved = here.store.projection("counts")
            return saved.revision if saved else 0

        await clock.advance(10)
        before = saved_revision()
        await create_domains("a.org")
        await clock.advance(500)
        assert saved_revision() == before
        await clock.advance(100)
        assert saved_revision() == here.store.revision
        await create_domains("b.org", "c.org", "d.org")
        await clock.advance(10)
        assert saved_revision() == here.store.revision


async def test_a_start_that_is_cancelled_saves_nothing(world: Open) -> None:
    async with world() as first:
        await first.create("a", 3)
        await first.create("b", 4)
    first_to_start = msgspec.structs.replace(counts, name="first")
    with anyio.CancelScope() as start:
        start.cancel()
        async with world(first_to_start, counts):
            pytest.fail("it has not started")
    async with world(counts) as again:
        assert again.counts == Counts(entries=2, pages=7, verbs=["create", "create"])


async def test_another_version_is_built_anew(world: Open) -> None:
    @projection(Website, name="counts", initial=int, version=2)
    def only_entries(state: int, entry: ProjectedEntry[Website]) -> int:
        return state + 1

    async with world(counts) as here:
        await here.create("a", 3)
        await here.set_pages("a", 4)
    async with world(only_entries) as here:
        assert here.client.projection("counts").state == 2
    async with world(counts) as here:
        assert here.counts == Counts(2, 4, ["create", "update"])


async def test_saved_state_that_is_none_is_built_anew(
    world: Open, caplog: pytest.LogCaptureFixture
) -> None:
    @projection(Website, name="counts", initial=int)  # the author forgot the version
    def only_entries(state: int, entry: ProjectedEntry[Website]) -> int:
        return state + 1

    async with world(counts) as here:
        await here.create("a", 3)
    async with world(only_entries) as here:
        assert here.client.projection("counts").state == 1
    assert "its saved state can't be read" in caplog.text


async def test_over_a_compacted_log_it_starts_from_what_exists(
    world: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with world() as here:
        await here.create("a", 3)
        await here.set_pages("a", 5)
        await here.create("gone", 1)
        await here.client.delete(Website, "gone")
        await here.create("b", 2)
        await here.store.compact(here.store.revision)
        compacted = here.store.revision
        await here.set_pages("b", 7)
    async with world(counts) as here:
        assert here.counts == Counts(3, 12, ["create", "create", "update"])
        assert here.client.projection("counts").since_revision == compacted
    assert f"starts from what existed at revision {compacted}" in caplog.text
    caplog.clear()
    async with world(counts) as here:  # that is known after the next start too
        assert here.client.projection("counts").since_revision == compacted
        assert here.counts.entries == 3
    assert caplog.text == ""


async def test_a_log_compacted_behind_its_checkpoint_matters_nothing(world: Open) -> None:
    async with world(counts) as here:
        await here.create("a", 3)
        await here.set_pages("a", 5)
    async with world() as here:
        await here.store.compact(here.store.revision)
        await here.set_pages("a", 6)
    async with world(counts) as here:
        assert here.counts == Counts(3, 6, ["create", "update", "update"])
        assert here.client.projection("counts").since_revision == 0


async def test_a_checkpoint_beyond_the_end_of_the_log_is_not_used(
    world: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(counts) as here:
        await here.create("a", 3)
    async with world() as here:
        saved = here.store.projection("counts")
        assert saved is not None
        ahead = msgspec.structs.replace(saved, revision=saved.revision + 100)
        await here.store.save_projection("counts", ahead)
    async with world(counts) as here:
        assert here.counts == Counts(1, 3, ["create"])
    assert "beyond the log's end" in caplog.text


async def test_a_fold_that_fails_stands_still_alone(
    world: Open, caplog: pytest.LogCaptureFixture
) -> None:
    @projection(Website, name="brittle", initial=int)
    def brittle(state: int, entry: ProjectedEntry[Website]) -> int:
        if entry.object.spec.pages == 13:
            raise ValueError("unlucky")
        return state + 1

    async with world(brittle, counts) as here:
        await here.create("a", 1)
        await here.create("b", 13)
        failed_at = here.store.revision
        await here.create("c", 1)
        assert here.counts.entries == 3
        with pytest.raises(ProjectionFailed, match=f"revision {failed_at}: ValueError: unlucky"):
            here.client.projection("brittle")
    assert "brittle failed" in caplog.text
    async with world(brittle, counts) as here:  # nor does it keep the kernel from starting
        with pytest.raises(ProjectionFailed):
            here.client.projection("brittle")
        assert here.counts.entries == 3

    @projection(Website, name="brittle", initial=int)
    def mended(state: int, entry: ProjectedEntry[Website]) -> int:
        return state + 1

    async with world(mended) as here:
        assert here.client.projection("brittle").state == 3


async def test_rebuilding_shows_progress_and_loses_nothing(world: Open) -> None:
    steps: list[tuple[int, int]] = []
    async with world(counts) as here:
        for number in range(5):
            await here.create(f"w{number}", number)
        here.counts.pages = 1000  # as a bug might
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                here.projections.rebuild, "counts", lambda done, total: steps.append((done, total))
            )
            await here.create("meanwhile", 7)
        assert here.counts == Counts(6, 17, ["create"] * 6)
    assert steps[-1][0] == steps[-1][1]
    async with world(counts) as here:
        assert here.counts == Counts(6, 17, ["create"] * 6)


async def test_a_projection_that_nobody_has_is_not_found(world: Open) -> None:
    async with world() as here:
        with pytest.raises(Exception, match='projections "counts" not found'):
            here.client.projection("counts")


async def test_what_can_not_work_is_said_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="of which kinds"):
        projection(name="x", initial=int)
    with pytest.raises(ValueError, match="1 to 511 bytes"):
        projection(Website, name="", initial=int)
    with pytest.raises(ValueError, match="version -1"):
        projection(Website, name="x", initial=int, version=-1)
    with pytest.raises(TypeError, match="can't be kept"):

        @projection(Website, name="x", initial=object)
        def fold(state: object, entry: ProjectedEntry[Website]) -> object:
            return state


async def test_a_save_that_fails_is_tried_again(
    world: Open, clock: ManualClock, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    from kernel.store.errors import StoreFull

    async with world(counts) as here:
        await clock.advance(0)
        await here.create("a", 1)

        async def refuse(name: str, projection: Any) -> None:
            raise StoreFull("no space left")

        with monkeypatch.context() as patched:
            patched.setattr(here.store, "save_projection", refuse)
            await clock.advance(11)
        assert "could not be saved: no space left" in caplog.text
        assert here.counts.entries == 1
        await clock.advance(11)
        assert here.store.projection("counts") is not None


async def test_nothing_is_logged_as_wrong_where_nothing_is(
    world: Open, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(counts) as here:
        await here.create("a", 1)
    async with world(counts):
        pass
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_damaged_entry_stops_what_needs_it_and_nothing_else(
    world: Open, tmp_path: Path
) -> None:
    @projection(Domain, name="domains", initial=int)
    def domains(state: int, entry: ProjectedEntry[Domain]) -> int:
        return state + 1

    async with world() as here:
        website = await here.create("a", 3)
        await here.set_pages("a", 5)
    damaged = int(website.metadata.resource_version)
    damage_entry(tmp_path / "kept", damaged)
    async with world(counts, domains) as here:
        with pytest.raises(ProjectionFailed, match=f"entry {damaged} is damaged"):
            here.client.projection("counts")
        assert here.client.projection("domains").state == 0


def damage_entry(directory: Path, revision: int) -> None:
    """Flip the last byte of an entry's record."""
    with lmdb.open(str(directory / "log"), max_dbs=8) as environment:
        log = environment.open_db(b"log", create=False)
        with environment.begin(db=log, write=True) as transaction:
            key = revision.to_bytes(8, "big")
            record = bytearray(transaction.get(key) or b"")
            record[-10] ^= 1
            transaction.put(key, bytes(record))
