"""What is remembered of a Pod does not grow with the years, and what is asked about stays."""

from kernel.clock import ManualClock
from kernel.reconcilers.pod.host import HAPPENED_MAX, PodMemory


def test_what_happens_is_remembered_and_bounded() -> None:
    memory = PodMemory("uid", ManualClock())
    assert memory.first_time("said at every look")
    for restart in range(4 * HAPPENED_MAX):
        assert memory.first_time(f"restart {restart}")
        assert not memory.first_time("said at every look")
    assert not memory.has_happened("restart 0")
    assert memory.has_happened(f"restart {4 * HAPPENED_MAX - 1}")
    assert memory.has_happened(f"restart {3 * HAPPENED_MAX + 1}")
