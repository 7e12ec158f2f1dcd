"""kopf's timers and daemons: they run as long as their objects are there."""

from typing import Any

import kopf

from ...command.harness import eventually
from .conftest import Objects, Operator


def test_timers_and_daemons_live_and_end_with_their_objects(
    namespace: str, operator: Operator, config_maps: Objects
) -> None:
    notes, registry = operator.notes, operator.registry

    @kopf.timer("configmaps", interval=0.05, registry=registry, labels={"timed": "yes"})
    def tick(name: str | None, patch: kopf.Patch, **_: Any) -> None:
        notes.take("tick", name)
        patch.metadata.annotations["ticks"] = str(notes.taken.count(("tick", name)))

    @kopf.daemon("configmaps", registry=registry, labels={"watched": "yes"})
    async def watch(stopped: kopf.DaemonStopped, name: str | None, **_: Any) -> None:
        notes.take("starts", name)
        await stopped.wait(20)
        notes.take("ends", name)

    @kopf.daemon("configmaps", registry=registry, labels={"polled": "yes"})
    def poll(stopped: kopf.DaemonStopped, **_: Any) -> None:
        notes.take("polls")
        stopped.wait(20)
        notes.take("polled")

    with operator.running(namespace):
        config_maps.create("one", labels={"timed": "yes", "watched": "yes"})
        config_maps.create("two", labels={"polled": "yes"})
        notes.wait("tick", "one", times=3)
        notes.wait("starts", "one")
        notes.wait("polls")
        eventually(
            lambda: config_maps.get("one")["metadata"].get("annotations", {}).get("ticks"),
            "the timer has written",
        )
        config_maps.delete("one")
        notes.wait("ends", "one")
        eventually(lambda: "one" not in config_maps.names(), "its finalizer is taken off")
        assert ("polled",) not in notes.taken
    assert ("polled",) in notes.taken, "the operator's end ends its daemons"
