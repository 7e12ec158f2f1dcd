"""CRI log files: what the shim's writer writes, the reader reads, in the form that is asked."""

import gzip
import os
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest
from hypothesis import given, strategies as st

from kernel.clock import ManualClock
from kernel.cri.log_file import Entry, format_entry, parse_entry, read_log
from kernel.cri.log_format import PART_BYTES_MAX
from kernel.cri.process.log import LogStream, LogWriter
from kernel.cri.rotated_logs import rotated_logs, rotated_name

SECOND = 1_000_000_000
# 2026-11-20T10:00:00Z
START = 1_795_168_800 * SECOND


async def read(path: Path, **options: object) -> bytes:
    chunks = read_log(path, clock=ManualClock(), **options)  # type: ignore[arg-type]
    return b"".join([chunk async for chunk in chunks])


def entry_of(line: bytes) -> Entry:
    entry = parse_entry(line.removesuffix(b"\n"))
    assert entry is not None
    return entry


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Ten lines, a second apart, the odd ones on stderr."""
    path = tmp_path / "0.log"
    path.write_bytes(
        b"".join(
            format_entry(START + n * SECOND, ("stdout", "stderr")[n % 2], b"line %d" % n)
            for n in range(10)
        )
    )
    return path


def test_an_entry_has_cris_form() -> None:
    line = b"2026-11-20T10:00:00.000000007Z stdout F hello world\n"
    assert format_entry(START + 7, "stdout", b"hello world") == line
    assert format_entry(START, "stderr", b"", partial=True).endswith(b"Z stderr P \n")


@given(st.integers(0, 4_000_000_000 * SECOND), st.binary().filter(lambda data: b"\n" not in data))
def test_what_is_formatted_is_parsed(nanoseconds: int, content: bytes) -> None:
    entry = entry_of(format_entry(nanoseconds, "stdout", content, partial=True))
    assert (entry.nanoseconds(), entry.stream, entry.partial) == (nanoseconds, b"stdout", True)
    assert entry.content == content


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"2026-11-20T10:00:00.5Z", START + SECOND // 2),
        (b"2026-11-20T10:00:00Z", START),
        (b"2026-11-20T12:30:00.000000001+02:30", START + 1),
        (b"2026-11-20T09:00:00.25-01:00", START + SECOND // 4),
    ],
)
def test_times_as_containerd_writes_them(text: bytes, nanoseconds: int) -> None:
    assert entry_of(text + b" stdout F x").nanoseconds() == nanoseconds


@given(st.lists(st.binary(max_size=3 * PART_BYTES_MAX), max_size=5))
def test_the_writer_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "0.log"
    writer = LogWriter(str(path))
    stream = LogStream(writer, "stdout")
    for piece in pieces:
        stream.feed(piece)
    stream.finish()
    writer.close()
    entries = [entry_of(line) for line in path.read_bytes().split(b"\n")[:-1]]
    text = b"".join(entry.content + (b"" if entry.partial else b"\n") for entry in entries)
    written = b"".join(pieces)
    assert text == written + (b"\n" if written and not written.endswith(b"\n") else b"")
    assert all(len(entry.content) <= PART_BYTES_MAX for entry in entries)


def test_a_reopened_log_is_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "0.log"
    writer = LogWriter(str(path))
    stream = LogStream(writer, "stdout")
    stream.feed(b"old\n")
    path.rename(tmp_path / "moved")
    writer.reopen()
    stream.feed(b"new\n")
    writer.close()
    assert path.read_bytes().endswith(b"stdout F new\n")
    assert (tmp_path / "moved").read_bytes().endswith(b"stdout F old\n")


@pytest.mark.anyio
async def test_a_log_is_read_as_it_was_written(log: Path) -> None:
    assert await read(log) == b"".join(b"line %d\n" % n for n in range(10))


@pytest.mark.anyio
async def test_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert await read(tmp_path / "none") == b""


@pytest.mark.anyio
async def test_one_stream(log: Path) -> None:
    assert await read(log, stream="stderr", tail_lines=4) == b"line 7\nline 9\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("lines", "first"), [(0, 10), (1, 9), (3, 7), (9, 1), (10, 0), (11, 0), (1000, 0)]
)
async def test_tail(log: Path, lines: int, first: int) -> None:
    expected = b"".join(b"line %d\n" % n for n in range(first, 10))
    assert await read(log, tail_lines=lines) == expected


@pytest.mark.anyio
async def test_tail_counts_lines_not_their_parts(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    long = b"x" * 100_000
    writer = LogWriter(str(path))
    LogStream(writer, "stdout").feed(b"first\n" + long + b"\n" + long + b"\n")
    writer.close()
    assert await read(path, tail_lines=2) == long + b"\n" + long + b"\n"
    assert await read(path, tail_lines=1) == long + b"\n"


@pytest.mark.anyio
async def test_the_tail_of_a_huge_log_is_read_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    with path.open("wb") as file:
        # A gigabyte of nothing on disk, which would take seconds and the memory to read.
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(format_entry(START, "stdout", b"%d" % n) for n in range(9)))
    with anyio.fail_after(1):
        assert await read(path, tail_lines=2) == b"7\n8\n"


@pytest.mark.anyio
async def test_since(log: Path) -> None:
    assert await read(log, since_nanoseconds=START + 8 * SECOND) == b"line 8\nline 9\n"
    assert await read(log, since_nanoseconds=START + 8 * SECOND + 1, tail_lines=5) == b"line 9\n"


@pytest.mark.anyio
@pytest.mark.parametrize("limit", [0, 1, 6, 7, 8, 69, 70, 71])
async def test_limit_bytes_is_exact(log: Path, limit: int) -> None:
    assert await read(log, limit_bytes=limit) == (await read(log))[:limit]


@pytest.mark.anyio
async def test_timestamps_stand_before_lines_not_before_their_parts(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(
        b"2026-11-20T10:00:00.5Z stdout P long \n"
        b"2026-11-20T10:00:01Z stdout F line\n"
        b"2026-11-20T10:00:02Z stdout F next\n"
    )
    assert await read(path, timestamps=True) == (
        b"2026-11-20T10:00:00.500000000Z long line\n2026-11-20T10:00:02.000000000Z next\n"
    )


@pytest.mark.anyio
async def test_what_is_no_entry_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"garbage\n" + format_entry(START, "stdout", b"good") + b"2026-11-20T10:0")
    assert await read(path) == b"good\n"


class Follower:
    """Follows a log in a task; the clock moves when the test says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.seen = b""
        self.stopped = False
        self.ended = False

    async def run(self, **options: object) -> None:
        chunks = read_log(
            self.path,
            clock=self.clock,
            follow=True,
            stopped=lambda: self.stopped,
            **options,  # type: ignore[arg-type]
        )
        async with aclosing(chunks):  # type: ignore[type-var]
            async for chunk in chunks:
                self.seen += chunk
        self.ended = True

    async def looks(self) -> None:
        """Time goes on to its next look at the files."""
        seconds = self.clock.seconds_to_next_sleeper
        assert seconds is not None
        await self.clock.advance(seconds)

    async def sees(self, text: bytes) -> None:
        await self.clock.advance(0.1)
        assert self.seen == text


