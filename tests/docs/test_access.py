"""docs/access.md: its commands, run as they stand there, and the roles that it names."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from kernel.api.access.default_roles import default_cluster_roles
from tests.docs.pages import REPOSITORY, run_session, sessions

PAGE = REPOSITORY / "docs/access.md"


@pytest.mark.kubectl
def test_the_commands_run(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    (session,) = sessions(PAGE)
    directories = (str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": ":".join(directories)}
    printed = run_session(session, tmp_path, environment)
    lines = printed.splitlines()
    assert lines.index("no") < lines.index("rolebinding.rbac.authorization.k8s.io/viewers created")
    actor = "system:serviceaccount:default:robot (impersonated by admin) via kubectl-create"
    assert actor in printed
    assert actor in PAGE.read_text()


def test_the_default_roles_are_named() -> None:
    page = PAGE.read_text()
    names = [role.metadata.name for role in default_cluster_roles()]
    for name in names:
        assert f"`{name}`" in page or name.startswith("system:aggregate-to-"), name
