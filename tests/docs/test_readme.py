"""README's snippets and commands, run as they stand there."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
PORTS = (6443, 8001, 8090)  # the server's, and those of the examples' Pods

# Commands that go on until they are stopped: those after them in the file talk to them.
SERVERS = ("make dev", ".venv/bin/podkernel dev")
# Run by whoever runs this test.
LEFT_OUT = ("make test",)


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def sessions() -> list[list[str]]:
    """README's commands, split so that each session begins with the server that it talks to."""
    commands = [line[2:] for block in blocks("console") for line in block.splitlines()]
    found: list[list[str]] = []
    for command in commands:
        if command.startswith(SERVERS):
            found.append([command])
        elif command not in LEFT_OUT:
            found[-1].append(command)
    return found


def test_the_plugin_shown_is_the_plugin_in_the_examples() -> None:
    example = (REPOSITORY / "docs/examples/website.py").read_text()
    assert example in blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 30


def test_the_embedding_snippet_runs(tmp_path: Path) -> None:
    snippet = next(block for block in blocks("python") if "Kernel.open" in block)
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "ADDED settings {'colour': 'red'}",
        "MODIFIED settings {'colour': 'blue'}",
    ]


@contextmanager
def running_server(command: str, environment: Mapping[str, str]) -> Iterator[None]:
    """The server until it is ready; on leaving, stopped by its process group."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("ready https://"):
                    break
            else:
                pytest.fail(f"{command} ended before it was ready")
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.stdout.read()


@pytest.mark.kubectl
@pytest.mark.slow
@pytest.mark.parametrize("session", sessions(), ids=lambda session: session[0].split()[-1])
def test_commands_run(session: list[str], tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"port {port}, which README uses, is taken on this machine")
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("XDG_DATA_HOME", None)
    server, *commands = session
    with running_server(server, environment):
        script = "\n".join(["set -eux", *commands])
        environment["KUBECONFIG"] = str(tmp_path / ".local/share/podkernel/kubeconfig")
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