async def following(path: Path, check: Callable[[Follower], object], **options: object) -> None:
    follower = Follower(path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: follower.run(**options))
        await check(follower)  # type: ignore[misc]
        tasks.cancel_scope.cancel()


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


@pytest.mark.anyio
async def test_a_follower_sees_what_is_appended_until_it_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "0.log"

    async def check(follower: Follower) -> None:
        await follower.sees(b"")
        append(path, format_entry(START, "stdout", b"one"))
        await follower.sees(b"one\n")
        append(path, format_entry(START, "stdout", b"two")[:-3])
        await follower.sees(b"one\n")
        append(path, b"wo\n")
        await follower.sees(b"one\ntwo\n")
        append(path, format_entry(START, "stdout", b"last"))
        follower.stopped = True
        await follower.sees(b"one\ntwo\nlast\n")
        assert follower.ended

    await following(path, check)


@pytest.mark.anyio
async def test_a_follower_goes_on_across_rotation(log: Path) -> None:
    async def check(follower: Follower) -> None:
        await follower.sees(b"line 9\n")
        os.rename(log, log.with_suffix(".1"))
        append(log.with_suffix(".1"), format_entry(START, "stdout", b"to the old file"))
        append(log, format_entry(START, "stdout", b"to the new file"))
        await follower.sees(b"line 9\nto the old file\nto the new file\n")

    await following(log, check, tail_lines=1)


