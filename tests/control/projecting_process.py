"""A process that writes as fast as it can while projections follow, until it is killed.

Arguments: directory, durability, and `whole` or `torn`. It says "ready" once projections follow.
`torn` is the canary: it saves the state and its position in two writes, as a careless projection
would, so that a kill between them is found out.
"""

import os
import sys
from pathlib import Path
from typing import Any, get_args

import anyio
import msgspec

from kernel.api.changes import ChangeLog, ProjectedEntry
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.api.upcasting import Upcasters
from kernel.clock import SystemClock
from kernel.control.projection import Projection, projection
from kernel.control.projection_run import Projections
from kernel.objects.config import ConfigMap
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Durability, Projection as Checkpoint, Store

WRITERS = 4


class Sums(msgspec.Struct):
    """What no entry may be left out of, or counted twice in."""

    entries: int = 0
    revisions: int = 0
    by_verb: dict[str, int] = {}
    present: dict[str, int] = {}  # the number in each ConfigMap that exists


def fold(state: Sums, entry: ProjectedEntry[ConfigMap]) -> Sums:
    state.entries += 1
    state.revisions += entry.revision
    state.by_verb[entry.verb] = state.by_verb.get(entry.verb, 0) + 1
    name = entry.object.metadata.name
    if entry.previous is not None:
        assert state.present[name] == int(entry.previous.data["number"])
    if entry.verb == "delete":
        del state.present[name]
    else:
        state.present[name] = int(entry.object.data["number"])
    return state


often = projection(ConfigMap, name="often", initial=Sums, checkpoint_entries=3)(fold)
seldom = projection(ConfigMap, name="seldom", initial=Sums, checkpoint_entries=200)(fold)
PROJECTIONS: tuple[Projection[Any], ...] = (often, seldom)


class TornStore(Store):
    """Saves in two steps."""

    async def save_projection(self, name: str, projection: Checkpoint) -> None:
        before = self.projection(name)
        revision = before.revision if before else 0
        await super().save_projection(name, msgspec.structs.replace(projection, revision=revision))
        await super().save_projection(name, projection)


async def write(client: LocalClient, writer: int) -> None:
    """Create, change and delete a few ConfigMaps, over and over."""
    number = 0
    while True:
        number += 1
        name = f"w{writer}-{number % 3}"
        present = [one.metadata.name for one in await client.list(ConfigMap)]
        config_map = ConfigMap(
            metadata=ObjectMeta(name=name, namespace="default"), data={"number": str(number)}
        )
        if name not in present:
            await client.create(config_map)
        elif number % 5 == 0:
            await client.delete(ConfigMap, name)
        else:
            await client.update(config_map)


async def main(directory: str, durability: str, saving: str) -> None:
    """Write until killed."""
    (chosen,) = (one for one in get_args(Durability) if one == durability)
    clock = SystemClock()
    async with Store.open_writer(Path(directory), clock=clock, durability=chosen) as store:
        if saving == "torn":
            store.__class__ = TornStore
        projections = Projections(PROJECTIONS, ChangeLog(store, Upcasters()), clock)
        client = LocalClient(ObjectApi(store, KindTable.core(), clock), projections.view)
        if not store.revision:
            await client.create(Namespace(metadata=ObjectMeta(name="default")))
        async with projections.running(), anyio.create_task_group() as tasks:
            os.write(1, b"ready\n")
            for writer in range(WRITERS):
                tasks.start_soon(write, client, writer)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], sys.argv[3])
