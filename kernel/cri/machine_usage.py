"""What this whole machine uses, as Linux tells it in /proc."""

import os
from pathlib import Path

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND, Clock

_BYTES_PER_KIBIBYTE = 1024
# The first four counters of /proc/stat's first line are user, nice, system and idle; the fifth
# is waiting for disks, which is idling too. Guests' time is part of the user's.
_IDLE_COUNTERS = (3, 4)
_COUNTERS = 8


class MachineUsage(msgspec.Struct, frozen=True):
    """`cpu_nanoseconds` counts the work of all processors since the machine started;
    `memory_bytes` is what could not be taken away without harm. `measured_at` is in nanoseconds
    since the epoch."""

    measured_at: int
    cpu_nanoseconds: int
    memory_bytes: int
    memory_available_bytes: int


def machine_usage(clock: Clock, *, proc: Path = Path("/proc")) -> MachineUsage:
    """What the machine uses now. Raises `OSError` where there is no such /proc."""
    memory = _memory(proc)
    available = memory.get("MemAvailable", memory.get("MemFree", 0))
    return MachineUsage(
        measured_at=clock.now_nanoseconds(),
        cpu_nanoseconds=_cpu_nanoseconds(proc),
        memory_bytes=max(memory.get("MemTotal", 0) - available, 0),
        memory_available_bytes=available,
    )


def _cpu_nanoseconds(proc: Path) -> int:
    first_line = (proc / "stat").read_text(encoding="ascii").partition("\n")[0]
    counters = [int(text) for text in first_line.split()[1 : 1 + _COUNTERS]]
    busy = sum(number for place, number in enumerate(counters) if place not in _IDLE_COUNTERS)
    return busy * NANOSECONDS_PER_SECOND // os.sysconf("SC_CLK_TCK")


def _memory(proc: Path) -> dict[str, int]:
    """The numbers of /proc/meminfo in bytes, by name."""
    found = {}
    for line in (proc / "meminfo").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        number, *unit = rest.split()
        found[name] = int(number) * (_BYTES_PER_KIBIBYTE if unit == ["kB"] else 1)
    return found