def rotate(path: Path, minute: int) -> None:
    """As the node agent does: the file is moved aside, the one before it compressed."""
    for before in rotated_logs(path).values():
        if before.suffix != ".gz":
            Path(f"{before}.gz").write_bytes(gzip.compress(before.read_bytes()))
            before.unlink()
    path.rename(rotated_name(path, datetime(2026, 11, 20, 10, minute, tzinfo=UTC)))


@pytest.mark.anyio
async def test_a_follower_that_was_left_behind_finds_its_way(tmp_path: Path) -> None:
    path = tmp_path / "0.log"

    async def check(follower: Follower) -> None:
        append(path, format_entry(START, "stdout", b"old"))
        rotate(path, 0)
        append(path, format_entry(START, "stdout", b"0"))
        await follower.sees(b"0\n")
        for number in range(1, 5):
            rotate(path, number)
            append(path, format_entry(START, "stdout", b"%d" % number))
        names = sorted(os.listdir(tmp_path))
        assert [name.removeprefix("0.log.20261120-") for name in names] == [
            *("0.log", "100000.gz", "100100.gz", "100200.gz", "100300.gz", "100400"),
        ]
        await follower.clock.advance(0.5)
        await follower.sees(b"0\n1\n2\n3\n4\n")
        rotate(path, 30)
        await follower.sees(b"0\n1\n2\n3\n4\n")
        append(rotated_logs(path)["20261120-103000"], format_entry(START, "stdout", b"late"))
        append(path, format_entry(START, "stdout", b"5"))
        await follower.clock.advance(0.1)
        await follower.sees(b"0\n1\n2\n3\n4\nlate\n5\n")

    await following(path, check)


@pytest.mark.anyio
async def test_what_is_written_late_to_a_file_that_was_moved_aside_is_read(tmp_path: Path) -> None:
    path = tmp_path / "0.log"

    async def check(follower: Follower) -> None:
        append(path, format_entry(START, "stdout", b"one"))
        await follower.sees(b"one\n")
        rotate(path, 0)
        append(path, format_entry(START, "stdout", b"three"))
        await follower.looks()
        append(rotated_logs(path)["20261120-100000"], format_entry(START, "stdout", b"two"))
        await follower.clock.advance(0.1)
        await follower.sees(b"one\ntwo\nthree\n")

    await following(path, check)


@pytest.mark.anyio
async def test_a_follower_goes_on_after_truncation(log: Path) -> None:
    async def check(follower: Follower) -> None:
        await follower.sees(b"line 9\n")
        os.truncate(log, 0)
        append(log, format_entry(START, "stdout", b"anew"))
        await follower.sees(b"line 9\nanew\n")

    await following(log, check, tail_lines=1)


@pytest.mark.anyio
async def test_a_follower_does_not_spin(log: Path) -> None:
    async def check(follower: Follower) -> None:
        await follower.sees(await read(log))
        await follower.clock.advance(1)
        seconds = follower.clock.seconds_to_next_sleeper
        assert seconds is not None
        assert 0 < seconds <= 0.1

    await following(log, check)
