"""`kill -9` during a stream of writes: what was acknowledged is there, the views match the log,
and a watch goes on where it was.

ROUNDS in the environment says how often to kill (`make crash ROUNDS=…`).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.store.acknowledgements import Said, find_broken_promise, find_gap

ROUNDS = int(os.environ.get("ROUNDS", "200"))
WRITERS = 8
SECONDS_MAX = 0.03
ROUNDS_BETWEEN_CHECKS = 10
PROGRAM = Path(__file__).with_name("writing_process.py")
CASES = [
    (durability, compacting)
    for durability in ("disk", "process")
    for compacting in ("growing", "compacting")
]


def write_until_killed(directory: Path, *arguments: str, seconds: float) -> list[str]:
    """Let a process write for `seconds` after its first word, kill it; answers what it said."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(directory), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        rest = process.stdout.read()
        assert process.wait() == -signal.SIGKILL, "it must not have ended by itself"
    lines = [first, *rest.splitlines(keepends=True)]
    assert all(line.endswith("\n") for line in lines)
    return [line.removesuffix("\n") for line in lines]


@pytest.mark.parametrize(("durability", "compacting"), CASES)
def test_no_acknowledged_write_is_lost(tmp_path: Path, durability: str, compacting: str) -> None:
    chance = random.Random(durability + compacting)
    directory = tmp_path / "data"
    rounds = max(ROUNDS // len(CASES), 1)
    acknowledged, watched = Said(), Said()
    position = 0
    stretch: list[int] = []
    for number in range(1, rounds + 1):
        acknowledged_before = len(acknowledged)
        for line in write_until_killed(
            *(directory, durability, str(WRITERS), str(position), compacting),
            seconds=chance.uniform(0, SECONDS_MAX),
        ):
            kind, _, rest = line.partition(" ")
            if kind == "a":
                acknowledged.hear(rest)
            elif kind == "w":
                watched.hear(rest)
                position = int(rest.split(" ", 1)[0])
                stretch.append(position)
            else:  # the watch was behind the compaction point
                assert (kind, compacting) == ("c", "compacting")
                assert find_gap(stretch) == ""
                assert int(rest) > position, "it was told so for no reason"
                stretch = []
        if len(acknowledged) == acknowledged_before:
            assert watched, "nothing was said in a round"
        if number % ROUNDS_BETWEEN_CHECKS == 0 or number == rounds:
            assert find_gap(stretch) == ""
            assert find_broken_promise(directory, acknowledged) == ""
            assert find_broken_promise(directory, watched) == ""
    assert len(acknowledged) > rounds
    assert len(watched) > rounds
    assert all(watched.get(revision, rest) == rest for revision, rest in acknowledged.items())
    if compacting == "growing":
        assert stretch == list(range(1, position + 1)), "one watch over all the crashes"
