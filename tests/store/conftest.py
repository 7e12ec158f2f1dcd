"""A place for a store, and short ways to say what is written to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.store.log import Operation, Write
from kernel.store.store import Durability

Put = Callable[..., Write]


@pytest.fixture(params=["disk", "process"])
def durability(request: pytest.FixtureRequest) -> Durability:
    """Both ways in which writes become entries."""
    chosen: Durability = request.param
    return chosen


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def put() -> Put:
    """`put(key, value)` is a write that sets one key."""

    def make(key: str, value: bytes = b"value", *, expected_revision: int | None = None) -> Write:
        return Write((Operation(key, value, expected_revision),))

    return make
