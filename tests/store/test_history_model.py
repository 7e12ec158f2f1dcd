"""The store against a model: a dict and a list say what it must answer, whatever is done to it."""

import asyncio
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from kernel.clock import ManualClock
from kernel.store.errors import Compacted, FutureRevision, PreconditionFailed
from kernel.store.log import Item, Operation, Write
from kernel.store.schema import Entry, Verb
from kernel.store.store import Store
from kernel.store.verification import verify
from kernel.store.watch import Watch

GLANCE_SECONDS = 0.002
"""How long a step looks for what may not be there."""

PATIENCE_SECONDS = 10.0

KEYS = ("/a/x", "/a/xy", "/a/b/x", "/b/x", "/b//x", "/b")
PREFIXES = ("/", "/a/", "/a/x", "/a/b/", "/b/", "/b//", "/b", "/none/")
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.one_of(st.none(), st.binary(max_size=4)),
        st.sampled_from(("any", "present", "stale", "absent")),
    ),
    min_size=1,
    max_size=3,
)


def selected(prefix: str, key: str) -> bool:
    return key.startswith(prefix) if prefix.endswith("/") else key == prefix


class Reader:
    """A watch, with what it has answered so far."""

    def __init__(self, prefix: str, start: int, watch: Watch):
        self.prefix = prefix
        self.start = start
        self.watch = watch
        self.found: list[Entry] = []
        self.ended = False

    @property
    def position(self) -> int:
        """A revision that it has surely read up to."""
        return self.found[-1].revision if self.found else self.start


