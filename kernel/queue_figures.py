"""The queues of the reconcilers as `/metrics` tells them, under Kubernetes' names."""

from collections.abc import Iterator

from kernel.apiserver.monitoring.text import Family, Sample
from kernel.control.manager import Manager


def queue_figures(manager: Manager) -> Iterator[Family]:
    """Depth, additions and running reconciles, by the reconciler's name."""
    found = manager.statistics().items()
    yield Family(
        "workqueue_depth",
        "gauge",
        "Keys that wait for their reconciler.",
        [Sample(queue.depth, {"name": name}) for name, queue in found],
    )
    yield Family(
        "workqueue_adds_total",
        "counter",
        "Keys that were added to the queue of a reconciler.",
        [Sample(queue.added, {"name": name}) for name, queue in found],
    )
    yield Family(
        "controller_runtime_active_workers",
        "gauge",
        "Keys that their reconciler is working on.",
        [Sample(queue.working, {"controller": name}) for name, queue in found],
    )
