"""A place to run `podkernel dev` in, for each test, and kubectl for it."""

import os
import shutil
from collections.abc import Iterator

import pytest

from .harness import Kubectl, Place, place

NO_KUBECTL = "there is no kubectl on the PATH"


@pytest.fixture
def here() -> Iterator[Place]:
    """A place of the user who runs the tests."""
    with place() as made:
        yield made


@pytest.fixture(params=["ordinary user", "root"])
def anyones(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place of an ordinary user, then one of root; without root, the former alone."""
    as_root = request.param == "root"
    if as_root and os.geteuid() != 0:
        pytest.skip("only root can be root")
    with place(ordinary_user=not as_root) as made:
        yield made


@pytest.fixture
def ordinary() -> Iterator[Place]:
    """A place of an ordinary user."""
    with place(ordinary_user=True) as made:
        yield made


@pytest.fixture
def kubectl(here: Place) -> Kubectl:
    """kubectl for `here`."""
    if shutil.which("kubectl") is None:
        pytest.skip(NO_KUBECTL)
    return Kubectl(here)