class StoreMachine(RuleBasedStateMachine):
    """Writes, watches that start anywhere and read in portions, compaction, reads of the past, and
    openings in between."""

    durability: Any = "process"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.temporary = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.head: dict[str, tuple[int, bytes]] = {}
        self.log: list[tuple[int, Verb, str, bytes, int]] = []
        self.compacted = 0
        self.remembered: dict[str, list[int]] = {}
        self.readers: list[Reader] = []
        self.watches = ExitStack()

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @initialize()
    def open(self) -> None:
        self.opened = Store.open_writer(
            Path(self.temporary.name), clock=self.clock, durability=self.durability
        )
        self.store = self.run(self.opened.__aenter__())

    @rule()
    def open_again(self) -> None:
        self.close()
        self.readers = []
        self.open()

    @rule(operations=OPERATIONS, idempotency_key=st.sampled_from(("", "", "one", "two")))
    def write(self, operations: list[tuple[str, bytes | None, str]], idempotency_key: str) -> None:
        self.run(self.commit(operations, idempotency_key))

    @rule(writes=st.lists(OPERATIONS, min_size=2, max_size=4))
    def write_at_once(self, writes: list[list[tuple[str, bytes | None, str]]]) -> None:
        """Writers that hand in together are carried out in the order in which they came."""

        async def together() -> None:
            await asyncio.gather(
                *(
                    self.store.commit(
                        Write([Operation(key, value) for key, value, _ in operations])
                    )
                    for operations in writes
                )
            )

        self.run(together())
        for operations in writes:
            self.apply([Operation(key, value) for key, value, _ in operations])

    async def commit(
        self, wanted: list[tuple[str, bytes | None, str]], idempotency_key: str
    ) -> None:
        expectations: dict[str, int | None]
        operations = []
        for key, value, expectation in wanted:
            revision = self.head.get(key, (0, b""))[0]
            expectations = {
                "any": None,
                "present": revision,
                "stale": revision + 1,
                "absent": 0,
            }
            operations.append(Operation(key, value, expectations[expectation]))
        expected = self.remembered.get(idempotency_key) or self.apply(operations)
        if idempotency_key and expected:
            self.remembered[idempotency_key] = expected
        try:
            entries = await self.store.commit(Write(operations, idempotency_key=idempotency_key))
        except PreconditionFailed:
            assert expected is None
        else:
            assert expected is not None
            assert [entry.revision for entry in entries] == expected

    def apply(self, operations: list[Operation]) -> list[int] | None:
        """Do to the model what the store must do; None where it must refuse."""
        head = dict(self.head)
        log = list(self.log)
        for operation in operations:
            previous = head.get(operation.key, (0, b""))[0]
            if operation.expected_revision not in (None, previous):
                return None
            revision = len(log) + 1
            if operation.value is not None:
                verb = Verb.UPDATE if previous else Verb.CREATE
                head[operation.key] = (revision, operation.value)
                log.append((revision, verb, operation.key, operation.value, previous))
            elif previous:
                del head[operation.key]
                log.append((revision, Verb.DELETE, operation.key, b"", previous))
        revisions = [entry[0] for entry in log[len(self.log) :]]
        self.head, self.log = head, log
        return revisions

    @rule(back=st.integers(0, 20))
    def compact(self, back: int) -> None:
        revision = max(len(self.log) - back, 0)
        self.run(self.store.compact(revision))
        for revisions in self.remembered.values():
            if revisions[0] > self.compacted and revision in revisions[:-1]:
                revision = revisions[0] - 1
        self.compacted = max(self.compacted, revision)
        self.remembered = {
            key: revisions
            for key, revisions in self.remembered.items()
            if revisions[0] > self.compacted
        }

    def state_at(self, revision: int) -> dict[str, tuple[int, bytes]]:
        head: dict[str, tuple[int, bytes]] = {}
        for number, verb, key, value, _ in self.log[:revision]:
            if verb is Verb.DELETE:
                del head[key]
            else:
                head[key] = (number, value)
        return head

    @rule(back=st.integers(-1, 20), prefix=st.sampled_from(PREFIXES))
    def look_back(self, back: int, prefix: str) -> None:
        revision = max(len(self.log) - back, 0)
        try:
            items, answered = self.store.scan(prefix, at=revision)
            found = {key: self.store.get(key, at=revision) for key in KEYS}
        except Compacted:
            assert revision < self.compacted
        except FutureRevision:
            assert revision > len(self.log)
        else:
            assert self.compacted <= revision == answered
            state = self.state_at(revision)
            assert {item.key: (item.revision, item.value) for item in items} == {
                key: one for key, one in state.items() if key.startswith(prefix)
            }
            assert [item.key for item in items] == sorted(item.key for item in items)
            assert self.store.count(prefix, at=revision) == len(items)
            for key, item in found.items():
                assert item == (Item(key, *state[key]) if key in state else None)

    def retained(self) -> list[tuple[int, Verb, str, bytes, int]]:
        """What of the log is there: all from the compaction point on, and what existed there."""
        kept = {revision for revision, _ in self.state_at(self.compacted).values()}
        return [one for one in self.log if one[0] >= self.compacted or one[0] in kept]

    @rule(prefix=st.sampled_from(PREFIXES), back=st.integers(0, 30))
    def start_watch(self, prefix: str, back: int) -> None:
        start = max(len(self.log) - back, 0)
        if start < self.compacted:
            with pytest.raises(Compacted), self.store.watch(prefix, after_revision=start):
                pass
            return
        watching: AbstractContextManager[Watch] = self.store.watch(prefix, after_revision=start)
        watch = self.watches.enter_context(watching)
        self.readers.append(Reader(prefix, start, watch))

    @precondition(lambda self: self.readers)
    @rule(data=st.data(), batches=st.integers(1, 3))
    def read_some(self, data: st.DataObject, batches: int) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.run(self.read(reader, batches))

    async def read(self, reader: Reader, batches: int, seconds: float = GLANCE_SECONDS) -> bool:
        for _ in range(batches):
            try:
                async with asyncio.timeout(seconds):
                    reader.found.extend(await anext(reader.watch))
            except TimeoutError:
                return False
            except Compacted:
                assert reader.position < self.compacted
                reader.ended = True
        return True

    @invariant()
    def answers_are_those_of_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        items = [Item(key, *self.head[key]) for key in sorted(self.head)]
        assert self.store.scan("/") == (items, len(self.log))
        assert self.store.published_revision == len(self.log)
        for key in KEYS:
            history = [one[0] for one in self.retained() if one[2] == key]
            assert self.store.history(key) == history
        for key in ("one", "two"):
            remembered = [entry.revision for entry in self.store.remembered(key)]
            assert remembered == self.remembered.get(key, [])
        for reader in self.readers:
            expected = self.expected_of(reader)
            found = [entry.revision for entry in reader.found]
            assert found == expected[: len(found)]

    def expected_of(self, reader: Reader) -> list[int]:
        return [
            revision
            for revision, _, key, _, _ in self.log[reader.start :]
            if selected(reader.prefix, key)
        ]

    def close(self) -> None:
        for reader in self.readers:
            expected = self.expected_of(reader)
            while len(reader.found) < len(expected) and not reader.ended:
                assert self.run(self.read(reader, 1, PATIENCE_SECONDS)), "a watch has stopped short"
            found = [entry.revision for entry in reader.found]
            assert found == (expected[: len(found)] if reader.ended else expected)
        assert [
            (entry.revision, entry.verb, entry.key, entry.value, entry.previous_revision)
            for entry in self.store.entries(1, with_gaps=True)[0]
        ] == self.retained()
        list(verify(self.store))
        self.watches.close()
        self.run(self.opened.__aexit__(None, None, None))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.close()
        self.loop.close()
        self.temporary.cleanup()


class GroupStoreMachine(StoreMachine):
    """The same with the writer thread between."""

    durability = "disk"


StoreMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
GroupStoreMachine.TestCase.settings = settings(
    max_examples=10, stateful_step_count=20, deadline=None
)
TestStore = StoreMachine.TestCase
TestGroupStore = GroupStoreMachine.TestCase
