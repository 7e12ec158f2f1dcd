"""How long a container that ends again and again waits before each restart (pure).

As in Kubernetes the first restart comes at once, the second 10 s after the end of the run before,
then 20, 40, … up to 300 s. A Pod can say otherwise in annotations, in seconds or fractions of one:

| annotation | is | default |
| --- | --- | --- |
| podkernel.dev/crash-loop-back-off-initial-seconds | the first wait, which then doubles | 10 |
| podkernel.dev/crash-loop-back-off-max-seconds | the longest wait | 300, or the first if longer |
"""

import math
from collections.abc import Mapping

import msgspec

INITIAL_SECONDS = "podkernel.dev/crash-loop-back-off-initial-seconds"
MAX_SECONDS = "podkernel.dev/crash-loop-back-off-max-seconds"

INITIAL_SECONDS_DEFAULT = 10.0
MAX_SECONDS_DEFAULT = 300.0
SECONDS_MIN = 0.1
"""Without any wait a container that can't run would keep the node busy."""
SECONDS_MAX = 24 * 60 * 60


class BackOff(msgspec.Struct, frozen=True):
    """The first wait in seconds, and the longest."""

    initial_seconds: float = INITIAL_SECONDS_DEFAULT
    max_seconds: float = MAX_SECONDS_DEFAULT

    def seconds(self, restarts_in_row: int) -> float:
        """How long the `restarts_in_row`-th restart in a row (from 1) waits."""
        if restarts_in_row <= 1:
            return 0
        doublings = min(restarts_in_row - 2, 64)
        return min(math.ldexp(self.initial_seconds, doublings), self.max_seconds)


DEFAULT = BackOff()


def back_off_of(annotations: Mapping[str, str]) -> BackOff:
    """What a Pod's annotations say; a bad value counts as none."""
    initial = _seconds(annotations, INITIAL_SECONDS) or INITIAL_SECONDS_DEFAULT
    longest = _seconds(annotations, MAX_SECONDS) or max(MAX_SECONDS_DEFAULT, initial)
    return BackOff(initial, longest)


def bad_annotations(annotations: Mapping[str, str]) -> list[str]:
    """A sentence for each value that can't be followed."""
    return [
        f'annotation {name} is "{annotations[name]}", not a number of seconds from'
        f" {SECONDS_MIN:g} to {SECONDS_MAX}: the default is kept"
        for name in (INITIAL_SECONDS, MAX_SECONDS)
        if name in annotations and _seconds(annotations, name) is None
    ]


def _seconds(annotations: Mapping[str, str], name: str) -> float | None:
    try:
        seconds = float(annotations.get(name, ""))
    except ValueError:
        return None
    return seconds if SECONDS_MIN <= seconds <= SECONDS_MAX else None
