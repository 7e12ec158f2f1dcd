"""README's snippets and commands, run as they stand there."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY, blocks, run_program, run_session, sessions

README = REPOSITORY / "README.md"
PORTS = (6443, 8001, 8090)  # the server's, and those of the examples' Pods


def taken_ports() -> list[int]:
    """Those of the ports on which somebody listens."""
    taken = []
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                taken.append(port)
    return taken


def test_the_plugin_shown_is_the_plugin_in_the_examples() -> None:
    example = (REPOSITORY / "docs/examples/website.py").read_text()
    assert example in blocks(README, "python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 30


def test_the_embedding_snippet_runs(tmp_path: Path) -> None:
    snippet = next(block for block in blocks(README, "python") if "Kernel.open" in block)
    assert run_program(snippet, tmp_path) == [
        "ADDED settings {'colour': 'red'}",
        "MODIFIED settings {'colour': 'blue'}",
    ]


@pytest.mark.kubectl
@pytest.mark.slow
@pytest.mark.usefixtures("documented_ports")
@pytest.mark.parametrize("session", sessions(README), ids=lambda session: session[0].split()[-1])
def test_commands_run(session: list[str], tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    taken = taken_ports()
    if taken:
        pytest.skip(f"ports that README uses are taken on this machine: {taken}")
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("XDG_DATA_HOME", None)
    environment["KUBECONFIG"] = str(tmp_path / ".local/share/podkernel/kubeconfig")
    run_session(session, REPOSITORY, environment)
    assert not taken_ports()
