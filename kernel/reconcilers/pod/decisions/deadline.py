"""How long a Pod may be active on its node: activeDeadlineSeconds (pure)."""

import msgspec

from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.pod import Pod


class PodFailure(msgspec.Struct, frozen=True):
    """Why a Pod fails, whatever its containers say: reason and message of its status."""

    reason: str
    message: str


DEADLINE_EXCEEDED = PodFailure(
    "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
)


def deadline_of(pod: Pod) -> int | None:
    """When the Pod's time is over, in nanoseconds since the epoch; None: never. It counts from
    `status.startTime`, so that it is the same whoever asks."""
    seconds, start = pod.spec.active_deadline_seconds, pod.status.start_time
    if seconds is None or start is None:
        return None
    return (int(start.timestamp()) + seconds) * NANOSECONDS_PER_SECOND
