"""What every test shares: async tests run on asyncio and on trio, anyio's two event loops.

A test or module of something that works on one loop only overrides `anyio_backend` for itself.
Why a test was skipped is said at the end of the run (`-ra` in pyproject.toml).
"""

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loop that anyio's pytest plugin runs an async test on."""
    backend: str = request.param
    return backend
