"""Code and commands in a page of the documentation, and how they are run."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
COMMANDS_SECONDS_MAX = 180

# Commands that go on until they are stopped: those after them in the page talk to them.
SERVERS = ("make dev", ".venv/bin/podkernel dev", "podkernel dev")
# Run by whoever runs these tests.
LEFT_OUT = ("make test",)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    pattern = rf"^```{language}\n(.*?)^```"
    return re.findall(pattern, page.read_text(), re.MULTILINE | re.DOTALL)


def sessions(page: Path) -> list[list[str]]:
    """The page's commands, split so that each session begins with the server that it talks to."""
    commands = [line[2:] for block in blocks(page, "console") for line in block.splitlines()]
    found: list[list[str]] = []
    for command in commands:
        if command.startswith(SERVERS):
            found.append([command])
        elif command not in LEFT_OUT:
            found[-1].append(command)
    return found


def run_program(program: str, directory: Path) -> list[str]:
    """Run Python code in a directory; answers the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def run_session(session: list[str], directory: Path, environment: Mapping[str, str]) -> str:
    """Start a session's server, run its commands, each of which must succeed; answers what they
    print."""
    server, *commands = session
    with _running(server, directory, environment):
        done = subprocess.run(
            ["bash", "-c", "\n".join(["set -eux", *commands])],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMANDS_SECONDS_MAX,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _running(command: str, directory: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The server until it is ready; on leaving, stopped by its process group."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=directory,
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
            # As Ctrl-C does it; make would hand SIGTERM on, and a second signal means "at once".
            os.killpg(process.pid, signal.SIGINT)
            process.stdout.read()
