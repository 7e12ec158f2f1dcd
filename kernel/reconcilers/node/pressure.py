"""Whether a machine runs out of something (pure), by the kubelet's eviction thresholds
(https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction)."""

from enum import Enum

from kernel.reconcilers.node.readings import FileSystem, Readings
from kernel.reconcilers.node_limits import NodeLimits


class Pressure(Enum):
    """What a machine can run out of, by the node condition that tells."""

    MEMORY = "MemoryPressure"
    DISK = "DiskPressure"
    PROCESS_IDS = "PIDPressure"


def pressures(readings: Readings, limits: NodeLimits) -> frozenset[Pressure]:
    """What is short now."""
    found = set()
    if readings.memory_available_bytes < limits.memory_available_bytes_min:
        found.add(Pressure.MEMORY)
    disk_percent, inodes_percent = _free_percent(readings.pods)
    image_disk_percent = _free_percent(readings.images)[0] if readings.images else 100.0
    if (
        disk_percent < limits.disk_available_percent_min
        or inodes_percent < limits.disk_inodes_free_percent_min
        or image_disk_percent < limits.image_disk_available_percent_min
    ):
        found.add(Pressure.DISK)
    free_ids = readings.process_ids_max - readings.process_ids
    if _percent(free_ids, readings.process_ids_max) < limits.process_ids_available_percent_min:
        found.add(Pressure.PROCESS_IDS)
    return frozenset(found)


def _free_percent(system: FileSystem) -> tuple[float, float]:
    return (
        _percent(system.available_bytes, system.capacity_bytes),
        _percent(system.inodes_free, system.inodes),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


class PressureMemory:
    """Keeps a pressure up for a while after it was seen last, so that a machine at its limit does
    not change from one to the other all the time."""

    def __init__(self, limits: NodeLimits) -> None:
        self._limits = limits
        self._seen_at: dict[Pressure, float] = {}

    def lasting(self, readings: Readings, now_seconds: float) -> frozenset[Pressure]:
        """What is short, or was a moment ago; `now_seconds` on a clock that never goes back."""
        self._seen_at |= dict.fromkeys(pressures(readings, self._limits), now_seconds)
        since = now_seconds - self._limits.pressure_transition_seconds
        short_now = pressures(readings, self._limits)
        lasting = {one for one, seen_at in self._seen_at.items() if seen_at > since}
        return short_now | frozenset(lasting)
