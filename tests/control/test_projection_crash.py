"""`kill -9` while projections follow a stream of writes: each entry is in their state just once."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import msgspec
import pytest

from kernel.api.changes import ChangeLog
from kernel.api.upcasting import Upcasters
from kernel.clock import ManualClock
from kernel.control.projection_run import ProjectionFailed, Projections
from kernel.objects.config import ConfigMap
from kernel.store.schema import Verb
from kernel.store.store import Store

from .projecting_process import PROJECTIONS, Sums

ROUNDS = 25
# It ends at the first round that shows it: some one in ten. All of them are never needed.
CANARY_ROUNDS_MAX = 200
REPOSITORY = Path(__file__).parents[2]


def project_until_killed(directory: Path, durability: str, saving: str, seconds: float) -> None:
    """Let a process write and project for `seconds` once it is ready, and kill it."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.control.projecting_process"),
            *(str(directory), durability, saving),
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it must not have ended by itself"


async def states(directory: Path) -> tuple[dict[str, Sums], Sums]:
    """What each projection says after the next start, and what the log says that it should."""
    clock = ManualClock()
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        projections = Projections(PROJECTIONS, ChangeLog(store, Upcasters()), clock)
        async with projections.following():
            found = {one.name: projections.view(one.name).state for one in PROJECTIONS}
            expected = Sums()
            for entry in store.entries(1, prefix=ConfigMap.info.key_prefix())[0]:
                verb = entry.verb.name.lower()
                expected.entries += 1
                expected.revisions += entry.revision
                expected.by_verb[verb] = expected.by_verb.get(verb, 0) + 1
                name = entry.key.rsplit("/", 1)[1]
                expected.present.pop(name, None)
                if entry.verb is not Verb.DELETE:
                    number = msgspec.json.decode(entry.value)["data"]["number"]
                    expected.present[name] = int(number)
    return found, expected


def crash(directory: Path, durability: str, saving: str, rounds: int) -> str:
    """Kill so many times; answers what is wrong afterwards, or nothing."""
    chance = random.Random(f"{durability} {saving}")
    for number in range(rounds):
        project_until_killed(directory, durability, saving, chance.uniform(0.01, 0.12))
        try:
            found, expected = anyio.run(states, directory)
        except ProjectionFailed as error:  # an entry that does not follow from the state
            return f"round {number}: {error}"
        for name, state in found.items():
            if state != expected:
                return f"round {number}: {name} has {state}, not {expected}"
    assert expected.entries > rounds, "too little was written to say anything"
    return ""


@pytest.mark.parametrize("durability", ["disk", "process"])
def test_each_entry_counts_once(tmp_path: Path, durability: str) -> None:
    assert crash(tmp_path / "data", durability, "whole", ROUNDS) == ""


def test_saving_in_two_writes_would_be_found_out(tmp_path: Path) -> None:
    assert crash(tmp_path / "data", "disk", "torn", CANARY_ROUNDS_MAX) != ""
