"""After a power cut, what was acknowledged with durability="disk" is there; and the check that
says so notices a store that does not keep its promise."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.power_cut import broken_promises, missing_for_recording, record

pytestmark = pytest.mark.skipif(bool(missing_for_recording()), reason=missing_for_recording())

CUTS = 150
ACKNOWLEDGEMENTS = 600


@pytest.mark.parametrize("compacting", ["growing", "compacting"])
def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path, compacting: str) -> None:
    calls = record(tmp_path, "disk", acknowledgements=ACKNOWLEDGEMENTS * 2, compacting=compacting)
    kinds = {call.kind for call in calls}
    assert kinds == {"w", "s", "a"}
    assert any(call.synced for call in calls), "the page that decides must be written through"
    assert list(broken_promises(calls, tmp_path, CUTS, "seed")) == []


@pytest.mark.parametrize("untrustworthy", ["process", "early"])
def test_a_store_that_does_not_sync_or_acknowledges_early_is_caught(
    tmp_path: Path, untrustworthy: str
) -> None:
    """The canary: without fsync ("process"), or with the fsync after the acknowledgement."""
    calls = record(tmp_path, untrustworthy, acknowledgements=ACKNOWLEDGEMENTS, compacting="growing")
    assert {call.kind for call in calls} >= {"w", "a"}
    checked = subprocess.run(
        [sys.executable, "-m", "tests.store.power_cut", str(tmp_path), str(CUTS), "seed"],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    caught = checked.stdout.splitlines()
    # LMDB itself may not survive what such a store leaves.
    assert caught or checked.returncode < 0
