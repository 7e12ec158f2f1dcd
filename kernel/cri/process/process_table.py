"""This machine's processes at one moment: who descends from whom, and what they have used."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND

# Places in /proc/PID/stat, counted after the command's name.
_PARENT, _FIRST_TIME, _RESIDENT = 1, 11, 21
# User and system time, its own and that of its children that have ended and were waited for.
_TIMES = 4


class Process(msgspec.Struct, frozen=True):
    parent: int
    cpu_nanoseconds: int
    memory_bytes: int


class ProcessTable:
    def __init__(self, proc: Path = Path("/proc")) -> None:
        """Reads all processes, as far as they live until they are read."""
        self._proc = proc
        self._processes: dict[int, Process] = {}
        self._children: dict[int, list[int]] = {}
        for path in proc.glob("[0-9]*/stat"):
            try:
                text = path.read_text(errors="replace")
            except OSError:
                continue
            pid = int(path.parent.name)
            self._processes[pid] = process = _parse(text)
            self._children.setdefault(process.parent, []).append(pid)

    def child(self, parent: int, pid: int, *, namespaces_deep: int) -> int | None:
        """The child of `parent` that is `pid` as seen `namespaces_deep` PID namespaces further
        in than from here."""
        for candidate in self._children.get(parent, ()):
            numbers = self._numbers(candidate)
            if numbers[namespaces_deep : namespaces_deep + 1] == [pid]:
                return candidate
        return None

    def _numbers(self, pid: int) -> list[int]:
        """A process's number in each of its namespaces, ours first."""
        try:
            for line in (self._proc / str(pid) / "status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "NSpid":
                    return [int(number) for number in value.split()]
        except OSError:
            pass
        return []

    def usage(self, pid: int) -> tuple[int, int]:
        """CPU nanoseconds and resident bytes of a process and all that descends from it."""
        family = [self._processes[each] for each in self._family(pid)]
        cpu = sum(process.cpu_nanoseconds for process in family)
        return cpu, sum(process.memory_bytes for process in family)

    def _family(self, pid: int) -> Iterator[int]:
        yield pid
        for child in self._children.get(pid, ()):
            yield from self._family(child)


def _parse(text: str) -> Process:
    # The command's name in parentheses may contain anything, also parentheses.
    fields = [int(field) for field in text.rpartition(")")[2].split()[1:]]
    fields.insert(0, 0)
    ticks = sum(fields[_FIRST_TIME : _FIRST_TIME + _TIMES])
    return Process(
        parent=fields[_PARENT],
        cpu_nanoseconds=ticks * NANOSECONDS_PER_SECOND // os.sysconf("SC_CLK_TCK"),
        memory_bytes=fields[_RESIDENT] * os.sysconf("SC_PAGE_SIZE"),
    )
