"""Who sees what this process mounts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel.cri.containerd.mount_namespace import shares_mount_namespace

SERVER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[1])
    server.listen()
    print("listening", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("before", "shares"),
    [
        ([], True),
        pytest.param(
            ["unshare", "--mount"],
            False,
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root may unshare"),
        ),
    ],
)
def test_a_daemon_here_and_elsewhere(before: list[str], shares: bool, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    command = [*before, sys.executable, "-c", SERVER, path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        assert shares_mount_namespace(path) == shares
        server.stdin.close()


def test_nobody_there(tmp_path: Path) -> None:
    assert not shares_mount_namespace(str(tmp_path / "none"))
