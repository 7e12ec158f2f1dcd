"""A trial of the process runtime; suites of other runtimes bring their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cri.process_machine import open_runtime, shims_of
from tests.cri.runtimes_under_test import RuntimeUnderTest
from tests.cri.trial import Trial


@pytest.fixture
def state_directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def trial(state_directory: Path, tmp_path: Path) -> AsyncIterator[Trial]:
    under_test = RuntimeUnderTest(open=lambda: open_runtime(state_directory), image="busybox")
    trial = Trial(under_test, tmp_path)
    yield trial
    await trial.close()
    assert shims_of(state_directory) == []
