"""Watchers of the same things in the same form, served by one cursor: an event is read, encoded
and joined once, and delivering it to one more watcher is one write to its socket.

A watcher is a member while it keeps up. One whose socket holds more than `UNSENT_BYTES_MAX` is put
out with the revision that it was sent; it reads the log by a cursor of its own once its client
has taken what was sent, and joins again when it has caught up. So the log is the buffer of slow
watchers, and they hold up nobody.

    joins at 7, has read up to 9         the group has delivered 8, and goes on:
                                         event 9: not sent again; event 10: sent
"""

import asyncio
from collections.abc import Callable, Sequence

import anyio

from kernel.api.object_api import ObjectApi
from kernel.api.stored import StoredEvent
from kernel.api.watching import StoredWatch
from kernel.apiserver.watching.cursors import Cursors, KindGone
from kernel.apiserver.watching.frames import Frames
from kernel.apiserver.watching.subject import Subject

UNSENT_BYTES_MAX = 256 * 1024


class Member:
    """A watcher that keeps up. It has been sent everything up to `revision`.

    `left` is set when the group has put it out; `failure` then says why, where it was not for
    being slow: `KindGone` is no fault of anybody's.
    """

    __slots__ = ("failure", "left", "revision", "transport")

    def __init__(self, transport: asyncio.WriteTransport, revision: int):
        self.transport = transport
        self.revision = revision
        self.left = anyio.Event()
        self.failure: Exception | None = None


class WatchGroup:
    """One cursor with its members. `delivered` is the revision that all members are past."""

    def __init__(self, cursors: Cursors, subject: Subject, frames: Frames, delivered: int):
        self._cursors = cursors
        self._subject = subject
        self._frames = frames
        self._members: set[Member] = set()
        self._watch: StoredWatch | None = None
        self._failure: Exception | None = None
        self.delivered = delivered

    def join(self, transport: asyncio.WriteTransport, revision: int) -> Member:
        """Take part from `revision` on, which must not be before `delivered`."""
        assert revision >= self.delivered
        member = Member(transport, revision)
        self._members.add(member)
        if self._failure is not None:
            self._put_out(member, self._failure)
        return member

    def leave(self, member: Member) -> None:
        """Take no more part."""
        self._members.discard(member)

    def revision(self, member: Member) -> int:
        """Up to where the member has been sent everything, for a bookmark."""
        return max(member.revision, self._watch.revision if self._watch else 0)

    async def run(self) -> None:
        """Deliver until cancelled. A failure puts out all members with it, and so does the end of
        the kind."""
        try:
            with self._cursors.open(self._subject, self.delivered) as watch:
                self._watch = watch
                async for batch in watch:
                    self._deliver(batch)
            raise KindGone
        except Exception as error:
            self._failure = error
            for member in list(self._members):
                self._put_out(member, error)

    def _deliver(self, batch: Sequence[StoredEvent]) -> None:
        """Write a batch to every member, without a pause: so `delivered` is true for all."""
        chunks = self._frames.events(batch)
        joined = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        first, last = batch[0].stored.revision, batch[-1].stored.revision
        behind: list[Member] = []
        for member in self._members:
            data = joined if member.revision < first else _unsent(member, batch, chunks)
            transport = member.transport
            if transport.is_closing():
                continue
            transport.write(data)
            member.revision = max(member.revision, last)
            if transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
                behind.append(member)
        self.delivered = last
        for member in behind:
            self._put_out(member, None)

    def _put_out(self, member: Member, failure: Exception | None) -> None:
        self._members.discard(member)
        member.failure = failure
        member.left.set()


def _unsent(member: Member, batch: Sequence[StoredEvent], chunks: Sequence[bytes]) -> bytes:
    """What a member that joined ahead of the group has not read by itself."""
    pairs = zip(batch, chunks, strict=True)
    return b"".join(chunk for event, chunk in pairs if event.stored.revision > member.revision)


class WatchGroups:
    """The groups that are in use, each in a task of its own."""

    def __init__(self, api: ObjectApi, make_frames: Callable[[Subject], Frames]):
        self._api = api
        self._make_frames = make_frames
        self.cursors = Cursors(api)
        self._groups: dict[Subject, tuple[WatchGroup, asyncio.Task[None]]] = {}
        self._users: dict[Subject, int] = {}

    def enter(self, subject: Subject) -> WatchGroup:
        """The group of a subject; each call needs one of `exit`."""
        self._users[subject] = self._users.get(subject, 0) + 1
        running = self._groups.get(subject)
        if running is None or running[1].done():
            frames = self._make_frames(subject)
            group = WatchGroup(self.cursors, subject, frames, self._api.revision)
            running = self._groups[subject] = (group, asyncio.create_task(group.run()))
        return running[0]

    def exit(self, subject: Subject) -> None:
        """One watcher less; the last one ends the group."""
        self._users[subject] -= 1
        if not self._users[subject]:
            del self._users[subject]
            self._groups.pop(subject)[1].cancel()
