"""What the contract suites share: each runtime in turn, on each event loop that it works on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cri import runtimes_under_test
from tests.cri.runtimes_under_test import ALL, RuntimeUnderTest
from tests.cri.trial import Trial


@pytest.fixture(params=ALL, ids="-".join)
def combination(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A runtime's name, and an event loop that it works on."""
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture
def anyio_backend(combination: tuple[str, str]) -> str:
    return combination[1]


@pytest.fixture
def under_test(
    combination: tuple[str, str], request: pytest.FixtureRequest
) -> Iterator[RuntimeUnderTest]:
    yield from getattr(runtimes_under_test, combination[0])(request)


@pytest.fixture
async def trial(under_test: RuntimeUnderTest, tmp_path: Path) -> AsyncIterator[Trial]:
    trial = Trial(under_test, tmp_path)
    yield trial
    await trial.close()
